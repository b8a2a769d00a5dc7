import { Module } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'

/** Gives the dimensions of its input in another order, as {@link Tensor.permute}: a layer without parameters. */
export class Permute extends Module {
  dims: readonly number[]

  constructor(dims: readonly number[]) {
    super()
    this.dims = dims
  }
  override forward(x: Tensor): Tensor {
    return x.permute(this.dims)
  }
}
