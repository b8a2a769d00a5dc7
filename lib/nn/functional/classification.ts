/** Losses of classes: how well scores or probabilities fit their labels. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import { broadcastShapes } from '../../tensor/python-functions.js'
import { sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import { any, bool, type Call, define, number, optionalBool, optionalTensor, required, tensor } from './call.js'
import {
  type Loss,
  type LossOptions,
  type OldReduction,
  plainLoss,
  type Reduction,
  type ReductionOptions,
  reductionNumber,
  reductionOf,
  reductionParameters,
  reductionText,
} from './reduction.js'

export interface NllLossOptions extends LossOptions {
  /** A factor for each class. */
  weight?: Tensor | null
  /** Class index whose samples do not count (default `-100`). */
  ignoreIndex?: number
}
type NllPositional = [
  weight: Tensor | null,
  sizeAverage: boolean | null,
  ignoreIndex: number,
  reduce: boolean | null,
  reduction: Reduction,
]
const nllParameters = {
  input: tensor,
  target: tensor,
  weight: optionalTensor,
  sizeAverage: optionalBool,
  ignoreIndex: any(-100),
  reduce: optionalBool,
  reduction: any('mean'),
}
/** The negative log likelihood: `input` holds log probabilities, `target` class indices. */
export const nllLoss: Loss<NllPositional, NllLossOptions> = define(
  'nllLoss',
  nllParameters,
  (input, target, weight, average, ignoreIndex, reduce, reduction) =>
    operators.nllLossNd(input, target, weight, reductionOf(average, reduce, reduction), ignoreIndex),
)

export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of the target that is spread evenly over all classes, in [0, 1] (default `0`). */
  labelSmoothing?: number
}
/** The cross entropy between scores and class indices or probabilities. */
export const crossEntropy: Loss<[...NllPositional, labelSmoothing: number], CrossEntropyOptions> = define(
  'crossEntropy',
  { ...nllParameters, labelSmoothing: number(0) },
  (input, target, weight, average, ignoreIndex, reduce, reduction, smoothing) =>
    operators.crossEntropyLoss(input, target, weight, reductionOf(average, reduce, reduction), ignoreIndex, smoothing),
)

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor for each element. */
  weight?: Tensor | null
}
/** The cross entropy of probabilities in [0, 1]. */
export const binaryCrossEntropy: Loss<[weight: Tensor | null, ...OldReduction], BinaryCrossEntropyOptions> = define(
  'binaryCrossEntropy',
  { input: tensor, target: tensor, weight: optionalTensor, ...reductionParameters },
  (input: Tensor, target: Tensor, weight: Tensor | null, average, reduce, given) => {
    const reduction = reductionOf(average, reduce, given)
    if (String(target.shape) !== String(input.shape)) {
      throw new ShapeError(
        `Using a target size (${sizeText(target.shape)}) that is different to the input size (${sizeText(input.shape)}) is deprecated. Please ensure they have the same size.`,
      )
    }
    const factors = weight?.expand(broadcastShapes(target.shape, weight.shape)) ?? null
    return operators.binaryCrossEntropy(input, target, factors, reduction)
  },
)

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** A factor for each class's positive samples. */
  posWeight?: Tensor | null
}
/** {@link binaryCrossEntropy} of `sigmoid(input)`, in a form that does not overflow. */
export const binaryCrossEntropyWithLogits: Loss<
  [weight: Tensor | null, ...OldReduction, posWeight: Tensor | null],
  BinaryCrossEntropyWithLogitsOptions
> = define(
  'binaryCrossEntropyWithLogits',
  { input: tensor, target: tensor, weight: optionalTensor, ...reductionParameters, posWeight: optionalTensor },
  (input: Tensor, target: Tensor, weight, average, reduce, given, posWeight) => {
    const reduction = reductionOf(average, reduce, given)
    if (String(target.shape) !== String(input.shape)) {
      throw new ShapeError(
        `Target size (${sizeText(target.shape)}) must be the same as input size (${sizeText(input.shape)})`,
      )
    }
    return functions.binaryCrossEntropyWithLogits(input, target, weight, posWeight, reduction)
  },
)

export interface KlDivOptions extends Omit<LossOptions, 'reduction'> {
  /** 'mean' divides by the number of elements, 'batchmean' by that of samples, which is the mathematical one. */
  reduction?: Reduction | 'batchmean'
  /** The target holds log probabilities, too (default `false`). */
  logTarget?: boolean
}
/** The Kullback-Leibler divergence; `input` holds log probabilities. */
export const klDiv: Loss<
  [sizeAverage: boolean | null, reduce: boolean | null, reduction: Reduction | 'batchmean', logTarget: boolean],
  KlDivOptions
