import { ArgumentError, ShapeError } from '../errors.js'
import { Linear } from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, operatorFunction } from '../tensor/operator.js'
import { Buffer } from '../tensor/parameter.js'
import { floatText, tupleText } from '../tensor/python-text.js'
import { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'
import { needTensor } from './call.js'
import { LinearCrossEntropyOptions } from './linear-cross-entropy-options.js'
import { Module } from './module.js'

const linear = operatorFunction('aten::linear')
const crossEntropyLoss = operatorFunction('aten::cross_entropy_loss')
const inChunks = operatorFunction('libtorch_node::linear_cross_entropy_chunked')

type Reduction = 'none' | 'mean' | 'sum'

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

interface Settings {
  linearBias: Tensor | null
  weight: Tensor | null
  reduction: Reduction
  ignoreIndex: number | null
  labelSmoothing: number
  options: LinearCrossEntropyOptions | null
}

/** The cross entropy of `linear(input, linearWeight, linearBias)`: torch/nn/functional.py, linear_cross_entropy, PyTorch 2.13. */
export function linearCrossEntropy(input: Tensor, linearWeight: Tensor, target: Tensor, settings: Settings): Tensor {
  const { linearBias: bias, weight, reduction, labelSmoothing: smoothing, options } = settings
  const { batch, features, scores } = checkShapes(input, linearWeight, bias)
  const shape = [...batch, ...scores]
  if (same(target.shape, shape) && settings.ignoreIndex !== null)
    throw new ArgumentError('ignore_index cannot be specified when target contains probabilities')
  const ignoreIndex = settings.ignoreIndex ?? -100
  const further = scores.slice(1)
  if (options !== null) {
    if (further.length === 0 && reductions.includes(reduction) && smoothing === 0 && target.dtype === 'int64') {
      const [x, y] = batch.length === 1 ? [input, target] : [input.unsqueeze(0), target.unsqueeze(0)]
      const { size, policy, dtype } = options._chunking(x.shape[0]!, features, scores[0]!, x.dtype, x.device)
      const { allowRetainGraph } = options
      const loss = inChunks(
        x,
        linearWeight,
        y,
        bias,
        weight,
        reduction,
        ignoreIndex,
        size,
        policy,
        dtype,
        allowRetainGraph,
      )
      return batch.length === 1 ? loss : loss.squeeze(0)
    }
    warnOfIgnored(settings, target, further)
  }
  const count = product(1, scores)
  const flat = further.length > 0
  const logits = linear(
    input,
    flat ? linearWeight.reshape([count, features]) : linearWeight,
    bias && flat ? bias.reshape(count) : bias,
  ).reshape(shape)
  return crossEntropyLoss(logits, target, weight, reductionNumber(reduction), ignoreIndex, smoothing)
}

const reductions = ['none', 'mean', 'sum']

function reductionNumber(reduction: string): number {
  const at = reductions.indexOf(reduction)
  if (at < 0) throw new ArgumentError(`${reduction} is not a valid value for reduction`)
  return at
}

function checkShapes(
  input: Tensor,
  linearWeight: Tensor,
  bias: Tensor | null,
): { batch: number[]; features: number; scores: number[] } {
  if (input.ndim < 1 || input.ndim > 2)
    throw new ShapeError(`expected input with dimensionality 1 or 2, got ${input.ndim}`)
  if (linearWeight.ndim < 2)
    throw new ShapeError(`expected linear_weight with dimensionality at least 2, got ${linearWeight.ndim}`)
  const batch = input.shape.slice(0, -1)
  const features = input.shape.at(-1)!
  const scores = linearWeight.shape.slice(0, -1)
  if (features !== linearWeight.shape.at(-1)) {
    throw new ShapeError(
      `expected equal input and linear_weight last dimensions (in_features), got ${features} and ${linearWeight.shape.at(-1)}, respectively`,
    )
  }
  if (bias !== null && !same(bias.shape, scores))
    throw new ShapeError(`expected linear_bias shape ${tupleText(scores)}, got ${tupleText(bias.shape)}`)
  if (scores.length > 1 && batch.length === 0) {
    throw new ShapeError(
      `K-dimensional loss defined by linear_weight shape ${tupleText(linearWeight.shape)} requires batched input, (N, ${features}), got unbatched input with shape ${tupleText(input.shape)}`,
    )
  }
  return { batch, features, scores }
}

const warned = new Set<string>()

function warnOfIgnored({ reduction, labelSmoothing, linearBias }: Settings, target: Tensor, further: number[]): void {
  const text =
    "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, label_smoothing == 0, " +
    `target.dtype == int64, out_features == (). Got reduction='${reduction}', label_smoothing=${floatText(labelSmoothing)}, ` +
    `target.dtype=torch.${target.dtype}, out_features=${tupleText(further)}, tracing=False, ` +
    `linear_bias.shape=${linearBias ? tupleText(linearBias.shape) : 'None'}.`
  if (warned.has(text)) return
  warned.add(text)
  process.emitWarning(text, 'UserWarning')
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
function product(start: number, sizes: readonly number[]): number {
  return sizes.reduce((count, size) => count * size, start)
}
