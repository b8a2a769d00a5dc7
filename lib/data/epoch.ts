/** One way through a dataset: what `loader[Symbol.iterator]()` and its asynchronous sister return. */
import { ended } from './fetch.js'

/** What a loader knows of the way through its dataset that was begun last. */
export interface Epoch {
  /** Batches that the caller has got, or was told that they failed before one that it got. */
  readonly delivered: number
}

export interface EpochParts<Pulled> {
  /** The next batch, or `ended`. */
  pull(): Pulled
  /** Lets go of the sampler, the dataset, the workers. */
  close(): void | Promise<void>
  /** Batches that an earlier run had got. */
  delivered: number
  signal: AbortSignal | null
  /** Called at the end, or when the loop is left; not when it failed: that epoch may be gone on with. */
  onEnd(epoch: Epoch): void
}

const over = { done: true, value: undefined } as const

export class SyncEpoch<Batch> implements Epoch, IterableIterator<Batch> {
  readonly #parts: EpochParts<unknown>
  #over = false
  #failed = 0
  delivered: number

  constructor(parts: EpochParts<unknown>) {
    this.#parts = parts
    this.delivered = parts.delivered
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<Batch, undefined> {
    if (this.#over) return over
    if (this.#parts.signal?.aborted) {
      this.#over = true
      void this.#parts.close()
      throw this.#parts.signal.reason
    }
    this.#failed++
    const batch = this.#parts.pull()
    if (batch === ended) return this.return()
    this.delivered += this.#failed
    this.#failed = 0
    return { done: false, value: batch as Batch }
  }

  return(): IteratorReturnResult<undefined> {
    if (!this.#over) {
      this.#over = true
      this.#parts.onEnd(this)
      void this.#parts.close()
    }
    return over
  }
}

export class AsyncEpoch<Batch> implements Epoch, AsyncIterableIterator<Batch> {
  readonly #parts: EpochParts<Promise<unknown>>
  readonly #aborted: Promise<never> | undefined
  #stopListening: (() => void) | undefined
  #over = false
  #failed = 0
  #last: Promise<unknown> | undefined
  delivered: number

  constructor(parts: EpochParts<Promise<unknown>>) {
    this.#parts = parts
    this.delivered = parts.delivered
    const { signal } = parts
    if (!signal) return
    this.#aborted = new Promise((_, reject) => {
      const abort = (): void => {
        this.#over = true
        void parts.close()
        reject(signal.reason)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      this.#stopListening = () => signal.removeEventListener('abort', abort)
    })
    this.#aborted.catch(nothing)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Batches come in order, also when the next is asked for before the last has come. */
  next(): Promise<IteratorResult<Batch, undefined>> {
    const step = () => (this.#aborted ? Promise.race([this.#step(), this.#aborted]) : this.#step())
    const result = this.#last ? this.#last.then(step, step) : step()
    const settled = result.then(nothing, nothing).then(() => {
      if (this.#last === settled) this.#last = undefined
    })
    this.#last = settled
    return result
  }

  /** Is done when the workers have ended. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#over) this.#parts.onEnd(this)
    this.#over = true
    this.#stopListening?.()
    await this.#parts.close()
    return over
  }

  async #step(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#over) return this.#parts.signal?.aborted ? Promise.reject(this.#parts.signal.reason) : over
    this.#failed++
    const batch = await this.#parts.pull()
    if (batch === ended) return this.return()
    this.delivered += this.#failed
    this.#failed = 0
    return { done: false, value: batch as Batch }
  }
}

const nothing = (): void => {}
