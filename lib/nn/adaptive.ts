import { ArgumentError, ShapeError, TorchIndexError } from '../errors.js'
import { argmax, logSoftmax } from '../generated/functions.js'
import { Linear } from '../generated/nn.js'
import { noGrad } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { needTensor } from './call.js'
import { Module } from './module.js'
import { ModuleList } from './module-list.js'
import { announceFields } from './registration-hooks.js'
import { Sequential } from './sequential.js'

/** Arguments of {@link AdaptiveLogSoftmaxWithLoss} by name. */
export interface AdaptiveLogSoftmaxWithLossOptions {
  /** Size of each input sample. */
  inFeatures?: number
  /** Number of classes; the most frequent one is 0. */
  nClasses?: number
  /** Where the clusters of classes begin: increasing integers in [1, nClasses - 1]. */
  cutoffs?: readonly number[]
  /** By how much each cluster has fewer features than the one before it (default `4`). */
  divValue?: number
  /** Whether the head has a bias (default `false`). */
  headBias?: boolean
  device?: Device | null
  dtype?: Dtype | null
}

/** What {@link AdaptiveLogSoftmaxWithLoss} gives. */
export interface AdaptiveLogSoftmaxOutput {
  /** The log probability of the target of each sample: `(N)` or `()`. */
  output: Tensor
  /** The mean of the negative log probabilities. */
  loss: Tensor
}

const names = ['inFeatures', 'nClasses', 'cutoffs', 'divValue', 'headBias', 'device', 'dtype']
type Rest<K extends keyof AdaptiveLogSoftmaxWithLossOptions> = Omit<AdaptiveLogSoftmaxWithLossOptions, K>
type Required3 = 'inFeatures' | 'nClasses' | 'cutoffs'
type Cluster = Sequential<[Linear, Linear]>

/**
 * A softmax over many classes that computes only what the targets need: frequent classes in the head, rare ones in clusters of
 * less features. Classes are to be numbered by falling frequency.
 * Shape: input `(N, inFeatures)` or `(inFeatures)`; target `(N)` or `()` → `{output, loss}`, `(N)` or `()` and a scalar.
 * @example
 * const adaptive = new nn.AdaptiveLogSoftmaxWithLoss(64, 10000, [100, 1000])
 * const { loss } = adaptive.forward(torch.randn(8, 64), torch.randint(0, 10000, [8]))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  inFeatures: number
  nClasses: number
  /** The cutoffs, and the number of classes behind them. */
  cutoffs: number[]
  divValue: number
  headBias: boolean
  /** Number of classes in the head. */
  shortlistSize: number
  nClusters: number
  /** Size of the head's output: its classes, and one for each cluster. */
  headSize: number
  head: Linear
  tail: ModuleList<Cluster>

  constructor(inFeatures: number, nClasses: number, cutoffs: readonly number[], options?: Rest<Required3>)
  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    divValue: number | undefined,
    options?: Rest<Required3 | 'divValue'>,
  )
  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    divValue: number | undefined,
    headBias: boolean | undefined,
    device?: Device | null | Pick<AdaptiveLogSoftmaxWithLossOptions, 'device' | 'dtype'>,
    dtype?: Dtype | null,
  )
  constructor(options: AdaptiveLogSoftmaxWithLossOptions & Required<Pick<AdaptiveLogSoftmaxWithLossOptions, Required3>>)
  constructor(...args: unknown[]) {
    super()
    const what = 'AdaptiveLogSoftmaxWithLoss'
    const [inFeatures, nClasses, cutoffs, divValue = 4, headBias, device, dtype] = takeArguments(
      what,
      names,
      args,
    ) as any[]
    for (const [name, value] of Object.entries({ inFeatures, nClasses })) {
      if (value === undefined) throw new ArgumentError(`${what}: ${name} is required`)
      if (!Number.isSafeInteger(value))
        throw new ArgumentError(`${what}: expected ${name} to be an integer, received ${describe(value)}`)
    }
    if (typeof divValue !== 'number')
      throw new ArgumentError(`${what}: expected divValue to be a number, received ${describe(divValue)}`)
    this.inFeatures = inFeatures
    this.nClasses = nClasses
    this.cutoffs = [...checkedCutoffs(what, cutoffs, nClasses), nClasses]
    this.divValue = divValue
    this.headBias = flag(what, 'headBias', headBias, false)
    this.shortlistSize = this.cutoffs[0]!
    this.nClusters = this.cutoffs.length - 1
    this.headSize = this.shortlistSize + this.nClusters
    const factory = { device: device ?? null, dtype: dtype ?? null }
    this.head = new Linear(inFeatures, this.headSize, { bias: this.headBias, ...factory })
    this.tail = new ModuleList<Cluster>()
    for (let i = 0; i < this.nClusters; i++) {
      const hidden = Math.trunc(floorDivide(inFeatures, divValue ** (i + 1)))
      const size = this.cutoffs[i + 1]! - this.cutoffs[i]!
      this.tail.append(
        new Sequential(
          new Linear(inFeatures, hidden, { bias: false, ...factory }),
          new Linear(hidden, size, { bias: false, ...factory }),
        ),
      )
    }
    announceFields(this)
  }

  /** Draws all parameters anew, as the constructor does. */
  resetParameters(): void {
    for (const layer of [this.head, ...[...this.tail].flatMap((cluster) => [...cluster] as Linear[])]) {
      const { inFeatures, outFeatures, weight } = layer
      const bias = layer.bias as Tensor | null
      const fresh = new Linear(inFeatures, outFeatures, {
        bias: bias !== null,
        device: weight.device,
        dtype: weight.dtype,
      })
      noGrad(() => {
        weight.copy_(fresh.weight)
        bias?.copy_(fresh.bias)
      })
    }
  }

  override forward(input: Tensor, target: Tensor): AdaptiveLogSoftmaxOutput {
    needTensor('AdaptiveLogSoftmaxWithLoss.forward', 'input', input)
    needTensor('AdaptiveLogSoftmaxWithLoss.forward', 'target', target)
    const batched = checkShapes(input, target)
    const [x, classes] = batched ? [input, target] : [input.unsqueeze(0), target.unsqueeze(0)]
    const size = classes.shape[0]!
    const output = x.newZeros(size)
    const columns = classes.newEmpty(size)
    let used = 0
    const bounds = [0, ...this.cutoffs]
    for (let i = 0; i + 1 < bounds.length; i++) {
      const low = bounds[i]!
      const mask = classes.ge(low).bitwiseAnd(classes.lt(bounds[i + 1]!))
      const rows = mask.nonzero().squeeze()
      if (rows.numel() === 0) continue
      if (i === 0) {
        columns.indexCopy_(0, rows, classes.index(mask))
      } else {
        const own = classes.index(mask).sub(low)
        const scores = this.tail.at(i - 1).forward(x.indexSelect(0, rows)) as Tensor
        columns.indexFill_(0, rows, this.shortlistSize + i - 1)
        const local = logSoftmax(scores, 1).gather(1, own.unsqueeze(1))
        output.indexCopy_(0, rows, local.squeeze(1))
      }
      used += rows.numel()
    }
    if (used !== size) {
      throw new TorchIndexError(
        `Target values should be in [0, ${this.nClasses - 1}], but values in range [${classes.min().item()}, ${classes.max().item()}] were found. `,
      )
    }
    output.add_(logSoftmax(this.head.forward(x), 1).gather(1, columns.unsqueeze(1)).squeeze())
    const loss = output.neg().mean()
    return { output: batched ? output : output.squeeze(0), loss }
  }

  /** The log probabilities of all classes: `(N, inFeatures)` → `(N, nClasses)`. */
  logProb(input: Tensor): Tensor {
    needTensor('AdaptiveLogSoftmaxWithLoss.logProb', 'input', input)
    return fullLogProb(this, input, this.head.forward(input))
  }

  /** The most probable class of each sample: `(N, inFeatures)` → `(N)`. Quicker than `logProb(input).argmax(1)`. */
  predict(input: Tensor): Tensor {
    needTensor('AdaptiveLogSoftmaxWithLoss.predict', 'input', input)
    const scores = this.head.forward(input)
    const output = argmax(scores, 1)
    const rare = output.ge(this.shortlistSize)
    if (!rare.any().item()) return output
    if (rare.all().item()) return argmax(fullLogProb(this, input, scores), 1)
    const full = fullLogProb(this, input.index(rare), scores.index(rare))
    output.indexPut_([rare], argmax(full, 1))
    return output
  }
}

