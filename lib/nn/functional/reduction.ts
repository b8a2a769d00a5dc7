/** How losses of elements become one. Source: torch/nn/_reduction.py. */
import { ArgumentError } from '../../errors.js'
import { sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import { any, type Call, define, optionalBool, tensor } from './call.js'

/** How the losses of the elements become the result: their mean (default), their sum, or each for itself. */
export type Reduction = 'none' | 'mean' | 'sum'
export interface ReductionOptions {
  reduction?: Reduction
}
export interface LossOptions extends ReductionOptions {
  /** PyTorch's old form of `reduction`. */
  sizeAverage?: boolean | null
  /** PyTorch's old form of `reduction`. */
  reduce?: boolean | null
}
/** The arguments that end the list of most losses. */
export type OldReduction = [sizeAverage: boolean | null, reduce: boolean | null, reduction: Reduction]
export type Loss<P extends unknown[], O extends object> = Call<
  [input: Tensor, target: Tensor],
  P,
  O,
  { input: Tensor; target: Tensor }
>
export const reductionParameters = { sizeAverage: optionalBool, reduce: optionalBool, reduction: any('mean') }

/** The operators' number of a reduction. */
export function reductionNumber(reduction: string): number {
  if (reduction === 'elementwise_mean') {
    warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.")
    return 1
  }
  const at = ['none', 'mean', 'sum'].indexOf(reduction)
  if (at < 0) throw new ArgumentError(`${String(reduction)} is not a valid value for reduction`)
  return at
}

/** `reduction`, or what the old arguments say. */
export function reductionText(sizeAverage: boolean | null, reduce: boolean | null, reduction: string): string {
  if (sizeAverage === null && reduce === null) return reduction
  const old = reduce === false ? 'none' : sizeAverage === false ? 'sum' : 'mean'
  warn(`size_average and reduce args will be deprecated, please use reduction='${old}' instead.`)
  return old
}

/** {@link reductionText} and {@link reductionNumber} in one. */
export const reductionOf = (sizeAverage: boolean | null, reduce: boolean | null, reduction: string): number =>
  reductionNumber(reductionText(sizeAverage, reduce, reduction))

/** A loss of input and target alone. */
export const plainLoss = (
  name: string,
  loss: (input: Tensor, target: Tensor, reduction: number) => Tensor,
): Loss<OldReduction, LossOptions> =>
  define(name, { input: tensor, target: tensor, ...reductionParameters }, (input, target, average, reduce, reduction) =>
    loss(input, target, reductionOf(average, reduce, reduction)),
  )

/** Warns where input and target have different shapes. */
export function warnOfShapes(input: Tensor, target: Tensor): void {
  if (String(input.shape) === String(target.shape)) return
  warn(
    `Using a target size (${sizeText(target.shape)}) that is different to the input size (${sizeText(input.shape)}). This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.`,
  )
}
