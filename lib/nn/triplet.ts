import { ArgumentError, ShapeError } from '../errors.js'
import { clampMin, minimum } from '../generated/functions.js'
import { describe } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { PairwiseDistance } from './distance.js'
import { Module } from './module.js'
import { announceFields } from './registration-hooks.js'

/** The distance of two batches of vectors `(N, *)`, as `(N)`; smaller is nearer. */
export type DistanceFunction = (a: Tensor, b: Tensor) => Tensor

/** Arguments of {@link TripletMarginWithDistanceLoss} by name. */
export interface TripletMarginWithDistanceLossOptions {
  /** A function or a module (default: a {@link PairwiseDistance}). */
  distanceFunction?: DistanceFunction | Module | null
  /** Difference of the distances that costs nothing, > 0 (default `1`). */
  margin?: number
  /** Takes the distance between positive and negative where that is the smaller one (default `false`). */
  swap?: boolean
  /** 'mean', 'sum', or 'none' for a loss of each sample (default `'mean'`). */
  reduction?: 'none' | 'mean' | 'sum'
}

const names = ['distanceFunction', 'margin', 'swap', 'reduction']

/**
 * `max(0, d(anchor, positive) - d(anchor, negative) + margin)` with a distance of one's own.
 * Shape: `(N, *)` three times → a scalar, or `(N)` without reduction.
 * @example
 * const loss = new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).abs().amax(1) })
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.TripletMarginWithDistanceLoss.html
 */
export class TripletMarginWithDistanceLoss extends Module {
  /** Only for types: a module as the distance has keys of its own. */
  declare readonly keyBrand?: string
  reduction: 'none' | 'mean' | 'sum'
  distanceFunction: DistanceFunction | Module
  margin: number
  swap: boolean

  /** @throws {@link ArgumentError} for a margin that is not positive */
  constructor(options: TripletMarginWithDistanceLossOptions = {}) {
    super()
    const what = 'TripletMarginWithDistanceLoss'
    const [distance, margin = 1, swap, reduction = 'mean'] = takeArguments(what, names, [options], 0) as [
      DistanceFunction | Module | null | undefined,
      ...any[],
    ]
    if (typeof margin !== 'number') {
      throw new ArgumentError(`${what}: expected margin to be a number, received ${describe(margin)}`)
    }
    if (margin <= 0) throw new ArgumentError(`${what}: expected margin to be greater than 0, got ${margin} instead`)
    if (
      distance !== undefined &&
      distance !== null &&
      typeof distance !== 'function' &&
      !(distance instanceof Module)
    ) {
      throw new ArgumentError(`${what}: expected distanceFunction to be a function, received ${describe(distance)}`)
    }
    this.reduction = reduction
    this.distanceFunction = distance ?? new PairwiseDistance()
    this.margin = margin
    this.swap = flag(what, 'swap', swap, false)
    announceFields(this)
  }

  /** In keys and printouts the distance has Python's name. @internal */
  override _fields(): [string, unknown][] {
    return super._fields().map(([name, value]) => [name === 'distanceFunction' ? 'distance_function' : name, value])
  }
  /** @internal */
  override _put(name: string, value: unknown): void {
    super._put(name === 'distance_function' ? 'distanceFunction' : name, value)
  }

  // torch/nn/functional.py, triplet_margin_with_distance_loss
  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { reduction, margin, distanceFunction } = this
    const distance: DistanceFunction =
      distanceFunction instanceof Module ? (a, b) => distanceFunction.forward(a, b) : distanceFunction
    if (!['mean', 'sum', 'none'].includes(reduction)) {
      throw new ArgumentError(`${reduction} is not a valid value for reduction`)
    }
    if (margin <= 0) throw new ArgumentError(`margin must be greater than 0, got ${margin}`)
    const dims = [anchor.ndim, positive.ndim, negative.ndim]
    if (dims[0] !== dims[1] || dims[1] !== dims[2]) {
      throw new ShapeError(
        'The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: ' +
          `anchor ${dims[0]}D, positive ${dims[1]}D, and negative ${dims[2]}D inputs`,
      )
    }
    const near = distance(anchor, positive)
    let far = distance(anchor, negative)
    if (this.swap) far = minimum(far, distance(positive, negative))
    const loss = clampMin(near.add(margin).sub(far), 0)
    if (reduction === 'none') return loss
    return reduction === 'sum' ? loss.sum() : loss.mean()
  }
}
