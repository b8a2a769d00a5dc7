/** `torch.load`: what `torch.save` wrote, and safetensors files, from a file or from memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ReaderHandle, StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, CheckpointError, nearest } from '../errors.js'
import { Classes } from './archive/classes.js'
import { Archive, ArchiveReviver } from './archive/read.js'
import { isLegacy, readLegacy, readWhole, readWholeSync } from './legacy.js'
import { limits } from './limits.js'
import { locator, type MapLocation, usableDevice } from './location.js'
import type { Node } from './nodes.js'
import { readPickle } from './pickle-read.js'
import { Reviver } from './revive.js'
import { readSafetensors, readSafetensorsSync, safetensorsOf } from './safetensors/read.js'
import { recogniseFile, recogniseHead } from './safetensors/recognise.js'
import { readShards, type ShardedFile } from './sharded.js'
import { sniff } from './sniff.js'
import { dtypes, readStorageId, type StorageRef } from './storages.js'
import { NativeTensorFactory } from './tensor-native.js'
import { badFormat, unsafe } from './where.js'

/** A path, a `file:` URL, or the bytes of a checkpoint. */
export type Source = string | URL | Uint8Array

export interface LoadOptions {
  /** Where the storages go; by default to the devices that they were saved from */
  mapLocation?: MapLocation
}

/**
 * Opens a checkpoint that `torch.save` wrote, in Python or here. Nothing in the file is executed: objects of classes that
 * are not PyTorch's own data become {@link PyObject}s. Tensor data is read off the main thread by several threads.
 * Of a TorchScript archive the data is read: `torch.toStateDict` finds its parameters, and `torch.jit.load` runs it. Archives of
 * C++'s `torch::save` give a state dict, a tensor, an array of tensors, or the state dict of an optimizer in Python's layout.
 * Safetensors files open too, and models in several files by their index (`*.safetensors.index.json`, `*.bin.index.json`).
 * @param source - path, `file:` URL, or bytes; for safetensors also the folder of a model
 * @param options - `mapLocation` as in Python
 * @returns dicts with string keys as plain objects without prototype, other dicts as Maps, lists as arrays, tuples as
 * {@link Tuple}s, tensors and numbers
 * @throws the file system's own error (`ENOENT`, `EACCES`, `EISDIR`); {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` or
 * `ERR_CHECKPOINT_UNSAFE`; {@link DeviceError} when a saved device is not here
 * @example
 * const checkpoint = await torch.load('checkpoint.pth', { mapLocation: 'cpu' })
 */
export async function load(source: Source, options: LoadOptions = {}): Promise<any> {
  const other = otherFormat(source, options)
  if (other?.tensors) return other.tensors
  if (other?.path !== undefined) return readSafetensors(other.path, options.mapLocation)
  if (other?.shards) {
    for (const shard of other.shards.files) other.shards.add(shard, await load(shard, options))
    return other.shards.merged()
  }
  const file = openCheckpoint(source, options)
  if (file instanceof LegacyFile) return file.revive(file.bytes ?? (await readWhole(file.path!)))
  try {
    const binding = native()
    const records = file.storages.map((ref) => file.recordOf(ref))
    const handles = await file.attempt(() => binding.readStoragesAsync(file.reader, records))
    return file.revive(handles)
  } finally {
    native().closeReader(file.reader)
  }
}

/** {@link load}, on this thread. */
export function loadSync(source: Source, options: LoadOptions = {}): any {
  const other = otherFormat(source, options)
  if (other?.tensors) return other.tensors
  if (other?.path !== undefined) return readSafetensorsSync(other.path, options.mapLocation)
  if (other?.shards) {
    for (const shard of other.shards.files) other.shards.add(shard, loadSync(shard, options))
    return other.shards.merged()
  }
  const file = openCheckpoint(source, options)
  if (file instanceof LegacyFile) return file.revive(file.bytes ?? readWholeSync(file.path!))
  try {
    const binding = native()
    const handles = file.storages.map((ref) => {
      const { name, nbytes, swap } = file.recordOf(ref)
      return file.attemptSync(() => binding.readStorage(file.reader, name, nbytes, swap), name)
    })
    return file.revive(handles)
  } finally {
    native().closeReader(file.reader)
  }
}

/** A source in a format that has no pickle: a safetensors file, the tensors of one in memory, or an index of shards. */
function otherFormat(
  source: Source,
  options: LoadOptions,
): { path?: string; tensors?: object; shards?: ShardedFile } | undefined {
  checkOptions(options)
  const { path, bytes } = sourceOf(source, 'torch.load')
  if (bytes) {
    const kind = recogniseHead(bytes.subarray(0, 512), bytes.byteLength)
    if (kind === 'index') throw badFormat({}, 'an index of a sharded model names files beside it: give its path')
    return kind && { tensors: safetensorsOf(bytes, options.mapLocation) }
  }
  const found = recogniseFile(path!)
  return found?.kind === 'index' ? { shards: readShards(found.path) } : found && { path: found.path }
}

