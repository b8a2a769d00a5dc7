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
