/** Reads safetensors files: checks the header, then fills one storage for each tensor, piece by piece. */
import { closeSync, fstatSync, openSync, readSync, read as readWithCallback } from 'node:fs'
import { promisify } from 'node:util'
import type { StorageHandle } from '../../../binding.js'
import { native } from '../../binding.js'
import { ArgumentError } from '../../errors.js'
import { operatorFunction } from '../../tensor/operator.js'
import { setInOrder } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { emptyStorage } from '../fill.js'
import type { LoadOptions, LoadSyncOptions } from '../load.js'
import { type MapLocation, usableDevice } from '../location.js'
import type { StorageRef } from '../storages.js'
import { byKey, NativeTensorFactory } from '../tensor-native.js'
import { badFormat, type Where } from '../where.js'
import { type Entry, type Header, headerLength, readHeader } from './header.js'

const readAsync = promisify(readWithCallback)

/** Read at a time; tensors up to this are made with one copy, larger ones are filled in place. */
const chunk = 4 << 20
/** Reads at one time: as many as Node has threads for files. */
const readers = 4

/** What one read brings: whole tensors, or a part of a large one. */
interface Stretch {
  from: number
  to: number
  entries: Entry[]
}

/** Opens a safetensors file; its data is read off this thread. */
export async function readSafetensors(path: string, options: LoadOptions): Promise<object> {
  const { onProgress, signal } = options
  const device = deviceOf(options.mapLocation)
  const fd = openSync(path, 'r')
  try {
    const file = new SafetensorsFile(path, device)
    file.open(fd)
    if (file.map(fd, options.mmap)) return file.tensors()
    const total = file.stretches.reduce((sum, { from, to }) => sum + to - from, 0)
    let loaded = 0
    let next = 0
    const work = async (): Promise<void> => {
      const buffer = new Uint8Array(file.longest)
      while (next < file.stretches.length) {
        const stretch = file.stretches[next++]!
        const count = stretch.to - stretch.from
        signal?.throwIfAborted()
        for (let at = 0; at < count; ) {
          const { bytesRead } = await readAsync(fd, buffer, at, count - at, file.start + stretch.from + at)
          at += file.some(bytesRead, stretch.from + at)
        }
        file.fill(stretch, buffer)
        onProgress?.({ loaded: (loaded += count), total })
      }
    }
    const workers = Array.from({ length: Math.min(readers, file.stretches.length) }, async () => {
      try {
        await work()
      } catch (error) {
        next = file.stretches.length
        throw error
      }
    })
    // the file stays open until none of them reads any more
    const failed = (await Promise.allSettled(workers)).find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    signal?.throwIfAborted()
    return file.tensors()
  } finally {
    closeSync(fd)
  }
}

/** {@link readSafetensors}, on this thread. */
export function readSafetensorsSync(path: string, options: LoadSyncOptions): object {
  const device = deviceOf(options.mapLocation)
  const fd = openSync(path, 'r')
  try {
    const file = new SafetensorsFile(path, device)
    file.open(fd)
    if (file.map(fd, options.mmap)) return file.tensors()
    const buffer = new Uint8Array(file.longest)
    for (const stretch of file.stretches) {
      file.readExactly(fd, buffer, stretch.to - stretch.from, file.start + stretch.from)
      file.fill(stretch, buffer)
    }
    return file.tensors()
  } finally {
    closeSync(fd)
  }
}

/** The tensors of a safetensors file in memory. */
export function safetensorsOf(bytes: Uint8Array, map: MapLocation | undefined): object {
  const file = new SafetensorsFile(undefined, deviceOf(map))
  const length = headerLength(bytes.subarray(0, 8), bytes.byteLength, {})
  file.plan(bytes.subarray(8, 8 + length), bytes.byteLength)
  for (const stretch of file.stretches) {
    file.fill(stretch, bytes.subarray(file.start + stretch.from, file.start + stretch.to))
  }
  return file.tensors()
}

function deviceOf(map: MapLocation | undefined): string {
  if (map === undefined || map === null) return 'cpu'
  if (typeof map === 'string') return usableDevice(map, (type) => native().deviceCount(type))
  const kind = typeof map === 'function' ? 'callable' : 'dict'
  throw new ArgumentError(
    `Loading safetensors file with ${kind} mapLocation is not supported. Use a device string instead.`,
  )
}

