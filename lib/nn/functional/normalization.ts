/** Normalisation of channels, groups and samples. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import { backends } from '../../tensor/context.js'
import { listText, sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import {
  bool,
  type Call,
  define,
  number,
  optionalNumber,
  optionalTensor,
  required,
  tensor,
  type Unary,
} from './call.js'

const cudnn = (): boolean => backends.cudnn.enabled

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

/** Source: _verify_batch_size. */
function verifyBatch(size: readonly number[], shown: string): void {
  if (size.reduce((product, n, i) => (i === 1 ? product : product * n), 1) === 1) {
    throw new ShapeError(`Expected more than 1 value per channel when training, got input size ${shown}`)
  }
}

/** Normalises each channel. */
export const batchNorm: Call<
  [input: Tensor, runningMean: Tensor | null, runningVar: Tensor | null],
  [weight: Tensor | null, bias: Tensor | null, training: boolean, momentum: number, eps: number],
  BatchNormOptions,
  { input: Tensor; runningMean: Tensor | null; runningVar: Tensor | null }
> = define(
  'batchNorm',
  {
    input: tensor,
    runningMean: { ...optionalTensor, required: true, usual: undefined },
    runningVar: { ...optionalTensor, required: true, usual: undefined },
    weight: optionalTensor,
    bias: optionalTensor,
    training: bool(false),
    momentum: number(0.1),
    eps: number(1e-5),
  },
  (input: Tensor, mean, variance, weight, bias, training, momentum, eps) => {
    if (training) verifyBatch(input.shape, sizeText(input.shape))
    if (training && eps <= 0) throw new ArgumentError(`batch_norm eps must be positive during training, but got ${eps}`)
    if (eps < 0) throw new ArgumentError(`batch_norm eps must be non-negative, but got ${eps}`)
    return functions.batchNorm(input, weight, bias, mean, variance, training, momentum, eps, cudnn())
  },
)

export interface InstanceNormOptions {
  runningMean?: Tensor | null
  runningVar?: Tensor | null
  weight?: Tensor | null
  bias?: Tensor | null
  /** Normalises by each sample, not by the running statistics (default `true`). */
  useInputStats?: boolean
  /** Share of the newest batch in the running statistics, in [0, 1] (default `0.1`). */
  momentum?: number
  /** Added to the variance (default `1e-5`). */
  eps?: number
}
/** Normalises each channel of each sample. */
export const instanceNorm: Unary<
  [
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    weight: Tensor | null,
    bias: Tensor | null,
    useInputStats: boolean,
    momentum: number,
    eps: number,
  ],
  InstanceNormOptions
> = define(
  'instanceNorm',
  {
    input: tensor,
    runningMean: optionalTensor,
    runningVar: optionalTensor,
    weight: optionalTensor,
    bias: optionalTensor,
    useInputStats: bool(true),
    momentum: number(0.1),
    eps: number(1e-5),
  },
  (input: Tensor, mean, variance, weight, bias, useInputStats, momentum, eps) => {
    const { shape } = input
    if (useInputStats && shape.slice(2).reduce((product, n) => product * n, 1) === 1) {
      throw new ShapeError(`Expected more than 1 spatial element when training, got input size ${sizeText(shape)}`)
    }
    return functions.instanceNorm(input, weight, bias, mean, variance, useInputStats, momentum, eps, cudnn())
  },
)

export interface LayerNormOptions {
  weight?: Tensor | null
  bias?: Tensor | null
  /** Added to the variance (default `1e-5`). */
  eps?: number
}
/** Normalises over the last dimensions, whose sizes are `normalizedShape`. */
export const layerNorm: Call<
  [input: Tensor, normalizedShape: readonly number[]],
  [weight: Tensor | null, bias: Tensor | null, eps: number],
  LayerNormOptions,
  { input: Tensor; normalizedShape: readonly number[] }
> = define(
  'layerNorm',
  { input: tensor, normalizedShape: required, weight: optionalTensor, bias: optionalTensor, eps: number(1e-5) },
  (input, shape, weight, bias, eps) => functions.layerNorm(input, shape, weight, bias, eps, cudnn()),
)

export interface RmsNormOptions {
  weight?: Tensor | null
  /** Added to the mean square (default: the machine epsilon of the dtype). */
  eps?: number | null
}
/** Divides by the root of the mean square over the last dimensions. */
export const rmsNorm: Call<
  [input: Tensor, normalizedShape: readonly number[]],
  [weight: Tensor | null, eps: number | null],
  RmsNormOptions,
  { input: Tensor; normalizedShape: readonly number[] }
> = define(
  'rmsNorm',
  { input: tensor, normalizedShape: required, weight: optionalTensor, eps: optionalNumber },
  (input, shape, weight, eps) => functions.rmsNorm(input, shape, weight, eps),
)

/** Normalises the channels of each sample in `numGroups` groups. */
export const groupNorm: Call<
  [input: Tensor, numGroups: number],
  [weight: Tensor | null, bias: Tensor | null, eps: number],
  LayerNormOptions,
  { input: Tensor; numGroups: number }
> = define(
  'groupNorm',
  { input: tensor, numGroups: number(), weight: optionalTensor, bias: optionalTensor, eps: number(1e-5) },
  (input: Tensor, groups: number, weight, bias, eps) => {
    const { shape } = input
    if (shape.length < 2)
      throw new ShapeError(`Expected at least 2 dimensions for input tensor but received ${shape.length}`)
    if (groups === 0) throw new ArgumentError('integer division or modulo by zero')
    const sizes = [Math.floor((shape[0]! * shape[1]!) / groups), groups, ...shape.slice(2)]
    verifyBatch(sizes, listText(sizes))
    return functions.groupNorm(input, groups, weight, bias, eps, cudnn())
  },
)

export interface LocalResponseNormOptions {
  /** Factor of the sum of squares (default `1e-4`). */
  alpha?: number
  /** Exponent (default `0.75`). */
  beta?: number
  /** Added (default `1`). */
  k?: number
}
/** Divides by a power of the mean square of `size` neighbouring channels. */
export const localResponseNorm: Call<
  [input: Tensor, size: number],
  [alpha: number, beta: number, k: number],
  LocalResponseNormOptions,
  { input: Tensor; size: number }
> = define(
  'localResponseNorm',
  { input: tensor, size: number(), alpha: number(1e-4), beta: number(0.75), k: number(1) },
  (input: Tensor, size: number, alpha, beta, k) => {
    const { ndim, shape } = input
    if (ndim < 3) {
      throw new ShapeError(
        `Expected 3D or higher dimensionality                          input (got ${ndim} dimensions)`,
      )
    }
    if (input.numel() === 0) return input
    const around = [Math.floor(size / 2), Math.floor((size - 1) / 2)]
    const squares = input.mul(input)
    let mean: Tensor
    if (ndim === 3) {
      const padded = operators.pad(squares.unsqueeze(1), [0, 0, ...around])
      mean = operators.avgPool2d(padded, [size, 1], 1).squeeze(1)
    } else {
      const volume = squares.view([shape[0]!, 1, shape[1]!, shape[2]!, -1])
      const padded = operators.pad(volume, [0, 0, 0, 0, ...around])
      mean = operators.avgPool3d(padded, [size, 1, 1], 1).squeeze(1).view(shape)
    }
    return input.div(mean.mul(alpha).add(k).pow(beta))
  },
)
