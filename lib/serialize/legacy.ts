/**
 * The format of PyTorch before 1.6, in which many of torchvision's files still are: pickles one after the other, then the bytes
 * of the storages. Rules: torch/serialization.py (_legacy_load), PyTorch 2.13. The format before that one is in `tar.ts`.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ByteReader } from './byte-reader.js'
import { type Node, PyDict, PyGlobal, PyList, PyStr, PyTuple, Substitute } from './nodes.js'
import { readPickleFrom } from './pickle-read.js'
import type { Following } from './progress.js'
import { bytesFor, readStorageId, type StorageRef } from './storages.js'
import { isTar, readTar } from './tar.js'
import { badFormat, type Where } from './where.js'

/** The magic number as protocols 0 and 1 write it, and as those after them do. */
const magicText = 'L119547037146038801333356L\n.'
const magic = Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex')
const version = 1001

/** True where a file begins as this format does, or as a tar archive. */
export function isLegacy(head: Uint8Array): boolean {
  if (isTar(head)) return true
  if (head[0] !== 0x80) return Buffer.from(head.subarray(0, magicText.length)).toString('latin1') === magicText
  // protocols 4 and 5 say first how many bytes follow
  const at = head[1]! >= 4 && head[2] === 0x95 ? 11 : 2
  return head[1]! >= 2 && head[1]! <= 5 && magic.equals(head.subarray(at, at + magic.length))
}

/** A file of this format: what its pickle says, and its storages by key. */
export interface LegacyCheckpoint {
  root: Node
  refs: Map<string, StorageRef>
  storages: Map<string, StorageHandle>
}

/** @throws {@link CheckpointError} where the file is cut off or its parts do not fit together */
export function readLegacy(bytes: Uint8Array, where: Where): LegacyCheckpoint {
  if (isTar(bytes.subarray(0, 512))) return readTar(bytes, where)
  const input = new ByteReader(bytes, where, ' (a download or a save was cut off)')
  const none = (_: Node, offset: number): never => {
    throw badFormat({ ...where, offset }, 'a storage before the checkpoint begins')
  }
  readPickleFrom(input, none)
  const found = readPickleFrom(input, none)
  if (found !== version) {
    const text = typeof found === 'object' ? 'of an unknown kind' : String(found)
    throw badFormat(where, `version ${text} of the legacy format; ${version} is known: is the file damaged?`)
  }
  const bigEndian = isBigEndian(readPickleFrom(input, none))
  const ids = new Ids()
  const root = readPickleFrom(input, (id, offset) => ids.load(id, { ...where, offset }))
  const storages = readStorages(input, ids.refs, bigEndian)
  return { root, refs: ids.refs, storages }
}

/** What the persistent ids of one file stand for. */
class Ids {
  /** storages of the file by key */
  readonly refs = new Map<string, StorageRef>()
  private readonly views = new Map<string, StorageRef>()

  load(id: Node, where: Where): StorageRef | Substitute {
    const items = id instanceof PyTuple ? id.items : []
    if (items[0] instanceof PyStr && items[0].text === 'module') return moduleClass(items, where)
    const ref = readStorageId(items.length === 6 ? new PyTuple(items.slice(0, 5)) : id, where)
    const known = this.refs.get(ref.key)
    if (known === undefined) this.refs.set(ref.key, ref)
    else if (known.nbytes !== ref.nbytes) {
      throw badFormat(where, `the storage is said to have ${known.nbytes} bytes, and ${ref.nbytes}`)
    }
    const view = items[5] ?? null
    return view === null ? (known ?? ref) : this.view(view, ref, where)
  }

