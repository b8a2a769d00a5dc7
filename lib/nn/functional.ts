/**
 * `torch.nn.functional`: what layers compute, as functions. Arguments come in Python's order, or by name in a trailing options
 * object. Rules and defaults: torch/nn/functional.py, PyTorch 2.13.
 */
import { ArgumentError, ShapeError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { nn as operators } from '../generated/namespaces.js'
import type { Dtype } from '../tensor/dtype.js'
import { operatorFunction } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'

export { conv1d, conv2d, conv3d } from '../generated/functions.js'
export {
  type MultiHeadAttentionForwardOptions,
  multiHeadAttentionForward,
  scaledDotProductAttention,
} from './attention.js'

const broadcastTensors = operatorFunction('aten::broadcast_tensors')

/** `y = x Aᵀ + b`; `weight` is `(outFeatures, inFeatures)`. */
export const linear = operators.linear
/** `x · Φ(x)`; `approximate` is 'none' (default) or 'tanh'. */
export const gelu = operators.gelu

/** `1 / (1 + exp(-x))` */
export function sigmoid(input: Tensor): Tensor {
  return functions.sigmoid(input)
}
export function tanh(input: Tensor): Tensor {
  return functions.tanh(input)
}

type InplaceOptions = { inplace?: boolean }

/** `max(0, x)`; `inplace` writes the result into the input. */
export function relu(input: Tensor, inplace?: boolean | InplaceOptions): Tensor
export function relu(options: { input: Tensor } & InplaceOptions): Tensor
export function relu(...args: unknown[]): Tensor {
  const [input, inplace] = takeArguments('relu', ['input', 'inplace'], args)
  return flag('relu', 'inplace', inplace, false) ? functions.relu_(input as Tensor) : functions.relu(input as Tensor)
}

/** `x · σ(x)`, where σ is the logistic sigmoid. */
export function silu(input: Tensor, inplace?: boolean | InplaceOptions): Tensor
export function silu(options: { input: Tensor } & InplaceOptions): Tensor
export function silu(...args: unknown[]): Tensor {
  const [input, inplace] = takeArguments('silu', ['input', 'inplace'], args)
  return flag('silu', 'inplace', inplace, false) ? operators.silu_(input as Tensor) : operators.silu(input as Tensor)
}

export interface LeakyReluOptions extends InplaceOptions {
  /** Factor of negative values (default `0.01`). */
  negativeSlope?: number
}
/** `x` where positive, else `negativeSlope · x`. */
export function leakyRelu(input: Tensor, options?: LeakyReluOptions): Tensor
export function leakyRelu(input: Tensor, negativeSlope: number, inplace?: boolean | InplaceOptions): Tensor
export function leakyRelu(...args: unknown[]): Tensor {
  const [input, slope = 0.01, inplace] = takeArguments('leakyRelu', ['input', 'negativeSlope', 'inplace'], args)
  const call = flag('leakyRelu', 'inplace', inplace, false) ? operators.leakyRelu_ : operators.leakyRelu
  return call(input as Tensor, slope as number)
}

/** The dimension that PyTorch takes when none is given. */
function implicitDim(name: string, input: Tensor): number {
  process.emitWarning(
    `Implicit dimension choice for ${name} has been deprecated. Change the call to include dim as an argument.`,
    'DeprecationWarning',
  )
  return [0, 1, 3].includes(input.ndim) ? 0 : 1
}

export interface SoftmaxOptions {
  /** Dimension along which the values sum to 1. */
  dim?: number | null
  /** The input is cast to it before. */
  dtype?: Dtype | null
}
/** `exp(x) / Σ exp(x)` along a dimension. */
export function softmax(input: Tensor, options?: SoftmaxOptions): Tensor
export function softmax(input: Tensor, dim: number | null, options?: Omit<SoftmaxOptions, 'dim'>): Tensor
export function softmax(...args: unknown[]): Tensor {
  const [input, dim, dtype] = takeArguments('softmax', ['input', 'dim', 'dtype'], args, 2) as [Tensor, number?, Dtype?]
  return functions.softmax(input, dim ?? implicitDim('softmax', input), dtype ?? null)
}
/** The logarithm of {@link softmax}. */
export function logSoftmax(input: Tensor, options?: SoftmaxOptions): Tensor
export function logSoftmax(input: Tensor, dim: number | null, options?: Omit<SoftmaxOptions, 'dim'>): Tensor
export function logSoftmax(...args: unknown[]): Tensor {
  const [input, dim, dtype] = takeArguments('logSoftmax', ['input', 'dim', 'dtype'], args, 2) as [
    Tensor,
    number?,
    Dtype?,
  ]
  return functions.logSoftmax(input, dim ?? implicitDim('logSoftmax', input), dtype ?? null)
}

export interface DropoutOptions extends InplaceOptions {
  /** Probability of an element to be zeroed, in [0, 1] (default `0.5`). */
  p?: number
  /** Without it the input is given back (default `true`). */
  training?: boolean
}
/** Zeroes elements at random and scales the others by `1 / (1 - p)`. */
export function dropout(input: Tensor, options?: DropoutOptions): Tensor
export function dropout(input: Tensor, p: number, options?: Omit<DropoutOptions, 'p'>): Tensor
export function dropout(input: Tensor, p: number, training: boolean, inplace?: boolean | InplaceOptions): Tensor
export function dropout(...args: unknown[]): Tensor {
  const [input, p = 0.5, training, inplace] = takeArguments('dropout', ['input', 'p', 'training', 'inplace'], args)
  if (!((p as number) >= 0 && (p as number) <= 1)) {
    throw new ArgumentError(`dropout probability has to be between 0 and 1, but got ${p}`)
  }
  const call = flag('dropout', 'inplace', inplace, false) ? functions.dropout_ : functions.dropout
  return call(input as Tensor, p as number, flag('dropout', 'training', training, true))
}

type Sizes = number | readonly number[]
export interface MaxPool2dOptions {
  /** Step of the window (default: its size). */
  stride?: Sizes | null
  /** Added at both sides as -∞; at most half of the window (default `0`). */
  padding?: Sizes
  /** Distance between elements of the window (default `1`). */
  dilation?: Sizes
  /** Counts a last window that is not full, too (default `false`). */
  ceilMode?: boolean
  /** Gives `[output, indices]` (default `false`). */
  returnIndices?: boolean
}
const poolNames = ['input', 'kernelSize', 'stride', 'padding', 'dilation', 'ceilMode', 'returnIndices']

/** The largest value in each window of an image. */
export function maxPool2d(
  input: Tensor,
  kernelSize: Sizes,
  options: MaxPool2dOptions & { returnIndices: true },
): [Tensor, Tensor]
export function maxPool2d(input: Tensor, kernelSize: Sizes, options?: MaxPool2dOptions): Tensor
export function maxPool2d(
  input: Tensor,
  kernelSize: Sizes,
  stride: Sizes | null,
  options?: Omit<MaxPool2dOptions, 'stride'>,
): Tensor
export function maxPool2d(
  input: Tensor,
  kernelSize: Sizes,
  stride: Sizes | null,
  padding: Sizes,
  dilation?: Sizes,
  ceilMode?: boolean,
  returnIndices?: boolean,
): Tensor
export function maxPool2d(...args: unknown[]): Tensor | [Tensor, Tensor] {
  const [input, kernel, stride, padding = 0, dilation = 1, ceilMode, indices] = takeArguments(
    'maxPool2d',
    poolNames,
    args,
  )
  const call = flag('maxPool2d', 'returnIndices', indices, false) ? operators.maxPool2dWithIndices : functions.maxPool2d
  const steps = (stride ?? []) as Sizes
  const ceil = flag('maxPool2d', 'ceilMode', ceilMode, false)
  return call(input as Tensor, kernel as Sizes, steps, padding as Sizes, dilation as Sizes, ceil)
}
/** {@link maxPool2d} with the position of each largest value in its input plane. */
export function maxPool2dWithIndices(
  input: Tensor,
  kernelSize: Sizes,
  options: Omit<MaxPool2dOptions, 'returnIndices'> = {},
): [Tensor, Tensor] {
  return maxPool2d(input, kernelSize, { ...options, returnIndices: true })
}

export interface BatchNormOptions {
  weight?: Tensor | null
  bias?: Tensor | null
  /** Normalises by the batch and updates the running statistics (default `false`). */
  training?: boolean
  /** Share of the newest batch in the running statistics, in [0, 1] (default `0.1`). */
  momentum?: number
  /** Added to the variance (default `1e-5`). */
  eps?: number
}
const batchNormNames = ['input', 'runningMean', 'runningVar', 'weight', 'bias', 'training', 'momentum', 'eps']

/** Normalises each channel. */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options?: BatchNormOptions,
): Tensor
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias?: Tensor | null,
  training?: boolean,
  momentum?: number,
  eps?: number,
): Tensor
export function batchNorm(...args: unknown[]): Tensor {
  const [input, mean = null, variance = null, weight = null, bias = null, training, momentum = 0.1, eps = 1e-5] =
    takeArguments('batchNorm', batchNormNames, args) as [Tensor, ...any[]]
  const byBatch = flag('batchNorm', 'training', training, false)
  const { shape } = input
  if (byBatch && shape.reduce((product, size, i) => (i === 1 ? product : product * size), 1) === 1) {
    throw new ShapeError(
      `Expected more than 1 value per channel when training, got input size torch.Size([${shape.join(', ')}])`,
    )
  }
  return functions.batchNorm(input, weight, bias, mean, variance, byBatch, momentum, eps, true)
}

