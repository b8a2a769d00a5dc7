#!/usr/bin/env node
/**
 * `npm run bench`: Node against Python on the same LibTorch, with one thread, on one core; and against TensorFlow.js where that has the
 * same. A round starts a process for each side and lets them run every trial in turn, in short segments, so that whatever else the
 * machine does meets all; the figure of a trial is the median over all pairs of segments of Node's CPU time divided by Python's.
 * Writes bench/results.md, and the table of docs/performance.md.
 *
 * `npm run bench -- add view` runs these trials alone and writes nothing; `--rounds N` (default 7); `--check` fails when a goal
 * is missed. `--curves` measures how cost grows, `--shares` where it goes: each writes its numbers below bench/ and its pictures
 * below docs/images/; with `--draw` it draws the numbers that are there. `--curves cost-of-size` is for this picture alone.
 * `--floor` has a program in C++ in Node's place: the least that LibTorch takes for a step.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { curves } from './bench/curves.mjs'
import { floorTrials, useFloor } from './bench/floor.mjs'
import { machine, writeSection } from './bench/kept.mjs'
import { rows } from './bench/rows.mjs'
import { shares } from './bench/shares.mjs'
import { python, Side, sides, startTime } from './bench/sides.mjs'
import { evaluate, table } from './bench/table.mjs'
import { Failure, main, root, status } from './lib/run.mjs'
import { setup, setupBundle, setupTfjs } from './setup.mjs'

const segmentSeconds = 0.1
const segments = 9
const starts = 3
/** nanoseconds: a call of tfjs that takes longer is measured once in a round */
const tooLong = 1e9

const isOther = (side) => side.startsWith('tfjs')

/** One round: of each trial its segments, `{node, python, 'tfjs cpu'?, 'tfjs wasm'?}` in nanoseconds. */
async function round(wanted, reasons) {
  const results = {}
  if (wanted.some(({ name }) => name === 'start')) {
    results.start = []
    for (let i = 0; i < starts; i++)
      results.start.push({ node: await startTime(sides.node), python: await startTime(sides.python) })
  }
  const used = Object.entries(sides).filter(([side]) => !isOther(side) || wanted.some(({ tfjs }) => tfjs))
  const programs = used.map(([side, program]) => [side, new Side(program)])
  for (const { name, tfjs } of wanted.filter(({ name }) => name !== 'start')) {
    results[name] = []
    const taken = programs.filter(([side]) => tfjs || !isOther(side))
    for (let i = 0; i <= segments; i++) {
      const segment = {}
      for (const [side, program] of taken)
        segment[side] = await once(side, program, name, results[name].at(-1), reasons)
      results[name].push(segment)
    }
    // the first segment of each is for caches and compilers
    results[name].shift()
  }
  await Promise.all(programs.map(([, program]) => program.close()))
  return results
}

async function once(side, program, name, before, reasons) {
  if (isOther(side) && before && !(before[side] < tooLong)) return before[side]
  const { time, reason } = await program.measure(name, segmentSeconds)
  if (reason !== undefined && !isOther(side)) throw new Failure(`${side} failed to run '${name}': ${reason}`)
  if (reason !== undefined) reasons.add(`${side} has no '${name}': ${reason}`)
  return time
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    check: { type: 'boolean', default: false },
    curves: { type: 'boolean', default: false },
    shares: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
    floor: { type: 'boolean', default: false },
  },
})

async function compare(rounds) {
  const unknown = positionals.find((name) => !rows.some((row) => row.name === name))
  if (unknown) throw new Failure(`unknown trial '${unknown}'; there are: ${rows.map(({ name }) => name).join(', ')}`)
  const names = options.floor ? floorTrials : positionals
  const wanted = names.length > 0 ? rows.filter(({ name }) => names.includes(name)) : rows
  const results = []
  const reasons = new Set()
  for (let i = 0; i < rounds; i++) {
    status(`round ${i + 1} of ${rounds}`)
    results.push(await round(wanted, reasons))
  }
  status('')
  const evaluated = evaluate(results)
  const { cpu, cores, node, libtorch } = await machine()
  const conditions = [
    `${options.floor ? 'C++, in the place of Node,' : `Node.js ${node}`} and Python on LibTorch ${libtorch}, one thread, on one of ${cores} cores of an ${cpu}.`,
    `Medians of ${rounds} rounds of ${segments} pairs; the ratio is Node's CPU time divided by Python's, its range that of the rounds.`,
    `The last two columns are the time of TensorFlow.js as a multiple of Node's; a dash where it has no such operator or layer, or no gradient for it.`,
  ].join('\n')
  const text = [conditions, table(evaluated), ...[...reasons].map((reason) => `${reason}.`)].join('\n\n')
  console.log(text)
  if (names.length === 0) {
    writeFileSync(join(root, 'bench', 'results.md'), `# Benchmark\n\n${text}\n`)
    writeSection('performance.md', 'results', `${conditions}\n\n${table(evaluated, { brief: true })}`)
  }
  const missed = evaluated.filter(({ met }) => !met)
  if (missed.length > 0) console.log(`\nmissed: ${missed.map(({ name }) => name).join(', ')}`)
  return options.check && missed.length > 0 ? 1 : 0
}

await main(async () => {
  const rounds = Number(options.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Failure('--rounds takes a positive integer')
  if (!options.draw) {
    await setup({ parity: true })
    await setupBundle()
    await setupTfjs()
    if (!existsSync(python)) throw new Failure('the benchmark needs Python 3.11: it compares with the torch of .venv')
  }
  if (options.curves) return curves(positionals, options)
  if (options.shares) return shares(options)
  if (options.floor) useFloor()
  return compare(rounds)
})
