import { ArgumentError } from '../errors.js'
import { Generator } from '../tensor/generator.js'
import type { Collated } from './collate.js'
import type { DatasetLike } from './dataset.js'
import { AsyncEpoch, type Epoch, SyncEpoch } from './epoch.js'
import { type Indices, makeFetcher } from './fetch.js'
import { type IterableDatasetLike, isIterableDataset } from './iterable-dataset.js'
import { checkOptions } from './options.js'
import { BatchSampler, drawSeed, RandomSampler, type Sampler, SequentialSampler } from './sampler.js'
import { checkState, type DataLoaderState, generatorsOf, restore, type Snapshot, takeSnapshot } from './state.js'

/** How a {@link DataLoader} takes its samples. */
export interface DataLoaderOptions<Item, Batch> {
  /** Samples in a batch, > 0 (default 1); null: samples one by one, without a batch dimension. */
  batchSize?: number | null
  /** A new random order in each epoch (default false). */
  shuffle?: boolean | null
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

/** A state to go on from: where it was loaded, it is where the next iterator begins. */
interface Position {
  before: Snapshot
  batches: number
}

/**
 * Goes through a dataset in batches, once for each iteration: `for (const [x, y] of loader)`, or `for await` where the dataset
 * or `collateFn` is asynchronous. The same seed gives the same order as in Python, and leaves the generators in the same state.
 * @example
 * const loader = new torch.utils.data.DataLoader(dataset, { batchSize: 64, shuffle: true })
 * @see https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
 */
export class DataLoader<Item, Batch = Collated<Item>> implements Iterable<Batch>, AsyncIterable<Batch> {
  readonly dataset: DatasetLike<Item> | IterableDatasetLike<Item>
  readonly batchSize: number | null
  readonly dropLast: boolean
  readonly sampler: Sampler
  readonly batchSampler: Sampler<number[]> | null
  readonly generator: Generator | null
  readonly #collateFn: ((samples: Item[]) => Batch) | null
  readonly #generators: Generator[]
  /** The iterator that was made last, until it is at its end, and what it began from. */
  #current: { epoch: Epoch; before: Snapshot } | undefined
  #resume: Position | undefined

  constructor(dataset: DatasetLike<Item> | IterableDatasetLike<Item>, options: DataLoaderOptions<Item, Batch> = {}) {
    checkOptions('DataLoader', options, known)
    const { batchSize = 1, shuffle = false, sampler, batchSampler, generator, dropLast = false, collateFn } = options
    if (options.numWorkers) {
      throw new ArgumentError(
        `DataLoader: samples are made in this thread; numWorkers should be 0, but is ${options.numWorkers}`,
      )
    }
    const stream = isIterableDataset(dataset)
    if (stream) refuseOrder({ shuffle, sampler, batchSampler })
    if (sampler && shuffle) throw new ArgumentError('DataLoader: give either sampler or shuffle')
    if (batchSampler && (batchSize !== 1 || shuffle || sampler || dropLast)) {
      throw new ArgumentError(
        'DataLoader: batchSampler replaces batchSize, shuffle, sampler and dropLast; give it alone',
      )
    }
    if (batchSize === null && dropLast)
      throw new ArgumentError('DataLoader: without batches (batchSize null) there is none to drop')
    if (generator && !(generator instanceof Generator))
      throw new ArgumentError('DataLoader: generator should be a torch.Generator')

    this.dataset = dataset
    this.batchSize = batchSampler ? null : batchSize
    this.dropLast = dropLast
    this.generator = generator ?? null
    this.sampler = sampler ?? defaultSampler(dataset, Boolean(shuffle), generator)
    // of a stream the indices say no more than how many; whether the last batch is whole the fetcher sees
    this.batchSampler =
      batchSampler ?? (batchSize === null ? null : new BatchSampler(this.sampler, batchSize, dropLast))
    this.#collateFn = collateFn ?? null
    this.#generators = generatorsOf(this, this.batchSampler)
  }

  /** Number of batches in an epoch. @throws {@link ArgumentError} where the sampler or the stream has no length */
  get length(): number {
    if (isIterableDataset(this.dataset)) {
      const { length } = this.dataset as { length?: number }
      if (length === undefined) throw new ArgumentError('DataLoader: the dataset is a stream without a length')
      if (this.batchSize === null) return length
      return this.dropLast ? Math.floor(length / this.batchSize) : Math.ceil(length / this.batchSize)
    }
    const { length } = this.batchSampler ?? this.sampler
    if (length === undefined) throw new ArgumentError('DataLoader: the sampler has no length')
    return length
  }

  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#begin((parts) => new SyncEpoch<Batch>(parts))
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#begin((parts) => new AsyncEpoch<Batch>(parts))
  }

