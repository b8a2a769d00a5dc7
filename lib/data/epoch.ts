/** One way through a dataset in this thread: what `loader[Symbol.iterator]()` and its asynchronous sister return. */
import { ended, type Fetcher, type Indices } from './fetch.js'

/** What a loader knows of the way through its dataset that was begun last. */
export interface Epoch {
  /** Batches that the caller has got. */
  readonly delivered: number
  /** The random states of the workers after the last batch that each delivered. */
  readonly workerStates?: readonly (Uint8Array | null)[]
}

interface EpochParts {
  indices: Iterator<Indices>
  fetcher: Fetcher
  /** Batches that an earlier run had got. */
  delivered: number
  /** Called at the end, or when the loop is left. */
  onEnd(epoch: Epoch): void
}

export class SyncEpoch<Batch> implements Epoch, IterableIterator<Batch> {
  readonly #parts: EpochParts
  #over = false
  delivered: number

  constructor(parts: EpochParts) {
    this.#parts = parts
    this.delivered = parts.delivered
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<Batch, undefined> {
    if (this.#over) return { done: true, value: undefined }
    const at = this.#parts.indices.next()
    const batch = at.done ? ended : this.#parts.fetcher.fetch(at.value)
    if (batch === ended) return this.return()
    this.delivered++
    return { done: false, value: batch as Batch }
  }

  return(): IteratorReturnResult<undefined> {
    if (!this.#over) {
      this.#over = true
      leave(this, this.#parts)
    }
    return { done: true, value: undefined }
  }
}

export class AsyncEpoch<Batch> implements Epoch, AsyncIterableIterator<Batch> {
  readonly #parts: EpochParts
  #over = false
  #last: Promise<unknown> | undefined
  delivered: number

  constructor(parts: EpochParts) {
    this.#parts = parts
    this.delivered = parts.delivered
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Batches come in order, also when the next is asked for before the last has come. */
  next(): Promise<IteratorResult<Batch, undefined>> {
    const step = () => this.#step()
    const result = this.#last ? this.#last.then(step, step) : step()
    const settled = result.then(nothing, nothing).then(() => {
      if (this.#last === settled) this.#last = undefined
    })
    this.#last = settled
    return result
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave()
    return { done: true, value: undefined }
  }

  async #step(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#over) return { done: true, value: undefined }
    const at = this.#parts.indices.next()
    const batch = at.done ? ended : await this.#parts.fetcher.fetchAsync(at.value)
    if (batch === ended) {
      this.#leave()
      return { done: true, value: undefined }
    }
    this.delivered++
    return { done: false, value: batch as Batch }
  }

  #leave(): void {
    if (this.#over) return
    this.#over = true
    leave(this, this.#parts)
  }
}

function leave(epoch: Epoch, { indices, fetcher, onEnd }: EpochParts): void {
  onEnd(epoch)
  indices.return?.()
  fetcher.close()
}

const nothing = (): void => {}
