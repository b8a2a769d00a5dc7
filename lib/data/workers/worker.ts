/**
 * The program of a worker: makes or receives its dataset, seeds its generator, and then makes one batch after the other, in the
 * order in which they are asked for. Source: torch/utils/data/_utils/worker.py, PyTorch 2.13 (cf30153c)
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ArgumentError } from '../../errors.js'
import { frombuffer } from '../../tensor/functions.js'
import { useOwnGenerator } from '../../tensor/generator.js'
import { releaseShared, type SharedTensor } from '../../tensor/share.js'
import { ended, type Fetcher, makeFetcher } from '../fetch.js'
import { isIterableDataset } from '../iterable-dataset.js'
import { setWorkerInfo } from './info.js'
import { type FromWorker, isCloneError, pack, recordOf, type ToWorker, unpack, type WorkerStart } from './protocol.js'
import { received } from './send.js'

type Exports = Record<string, unknown>

async function main(port: MessagePort, start: WorkerStart): Promise<void> {
  const say = (message: FromWorker): void => port.postMessage(message)
  const generator = useOwnGenerator().manualSeed(start.seed)
  // what is asked for meanwhile waits in the port
  let fetcher: Fetcher
  try {
    fetcher = await makeDataset(start)
    if (start.rngState) generator.setState(frombuffer(start.rngState, { dtype: 'uint8' }))
  } catch (error) {
    say({ fatal: recordOf(error) })
    process.exit(1)
  }

  const make = async ({ task, at }: Exclude<ToWorker, 'stop'>): Promise<void> => {
    const handles: SharedTensor[] = []
    try {
      const batch = await fetcher.fetchAsync(at)
      if (batch === ended) say({ task, ended: true })
      else {
        const rngState = start.stream ? null : (generator.getState().typedArray() as Uint8Array)
        say({ task, batch: pack(batch, handles), rngState })
      }
    } catch (error) {
      // the message was not sent, and so nobody receives these
      for (const handle of handles) releaseShared(handle)
      say({ task, error: recordOf(isCloneError(error) ? cannotPost(error as Error) : error) })
    }
  }

  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    last = last.then(() => {
      // an exit of a worker ends its thread alone; open files and timers of the dataset do not keep it
      if (message === 'stop' || Atomics.load(start.stopped, 0)) process.exit(0)
      return make(message)
    })
  })
}

async function makeDataset(start: WorkerStart): Promise<Fetcher> {
  const { id, numWorkers, seed, dropLast } = start
  const exports: Exports = start.module === undefined ? {} : await import(start.module)
  const dataset = start.module === undefined ? received(start.dataset) : await datasetOf(exports, start)
  if (isIterableDataset(dataset) !== start.stream)
    throw new ArgumentError(
      `workerModule ${start.module}: the dataset of the worker should be ${start.stream ? 'a stream' : 'one with indices'}, as the loader's is`,
    )
  setWorkerInfo({ id, numWorkers, seed, dataset })
  if (start.needsCollate && typeof exports.collateFn !== 'function')
    throw new ArgumentError(
      `workerModule ${start.module} exports no collateFn, but the loader has one: functions cannot be sent, so export it`,
    )
  if (typeof exports.workerInitFn === 'function') await exports.workerInitFn(id)
  const collateFn =
    typeof exports.collateFn === 'function' ? (exports.collateFn as (samples: unknown) => unknown) : null
  return makeFetcher(dataset as unknown[], { collateFn, dropLast })
}

async function datasetOf(exports: Exports, { module, moduleData }: WorkerStart): Promise<unknown> {
  const given = exports.dataset ?? exports.default
  const dataset = typeof given === 'function' ? await given(unpack(moduleData)) : await given
  if (typeof dataset === 'object' && dataset !== null) return dataset
  throw new ArgumentError(
    `workerModule ${module} should export \`dataset\` (or a default): a dataset, or a function that makes one of workerData; it gave ${String(dataset)}`,
  )
}

function cannotPost(error: Error): ArgumentError {
  return new ArgumentError(
    `the batch cannot be sent from the worker: ${error.message} Return tensors, numbers, texts, typed arrays, lists, Maps and plain objects of these`,
    { cause: error },
  )
}

if (parentPort && (workerData as { loader?: unknown } | null)?.loader) {
  void main(parentPort, (workerData as { loader: WorkerStart }).loader)
}