> = define(
  'klDiv',
  { input: tensor, target: tensor, ...reductionParameters, logTarget: bool(false) },
  (input: Tensor, target: Tensor, average, reduce, reduction, logTarget) => {
    const old = average !== null || reduce !== null
    if (!old && reduction === 'mean') {
      warn(
        "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' in the next major release.",
      )
    }
    const kind = reductionOf(average, reduce, !old && reduction === 'batchmean' ? 'sum' : reduction)
    const loss = functions.klDiv(input, target, kind, { logTarget })
    return reduction === 'batchmean' && input.ndim !== 0 ? loss.div(input.shape[0]!) : loss
  },
)

export interface CtcLossOptions extends ReductionOptions {
  /** Index of the blank label (default `0`). */
  blank?: number
  /** Infinite losses and their gradients become 0 (default `false`). */
  zeroInfinity?: boolean
}
/** A tensor, or numbers. */
type Lengths = Tensor | readonly number[]
/** The connectionist temporal classification loss; `logProbs` is `(T, N, C)` or `(T, C)`. */
export const ctcLoss: Call<
  [logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths],
  [blank: number, reduction: Reduction, zeroInfinity: boolean],
  CtcLossOptions,
  { logProbs: Tensor; targets: Tensor; inputLengths: Lengths; targetLengths: Lengths }
> = define(
  'ctcLoss',
  {
    logProbs: tensor,
    targets: tensor,
    inputLengths: required,
    targetLengths: required,
    blank: number(0),
    reduction: any('mean'),
    zeroInfinity: bool(false),
  },
  (logProbs, targets, inputLengths, targetLengths, blank, reduction, zeroInfinity) =>
    functions.ctcLoss(logProbs, targets, inputLengths, targetLengths, blank, reductionNumber(reduction), zeroInfinity),
)

export interface MultiMarginLossOptions extends LossOptions {
  /** Exponent, 1 (default) or 2. */
  p?: number
  /** What the right class's score must exceed others by (default `1`). */
  margin?: number
  /** A factor for each class. */
  weight?: Tensor | null
}
/** The hinge loss of several classes. */
export const multiMarginLoss: Loss<
  [p: number, margin: number, weight: Tensor | null, ...OldReduction],
  MultiMarginLossOptions
> = define(
  'multiMarginLoss',
  { input: tensor, target: tensor, p: number(1), margin: number(1), weight: optionalTensor, ...reductionParameters },
  (input, target, p, margin, weight: Tensor | null, average, reduce, given) => {
    const reduction = reductionOf(average, reduce, given)
    if (p !== 1 && p !== 2) throw new ArgumentError('only p == 1 and p == 2 supported')
    if (weight && weight.ndim !== 1) throw new ShapeError('weight must be one-dimensional')
    return operators.multiMarginLoss(input, target, p, margin, weight, reduction)
  },
)
/** The hinge loss of several classes for each sample; rows of `target` list them and end with -1. */
export const multilabelMarginLoss = plainLoss('multilabelMarginLoss', operators.multilabelMarginLoss)
/** `log(1 + exp(-target · input))` with targets of 1 and -1. */
export const softMarginLoss = plainLoss('softMarginLoss', operators.softMarginLoss)

/** The mean of the binary cross entropies of all classes. */
export const multilabelSoftMarginLoss: Loss<[weight: Tensor | null, ...OldReduction], BinaryCrossEntropyOptions> =
  define(
    'multilabelSoftMarginLoss',
    { input: tensor, target: tensor, weight: optionalTensor, ...reductionParameters },
    (input: Tensor, target: Tensor, weight: Tensor | null, average, reduce, given) => {
      const reduction = reductionText(average, reduce, given)
      const right = target.mul(operators.logSigmoid(input))
      const wrong = functions.rsub(target, 1).mul(operators.logSigmoid(input.neg()))
      let loss = right.add(wrong).neg()
      if (weight) loss = loss.mul(weight)
      const classes = input.ndim - 1
      loss = loss.sum(classes).div(input.size(classes))
      if (reduction === 'none') return loss
      if (reduction === 'mean') return loss.mean()
      if (reduction === 'sum') return loss.sum()
      throw new ArgumentError(`${reduction} is not valid`)
    },
  )
