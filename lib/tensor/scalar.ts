/** A complex number. */
export interface Complex {
  re: number
  im: number
}

/** What an operator takes for a number. Whole numbers are integers, as Python's `2`; `-0`, NaN and infinities are floats. */
export type Scalar = number | bigint | boolean | Complex
