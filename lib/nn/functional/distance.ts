/** Distances, similarities, lengths, and one-hot vectors. */
import { nn as operators } from '../../generated/namespaces.js'
import { norm } from '../../tensor/python-functions.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, define, number, tensor, type Unary } from './call.js'

export {
  /** `x₁ · x₂ / (‖x₁‖ ‖x₂‖)` along `dim` (1). */
  cosineSimilarity,
  /** The p-norm of the difference of rows. */
  pairwiseDistance,
  /** The p-norm distances of all pairs of rows. */
  pdist,
} from '../../generated/functions.js'
/** Class indices as rows of zeros and a one; `numClasses` -1 (default) is one more than the largest index. */
export const oneHot = operators.oneHot

export interface NormalizeOptions {
  /** Exponent of the norm (default `2`). */
  p?: number
  /** Dimension or dimensions whose values make up a vector (default `1`). */
  dim?: number | readonly number[]
  /** The least that is divided by (default `1e-12`). */
  eps?: number
}
/** Vectors divided by their lengths. */
export const normalize: Unary<[p: number, dim: number | readonly number[], eps: number], NormalizeOptions> = define(
  'normalize',
  { input: tensor, p: number(2), dim: any(1), eps: number(1e-12) },
  (input: Tensor, p, dim, eps) => input.div(norm(input, p, dim, true).clampMin(eps).expandAs(input)),
)
