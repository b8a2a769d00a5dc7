/** Activations: element by element, and along one dimension. */
import { ArgumentError, ShapeError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import type { Dtype } from '../../tensor/dtype.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import { any, bool, define, number, optionalNumber, tensor, type Unary } from './call.js'

/** `x · Φ(x)`; `approximate` is 'none' (default) or 'tanh'. */
export const gelu = operators.gelu
/** `log(1 / (1 + exp(-x)))` */
export const logsigmoid = operators.logSigmoid
/** `log(1 + exp(beta · x)) / beta` (`beta` 1); the identity where `beta · x` exceeds `threshold` (20). */
export const softplus = operators.softplus
/** `x` shifted by `lambd` (0.5) towards zero; zero within it. */
export const softshrink = operators.softshrink
export {
  /** {@link celu}, in place. */
  celu_,
  /** `x` where it is outside of `[-lambd, lambd]` (0.5), else zero. */
  hardshrink,
  /** `x` where positive, else `weight · x`; one weight, or one for each channel. */
  prelu,
  /** {@link relu}, in place. */
  relu_,
  /** {@link rrelu}, in place. */
  rrelu_,
  /** {@link selu}, in place. */
  selu_,
  /** {@link threshold}, in place. */
  threshold_,
} from '../../generated/functions.js'
/** {@link elu}, in place. */
export const elu_ = operators.elu_
/** {@link hardtanh}, in place. */
export const hardtanh_ = operators.hardtanh_
/** {@link leakyRelu}, in place. */
export const leakyRelu_ = operators.leakyRelu_

export interface InplaceOptions {
  /** Writes the result into the input (default `false`). */
  inplace?: boolean
}
type Plain = Unary<[inplace: boolean], InplaceOptions>

const inPlace = (name: string, usual: (x: Tensor) => Tensor, written: (x: Tensor) => Tensor): Plain =>
  define(name, { input: tensor, inplace: bool(false) }, (input, inplace) => (inplace ? written(input) : usual(input)))

/** `max(0, x)` */
export const relu: Plain = inPlace('relu', functions.relu, functions.relu_)
/** `min(max(0, x), 6)` */
export const relu6: Plain = inPlace('relu6', operators.relu6, operators.relu6_)
/** `scale · (max(0, x) + min(0, α (exp(x) - 1)))` with the constants of self-normalising networks. */
export const selu: Plain = inPlace('selu', functions.selu, functions.selu_)
/** `x · σ(x)`, where σ is the logistic sigmoid. */
export const silu: Plain = inPlace('silu', operators.silu, operators.silu_)
/** `x · tanh(softplus(x))` */
export const mish: Plain = inPlace('mish', operators.mish, operators.mish_)
/** `x · relu6(x + 3) / 6` */
export const hardswish: Plain = inPlace('hardswish', operators.hardswish, operators.hardswish_)
/** `relu6(x + 3) / 6` */
export const hardsigmoid: Plain = inPlace('hardsigmoid', operators.hardsigmoid, operators.hardsigmoid_)

/** `1 / (1 + exp(-x))` */
export const sigmoid: Unary = define('sigmoid', { input: tensor }, (input) => functions.sigmoid(input))
/** The hyperbolic tangent. */
export const tanh: Unary = define('tanh', { input: tensor }, (input) => functions.tanh(input))
/** `x - tanh(x)` */
export const tanhshrink: Unary = define('tanhshrink', { input: tensor }, (input: Tensor) => input.sub(input.tanh()))
/** `x / (1 + |x|)` */
export const softsign: Unary = define('softsign', { input: tensor }, (input: Tensor) => input.div(input.abs().add(1)))

export interface AlphaOptions extends InplaceOptions {
  /** The limit for negative values is `-alpha` (default `1`). */
  alpha?: number
}
type Alpha = Unary<[alpha: number, inplace: boolean], AlphaOptions>
const alphaParameters = { input: tensor, alpha: number(1), inplace: bool(false) }
/** `x` where positive, else `alpha · (exp(x) - 1)`. */
export const elu: Alpha = define('elu', alphaParameters, (input, alpha, inplace) =>
  (inplace ? operators.elu_ : operators.elu)(input, alpha),
)
/** `max(0, x) + min(0, alpha · (exp(x / alpha) - 1))` */
export const celu: Alpha = define('celu', alphaParameters, (input, alpha, inplace) =>
  (inplace ? functions.celu_ : functions.celu)(input, alpha),
)

export interface LeakyReluOptions extends InplaceOptions {
  /** Factor of negative values (default `0.01`). */
  negativeSlope?: number
}
/** `x` where positive, else `negativeSlope · x`. */
export const leakyRelu: Unary<[negativeSlope: number, inplace: boolean], LeakyReluOptions> = define(
  'leakyRelu',
  { input: tensor, negativeSlope: number(0.01), inplace: bool(false) },
  (input, slope, inplace) => (inplace ? operators.leakyRelu_ : operators.leakyRelu)(input, slope),
)

export interface HardtanhOptions extends InplaceOptions {
  /** The smallest result (default `-1`). */
  minVal?: number
  /** The largest result (default `1`). */
  maxVal?: number
}
/** `x`, kept within `[minVal, maxVal]`. */
export const hardtanh: Unary<[minVal: number, maxVal: number, inplace: boolean], HardtanhOptions> = define(
  'hardtanh',
  { input: tensor, minVal: number(-1), maxVal: number(1), inplace: bool(false) },
  (input, min, max, inplace) => {
    if (min > max) throw new ArgumentError('min_val cannot be greater than max_val')
    return (inplace ? operators.hardtanh_ : operators.hardtanh)(input, min, max)
  },
)

export interface ThresholdOptions extends InplaceOptions {
  /** What values must exceed. */
  threshold: number
  /** What those become that do not. */
  value: number
}
/** `x` where it exceeds `threshold`, else `value`. */
export const threshold: {
  (input: Tensor, threshold: number, value: number, inplace?: boolean | InplaceOptions): Tensor
  (input: Tensor, options: ThresholdOptions): Tensor
  (options: { input: Tensor } & ThresholdOptions): Tensor
} = define(
  'threshold',
  { input: tensor, threshold: number(), value: number(), inplace: bool(false) },
  (input, limit, value, inplace) => (inplace ? functions.threshold_ : functions.threshold)(input, limit, value),
)

export interface RreluOptions extends InplaceOptions {
  /** Lower end of the slopes of negative values (default `1/8`). */
  lower?: number
  /** Upper end of them (default `1/3`). */
  upper?: number
  /** Draws a slope for each element; else it is the middle (default `false`). */
  training?: boolean
}
/** `x` where positive, else `a · x` with a slope between `lower` and `upper`. */
export const rrelu: Unary<[lower: number, upper: number, training: boolean, inplace: boolean], RreluOptions> = define(
  'rrelu',
  { input: tensor, lower: number(1 / 8), upper: number(1 / 3), training: bool(false), inplace: bool(false) },
  (input, lower, upper, training, inplace) =>
    (inplace ? functions.rrelu_ : functions.rrelu)(input, lower, upper, training),
)

/** Splits in two halves a, b along `dim` (default -1) and gives `a · σ(b)`. */
export const glu: Unary<[dim: number], { dim?: number }> = define(
  'glu',
  { input: tensor, dim: number(-1) },
  (input: Tensor, dim) => {
    if (input.ndim === 0) throw new ShapeError('glu does not support scalars because halving size must be even')
    return operators.glu(input, dim)
  },
)

/** The dimension that PyTorch takes when none is given. */
function implicitDim(name: string, input: Tensor): number {
  warn(`Implicit dimension choice for ${name} has been deprecated. Change the call to include dim=X as an argument.`)
  return [0, 1, 3].includes(input.ndim) ? 0 : 1
}

export interface SoftmaxOptions {
  /** Dimension along which the values sum to 1. */
  dim?: number | null
  /** The input is cast to it before. */
  dtype?: Dtype | null
}
type Softmax = Unary<[dim: number | null], SoftmaxOptions>
const softmaxParameters = { input: tensor, dim: optionalNumber, dtype: any(null) }
/** `exp(x) / Σ exp(x)` along a dimension. */
export const softmax: Softmax = define(
  'softmax',
  softmaxParameters,
  (input, dim, dtype) => functions.softmax(input, dim ?? implicitDim('softmax', input), dtype),
  2,
)
/** {@link softmax} of `-x`. */
export const softmin: Softmax = define(
  'softmin',
  softmaxParameters,
  (input: Tensor, dim, dtype) => functions.softmax(input.neg(), dim ?? implicitDim('softmin', input), dtype),
  2,
)
/** The logarithm of {@link softmax}. */
export const logSoftmax: Softmax = define(
  'logSoftmax',
  softmaxParameters,
  (input, dim, dtype) => functions.logSoftmax(input, dim ?? implicitDim('log_softmax', input), dtype),
  2,
)

export interface GumbelSoftmaxOptions {
  /** Temperature, above 0 (default `1`). */
  tau?: number
  /** Gives one-hot vectors whose gradient is that of the soft sample (default `false`). */
  hard?: boolean
  /** Has no effect any more. */
  eps?: number
  /** Dimension along which the values sum to 1 (default `-1`). */
  dim?: number
}
/** A sample of the Gumbel-softmax distribution of `logits`. */
export const gumbelSoftmax: {
  (logits: Tensor, tau?: number | GumbelSoftmaxOptions): Tensor
  (logits: Tensor, tau: number, hard?: boolean | GumbelSoftmaxOptions): Tensor
  (logits: Tensor, tau: number, hard: boolean, eps: number, dim?: number): Tensor
  (options: { logits: Tensor } & GumbelSoftmaxOptions): Tensor
} = define(
  'gumbelSoftmax',
  { logits: tensor, tau: number(1), hard: bool(false), eps: number(1e-10), dim: number(-1) },
  (logits: Tensor, tau, hard, eps, dim) => {
    if (eps !== 1e-10) warn('`eps` parameter is deprecated and has no effect.')
    const fresh = functions.emptyLike(logits, { memoryFormat: 'contiguous_format' })
    const gumbels = logits.add(fresh.exponential_().log().neg()).div(tau)
    const soft = gumbels.softmax(dim)
    if (!hard) return soft
    const [, index] = soft.max(dim, true) as unknown as [Tensor, Tensor]
    const zeros = functions.zerosLike(logits, { memoryFormat: 'contiguous_format' })
    return zeros.scatter_(dim, index, 1).sub(soft.detach()).add(soft)
  },
)
