/**
 * In which order a loader takes the samples. Every sampler draws the same random numbers as Python's, at the same moment:
 * a generator function starts at the first `next()`, like Python's, and goes on to its end only when it is exhausted.
 */
import { ArgumentError, ShapeError } from '../errors.js'
import { empty, multinomial, randint, randperm, tensor } from '../tensor/functions.js'
import { Generator } from '../tensor/generator.js'
import { Tensor } from '../tensor/tensor.js'
import { checkOptions, checkPositive } from './options.js'

/** Anything that gives indices; `length` is how many, where that is known. */
export interface Sampler<Index = number> extends Iterable<Index> {
  readonly length?: number
}
/**
 * A base for samplers of your own. It asks for no more than `[Symbol.iterator]()`, and any iterable of indices does as well. One
 * that draws at random should keep its generator as `generator`, so that a loader can save its state.
 * @example
 * class EverySecond extends torch.utils.data.Sampler {
 *   constructor(readonly dataset: { length: number }) { super() }
 *   get length() { return Math.ceil(this.dataset.length / 2) }
 *   *[Symbol.iterator]() { for (let i = 0; i < this.dataset.length; i += 2) yield i }
 * }
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the length is optional, and a subclass may have it as a getter
export abstract class Sampler<Index = number> {
  abstract [Symbol.iterator](): Iterator<Index>
}

type RandomSource = Generator | null | undefined
/** JavaScript's kind of generator; the imported one makes random numbers. */
type Indices = globalThis.Generator<number, void, undefined>

/** A seed from `generator` or the global one, in [0, 2^63). */
export function drawSeed(generator: RandomSource): number | bigint {
  return empty([], { dtype: 'int64' }).random_({ generator }).item() as number | bigint
}

/** 0, 1, 2, … */
export class SequentialSampler implements Sampler {
  readonly dataSource: { readonly length: number }

  constructor(dataSource: { readonly length: number }) {
    this.dataSource = dataSource
  }

  get length(): number {
    return this.dataSource.length
  }

  *[Symbol.iterator](): Indices {
    for (let i = 0; i < this.dataSource.length; i++) yield i
  }
}

/**
 * Indices in random order.
 * @param options - `replacement` (default false), `numSamples` (> 0, default the dataset's length), `generator` (default: one
 *   seeded from the global generator for each epoch)
 */
export class RandomSampler implements Sampler {
  readonly dataSource: { readonly length: number }
  readonly replacement: boolean
  readonly generator: RandomSource
  readonly #numSamples: number | undefined

  constructor(
    dataSource: { readonly length: number },
    options: { replacement?: boolean; numSamples?: number | null; generator?: RandomSource } = {},
  ) {
    checkOptions('RandomSampler', options, ['replacement', 'numSamples', 'generator'])
    this.dataSource = dataSource
    this.replacement = options.replacement ?? false
    this.generator = options.generator
    this.#numSamples = options.numSamples ?? undefined
    checkPositive('RandomSampler', 'numSamples (by default the number of samples)', this.numSamples)
  }

  get numSamples(): number {
    return this.#numSamples ?? this.dataSource.length
  }

  get length(): number {
    return this.numSamples
  }

  *[Symbol.iterator](): Indices {
    const n = this.dataSource.length
    const generator = this.generator ?? new Generator().manualSeed(drawSeed(null))
    // Python draws the remainder also when it is empty, which moves a generator that the caller owns.
    const block = this.replacement ? 32 : n
    const draw = (size: number): number[] =>
      (this.replacement
        ? randint(0, n, [size], { dtype: 'int64', generator })
        : randperm(n, { generator })
      ).tolist() as number[]
    for (let i = 0; i < Math.floor(this.numSamples / block); i++) yield* draw(block)
    const remainder = this.numSamples % block
    yield* draw(remainder).slice(0, remainder)
  }
}

/** The given indices in random order, without replacement. */
export class SubsetRandomSampler implements Sampler {
  readonly indices: readonly number[]
  readonly generator: RandomSource

  constructor(indices: readonly number[], options: { generator?: RandomSource } = {}) {
    checkOptions('SubsetRandomSampler', options, ['generator'])
    this.indices = indices
    this.generator = options.generator
  }

  get length(): number {
    return this.indices.length
  }

  *[Symbol.iterator](): Indices {
    const order = randperm(this.indices.length, { generator: this.generator }).tolist() as number[]
    for (const i of order) yield this.indices[i]!
  }
}

/**
 * Indices drawn with given weights.
 * @param weights - one for each sample, ≥ 0; they need not sum to 1
 * @param numSamples - how many to draw, > 0
 * @param options - `replacement` (default true), `generator` (default: the global one)
 */
export class WeightedRandomSampler implements Sampler {
  readonly weights: Tensor
  readonly numSamples: number
  readonly replacement: boolean
  readonly generator: RandomSource

