/**
 * The workers of one way through a dataset, seen from the thread of the loader. Batch i goes to worker i mod n; at most
 * `prefetchFactor` batches for each worker are asked for and not yet delivered, so that a slow consumer stops them. They are
 * delivered in the order in which they were asked for, whichever is ready first.
 * Source: torch/utils/data/dataloader.py, _MultiProcessingDataLoaderIter, PyTorch 2.13 (cf30153c)
 */
import { Worker } from 'node:worker_threads'
import { DataWorkerError } from '../../errors.js'
import { releaseShared, type SharedTensor } from '../../tensor/share.js'
import { ended, type Indices } from '../fetch.js'
import { errorOf, type FromWorker, isCloneError, release, type ToWorker, unpack, type WorkerStart } from './protocol.js'
import { cannotSend } from './send.js'

/** How long a worker may go on with what it is doing when it is no longer needed, in ms. */
const grace = 5000

export interface PoolParts {
  numWorkers: number
  prefetchFactor: number
  /** Seconds; 0 for no limit. */
  timeout: number
  indices: Iterator<Indices>
  /** What worker `id` is made with; `handles` collects the tensors in it. */
  start(id: number, stopped: Int32Array, handles: SharedTensor[]): WorkerStart
  /** The dataset is a stream, whose samples have no index. */
  stream: boolean
  /** The worker that makes the first batch. */
  first: number
  /** Batches that are made and thrown away before the first. */
  discard: number
  /** The random states that the workers begin with, where they go on. */
  states: readonly (Uint8Array | null)[]
}

interface Task {
  worker: number
  at: Indices
  answer?: FromWorker
}

export class WorkerPool {
  // without `start`, which leads to the loader and so to the loop: a pool whose loop is garbage is closed
  readonly #parts: Omit<PoolParts, 'start'>
  readonly #workers: Worker[] = []
  readonly #exits: Promise<void>[] = []
  readonly #handles: SharedTensor[] = []
  readonly #stopped = new Int32Array(new SharedArrayBuffer(4))
  /** Whether a worker may have more: those of a stream end one by one. */
  readonly #active: boolean[]
  readonly #tasks = new Map<number, Task>()
  #sent = 0
  #received = 0
  #next: number
  #discard: number
  #fatal: DataWorkerError | undefined
  #wake: (() => void) | undefined
  #closing: Promise<void> | undefined
  /** The random state of each worker after the last batch of it that was delivered. */
  readonly states: (Uint8Array | null)[]

  constructor({ start, ...parts }: PoolParts) {
    this.#parts = parts
    this.#next = parts.first
    this.#discard = parts.discard
    this.#active = Array(parts.numWorkers).fill(true)
    this.states = [...parts.states]
    try {
      for (let id = 0; id < parts.numWorkers; id++) this.#add(id, start)
      for (let i = 0; i < parts.prefetchFactor * parts.numWorkers; i++) this.#put()
    } catch (error) {
      void this.close()
      throw isCloneError(error) ? cannotSend(`a part of it is not data (${(error as Error).message})`, error) : error
    }
  }

  /** The next batch, or `ended`. */
  async pull(): Promise<unknown> {
    while (true) {
      const task = this.#current()
      if (!task) {
        await this.close()
        return ended
      }
      if (task.answer) {
        const delivered = this.#deliver(task, task.answer)
        if (delivered) return delivered.batch
      } else if (this.#fatal) {
        await this.close()
        throw this.#fatal
      } else await this.#wait(task)
    }
  }

