/** Wheels through pip, which knows the user's indexes, proxies, certificates and cache. */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter } from '../download/report.js'
import { LibTorchError } from '../errors.js'
import { platformTags } from './wheel.js'

export type Pip = string[]

/** The command that starts pip, undefined where there is none. */
export async function findPip(python: string): Promise<Pip | undefined> {
  const commands = [
    [`python${python}`, '-m', 'pip'],
    ['python3', '-m', 'pip'],
    ['python', '-m', 'pip'],
    ['pip3'],
    ['pip'],
  ]
  for (const command of commands) {
    const { code } = await start([...command, '--version'], false)
    if (code === 0) return command
  }
  return undefined
}

export interface PipDownload {
  pip: Pip
  /** `'torch==2.13.0+cpu'` */
  requirements: string[]
  folder: string
  /** With what the wheels depend on. */
  dependencies?: boolean
  indexUrl?: string
  python: string
  report: Reporter
}

/** `pip download` into `folder`; returns the wheels that are there then. */
export async function pipDownload(options: PipDownload): Promise<string[]> {
  mkdirSync(options.folder, { recursive: true })
  const { code, output } = await start(pipCommand(options), options.report.terminal)
  if (code !== 0) {
    const lines = output.trim().split(/\r?\n/)
    const errors = lines.filter((line) => /^ERROR:/.test(line))
    throw new LibTorchError(
      'ERR_LIBTORCH_INSTALL',
      `pip: ${(errors.at(-1) ?? lines.at(-1) ?? `exit code ${code}`).replace(/^ERROR: /, '')}`,
    )
  }
  return readdirSync(options.folder)
    .filter((name) => name.endsWith('.whl'))
    .map((name) => join(options.folder, name))
}

/** The command line of {@link pipDownload}; pip need not run in the Python that the wheel is for. */
export function pipCommand({
  pip,
  requirements,
  folder,
  dependencies,
  indexUrl,
  python,
  report,
}: PipDownload): string[] {
  const abi = `cp${python.replace('.', '')}`
  return [
    ...pip,
    'download',
    ...requirements,
    ...(dependencies ? [] : ['--no-deps']),
    ...['--dest', folder, '--only-binary=:all:'],
    ...['--implementation', 'cp', '--python-version', python, '--abi', abi, '--abi', 'none', '--abi', 'abi3'],
    ...(platformTags() ?? []).flatMap((tag) => ['--platform', tag]),
    ...(indexUrl ? ['--index-url', indexUrl] : []),
    ...['--disable-pip-version-check', '--no-input'],
    ...(report.terminal ? [] : ['--progress-bar', 'off']),
  ]
}

function start([program, ...args]: string[], terminal: boolean): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    // its errors are caught in both cases, its bar is drawn on standard output
    const child = spawn(program!, args, { stdio: ['ignore', terminal ? 'inherit' : 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => resolve({ code: -1, output: error.message }))
    child.on('close', (code) => resolve({ code, output }))
  })
}
