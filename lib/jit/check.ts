/**
 * Looks at an archive before LibTorch reads it. LibTorch believes what the pickles say of sizes, strides and storages, so that a
 * file with a lie would make it read beyond its memory.
 */
import type { ReaderHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import { limits } from '../serialize/limits.js'
import { checkFile, checkHead } from '../serialize/load.js'
import { hint } from '../serialize/open-checkpoint.js'
import { readPickle } from '../serialize/pickle-read.js'
import { Reviver } from '../serialize/revive.js'
import { readStorageId, type StorageRef } from '../serialize/storages.js'
import type { TensorFactory } from '../serialize/tensor-factory.js'
import { badFormat, unsafe, type Where } from '../serialize/where.js'
import { codeDepth } from './code-depth.js'

const isCheckpoint = 'this is a checkpoint of torch.save, not a TorchScript archive: open it with torch.load()'

/** What {@link codeDepth} may be: LibTorch's parser takes a piece of the stack for each level. */
const deepestCode = 400

/** The devices that the archive's storages were saved from. @internal */
export function checkArchive(source: { path?: string; bytes?: Uint8Array }): Set<string> {
  const { path, bytes } = source
  const where: Where = path === undefined ? {} : { file: path }
  const { size, legacy } = bytes ? checkHead(bytes.subarray(0, 512), bytes.byteLength, undefined) : checkFile(path!)
  if (legacy) throw badFormat(where, isCheckpoint)
  return located(where, () => {
    const reader = native().openReader(path ?? bytes!)
    try {
      return new Check(reader, where, size * limits.expansion + 2 ** 28).run()
    } finally {
      native().closeReader(reader)
    }
  })
}

/** Gives the errors of native code the file that they are about. @internal */
export function located<T>(where: Where, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.file !== undefined || where.file === undefined) throw error
    throw badFormat(where, hint(error.message), error)
  }
}

class Check {
  private readonly locations = new Set<string>()

  constructor(
    private readonly reader: ReaderHandle,
    private readonly where: Where,
    private readonly most: number,
  ) {}

  run(): Set<string> {
    const records = native().readerRecords(this.reader)
    if (!records.includes('constants.pkl') || !records.includes('data.pkl')) {
      const what = records.includes('data.pkl')
        ? isCheckpoint
        : 'this zip archive is not a TorchScript archive: it has no data.pkl'
      throw badFormat(this.where, what)
    }
    let unpacked = 0
    for (const record of records) unpacked += native().recordSize(this.reader, record)
    if (unpacked > this.most) throw unsafe(this.where, `the archive would unpack to ${unpacked} bytes`)
    for (const record of records) if (/^code\/.*\.py$/.test(record)) this.checkCode(record)
    // where lines of the program come from: read when they are first asked for, which is late to find that they are no pickle
    for (const record of records) if (/^code\/.*\.debug_pkl$/.test(record)) this.checkPickle(record, '')
    this.checkPickle('constants.pkl', 'constants')
    this.checkPickle('data.pkl', 'data')
    return this.locations
  }

  private read(record: string): Uint8Array {
    return native().readRecord(this.reader, record)
  }

  private checkPickle(record: string, archive: string): void {
    const where = { ...this.where, record }
    const root = readPickle(this.read(record), where, (id, offset) =>
      this.storage(archive, readStorageId(id, where, offset)),
    )
    new Reviver(checkOnly, where).value(root)
  }

  private storage(archive: string, ref: StorageRef): StorageRef {
    const record = `${archive}/${ref.key}`
    const size = native().recordSize(this.reader, record)
    if (size < ref.nbytes && ref.nbytes > 0) {
      const found = size < 0 ? 'the record is missing' : `the record has ${size} bytes`
      throw badFormat({ ...this.where, record }, `${found}; ${ref.numel} elements of ${ref.dtype} take ${ref.nbytes}`)
    }
    this.locations.add(ref.location)
    return ref
  }

  private checkCode(record: string): void {
    const depth = codeDepth(Buffer.from(this.read(record)).toString('latin1'))
    if (depth > deepestCode)
      throw unsafe(
        { ...this.where, record },
        `the program has expressions or blocks of more than ${deepestCode} levels`,
      )
  }
}

const made = new WeakSet<object>()
const make = (): object => {
  const stand = {}
  made.add(stand)
  return stand
}

/** Makes nothing: what is said of a tensor has been checked when this is called. */
const checkOnly: TensorFactory = {
  tensor: make,
  parameter: make,
  buffer: make,
  uninitialized: make,
  meta: make,
  sparseCoo: make,
  sparseCompressed: make,
  quantized: make,
  nested: make,
  cast: make,
  fromBytes: make,
  isTensor: (value): value is object => typeof value === 'object' && value !== null && made.has(value),
}
