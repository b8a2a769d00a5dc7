/** Datasets that are read from their beginning to their end, such as streams, and have no sample number i. */
import { ArgumentError } from '../errors.js'

/** What a loader takes as a stream of samples: any iterable or async iterable that is no array and has no `get`. */
export type IterableDatasetLike<Item> = Iterable<Item> | AsyncIterable<Item> | IterableDataset<Item>

/**
 * A stream of samples. Subclasses give `[Symbol.iterator]()` or `[Symbol.asyncIterator]()`, best as a generator method. With
 * workers each of them reads its own copy: divide the stream among them with {@link getWorkerInfo}, or every sample comes
 * once from each. A `length`, where it is known, is for `loader.length`.
 * @example
 * class Lines extends torch.utils.data.IterableDataset<string> {
 *   async *[Symbol.asyncIterator]() {
 *     for await (const line of createInterface({ input: createReadStream('train.txt') })) yield line
 *   }
 * }
 */
export abstract class IterableDataset<Item> {
  [Symbol.iterator]?(): Iterator<Item>
  [Symbol.asyncIterator]?(): AsyncIterator<Item>
}

/** True for a stream of samples, false for a dataset with indices. */
export function isIterableDataset(dataset: unknown): dataset is IterableDatasetLike<unknown> {
  if (typeof dataset !== 'object' || dataset === null || Array.isArray(dataset) || ArrayBuffer.isView(dataset))
    return false
  if (typeof (dataset as { get?: unknown }).get === 'function') return dataset instanceof IterableDataset
  return Symbol.iterator in dataset || Symbol.asyncIterator in dataset || dataset instanceof IterableDataset
}

/**
 * Several streams one after the other.
 * @param datasets - synchronous or asynchronous streams; with an asynchronous one among them the chain is asynchronous
 */
export class ChainDataset<Item> extends IterableDataset<Item> {
  readonly datasets: readonly IterableDatasetLike<Item>[]

  constructor(datasets: Iterable<IterableDatasetLike<Item>>) {
    super()
    this.datasets = [...datasets]
    const odd = this.datasets.findIndex((dataset) => !isIterableDataset(dataset))
    if (odd >= 0) {
      throw new ArgumentError(
        `ChainDataset: expected iterables, but number ${odd} is none; datasets with indices go into a ConcatDataset`,
      )
    }
    const asynchronous = this.datasets.some((dataset) => !(Symbol.iterator in dataset))
    // own properties, so that a loader sees which of the two it can use
    if (asynchronous) Object.defineProperty(this, Symbol.asyncIterator, { value: () => chainAsync(this.datasets) })
    else Object.defineProperty(this, Symbol.iterator, { value: () => chain(this.datasets as Iterable<Item>[]) })
  }

  /** Samples in all of them. @throws {@link ArgumentError} where one has no length */
  get length(): number {
    return this.datasets.reduce((sum, dataset) => {
      const { length } = dataset as { length?: number }
      if (length === undefined) throw new ArgumentError('ChainDataset: a dataset has no length, so the chain has none')
      return sum + length
    }, 0)
  }
}

function* chain<Item>(datasets: readonly Iterable<Item>[]): Generator<Item, void, undefined> {
  for (const dataset of datasets) yield* dataset
}

async function* chainAsync<Item>(
  datasets: readonly IterableDatasetLike<Item>[],
): AsyncGenerator<Item, void, undefined> {
  for (const dataset of datasets) yield* dataset as AsyncIterable<Item>
}