  /** Ends the workers, and is done when they have ended. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    Atomics.store(this.#stopped, 0, 1)
    this.#parts.indices.return?.()
    for (const { answer } of this.#tasks.values()) if (answer && 'batch' in answer) release(answer.batch)
    this.#tasks.clear()
    this.#wake?.()
    const timers = this.#workers.map((worker) => {
      worker.ref()
      worker.postMessage('stop' satisfies ToWorker)
      return setTimeout(() => void worker.terminate(), grace)
    })
    await Promise.all(this.#exits)
    timers.forEach(clearTimeout)
    // those that no worker came to receive
    for (const handle of this.#handles) releaseShared(handle)
  }

  #add(id: number, start: PoolParts['start']): void {
    const loader = start(id, this.#stopped, this.#handles)
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { loader } })
    // a loop that nobody goes on with does not keep the process
    worker.unref()
    this.#workers.push(worker)
    worker.on('message', (message: FromWorker) => this.#hear(id, message))
    worker.on('messageerror', (cause) => this.#fail(id, 'sent what cannot be read', cause))
    worker.on('error', (cause) => this.#fail(id, `failed: ${cause instanceof Error ? cause.message : cause}`, cause))
    this.#exits.push(
      new Promise((resolve) => {
        worker.on('exit', (code) => {
          this.#fail(id, `exited unexpectedly with code ${code}`)
          resolve()
        })
      }),
    )
  }

  #hear(id: number, message: FromWorker): void {
    if (this.#closing) {
      if ('batch' in message) release(message.batch)
      return
    }
    if ('fatal' in message) this.#fail(id, `could not begin: ${message.fatal.message}`, errorOf(message.fatal))
    else this.#tasks.get(message.task)!.answer = message
    this.#wake?.()
  }

  #fail(id: number, what: string, cause?: unknown): void {
    if (this.#closing || this.#fatal) return
    const options = cause === undefined ? {} : { cause }
    this.#fatal = withStack(new DataWorkerError(`DataLoader worker ${id} ${what}`, id, options), cause)
    this.#wake?.()
  }

  /** Asks the next worker that may have more for the next batch. */
  #put(): void {
    const { done, value: at } = this.#parts.indices.next()
    if (done) return
    const { numWorkers } = this.#parts
    for (let i = 0; i < numWorkers; i++) {
      const worker = this.#next
      this.#next = (worker + 1) % numWorkers
      if (!this.#active[worker]) continue
      const task = this.#sent++
      this.#tasks.set(task, { worker, at })
      this.#workers[worker]!.postMessage({ task, at } satisfies ToWorker)
      return
    }
  }

  /** The task whose batch is to be delivered next. */
  #current(): Task | undefined {
    while (this.#received < this.#sent && !this.#closing) {
      const task = this.#tasks.get(this.#received)!
      if (task.answer || this.#active[task.worker]) return task
      this.#tasks.delete(this.#received++)
    }
    return undefined
  }

  #deliver({ worker, at }: Task, answer: FromWorker): { batch: unknown } | undefined {
    const number = this.#received++
    this.#tasks.delete(number)
    if ('ended' in answer) this.#active[worker] = false
    this.#put()
    if ('error' in answer) {
      const cause = errorOf(answer.error)
      const making = this.#parts.stream ? 'reading the stream' : `making the batch of the samples ${shown([at].flat())}`
      const message = `${cause.name} in DataLoader worker ${worker}, ${making}: ${cause.message}`
      throw withStack(new DataWorkerError(message, worker, { cause, batch: number }), cause)
    }
    if (!('batch' in answer)) return undefined
    if (this.#discard > 0) {
      this.#discard--
      release(answer.batch)
      return undefined
    }
    this.states[worker] = answer.rngState
    return { batch: unpack(answer.batch) }
  }

  /** Until a worker says something. */
  async #wait({ worker }: Task): Promise<void> {
    const { timeout } = this.#parts
    let timer: NodeJS.Timeout | undefined
    for (const each of this.#workers) each.ref()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (timeout > 0)
        timer = setTimeout(() => this.#fail(worker, `gave no batch in ${timeout} seconds (timeout)`), timeout * 1000)
    })
    clearTimeout(timer)
    this.#wake = undefined
    for (const each of this.#workers) each.unref()
    // closing needs them until they have ended
    if (this.#closing) for (const each of this.#workers) each.ref()
  }
}

/** The worker's stack below that of this thread. */
function withStack(error: DataWorkerError, cause: unknown): DataWorkerError {
  if (cause instanceof Error && cause.stack) error.stack += `\n  in the worker: ${cause.stack}`
  return error
}

const shown = (indices: number[]): string =>
  `${indices.slice(0, 8).join(', ')}${indices.length > 8 ? `, … (${indices.length})` : ''}`
