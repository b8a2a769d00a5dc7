/** A copy of the compiled package with nothing beside it: no addon, no LibTorch of its own, a home and a PATH of its own. */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, tempDir } from './paths.js'

export interface CliResult {
  stdout: string
  stderr: string
  status: number | null
}

export interface PackageCopy {
  /** The folder of the package. */
  dir: string
  /** The home folder, also the working directory; the cache is in `home/.cache`. */
  home: string
  /** A folder that is all of PATH. */
  bin: string
  /** Runs `libtorch-node`. */
  cli(args: string[], options?: RunOptions): Promise<CliResult>
  /** Runs a module that finds the package as `libtorch-node`. */
  script(code: string, options?: RunOptions): Promise<CliResult>
}

export interface RunOptions {
  env?: Record<string, string>
  /** A shell command before it in the same shell, such as `ulimit -f 64`. */
  shell?: string
  /** Kills it, as `kill -9` does. */
  abort?: AbortSignal
}

/** Makes a copy that is removed when the test ends. */
export function packageCopy(t: { after(fn: () => void): void }): PackageCopy {
  const top = tempDir(t)
  const [dir, home, bin] = [join(top, 'package'), join(top, 'home'), join(top, 'bin')]
  for (const folder of [dir, home, bin]) mkdirSync(folder)
  cpSync(join(root, 'dist'), join(dir, 'dist'), {
    recursive: true,
    filter: (path) => !/\.(map|d\.ts|tsbuildinfo)$/.test(path),
  })
  cpSync(join(root, 'package.json'), join(dir, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  const run = (args: string[], { env = {}, shell, abort }: RunOptions = {}): Promise<CliResult> => {
    const command =
      shell === undefined
        ? [process.execPath, ...args]
        : ['/bin/sh', '-c', `${shell}; exec "$@"`, 'sh', process.execPath, ...args]
    const child = spawn(command[0]!, command.slice(1), { cwd: home, env: { HOME: home, PATH: bin, ...env } })
    abort?.addEventListener('abort', () => child.kill('SIGKILL'))
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text) => (output[name] += text))
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (status) => resolve({ ...output, status }))
    })
  }
  return {
    dir,
    home,
    bin,
    cli: (args, options) => run([join(dir, 'dist', 'cli', 'main.js'), ...args], options),
    script(code, options) {
      // inside the package, where its own name resolves to it
      const file = join(dir, 'script.mjs')
      writeFileSync(file, code)
      return run([file], options)
    },
  }
}

/** A folder that looks like LibTorch of that version: an empty library, and the version where `from` says. */
export function madeUpLibTorch(
  dir: string,
  version: string,
  from: 'build-version' | 'header' | 'version.py' = 'build-version',
): void {
  mkdirSync(join(dir, 'lib'), { recursive: true })
  writeFileSync(join(dir, 'lib', 'libtorch_cpu.so'), '')
  const include = join(dir, 'include', 'torch', 'headeronly')
  if (from === 'build-version') writeFileSync(join(dir, 'build-version'), `${version}\n`)
  if (from === 'version.py') writeFileSync(join(dir, 'version.py'), `__all__ = []\n__version__ = '${version}'\n`)
  if (from === 'header') {
    mkdirSync(include, { recursive: true })
    writeFileSync(
      join(include, 'version.h'),
      `#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION \\\n  "${version}"\n`,
    )
  }
}

/** Files that look like addons for LibTorch of that version; they cannot be loaded. */
export function madeUpAddons(dir: string, builtFor: string): void {
  const folder = join(dir, 'build', 'Release')
  mkdirSync(folder, { recursive: true })
  for (const name of ['loader.node', 'core.node']) writeFileSync(join(folder, name), 'not a library')
  writeFileSync(join(folder, 'built-for.txt'), `${builtFor}\n`)
}
