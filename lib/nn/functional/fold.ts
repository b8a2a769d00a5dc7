/** Sliding windows as columns and back, and shuffles of channels and pixels. */
import { nn as operators } from '../../generated/namespaces.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type Call, define, sizes, tensor } from './call.js'
import type { Sizes } from './pooling.js'

export { channelShuffle, nativeChannelShuffle, pixelShuffle, pixelUnshuffle } from '../../generated/functions.js'

export interface UnfoldOptions {
  /** Distance between elements of a window (default `1`). */
  dilation?: Sizes
  /** Zeros at both sides (default `0`). */
  padding?: Sizes
  /** Step of the window (default `1`). */
  stride?: Sizes
}
type Positional = [dilation: Sizes, padding: Sizes, stride: Sizes]
const pair = (size: Sizes): readonly number[] => (typeof size === 'number' ? [size, size] : size)
const steps = { dilation: sizes(1), padding: sizes(0), stride: sizes(1) }

/** The windows of an image as columns: `(N, C, H, W)` → `(N, C · window, windows)`. */
export const unfold: Call<
  [input: Tensor, kernelSize: Sizes],
  Positional,
  UnfoldOptions,
  { input: Tensor; kernelSize: Sizes }
> = define('unfold', { input: tensor, kernelSize: sizes(), ...steps }, (input, kernel, dilation, padding, stride) =>
  operators.im2col(input, pair(kernel), pair(dilation), pair(padding), pair(stride)),
)
/** Sums columns that {@link unfold} made back into images. */
export const fold: Call<
  [input: Tensor, outputSize: Sizes, kernelSize: Sizes],
  Positional,
  UnfoldOptions,
  { input: Tensor; outputSize: Sizes; kernelSize: Sizes }
> = define(
  'fold',
  { input: tensor, outputSize: sizes(), kernelSize: sizes(), ...steps },
  (input, size, kernel, dilation, padding, stride) =>
    operators.col2im(input, pair(size), pair(kernel), pair(dilation), pair(padding), pair(stride)),
)