function checkOptions(options: LoadOptions): void {
  for (const key of Object.keys(options)) {
    if (key === 'mapLocation') continue
    const near = nearest(key, ['mapLocation'])
    throw new ArgumentError(
      `torch.load has no option '${key}'${near ? `; did you mean '${near}'?` : ': only mapLocation'}`,
    )
  }
}

/** Opens the archive and reads its pickle: all but the tensors' data. */
function openCheckpoint(source: Source, options: LoadOptions): OpenCheckpoint | LegacyFile {
  const { path, bytes } = sourceOf(source, 'torch.load')
  const locate = locator(options.mapLocation)
  const { size, legacy } = bytes ? checkHead(bytes.subarray(0, 512), bytes.byteLength, undefined) : checkFile(path!)
  if (legacy) return new LegacyFile(path, bytes, locate)
  const file = new OpenCheckpoint(path, size, locate)
  file.open(path ?? bytes!)
  return file
}

/** What a source is, for a function called `what`. @internal */
export function sourceOf(source: Source, what: string): { path?: string; bytes?: Uint8Array } {
  if (typeof source === 'string') return { path: source }
  if (source instanceof URL) {
    if (source.protocol === 'file:') return { path: fileURLToPath(source) }
    throw new ArgumentError(`${what} opens file: URLs; download ${source.protocol} ones first`)
  }
  if (source instanceof Uint8Array) return { bytes: source }
  if (source !== null && (source as unknown) instanceof ArrayBuffer)
    return { bytes: new Uint8Array(source as ArrayBuffer) }
  throw new ArgumentError(`${what}: source has to be a path, a URL or a Uint8Array, not ${String(source)}`)
}

interface Head {
  size: number
  legacy: boolean
}

/** Opens the file once by Node, whose errors name the path and the reason. @internal */
export function checkFile(path: string): Head {
  const fd = openSync(path, 'r')
  try {
    const info = fstatSync(fd)
    const head = new Uint8Array(512)
    // reading a directory fails with EISDIR and its path
    const count = info.isDirectory() ? readDirectory(path) : readSync(fd, head, 0, head.length, 0)
    return checkHead(head.subarray(0, count), info.size, path)
  } finally {
    closeSync(fd)
  }
}

function readDirectory(path: string): never {
  const error = new Error(`EISDIR: illegal operation on a directory, read '${path}'`)
  throw Object.assign(error, { code: 'EISDIR', errno: -21, syscall: 'read', path })
}

/** Throws for what is neither a zip archive nor in the format before it. @internal */
export function checkHead(head: Uint8Array, size: number, file: string | undefined): Head {
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) return { size, legacy: false }
  if (isLegacy(head)) return { size, legacy: true }
  const known = sniff(head, size)
  const where = file === undefined ? {} : { file }
  throw badFormat(
    where,
    known ?? `not a checkpoint: its first bytes are ${Buffer.from(head.subarray(0, 8)).toString('hex')}`,
  )
}

/** A file in the format before 1.6, which is read as a whole. */
class LegacyFile {
  constructor(
    readonly path: string | undefined,
    readonly bytes: Uint8Array | undefined,
    private readonly locate: (saved: string) => string,
  ) {}

  revive(bytes: Uint8Array): unknown {
    const where = this.path === undefined ? {} : { file: this.path }
    const { root, refs, storages } = readLegacy(bytes, where)
    const placed = place(
      [...refs.values()],
      [...refs.keys()].map((key) => storages.get(key)!),
      this.locate,
    )
    return new Reviver(new NativeTensorFactory(placed, where), where).value(root)
  }
}

/** Moves storages to where they belong. */
function place(
  refs: StorageRef[],
  handles: StorageHandle[],
  locate: (saved: string) => string,
): Map<string, StorageHandle> {
  const binding = native()
  const placed = new Map<string, StorageHandle>()
  const devices = new Map<string, string>()
  for (const [i, { key, location }] of refs.entries()) {
    const wanted = locate(location)
    let device = devices.get(wanted)
    if (device === undefined) devices.set(wanted, (device = usableDevice(wanted, (type) => binding.deviceCount(type))))
    placed.set(key, device === 'cpu' ? handles[i]! : binding.storageTo(handles[i]!, device))
  }
  return placed
}

class OpenCheckpoint {
  reader!: ReaderHandle
  root!: Node
  private swap = false
  private program = false
  private readonly byKey = new Map<string, StorageRef>()
  private readonly where: { file?: string }

  constructor(
    path: string | undefined,
    private readonly size: number,
    private readonly locate: (saved: string) => string,
  ) {
    this.where = path === undefined ? {} : { file: path }
  }

