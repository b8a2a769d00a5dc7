/** The C++ program of `archive.cpp`, compiled against the LibTorch that is here: once for each text of it. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { buildDir, root } from '../../support/paths.js'

const source = join(root, 'test', 'parity', 'serialize', 'archive.cpp')

/** A folder with LibTorch's headers and libraries. */
function libtorchDir(): string | undefined {
  const own = join(root, '.libtorch')
  const python = join(root, '.venv', 'lib')
  const inside = (folder: string): string[] =>
    (existsSync(folder) ? readdirSync(folder) : []).map((name) => join(folder, name))
  const places = [...inside(own), ...inside(python).map((folder) => join(folder, 'site-packages', 'torch'))]
  return places.find(
    (place) => existsSync(join(place, 'include', 'torch')) && existsSync(join(place, 'lib', 'libtorch_cpu.so')),
  )
}

/** The path of the program; undefined, and the test marked as skipped, where there is nothing to compile it with. */
export function requireProgram(t: { skip(message?: string): void }): string | undefined {
  const libtorch = libtorchDir()
  if (libtorch === undefined || spawnSync('g++', ['--version']).status !== 0) {
    t.skip('needs g++ and the headers of LibTorch in .libtorch')
    return undefined
  }
  const text = readFileSync(source)
  const hash = createHash('sha256')
    .update(text)
    .update(libtorch)
    .update(torch.version.libtorch)
    .digest('hex')
    .slice(0, 16)
  const program = join(buildDir, `archive-${hash}`)
  if (existsSync(program)) return program
  mkdirSync(buildDir, { recursive: true })
  const include = join(libtorch, 'include')
  const lib = join(libtorch, 'lib')
  const unfinished = `${program}.${process.pid}`
  const compiled = spawnSync(
    'g++',
    [
      ...['-std=c++20', '-O0', '-w', '-I', include, '-I', join(include, 'torch', 'csrc', 'api', 'include'), source],
      ...['-o', unfinished, '-L', lib, '-Wl,--no-as-needed', '-ltorch_cpu', '-lc10', `-Wl,-rpath,${lib}`],
    ],
    { encoding: 'utf8' },
  )
  if (compiled.status !== 0) throw new Error(`archive.cpp does not compile\n${compiled.stderr}`)
  renameSync(unfinished, program)
  return program
}

/** Runs the program and returns what it printed. */
export function runProgram(program: string, args: string[]): string {
  const run = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1', TORCH_SHOW_CPP_STACKTRACES: '0' },
    maxBuffer: 2 ** 26,
  })
  if (run.status !== 0)
    throw new Error(`archive ${args.join(' ')} ended with ${run.signal ?? run.status}\n${run.stderr}`)
  return run.stdout
}
