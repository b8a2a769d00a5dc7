/** Writes files whose bytes come in pieces, so that a tensor of any size takes a few MB of memory more, and no second copy. */
import {
  closeSync,
  fsyncSync,
  fsync as fsyncWithCallback,
  openSync,
  writeSync,
  write as writeWithCallback,
} from 'node:fs'
import { promisify } from 'node:util'
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { operatorFunction } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

const writeAsync = promisify(writeWithCallback)
const fsyncAsync = promisify(fsyncWithCallback)

/** Written at a time. */
const chunk = 8 << 20
/** Storages up to this are faster copied by way of JavaScript. */
const small = 1 << 14

/** Bytes of a storage, on any device, from its byte `from` on. */
export interface StoragePart {
  storage: StorageHandle
  from: number
  nbytes: number
}
export type Part = Uint8Array | StoragePart

const sizeOf = (part: Part): number => (part instanceof Uint8Array ? part.byteLength : part.nbytes)

/**
 * The bytes of all parts one after the other, in one array that is filled again and again.
 * @param most - bytes of all parts together, or more
 */
export function* gathered(parts: Iterable<Part>, most: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(chunk, most))
  const window = native().fromBytes(new Tensor(), buffer, 'uint8', [buffer.byteLength], false)
  let filled = 0
  try {
    for (const part of parts) {
      const size = sizeOf(part)
      const whole = part instanceof Uint8Array ? part : wholeOf(part)
      for (let at = 0; at < size; ) {
        const count = Math.min(size - at, buffer.byteLength - filled)
        if (whole) buffer.set(whole.subarray(at, at + count), filled)
        else copy(window, filled, part as StoragePart, at, count)
        at += count
        filled += count
        if (filled < buffer.byteLength) continue
        yield buffer
        filled = 0
      }
    }
    if (filled > 0) yield buffer.subarray(0, filled)
  } finally {
    window.dispose()
  }
}

function wholeOf({ storage, from, nbytes }: StoragePart): Uint8Array | undefined {
  if (nbytes > small) return undefined
  const bytes = bytesOf(storage, from, nbytes)
  const whole = new Uint8Array(native().bytes(bytes))
  bytes.dispose()
  return whole
}

function bytesOf(storage: StorageHandle, from: number, count: number): Tensor {
  return native().tensorFromStorage(new Tensor(), storage, 'uint8', from, [count], [1])
}

/** Copies `count` bytes of a part, from its byte `at` on, to a place in the window. */
function copy(window: Tensor, to: number, part: StoragePart, at: number, count: number): void {
  const { storage, offset } = native().tensorStorage(window)
  const target = bytesOf(storage, offset + to, count)
  const source = bytesOf(part.storage, part.from + at, count)
  operatorFunction('aten::copy_')(target, source)
  target.dispose()
  source.dispose()
}

/** Makes the file at `path`, which must not exist, and flushes it to the disk. The bytes are written off this thread. */
export async function writePieces(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const fd = openSync(path, 'wx')
  try {
    for (const bytes of pieces) {
      for (let at = 0; at < bytes.byteLength; ) {
        at += (await writeAsync(fd, bytes, at, bytes.byteLength - at)).bytesWritten
      }
    }
    await fsyncAsync(fd)
  } finally {
    closeSync(fd)
  }
}

/** {@link writePieces}, on this thread. */
export function writePiecesSync(path: string, pieces: Iterable<Uint8Array>): void {
  const fd = openSync(path, 'wx')
  try {
    for (const bytes of pieces) {
      for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at, bytes.byteLength - at)
    }
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
