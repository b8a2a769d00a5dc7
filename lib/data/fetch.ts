/** How a batch comes out of a dataset: the same in the thread of the loader and in a worker. */
import { ArgumentError } from '../errors.js'
import { defaultCollate, defaultConvert } from './collate.js'
import { collatedBatch, type DatasetLike, sample } from './dataset.js'
import { type IterableDatasetLike, isIterableDataset } from './iterable-dataset.js'

/** What a sampler gives: the indices of a batch, or one index where there are no batches. */
export type Indices = number | number[]

/** Stands for the end of an iterable dataset. */
export const ended = Symbol('libtorch-node.data.ended')

export interface Fetcher {
  fetch(at: Indices): unknown
  fetchAsync(at: Indices): Promise<unknown>
  /** Lets go of the iterator of an iterable dataset. */
  close(): void
}

export interface FetchOptions {
  collateFn: ((samples: any) => unknown) | null
  dropLast: boolean
  /** Batches of an iterable dataset, as lists of indices, that are taken from it and thrown away before the first. */
  skip?: Indices[]
}

export function makeFetcher(
  dataset: DatasetLike<unknown> | IterableDatasetLike<unknown>,
  options: FetchOptions,
): Fetcher {
  if (isIterableDataset(dataset)) return new IterableFetcher(dataset, options)
  return new MapFetcher(dataset as DatasetLike<unknown>, options.collateFn)
}

class MapFetcher implements Fetcher {
  readonly #dataset: DatasetLike<unknown>
  readonly #collateFn: FetchOptions['collateFn']

  constructor(dataset: DatasetLike<unknown>, collateFn: FetchOptions['collateFn']) {
    this.#dataset = dataset
    this.#collateFn = collateFn
  }

  fetch(at: Indices): unknown {
    const batch = this.#whole(at)
    if (batch !== undefined) return batch
    if (typeof at === 'number') return finish(atOnce(sample(this.#dataset, at)), at, this.#collateFn)
    return finish(
      at.map((i) => atOnce(sample(this.#dataset, i))),
      at,
      this.#collateFn,
    )
  }

  async fetchAsync(at: Indices): Promise<unknown> {
    const batch = this.#whole(at)
    if (batch !== undefined) return batch
    if (typeof at === 'number') return finish(await sample(this.#dataset, at), at, this.#collateFn)
    return finish(await Promise.all(at.map((i) => sample(this.#dataset, i))), at, this.#collateFn)
  }

  close(): void {}

  /** The batch as the dataset itself makes it, where it can and nobody else is to. */
  #whole(at: Indices): unknown {
    if (typeof at === 'number' || this.#collateFn) return undefined
    return collatedBatch(this.#dataset, at)
  }
}

class IterableFetcher implements Fetcher {
  readonly #items: Iterator<unknown> | AsyncIterator<unknown>
  readonly #asynchronous: boolean
  readonly #options: FetchOptions
  #ended = false
  #toSkip: Indices[]

  // Python takes the dataset's iterator when the loader's own is made.
  constructor(dataset: IterableDatasetLike<unknown>, options: FetchOptions) {
    this.#asynchronous = !(Symbol.iterator in dataset)
    this.#items = this.#asynchronous
      ? (dataset as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      : (dataset as Iterable<unknown>)[Symbol.iterator]()
    this.#options = options
    this.#toSkip = options.skip ?? []
  }

  fetch(at: Indices): unknown {
    if (this.#asynchronous) throw new ArgumentError(asynchronous)
    const { dropLast, collateFn } = this.#options
    for (const skipped of this.#toSkip.splice(0)) this.#take(sizeOf(skipped))
    const samples = this.#take(sizeOf(at)).map(atOnce)
    return this.#isWhole(samples.length, at, dropLast)
      ? finish(typeof at === 'number' ? samples[0] : samples, at, collateFn)
      : ended
  }

  async fetchAsync(at: Indices): Promise<unknown> {
    const { dropLast, collateFn } = this.#options
    for (const skipped of this.#toSkip.splice(0)) await this.#takeAsync(sizeOf(skipped))
    const samples = await this.#takeAsync(sizeOf(at))
    return this.#isWhole(samples.length, at, dropLast)
      ? finish(typeof at === 'number' ? samples[0] : samples, at, collateFn)
      : ended
  }

  close(): void {
    if (this.#ended) return
    this.#ended = true
    // an asynchronous one ends in its own time; nobody waits for what it says
    const returned: unknown = this.#items.return?.()
    if (returned instanceof Promise) returned.catch(() => {})
  }

  #isWhole(count: number, at: Indices, dropLast: boolean): boolean {
    return count > 0 && !(dropLast && count < sizeOf(at))
  }

  #take(count: number): unknown[] {
    const samples: unknown[] = []
    while (!this.#ended && samples.length < count) {
      const { done, value } = this.#items.next() as IteratorResult<unknown>
      if (done) this.#ended = true
      else samples.push(value)
    }
    return samples
  }

  async #takeAsync(count: number): Promise<unknown[]> {
    const samples: unknown[] = []
    while (!this.#ended && samples.length < count) {
      const { done, value } = await this.#items.next()
      if (done) this.#ended = true
      else samples.push(await value)
    }
    return samples
  }
}

const sizeOf = (at: Indices): number => (typeof at === 'number' ? 1 : at.length)

/** A batch of samples; without batches the function gets the sample itself, as in Python. */
function finish(samples: unknown, at: Indices, collateFn: FetchOptions['collateFn']): unknown {
  if (collateFn) return collateFn(samples)
  return typeof at === 'number' ? defaultConvert(samples) : defaultCollate(samples as unknown[])
}

const asynchronous = 'DataLoader: this dataset is asynchronous; use `for await (const batch of loader)`'

function atOnce<Item>(item: Item | Promise<Item>): Item {
  if (item instanceof Promise) {
    item.catch(() => {})
    throw new ArgumentError(asynchronous)
  }
  return item
}
