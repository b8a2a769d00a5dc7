/** Losses of pairs and triplets: what is alike comes close, what differs stays apart. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, bool, type Call, define, number, tensor } from './call.js'
import {
  type Loss,
  type LossOptions,
  type OldReduction,
  type ReductionOptions,
  reductionOf,
  reductionParameters,
} from './reduction.js'

export interface MarginLossOptions extends LossOptions {
  /** Distance beyond which there is no loss. */
  margin?: number
}
type MarginPositional = [margin: number, ...OldReduction]
type PairLoss = Call<
  [input1: Tensor, input2: Tensor, target: Tensor],
  MarginPositional,
  MarginLossOptions,
  { input1: Tensor; input2: Tensor; target: Tensor }
>
const pairParameters = { input1: tensor, input2: tensor, target: tensor, margin: number(0), ...reductionParameters }

/** `max(0, -target · (input1 - input2) + margin)`: the first should be the larger where the target is 1, the smaller where it is -1. */
export const marginRankingLoss: PairLoss = define(
  'marginRankingLoss',
  pairParameters,
  (input1: Tensor, input2: Tensor, target: Tensor, margin, average, reduce, given) => {
    const reduction = reductionOf(average, reduce, given)
    if (input1.ndim !== input2.ndim || input1.ndim !== target.ndim) {
      throw new ShapeError(
        `margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: ${sizeText(input1.shape)}, input2: ${sizeText(input2.shape)}, target: ${sizeText(target.shape)} `,
      )
    }
    return functions.marginRankingLoss(input1, input2, target, margin, reduction)
  },
)
/** `1 - cos` of pairs whose target is 1, `max(0, cos - margin)` of those whose target is -1. */
export const cosineEmbeddingLoss: PairLoss = define(
  'cosineEmbeddingLoss',
  pairParameters,
  (input1, input2, target, margin, average, reduce, reduction) =>
    functions.cosineEmbeddingLoss(input1, input2, target, margin, reductionOf(average, reduce, reduction)),
)
/** `x` where the target is 1, `max(0, margin - x)` where it is -1 (`margin` 1). */
export const hingeEmbeddingLoss: Loss<MarginPositional, MarginLossOptions> = define(
  'hingeEmbeddingLoss',
  { input: tensor, target: tensor, margin: number(1), ...reductionParameters },
  (input, target, margin, average, reduce, reduction) =>
    functions.hingeEmbeddingLoss(input, target, margin, reductionOf(average, reduce, reduction)),
)

export interface TripletMarginLossOptions extends LossOptions {
  /** How much farther the negative should be, above 0 (default `1`). */
  margin?: number
  /** Exponent of the norm (default `2`). */
  p?: number
  /** Added to the differences (default `1e-6`). */
  eps?: number
  /** Takes the distance of positive and negative where it is the smaller one (default `false`). */
  swap?: boolean
}
type Triplet = [anchor: Tensor, positive: Tensor, negative: Tensor]
type NamedTriplet = { anchor: Tensor; positive: Tensor; negative: Tensor }
const triplet = { anchor: tensor, positive: tensor, negative: tensor }

function checkMargin(margin: number): void {
  if (margin <= 0) throw new ArgumentError(`margin must be greater than 0, got ${margin}`)
}

/** `max(0, d(anchor, positive) - d(anchor, negative) + margin)` */
export const tripletMarginLoss: Call<
  Triplet,
  [margin: number, p: number, eps: number, swap: boolean, ...OldReduction],
  TripletMarginLossOptions,
  NamedTriplet
> = define(
  'tripletMarginLoss',
  { ...triplet, margin: number(1), p: number(2), eps: number(1e-6), swap: bool(false), ...reductionParameters },
  (anchor, positive, negative, margin, p, eps, swap, average, reduce, given) => {
    const reduction = reductionOf(average, reduce, given)
    checkMargin(margin)
    return functions.tripletMarginLoss(anchor, positive, negative, margin, p, eps, swap, reduction)
  },
)

export interface TripletMarginWithDistanceLossOptions extends ReductionOptions {
  /** Gives the distances of two tensors' samples (default: `pairwiseDistance`). */
  distanceFunction?: ((a: Tensor, b: Tensor) => Tensor) | null
  /** How much farther the negative should be, above 0 (default `1`). */
  margin?: number
  /** Takes the distance of positive and negative where it is the smaller one (default `false`). */
  swap?: boolean
}
/** {@link tripletMarginLoss} with a distance of one's own. */
export const tripletMarginWithDistanceLoss: Call<Triplet, [], TripletMarginWithDistanceLossOptions, NamedTriplet> =
  define(
    'tripletMarginWithDistanceLoss',
    { ...triplet, distanceFunction: any(null), margin: number(1), swap: bool(false), reduction: any('mean') },
    (anchor: Tensor, positive: Tensor, negative: Tensor, given, margin: number, swap, reduction) => {
      if (!['mean', 'sum', 'none'].includes(reduction))
        throw new ArgumentError(`${reduction} is not a valid value for reduction`)
      checkMargin(margin)
      if (anchor.ndim !== positive.ndim || positive.ndim !== negative.ndim) {
        throw new ShapeError(
          `The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ${anchor.ndim}D, positive ${positive.ndim}D, and negative ${negative.ndim}D inputs`,
        )
      }
      if (given !== null && typeof given !== 'function') {
        throw new ArgumentError(
          `tripletMarginWithDistanceLoss(): argument 'distanceFunction' must be a function, received ${typeof given}`,
        )
      }
      const distance: (a: Tensor, b: Tensor) => Tensor = given ?? functions.pairwiseDistance
      const near = distance(anchor, positive)
      let far = distance(anchor, negative)
      if (swap) far = functions.minimum(far, distance(positive, negative))
      const loss = functions.clampMin(near.add(margin).sub(far), 0)
      return reduction === 'sum' ? loss.sum() : reduction === 'mean' ? loss.mean() : loss
    },
    3,
  )
