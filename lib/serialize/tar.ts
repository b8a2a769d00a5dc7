/**
 * The format of PyTorch 0.1: a tar archive of pickles and raw numbers. Rules: torch/serialization.py (legacy_load inside of
 * _legacy_load), PyTorch 2.13 (cf30153c).
 */
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ByteReader } from './byte-reader.js'
import type { LegacyCheckpoint } from './legacy.js'
import { type Node, PyCall, PyGlobal, PyList, PyPersistent, PyStr, PyTuple, Substitute } from './nodes.js'
import { readPickleFrom } from './pickle-read.js'
import { bytesFor, dtypeOfType, type StorageRef } from './storages.js'
import { findMembers, isTar } from './tar-members.js'
import { badFormat, type Where } from './where.js'

export { isTar }

/** The records that such a file has; older ones also say in `sys_info` what wrote them, which Python does not read either. */
const needed = ['storages', 'tensors', 'pickle']

/** Looks whether a tar archive is one of these, reading its directory alone. @throws {@link CheckpointError} if it is not */
export function checkTar(read: (at: number, count: number) => Uint8Array, size: number, where: Where): void {
  membersOf(read, size, where)
}

function membersOf(
  read: (at: number, count: number) => Uint8Array,
  size: number,
  where: Where,
): Map<string, { start: number; size: number }> {
  const members = findMembers(read, size, where)
  const missing = needed.filter((name) => !members.has(name))
  if (missing.length === 0) return members
  if (missing.length < needed.length) {
    throw badFormat(where, `the tar archive has no ${missing.join(' and no ')}: was a download or a save cut off?`)
  }
  const names = [...members.keys()]
  const holds = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '')
  throw badFormat(
    where,
    `this is a tar archive${holds && ` of ${holds}`}, not a checkpoint of PyTorch 0.1, which has ${needed.join(', ')}: ` +
      'unpack it (tar -xf) and load the checkpoint that is in it',
  )
}

/** @throws {@link CheckpointError} where the file is cut off or its parts do not fit together */
export function readTar(bytes: Uint8Array, where: Where): LegacyCheckpoint {
  const members = membersOf((at, count) => bytes.subarray(at, at + count), bytes.byteLength, where)
  const input = (record: string): ByteReader => {
    const { start, size } = members.get(record)!
    return new ByteReader(bytes.subarray(start, start + size), { ...where, record })
  }
  const archive = new TarCheckpoint()
  archive.readStorages(input('storages'))
  archive.readTensors(input('tensors'))
  const root = readPickleFrom(input('pickle'), (id, offset) => archive.load(id, { ...where, record: 'pickle', offset }))
  return { root, refs: archive.refs, storages: archive.storages }
}

class TarCheckpoint {
  readonly refs = new Map<string, StorageRef>()
  readonly storages = new Map<string, StorageHandle>()
  /** what the pickle can refer to: storages, parts of storages, and tensors */
  private readonly objects = new Map<string, StorageRef | PyCall>()

  /** `(key, location, type)`, the number of elements and the elements, for each; then the parts that are storages, too. */
  readStorages(input: ByteReader): void {
    for (let left = countOf(input); left > 0; left--) {
      const where = placeOf(input)
      const [id, location, type] = tupleOf(input, 3)
      const key = keyOf(id, where)
      const kind = dtypeOfType(type)
      if (kind === undefined) throw badFormat(where, 'a storage of an unknown type')
      if (!(location instanceof PyStr)) throw badFormat(where, 'a storage without a location')
      const numel = input.uint64()
      const nbytes = bytesFor(numel, kind.dtype, where)
      const from = input.skip(nbytes)
      const ref: StorageRef = { key, ...kind, location: location.text, numel, nbytes }
      this.refs.set(key, ref)
      this.objects.set(key, ref)
      this.storages.set(key, native().storageFromBytes(input.slice(from, nbytes)))
    }
    const where = placeOf(input)
    const parts = read(input)
    if (!(parts instanceof PyList)) throw badFormat(where, 'the list of parts of storages is missing')
    for (const part of parts.items) this.readPart(part, where)
  }

  /** `(key, key of the whole, offset, numel)` in elements */
  private readPart(part: Node, where: Where): void {
    const [id, rootId, offset, numel] = part instanceof PyTuple ? part.items : []
    const root = this.refs.get(keyOf(rootId, where))
    if (root === undefined) throw badFormat(where, 'a part of a storage that is not there')
    const base = bytesFor(offset, root.dtype, where)
    const nbytes = bytesFor(numel, root.dtype, where)
    if (base + nbytes > root.nbytes) {
      throw badFormat(where, `bytes ${base} to ${base + nbytes} of a storage that has ${root.nbytes}`)
    }
    this.objects.set(keyOf(id, where), { ...root, numel: numel as number, nbytes, base })
  }

  /** `(key, key of the storage, type)`, the number of dimensions, sizes, strides and the offset, for each. */
  readTensors(input: ByteReader): void {
    for (let left = countOf(input); left > 0; left--) {
      const where = placeOf(input)
      const [id, storageId] = tupleOf(input, 3)
      const storage = this.objects.get(keyOf(storageId, where))
      if (storage === undefined || storage instanceof PyCall)
        throw badFormat(where, 'a tensor over a storage that is not there')
      const dimensions = input.int32()
      if (dimensions < 0 || dimensions > 64) throw badFormat(where, `a tensor of ${dimensions} dimensions`)
      // the number was once written as 8 bytes, of which 4 count
      input.skip(4)
      const numbers = (): PyTuple => new PyTuple(Array.from({ length: dimensions }, () => input.int(8)))
      const [sizes, strides] = [numbers(), numbers()]
      const args = [new PyPersistent(null, storage), input.int(8), sizes, strides]
      const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor')
      this.objects.set(keyOf(id, where), new PyCall('reduce', rebuild, new PyTuple(args), undefined, where.offset ?? 0))
    }
  }

  /** A tensor or a storage by its number, or `(class, source_file, source)` for the class of a module. */
  load(id: Node, where: Where): StorageRef | Substitute {
    if (id instanceof PyTuple) {
      const [type] = id.items
      if (!(type instanceof PyGlobal)) throw badFormat(where, 'a module without a class')
      return new Substitute(type)
    }
    const object = this.objects.get(keyOf(id, where))
    if (object === undefined) throw badFormat(where, 'a reference to a tensor that is not there')
    return object instanceof PyCall ? new Substitute(object) : object
  }
}

const placeOf = (input: ByteReader): Where => ({ ...input.where, offset: input.at })

function read(input: ByteReader): Node {
  return readPickleFrom(input, (_, offset) => {
    throw badFormat({ ...input.where, offset }, 'a reference where none can be')
  })
}

/** The number that an object had when it was saved, in the pickle also as text. */
function keyOf(id: Node | undefined, where: Where): string {
  const text = id instanceof PyStr ? id.text : typeof id === 'number' || typeof id === 'bigint' ? String(id) : ''
  if (!/^-?\d{1,20}$/.test(text)) throw badFormat(where, 'a reference that is no number')
  return text
}

function countOf(input: ByteReader): number {
  const where = placeOf(input)
  const count = read(input)
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) throw badFormat(where, 'a count is missing')
  return count
}

function tupleOf(input: ByteReader, length: number): Node[] {
  const where = placeOf(input)
  const tuple = read(input)
  if (!(tuple instanceof PyTuple) || tuple.items.length !== length) {
    throw badFormat(where, `a tuple of ${length} is missing`)
  }
  return tuple.items
}
