/** Dropout: of elements and of whole channels. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import type { InplaceOptions } from './activation.js'
import { bool, define, number, tensor, type Unary } from './call.js'

export interface DropoutOptions extends InplaceOptions {
  /** Probability to be zeroed, in [0, 1] (default `0.5`). */
  p?: number
  /** Without it the input is given back. Default `true`; of the alpha dropouts `false`. */
  training?: boolean
}
type Dropout = Unary<[p: number, training: boolean, inplace: boolean], DropoutOptions>

function dropoutLike(
  name: string,
  body: (input: Tensor, p: number, training: boolean, inplace: boolean) => Tensor,
  training = true,
): Dropout {
  return define(
    name,
    { input: tensor, p: number(0.5), training: bool(training), inplace: bool(false) },
    (input, p, train, inplace) => {
      if (p < 0 || p > 1) throw new ArgumentError(`dropout probability has to be between 0 and 1, but got ${p}`)
      return body(input, p, train, inplace)
    },
  )
}

/** Zeroes elements at random and scales the others by `1 / (1 - p)`. */
export const dropout = dropoutLike('dropout', (input, p, training, inplace) =>
  (inplace ? functions.dropout_ : functions.dropout)(input, p, training),
)
/** Dropout that keeps mean and variance of inputs that have mean 0 and variance 1. */
export const alphaDropout = dropoutLike(
  'alphaDropout',
  (input, p, training, inplace) => (inplace ? functions.alphaDropout_ : functions.alphaDropout)(input, p, training),
  false,
)
/** {@link alphaDropout} of whole channels. */
export const featureAlphaDropout = dropoutLike(
  'featureAlphaDropout',
  (input, p, training, inplace) =>
    (inplace ? functions.featureAlphaDropout_ : functions.featureAlphaDropout)(input, p, training),
  false,
)

function channels(input: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  return (inplace ? functions.featureDropout_ : functions.featureDropout)(input, p, training)
}
function oneSample(input: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  const result = channels(inplace ? input.unsqueeze_(0) : input.unsqueeze(0), p, training, inplace)
  return inplace ? result.squeeze_(0) : result.squeeze(0)
}

/** Zeroes whole channels of `(N, C, L)` or `(C, L)`. */
export const dropout1d = dropoutLike('dropout1d', (input, p, training, inplace) => {
  const n = input.ndim
  if (n !== 2 && n !== 3) {
    throw new ShapeError(
      `dropout1d: Expected 2D or 3D input, but received a ${n}D input. Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs).`,
    )
  }
  return (n === 3 ? channels : oneSample)(input, p, training, inplace)
})

const otherRank = (name: string, n: number, spatial: number, ranks: string) =>
  warn(
    `${name}: Received a ${n}-D input to ${name}, which is deprecated and will result in an error in a future release. To retain the behavior and silence this warning, please use dropout instead. Note that ${name} exists to provide channel-wise dropout on inputs with ${spatial} spatial dimensions, a channel dimension, and an optional batch dimension (i.e. ${ranks} inputs).`,
  )

/** Zeroes whole channels of `(N, C, H, W)`; with three dimensions the input is `(N, C, L)`, as in Python. */
export const dropout2d = dropoutLike('dropout2d', (input, p, training, inplace) => {
  const n = input.ndim
  if (n !== 3 && n !== 4) otherRank('dropout2d', n, 2, '3D or 4D')
  if (n === 3) {
    warn(
      'dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using dropout1d instead.',
    )
  }
  return channels(input, p, training, inplace)
})
/** Zeroes whole channels of `(N, C, D, H, W)` or `(C, D, H, W)`. */
export const dropout3d = dropoutLike('dropout3d', (input, p, training, inplace) => {
  const n = input.ndim
  if (n !== 4 && n !== 5) otherRank('dropout3d', n, 3, '4D or 5D')
  return (n === 5 ? channels : oneSample)(input, p, training, inplace)
})
