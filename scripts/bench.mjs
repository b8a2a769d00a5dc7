#!/usr/bin/env node
/**
 * `npm run bench`: Node against Python on the same LibTorch, with one thread, on one core. A round starts a process for each
 * side and lets them run every trial in turn, in short segments, so that whatever else the machine does meets both; the figure
 * of a trial is the median over all pairs of segments of Node's CPU time divided by Python's. Writes bench/results.md.
 *
 * `npm run bench -- add view` runs these trials alone and writes nothing; `--rounds N` (default 7); `--check` fails when a goal
 * is missed.
 */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Failure, main, referenceVersion, root, status, which } from './lib/run.mjs'
import { setup } from './setup.mjs'

/** What is measured, what it is called in the table, and the largest ratio that is accepted. */
const trials = [
  { name: 'add', title: '`a.add(b)`, 2×2', goal: 1.1 },
  { name: 'mul', title: '`a.mul(b)`, 2×2', goal: 1.1 },
  { name: 'matmul', title: '`a.matmul(b)`, 2×2', goal: 1.1 },
  { name: 'sum', title: '`a.sum()`, 2×2', goal: 1.1 },
  { name: 'view', title: '`a.view(4)`, 2×2', goal: 1.1 },
  { name: 'index', title: '`a.index(0)` / `a[0]`, 2×2', goal: 1.1 },
  { name: 'mlp sgd', title: 'MLP 10-32-32-1, batch 64: a step with SGD', goal: 0.6 },
  { name: 'mlp adam', title: 'MLP 10-32-32-1, batch 64: a step with Adam', goal: 0.6 },
  { name: 'example', title: 'net of examples/resume, batch 64: a step', goal: 1 },
  { name: 'lstm', title: 'LSTM 32→64, 20 steps, batch 16: a step with SGD', goal: 0.8 },
  { name: 'transformer layer', title: 'TransformerEncoderLayer 64, 4 heads, batch 16: a step with SGD', goal: 0.85 },
  { name: 'resnet18 step', title: 'ResNet-18, 32×32, batch 8: a step with SGD', goal: 1.02 },
  { name: 'resnet18 eval', title: 'ResNet-18, 32×32, batch 8: evaluation', goal: 1 },
  ...['SGD', 'Adam', 'AdamW', 'fused AdamW'].flatMap((optimizer) => [
    { name: `500 small ${optimizer}`, title: `${optimizer}: a step for 500 parameters of 1,000 numbers`, goal: 0.6 },
    { name: `10 large ${optimizer}`, title: `${optimizer}: a step for 10 parameters of 4 MB`, goal: 1 },
  ]),
  { name: 'load 512 MB', title: '`torch.load`, 128 tensors of 4 MB', goal: 1 },
  { name: 'load 512 MB mapped', title: '`torch.load` with `mmap`, 128 tensors of 4 MB', goal: 1.5 },
  { name: 'load 20,000 small', title: '`torch.load`, 20,000 tensors of 64 bytes', goal: 0.15 },
  { name: 'save 512 MB', title: '`torch.save`, 128 tensors of 4 MB', goal: 1 },
  { name: 'save 20,000 small', title: '`torch.save`, 20,000 tensors of 64 bytes', goal: 0.5 },
  { name: 'start', title: 'from the start of the process to the first tensor', goal: 0.4 },
]

const segmentSeconds = 0.1
const segments = 9
const starts = 3

const python = join(root, '.venv', 'bin', 'python')
const taskset = which('taskset')

/** Both sides get the same LibTorch (Python's own), the same instruction set and one thread. */
const environment = {
  ...process.env,
  LIBTORCH: join(root, '.venv', 'lib', 'python3.11', 'site-packages', 'torch'),
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  ATEN_CPU_CAPABILITY: 'avx2',
  ONEDNN_MAX_CPU_ISA: 'AVX2',
  MKL_CBWR: 'AVX2',
}

