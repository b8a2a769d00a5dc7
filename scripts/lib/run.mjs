/** Child processes and messages for the scripts of this folder. Node's own modules only: it runs before `npm ci`. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** Progress is drawn on one line of a terminal; in CI and in files every message is a line. */
export const isTerminal = Boolean(process.stdout.isTTY) && !process.env.CI

/** A failure that the user can do something about: the scripts print its message alone and exit with 1. */
export class Failure extends Error {}

/** Runs the main function of a script. */
export async function main(run) {
  try {
    process.exitCode = (await run()) ?? 0
  } catch (error) {
    console.error(error instanceof Failure || error?.code?.startsWith?.('ERR_LIBTORCH') ? `\n${error.message}` : error)
    process.exitCode = 1
  }
}

/** The program's path on PATH, undefined when it is not there. */
export function which(name) {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name]
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const file of names) if (folder && existsSync(join(folder, file))) return join(folder, file)
  }
  return undefined
}

/** Runs a program to its end with its output on ours; anything but exit code 0 is a Failure. */
export function run(program, args, options = {}) {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) throw new Failure(`${program} could not be started: ${error.message}`)
  if (status !== 0) throw new Failure(`failed (${signal ?? `exit code ${status}`}): ${[program, ...args].join(' ')}`)
}

/**
 * Runs a program and gives each line of its output to `onLine`.
 * @returns its exit code, null when a signal ended it
 */
export function runLines(program, args, onLine, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split(/\r?\n/)
        rest = lines.pop()
        for (const line of lines) onLine(line)
      })
      stream.on('end', () => rest && onLine(rest))
    }
    child.on('error', reject)
    child.on('close', resolve)
  })
}

/** Rewrites the last line of a terminal; elsewhere it prints nothing. */
export function status(text) {
  if (!isTerminal) return
  const width = (process.stdout.columns ?? 80) - 1
  process.stdout.write(`\r\x1b[K${text.length > width ? `${text.slice(0, width - 1)}…` : text}`)
}

/** Compiles lib/ into dist/. With `tolerant`, type errors do not stop it: what is needed may be fine all the same. */
export function compileLib({ tolerant = false } = {}) {
  const { status: code, stdout } = spawnSync(process.execPath, [tsc(), '-p', 'tsconfig.json'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (code === 0 || tolerant) return
  throw new Failure(`lib/ has type errors:\n${stdout}`)
}

/** The compiler of node_modules. */
export function tsc() {
  return join(root, 'node_modules', 'typescript', 'bin', 'tsc')
}

/** A module of lib/libtorch, which needs no addon; compiled first when there is no dist/ yet. */
export async function libtorchModule(name) {
  const file = join(root, 'dist', 'libtorch', `${name}.js`)
  if (!existsSync(file)) compileLib({ tolerant: true })
  return import(file)
}

/** The version of LibTorch that this checkout is built and tested with: the first row of the table of releases. */
export async function referenceVersion() {
  return (await libtorchModule('versions')).reference.version
}

export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
