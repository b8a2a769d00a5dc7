/** Where LibTorch can be on this machine. Python environments are read as files; Python itself is never started. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { releases } from './versions.js'

/** The environment of a search; tests give their own. */
export interface Surroundings {
  env: Record<string, string | undefined>
  /** The folder of the package. */
  root: string
  cwd: string
  home: string
}

export type Source = 'LIBTORCH' | 'package' | 'cache' | 'python'
export interface Candidate {
  source: Source
  /** A folder that should hold `lib/`, or the Python environment that should hold torch. */
  dir: string
  /** Why there is nothing to look at in `dir`, where that is known already. */
  absent?: string
}

/** The folder of this package, also when it runs from `dist/`. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')

export function here(): Surroundings {
  return { env: process.env, root: packageRoot, cwd: process.cwd(), home: homedir() }
}

/** The folder that `libtorch-node install` fills when it is not told another. */
export function cacheDir(version: string, { env, home }: Pick<Surroundings, 'env' | 'home'> = here()): string {
  const base =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'))
      : env.XDG_CACHE_HOME || join(home, '.cache')
  return join(base, 'libtorch-node', version)
}

/** True when `dir` can be written to, or made. */
export function isWritable(dir: string): boolean {
  let there = dir
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  try {
    accessSync(there, constants.W_OK | constants.X_OK)
    return isDirectory(there)
  } catch {
    return false
  }
}

/** Every place to look at, best first. */
export function candidates(at: Surroundings): Candidate[] {
  const places: Candidate[] = []
  if (at.env.LIBTORCH) places.push({ source: 'LIBTORCH', dir: resolve(at.cwd, at.env.LIBTORCH) })
  for (const { version } of releases) places.push({ source: 'package', dir: join(at.root, '.libtorch', version) })
  for (const { version } of releases) places.push({ source: 'cache', dir: cacheDir(version, at) })
  return [...places, ...pythonCandidates(at)]
}

function pythonCandidates(at: Surroundings): Candidate[] {
  const prefixes = pythonPrefixes(at)
  if (prefixes.length === 0)
    return [{ source: 'python', dir: 'PATH', absent: 'no Python on PATH, no virtual environment' }]
  const seen = new Set<string>()
  return prefixes.flatMap((prefix): Candidate[] => {
    const torches = sitePackages(prefix)
      .map((site) => join(site, 'torch'))
      .filter((dir) => isDirectory(join(dir, 'lib')) && !seen.has(dir))
    for (const dir of torches) seen.add(dir)
    if (torches.length > 0) return torches.map((dir) => ({ source: 'python', dir }))
    return [{ source: 'python', dir: prefix, absent: 'this Python has no torch' }]
  })
}

/** Folders of Python installations and virtual environments: the active one, `.venv`, then those on PATH. */
function pythonPrefixes({ env, cwd, root, home }: Surroundings): string[] {
  const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX, join(cwd, '.venv'), join(root, '.venv')].filter(
    (dir): dir is string => dir !== undefined && isDirectory(dir),
  )
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    for (const name of process.platform === 'win32' ? ['python.exe'] : ['python3', 'python']) {
      const program = join(folder, name)
      if (folder === '' || !existsSync(program)) continue
      if (basename(folder) === 'shims') prefixes.push(...pyenvPrefixes(dirname(folder)))
      // a virtual environment's interpreter is a link to another prefix: the environment is where the link is
      else prefixes.push(existsSync(join(folder, '..', 'pyvenv.cfg')) ? dirname(folder) : prefixOf(program))
    }
  }
  prefixes.push(join(home, '.local'))
  return [...new Set(prefixes)].filter(
    (prefix) => prefix !== join(home, '.local') || sitePackages(prefix).some((site) => existsSync(join(site, 'torch'))),
  )
}

function prefixOf(program: string): string {
  const folder = dirname(realpathSync(program))
  return process.platform === 'win32' ? folder : dirname(folder)
}

/** pyenv's `python` is a script; the file `version` says which installation it starts. */
function pyenvPrefixes(pyenvRoot: string): string[] {
  try {
    const names = readFileSync(join(pyenvRoot, 'version'), 'utf8').split(/\s+/).filter(Boolean)
    return names.map((name) => join(pyenvRoot, 'versions', name)).filter(isDirectory)
  } catch {
    return []
  }
}

function sitePackages(prefix: string): string[] {
  if (process.platform === 'win32') return [join(prefix, 'Lib', 'site-packages')]
  const libs = [join(prefix, 'lib'), join(prefix, 'local', 'lib')]
  return libs.flatMap((lib) =>
    list(lib)
      .filter((name) => /^python3(\.\d+)?$/.test(name))
      .flatMap((name) => [join(lib, name, 'site-packages'), join(lib, name, 'dist-packages')]),
  )
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir).sort()
  } catch {
    return []
  }
}

/** False also where the path leads through a file, or cannot be looked at. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
