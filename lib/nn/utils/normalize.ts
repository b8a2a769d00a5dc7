import { linalg } from '../../generated/namespaces.js'
import type { Tensor } from '../../tensor/tensor.js'

/** A vector of length 1; `eps` is the least that it is divided by. As `nn.functional.normalize`. */
export function normalized(vector: Tensor, eps: number): Tensor {
  return vector.div(linalg.vectorNorm(vector, 2, [0], true).clampMin(eps).expandAs(vector))
}

/** A weight as a matrix whose rows are those of dimension `dim`; further dimensions make up the columns. */
export function asMatrix(weight: Tensor, dim: number): Tensor {
  if (dim !== 0) {
    weight = weight.permute([dim, ...weight.shape.map((_, i) => i).filter((i) => i !== dim)])
  }
  return weight.reshape([weight.shape[0]!, -1])
}
