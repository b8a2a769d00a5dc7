import { ArgumentError } from '../errors.js'
import type { Generator } from '../tensor/generator.js'
import { type Collated, defaultCollate, defaultConvert } from './collate.js'
import { collatedBatch, type DatasetLike, sample } from './dataset.js'
import { checkOptions } from './options.js'
import { BatchSampler, drawSeed, RandomSampler, type Sampler, SequentialSampler } from './sampler.js'

/** How a {@link DataLoader} takes its samples. */
export interface DataLoaderOptions<Item, Batch> {
  /** Samples in a batch, > 0 (default 1); null: samples one by one, without a batch dimension. */
  batchSize?: number | null
  /** A new random order in each epoch (default false). */
  shuffle?: boolean
  /** The order of the samples; instead of `shuffle`. */
  sampler?: Sampler | null
  /** The indices of each batch; instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  batchSampler?: Sampler<number[]> | null
  /** Where random numbers come from (default: the global generator). */
  generator?: Generator | null
  /** Leaves out a last batch that is smaller than the others (default false). */
  dropLast?: boolean
  /** Makes a batch of samples (default: {@link defaultCollate}). */
  collateFn?: ((samples: Item[]) => Batch) | null
  /** Only 0: samples are made in this thread. */
  numWorkers?: number
}

const known = ['batchSize', 'shuffle', 'sampler', 'batchSampler', 'generator', 'dropLast', 'collateFn', 'numWorkers']

/**
 * Goes through a dataset in batches, once for each iteration: `for (const [x, y] of loader)`, or `for await` where the dataset
 * or `collateFn` is asynchronous. The same seed gives the same order as in Python, and leaves the generators in the same state.
 * @example
 * const loader = new torch.utils.data.DataLoader(dataset, { batchSize: 64, shuffle: true })
 * @see https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
 */
export class DataLoader<Item, Batch = Collated<Item>> implements Iterable<Batch>, AsyncIterable<Batch> {
  readonly dataset: DatasetLike<Item>
  readonly batchSize: number | null
  readonly dropLast: boolean
  readonly sampler: Sampler
  readonly batchSampler: Sampler<number[]> | null
  readonly generator: Generator | null
  readonly #collateFn: ((samples: Item[]) => Batch) | null

  constructor(dataset: DatasetLike<Item>, options: DataLoaderOptions<Item, Batch> = {}) {
    checkOptions('DataLoader', options, known)
    const { batchSize = 1, shuffle = false, sampler, batchSampler, generator, dropLast = false, collateFn } = options
    if (options.numWorkers) {
      throw new ArgumentError(
        `DataLoader: samples are made in this thread; numWorkers should be 0, but is ${options.numWorkers}`,
      )
    }
    if (sampler && shuffle) throw new ArgumentError('DataLoader: give either sampler or shuffle')
    if (batchSampler && (batchSize !== 1 || shuffle || sampler || dropLast)) {
      throw new ArgumentError(
        'DataLoader: batchSampler replaces batchSize, shuffle, sampler and dropLast; give it alone',
      )
    }
    if (batchSize === null && dropLast)
      throw new ArgumentError('DataLoader: without batches (batchSize null) there is none to drop')

    this.dataset = dataset
    this.batchSize = batchSampler ? null : batchSize
    this.dropLast = dropLast
    this.generator = generator ?? null
    this.sampler = sampler ?? (shuffle ? new RandomSampler(dataset, { generator }) : new SequentialSampler(dataset))
    this.batchSampler =
      batchSampler ?? (batchSize === null ? null : new BatchSampler(this.sampler, batchSize, dropLast))
    this.#collateFn = collateFn ?? null
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const { length } = this.batchSampler ?? this.sampler
    if (length === undefined) throw new ArgumentError('DataLoader: the sampler has no length')
    return length
  }

  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#batches(this.#start())
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#batchesAsync(this.#start())
  }

  // Python draws a seed for its workers here, also when there are none: at once, and after it has asked the sampler.
  #start(): Iterable<number | number[]> {
    const source: Iterable<number | number[]> = this.batchSampler ?? this.sampler
    const indices = source[Symbol.iterator]()
    drawSeed(this.generator)
    return { [Symbol.iterator]: () => indices }
  }

  *#batches(indices: Iterable<number | number[]>): IterableIterator<Batch> {
    for (const at of indices) {
      const batch = this.#whole(at)
      if (batch !== undefined) yield batch
      else if (typeof at === 'number') yield this.#convert(atOnce(sample(this.dataset, at)))
      else yield this.#collate(at.map((i) => atOnce(sample(this.dataset, i))))
    }
  }

  async *#batchesAsync(indices: Iterable<number | number[]>): AsyncIterableIterator<Batch> {
    for (const at of indices) {
      const batch = this.#whole(at)
      if (batch !== undefined) yield batch
      else if (typeof at === 'number') yield this.#convert(await sample(this.dataset, at))
      else yield this.#collate(await Promise.all(at.map((i) => sample(this.dataset, i))))
    }
  }

  /** The batch as the dataset itself makes it, where it can and nobody else is to. */
  #whole(at: number | number[]): Batch | undefined {
    if (typeof at === 'number' || this.#collateFn) return undefined
    return collatedBatch(this.dataset, at) as Batch | undefined
  }

  #collate(samples: Item[]): Batch {
    return this.#collateFn ? this.#collateFn(samples) : (defaultCollate(samples) as Batch)
  }

  // Without batches the function gets the sample itself, as in Python.
  #convert(item: Item): Batch {
    return this.#collateFn ? this.#collateFn(item as unknown as Item[]) : (defaultConvert(item) as Batch)
  }
}

function atOnce<Item>(item: Item | Promise<Item>): Item {
  if (item instanceof Promise) {
    item.catch(() => {})
    throw new ArgumentError('DataLoader: this dataset is asynchronous; use `for await (const batch of loader)`')
  }
  return item
}
