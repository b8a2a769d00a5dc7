/** Linear maps and convolutions. The operators themselves, whose arguments are Python's. */
import { nn as operators } from '../../generated/namespaces.js'

export {
  /** `x₁ᵀ A x₂ + b` for each matrix A of `weight`. */
  bilinear,
  conv1d,
  conv2d,
  conv3d,
  convTbc,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from '../../generated/functions.js'
/** `y = x Aᵀ + b`; `weight` is `(outFeatures, inFeatures)`. */
export const linear = operators.linear
