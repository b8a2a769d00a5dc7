/**
 * The format of PyTorch before 1.6, in which many of torchvision's files still are: pickles one after the other, then the bytes
 * of the storages. Rules: torch/serialization.py (_legacy_load), PyTorch 2.13.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ByteReader } from './byte-reader.js'
import { type Node, PyDict, PyList, PyStr, PyTuple } from './nodes.js'
import { readPickleFrom } from './pickle-read.js'
import type { Following } from './progress.js'
import { readStorageId, type StorageRef } from './storages.js'
import { badFormat, type Where } from './where.js'

/** The magic number as protocols 2 and 3 write it. */
const magic = Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex')
const version = 1001

/** True where a file begins as this format does. */
export function isLegacy(head: Uint8Array): boolean {
  return head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 3 && magic.equals(head.subarray(2, 2 + magic.length))
}

/** A file of this format: what its pickle says, and its storages by key. */
export interface LegacyCheckpoint {
  root: Node
  refs: Map<string, StorageRef>
  storages: Map<string, StorageHandle>
}

/** @throws {@link CheckpointError} where the file is cut off or its parts do not fit together */
export function readLegacy(bytes: Uint8Array, where: Where): LegacyCheckpoint {
  const input = new ByteReader(bytes, where)
  const none = (_: Node, offset: number): never => {
    throw badFormat({ ...where, offset }, 'a storage before the checkpoint begins')
  }
  readPickleFrom(input, none)
  const found = readPickleFrom(input, none)
  if (found !== version) throw badFormat(where, `version ${String(found)} of the legacy format; ${version} is known`)
  const system = readPickleFrom(input, none)
  if (isBigEndian(system)) throw badFormat(where, 'a legacy file of a machine of the other byte order cannot be read')

  const refs = new Map<string, StorageRef>()
  const root = readPickleFrom(input, (id, offset) => {
    const ref = readStorageId(withoutView(id, { ...where, offset }), { ...where, offset })
    const known = refs.get(ref.key)
    if (known === undefined) refs.set(ref.key, ref)
    else if (known.nbytes !== ref.nbytes) {
      throw badFormat({ ...where, offset }, `the storage is said to have ${known.nbytes} bytes, and ${ref.nbytes}`)
    }
    return known ?? ref
  })

  const keys = readPickleFrom(input, none)
  if (!(keys instanceof PyList)) throw badFormat(where, 'the list of storages is missing')
  const storages = new Map<string, StorageHandle>()
  for (const key of keys.items) {
    const ref = key instanceof PyStr ? refs.get(key.text) : undefined
    if (!ref) throw badFormat({ ...where, offset: input.at }, 'a storage that nothing refers to')
    const numel = input.uint64()
    if (numel !== ref.numel) {
      throw badFormat({ ...where, offset: input.at - 8 }, `a storage of ${numel} elements, not ${ref.numel}`)
    }
    const start = input.skip(ref.nbytes)
    storages.set(ref.key, native().storageFromBytes(bytes.subarray(start, start + ref.nbytes)))
  }
  for (const key of refs.keys())
    if (!storages.has(key)) throw badFormat(where, `the bytes of storage ${key} are missing`)
  return { root, refs, storages }
}

/** The id of a storage has a sixth part for views into another storage, which PyTorch has not written since 0.4. */
function withoutView(id: Node, where: Where): Node {
  if (!(id instanceof PyTuple) || id.items.length !== 6) return id
  if (id.items[5] !== null) throw badFormat(where, 'a storage that is a view of another one cannot be read')
  return new PyTuple(id.items.slice(0, 5))
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