class SafetensorsFile {
  /** byte of the file at which the data begins */
  start = 0
  longest = 0
  readonly stretches: Stretch[] = []
  private header!: Header
  private readonly storages = new Map<string, StorageHandle>()
  private readonly where: Where

  constructor(
    path: string | undefined,
    private readonly device: string,
  ) {
    this.where = path === undefined ? {} : { file: path }
  }

  open(fd: number): void {
    const { size } = fstatSync(fd)
    const head = new Uint8Array(8)
    const count = readSync(fd, head, 0, 8, 0)
    const bytes = new Uint8Array(headerLength(head.subarray(0, count), size, this.where))
    this.readExactly(fd, bytes, bytes.byteLength, 8)
    this.plan(bytes, size)
  }

  plan(header: Uint8Array, size: number): void {
    this.header = readHeader(header, size, this.where)
    this.start = 8 + header.byteLength
    let open: Stretch | undefined
    for (const entry of this.header.entries) {
      const { begin, end } = entry
      if (end - begin > chunk) {
        open = undefined
        for (let from = begin; from < end; from += chunk) {
          this.stretches.push({ from, to: Math.min(from + chunk, end), entries: [entry] })
        }
      } else if (open && end - open.from <= chunk) {
        open.to = end
        open.entries.push(entry)
      } else this.stretches.push((open = { from: begin, to: end, entries: [entry] }))
    }
    this.longest = this.stretches.reduce((most, { from, to }) => Math.max(most, to - from), 0)
  }

  /** Takes the tensors from the file itself, where that is wanted or saves a copy; false where they have to be read. */
  map(fd: number, mmap = false): boolean {
    if (!mmap && this.device === 'cpu') return false
    const { entries } = this.header
    const ranges = entries.map(({ begin, end }) => ({ position: this.start + begin, nbytes: end - begin }))
    const mapped = this.device === 'meta' ? undefined : native().mapFile(fd, ranges)
    for (const [i, { name, begin, end }] of entries.entries()) {
      this.storages.set(name, mapped ? mapped[i]! : emptyStorage(end - begin, 'meta'))
    }
    return true
  }

  readExactly(fd: number, buffer: Uint8Array, count: number, position: number): void {
    for (let at = 0; at < count; ) {
      at += this.some(readSync(fd, buffer, at, count - at, position + at), position + at - this.start)
    }
  }
  /** Nothing, where there was something before: the file became shorter. */
  some(count: number, from: number): number {
    if (count === 0) throw badFormat({ ...this.where, offset: this.start + from }, 'the file is truncated')
    return count
  }

  /** Takes what was read into the storages. */
  fill({ from, to, entries }: Stretch, bytes: Uint8Array): void {
    const binding = native()
    for (const { name, begin, end } of entries) {
      if (end - begin <= chunk) {
        this.storages.set(name, binding.storageFromBytes(bytes.subarray(begin - from, end - from)))
        continue
      }
      let storage = this.storages.get(name)
      if (storage === undefined) this.storages.set(name, (storage = emptyStorage(end - begin)))
      const count = to - from
      const source = binding.fromBytes(new Tensor(), bytes.subarray(0, count), 'uint8', [count], false)
      const target = binding.tensorFromStorage(new Tensor(), storage, 'uint8', from - begin, [count], [1])
      operatorFunction('aten::copy_')(target, source)
      source.dispose()
      target.dispose()
    }
  }

  /** A plain object in the order of the file, as Python's `load_file` gives. */
  tensors(): object {
    const binding = native()
    if (this.device !== 'cpu' && this.device !== 'meta') {
      for (const [name, storage] of this.storages) this.storages.set(name, binding.storageTo(storage, this.device))
    }
    const out: Record<string, object> = Object.create(null)
    for (const { name, dtype, shape } of this.header.entries) {
      const factory = new NativeTensorFactory(byKey(this.storages), { ...this.where, record: name })
      const storage = { key: name } as StorageRef
      const strides = stridesOf(shape)
      setInOrder(out, name, factory.tensor({ storage, dtype, offset: 0, shape, strides, requiresGrad: false }))
    }
    const { metadata } = this.header
    if (metadata) {
      const hidden = { value: metadata, enumerable: false, writable: true, configurable: true }
      Object.defineProperty(out, '__metadata__', hidden)
    }
    return out
  }
}

function stridesOf(shape: number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= Math.max(shape[i]!, 1)
  }
  return strides
}
