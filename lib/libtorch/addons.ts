/**
 * Where the two addons are. One built here (`build/Release`, or another folder of CMake that `LIBTORCH_NODE_BUILD` names)
 * comes before a prebuilt one; there is one prebuilt `core` for each minor version of LibTorch, in
 * `native/torch-<minor>/prebuilds`, and one `loader`, in `native/loader/prebuilds`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { packageRoot } from './places.js'
import { minorOf, reference, releases } from './versions.js'

const require = createRequire(import.meta.url)

export interface CoreAddon {
  path: string
  /** The minor version of LibTorch that it was built for. */
  minor: string
  prebuilt: boolean
}

/** The addons of this machine's platform that are there, in the order in which they are tried. */
export function coreAddons(root: string = packageRoot): CoreAddon[] {
  const addons: CoreAddon[] = []
  const built = join(builtHere(root), 'core.node')
  // The build writes the version beside the addon, as loading it to ask would need the very LibTorch.
  const builtFor = join(builtHere(root), 'built-for.txt')
  if (existsSync(built) && existsSync(builtFor)) {
    addons.push({ path: built, minor: minorOf(readFileSync(builtFor, 'utf8').trim()), prebuilt: false })
  }
  for (const { minor } of releases) {
    const path = prebuilt(join(root, 'native', `torch-${minor}`))
    if (path) addons.push({ path, minor, prebuilt: true })
  }
  return addons
}

/** The file `loader.node`, undefined when there is none for this platform. */
export function loaderAddon(root: string = packageRoot): string | undefined {
  const built = join(builtHere(root), 'loader.node')
  return existsSync(built) ? built : prebuilt(join(root, 'native', 'loader'))
}

/** Minor versions of LibTorch that can be used: those of the addons, or the reference's where there is no addon yet. */
export function availableMinors(root: string = packageRoot): string[] {
  const minors = coreAddons(root).map((addon) => addon.minor)
  return minors.length > 0 ? [...new Set(minors)] : [reference.minor]
}

/** `'linux-x64 (glibc)'` */
export function platformName(): string {
  const libc = process.platform === 'linux' ? ` (${existsSync('/etc/alpine-release') ? 'musl' : 'glibc'})` : ''
  return `${process.platform}-${process.arch}${libc}`
}

function builtHere(root: string): string {
  return resolve(root, process.env.LIBTORCH_NODE_BUILD || 'build', 'Release')
}

function prebuilt(dir: string): string | undefined {
  if (!existsSync(join(dir, 'prebuilds'))) return undefined
  try {
    return (require('node-gyp-build') as { resolve(dir: string): string }).resolve(dir)
  } catch {
    return undefined
  }
}
