/** Storages as files name them: one class per dtype of old, `UntypedStorage` for dtypes that came later. */
import { type Node, PyGlobal, PyStr, PyTuple } from './nodes.js'
import { badFormat, type Where } from './where.js'

/** Bytes of an element, and of the unit whose bytes are swapped on a machine of the other byte order. */
interface DtypeFacts {
  size: number
  swap: number
  /** class of its storages in files; none for dtypes that are stored untyped */
  storage?: string
  /** elements of a byte, where that holds several */
  perByte?: number
}
const facts = (size: number, storage?: string, swap = size): DtypeFacts => ({ size, swap, ...(storage && { storage }) })

/** Every dtype that a file can hold, by Python's name. */
export const dtypes: ReadonlyMap<string, DtypeFacts> = new Map(
  Object.entries({
    float64: facts(8, 'DoubleStorage'),
    float32: facts(4, 'FloatStorage'),
    float16: facts(2, 'HalfStorage'),
    bfloat16: facts(2, 'BFloat16Storage'),
    int64: facts(8, 'LongStorage'),
    int32: facts(4, 'IntStorage'),
    int16: facts(2, 'ShortStorage'),
    int8: facts(1, 'CharStorage'),
    uint8: facts(1, 'ByteStorage'),
    bool: facts(1, 'BoolStorage'),
    complex128: facts(16, 'ComplexDoubleStorage', 8),
    complex64: facts(8, 'ComplexFloatStorage', 4),
    qint8: facts(1, 'QInt8Storage'),
    qint32: facts(4, 'QInt32Storage'),
    quint8: facts(1, 'QUInt8Storage'),
    quint4x2: { ...facts(1, 'QUInt4x2Storage'), perByte: 2 },
    quint2x4: { ...facts(1, 'QUInt2x4Storage'), perByte: 4 },
    complex32: facts(4, undefined, 2),
    uint16: facts(2),
    uint32: facts(4),
    uint64: facts(8),
    float8_e5m2: facts(1),
    float8_e4m3fn: facts(1),
    float8_e5m2fnuz: facts(1),
    float8_e4m3fnuz: facts(1),
    float8_e8m0fnu: facts(1),
    float4_e2m1fn_x2: facts(1),
    bits1x8: facts(1),
    bits2x4: facts(1),
    bits4x2: facts(1),
    bits8: facts(1),
    bits16: facts(2),
  }),
)

/** What a class of storages holds. */
interface StorageKind {
  dtype: string
  untyped: boolean
}

const kinds = new Map<string, StorageKind>()
for (const module of ['torch', 'torch.cuda', 'torch.storage']) {
  kinds.set(`${module}.UntypedStorage`, { dtype: 'uint8', untyped: true })
  for (const [dtype, { storage }] of dtypes) if (storage) kinds.set(`${module}.${storage}`, { dtype, untyped: false })
}

/** A storage that a pickle refers to. */
export interface StorageRef {
  /** the record `data/<key>` holds it */
  key: string
  /** dtype of its elements; `uint8` for untyped ones */
  dtype: string
  untyped: boolean
  /** the device that it was saved from: 'cpu', 'cuda:0' */
  location: string
  numel: number
  nbytes: number
  /** its place among the storages of an archive */
  index?: number
  /** byte of the storage `key` at which this one begins, where it is a part of it */
  base?: number
}

/** dtype of a class of storages, and whether it is the one without a type; undefined for other classes. */
export function dtypeOfType(type: Node | undefined): StorageKind | undefined {
  return type instanceof PyGlobal ? kinds.get(type.path) : undefined
}

/** Bytes of `numel` elements. @throws {@link CheckpointError} where that is no number of elements, or beyond 2^53 */
export function bytesFor(numel: unknown, dtype: string, where: Where): number {
  if (typeof numel !== 'number' || !Number.isInteger(numel) || numel < 0) {
    throw badFormat(where, `a storage of ${String(numel)} elements`)
  }
  const nbytes = numel * dtypes.get(dtype)!.size
  if (!Number.isSafeInteger(nbytes)) throw badFormat(where, `a storage of ${numel} elements`)
  return nbytes
}

/** Reads `('storage', type, key, location, numel)`, which is at `offset` of the record. */
export function readStorageId(id: Node, record: Where, offset = record.offset): StorageRef {
  const parts = id instanceof PyTuple ? id.items : []
  const [word, type, key, location, numel] = parts
  const kind = dtypeOfType(type)
  const fits = parts.length === 5 && word instanceof PyStr && word.text === 'storage' && kind !== undefined
  if (!fits || !(key instanceof PyStr && isKey.test(key.text)) || !(location instanceof PyStr)) {
    throw badFormat({ ...record, ...(offset !== undefined && { offset }) }, faultOf(parts))
  }
  const { dtype, untyped } = kind
  const nbytes =
    typeof numel === 'number' && numel >= 0 && numel < 2 ** 31 && Number.isInteger(numel)
      ? numel * dtypes.get(dtype)!.size
      : bytesFor(numel, dtype, { ...record, ...(offset !== undefined && { offset }) })
  noteLiteral(word)
  noteLiteral(location)
  return { key: key.text, dtype, untyped, location: location.text, numel: numel as number, nbytes, index: -1 }
}

const isKey = /^[\w.-]{1,64}$/

function noteLiteral(text: PyStr): void {
  if (!text.literal) text.literal = /^\w+$/.test(text.text)
}

function faultOf(parts: Node[]): string {
  const [word, type, key] = parts
  if (!(word instanceof PyStr)) return 'a reference is no storage'
  if (word.text !== 'storage') return `a reference to a ${JSON.stringify(word.text)}; only storages are known`
  if (parts.length !== 5) return `a storage of ${parts.length} parts; 5 are known`
  if (dtypeOfType(type) === undefined) return 'a storage of an unknown type'
  return key instanceof PyStr && isKey.test(key.text) ? 'a storage without a location' : 'a storage without a key'
}

/** The class that a storage of this dtype has in a file. */
export function storageType(dtype: string): PyGlobal {
  return storageTypes.get(dtype) ?? untypedStorage
}

const untypedStorage = new PyGlobal('torch.storage', 'UntypedStorage')
const storageTypes = new Map<string, PyGlobal>()
for (const [dtype, { storage }] of dtypes) if (storage) storageTypes.set(dtype, new PyGlobal('torch', storage))
