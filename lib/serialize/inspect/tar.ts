/**
 * The format of PyTorch 0.1: a tar archive of storages, tensors and a pickle. The storages are passed over. Rules:
 * torch/serialization.py (legacy_load inside of _legacy_load), PyTorch 2.13 (cf30153c).
 */
import { ByteReader } from '../byte-reader.js'
import { limits } from '../limits.js'
import { type Node, PyCall, PyGlobal, PyList, PyPersistent, PyStr, PyTuple, Substitute } from '../nodes.js'
import { readPickleFrom } from '../pickle-read.js'
import { readStorageId } from '../storages.js'
import { findMembers, type TarMember } from '../tar-members.js'
import { badFormat, unsafe, type Where } from '../where.js'
import { Outliner } from './outline.js'
import type { Parts } from './parts.js'
import { Census } from './safety.js'
import type { StorageFacts } from './storages.js'
import type { FileWindow } from './window.js'

/** Bytes in which the description of a storage has room; the type, a device and a number take some hundreds. */
const description = 4096

export function inspectTar(file: FileWindow): Parts {
  const members = findMembers((at, count) => file.read(at, count), file.size, file.where)
  const member = (name: string): TarMember => {
    const found = members.get(name)
    if (found) return found
    throw badFormat(
      { ...file.where, record: name },
      'this is a tar archive, and no checkpoint of PyTorch 0.1: unpack it first (tar -xf)',
    )
  }
  const census = new Census()
  const reader = new TarReader(file, census)
  const parts = [member('storages'), member('tensors'), member('pickle')]
  reader.storages(parts[0]!)
  reader.tensors(parts[1]!)
  const root = reader.pickle(parts[2]!)
  const outliner = new Outliner(file.where, reader.byKey)
  return {
    format: 'tar',
    fileBytes: file.size,
    container: {},
    root: outliner.outline(root),
    tensors: outliner.tensors,
    storages: [...reader.byKey.values()],
    classes: census.classes(),
    notes: [
      { level: 'warning', text: 'torch.load(weights_only=True) in Python refuses every file of this format' },
      ...census.notes(),
    ],
  }
}

class TarReader {
  readonly byKey = new Map<string, StorageFacts>()
  /** what the pickle can refer to: storages, parts of storages, and tensors */
  private readonly objects = new Map<string, StorageFacts | PyCall>()

  constructor(
    private readonly file: FileWindow,
    private readonly census: Census,
  ) {}

  /** `(key, location, type)`, the number of elements and the elements, for each; then the parts that are storages, too. */
  storages({ start, size }: TarMember): void {
    const end = start + size
    const where = { ...this.file.where, record: 'storages' }
    let { node: count, next: at } = this.pickleAt(start, end, where)
    for (let left = countOf(count, where); left > 0; left--) {
      const { node, next } = this.pickleAt(at, end, where)
      const [key, location, type] = node instanceof PyTuple ? node.items : []
      const numel = Buffer.from(this.file.read(next, 8, where).buffer).readBigInt64LE()
      const id = [new PyStr('storage'), type ?? null, new PyStr(keyOf(key, where)), location ?? null, Number(numel)]
      const ref = readStorageId(new PyTuple(id), where, at - start)
      const facts: StorageFacts = { ...ref, used: 0 }
      at = next + 8 + ref.nbytes
      if (at > end) throw badFormat({ ...where, offset: next - start }, `truncated: ${ref.nbytes} bytes wanted`)
      this.byKey.set(ref.key, facts)
      this.objects.set(ref.key, facts)
    }
    const { node: views } = this.pickleAt(at, end, where)
    for (const view of views instanceof PyList ? views.items : []) {
      const [key, root, , numel] = view instanceof PyTuple ? view.items : []
      const whole = this.byKey.get(keyOf(root, where))
      if (whole === undefined || typeof numel !== 'number')
        throw badFormat(where, 'a part of a storage that is not there')
      const unit = whole.numel > 0 ? whole.nbytes / whole.numel : 0
      this.objects.set(keyOf(key, where), { ...whole, numel, nbytes: numel * unit })
    }
  }

  /** `(key, key of the storage, type)`, the number of dimensions, sizes, strides and the offset, for each. */
  tensors(member: TarMember): void {
    const input = this.whole(member, 'tensors')
    const read = (): Node => readPickleFrom(input, none(input.where), this.census)
    for (let left = countOf(read(), input.where); left > 0; left--) {
      const node = read()
      const [key, storageKey] = node instanceof PyTuple ? node.items : []
      const storage = this.objects.get(keyOf(storageKey, input.where))
      if (storage === undefined || storage instanceof PyCall) {
        throw badFormat({ ...input.where, offset: input.at }, 'a tensor over a storage that is not there')
      }
      const dimensions = input.int32()
      if (dimensions < 0 || dimensions > 64) throw badFormat(input.where, `a tensor of ${dimensions} dimensions`)
      // the number was once written as 8 bytes, of which 4 count
      input.skip(4)
      const numbers = (): PyTuple => new PyTuple(Array.from({ length: dimensions }, () => input.int(8)))
      const [sizes, strides] = [numbers(), numbers()]
      const args = new PyTuple([new PyPersistent(null, storage), input.int(8), sizes, strides])
      const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor')
      this.objects.set(keyOf(key, input.where), new PyCall('reduce', rebuild, args, undefined, input.at))
    }
  }

  pickle(member: TarMember): Node {
    const input = this.whole(member, 'pickle')
    return readPickleFrom(
      input,
      (id, offset) => {
        const where = { ...input.where, offset }
        // a class of a module, its file and its source
        if (id instanceof PyTuple && id.items[0] instanceof PyGlobal) return new Substitute(id.items[0])
        const object = this.objects.get(keyOf(id, where))
        if (object === undefined) throw badFormat(where, 'a reference to a tensor that is not there')
        return object instanceof PyCall ? new Substitute(object) : object
      },
      this.census,
    )
  }

  private whole({ start, size }: TarMember, record: string): ByteReader {
    const where = { ...this.file.where, record }
    if (size > limits.pickleBytes) throw unsafe(where, `a pickle of ${size} bytes; ${limits.pickleBytes} are allowed`)
    return new ByteReader(this.file.read(start, size, where), where)
  }

  /** One of the pickles between the storages; the last one, the list of parts, may be long. */
  private pickleAt(at: number, end: number, where: Where): { node: Node; next: number } {
    for (let length = description; ; length *= 16) {
      const count = Math.min(length, end - at, limits.pickleBytes)
      const input = new ByteReader(this.file.read(at, count, where), where)
      try {
        const node = readPickleFrom(input, none(where))
        return { node, next: at + input.at }
      } catch (error) {
        const isShort = /truncated|a length of \d+ bytes in a record/.test((error as Error).message)
        if (!isShort || count < length || length >= limits.pickleBytes) throw error
      }
    }
  }
}

function none(where: Where): (id: Node, offset: number) => never {
  return (_, offset) => {
    throw badFormat({ ...where, offset }, 'a reference where none can be')
  }
}

function countOf(node: Node, where: Where): number {
  if (typeof node === 'number' && Number.isInteger(node) && node >= 0) return node
  throw badFormat(where, 'a count is missing')
}

/** The number that an object had when it was saved, in the pickle also as text. */
function keyOf(id: Node | undefined, where: Where): string {
  const text = id instanceof PyStr ? id.text : typeof id === 'number' || typeof id === 'bigint' ? String(id) : ''
  if (!/^-?\d{1,20}$/.test(text)) throw badFormat(where, 'a reference that is no number')
  return text
}