  /** The storages that the pickle refers to, in the order in which they are met. */
  get storages(): StorageRef[] {
    return [...this.byKey.values()]
  }

  open(source: string | Uint8Array): void {
    const binding = native()
    this.reader = this.attemptSync(() => binding.openReader(source))
    try {
      // an archive of TorchScript or C++, which holds a program beside its data
      this.program = this.sizeOf('constants.pkl') >= 0
      if (this.sizeOf('data.pkl') < 0) throw badFormat({ ...this.where, record: 'data.pkl' }, noCheckpoint)
      const most = this.size * limits.expansion + 2 ** 28
      this.checkSize('data.pkl', Math.min(limits.pickleBytes, most))
      this.swap = this.isOtherByteOrder()
      const where = { ...this.where, record: 'data.pkl' }
      const pickle = this.attemptSync(() => binding.readRecord(this.reader, 'data.pkl'), 'data.pkl')
      this.root = readPickle(pickle, where, (id, offset) => this.storage(readStorageId(id, { ...where, offset })))
      const unpacked = this.storages.reduce((sum, ref) => sum + ref.nbytes, pickle.byteLength)
      if (unpacked > most) {
        throw unsafe(this.where, `a file of ${this.size} bytes would unpack to ${unpacked}`)
      }
    } catch (error) {
      binding.closeReader(this.reader)
      throw error
    }
  }

  private sizeOf(record: string): number {
    return this.attemptSync(() => native().recordSize(this.reader, record), record)
  }
  private checkSize(record: string, most: number): void {
    const size = this.sizeOf(record)
    if (size > most) throw unsafe({ ...this.where, record }, `the record has ${size} bytes; ${most} are allowed`)
  }

  private isOtherByteOrder(): boolean {
    if (this.sizeOf('byteorder') < 0) return false
    this.checkSize('byteorder', 64)
    const record = this.attemptSync(() => native().readRecord(this.reader, 'byteorder'), 'byteorder')
    const order = Buffer.from(record).toString('latin1')
    if (order !== 'little' && order !== 'big') {
      throw badFormat({ ...this.where, record: 'byteorder' }, `unknown byte order ${JSON.stringify(order)}`)
    }
    return order !== hostOrder
  }

  /** One storage for one key, however often it is referred to. */
  private storage(ref: StorageRef): StorageRef {
    const known = this.byKey.get(ref.key)
    if (known === undefined) {
      this.byKey.set(ref.key, ref)
      const record = `data/${ref.key}`
      const size = this.sizeOf(record)
      if (size < 0) throw badFormat({ ...this.where, record }, 'the record is missing')
      if (size !== ref.nbytes) {
        throw badFormat(
          { ...this.where, record },
          `the record has ${size} bytes; ${ref.numel} elements of ${ref.dtype} take ${ref.nbytes}`,
        )
      }
    } else if (known.nbytes !== ref.nbytes) {
      throw badFormat(
        { ...this.where, record: `data/${ref.key}` },
        `the storage is said to have ${known.nbytes} bytes, and ${ref.nbytes}`,
      )
    }
    return ref
  }

  recordOf(ref: StorageRef): { name: string; nbytes: number; swap: number } {
    return { name: `data/${ref.key}`, nbytes: ref.nbytes, swap: this.swap ? dtypes.get(ref.dtype)!.swap : 0 }
  }

  /** Puts the storages where they belong and makes the value of the pickle. */
  revive(handles: StorageHandle[]): unknown {
    const placed = place(this.storages, handles, this.locate)
    const where = { ...this.where, record: 'data.pkl' }
    const tensors = new NativeTensorFactory(placed, where)
    if (!this.program) return new Reviver(tensors, where).value(this.root)
    const classes = new Classes(
      this.where,
      (record) => this.sizeOf(record),
      (record) => this.attemptSync(() => native().readRecord(this.reader, record), record),
    )
    return new Archive(classes, new ArchiveReviver(tensors, where), where).value(this.root)
  }

  /** Gives the errors of native code the file and the record that they are about. */
  attemptSync<T>(body: () => T, record?: string): T {
    try {
      return body()
    } catch (error) {
      throw this.located(error, record)
    }
  }
  async attempt<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body()
    } catch (error) {
      throw this.located(error)
    }
  }
  private located(error: unknown, record?: string): unknown {
    if (!(error instanceof CheckpointError) || error.file !== undefined) return error
    return badFormat({ ...this.where, ...(record !== undefined && { record }) }, hint(error.message), error)
  }
}

const noCheckpoint = 'this zip archive has no data.pkl: it is not a checkpoint of torch.save'
const hostOrder = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 'little' : 'big'

/** @internal */
export function hint(message: string): string {
  if (/central directory|truncated|not a ZIP archive/.test(message)) {
    return `${message.replace(/^PytorchStreamReader /, '')} (the file is truncated: a download or a save was cut off)`
  }
  return message
}