/** The log probabilities of all classes, from the input and what the head made of it. */
function fullLogProb(module: AdaptiveLogSoftmaxWithLoss, input: Tensor, scores: Tensor): Tensor {
  const { shortlistSize, cutoffs, nClasses, tail } = module
  const out = input.newEmpty([scores.shape[0]!, nClasses])
  const head = logSoftmax(scores, 1)
  out.narrow(1, 0, shortlistSize).copy_(head.narrow(1, 0, shortlistSize))
  for (let i = 0; i + 1 < cutoffs.length; i++) {
    const cluster = logSoftmax(tail.at(i).forward(input) as Tensor, 1)
    const both = cluster.add(head.select(1, shortlistSize + i).unsqueeze(1))
    out.narrow(1, cutoffs[i]!, cutoffs[i + 1]! - cutoffs[i]!).copy_(both)
  }
  return out
}

function checkedCutoffs(what: string, cutoffs: unknown, nClasses: number): number[] {
  if (cutoffs === undefined) throw new ArgumentError(`${what}: cutoffs is required`)
  if (!Array.isArray(cutoffs))
    throw new ArgumentError(`${what}: expected cutoffs to be an array of integers, received ${describe(cutoffs)}`)
  if (cutoffs.length === 0) throw new ArgumentError('cutoffs should be a sequence of length larger than 0')
  const fine = cutoffs.every((c, i) => Number.isInteger(c) && c > (i === 0 ? 0 : cutoffs[i - 1]) && c < nClasses)
  if (!fine) {
    throw new ArgumentError(
      'cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1',
    )
  }
  return cutoffs
}

/** True for a batch. */
function checkShapes(input: Tensor, target: Tensor): boolean {
  if (target.ndim === 1) {
    if (input.shape[0] !== target.shape[0])
      throw new ShapeError('Input and target should have the same size in the batch dimension.')
    if (input.ndim !== 2) throw new ShapeError(`1D target tensor expects 2D input tensors, ${foundSize(input)}`)
    return true
  }
  if (target.ndim !== 0) throw new ShapeError('0D or 1D target tensor expected, multi-target not supported')
  if (input.ndim !== 1) throw new ShapeError(`0D target tensor expects 1D input tensors, ${foundSize(input)}`)
  return false
}

function foundSize({ shape }: Tensor): string {
  return `but found inputs with size torch.Size([${shape.join(', ')}])`
}

/** Python's `//` of floats: exact where the quotient itself would be rounded. */
function floorDivide(a: number, b: number): number {
  const rest = a % b
  const quotient = Math.round((a - rest) / b)
  return rest !== 0 && rest < 0 !== b < 0 ? quotient - 1 : quotient
}
