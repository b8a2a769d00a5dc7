/** Axes: where values lie, and the ticks that can be read. */
import { createRequire } from 'node:module'
import type { ScaleContinuousNumeric } from 'd3-scale'
import { ArgumentError } from '../../errors.js'
import { textWidth } from './style.js'

export type ScaleKind = 'linear' | 'log'
export interface Axis {
  place: (value: number) => number
  ticks: { value: number; at: number; label: string }[]
}

const require = createRequire(import.meta.url)

/** True for what an axis can show. */
export function isDrawn(value: number, kind: ScaleKind): boolean {
  return Number.isFinite(value) && (kind === 'linear' || value > 0)
}

/**
 * @param values - all that the axis has to show
 * @param from - where its beginning lies on the picture, and `to` its end
 * @param space - pixels that a tick needs; by default what its label needs
 * @param loose - begin and end at a tick
 */
export function axis(
  what: string,
  values: Iterable<number>,
  kind: ScaleKind,
  from: number,
  to: number,
  { space, loose = false }: { space?: number; loose?: boolean } = {},
): Axis {
  // Loaded here, as most programs that use tensors draw no picture.
  const library: typeof import('d3-scale') = require('d3-scale')
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let isWhole = true
  let any = false
  for (const value of values) {
    any = true
    if (!isDrawn(value, kind)) continue
    isWhole &&= Number.isInteger(value)
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  if (least > most) {
    if (any && kind === 'log')
      throw new ArgumentError(`plotCurves: ${what} has no value above 0, which a log scale needs`)
    ;[least, most] = kind === 'log' ? [1, 10] : [0, 1]
  }
  if (least === most) [least, most] = around(least, kind, isWhole)
  const scale =
    kind === 'log' ? library.scaleLog([least, most], [from, to]) : library.scaleLinear([least, most], [from, to])
  const length = Math.abs(to - from)
  const room = (size: number) => Math.max(2, Math.min(10, Math.floor(length / size)))
  if (loose) scale.domain(kind === 'log' ? roundLog(least, most) : scale.nice(room(space ?? 80)).domain())
  const count = room(space ?? widest(scale, least, most))
  const place = (value: number) => scale(value)
  return {
    place,
    ticks: ticks(scale, kind, count, isWhole && kind === 'linear').map((tick) => ({ ...tick, at: place(tick.value) })),
  }
}

/** A range around a single value. */
function around(value: number, kind: ScaleKind, isWhole: boolean): [number, number] {
  if (kind === 'log') return [value / 2, value * 2]
  const margin = isWhole && Math.abs(value) < 1e6 ? 1 : Math.abs(value) / 10 || 1
  return [value - margin, value + margin]
}

/** To one digit, as a whole power of ten at each end can leave most of the picture empty. */
function roundLog(least: number, most: number): [number, number] {
  const digit = (value: number, round: (x: number) => number) => {
    const power = Math.floor(Math.log10(value) + 1e-12)
    const rounded = Number(`${round(Number((value / 10 ** power).toPrecision(12)))}e${power}`)
    // beyond the smallest and the largest number there is no rounder one
    return rounded > 0 && Number.isFinite(rounded) ? rounded : value
  }
  return [digit(least, Math.floor), digit(most, Math.ceil)]
}

function widest(scale: ScaleContinuousNumeric<number, number>, least: number, most: number): number {
  const format = scale.tickFormat(10)
  return Math.max(50, ...[least, most].map((value) => textWidth(format(value)) + 24))
}

function ticks(
  scale: ScaleContinuousNumeric<number, number>,
  kind: ScaleKind,
  count: number,
  isWhole: boolean,
): { value: number; label: string }[] {
  if (kind === 'log') return logTicks(scale, count)
  const values = scale.ticks(count).filter((value) => !isWhole || Number.isInteger(value))
  const size = Math.max(...values.map(Math.abs))
  // '1,000,000' is still read at a glance; '0.00001' is not
  const format = size >= 1e7 || size < 1e-3 ? short : isWhole ? whole : scale.tickFormat(count)
  return values.map((value) => ({ value, label: minus(value === 0 ? '0' : format(value)) }))
}

const whole = (value: number) => value.toLocaleString('en')

/** Powers of ten; with 2 and 5 between them, or steps of more than ten, as there is room. */
function logTicks(scale: ScaleContinuousNumeric<number, number>, count: number): { value: number; label: string }[] {
  const [low, high] = scale.domain().map(Math.log10) as [number, number]
  const within = (value: number) => {
    const power = Math.log10(value)
    return power >= low - 1e-9 && power <= high + 1e-9
  }
  const powers = (factors: number[], step = 1) => {
    const values: number[] = []
    for (let power = Math.floor(low); power <= high + 1; power++) {
      if (power % step === 0) for (const factor of factors) values.push(Number(`${factor}e${power}`))
    }
    return values.filter(within)
  }
  let values = powers([1, 2, 3, 4, 5, 6, 7, 8, 9])
  if (values.length < 2) values = scale.copy().ticks(count).filter(within)
  if (values.length < 2) values = scale.domain()
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    if (values.length <= count) break
    const fewer = powers(factors)
    if (fewer.length >= 2) values = fewer
  }
  for (let step = 2; values.length > count && step < 400; step++) {
    const fewer = powers([1], step)
    if (fewer.length < 2) break
    values = fewer
  }
  const [isSmall, isLarge] = [values.some((value) => value < 1e-3), values.some((value) => value >= 1e7)]
  const format = (value: number) => {
    if ((isSmall && value < 0.1) || (isLarge && value >= 1e4)) return short(value)
    return value >= 1 ? whole(value) : String(Number(value.toPrecision(3)))
  }
  return values.map((value) => ({ value, label: minus(format(value)) }))
}

/** `2.5e-5`, `3e6` */
function short(value: number): string {
  return Number(value.toPrecision(3)).toExponential().replace('e+', 'e')
}

/** A true minus sign, as wide as a digit. */
function minus(text: string): string {
  return text.replaceAll('-', '−')
}
