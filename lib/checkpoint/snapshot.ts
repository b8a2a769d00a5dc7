/** Copies of the tensors of a save, so that training may go on while they are written. Their memory is used again by the next save. */

import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { OutOfMemoryError } from '../errors.js'
import { operatorFunction } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

const copy = operatorFunction('aten::copy_')
const empty = operatorFunction('aten::empty')

/** Bytes that stay free beside the copies. */
const reserve = 2 ** 28

interface Source {
  handle: StorageHandle
  nbytes: number
}

/** The buffers of one manager. */
export class Snapshots {
  #free = new Map<number, Tensor[]>()

  /**
   * Copies on the CPU; undefined where there is too little memory for them. The next call writes into the same memory: what was
   * copied before must not be in use any more.
   */
  take(sources: readonly Source[]): StorageHandle[] | undefined {
    const before = this.#free
    this.#free = new Map()
    const wanted: (Tensor | undefined)[] = sources.map(({ nbytes }) => before.get(nbytes)?.pop())
    const fresh = sources.reduce((sum, { nbytes }, i) => sum + (wanted[i] ? 0 : nbytes), 0)
    // those of another size, of a model that has changed
    for (const left of before.values()) for (const buffer of left) buffer.dispose()
    try {
      if (fresh > 0 && fresh + reserve > process.availableMemory()) throw new OutOfMemoryError('too little for copies')
      return sources.map((source, i) => this.#copy(source, wanted[i]))
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error
      this.#free.clear()
      return undefined
    }
  }

  #copy({ handle, nbytes }: Source, buffer: Tensor | undefined): StorageHandle {
    buffer ??= empty([nbytes], { dtype: 'uint8' }) as Tensor
    const bytes = native().tensorFromStorage(new Tensor(), handle, 'uint8', 0, [nbytes], [1])
    copy(buffer, bytes)
    bytes.dispose()
    const same = this.#free.get(nbytes)
    if (same) same.push(buffer)
    else this.#free.set(nbytes, [buffer])
    return native().tensorStorage(buffer).storage
  }
}
