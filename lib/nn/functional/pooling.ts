/** Pooling over windows: the largest values, means and norms. */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, bool, type Call, define, number, sizes, tensor } from './call.js'

export type Sizes = number | readonly number[]
export interface MaxPoolOptions {
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
/** @deprecated The name that these options had for images. */
export type MaxPool2dOptions = MaxPoolOptions

export type Window<P extends unknown[], O extends object, T = Tensor> = Call<
  [input: Tensor, kernelSize: Sizes],
  P,
  O,
  { input: Tensor; kernelSize: Sizes },
  T
>
type MaxPositional = [stride: Sizes | null, padding: Sizes, dilation: Sizes, ceilMode: boolean]
type WithIndices = Window<[...MaxPositional, returnIndices: boolean], MaxPoolOptions, [Tensor, Tensor]>
/** With `returnIndices: true` the result is a pair. */
type MaxPool = {
  (input: Tensor, kernelSize: Sizes, options: MaxPoolOptions & { returnIndices: true }): [Tensor, Tensor]
  (
    input: Tensor,
    kernelSize: Sizes,
    stride: Sizes | null,
    options: MaxPoolOptions & { returnIndices: true },
  ): [Tensor, Tensor]
  (
    input: Tensor,
    kernelSize: Sizes,
    stride: Sizes | null | undefined,
    padding: Sizes | undefined,
    dilation: Sizes | undefined,
    ceilMode: boolean | undefined,
    returnIndices: true,
  ): [Tensor, Tensor]
} & Window<[...MaxPositional, returnIndices: boolean], MaxPoolOptions>

type Pool = (input: Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceilMode: boolean) => any

function maxPool(name: string, values: Pool, both: Pool): [usual: MaxPool, withIndices: WithIndices] {
  const parameters = {
    input: tensor,
    kernelSize: sizes(),
    stride: sizes(null),
    padding: sizes(0),
    dilation: sizes(1),
    ceilMode: bool(false),
    returnIndices: bool(false),
  }
  const body =
    (always: boolean) =>
    (input: Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil: boolean, indices: boolean) =>
      (always || indices ? both : values)(input, kernel, stride ?? [], padding, dilation, ceil)
  return [define(name, parameters, body(false)), define(`${name}WithIndices`, parameters, body(true))]
}

/** max_pool1d does not check its arithmetic: LibTorch 2.13 crashes or runs for hours where its relatives throw this. */
function checked(pool: Pool): Pool {
  return (input, ...rest) => {
    for (const size of rest.slice(0, 4).flat() as (number | bigint)[]) {
      if (size >= 2 ** 31 || size < -(2 ** 31))
        throw new ArgumentError('value cannot be converted to type int without overflow')
    }
    return pool(input, ...rest)
  }
}

const max1 = maxPool('maxPool1d', checked(functions.maxPool1d), checked(functions.maxPool1dWithIndices))
const max2 = maxPool('maxPool2d', functions.maxPool2d, operators.maxPool2dWithIndices)
const max3 = maxPool('maxPool3d', functions.maxPool3d, operators.maxPool3dWithIndices)
/** The largest value in each window of a sequence. */
export const maxPool1d = max1[0]
/** {@link maxPool1d} with the position of each largest value. */
export const maxPool1dWithIndices = max1[1]
/** The largest value in each window of an image. */
export const maxPool2d = max2[0]
/** {@link maxPool2d} with the position of each largest value in its input plane. */
export const maxPool2dWithIndices = max2[1]
/** The largest value in each window of a volume. */
export const maxPool3d = max3[0]
/** {@link maxPool3d} with the position of each largest value in its input volume. */
export const maxPool3dWithIndices = max3[1]

export interface AvgPoolOptions {
  /** Step of the window (default: its size). */
  stride?: Sizes | null
  /** Zeros at both sides; at most half of the window (default `0`). */
  padding?: Sizes
  /** Counts a last window that is not full, too (default `false`). */
  ceilMode?: boolean
  /** Whether the zeros of the padding count (default `true`). */
  countIncludePad?: boolean
  /** Divides by this instead of the number of elements (images and volumes only). */
  divisorOverride?: number | null
}
type AvgPool = Window<
  [stride: Sizes | null, padding: Sizes, ceilMode: boolean, countIncludePad: boolean, divisorOverride: number | null],
  AvgPoolOptions
>
type AvgPool1d = Window<
  [stride: Sizes | null, padding: Sizes, ceilMode: boolean, countIncludePad: boolean],
  Omit<AvgPoolOptions, 'divisorOverride'>
>
const avgParameters = {
  input: tensor,
  kernelSize: sizes(),
  stride: sizes(null),
  padding: sizes(0),
  ceilMode: bool(false),
  countIncludePad: bool(true),
}
const avgParametersDivisor = { ...avgParameters, divisorOverride: any(null) }

/** The mean of each window of a sequence. */
export const avgPool1d: AvgPool1d = define('avgPool1d', avgParameters, (input, kernel, stride, ...rest) =>
  functions.avgPool1d(input, kernel, stride ?? [], ...(rest as [Sizes, boolean, boolean])),
)
/** The mean of each window of an image. */
export const avgPool2d: AvgPool = define('avgPool2d', avgParametersDivisor, (input, kernel, stride, ...rest) =>
  operators.avgPool2d(input, kernel, stride ?? [], ...(rest as [Sizes, boolean, boolean, number | null])),
)
/** The mean of each window of a volume. */
export const avgPool3d: AvgPool = define('avgPool3d', avgParametersDivisor, (input, kernel, stride, ...rest) =>
  operators.avgPool3d(input, kernel, stride ?? [], ...(rest as [Sizes, boolean, boolean, number | null])),
)

type LpPool = Call<
  [input: Tensor, normType: number, kernelSize: Sizes],
  [stride: Sizes | null, ceilMode: boolean],
  { stride?: Sizes | null; ceilMode?: boolean },
  { input: Tensor; normType: number; kernelSize: Sizes }
>

/** The `normType`-norm of each window. Source: lp_pool1d, lp_pool2d, lp_pool3d. */
function lpPool(name: string, dimensions: number, max: MaxPool, avg: AvgPool1d | AvgPool): LpPool {
  const parameters = {
    input: tensor,
    normType: number(),
    kernelSize: sizes(),
    stride: sizes(null),
    ceilMode: bool(false),
  }
  return define(name, parameters, (input: Tensor, norm: number, kernel: Sizes, stride, ceil) => {
    if (norm === Number.POSITIVE_INFINITY) return max(input.abs(), kernel, stride, 0, 1, ceil)
    if (norm === Number.NEGATIVE_INFINITY) return max(input.abs().neg(), kernel, stride, 0, 1, ceil).neg()
    const mean = avg(input.pow(norm), kernel, stride, 0, ceil)
    const each = typeof kernel === 'number' ? Array.from({ length: dimensions }, () => kernel) : kernel
    const count = each.reduce((product, size) => product * size, 1)
    return functions
      .sign(mean)
      .mul(functions.relu(functions.abs(mean)))
      .mul(count)
      .pow(1 / norm)
  })
}
/** The norm of each window of a sequence: `(Σ x^p)^(1/p)`; the largest value for p = ∞. */
export const lpPool1d = lpPool('lpPool1d', 1, maxPool1d, avgPool1d)
/** The norm of each window of an image. */
export const lpPool2d = lpPool('lpPool2d', 2, maxPool2d, avgPool2d)
/** The norm of each window of a volume. */
export const lpPool3d = lpPool('lpPool3d', 3, maxPool3d, avgPool3d)