  /** `(key, offset, numel)` in elements: a part of a storage, which itself was a storage until PyTorch 0.4. */
  private view(view: Node, ref: StorageRef, where: Where): StorageRef {
    const [key, offset, numel, ...rest] = view instanceof PyTuple ? view.items : []
    if (!(key instanceof PyStr) || rest.length > 0) {
      throw badFormat(where, 'a part of a storage has to be given by its key, its offset and its size')
    }
    const base = bytesFor(offset, ref.dtype, where)
    const nbytes = bytesFor(numel, ref.dtype, where)
    if (base + nbytes > ref.nbytes) {
      throw badFormat(where, `bytes ${base} to ${base + nbytes} of a storage that has ${ref.nbytes}`)
    }
    const part: StorageRef = { ...ref, numel: numel as number, nbytes, base }
    const known = this.views.get(key.text)
    if (known && (known.key !== part.key || known.base !== base || known.nbytes !== nbytes)) {
      throw badFormat(where, `the part ${JSON.stringify(key.text)} of a storage is said to be in two places`)
    }
    if (!known) this.views.set(key.text, part)
    return known ?? part
  }
}

/** `('module', class, source_file, source)`: a class of a module, with the text of its program, which is left alone. */
function moduleClass(items: Node[], where: Where): Substitute {
  const [, type] = items
  if (!(type instanceof PyGlobal)) throw badFormat(where, 'a module without a class')
  return new Substitute(type)
}

function readStorages(
  input: ByteReader,
  refs: Map<string, StorageRef>,
  bigEndian: boolean,
): Map<string, StorageHandle> {
  const { where } = input
  const keys = readPickleFrom(input, (_, offset) => {
    throw badFormat({ ...where, offset }, 'a storage among the keys of storages')
  })
  if (!(keys instanceof PyList)) throw badFormat(where, 'the list of storages is missing')
  const storages = new Map<string, StorageHandle>()
  for (const key of keys.items) {
    const ref = key instanceof PyStr ? refs.get(key.text) : undefined
    if (!ref) throw badFormat({ ...where, offset: input.at }, 'a storage that nothing refers to')
    readCount(input, ref, bigEndian)
    const from = input.skip(ref.nbytes)
    storages.set(ref.key, native().storageFromBytes(input.slice(from, ref.nbytes)))
  }
  for (const key of refs.keys())
    if (!storages.has(key)) throw badFormat(where, `the bytes of storage ${key} are missing`)
  return storages
}

/**
 * The elements of every file are little-endian, whatever machine wrote it; only their count is not where an old PyTorch wrote
 * it on a machine of the other byte order.
 */
function readCount(input: ByteReader, { numel }: StorageRef, bigEndian: boolean): void {
  const offset = input.at
  const bytes = Buffer.from(input.bytes(8))
  const count = bytes.readBigInt64LE()
  if (count === BigInt(numel) || (bigEndian && bytes.readBigInt64BE() === BigInt(numel))) return
  throw badFormat({ ...input.where, offset }, `a storage of ${count} elements, not ${numel}`)
}

function isBigEndian(system: Node): boolean {
  if (!(system instanceof PyDict)) return false
  const at = system.keys.findIndex((key) => key instanceof PyStr && key.text === 'little_endian')
  return system.values[at] === false
}

const chunk = 2 ** 26

/** The whole file; Node's own function stops at 2 GiB. */
export async function readWhole(path: string, { onProgress, signal }: Following = {}): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const bytes = new Uint8Array((await file.stat()).size)
    for (let at = 0; at < bytes.length; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, at, Math.min(chunk, bytes.length - at), at)
      if (bytesRead === 0) return bytes.subarray(0, at)
      at += bytesRead
      onProgress?.({ loaded: at, total: bytes.length })
    }
    return bytes
  } finally {
    await file.close()
  }
}

/** {@link readWhole}, on this thread. */
export function readWholeSync(path: string): Uint8Array {
  const fd = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(fstatSync(fd).size)
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(fd, bytes, at, Math.min(chunk, bytes.length - at), at)
      if (count === 0) return bytes.subarray(0, at)
      at += count
    }
    return bytes
  } finally {
    closeSync(fd)
  }
}
