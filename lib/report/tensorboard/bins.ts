/** Bins of a histogram. Source: numpy/lib/_histograms_impl.py, NumPy 2.4. */
import { ArgumentError } from '../../errors.js'
import { sum } from './sum.js'

export type BinRule = 'tensorflow' | 'auto' | 'doane' | 'fd' | 'rice' | 'scott' | 'sqrt' | 'stone' | 'sturges'
/** A rule, a number of equally wide bins, or their edges in rising order. */
export type Bins = BinRule | number | ArrayLike<number>

export interface Counts {
  counts: Float64Array
  /** one more than counts */
  edges: Float64Array
}

/** Counts values as `numpy.histogram(values, bins)` does: the last bin has its right edge, too. */
export function countBins(values: Float64Array, bins: Bins): Counts {
  if (bins === 'tensorflow') return countBetween(values, tensorflowEdges())
  if (typeof bins === 'object' && bins !== null) return countBetween(values, checkedEdges(bins))
  const [first, last] = outerEdges(values)
  if (typeof bins === 'number') {
    if (!Number.isSafeInteger(bins) || bins < 1) {
      throw new ArgumentError(`addHistogram: bins should be a positive integer, a rule or edges, but is ${bins}`)
    }
    return countEqual(values, first, last, bins)
  }
  const rule = widths[bins as keyof typeof widths]
  if (!rule) {
    const rules = ['tensorflow', ...Object.keys(widths)].map((name) => `'${name}'`).join(', ')
    throw new ArgumentError(`addHistogram: there is no rule '${bins}' for bins; there are ${rules}`)
  }
  const width = rule(values)
  return countEqual(values, first, last, width ? Math.ceil((last - first) / width) : 1)
}

/** TensorBoard's own: from 1e-12 to 1e20 in steps of a tenth, on both sides of 0. */
function tensorflowEdges(): Float64Array {
  const right: number[] = []
  for (let edge = 1e-12; edge < 1e20; edge *= 1.1) right.push(edge)
  return Float64Array.from([...right.map((edge) => -edge).reverse(), 0, ...right])
}

function checkedEdges(edges: ArrayLike<number>): Float64Array {
  const checked = Float64Array.from(edges)
  for (let i = 1; i < checked.length; i++) {
    if (checked[i - 1]! > checked[i]!) throw new ArgumentError('addHistogram: the edges in bins should rise')
  }
  if (checked.length < 2) {
    throw new ArgumentError(`addHistogram: bins should have at least 2 edges, but has ${checked.length}`)
  }
  return checked
}

function countBetween(values: Float64Array, edges: Float64Array): Counts {
  const counts = new Float64Array(edges.length - 1)
  const [first, last] = [edges[0]!, edges.at(-1)!]
  for (const value of values) {
    if (!(value >= first && value <= last)) continue
    counts[value === last ? counts.length - 1 : lastAtMost(edges, value)]!++
  }
  return { counts, edges }
}

/** Position of the last edge that is not above the value. */
function lastAtMost(edges: Float64Array, value: number): number {
  let [low, high] = [0, edges.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (edges[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

function outerEdges(values: Float64Array): [number, number] {
  const [first, last] = range(values)
  if (!Number.isFinite(first) || !Number.isFinite(last)) {
    throw new ArgumentError(
      `addHistogram: the values reach from ${first} to ${last}, which equal bins cannot divide; leave out what is not finite, or use bins: 'tensorflow'`,
    )
  }
  return first === last ? [first - 0.5, last + 0.5] : [first, last]
}

function countEqual(values: Float64Array, first: number, last: number, bins: number): Counts {
  const edges = new Float64Array(bins + 1)
  const step = (last - first) / bins
  for (let i = 0; i < bins; i++) edges[i] = i * step + first
  edges[bins] = last
  if (edges.some((edge, i) => i > 0 && edges[i - 1]! >= edge)) {
    throw new ArgumentError(`addHistogram: ${bins} bins are too many for values from ${first} to ${last}`)
  }
  const counts = new Float64Array(bins)
  for (const value of values) {
    let at = Math.min(Math.trunc(((value - first) / (last - first)) * bins), bins - 1)
    // the quotient may be off by its last bit
    if (value < edges[at]!) at--
    else if (value >= edges[at + 1]! && at !== bins - 1) at++
    counts[at]!++
  }
  return { counts, edges }
}

type WidthRule = (values: Float64Array) => number
/** The width that each rule gives a bin; 0 where it knows none. */
const widths: Record<Exclude<BinRule, 'tensorflow'>, WidthRule> = {
  auto: (values) => Math.min(Math.max(widths.fd(values), widths.sqrt(values) / 2), widths.sturges(values)),
  doane: (values) => {
    const n = values.length
    const sigma = deviation(values)
    if (n <= 2 || !(sigma > 0)) return 0
    const mean = sum(values) / n
    const skew = sum(values.map((value) => ((value - mean) / sigma) ** 3)) / n
    const usual = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)))
    return extent(values) / (1 + Math.log2(n) + Math.log2(1 + Math.abs(skew) / usual))
  },
  fd: (values) => {
    const sorted = values.slice().sort()
    return 2 * (quantile(sorted, 0.75) - quantile(sorted, 0.25)) * values.length ** (-1 / 3)
  },
  rice: (values) => extent(values) / (2 * values.length ** (1 / 3)),
  scott: (values) => ((24 * Math.PI ** 0.5) / values.length) ** (1 / 3) * deviation(values),
  sqrt: (values) => extent(values) / Math.sqrt(values.length),
  stone: (values) => {
    const n = values.length
    const width = extent(values)
    if (n <= 1 || width === 0) return 0
    const [first, last] = range(values)
    let [best, least] = [1, Number.POSITIVE_INFINITY]
    for (let bins = 1; bins <= Math.max(100, Math.trunc(Math.sqrt(n))); bins++) {
      const { counts } = countEqual(values, first, last, bins)
      const risk = (2 - (n + 1) * sum(counts.map((count) => (count / n) ** 2))) / (width / bins)
      if (risk < least) [best, least] = [bins, risk]
    }
    return width / best
  },
  sturges: (values) => extent(values) / (Math.log2(values.length) + 1),
}

export function range(values: Float64Array): [number, number] {
  let [least, most] = [values[0]!, values[0]!]
  for (const value of values) {
    // as in NumPy, one NaN makes both NaN
    if (Number.isNaN(value)) return [Number.NaN, Number.NaN]
    if (value < least) least = value
    if (value > most) most = value
  }
  return [least, most]
}

function extent(values: Float64Array): number {
  const [least, most] = range(values)
  return most - least
}

function deviation(values: Float64Array): number {
  const mean = sum(values) / values.length
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length)
}

/** By linear interpolation, of sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share
  const low = Math.floor(place)
  const [below, above] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!]
  const part = place - low
  return part >= 0.5 ? above - (above - below) * (1 - part) : below + (above - below) * part
}
