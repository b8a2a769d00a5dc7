import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ArgumentError } from '../errors.js'
import { Generator } from '../tensor/generator.js'
import { isIterableDataset } from './iterable-dataset.js'
import { checkOptions, checkPositive } from './options.js'
import type { Sampler } from './sampler.js'
import { moduleUrl } from './workers/protocol.js'

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
  /** Makes a batch of samples (default: {@link defaultCollate}). With workers, `workerModule` must export it as well. */
  collateFn?: ((samples: Item[]) => Batch) | null
  /** Threads that make batches beforehand (default 0: in this thread). With workers a loop is `for await`. */
  numWorkers?: number
  /**
   * The module that gives a worker its dataset: it exports `dataset` (or a default), which is a dataset or a function that
   * makes one of `workerData`, and may export `collateFn` and `workerInitFn(workerId)`. A URL or an absolute path. Without it
   * the dataset must be data alone: arrays and TensorDatasets, and Subsets, ConcatDatasets and StackDatasets of these.
   */
  workerModule?: URL | string | null
  /** Given to the function that makes the dataset in a worker: data that can be cloned, and tensors. */
  workerData?: unknown
  /** Batches that each worker makes beforehand, > 0 (default 2). */
  prefetchFactor?: number | null
  /** Seconds to wait for a batch of a worker, ≥ 0 (default 0: for ever). */
  timeout?: number
  /** Ends the loop: it fails with the signal's reason, and the workers end. */
  signal?: AbortSignal | null
}

const known = [
  ...['batchSize', 'shuffle', 'sampler', 'batchSampler', 'generator', 'dropLast', 'collateFn', 'numWorkers'],
  ...['workerModule', 'workerData', 'prefetchFactor', 'timeout', 'signal'],
]

const explained: Record<string, string> = {
  workerInitFn:
    'is a function, and functions cannot be sent to a worker: export it as `workerInitFn` from workerModule',
  persistentWorkers: 'does not exist here: workers are threads of this process, which are made anew for each epoch',
  pinMemory: 'does not exist here: move a batch with batch.to(device)',
}

/** Refuses options that do not exist or do not fit together. @throws {@link ArgumentError} */
export function checkLoaderOptions(dataset: unknown, options: DataLoaderOptions<any, any>): void {
  for (const [name, why] of Object.entries(explained))
    if (name in options) throw new ArgumentError(`DataLoader: the option ${name} ${why}`)
  checkOptions('DataLoader', options, known)
  const { batchSize = 1, shuffle, sampler, batchSampler, generator, dropLast, signal } = options
  if (isIterableDataset(dataset)) refuseOrder({ shuffle, sampler, batchSampler })
  if (sampler && shuffle) throw new ArgumentError('DataLoader: give either sampler or shuffle')
  if (batchSampler && (batchSize !== 1 || shuffle || sampler || dropLast)) {
    throw new ArgumentError('DataLoader: batchSampler replaces batchSize, shuffle, sampler and dropLast; give it alone')
  }
  if (batchSize === null && dropLast)
    throw new ArgumentError('DataLoader: without batches (batchSize null) there is none to drop')
  if (generator && !(generator instanceof Generator))
    throw new ArgumentError('DataLoader: generator should be a torch.Generator')
  if (signal && !(signal instanceof AbortSignal))
    throw new ArgumentError('DataLoader: signal should be an AbortSignal, such as new AbortController().signal')
  checkWorkerOptions(options)
}

function checkWorkerOptions(options: DataLoaderOptions<any, any>): void {
  const { numWorkers = 0, workerModule, prefetchFactor, timeout = 0, collateFn } = options
  if (!Number.isSafeInteger(numWorkers) || numWorkers < 0)
    throw new ArgumentError(`DataLoader: numWorkers should be a whole number ≥ 0, but is ${numWorkers}`)
  if (workerModule) moduleUrl(workerModule, isAbsolute, pathToFileURL)
  if (typeof timeout !== 'number' || !(timeout >= 0))
    throw new ArgumentError(`DataLoader: timeout should be a number of seconds ≥ 0, but is ${timeout}`)
  if (numWorkers === 0) {
    if (prefetchFactor != null || timeout > 0)
      throw new ArgumentError('DataLoader: prefetchFactor and timeout are about workers; give numWorkers > 0')
    return
  }
  if (prefetchFactor != null) checkPositive('DataLoader', 'prefetchFactor', prefetchFactor)
  if (collateFn && !workerModule)
    throw new ArgumentError(
      'DataLoader: collateFn cannot be sent to a worker, as functions stay in their thread; export it from a module, and pass workerModule',
    )
}

function refuseOrder(options: { shuffle: unknown; sampler: unknown; batchSampler: unknown }): void {
  for (const [name, value] of Object.entries(options)) {
    if (!value) continue
    throw new ArgumentError(
      `DataLoader: the dataset is a stream, which is read in its own order: leave out ${name}, and shuffle inside of the stream`,
    )
  }
}