  constructor(
    weights: Tensor | readonly number[] | Float32Array | Float64Array,
    numSamples: number,
    options: { replacement?: boolean; generator?: RandomSource } = {},
  ) {
    checkOptions('WeightedRandomSampler', options, ['replacement', 'generator'])
    checkPositive('WeightedRandomSampler', 'numSamples', numSamples)
    this.weights = weights instanceof Tensor ? weights.to('float64') : tensor(weights, { dtype: 'float64' })
    if (this.weights.ndim !== 1) {
      throw new ShapeError(
        `WeightedRandomSampler: weights should have one dimension, but have shape [${this.weights.shape}]`,
      )
    }
    this.numSamples = numSamples
    this.replacement = options.replacement ?? true
    this.generator = options.generator
  }

  get length(): number {
    return this.numSamples
  }

  *[Symbol.iterator](): Indices {
    yield* multinomial(this.weights, this.numSamples, this.replacement, {
      generator: this.generator,
    }).tolist() as number[]
  }
}

/**
 * Groups the indices of another sampler.
 * @param batchSize - indices in a batch, > 0
 * @param dropLast - leaves out a last batch that is smaller
 */
export class BatchSampler implements Sampler<number[]> {
  readonly sampler: Sampler
  readonly batchSize: number
  readonly dropLast: boolean

  constructor(sampler: Sampler, batchSize: number, dropLast: boolean) {
    checkPositive('BatchSampler', 'batchSize', batchSize)
    this.sampler = sampler
    this.batchSize = batchSize
    this.dropLast = dropLast
  }

  get length(): number {
    const n = this.sampler.length
    if (n === undefined) throw new ArgumentError('BatchSampler: the sampler has no length')
    return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize)
  }

  *[Symbol.iterator](): globalThis.Generator<number[], void, undefined> {
    let batch: number[] = []
    for (const index of this.sampler) {
      batch.push(index)
      if (batch.length < this.batchSize) continue
      yield batch
      batch = []
    }
    if (batch.length > 0 && !this.dropLast) yield batch
  }
}

/**
 * The part of a dataset that one of several processes trains on: every process gets equally many indices. What is missing to
 * that is repeated from the start, or with `dropLast` left out. Call {@link setEpoch} before each epoch, or all have one order.
 * Source: torch/utils/data/distributed.py, PyTorch 2.13 (cf30153c)
 * @param options - `numReplicas` processes (default: environment variable `WORLD_SIZE`), `rank` of this one in [0, numReplicas)
 *   (default: `RANK`), `shuffle` (default true), `seed` (default 0, the same in all processes), `dropLast` (default false)
 * @example
 * const sampler = new torch.utils.data.DistributedSampler(dataset, { numReplicas: 4, rank: 0 })
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   sampler.setEpoch(epoch)
 *   for (const batch of new torch.utils.data.DataLoader(dataset, { batchSize: 32, sampler })) train(batch)
 * }
 */
export class DistributedSampler implements Sampler {
  readonly dataset: { readonly length: number }
  readonly numReplicas: number
  readonly rank: number
  readonly shuffle: boolean
  readonly seed: number
  readonly dropLast: boolean
  /** Indices that each process gets. */
  readonly numSamples: number
  readonly totalSize: number
  epoch = 0

  constructor(
    dataset: { readonly length: number },
    options: { numReplicas?: number; rank?: number; shuffle?: boolean; seed?: number; dropLast?: boolean } = {},
  ) {
    checkOptions('DistributedSampler', options, ['numReplicas', 'rank', 'shuffle', 'seed', 'dropLast'])
    this.dataset = dataset
    this.numReplicas = options.numReplicas ?? fromEnvironment('numReplicas', 'WORLD_SIZE')
    this.rank = options.rank ?? fromEnvironment('rank', 'RANK')
    checkPositive('DistributedSampler', 'numReplicas', this.numReplicas)
    if (!Number.isSafeInteger(this.rank) || this.rank < 0 || this.rank >= this.numReplicas)
      throw new ArgumentError(`DistributedSampler: rank should be in [0, ${this.numReplicas - 1}], but is ${this.rank}`)
    this.shuffle = options.shuffle ?? true
    this.seed = options.seed ?? 0
    this.dropLast = options.dropLast ?? false
    const n = dataset.length
    const uneven = this.dropLast && n % this.numReplicas !== 0
    this.numSamples = Math.ceil((uneven ? n - this.numReplicas : n) / this.numReplicas)
    this.totalSize = this.numSamples * this.numReplicas
  }

  get length(): number {
    return this.numSamples
  }

  /** Another order for another epoch, the same in all processes. */
  setEpoch(epoch: number): void {
    this.epoch = epoch
  }

  *[Symbol.iterator](): Indices {
    const n = this.dataset.length
    const order = this.shuffle
      ? (randperm(n, { generator: new Generator().manualSeed(this.seed + this.epoch) }).tolist() as number[])
      : [...Array(n).keys()]
    for (let i = this.rank; i < this.totalSize; i += this.numReplicas) yield order[i % n]!
  }
}

function fromEnvironment(option: string, variable: string): number {
  const text = process.env[variable]
  if (text) return Number(text)
  throw new ArgumentError(
    `DistributedSampler: ${option} is neither given nor in the environment variable ${variable}; pass { numReplicas, rank }`,
  )
}
