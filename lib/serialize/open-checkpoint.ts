/** A checkpoint in the zip format, opened: its pickle is read, and the records of its storages are found. */
import type { ReaderHandle, RecordsHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import { tensorHandle } from '../tensor/new-tensor.js'
import { Classes } from './archive/classes.js'
import { Archive, ArchiveReviver } from './archive/read.js'
import type { Filling, Wanted } from './fill.js'
import { foreignZip } from './foreign-zip.js'
import { limits } from './limits.js'
import { usableDevice } from './location.js'
import type { Node } from './nodes.js'
import { readPickle } from './pickle-read.js'
import { Reviver } from './revive.js'
import { dtypes, readStorageId, type StorageRef } from './storages.js'
import { NativeTensorFactory } from './tensor-native.js'
import { badFormat, unsafe } from './where.js'

/** The device of each storage; throws for one that is not here, before anything is read. */
export function devicesOf(refs: StorageRef[], locate: (saved: string) => string): string[] {
  const known = new Map<string, string>()
  return refs.map(({ location }) => {
    const wanted = locate(location)
    let device = known.get(wanted)
    if (device === undefined) known.set(wanted, (device = usableDevice(wanted, (type) => native().deviceCount(type))))
    return device
  })
}

/** the records of storages */
const records = 'data/'

/** A zip archive whose pickle has been read, and whose storages have not. */
export class OpenCheckpoint {
  reader!: ReaderHandle
  root!: Node
  private swap = false
  readonly how: Filling
  private program = false
  /** the storages that the pickle refers to, in the order in which they are met */
  private readonly storages: StorageRef[] = []
  private readonly byKey = new Map<string, StorageRef>()
  private records!: RecordsHandle
  private sizes!: Float64Array
  private readonly where: { file?: string }

  constructor(
    path: string | undefined,
    private readonly size: number,
    private readonly locate: (saved: string) => string,
    mmap: boolean,
  ) {
    this.where = path === undefined ? {} : { file: path }
    this.how = { mmap, isFile: path !== undefined }
  }

  open(source: string | Uint8Array): void {
    const binding = native()
    try {
      this.reader = this.attemptSync(() => binding.openReader(source))
    } catch (error) {
      throw foreignZip(source, this.where) ?? error
    }
    try {
      // an archive of TorchScript or C++, which holds a program beside its data
      this.program = this.sizeOf('constants.pkl') >= 0
      if (this.sizeOf('data.pkl') < 0) throw badFormat({ ...this.where, record: 'data.pkl' }, noCheckpoint)
      const most = this.size * limits.expansion + 2 ** 28
      this.checkSize('data.pkl', Math.min(limits.pickleBytes, most))
      this.swap = this.isOtherByteOrder()
      const where = { ...this.where, record: 'data.pkl' }
      const pickle = this.attemptSync(() => binding.readRecord(this.reader, 'data.pkl'), 'data.pkl')
      this.root = readPickle(pickle, where, (id, offset) => this.storage(readStorageId(id, where, offset)))
      this.findRecords()
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

  /** One storage for one key, however often it is referred to; its dtype is that of the first time, as in Python. */
  private storage(ref: StorageRef): StorageRef {
    const known = this.byKey.get(ref.key)
    if (known === undefined) {
      ref.index = this.storages.push(ref) - 1
      this.byKey.set(ref.key, ref)
    } else if (known.nbytes !== ref.nbytes) {
      throw badFormat(
        { ...this.where, record: `data/${ref.key}` },
        `the storage is said to have ${known.nbytes} bytes, and ${ref.nbytes}`,
      )
    }
    return known ?? ref
  }

  /** Each storage has a record of its size. */
  private findRecords(): void {
    const keys = this.storages.map(({ key }) => key)
    this.sizes = new Float64Array(keys.length)
    this.records = this.attemptSync(() => native().findRecords(this.reader, records, keys, this.sizes))
    for (const { key, numel, dtype, nbytes, index } of this.storages) {
      const size = this.sizes[index!]!
      if (size === nbytes) continue
      const message =
        size < 0
          ? 'the record is missing'
          : `the record has ${size} bytes; ${numel} elements of ${dtype} take ${nbytes}`
      throw badFormat({ ...this.where, record: records + key }, message)
    }
  }

  /** The records of the storages, and the devices that they go to. */
  wanted(): Wanted {
    const { reader, sizes, storages } = this
    return {
      reader,
      records: this.records,
      names: (index) => records + storages[index]!.key,
      sizes,
      swaps: Uint8Array.from(storages, ({ dtype }) => (this.swap ? dtypes.get(dtype)!.swap : 0)),
      devices: devicesOf(storages, this.locate),
    }
  }

  /** Makes the value of the pickle over its storages. */
  revive(): unknown {
    const where = { ...this.where, record: 'data.pkl' }
    const binding = native()
    const tensors = new NativeTensorFactory((out, { index }, dtype, at, shape, strides) => {
      out[tensorHandle] = binding.tensorFromRecord(out, this.records, index!, dtype, at, shape, strides)
      return out
    }, where)
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