  /**
   * Where the loader is, for going on later, also in another process: the state of its generators before the iterator was made,
   * and how many batches were delivered. After the end of the loop, also one left with `break`, the next epoch is to come:
   * a state for going on in the middle of an epoch is taken inside of the loop.
   * The default generator as it is now belongs to the run and not to the loader: save {@link torch.getRngState} as well, and
   * set it after {@link loadStateDict}; a `CheckpointManager` does.
   * @example
   * for (const batch of loader) {
   *   step(batch)
   *   await torch.save({ model: model.stateDict(), loader: loader.stateDict(), rng: torch.getRngState() }, 'run.pth')
   * }
   */
  stateDict(): DataLoaderState {
    const before = this.#current?.before ?? this.#resume?.before
    const now = this.#generators.map((generator) => generator.getState())
    return {
      version: 1,
      batch_size: this.batchSize,
      samples: this.#samples,
      batches: this.#current?.epoch.delivered ?? this.#resume?.batches ?? 0,
      rng_state: before?.rng ?? null,
      generators: now.map((state, i) => ({ before: before?.own[i] ?? null, now: state })),
    }
  }

  /**
   * Goes on where {@link stateDict} was taken: the next iterator gives the batches that were still to come, the same ones as
   * without the break. What was delivered before is passed over by its indices, without asking the dataset; of a stream, by
   * reading it. The generators given to the loader and to its samplers get the states that they had, at once.
   * Samplers of your own must draw from a generator that they have as `generator`, or from the default one when they begin.
   * @throws {@link StateDictError} when the loader is not made as the one that the state is of; nothing is changed then
   */
  loadStateDict(state: DataLoaderState | Record<string, unknown>): void {
    const { batch_size, samples, generators } = {
      batch_size: this.batchSize,
      samples: this.#samples,
      generators: this.#generators.length,
    }
    const read = checkState(state, { batch_size, samples, generators })
    this.#current = undefined
    this.#resume = read.rng_state
      ? {
          before: { rng: read.rng_state, own: read.generators.map(({ before }) => before!) },
          batches: read.batches,
        }
      : undefined
    for (const [i, { now }] of read.generators.entries()) this.#generators[i]!.setState(now)
  }

  get #samples(): number | null {
    return (this.dataset as { length?: number }).length ?? null
  }

  // Python makes the sampler's iterator, draws a seed for its workers, also when there are none, and then the stream's iterator.
  #begin<T extends Epoch>(make: (parts: ConstructorParameters<typeof SyncEpoch>[0]) => T): T {
    const resume = this.#resume
    this.#resume = undefined
    const now = takeSnapshot(this.#generators)
    if (resume) restore(this.#generators, resume.before)
    const source: Iterable<Indices> = this.batchSampler ?? this.sampler
    const indices = source[Symbol.iterator]()
    drawSeed(this.generator)
    const skip = skipped(indices, resume?.batches ?? 0)
    const fetcher = makeFetcher(this.dataset, { collateFn: this.#collateFn, dropLast: this.dropLast, skip })
    if (resume) restore(this.#generators, now)
    const epoch = make({
      indices,
      fetcher,
      delivered: resume?.batches ?? 0,
      onEnd: (ended) => {
        if (this.#current?.epoch === ended) this.#current = undefined
      },
    })
    this.#current = { epoch, before: resume?.before ?? now }
    return epoch
  }
}

/** The indices of the first batches, which are left out. */
function skipped(indices: Iterator<Indices>, batches: number): Indices[] {
  const skip: Indices[] = []
  while (skip.length < batches) {
    const { done, value } = indices.next()
    if (done) break
    skip.push(value)
  }
  return skip
}

function defaultSampler(dataset: unknown, shuffle: boolean, generator: Generator | null | undefined): Sampler {
  if (isIterableDataset(dataset)) return forever
  return shuffle
    ? new RandomSampler(dataset as { length: number }, { generator })
    : new SequentialSampler(dataset as { length: number })
}

/** A stream is asked for samples until it has no more. */
const forever: Sampler = {
  *[Symbol.iterator]() {
    while (true) yield 0
  },
}

function refuseOrder(options: { shuffle: unknown; sampler: unknown; batchSampler: unknown }): void {
  for (const [name, value] of Object.entries(options)) {
    if (!value) continue
    throw new ArgumentError(
      `DataLoader: the dataset is a stream, which is read in its own order: leave out ${name}, and shuffle inside of the stream`,
    )
  }
}
