/** MaxUnpool1d-3d: forward takes the size of the output, which is no tensor. Its checks are in native/nn/unpooling.cpp. */
import { ArgumentError } from '../errors.js'
import { MaxUnpool1d as Base1d, MaxUnpool2d as Base2d, MaxUnpool3d as Base3d } from '../generated/nn.js'
import { tensor } from '../tensor/creation.js'
import { describe } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'

/** The sizes of the spatial dimensions, or of all; null: the smallest that the windows can have come from. */
export type UnpoolOutputSize = readonly number[] | null

/** What the native layer takes: the sizes as a tensor. */
function forwardArguments(what: string, args: unknown[]): [Tensor, Tensor, Tensor?] {
  const [input, indices, sizes] = takeArguments(`${what}.forward`, ['input', 'indices', 'outputSize'], args)
  if (sizes === undefined || sizes === null) return [input as Tensor, indices as Tensor]
  if (!Array.isArray(sizes) || !sizes.every(Number.isSafeInteger)) {
    throw new ArgumentError(
      `${what}.forward: expected outputSize to be an array of integers, received ${describe(sizes)}`,
    )
  }
  return [input as Tensor, indices as Tensor, tensor(sizes, { dtype: 'int64' })]
}

/**
 * Puts the values of a pooled signal back to where they were, among zeros. `MaxPool1d` with `returnIndices` gives the indices.
 * Shape: input and indices `(N, C, L)` or `(C, L)` → `(N, C, Lout)`; several lengths can have been pooled to the same one:
 * `outputSize` says which.
 * @throws {@link TorchError} `ERR_SHAPE` for an `outputSize` of which pooling does not give the size of the input
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool1d.html
 */
export class MaxUnpool1d extends Base1d {
  override forward(input: Tensor, indices: Tensor): Tensor
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutputSize | undefined): Tensor
  override forward(input: Tensor, indices: Tensor, options: { outputSize?: UnpoolOutputSize }): Tensor
  override forward(...args: unknown[]): Tensor {
    return super.forward(...forwardArguments('MaxUnpool1d', args))
  }
}

/**
 * Puts the values of a pooled image back to where they were, among zeros. `MaxPool2d` with `returnIndices` gives the indices.
 * Shape: input and indices `(N, C, H, W)` or `(C, H, W)` → `(N, C, Hout, Wout)`; several sizes can have been pooled to the same
 * one: `outputSize` says which.
 * @throws {@link TorchError} `ERR_SHAPE` for an `outputSize` of which pooling does not give the size of the input
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool2d.html
 */
export class MaxUnpool2d extends Base2d {
  override forward(input: Tensor, indices: Tensor): Tensor
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutputSize | undefined): Tensor
  override forward(input: Tensor, indices: Tensor, options: { outputSize?: UnpoolOutputSize }): Tensor
  override forward(...args: unknown[]): Tensor {
    return super.forward(...forwardArguments('MaxUnpool2d', args))
  }
}

/**
 * Puts the values of a pooled volume back to where they were, among zeros. `MaxPool3d` with `returnIndices` gives the indices.
 * Shape: input and indices `(N, C, D, H, W)` or `(C, D, H, W)` → `(N, C, Dout, Hout, Wout)`; several sizes can have been pooled
 * to the same one: `outputSize` says which.
 * @throws {@link TorchError} `ERR_SHAPE` for an `outputSize` of which pooling does not give the size of the input
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool3d.html
 */
export class MaxUnpool3d extends Base3d {
  override forward(input: Tensor, indices: Tensor): Tensor
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutputSize | undefined): Tensor
  override forward(input: Tensor, indices: Tensor, options: { outputSize?: UnpoolOutputSize }): Tensor
  override forward(...args: unknown[]): Tensor {
    return super.forward(...forwardArguments('MaxUnpool3d', args))
  }
}
