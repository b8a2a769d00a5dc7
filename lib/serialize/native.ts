/** The part of the addon's contract that native/serialize keeps: zip records and storages; it sees no pickle bytes. */
import type {
  ReaderHandle,
  RecordsHandle,
  StorageHandle,
  TensorHandle,
  TransferHandle,
  WriterHandle,
} from '../../binding.js'
import type { Tensor } from '../tensor/tensor.js'

/** A storage to write, and the name of its record. */
export type Unwritten = { name: string; storage: StorageHandle }
type Ints = readonly number[]

export interface SerializeBinding {
  /** Opens a zip archive: a path, or bytes that stay alive as long as the reader. */
  openReader(source: string | Uint8Array): ReaderHandle
  /** Record names without the archive's top folder, in the order of the central directory. */
  readerRecords(r: ReaderHandle): string[]
  readRecord(r: ReaderHandle, name: string): Uint8Array
  /** Size of a record in bytes once unpacked, -1 when there is none of that name. */
  recordSize(r: ReaderHandle, name: string): number
  /**
   * Records of an archive, named by a prefix and their keys, whose storages stand together behind one handle: files have
   * thousands. Writes their sizes into `sizes`, from the first that is missing on -1.
   */
  findRecords(r: ReaderHandle, prefix: string, keys: string[], sizes: Float64Array): RecordsHandle
  /** Reads the `chosen` into new CPU storages; `swaps` > 1 reverses the bytes of every unit of that many bytes. */
  readRecords(r: ReaderHandle, records: RecordsHandle, chosen: Uint32Array, swaps: Uint8Array): void
  /** The same on other threads. */
  readRecordsAsync(
    r: ReaderHandle,
    records: RecordsHandle,
    chosen: Uint32Array,
    swaps: Uint8Array,
    transfer?: TransferHandle,
  ): Promise<void>
  /** The same over the file itself (mmap, private), only of a reader of a file; those that are compressed are left and returned. */
  mapRecords(r: ReaderHandle, records: RecordsHandle, chosen: Uint32Array, swaps: Uint8Array): number[]
  recordStorage(records: RecordsHandle, index: number): StorageHandle
  setRecordStorage(records: RecordsHandle, index: number, storage: StorageHandle): void
  /** A tensor over the storage of a record, checked as {@link tensorFromStorage} does; returns the handle that `out` is to have. */
  tensorFromRecord(
    out: Tensor,
    records: RecordsHandle,
    index: number,
    dtype: string,
    at: number,
    sizes: Ints,
    strides: Ints,
  ): TensorHandle
  /** Storages over parts of an open file, which may be closed afterwards. */
  mapFile(fd: number, ranges: { position: number; nbytes: number }[]): StorageHandle[]
  closeReader(r: ReaderHandle): void
  /** Counts the bytes of a transfer off the main thread, and makes it fail. */
  newTransfer(): TransferHandle
  transferred(t: TransferHandle): number
  stopTransfer(t: TransferHandle): void
  /** A tensor over a storage; sizes, strides and its beginning `at` (in elements) are checked against it. */
  tensorFromStorage(out: Tensor, s: StorageHandle, dtype: string, at: number, sizes: Ints, strides: Ints): Tensor
  storageFromBytes(bytes: Uint8Array): StorageHandle
  /** Copies a storage to another device, 'meta' included. */
  storageTo(s: StorageHandle, device: string): StorageHandle
  /** The storage below a tensor: `id` is equal for tensors that share it; `offset` in elements, `nbytes` of the whole storage. */
  tensorStorage(t: Tensor): { storage: StorageHandle; id: bigint; offset: number; nbytes: number; device: string }
  /** Storage of a plain CPU tensor, else null; `out`: dtype's number, requiresGrad, conj, neg, offset, nbytes, dim, sizes, strides */
  plainTensor(t: Tensor, out: Float64Array): StorageHandle | null
  storageId(s: StorageHandle): bigint
  storageBytes(s: StorageHandle): Uint8Array
  /** A writer of a zip archive at `path`, which must not exist. The archive's top folder is `archive`, as in Python's streams. */
  openWriter(path: string): WriterHandle
  writeRecord(w: WriterHandle, name: string, bytes: Uint8Array): void
  writeStorage(w: WriterHandle, name: string, s: StorageHandle): void
  /** The same off the main thread; the storages must not be written to before it resolves. */
  writeStoragesAsync(w: WriterHandle, records: Unwritten[], transfer?: TransferHandle): Promise<void>
  /** Writes the end of the archive and flushes it to the disk (fsync). */
  finishWriter(w: WriterHandle): void
  finishWriterAsync(w: WriterHandle): Promise<void>
  /** Closes the file without finishing it. */
  abortWriter(w: WriterHandle): void
}
