/**
 * One event file, as TensorBoard reads it: records of a length, its checksum, an event and its checksum.
 * Source: tensorboard/summary/writer/{event_file_writer,record_writer}.py, TensorBoard 2.21.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { type Event, encodeEvent } from './proto.js'

export interface EventFileOptions {
  /** events that may wait for being written */
  maxQueue: number
  /** seconds that an event may wait for being written */
  flushSecs: number
  filenameSuffix: string
}

const require = createRequire(import.meta.url)

/** Files with a number of their own, as several may begin in the same second. */
let count = 0
/** Those with events that wait: a process that ends without close() still writes them. */
const waiting = new Set<EventFile>()
let isListening = false

export class EventFile {
  readonly path: string
  readonly #file: number
  readonly #options: EventFileOptions
  #queue: Uint8Array[] = []
  /** bytes that are written */
  #size = 0
  /** when the first event of the queue came */
  #since = 0
  #timer: NodeJS.Timeout | undefined
  /** what went wrong while nobody was there to be told */
  #failure: unknown

  constructor(folder: string, options: EventFileOptions) {
    mkdirSync(folder, { recursive: true })
    this.#options = options
    const opened = openNew(folder, options.filenameSuffix)
    this.path = opened.path
    this.#file = opened.file
    this.add({
      wallTime: Date.now() / 1000,
      fileVersion: 'brain.Event:2',
      writer: 'tensorboard.summary.writer.event_file_writer',
    })
    this.flush()
  }

  add(event: Event): void {
    this.#check()
    if (this.#queue.length === 0) this.#wait()
    this.#queue.push(record(encodeEvent(event)))
    // A synchronous loop lets no timer fire.
    const isLate = performance.now() - this.#since >= this.#options.flushSecs * 1000
    if (this.#queue.length > this.#options.maxQueue || isLate) this.flush()
  }

  flush(): void {
    this.#check()
    clearTimeout(this.#timer)
    const bytes = Buffer.concat(this.#queue)
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at, bytes.length - at, this.#size + at)
    } catch (error) {
      // a full disk: readers stop at half a record, so that none is left; the events wait for the next attempt
      ftruncateSync(this.#file, this.#size)
      throw error
    }
    this.#size += bytes.length
    this.#queue = []
    waiting.delete(this)
  }

  close(): void {
    try {
      this.flush()
    } finally {
      waiting.delete(this)
      closeSync(this.#file)
    }
  }

  #wait(): void {
    this.#since = performance.now()
    // A longer time than timers have is no time at all.
    const milliseconds = Math.min(this.#options.flushSecs * 1000, 2 ** 31 - 1)
    this.#timer = setTimeout(() => this.flushQuietly(), milliseconds).unref()
    waiting.add(this)
    if (isListening) return
    isListening = true
    process.once('exit', () => {
      for (const file of [...waiting]) file.flushQuietly()
    })
  }

  /** Where nobody can catch an error: the next call gives it. */
  flushQuietly(): void {
    try {
      this.flush()
    } catch (error) {
      this.#failure = error
    }
  }

  #check(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure) throw failure
  }
}

/** Opens a file that was not there: threads of a process count for themselves, and must not share one. */
function openNew(folder: string, suffix: string): { path: string; file: number } {
  for (;;) {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    const path = `${folder}${folder.endsWith('/') ? '' : '/'}events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${count++}${suffix}`
    try {
      return { path, file: openSync(path, 'wx') }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

function record(data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(data.length + 16)
  bytes.writeBigUInt64LE(BigInt(data.length), 0)
  bytes.writeUInt32LE(maskedCrc(bytes.subarray(0, 8)), 8)
  bytes.set(data, 12)
  bytes.writeUInt32LE(maskedCrc(data), data.length + 12)
  return bytes
}

/** CRC-32C, rotated and moved, since a checksum of data that holds checksums would be weak. */
function maskedCrc(bytes: Uint8Array): number {
  const library: typeof import('crc-32') = require('crc-32/crc32c')
  const crc = library.buf(bytes) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
