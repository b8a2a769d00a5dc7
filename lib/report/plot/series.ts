/** What is drawn: the points of each series, checked. */
import { ArgumentError } from '../../errors.js'
import { checkOptions } from '../options.js'

/** Values in order, one for each round; or points. NaN, `null` and infinities are gaps. */
export type CurveValues = Iterable<number | bigint | null | undefined>
export interface Curve {
  /** In the legend. */
  name: string
  y: CurveValues
  /** Places of the values on the horizontal axis (default: 0, 1, 2, …). */
  x?: CurveValues
  /** Curves with the same panel share a vertical axis; panels lie below each other (default `''`). */
  panel?: string
}
/** Name to values, or to a curve without its name; or a list of curves. */
export type Curves =
  | Record<string, CurveValues | Omit<Curve, 'name'>>
  | ReadonlyMap<string, CurveValues | Omit<Curve, 'name'>>
  | Iterable<Curve>

export interface Series {
  name: string
  panel: string
  x: number[]
  /** NaN in a gap */
  y: number[]
}

export function toSeries(curves: Curves): Series[] {
  const list = listOf(curves).map(one)
  if (list.length === 0) throw new ArgumentError('plotCurves: there is no series to draw')
  return list
}

function listOf(curves: Curves): Curve[] {
  if (typeof curves !== 'object' || curves === null) {
    throw new ArgumentError(`plotCurves: expected an object of names and values, received ${String(curves)}`)
  }
  const isNamed = curves instanceof Map || !(Symbol.iterator in curves)
  if (!isNamed) return [...(curves as Iterable<Curve>)]
  const entries: [string, CurveValues | Omit<Curve, 'name'>][] =
    curves instanceof Map ? [...curves] : Object.entries(curves)
  return entries.map(([name, curve]) =>
    isIterable(curve) ? { name, y: curve as CurveValues } : { ...(curve as Omit<Curve, 'name'>), name },
  )
}

function one(curve: Curve): Series {
  if (typeof curve !== 'object' || curve === null || typeof curve.name !== 'string') {
    throw new ArgumentError(
      'plotCurves: a curve of a list should be { name, y }; for values alone give { loss: [0.5, 0.4] }',
    )
  }
  const { name, panel = '' } = curve
  checkOptions(`plotCurves: '${name}'`, curve, ['name', 'x', 'y', 'panel'])
  const y = numbers(name, 'y', curve.y)
  const x = curve.x === undefined ? y.map((_, i) => i) : numbers(name, 'x', curve.x)
  if (x.length !== y.length) {
    throw new ArgumentError(`plotCurves: '${name}' has ${x.length} values in x, but ${y.length} in y`)
  }
  if (typeof panel !== 'string')
    throw new ArgumentError(`plotCurves: the panel of '${name}' should be text, but is ${panel}`)
  return { name, panel, x, y }
}

function numbers(name: string, axis: string, values: unknown): number[] {
  if (!isIterable(values)) {
    throw new ArgumentError(`plotCurves: ${axis} of '${name}' should be numbers in order, but is ${String(values)}`)
  }
  return Array.from(values as Iterable<unknown>, (value, i) => {
    if (value === null || value === undefined) return Number.NaN
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new ArgumentError(`plotCurves: ${axis}[${i}] of '${name}' should be a number, but is ${String(value)}`)
    }
    return Number(value)
  })
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

/**
 * Leaves out points that cannot be told apart: of each column of a pixel's width the first, least, most and last stay, so that the line
 * covers the same pixels.
 */
export function thinned(points: [number, number][]): [number, number][] {
  const kept: [number, number][] = []
  for (let from = 0; from < points.length; ) {
    const column = Math.floor(points[from]![0])
    let to = from
    let [least, most] = [from, from]
    while (to < points.length && Math.floor(points[to]![0]) === column && !Number.isNaN(points[to]![1])) {
      if (points[to]![1] < points[least]![1]) least = to
      if (points[to]![1] > points[most]![1]) most = to
      to++
    }
    if (to === from) to = from + 1 // a gap
    const stay = [...new Set([from, least, most, to - 1])].sort((a, b) => a - b)
    for (const i of stay) kept.push(points[i]!)
    from = to
  }
  return kept
}
