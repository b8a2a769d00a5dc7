/**
 * The programs that `npm run bench` compares, each in a process of its own that runs the trials it is asked for. All share one core, and
 * Node and Python the same LibTorch (Python's own), the same instruction set and one thread.
 */
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Failure, root, which } from '../lib/run.mjs'

export const python = join(root, '.venv', 'bin', 'python')
const taskset = which('taskset')

export const environment = {
  ...process.env,
  LIBTORCH: join(root, '.venv', 'lib', 'python3.11', 'site-packages', 'torch'),
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  ATEN_CPU_CAPABILITY: 'avx2',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  MKL_CBWR: 'AVX2',
}

// what people install
const node = [process.execPath, '--conditions=bundle']

export const sides = {
  node: { command: [...node, '.build/bench/trials.js'], start: [...node, '.build/bench/start.js'] },
  python: { command: [python, 'bench/trials.py'], start: [python, 'bench/start.py'] },
  'tfjs cpu': { command: [process.execPath, 'bench/tfjs/trials.mjs', 'cpu'] },
  'tfjs wasm': { command: [process.execPath, 'bench/tfjs/trials.mjs', 'wasm'] },
}

/** The command on the core that all programs share: the last one, as the first has most of the interrupts. */
export function pinned(command) {
  return taskset ? [taskset, '-c', String(cpus().length - 1), ...command] : command
}

function launch(command) {
  const [program, ...args] = pinned(command)
  return spawn(program, args, { cwd: root, env: environment, stdio: ['pipe', 'pipe', 'inherit'] })
}

export class Side {
  constructor({ command }) {
    this.process = launch(command)
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  /** Nanoseconds of one call, found in about `seconds`; or why the program has no such trial. */
  async measure(name, seconds) {
    this.process.stdin.write(`${name}\t${seconds}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Failure(`a process ended while it measured '${name}'; its messages are above`)
    const [time, reason] = value.split('\t')
    return reason === undefined ? { time: Number(time) } : { reason }
  }

  close() {
    this.process.stdin.end()
    return new Promise((resolve) => this.process.on('close', resolve))
  }
}

/** Nanoseconds from the launch of a process to its first line. */
export async function startTime({ start }) {
  const begun = process.hrtime.bigint()
  const child = launch(start)
  const time = await new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve(Number(process.hrtime.bigint() - begun)))
    child.once('close', () => reject(new Failure('a process ended before its first tensor; its messages are above')))
  })
  await new Promise((resolve) => child.once('close', resolve))
  return time
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function duration(nanoseconds) {
  if (nanoseconds < 1e4) return `${nanoseconds.toFixed(0)} ns`
  if (nanoseconds < 1e7) return `${(nanoseconds / 1e3).toFixed(1)} µs`
  return `${(nanoseconds / 1e6).toFixed(0)} ms`
}
