import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ArgumentError } from '../errors.js'
import { tensor } from '../tensor/functions.js'
import type { Generator } from '../tensor/generator.js'
import type { Collated } from './collate.js'
import type { DatasetLike } from './dataset.js'
import { AsyncEpoch, type Epoch, SyncEpoch } from './epoch.js'
import { ended, type Fetcher, type Indices, makeFetcher } from './fetch.js'
import { type IterableDatasetLike, isIterableDataset } from './iterable-dataset.js'
import { checkLoaderOptions, type DataLoaderOptions } from './loader-options.js'
import { BatchSampler, drawSeed, RandomSampler, type Sampler, SequentialSampler } from './sampler.js'
import { checkState, type DataLoaderState, generatorsOf, restore, type Snapshot, takeSnapshot } from './state.js'
import { WorkerPool } from './workers/pool.js'
import { moduleUrl, pack } from './workers/protocol.js'
import { sendable } from './workers/send.js'

/** A state to go on from: where it was loaded, it is where the next iterator begins. */
interface Position {
  before: Snapshot
  batches: number
  workers: (Uint8Array | null)[] | undefined
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
  readonly numWorkers: number
  readonly #options: DataLoaderOptions<Item, Batch>
  readonly #generators: Generator[]
  /** The iterator that was made last, until it is at its end, and what it began from. */
  #current: { epoch: Epoch; before: Snapshot } | undefined
  #pool: WorkerPool | undefined
  #resume: Position | undefined

  constructor(dataset: DatasetLike<Item> | IterableDatasetLike<Item>, options: DataLoaderOptions<Item, Batch> = {}) {
    checkLoaderOptions(dataset, options)
    const { batchSize = 1, shuffle = false, sampler, batchSampler, generator, dropLast = false, collateFn } = options
    this.dataset = dataset
    this.batchSize = batchSampler ? null : batchSize
    this.dropLast = dropLast
    this.generator = generator ?? null
    this.sampler = sampler ?? defaultSampler(dataset, Boolean(shuffle), generator)
    // of a stream the indices say no more than how many; whether the last batch is whole the fetcher sees
    this.batchSampler =
      batchSampler ?? (batchSize === null ? null : new BatchSampler(this.sampler, batchSize, dropLast))
    this.#collateFn = collateFn ?? null
    this.numWorkers = options.numWorkers ?? 0
    this.#options = options
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
    if (this.numWorkers > 0)
      throw new ArgumentError('DataLoader: with workers, use `for await (const batch of loader)`')
    return this.#begin((resume, parts) => {
      const { indices, fetcher } = this.#inThread(resume)
      const pull = (): unknown => {
        const at = indices.next()
        return at.done ? ended : fetcher.fetch(at.value)
      }
      return new SyncEpoch<Batch>({ ...parts, pull, close: () => closeAll(indices, fetcher) })
    })
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.#begin((resume, parts) => {
      if (this.numWorkers > 0) {
        const pool = this.#inWorkers(resume)
        this.#pool = pool
        const epoch = new AsyncEpoch<Batch>({ ...parts, pull: () => pool.pull(), close: () => pool.close() })
        failed.register(epoch, pool)
        return epoch
      }
      const { indices, fetcher } = this.#inThread(resume)
      const pull = async (): Promise<unknown> => {
        const at = indices.next()
        return at.done ? ended : fetcher.fetchAsync(at.value)
      }
      return new AsyncEpoch<Batch>({ ...parts, pull, close: () => closeAll(indices, fetcher) })
    })
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
    const workers = this.#current ? this.#pool?.states : this.#resume?.workers
    return {
      version: 1,
      batch_size: this.batchSize,
      samples: this.#samples,
      batches: this.#current?.epoch.delivered ?? this.#resume?.batches ?? 0,
      rng_state: before?.rng ?? null,
      generators: now.map((state, i) => ({ before: before?.own[i] ?? null, now: state })),
      ...(workers && { workers: workers.map((state) => state && tensor(state)) }),
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
          workers: read.workers?.map((state) => state && (state.typedArray() as Uint8Array)),
        }
      : undefined
    for (const [i, { now }] of read.generators.entries()) this.#generators[i]!.setState(now)
  }

  get #samples(): number | null {
    return (this.dataset as { length?: number }).length ?? null
  }

  #begin<T extends Epoch>(make: (resume: Position | undefined, parts: CommonParts) => T): T {
    const resume = this.#resume
    this.#pool = undefined
    const now = takeSnapshot(this.#generators)
    if (resume) restore(this.#generators, resume.before)
    let epoch: T
    try {
      epoch = make(resume, {
        delivered: resume?.batches ?? 0,
        signal: this.#options.signal ?? null,
        onEnd: (ended) => {
          if (this.#current?.epoch === ended) this.#current = undefined
        },
      })
      this.#resume = undefined
    } finally {
      if (resume) restore(this.#generators, now)
    }
    this.#current = { epoch, before: resume?.before ?? now }
    return epoch
  }

  // Python makes the sampler's iterator, draws a seed for its workers, also when there are none, and then the stream's iterator.
  #indices(): { indices: Iterator<Indices>; seed: number | bigint } {
    const source: Iterable<Indices> = this.batchSampler ?? this.sampler
    const indices = source[Symbol.iterator]()
    return { indices, seed: drawSeed(this.generator) }
  }

  #inThread(resume: Position | undefined): { indices: Iterator<Indices>; fetcher: Fetcher } {
    const { indices } = this.#indices()
    const skip = skipped(indices, resume?.batches ?? 0)
    const fetcher = makeFetcher(this.dataset, { collateFn: this.#collateFn, dropLast: this.dropLast, skip })
    return { indices, fetcher }
  }

  #inWorkers(resume: Position | undefined): WorkerPool {
    const { numWorkers, dropLast } = this
    const { workerModule, workerData, prefetchFactor, timeout } = this.#options
    const { indices, seed } = this.#indices()
    const done = resume?.batches ?? 0
    const stream = isIterableDataset(this.dataset)
    // only the workers know what a stream gives: they read it again
    if (!stream) skipped(indices, done)
    const states = resume?.workers?.length === numWorkers ? resume.workers : Array(numWorkers).fill(null)
    const module = workerModule ? moduleUrl(workerModule, isAbsolute, pathToFileURL) : undefined
    return new WorkerPool({
      numWorkers,
      prefetchFactor: prefetchFactor ?? 2,
      timeout: timeout ?? 0,
      indices,
      stream,
      first: stream ? 0 : done % numWorkers,
      discard: stream ? done : 0,
      states,
      start: (id, stopped, handles) => ({
        ...(module ? { module, moduleData: pack(workerData, handles) } : { dataset: sendable(this.dataset, handles) }),
        needsCollate: this.#collateFn !== null,
        ...{ stream, dropLast, id, numWorkers, stopped },
        seed: BigInt(seed) + BigInt(id),
        rngState: states[id]!,
      }),
    })
  }
}

// An error does not end a loop, which may go on after it. `for await` does not: its workers end with the loop.
const failed = new FinalizationRegistry<WorkerPool>((pool) => void pool.close())

interface CommonParts {
  delivered: number
  signal: AbortSignal | null
  onEnd(epoch: Epoch): void
}

function closeAll(indices: Iterator<unknown>, fetcher: Fetcher): void {
  indices.return?.()
  fetcher.close()
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
