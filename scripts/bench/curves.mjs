/** `npm run bench -- --curves`: how cost grows with tensor size, layers, parameters and file size, as numbers and as pictures. */
import { join } from 'node:path'
import { Failure, root, status } from '../lib/run.mjs'
import { keep, kept, machine, writeMachine, writePicture } from './kept.mjs'
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
    lines: [
      { trial: 'add of', label: '', sides: [...both, 'tfjs cpu', 'tfjs wasm'], sizes: powers(10, 0, 7) },
      { trial: 'add and free', label: ', each sum disposed of', sides: ['node'], sizes: powers(10, 0, 7) },
    ],
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
/** in nanoseconds */
const units = { µs: 1e3, ms: 1e6 }

/**
 * The times of all lines of a picture: at each size the lines take turns, so that whatever else the machine does meets all. New processes
 * for each picture, so that none has the memory of another.
 */
async function measure({ lines }) {
  const programs = new Map(lines.flatMap((line) => line.sides).map((side) => [side, undefined]))
  for (const side of programs.keys()) programs.set(side, new Side(sides[side]))
  const times = Object.fromEntries(
    lines.map((line) => [line.trial, Object.fromEntries(line.sides.map((side) => [side, []]))]),
  )
  for (let i = 0; lines.some(({ sizes }) => i < sizes.length); i++) {
    const turns = lines.flatMap(({ trial, sides, sizes }) =>
      i < sizes.length ? sides.map((side) => ({ side, trial, name: `${trial} ${sizes[i]}`, found: [] })) : [],
    )
    for (let segment = 0; segment <= segments; segment++) {
      for (const { side, name, found } of turns) {
        status(`${name} (${side})`)
        const { time, reason } = await programs.get(side).measure(name, segmentSeconds)
        if (reason !== undefined) throw new Failure(`${side} failed to run '${name}': ${reason}`)
        // the first is for caches and compilers
        if (segment > 0) found.push(time)
      }
    }
    for (const { side, trial, found } of turns) times[trial][side].push(Math.round(median(found)))
  }
  await Promise.all([...programs.values()].map((program) => program.close()))
  status('')
  return Object.fromEntries(lines.map(({ trial, sizes }) => [trial, { sizes, times: times[trial] }]))
}

/**
 * @param names - of the pictures to measure and draw; none for all
 * @param draw - of the numbers that are there, without measuring
 */
export async function curves(names, { draw }) {
  const unknown = names.find((name) => !pictures.some((picture) => picture.name === name))
  if (unknown) {
    const known = pictures.map(({ name }) => name).join(', ')
    throw new Failure(`there is no picture '${unknown}'; there are: ${known}`)
  }
  const wanted = names.length > 0 ? pictures.filter(({ name }) => names.includes(name)) : pictures
  if (!draw) {
    const before = names.length > 0 ? kept('curves').nanoseconds : {}
    for (const picture of wanted) Object.assign(before, await measure(picture))
    keep('curves', { ...(await machine()), nanoseconds: before })
  }
  const { nanoseconds: measured, ...where } = kept('curves')
  writeMachine('curves', where)
  const { plotCurves } = await import(join(root, 'dist', 'report', 'plot', 'index.js'))
  for (const { name, title, xLabel, unit, lines } of wanted) {
    const series = lines.flatMap(({ trial, label, x = (size) => size }) => {
      const { sizes, times } = measured[trial]
      return Object.entries(times).map(([side, list]) => ({
        name: titles[side] + label,
        x: sizes.map(x),
        y: list.map((time) => time / units[unit]),
      }))
    })
    const options = { title, xLabel, yLabel: `${unit} of CPU time`, xScale: 'log', yScale: 'log', height: 440 }
    writePicture(name, plotCurves(series, options))
  }
}
