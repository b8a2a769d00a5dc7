/** Source: torch/utils/tensorboard/summary.py, make_histogram, PyTorch 2.13 (cf30153c). */
import { ArgumentError } from '../../errors.js'
import { type Bins, type Counts, countBins, range } from './bins.js'
import type { Histogram } from './proto.js'
import { sum } from './sum.js'

/** @param maxBins - neighbouring bins are put together until there are about so many */
export function makeHistogram(values: Float64Array, bins: Bins, maxBins?: number): Histogram {
  if (values.length === 0) throw new ArgumentError('addHistogram: the values have no element')
  let counted = countBins(values, bins)
  if (maxBins !== undefined) counted = together(counted, maxBins)
  const { counts, edges } = counted
  const start = counts.findIndex((count) => count > 0)
  if (start < 0) {
    throw new ArgumentError('addHistogram: none of the values lies in a bin: they are NaN, or beyond the edges')
  }
  const end = counts.findLastIndex((count) => count > 0) + 1
  const [min, max] = range(values)
  return {
    min,
    max,
    num: values.length,
    sum: sum(values),
    sumSquares: sum(values.map((value) => value * value)),
    // Only right ends are kept: an empty bin in front gives the left end of the first.
    bucketLimit: edges.slice(start, end + 1),
    bucket:
      start > 0 ? counts.slice(start - 1, end) : Float64Array.from({ length: end + 1 }, (_, i) => counts[i - 1] ?? 0),
  }
}

function together({ counts, edges }: Counts, maxBins: number): Counts {
  if (!Number.isSafeInteger(maxBins) || maxBins < 1) {
    throw new ArgumentError(`addHistogram: maxBins should be a positive integer, but is ${maxBins}`)
  }
  if (counts.length <= maxBins) return { counts, edges }
  const size = Math.floor(counts.length / maxBins)
  const groups = Math.ceil(counts.length / size)
  const fewer = { counts: new Float64Array(groups), edges: new Float64Array(groups + 1) }
  for (const [i, count] of counts.entries()) fewer.counts[Math.floor(i / size)]! += count
  for (let i = 0; i < groups; i++) fewer.edges[i] = edges[i * size]!
  fewer.edges[groups] = edges.at(-1)!
  return fewer
}
