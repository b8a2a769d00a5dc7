import { ArgumentError, ShapeError } from '../errors.js'
import { Linear } from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe } from '../tensor/operator.js'
import { Buffer } from '../tensor/parameter.js'
import { floatText, tupleText } from '../tensor/python-text.js'
import { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'
import { needTensor } from './call.js'
import { linearCrossEntropy } from './functional/linear-cross-entropy.js'
import type { Reduction } from './functional/reduction.js'
import { LinearCrossEntropyOptions } from './linear-cross-entropy-options.js'
import { Module } from './module.js'
import { announceFields } from './registration-hooks.js'

/** Arguments of {@link LinearCrossEntropyLoss} by name. */
export interface LinearCrossEntropyLossOptions {
  /** Size of each input sample, > 0. */
  inFeatures?: number
  /** Number of classes, > 0. */
  numClasses?: number
  /** Sizes of further dimensions of the scores, for a loss of K dimensions (default: none). */
  outFeatures?: readonly number[]
  /** Whether the linear layer has a bias (default `false`). */
  bias?: boolean
  device?: Device | null
  dtype?: Dtype | null
  /** 'mean', 'sum', or 'none' for a loss of each element (default `'mean'`). */
  reduction?: Reduction
  /** A factor for each class, `(numClasses)`. */
  weight?: Tensor | null
  /** Class index whose samples do not count (default: -100); not with probabilities as target. */
  ignoreIndex?: number | null
  /** Share of the target that is spread evenly over all classes, in [0, 1] (default `0`). */
  labelSmoothing?: number
  /** Computes in chunks of the batch; null (default): all at once. */
  options?: LinearCrossEntropyOptions | null
}

const what = 'LinearCrossEntropyLoss'
const names = [
  'inFeatures',
  'numClasses',
  'outFeatures',
  'bias',
  'device',
  'dtype',
  'reduction',
  'weight',
  'ignoreIndex',
  'labelSmoothing',
  'options',
]

/**
 * A linear layer and the cross entropy of its scores in one; with `options` the scores of all samples never exist at once.
 * Shape: input `(N, inFeatures)` or `(inFeatures)`; target: class indices `(N)`, `()` or `(N, *outFeatures)`, or probabilities
 * `(N, numClasses, *outFeatures)` → a scalar, or the shape of the class indices without reduction.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LinearCrossEntropyLoss.html
 */
export class LinearCrossEntropyLoss extends Module {
  reduction: Reduction
  weight: Buffer | null
  numClasses: number
  outFeatures: readonly number[]
  ignoreIndex: number | null
  labelSmoothing: number
  linear: Linear
  options: LinearCrossEntropyOptions | null

  /** @throws {@link ShapeError} for class weights of another size than `numClasses` */
  constructor(
    inFeatures: number,
    numClasses: number,
    options?: Omit<LinearCrossEntropyLossOptions, 'inFeatures' | 'numClasses'>,
  )
  constructor(options: LinearCrossEntropyLossOptions & { inFeatures: number; numClasses: number })
  constructor(...args: unknown[]) {
    super()
    const [
      inFeatures,
      classes,
      out = [],
      bias = false,
      device,
      dtype,
      reduction,
      weight,
      ignore,
      smoothing = 0,
      options,
    ] = takeArguments(what, names, args, 2) as any[]
    for (const [name, value] of Object.entries({ inFeatures, numClasses: classes })) {
      if (value === undefined) throw new ArgumentError(`${what}: ${name} is required`)
      if (!Number.isSafeInteger(value))
        throw new ArgumentError(`${what}: expected ${name} to be an integer, received ${describe(value)}`)
    }
    if (!Array.isArray(out) || !out.every(Number.isSafeInteger))
      throw new ArgumentError(`${what}: expected outFeatures to be an array of integers, received ${describe(out)}`)
    if (weight && !(weight instanceof Tensor))
      throw new ArgumentError(`${what}: expected weight to be a Tensor or null, received ${describe(weight)}`)
    if (weight && (weight.ndim !== 1 || weight.shape[0] !== classes))
      throw new ShapeError(`expected weight shape to be (${classes},), got ${tupleText(weight.shape)}`)
    if (typeof smoothing !== 'number')
      throw new ArgumentError(`${what}: expected labelSmoothing to be a number, received ${describe(smoothing)}`)
    if (smoothing < 0 || smoothing > 1)
      throw new ArgumentError(`expected label_smoothing to be in range [0, 1], got ${floatText(smoothing)}`)
    if (options && !(options instanceof LinearCrossEntropyOptions))
      throw new ArgumentError(
        `${what}: expected options to be LinearCrossEntropyOptions, received ${describe(options)}`,
      )
    this.reduction = reduction ?? 'mean'
    this.weight = weight ? (weight instanceof Buffer ? weight : new Buffer(weight)) : null
    this.numClasses = classes
    this.outFeatures = out
    this.ignoreIndex = ignore ?? null
    this.labelSmoothing = smoothing
    const factory = { device: device ?? null, dtype: dtype ?? null }
    this.linear = new Linear(inFeatures, product(classes, out), { bias, ...factory })
    this.options = options ?? null
    announceFields(this)
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    for (const [name, value] of Object.entries({ input, target }))
      needTensor('LinearCrossEntropyLoss.forward', name, value)
    const { numClasses, outFeatures, weight, reduction, ignoreIndex, labelSmoothing, options } = this
    const bias = this.linear.bias as Tensor | null
    return linearCrossEntropy(
      input,
      this.linear.weight.reshape([numClasses, ...outFeatures, this.linear.inFeatures]),
      target,
      {
        linearBias: bias?.reshape([numClasses, ...outFeatures]) ?? null,
        ...{ weight, reduction, ignoreIndex, labelSmoothing, options },
      },
    )
  }

  override extraRepr(): string {
    const { linear, numClasses, outFeatures, reduction, ignoreIndex, labelSmoothing, options } = this
    const bias = (linear.bias as Tensor | null) === null ? 'False' : 'True'
    return (
      `in_features=${linear.inFeatures}, num_classes=${numClasses}, out_features=${tupleText(outFeatures)}, bias=${bias}, ` +
      `reduction=${reduction}, ignore_index=${ignoreIndex ?? 'None'}, label_smoothing=${floatText(labelSmoothing)}, ` +
      `options=${options ?? 'None'}`
    )
  }
}

function product(start: number, sizes: readonly number[]): number {
  return sizes.reduce((count, size) => count * size, start)
}
