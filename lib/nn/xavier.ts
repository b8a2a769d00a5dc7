/** Glorot's initialisation, for attention. Rules: torch/nn/init.py, PyTorch 2.13. */
import { noGrad } from '../tensor/autograd.js'
import type { Tensor } from '../tensor/tensor.js'

/** `√(2 / (inputs + outputs))` of a weight with at least two dimensions. */
function deviation(weight: Tensor): number {
  const [rows, columns, ...field] = weight.shape as [number, number, ...number[]]
  const reach = field.reduce((product, size) => product * size, 1)
  return Math.sqrt(2 / (columns * reach + rows * reach))
}

export function xavierUniform_(weight: Tensor): void {
  const bound = Math.sqrt(3) * deviation(weight)
  noGrad(() => weight.uniform_(-bound, bound))
}

export function xavierNormal_(weight: Tensor): void {
  noGrad(() => weight.normal_(0, deviation(weight)))
}
