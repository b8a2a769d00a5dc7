/**
 * Writes the format of PyTorch before 1.6: five pickles one after the other, then the bytes of the storages in the order of
 * their keys as texts. Source: torch/serialization.py (_legacy_save), PyTorch 2.13 (cf30153c).
 */
import type { StorageHandle } from '../../binding.js'
import { type Node, PyDict, PyList, PyStr } from './nodes.js'
import { writePickle } from './pickle-write.js'
import { gathered, type Part } from './pieces.js'
import type { StorageToWrite } from './tensor-nodes.js'

export const magicNumber = 0x1950a86a20f9469cfc6cn
export const protocolVersion = 1001

function dict(entries: Record<string, Node>): PyDict {
  const node = new PyDict()
  node.keys = Object.keys(entries).map((key) => new PyStr(key))
  node.values = Object.values(entries)
  return node
}

function* partsOf(pickle: Uint8Array, storages: StorageToWrite<StorageHandle>[]): Generator<Part> {
  yield writePickle(magicNumber)
  yield writePickle(protocolVersion)
  yield writePickle(
    dict({
      protocol_version: protocolVersion,
      little_endian: true,
      type_sizes: dict({ short: 2, int: 4, long: 4 }),
    }),
  )
  yield pickle
  const sorted = storages.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const keys = new PyList()
  keys.items = sorted.map(({ key }) => new PyStr(key))
  yield writePickle(keys)
  for (const { handle, numel, nbytes } of sorted) {
    const count = new Uint8Array(8)
    new DataView(count.buffer).setBigInt64(0, BigInt(numel), true)
    yield count
    if (nbytes > 0) yield { storage: handle, from: 0, nbytes }
  }
}

/** The bytes of the file in pieces; the storages are those that the pickle refers to. */
export function legacyPieces(pickle: Uint8Array, storages: StorageToWrite<StorageHandle>[]): Iterable<Uint8Array> {
  const most = storages.reduce((sum, { nbytes, key }) => sum + nbytes + 32 + key.length, pickle.byteLength + 1024)
  return gathered(partsOf(pickle, storages), most)
}
