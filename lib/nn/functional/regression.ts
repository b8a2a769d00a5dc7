/** Losses of numbers: how far the input is from its target. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import { noGrad } from '../../tensor/autograd.js'
import { operatorFunction } from '../../tensor/operator.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, bool, define, number, optionalBool, optionalTensor, required, tensor } from './call.js'
import {
  type Loss,
  type LossOptions,
  type OldReduction,
  type Reduction,
  type ReductionOptions,
  reductionNumber,
  reductionParameters,
  reductionText,
  warnOfShapes,
} from './reduction.js'

const broadcastTensors = operatorFunction('aten::broadcast_tensors') as (tensors: Tensor[]) => [Tensor, Tensor]

export interface WeightedLossOptions extends LossOptions {
  /** A factor for each element, in the shape of the input. */
  weight?: Tensor | null
}
/** @deprecated {@link WeightedLossOptions} */
export type MseLossOptions = WeightedLossOptions
type Weighted = Loss<[...OldReduction, weight: Tensor | null], WeightedLossOptions>

function weighted(losses: Tensor, weight: Tensor, reduction: string, byWeight: boolean): Tensor {
  const products = losses.mul(weight)
  if (reduction === 'none') return products
  if (reduction === 'sum') return products.sum()
  if (reduction === 'mean') return byWeight ? products.sum().div(weight.sum()) : products.mean()
  throw new ArgumentError(`Invalid reduction mode: ${reduction}. Expected one of 'none', 'mean', 'sum'.`)
}
function checkWeight(weight: Tensor, input: Tensor): void {
  if (String(weight.shape) !== String(input.shape)) throw new ShapeError('Weights and input must have the same size.')
}

const differences = (
  name: string,
  loss: (input: Tensor, target: Tensor, reduction: number) => Tensor,
  each: (difference: Tensor) => Tensor,
): Weighted =>
  define(
    name,
    { input: tensor, target: tensor, ...reductionParameters, weight: optionalTensor },
    (input, target, average, reduce, given, weight) => {
      warnOfShapes(input, target)
      const reduction = reductionText(average, reduce, given)
      const [from, to] = broadcastTensors([input, target])
      if (weight === null) return loss(from, to, reductionNumber(reduction))
      checkWeight(weight, input)
      return weighted(each(from.sub(to)), weight, reduction, true)
    },
  )
/** The squared difference of input and target. */
export const mseLoss = differences('mseLoss', operators.mseLoss, (difference) => difference.pow(2))
/** The absolute difference of input and target. */
export const l1Loss = differences('l1Loss', operators.l1Loss, (difference) => difference.abs())

export interface SmoothL1LossOptions extends LossOptions {
  /** Below this difference the loss is quadratic (default `1`). */
  beta?: number
}
/** Quadratic for small differences, linear for others. */
export const smoothL1Loss: Loss<[...OldReduction, beta: number], SmoothL1LossOptions> = define(
  'smoothL1Loss',
  { input: tensor, target: tensor, ...reductionParameters, beta: number(1) },
  (input, target, average, reduce, given, beta) => {
    warnOfShapes(input, target)
    const reduction = reductionText(average, reduce, given)
    const [from, to] = broadcastTensors([input, target])
    if (beta === 0) return operators.l1Loss(from, to, reductionNumber(reduction))
    return operators.smoothL1Loss(from, to, reductionNumber(reduction), beta)
  },
)

export interface HuberLossOptions extends ReductionOptions {
  /** Below this difference the loss is quadratic, above it linear with this slope (default `1`). */
  delta?: number
  /** A factor for each element, in the shape of the input. */
  weight?: Tensor | null
}
/** Half the square of small differences, linear for others. */
export const huberLoss: Loss<[reduction: Reduction, delta: number, weight: Tensor | null], HuberLossOptions> = define(
  'huberLoss',
  { input: tensor, target: tensor, reduction: any('mean'), delta: number(1), weight: optionalTensor },
  (input, target, reduction, delta, weight) => {
    warnOfShapes(input, target)
    const [from, to] = broadcastTensors([input, target])
    if (weight === null) return operators.huberLoss(from, to, reductionNumber(reduction), delta)
    checkWeight(weight, input)
    return weighted(operators.huberLoss(from, to, 0, delta), weight, reduction, false)
  },
)

