/** Questions about tensors and dtypes, as free functions. */
import { native } from '../binding.js'
import type { Dtype } from './dtype.js'
import type { Tensor } from './tensor.js'

export const isComplex = (input: Tensor): boolean => input.isComplex()
export const isFloatingPoint = (input: Tensor): boolean => input.isFloatingPoint()
export const isSigned = (input: Tensor): boolean => input.isSigned()
export const isConj = (input: Tensor): boolean => input.isConj()
export const isNeg = (input: Tensor): boolean => input.isNeg()
export const isInference = (input: Tensor): boolean => input.isInference()

/** The smallest dtype that both convert to without losing their kind. */
export function promoteTypes(a: Dtype, b: Dtype): Dtype {
  return native().promoteTypes(a, b) as Dtype
}

/** Whether PyTorch's type promotion lets a result of dtype `from` be stored as `to`. */
export function canCast(from: Dtype, to: Dtype): boolean {
  return native().canCast(from, to)
}

/** The dtype of an operation on these two, tensors or numbers. */
export function resultType(a: Tensor | number | boolean, b: Tensor | number | boolean): Dtype {
  return native().resultType(a, b) as Dtype
}
