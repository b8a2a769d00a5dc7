/** The only file that loads the addons. They are loaded when first needed, so that tools work where no LibTorch is. */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Binding, Hooks, Loader } from '../binding.js'
import { LibTorchError } from './errors.js'
import { type CoreAddon, coreAddons, loaderAddon, platformName } from './libtorch/addons.js'
import { findLibTorch, type LibTorch, libraryName, waysOut } from './libtorch/find.js'
import { minorOf } from './libtorch/versions.js'

const require = createRequire(import.meta.url)

let binding: Binding | undefined
let hooks: Hooks | undefined
let initialized = false
let libtorch: LibTorch | undefined
const problems: Error[] = []

/**
 * The addon, loaded and initialised at the first call.
 * @throws {@link LibTorchError} when LibTorch or the addon is missing, of another version, or cannot be loaded
 */
export function native(): Binding {
  if (binding === undefined) binding = load()
  if (!initialized && hooks) {
    initialized = true
    binding.initialize(hooks)
  }
  return binding
}

/** True once the addon is in the process. */
export function loaded(): boolean {
  return binding !== undefined
}

/** Gives native code what it needs from JavaScript. `lib/tensor` registers itself here: importing it would be a cycle. */
export function setHooks(value: Hooks): void {
  hooks = value
}

/** The LibTorch that is in use; undefined before the addon is loaded. */
export function loadedLibTorch(): LibTorch | undefined {
  return libtorch
}

/** What could not be loaded but is not needed by everyone, such as CUDA's libraries on a machine without a driver. */
export function loadProblems(): readonly Error[] {
  return problems
}

function load(): Binding {
  const cores = coreAddons()
  const loaderPath = loaderAddon()
  if (!loaderPath || cores.length === 0) {
    throw new LibTorchError(
      'ERR_PLATFORM',
      `There is no prebuilt addon for ${platformName()}, Node.js ${process.version}, and none was built here. ` +
        'Build it: npx libtorch-node build (needs CMake, a C++20 compiler and LibTorch with headers).',
    )
  }
  const found = findLibTorch({ minors: cores.map((addon) => addon.minor) })
  const core = cores.find((addon) => addon.minor === found.minor)!
  openLibTorch(requireAddon<Loader>(loaderPath, found), found)
  const addon = requireAddon<Binding>(core.path, found)
  checkVersions(addon, core, found)
  libtorch = found
  return addon
}

function requireAddon<T>(path: string, { dir, version }: LibTorch): T {
  try {
    return require(path) as T
  } catch (cause) {
    throw loadError(`The addon ${path} could not be loaded with LibTorch ${version} of ${dir}`, [cause as Error])
  }
}

/** Opens LibTorch's libraries in the order in which they need each other, so that the addon finds them in the process. */
function openLibTorch(loader: Loader, { lib, dir, version }: LibTorch): void {
  const errors: Error[] = []
  const open = (name: string): boolean => {
    const path = join(lib, name)
    if (!existsSync(path)) return false
    try {
      loader.open(path)
      return true
    } catch (error) {
      errors.push(error as Error)
      return false
    }
  }
  const openMp = readdirSync(lib).filter((name) => /^lib(g|i)?omp\d?(-[0-9a-f]+)?\.(so|dylib)/.test(name))
  for (const name of [libraryName('c10'), ...openMp]) open(name)
  // first: torch_cpu of a CUDA build needs two of them
  openNvidia(loader, dir)
  if (!open(libraryName('torch_cpu'))) throw loadError(`LibTorch ${version} in ${dir} could not be loaded`, errors)
  for (const name of ['c10_cuda', 'torch_cuda']) open(libraryName(name))
  open(libraryName('torch'))
  problems.push(...errors)
}

/**
 * NVIDIA's libraries of our own installation. LibTorch looks for them in Python's folders, but takes what is open already;
 * which of them needs which is not written down, so they are tried in turn until no more of them opens.
 */
function openNvidia(loader: Loader, dir: string): void {
  const root = join(dir, 'nvidia')
  if (!existsSync(root)) return
  let left = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.so(\.\d+)*$/.test(name))
    .map((name) => join(root, name))
  for (let before = Infinity; left.length < before; ) {
    before = left.length
    left = left.filter((path) => {
      try {
        loader.open(path)
        return false
      } catch {
        return true
      }
    })
  }
}

function checkVersions(addon: Binding, core: CoreAddon, found: LibTorch): void {
  const { libtorch: running, builtFor } = addon.version()
  if (minorOf(running) === minorOf(builtFor)) return
  throw new LibTorchError(
    'ERR_LIBTORCH_VERSION',
    [
      `The addon ${core.path} was built for LibTorch ${builtFor}, but LibTorch ${running} is loaded (found ${found.version} in ${found.dir}).`,
      ...waysOut(minorOf(builtFor)),
    ].join('\n'),
  )
}

function loadError(what: string, errors: Error[]): LibTorchError {
  const reasons =
    errors.length > 0 ? errors.map((error) => `  ${error.message}`) : ['  its library torch_cpu is missing']
  return new LibTorchError(
    'ERR_LIBTORCH_NOT_FOUND',
    [`${what}:`, ...reasons, 'See: npx libtorch-node doctor'].join('\n'),
    {
      cause: errors.length > 1 ? new AggregateError(errors, what) : errors[0],
    },
  )
}