export interface PoissonNllLossOptions extends LossOptions {
  /** The input is the logarithm of the expectation (default `true`). */
  logInput?: boolean
  /** Adds Stirling's approximation (default `false`). */
  full?: boolean
  /** Keeps the logarithm from 0 where `logInput` is false (default `1e-8`). */
  eps?: number
}
/** The negative log likelihood of Poisson distributed targets. */
export const poissonNllLoss: Loss<
  [
    logInput: boolean,
    full: boolean,
    sizeAverage: boolean | null,
    eps: number,
    reduce: boolean | null,
    reduction: Reduction,
  ],
  PoissonNllLossOptions
> = define(
  'poissonNllLoss',
  {
    input: tensor,
    target: tensor,
    logInput: bool(true),
    full: bool(false),
    sizeAverage: optionalBool,
    eps: number(1e-8),
    reduce: optionalBool,
    reduction: any('mean'),
  },
  (input, target, logInput, full, average, eps, reduce, given) => {
    const reduction = reductionText(average, reduce, given)
    if (!['none', 'mean', 'sum'].includes(reduction))
      throw new ArgumentError(`${reduction} is not a valid value for reduction`)
    return functions.poissonNllLoss(input, target, logInput, full, eps, reductionNumber(reduction))
  },
)

export interface GaussianNllLossOptions extends ReductionOptions {
  /** Adds the constant `log(2π) / 2` (default `false`). */
  full?: boolean
  /** The least variance (default `1e-6`). */
  eps?: number
}
/** The negative log likelihood of normally distributed targets; `var` is their variance, ≥ 0. */
export const gaussianNllLoss: {
  (
    input: Tensor,
    target: Tensor,
    variance: Tensor | number,
    full?: boolean | GaussianNllLossOptions,
    eps?: number | Omit<GaussianNllLossOptions, 'full'>,
    reduction?: Reduction | ReductionOptions,
  ): Tensor
  (input: Tensor, target: Tensor, options: { var: Tensor | number } & GaussianNllLossOptions): Tensor
  (options: { input: Tensor; target: Tensor; var: Tensor | number } & GaussianNllLossOptions): Tensor
} = define(
  'gaussianNllLoss',
  { input: tensor, target: tensor, var: required, full: bool(false), eps: number(1e-6), reduction: any('mean') },
  (input: Tensor, target: Tensor, given: Tensor | number, full, eps, reduction) => {
    let variance: Tensor
    if (typeof given === 'number') {
      if (given < 0) throw new ArgumentError('var has negative entry/entries')
      variance = functions.onesLike(input).mul(given)
    } else {
      if (given.lt(0).any().item()) throw new ArgumentError('var has negative entry/entries')
      variance = given
    }
    const { shape } = input
    if (String(variance.shape) !== String(shape)) {
      const unequal = variance.shape.filter((n, i) => n !== shape[i])
      if (String(variance.shape) === String(shape.slice(0, -1))) variance = variance.unsqueeze(-1)
      else if (variance.ndim !== input.ndim || unequal.reduce((sum, n) => sum + n, 0) !== 1)
        throw new ShapeError('var is of incorrect size')
    }
    if (!['none', 'mean', 'sum'].includes(reduction)) throw new ArgumentError(`${reduction} is not valid`)
    variance = variance.clone()
    noGrad(() => variance.clamp_(eps))
    const loss = variance.log().add(input.sub(target).pow(2).div(variance)).mul(0.5)
    if (full) loss.add_(0.5 * Math.log(2 * Math.PI))
    return reduction === 'mean' ? loss.mean() : reduction === 'sum' ? loss.sum() : loss
  },
)