/** How the losses of the elements become the result: their mean (default), their sum, or each for itself. */
export type Reduction = 'none' | 'mean' | 'sum'
interface LossOptions {
  reduction?: Reduction
  /** PyTorch's old form of `reduction`. */
  sizeAverage?: boolean | null
  /** PyTorch's old form of `reduction`. */
  reduce?: boolean | null
}

function reductionNumber(what: string, reduction: unknown, sizeAverage: unknown, reduce: unknown): number {
  if (typeof sizeAverage === 'boolean' || typeof reduce === 'boolean') {
    if (reduce === false) return 0
    return sizeAverage === false ? 2 : 1
  }
  const at = ['none', 'mean', 'sum'].indexOf(reduction as string)
  if (at < 0) throw new ArgumentError(`${what}(): ${reduction} is not a valid value for reduction`)
  return at
}

export interface MseLossOptions extends LossOptions {
  /** A factor for each element, in the shape of the input. */
  weight?: Tensor | null
}
const mseNames = ['input', 'target', 'sizeAverage', 'reduce', 'reduction', 'weight']

/** The squared difference of input and target. */
export function mseLoss(input: Tensor, target: Tensor, options?: MseLossOptions): Tensor
export function mseLoss(
  input: Tensor,
  target: Tensor,
  sizeAverage: boolean | null,
  reduce?: boolean | null,
  reduction?: Reduction,
  weight?: Tensor | null,
): Tensor
export function mseLoss(...args: unknown[]): Tensor {
  const [input, target, sizeAverage, reduce, reduction = 'mean', weight = null] = takeArguments(
    'mseLoss',
    mseNames,
    args,
  ) as [Tensor, Tensor, ...any[]]
  const kind = reductionNumber('mseLoss', reduction, sizeAverage, reduce)
  const [from, to] = broadcastTensors([input, target]) as [Tensor, Tensor]
  if (weight === null) return operators.mseLoss(from, to, kind)
  if (String(weight.shape) !== String(input.shape)) throw new ShapeError('Weights and input must have the same size.')
  const squares = from.sub(to).pow(2).mul(weight)
  if (kind === 0) return squares
  return kind === 2 ? squares.sum() : squares.sum().div(weight.sum())
}