const sides = {
  node: { program: process.execPath, trials: '.build/bench/trials.js', start: '.build/bench/start.js' },
  python: { program: python, trials: 'bench/trials.py', start: 'bench/start.py' },
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function launch({ program }, script) {
  const command = [program, join(root, script)]
  // the last core: the first one has most of the interrupts
  const pinned = taskset ? [taskset, '-c', String(cpus().length - 1), ...command] : command
  return spawn(pinned[0], pinned.slice(1), { cwd: root, env: environment, stdio: ['pipe', 'pipe', 'inherit'] })
}

/** A process that runs the trials that it is asked for. */
class Side {
  constructor(side) {
    this.process = launch(side, side.trials)
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }
  /** Nanoseconds of one call. */
  async measure(name) {
    this.process.stdin.write(`${name}\t${segmentSeconds}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Failure(`a process ended while it measured '${name}'; its messages are above`)
    return Number(value)
  }
  close() {
    this.process.stdin.end()
    return new Promise((resolve) => this.process.on('close', resolve))
  }
}

/** Nanoseconds from the launch of a process to its first line. */
async function startTime(side) {
  const begun = process.hrtime.bigint()
  const child = launch(side, side.start)
  const time = await new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve(Number(process.hrtime.bigint() - begun)))
    child.once('close', () => reject(new Failure('a process ended before its first tensor; its messages are above')))
  })
  await new Promise((resolve) => child.once('close', resolve))
  return time
}

/** One round of all trials: `{name: [{node, python}, …]}` in nanoseconds. */
async function round(names) {
  const pairs = {}
  if (names.includes('start')) {
    pairs.start = []
    for (let i = 0; i < starts; i++)
      pairs.start.push({ node: await startTime(sides.node), python: await startTime(sides.python) })
  }
  const [node, py] = [new Side(sides.node), new Side(sides.python)]
  for (const name of names.filter((name) => name !== 'start')) {
    pairs[name] = []
    for (let i = 0; i <= segments; i++)
      pairs[name].push({ node: await node.measure(name), python: await py.measure(name) })
    // the first segment of each is for caches and compilers
    pairs[name].shift()
  }
  await Promise.all([node.close(), py.close()])
  return pairs
}

function duration(nanoseconds) {
  if (nanoseconds < 1e4) return `${nanoseconds.toFixed(0)} ns`
  if (nanoseconds < 1e7) return `${(nanoseconds / 1e3).toFixed(1)} µs`
  return `${(nanoseconds / 1e6).toFixed(0)} ms`
}

function table(rows) {
  const cells = [
    ['trial', 'Node', 'Python', 'ratio', 'range', 'goal', ''],
    ...rows.map(({ title, goal, node, python, ratio, least, most, met }) => [
      title,
      duration(node),
      duration(python),
      ratio.toFixed(2),
      `${least.toFixed(2)}–${most.toFixed(2)}`,
      `≤ ${goal}`,
      met ? 'met' : 'missed',
    ]),
  ]
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

function evaluate(rounds, names) {
  return trials
    .filter(({ name }) => names.includes(name))
    .map((trial) => {
      const pairs = rounds.flatMap((pairs) => pairs[trial.name])
      const ratios = pairs.map(({ node, python }) => node / python)
      const ofRounds = rounds.map((pairs) => median(pairs[trial.name].map(({ node, python }) => node / python)))
      const ratio = median(ratios)
      return {
        ...trial,
        node: median(pairs.map(({ node }) => node)),
        python: median(pairs.map(({ python }) => python)),
        ratio,
        least: Math.min(...ofRounds),
        most: Math.max(...ofRounds),
        met: ratio <= trial.goal,
      }
    })
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, check: { type: 'boolean', default: false } },
})

await main(async () => {
  const unknown = positionals.find((name) => !trials.some((trial) => trial.name === name))
  if (unknown) throw new Failure(`unknown trial '${unknown}'; there are: ${trials.map(({ name }) => name).join(', ')}`)
  const rounds = Number(options.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Failure('--rounds takes a positive integer')
  await setup({ parity: true })
  if (!existsSync(python)) throw new Failure('the benchmark needs Python 3.11: it compares with the torch of .venv')
  const names = positionals.length > 0 ? positionals : trials.map(({ name }) => name)
  const results = []
  for (let i = 0; i < rounds; i++) {
    status(`round ${i + 1} of ${rounds}`)
    results.push(await round(names))
  }
  status('')
  const rows = evaluate(results, names)
  const text = [
    `Node.js ${process.version} and Python on LibTorch ${await referenceVersion()}, one thread, ${cpus()[0].model}.`,
    `Medians of ${rounds} rounds of ${segments} pairs; the ratio is Node's CPU time divided by Python's, its range that of the rounds.`,
    '',
    table(rows),
  ].join('\n')
  console.log(text)
  if (positionals.length === 0) writeFileSync(join(root, 'bench', 'results.md'), `# Benchmark\n\n${text}\n`)
  const missed = rows.filter(({ met }) => !met)
  if (missed.length > 0) console.log(`\nmissed: ${missed.map(({ name }) => name).join(', ')}`)
  return options.check && missed.length > 0 ? 1 : 0
})
