/** Finds the LibTorch to use, or says of every place why it is not there. Reads files only: nothing is loaded or started. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LibTorchError } from '../errors.js'
import { availableMinors } from './addons.js'
import { type Candidate, candidates, here, isDirectory, type Source, type Surroundings } from './places.js'
import { buildOf, minorOf, reference } from './versions.js'

export interface LibTorch {
  /** The folder that holds `lib/` (and `include/`, where one can build against it). */
  dir: string
  lib: string
  /** `'2.13.0+cpu'`, as its files say */
  version: string
  minor: string
  /** `'cpu'`, `'cu130'`, `''` when unknown */
  build: string
  source: Source
}

/** One place that was looked at. */
export interface Place {
  source: Source
  path: string
  version?: string
  /** Why it is not used; undefined for the one that is, and for those after it. */
  reason?: string
  used: boolean
}

export interface SearchOptions extends Partial<Surroundings> {
  /** Minor versions that fit; default: those that there is an addon for. */
  minors?: readonly string[]
  /** Only a LibTorch with headers fits: for a build. */
  headers?: boolean
}

/** Shared libraries are `libNAME.so`, `libNAME.dylib` or `NAME.dll`. */
export function libraryName(name: string): string {
  if (process.platform === 'win32') return `${name}.dll`
  return `lib${name}.${process.platform === 'darwin' ? 'dylib' : 'so'}`
}

/** The version of the LibTorch or Python torch in `dir`; undefined when its files do not say. */
export function readVersion(dir: string): string | undefined {
  const read = (file: string, pattern: RegExp): string | undefined => {
    try {
      return pattern.exec(readFileSync(join(dir, file), 'utf8'))?.[1]
    } catch {
      return undefined
    }
  }
  return (
    read('build-version', /^\s*(\d+\.\d+\S*)/) ??
    read('version.py', /__version__\s*=\s*['"]([^'"]+)/) ??
    read('include/torch/headeronly/version.h', /TORCH_VERSION[\s\\]+"([^"]+)"/) ??
    read('include/torch/csrc/api/include/torch/version.h', /TORCH_VERSION[\s\\]+"([^"]+)"/)
  )
}

/** Looks at every place. `found` is the first that fits; with `LIBTORCH` set no other place is used. */
export function searchLibTorch(options: SearchOptions = {}): { found?: LibTorch; places: Place[] } {
  const at = { ...here(), ...options }
  const minors = options.minors ?? availableMinors(at.root)
  let found: LibTorch | undefined
  const places = candidates(at).map((candidate): Place => {
    const { version, reason } = examine(candidate, minors, options.headers ?? false)
    const passedOver = at.env.LIBTORCH && candidate.source !== 'LIBTORCH'
    const used = !found && !reason && !passedOver
    if (used) found = describe(candidate, version!)
    const place: Place = { source: candidate.source, path: candidate.dir, used }
    if (version !== undefined) place.version = version
    if (reason !== undefined) place.reason = reason
    else if (passedOver) place.reason = 'not used, as LIBTORCH is set'
    return place
  })
  return found ? { found, places } : { places }
}

/**
 * The LibTorch to use.
 * @throws {@link LibTorchError} `ERR_LIBTORCH_NOT_FOUND`, or `ERR_LIBTORCH_VERSION` when all that were found are of other versions
 */
export function findLibTorch(options: SearchOptions = {}): LibTorch {
  const { found, places } = searchLibTorch(options)
  if (found) return found
  const needed = options.minors ?? availableMinors(options.root ?? here().root)
  const wrongVersion = places.some((place) => place.version !== undefined && !needed.includes(minorOf(place.version)))
  throw new LibTorchError(
    wrongVersion ? 'ERR_LIBTORCH_VERSION' : 'ERR_LIBTORCH_NOT_FOUND',
    [
      wrongVersion
        ? `No LibTorch of a version that fits was found: this package needs ${needed.map((minor) => `${minor}.x`).join(' or ')}.`
        : `No LibTorch ${needed.map((minor) => `${minor}.x`).join(' or ')} was found.`,
      'Looked at:',
      ...places.map((place) => `  ${describePlace(place)}`),
      ...waysOut(needed[0] ?? reference.minor),
    ].join('\n'),
  )
}

/** One line of the list of places: where, what was found, why it is not used. */
export function describePlace({ source, path, version, reason, used }: Place): string {
  const label = { LIBTORCH: 'LIBTORCH', package: 'this package', cache: 'user cache', python: 'Python' }[source]
  const state = used ? `used, ${version}` : (reason ?? `fits too, ${version}`)
  return `${label}: ${path} (${state})`
}

/** The three ways to get a LibTorch, as lines of an error. */
export function waysOut(minor: string): string[] {
  const version = minor === reference.minor ? reference.version : `${minor}.0`
  return [
    'Any one of these helps:',
    `  npx libtorch-node install --cpu          fetches LibTorch ${version} into the user cache (or --cuda)`,
    `  pip install torch==${version}             in a virtual environment that is active, or is ./.venv`,
    `  LIBTORCH=/path/to/libtorch               a folder with lib/ of LibTorch ${minor}.x`,
  ]
}

function describe({ dir, source }: Candidate, version: string): LibTorch {
  return { dir, lib: join(dir, 'lib'), version, minor: minorOf(version), build: buildOf(version), source }
}

function examine(
  candidate: Candidate,
  minors: readonly string[],
  headers: boolean,
): { version?: string; reason?: string } {
  const { dir, absent } = candidate
  if (absent) return { reason: absent }
  if (!isDirectory(dir)) return { reason: 'no such folder' }
  const library = join('lib', libraryName('torch_cpu'))
  if (!existsSync(join(dir, library))) return { reason: `has no ${library}` }
  const version = readVersion(dir)
  if (version === undefined) return { reason: 'its version cannot be read' }
  if (!minors.includes(minorOf(version)))
    return { version, reason: `version ${version}, needed ${minors.join(' or ')}` }
  if (headers && !existsSync(join(dir, 'include', 'ATen', 'ATen.h')))
    return { version, reason: `version ${version}, but without headers` }
  return { version }
}
