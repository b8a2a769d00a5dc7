/**
 * The sum as NumPy takes it, to the bit: in blocks of 128 with eight partial sums, and blocks pairwise.
 * Source: numpy/_core/src/umath/loops_utils.h.src, pairwise_sum, NumPy 2.4.
 */
export function sum(values: Float64Array): number {
  return 0 + pairwise(values, 0, values.length)
}

function pairwise(values: Float64Array, from: number, count: number): number {
  if (count < 8) {
    let total = -0
    for (let i = 0; i < count; i++) total += values[from + i]!
    return total
  }
  if (count > 128) {
    const half = (count >> 1) & ~7
    return pairwise(values, from, half) + pairwise(values, from + half, count - half)
  }
  const r = values.slice(from, from + 8)
  const whole = count - (count % 8)
  for (let i = 8; i < whole; i += 8) for (let j = 0; j < 8; j++) r[j]! += values[from + i + j]!
  let total = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!))
  for (let i = whole; i < count; i++) total += values[from + i]!
  return total
}
