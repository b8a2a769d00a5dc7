/** The format of PyTorch before 1.6: pickles one after the other, then the storages, which are passed over. */
import { ByteReader } from '../byte-reader.js'
import { limits } from '../limits.js'
import { type Node, PyDict, PyList, PyStr } from '../nodes.js'
import { readPickleFrom } from '../pickle-read.js'
import { badFormat } from '../where.js'
import type { Census } from './safety.js'
import { type StorageFacts, StorageTable } from './storages.js'
import type { FileWindow } from './window.js'

export interface LegacyOutline {
  root: Node
  storages: Map<string, StorageFacts>
  littleEndian: boolean
  protocol: number
  /** classes whose source code is in the file */
  sources: string[]
  /** what is wrong with the storages */
  problems: string[]
}

/** The pickles say nothing of their length: they are read with more and more of the file until they are whole. */
const steps = [2 ** 20, 2 ** 24, 2 ** 27, limits.pickleBytes]

/** @param census - is begun anew for each try */
export function readLegacyOutline(file: FileWindow, newCensus: () => Census): LegacyOutline & { census: Census } {
  for (const step of steps) {
    const length = Math.min(step, file.size)
    const census = newCensus()
    try {
      return { ...readHead(file, file.read(0, length), census), census }
    } catch (error) {
      // cut off by us, or by whoever wrote the file
      const isShort = /truncated|a length of \d+ bytes in a record/.test((error as Error).message)
      if (!isShort || length === file.size || step === limits.pickleBytes) throw error
    }
  }
  throw badFormat(file.where, 'its pickles do not end')
}

function readHead(file: FileWindow, bytes: Uint8Array, census: Census): LegacyOutline {
  const { where } = file
  const input = new ByteReader(bytes, where)
  const none = (_: Node, offset: number): never => {
    throw badFormat({ ...where, offset }, 'a storage where none belongs')
  }
  const next = (): Node => readPickleFrom(input, none, census)
  next()
  const version = next()
  if (version !== 1001) throw badFormat(where, `version ${String(version)} of the legacy format; 1001 is known`)
  const system = next()
  const table = new StorageTable(where)
  const root = readPickleFrom(input, table.load, census)
  const keys = next()
  if (!(keys instanceof PyList)) throw badFormat(where, 'the list of storages is missing')
  const out: LegacyOutline = {
    root,
    storages: table.byKey,
    littleEndian: !isBigEndian(system),
    // protocols 0 and 1 do not say which they are
    protocol: bytes[0] === 0x80 ? bytes[1]! : 0,
    problems: [],
    sources: table.sources,
  }
  passOver(file, input.at, keys, out)
  return out
}

/** Goes from one storage to the next by their lengths alone. */
function passOver(file: FileWindow, start: number, keys: PyList, out: LegacyOutline): void {
  const left = new Set(out.storages.keys())
  let at = start
  for (const node of keys.items) {
    const key = node instanceof PyStr ? node.text : ''
    const storage = out.storages.get(key)
    if (storage === undefined) {
      out.problems.push('the file lists a storage that nothing refers to: where the others begin cannot be told')
      return
    }
    left.delete(key)
    if (at + 8 > file.size) break
    const head = Buffer.from(file.read(at, 8).buffer)
    const numel = head.readBigInt64LE()
    // an old PyTorch wrote the count in the order of a big-endian machine, but never the elements
    const swapped = !out.littleEndian && head.readBigInt64BE() === BigInt(storage.numel)
    if (numel !== BigInt(storage.numel) && !swapped)
      storage.problem = `its storage has ${numel} elements, not ${storage.numel}`
    at += 8 + storage.nbytes
    if (at > file.size) storage.problem = 'its storage is cut off: the file is truncated'
    if (storage.problem !== undefined) break
  }
  if (at > file.size) {
    out.problems.push(`the file is truncated: its storages end at byte ${at}, and the file at ${file.size}`)
  }
  const ended = at + 8 > file.size
  for (const key of left) {
    out.storages.get(key)!.problem ??= ended ? 'its storage is missing' : 'where its storage begins cannot be told'
  }
}

function isBigEndian(system: Node): boolean {
  if (!(system instanceof PyDict)) return false
  const at = system.keys.findIndex((key) => key instanceof PyStr && key.text === 'little_endian')
  return system.values[at] === false
}
