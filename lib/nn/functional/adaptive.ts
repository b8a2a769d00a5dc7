/** Pooling to a given size of the output: adaptive and fractional windows. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, bool, type Call, define, optionalTensor, required, sizes, tensor } from './call.js'
import type { Sizes, Window } from './pooling.js'

/** A size for each dimension, where `null` keeps the input's, or one for all. */
export type OutputSize = number | readonly (number | null)[]

/** `outputSize` with the input's sizes in place of null. Source: _list_with_default, torch/nn/modules/utils.py. */
function withDefaults(size: OutputSize, input: Tensor): Sizes {
  if (!Array.isArray(size)) return size as number
  if (input.ndim <= size.length) throw new ShapeError(`Input dimension should be at least ${size.length + 1}`)
  return size.map((n, i) => n ?? input.shape[input.ndim - size.length + i]!)
}

type Adaptive<P extends unknown[], O extends object, T> = Call<
  [input: Tensor, outputSize: OutputSize],
  P,
  O,
  { input: Tensor; outputSize: OutputSize },
  T
>
type AdaptiveOptions = {
  /** Gives `[output, indices]` (default `false`). */
  returnIndices?: boolean
}
type AdaptiveWithIndices = Adaptive<[returnIndices: boolean], AdaptiveOptions, [Tensor, Tensor]>
type AdaptiveMax = ((
  input: Tensor,
  outputSize: OutputSize,
  returnIndices: true | { returnIndices: true },
) => [Tensor, Tensor]) &
  Adaptive<[returnIndices: boolean], AdaptiveOptions, Tensor>

function adaptiveMax(
  name: string,
  pool: (input: Tensor, size: any) => [Tensor, Tensor],
): [AdaptiveMax, AdaptiveWithIndices] {
  const parameters = { input: tensor, outputSize: required, returnIndices: bool(false) }
  const both = (input: Tensor, size: OutputSize) => pool(input, withDefaults(size, input))
  return [
    define(name, parameters, (input, size, indices) => (indices ? both(input, size) : both(input, size)[0])),
    define(`${name}WithIndices`, parameters, both),
  ]
}
const max1 = adaptiveMax('adaptiveMaxPool1d', functions.adaptiveMaxPool1d)
const max2 = adaptiveMax('adaptiveMaxPool2d', operators.adaptiveMaxPool2d)
const max3 = adaptiveMax('adaptiveMaxPool3d', operators.adaptiveMaxPool3d)
/** The largest values of a sequence in `outputSize` windows. */
export const adaptiveMaxPool1d = max1[0]
/** {@link adaptiveMaxPool1d} with the position of each largest value. */
export const adaptiveMaxPool1dWithIndices = max1[1]
/** The largest values of an image in `outputSize` windows. */
export const adaptiveMaxPool2d = max2[0]
/** {@link adaptiveMaxPool2d} with the position of each largest value. */
export const adaptiveMaxPool2dWithIndices = max2[1]
/** The largest values of a volume in `outputSize` windows. */
export const adaptiveMaxPool3d = max3[0]
/** {@link adaptiveMaxPool3d} with the position of each largest value. */
export const adaptiveMaxPool3dWithIndices = max3[1]

type AdaptiveAvg = Adaptive<[], object, Tensor>
const avgParameters = { input: tensor, outputSize: required }
/** The means of a sequence in `outputSize` windows. */
export const adaptiveAvgPool1d: AdaptiveAvg = define('adaptiveAvgPool1d', avgParameters, (input, size) =>
  functions.adaptiveAvgPool1d(input, size),
)
/** The means of an image in `outputSize` windows. */
export const adaptiveAvgPool2d: AdaptiveAvg = define('adaptiveAvgPool2d', avgParameters, (input, size) =>
  operators.adaptiveAvgPool2d(input, withDefaults(size, input)),
)
/** The means of a volume in `outputSize` windows. */
export const adaptiveAvgPool3d: AdaptiveAvg = define('adaptiveAvgPool3d', avgParameters, (input, size) =>
  operators.adaptiveAvgPool3d(input, withDefaults(size, input)),
)

export interface FractionalOptions {
  /** Size of the output; this or `outputRatio` is needed. */
  outputSize?: Sizes | null
  /** Size of the output as a share of the input, in (0, 1). */
  outputRatio?: number | readonly number[] | null
  /** Gives `[output, indices]` (default `false`). */
  returnIndices?: boolean
  /** Where the windows begin: `(N, C, dimensions)`, in [0, 1); drawn when not given. */
  _randomSamples?: Tensor | null
}
type FractionalPositional = [
  outputSize: Sizes | null,
  outputRatio: number | readonly number[] | null,
  returnIndices: boolean,
  _randomSamples: Tensor | null,
]
type FractionalWithIndices = Window<FractionalPositional, FractionalOptions, [Tensor, Tensor]>
type Fractional = ((
  input: Tensor,
  kernelSize: Sizes,
  options: FractionalOptions & { returnIndices: true },
) => [Tensor, Tensor]) &
  Window<FractionalPositional, FractionalOptions>

/** Source: fractional_max_pool2d_with_indices, fractional_max_pool3d_with_indices. */
function fractional(
  name: string,
  python: string,
  n: number,
  pool: (input: Tensor, kernel: Sizes, size: Sizes, samples: Tensor) => [Tensor, Tensor],
): [Fractional, FractionalWithIndices] {
  const parameters = {
    input: tensor,
    kernelSize: sizes(),
    outputSize: sizes(null),
    outputRatio: any(null),
    returnIndices: bool(false),
    _randomSamples: optionalTensor,
  }
  const both = (
    input: Tensor,
    kernel: Sizes,
    size: Sizes | null,
    ratio: number | number[] | null,
    _: boolean,
    samples: Tensor | null,
  ) => {
    if (size === null && ratio === null)
      throw new ArgumentError(`${python} requires specifying either an output_size or an output_ratio`)
    if (size === null) {
      if (n === 2 && Array.isArray(ratio) && ratio.length > 2) {
        throw new ArgumentError(`${python} requires output_ratio to either be a single Int or tuple of Ints.`)
      }
      size = input.shape.slice(-n).map((length, i) => Math.trunc(length * (Array.isArray(ratio) ? ratio[i]! : ratio!)))
    }
    const { dtype, device } = input
    const batch = input.ndim === n + 1 ? 1 : input.size(0)
    samples ??= functions.rand([batch, input.size(-n - 1), n], { dtype, device })
    return pool(input, kernel, size, samples)
  }
  return [
    define(name, parameters, (input, kernel, size, ratio, indices, samples) => {
      const pair = both(input, kernel, size, ratio, indices, samples)
      return indices ? pair : pair[0]
    }),
    define(`${name}WithIndices`, parameters, both),
  ]
}
const fraction2 = fractional('fractionalMaxPool2d', 'fractional_max_pool2d', 2, operators.fractionalMaxPool2d)
const fraction3 = fractional('fractionalMaxPool3d', 'fractional_max_pool3d', 3, operators.fractionalMaxPool3d)
/** The largest values of an image in windows whose places are drawn. */
export const fractionalMaxPool2d = fraction2[0]
/** {@link fractionalMaxPool2d} with the position of each largest value. */
export const fractionalMaxPool2dWithIndices = fraction2[1]
/** The largest values of a volume in windows whose places are drawn. */
export const fractionalMaxPool3d = fraction3[0]
/** {@link fractionalMaxPool3d} with the position of each largest value. */
export const fractionalMaxPool3dWithIndices = fraction3[1]
