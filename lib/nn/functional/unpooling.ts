/** The way back from max pooling: values at their positions, zeros elsewhere. */
import { ArgumentError, ShapeError } from '../../errors.js'
import { nn as operators } from '../../generated/namespaces.js'
import { listText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type Call, define, sizes, tensor } from './call.js'
import type { Sizes } from './pooling.js'

export interface MaxUnpoolOptions {
  /** Step of the pooling's window (default: its size). */
  stride?: Sizes | null
  /** Padding of the pooling (default `0`). */
  padding?: Sizes
  /** Size of the result, with or without batch and channels, where several have the same pooling. */
  outputSize?: readonly number[] | null
}
type MaxUnpool = Call<
  [input: Tensor, indices: Tensor, kernelSize: Sizes],
  [stride: Sizes | null, padding: Sizes, outputSize: readonly number[] | null],
  MaxUnpoolOptions,
  { input: Tensor; indices: Tensor; kernelSize: Sizes }
>

const tuple = (size: Sizes, n: number): readonly number[] =>
  typeof size === 'number' ? Array.from({ length: n }, () => size) : size

/** Source: _unpool_output_size. */
function unpooledSize(
  input: Tensor,
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  size: readonly number[] | null,
): readonly number[] {
  const n = kernel.length
  const { shape } = input
  const usual = kernel.map((k, d) => (shape[shape.length - n + d]! - 1) * stride[d]! + k - 2 * padding[d]!)
  if (size === null) size = usual
  else {
    if (size.length === n + 2) size = size.slice(2)
    if (size.length !== n) {
      throw new ShapeError(
        `output_size should be a sequence containing ${n} or ${n + 2} elements, but it has a length of '${size.length}'`,
      )
    }
    for (let d = 0; d < n; d++) {
      const min = usual[d]! - stride[d]!
      const max = usual[d]! + stride[d]!
      if (!(min < size[d]! && size[d]! < max)) {
        throw new ShapeError(`invalid output_size "${listText(size)}" (dim ${d} must be between ${min} and ${max})`)
      }
    }
  }
  const negative = size.findIndex((n) => n < 0)
  if (negative >= 0) {
    throw new ArgumentError(
      `max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[${negative}]=${size[negative]}`,
    )
  }
  return size
}

function maxUnpool(
  name: string,
  n: number,
  unpool: (
    input: Tensor,
    indices: Tensor,
    size: readonly number[],
    stride: readonly number[],
    padding: readonly number[],
  ) => Tensor,
): MaxUnpool {
  const parameters = {
    input: tensor,
    indices: tensor,
    kernelSize: sizes(),
    stride: sizes(null),
    padding: sizes(0),
    outputSize: sizes(null),
  }
  return define(name, parameters, (input, indices, kernelSize, step, pad, size) => {
    const kernel = tuple(kernelSize, n)
    const stride = step === null ? kernel : tuple(step, n)
    const padding = tuple(pad, n)
    return unpool(input, indices, unpooledSize(input, kernel, stride, padding, size), stride, padding)
  })
}
/** Undoes `maxPool1d` with the indices that it gave. */
export const maxUnpool1d = maxUnpool('maxUnpool1d', 1, (input, indices, size) =>
  operators.maxUnpool2d(input.unsqueeze(-1), indices.unsqueeze(-1), [...size, 1]).squeeze(-1),
)
/** Undoes `maxPool2d` with the indices that it gave. */
export const maxUnpool2d = maxUnpool('maxUnpool2d', 2, (input, indices, size) =>
  operators.maxUnpool2d(input, indices, size),
)
/** Undoes `maxPool3d` with the indices that it gave. */
export const maxUnpool3d = maxUnpool('maxUnpool3d', 3, operators.maxUnpool3d)
