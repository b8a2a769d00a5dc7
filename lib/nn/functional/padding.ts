/** Padding at the ends of dimensions. */
import { nn as operators } from '../../generated/namespaces.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type Call, define, optionalNumber, required, tensor, text } from './call.js'

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular'
export interface PadOptions {
  /** What is added: a constant (default), the input reflected or repeated from the other end, or its border. */
  mode?: PadMode
  /** The constant (default `0`). */
  value?: number | null
}
/** Adds elements before and after; `pad` counts them from the last dimension on: `[left, right, top, bottom, …]`. */
export const pad: Call<
  [input: Tensor, pad: readonly number[]],
  [mode: PadMode, value: number | null],
  PadOptions,
  { input: Tensor; pad: readonly number[] }
> = define(
  'pad',
  { input: tensor, pad: required, mode: text('constant'), value: optionalNumber },
  (input, pad, mode, value) => operators.pad(input, pad, mode, value),
)
