/** `npm run bench -- --curves`: how cost grows with tensor size, layers, parameters and file size, as numbers and as pictures. */
import { join } from 'node:path'
import { Failure, root, status } from '../lib/run.mjs'
import { keep, kept, machine, writePicture } from './kept.mjs'
import { median, Side, sides } from './sides.mjs'

const segmentSeconds = 0.05
const segments = 7

const both = ['node', 'python']
const titles = { node: 'Node', python: 'Python', 'tfjs cpu': 'tfjs cpu', 'tfjs wasm': 'tfjs wasm' }
const powers = (base, from, to) => Array.from({ length: to - from + 1 }, (_, i) => base ** (from + i))
const bytes = [10, 13, 16, 19, 22, 25, 27, 29].map((power) => 2 ** power)

/** Each line is a trial of bench/curves.ts at all its sizes, once for each side; `x` is what a size is on the horizontal axis. */
const pictures = [
  {
    name: 'cost-of-size',
    title: 'a.add(b), by the size of the tensors',
    xLabel: 'numbers in each tensor (float32)',
    unit: 'µs',
    lines: [{ trial: 'add of', label: '', sides: [...both, 'tfjs cpu', 'tfjs wasm'], sizes: powers(10, 0, 7) }],
  },
  {
    name: 'cost-of-layers',
    title: 'Forward and backward, by the number of layers (Linear 32→32, batch 16)',
    xLabel: 'layers',
    unit: 'µs',
    lines: [
      { trial: 'chain of', label: ', Sequential', sides: both, sizes: powers(2, 0, 8) },
      { trial: 'loop over', label: ', a call for each layer', sides: both, sizes: powers(2, 0, 8) },
    ],
  },
  {
    name: 'cost-of-parameters',
    title: 'A step of Adam, by the number of parameters',
    xLabel: 'numbers in all parameters together',
    unit: 'µs',
    lines: [
      {
        trial: 'Adam small',
        label: ', more tensors of 100',
        sides: both,
        sizes: [1, 3, 10, 30, 100, 300, 1000],
        x: (count) => count * 100,
      },
      {
        trial: 'Adam large',
        label: ', ten larger tensors',
        sides: both,
        sizes: powers(10, 0, 6),
        x: (size) => size * 10,
      },
    ],
  },
  {
    name: 'cost-of-files',
    title: 'Checkpoints of 8 tensors, by their size',
    xLabel: 'bytes of all tensors together',
    unit: 'ms',
    lines: [
      { trial: 'save', label: ', save', sides: both, sizes: bytes },
      { trial: 'load', label: ', load', sides: both, sizes: bytes },
      { trial: 'load mapped', label: ', load with mmap', sides: both, sizes: bytes },
    ],
  },
]
const nanoseconds = { µs: 1e3, ms: 1e6 }

/** All lines of a trial: at each size the sides take turns. A process for each trial, so that none has the memory of another. */
async function measure({ trial, sides: names, sizes }) {
  const programs = names.map((name) => [name, new Side(sides[name])])
  const times = Object.fromEntries(names.map((name) => [name, []]))
  for (const size of sizes) {
    status(`${trial} ${size}`)
    const found = Object.fromEntries(names.map((name) => [name, []]))
    for (let i = 0; i <= segments; i++) {
      for (const [name, program] of programs) {
        const { time, reason } = await program.measure(`${trial} ${size}`, segmentSeconds)
        if (reason !== undefined) throw new Failure(`${name} failed to run '${trial} ${size}': ${reason}`)
        // the first is for caches and compilers
        if (i > 0) found[name].push(time)
      }
    }
    for (const name of names) times[name].push(Math.round(median(found[name])))
  }
  await Promise.all(programs.map(([, program]) => program.close()))
  return { sizes, times }
}

/** @param draw - of the numbers that are there, without measuring */
export async function curves({ draw }) {
  if (!draw) {
    const trials = {}
    for (const line of pictures.flatMap(({ lines }) => lines)) trials[line.trial] = await measure(line)
    status('')
    keep('curves', { ...(await machine()), nanoseconds: trials })
  }
  const measured = kept('curves').nanoseconds
  const { plotCurves } = await import(join(root, 'dist', 'report', 'plot', 'index.js'))
  for (const { name, title, xLabel, unit, lines } of pictures) {
    const series = lines.flatMap(({ trial, label, x = (size) => size }) => {
      const { sizes, times } = measured[trial]
      return Object.entries(times).map(([side, list]) => ({
        name: titles[side] + label,
        x: sizes.map(x),
        y: list.map((time) => time / nanoseconds[unit]),
      }))
    })
    const options = { title, xLabel, yLabel: `${unit} of CPU time`, xScale: 'log', yScale: 'log', height: 440 }
    writePicture(name, plotCurves(series, options))
  }
}
