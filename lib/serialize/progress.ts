/** Follows work that goes on off this thread: how far it is, and whether it is still wanted. */
import { statSync } from 'node:fs'
import type { TransferHandle } from '../../binding.js'
import { native } from '../binding.js'

/** For those who wait. */
export interface Following {
  /** Called now and then while tensor data is read, and once at its end */
  onProgress?: (progress: TransferProgress) => void
  /** Ends the reading early: the promise is then rejected with the signal's reason */
  signal?: AbortSignal
}

/** Bytes of tensor data. */
export interface TransferProgress {
  loaded: number
  total: number
}

/** ms between two looks: often enough for a bar, too seldom to be felt */
const interval = 50

/** Tells one who waits of what happens. @internal */
export class Progress {
  constructor(
    private readonly total: number,
    private readonly following: Following,
  ) {}

  /**
   * Runs `work`, which counts what it moves in the transfer that it is given and fails when that is stopped.
   * @throws the reason of the signal
   */
  async follow<T>(work: (transfer: TransferHandle | undefined) => Promise<T>): Promise<T> {
    const { onProgress, signal } = this.following
    if (!onProgress && !signal) return work(undefined)
    signal?.throwIfAborted()
    const binding = native()
    const transfer = binding.newTransfer()
    const stop = (): void => binding.stopTransfer(transfer)
    signal?.addEventListener('abort', stop)
    let failure: { error: unknown } | undefined
    const look = (): void => {
      try {
        onProgress!({ loaded: binding.transferred(transfer), total: this.total })
      } catch (error) {
        // a fault of the listener ends the work and is what the caller sees
        failure ??= { error }
        stop()
      }
    }
    const timer = onProgress && setInterval(look, interval)
    try {
      const result = await work(transfer)
      signal?.throwIfAborted()
      if (onProgress) look()
      if (failure) throw failure.error
      return result
    } catch (error) {
      if (failure) throw failure.error
      signal?.throwIfAborted()
      throw error
    } finally {
      clearInterval(timer)
      signal?.removeEventListener('abort', stop)
    }
  }
}

/** Progress over several files that are read one after the other, as one. Sizes are those of the files. @internal */
export class PartsProgress {
  private readonly sizes: Map<string, number>
  private readonly total: number
  private before = 0

  constructor(
    files: readonly string[],
    private readonly onProgress: Following['onProgress'],
  ) {
    this.sizes = new Map(files.map((file) => [file, statSync(file).size]))
    this.total = [...this.sizes.values()].reduce((sum, size) => sum + size, 0)
  }

  /** The listener for the next file. */
  next(file: string): Following {
    if (!this.onProgress) return {}
    const size = this.sizes.get(file)!
    const before = this.before
    this.before += size
    return {
      onProgress: ({ loaded, total }) => {
        const part = total === 0 ? size : Math.round((loaded / total) * size)
        this.onProgress!({ loaded: before + part, total: this.total })
      },
    }
  }
}
