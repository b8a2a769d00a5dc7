/**
 * `npm run bench -- --shares`: where the time of a call goes. Linux's `perf` looks a thousand times a second at which functions a running
 * trial is in; each look counts for the innermost one that tells what was being done. Needs `perf` (Debian: apt-get install linux-perf).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure, status, which } from '../lib/run.mjs'
import { bars } from './bars.mjs'
import { keep, kept, machine, writeMachine, writePicture } from './kept.mjs'
import { median, Side, sides } from './sides.mjs'

const trials = [
  { name: 'add', title: 'a.add(b), 2×2' },
  { name: 'mlp adam', title: 'MLP 10-32-32-1, batch 64: a step with Adam' },
]
const names = ['node', 'python']
const segmentSeconds = 0.1
const segments = 9
const perfSeconds = 4

/**
 * What is done in a function, by its file and its name; the first that fits. A function that none fits, such as `malloc` or a page fault,
 * works for its caller.
 */
const rules = [
  ['arithmetic', /libtorch_cpu/, /_kernel|AVX2|vectoriz|gemm|gemv|mkl|dnnl|cpublas|sleef|Vectorized/i],
  ['autograd', /libtorch_cpu/, /^torch::autograd::|SavedVariable|Backward0::/],
  [undefined, /libtorch_cpu/, /TensorIteratorBase::(serial_)?for_each|parallel_for|at::internal::/],
  ['operators', /libtorch_cpu|libc10/, /./],
  ['optimizer', /core\.node/, /libtorch_node::(\w*adam|Optimizer|Group|step)/],
  ['crossing', /core\.node|libtorch_python/, /./],
  ['crossing', /\/node$/, /napi_|v8impl|HandleApiCall|CallApiCallback|FunctionCallbackArguments|^v8::(?!internal)/],
  ['language', /\/(node|python[\d.]*)$|perf-\d+\.map|\[JIT\]/, /./],
]
/** Inside of these nothing else counts. */
const freeing = /Heap::\w*Garbage|Scaveng|MarkCompact|Marking|Sweeper|THPVariable_\w*dealloc|^gc_collect|RunFinalizers/

export const kinds = {
  language: 'JavaScript or Python',
  crossing: 'crossing to native code',
  operators: 'operators: dispatch, checks, new tensors',
  arithmetic: 'arithmetic',
  autograd: 'autograd',
  optimizer: 'optimizer in native code',
  freeing: 'freeing tensors, garbage collection',
  other: 'other',
}

/** @param frames - `{symbol, file}` from the innermost on */
function kindOf(frames) {
  if (frames.some(({ symbol }) => freeing.test(symbol))) return 'freeing'
  for (const { symbol, file } of frames) {
    const rule = rules.find(([, files, symbols]) => files.test(file) && symbols.test(symbol))
    if (rule?.[0]) return rule[0]
  }
  return 'other'
}

/** Of the looks that `perf script` prints, how many are of each kind. */
function count(text) {
  const counts = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]))
  for (const look of text.split('\n\n')) {
    const frames = [...look.matchAll(/^\s+[\da-f]+ (.+) \((.*)\)$/gm)].map(([, symbol, file]) => ({ symbol, file }))
    if (frames.length > 0) counts[kindOf(frames)]++
  }
  return counts
}

const seconds = () => Number(process.hrtime.bigint()) / 1e9

/** Runs a trial under perf; the looks of the time in which it was measured, its preparation left out. */
async function looks(perf, side, name, folder) {
  const data = join(folder, `${side} ${name}.data`)
  const [program, ...args] = sides[side].command
  const flags = side === 'node' ? ['--perf-basic-prof', '--interpreted-frames-native-stack'] : []
  const record = [
    'record',
    '-q',
    '-e',
    'cpu-clock',
    '-F',
    '999',
    '-k',
    'CLOCK_MONOTONIC',
    '--call-graph',
    'dwarf,16384',
  ]
  const profiled = new Side({ command: [perf, ...record, '-o', data, program, ...flags, ...args] })
  // until it is compiled
  for (let i = 0; i < 3; i++) await profiled.measure(name, segmentSeconds)
  const from = seconds()
  await profiled.measure(name, perfSeconds)
  const range = `${from.toFixed(6)},${seconds().toFixed(6)}`
  await profiled.close()
  const script = ['script', '-i', data, '--no-inline', '--time', range, '-F', 'pid,ip,sym,dso']
  const { stdout, status: code } = spawnSync(perf, script, { encoding: 'utf8', maxBuffer: 2 ** 30 })
  if (code !== 0) throw new Failure('perf could not read what it recorded; its messages are above')
  const pid = /^\s*(\d+)/.exec(stdout)?.[1]
  if (pid) rmSync(`/tmp/perf-${pid}.map`, { force: true })
  return stdout
}

/** Nanoseconds of one call on each side, without perf. */
async function times(name) {
  const programs = names.map((side) => [side, new Side(sides[side])])
  const found = Object.fromEntries(names.map((side) => [side, []]))
  for (let i = 0; i <= segments; i++) {
    for (const [side, program] of programs) found[side].push((await program.measure(name, segmentSeconds)).time)
  }
  await Promise.all(programs.map(([, program]) => program.close()))
  return Object.fromEntries(names.map((side) => [side, median(found[side].slice(1))]))
}

async function measure() {
  const perf = which('perf')
  if (!perf) throw new Failure('--shares needs perf (Debian: apt-get install linux-perf)')
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const results = {}
  try {
    for (const { name } of trials) {
      status(name)
      const nanoseconds = await times(name)
      results[name] = {}
      for (const side of names) {
        const counts = count(await looks(perf, side, name, folder))
        results[name][side] = { nanoseconds: Math.round(nanoseconds[side]), looks: counts }
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  status('')
  return results
}

/** @param draw - of the numbers that are there, without measuring */
export async function shares({ draw }) {
  if (!draw) keep('shares', { ...(await machine()), trials: await measure() })
  const { trials: measured, ...where } = kept('shares')
  writeMachine('shares', where)
  const groups = trials.map(({ name, title }) => ({
    title,
    bars: names.map((side) => {
      const { nanoseconds, looks } = measured[name][side]
      const all = Object.values(looks).reduce((sum, one) => sum + one, 0)
      const parts = Object.keys(kinds).map((kind) => (looks[kind] / all) * nanoseconds)
      return { name: side === 'node' ? 'Node' : 'Python', parts }
    }),
  }))
  writePicture('where-time-goes', await bars('Where the time of a call goes', Object.values(kinds), groups))
}