export interface NllLossOptions extends LossOptions {
  /** A factor for each class. */
  weight?: Tensor | null
  /** Class index whose samples do not count (default `-100`). */
  ignoreIndex?: number
}
const nllNames = ['input', 'target', 'weight', 'sizeAverage', 'ignoreIndex', 'reduce', 'reduction']

/** The negative log likelihood: `input` holds log probabilities, `target` class indices. */
export function nllLoss(input: Tensor, target: Tensor, options?: NllLossOptions): Tensor
export function nllLoss(
  input: Tensor,
  target: Tensor,
  weight: Tensor | null,
  options?: Omit<NllLossOptions, 'weight'>,
): Tensor
export function nllLoss(...args: unknown[]): Tensor {
  const [input, target, weight = null, sizeAverage, ignoreIndex = -100, reduce, reduction = 'mean'] = takeArguments(
    'nllLoss',
    nllNames,
    args,
  ) as [Tensor, Tensor, ...any[]]
  return operators.nllLossNd(
    input,
    target,
    weight,
    reductionNumber('nllLoss', reduction, sizeAverage, reduce),
    ignoreIndex,
  )
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of the target that is spread evenly over all classes, in [0, 1] (default `0`). */
  labelSmoothing?: number
}
const crossEntropyNames = [...nllNames, 'labelSmoothing']

/** The cross entropy between scores and class indices or probabilities. */
export function crossEntropy(input: Tensor, target: Tensor, options?: CrossEntropyOptions): Tensor
export function crossEntropy(
  input: Tensor,
  target: Tensor,
  weight: Tensor | null,
  options?: Omit<CrossEntropyOptions, 'weight'>,
): Tensor
export function crossEntropy(...args: unknown[]): Tensor {
  const [input, target, weight = null, average, ignoreIndex = -100, reduce, reduction = 'mean', smoothing = 0] =
    takeArguments('crossEntropy', crossEntropyNames, args) as [Tensor, Tensor, ...any[]]
  const kind = reductionNumber('crossEntropy', reduction, average, reduce)
  return operators.crossEntropyLoss(input, target, weight, kind, ignoreIndex, smoothing)
}
