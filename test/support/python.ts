/** Live Python, the oracle of the parity tests: the torch of the repository's own `.venv`, or of the interpreter LTN_PYTHON. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './paths.js'

const interpreter = process.env.LTN_PYTHON ?? join(root, '.venv', 'bin', 'python')

/** Bits depend on the CPU's capability and the thread count: a test gives this to Python and to a Node child alike. */
export const pinnedCpu = { ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_CBWR: 'AVX2' }

/**
 * True where Python with torch is there; else the test is marked as skipped by name, and the caller returns:
 * `if (!requirePython(t)) return`.
 */
export function requirePython(t: { skip(message?: string): void }): boolean {
  if (existsSync(interpreter)) return true
  t.skip('needs Python 3.11 with torch in .venv (made by the set-up where Python is there)')
  return false
}

/**
 * Runs a Python program with one thread and this process's environment, and returns what it printed.
 * @param args - become `sys.argv[1:]`
 */
export function python(code: string, args: string[] = [], env: Record<string, string> = {}): string {
  return runPython(['-c', code, ...args], env)
}

/** {@link python} for a program in a file. */
export function pythonFile(file: string, args: string[] = [], env: Record<string, string> = {}): string {
  return runPython([file, ...args], env)
}

/** {@link python} for a program that prints one JSON value. */
export function pythonJson<T>(code: string, args: string[] = [], env: Record<string, string> = {}): T {
  return JSON.parse(python(code, args, env)) as T
}

function runPython(args: string[], env: Record<string, string>): string {
  const run = spawnSync(interpreter, args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      // a sanitizer that is preloaded is for the addon (npm run test:asan)
      LD_PRELOAD: undefined,
      OMP_NUM_THREADS: '1',
      MKL_NUM_THREADS: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
    maxBuffer: 2 ** 28,
  })
  if (run.error) throw run.error
  if (run.status !== 0) throw new Error(`Python ended with ${run.signal ?? run.status}\n${run.stderr}`)
  return run.stdout
}
