/** Node programs in a process of their own: for exit codes, environments, crashes and memory ceilings. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { buildDir } from './paths.js'

export interface ChildResult {
  stdout: string
  stderr: string
  /** Exit code, null when a signal ended it. */
  status: number | null
  signal: NodeJS.Signals | null
  /** Largest resident size in bytes; NaN when the process did not end by itself. */
  peakRss: number
}

// VmHWM and not `ru_maxrss`: on Linux the latter starts at the size that the parent had when it forked.
const reportPeak = `
import { readFileSync, writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
if (isMainThread) process.on('exit', () => {
  let bytes = process.resourceUsage().maxRSS * 1024
  if (process.platform === 'linux') bytes = /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1] * 1024
  writeSync(3, String(bytes))
})`

/**
 * Runs a script with Node and waits for its end.
 * @param script - relative to `.build/`, such as `'examples/resume/resume.js'`, or absolute
 * @param options - `execArgv` for Node itself, `timeout` in milliseconds (default 5 minutes), `cwd`
 */
export function child(
  script: string,
  args: string[] = [],
  env: Record<string, string> = {},
  { execArgv = [], timeout = 300_000, cwd }: { execArgv?: string[]; timeout?: number; cwd?: string } = {},
): ChildResult {
  const hook = `data:text/javascript,${encodeURIComponent(reportPeak)}`
  const run = spawnSync(process.execPath, [...execArgv, '--import', hook, resolve(buildDir, script), ...args], {
    encoding: 'utf8',
    // NODE_TEST_CONTEXT would make a child's output that of a test file
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout,
    cwd,
  })
  if (run.error) throw run.error
  const peak = run.output[3]
  return {
    stdout: run.stdout,
    stderr: run.stderr,
    status: run.status,
    signal: run.signal,
    peakRss: peak ? Number(peak) : Number.NaN,
  }
}
