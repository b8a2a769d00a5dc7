/** Says what a zip archive is that `torch.save` did not write, by the names in its directory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { CheckpointError } from '../errors.js'
import { badFormat, type Where } from './where.js'

/** Bytes that the end of an archive can take, with its comment, and bytes of the directory that are looked at. */
const [maxEnd, maxDirectory, maxNames] = [65_557, 2 ** 20, 10_000]

/** The error for an archive of another kind; undefined where nothing is known about it. */
export function foreignZip(source: string | Uint8Array, where: Where): CheckpointError | undefined {
  try {
    const names = namesOf(source)
    const what = names.length === 0 ? undefined : kindOf(names)
    return what === undefined ? undefined : badFormat(where, what)
  } catch {
    // the first error says more than that of a second look
    return undefined
  }
}

function kindOf(names: string[]): string | undefined {
  const has = (name: RegExp): boolean => names.some((known) => name.test(known))
  if (has(/(^|\/)(data|constants)\.pkl$/)) return undefined
  if (has(/^model\.weights\.h5$/)) {
    return 'this is a model of Keras 3 (.keras), not a PyTorch checkpoint: read its weights in Python, and save them with torch.save()'
  }
  if (names.every((name) => name.endsWith('.npy'))) {
    return (
      'this is an archive of numpy arrays (.npz), not a PyTorch checkpoint: in Python, ' +
      "torch.save({k: torch.from_numpy(v) for k, v in numpy.load(path).items()}, 'x.pt')"
    )
  }
  const inside = names.filter((name) => /\.(pt|pth|ckpt|bin|safetensors|pkl|h5|onnx|pb)$/.test(name))
  const which = listed(inside.length > 0 ? inside : names)
  if (has(/^MAR-INF\//))
    return `this is an archive of TorchServe (.mar): unpack it (unzip) and load what is in it: ${which}`
  if (has(/(^|\/)saved_model\.pb$/))
    return 'this is a zip archive with a SavedModel of TensorFlow, not a PyTorch checkpoint'
  if (inside.length > 0) return `this is a zip archive: unpack it (unzip) and load what is in it: ${which}`
  return `this is a zip archive of ${which}: it is not a checkpoint of torch.save, which has data.pkl and version`
}

function listed(names: string[]): string {
  return names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '')
}

function namesOf(source: string | Uint8Array): string[] {
  if (typeof source !== 'string') return namesIn((at, count) => source.subarray(at, at + count), source.byteLength)
  const fd = openSync(source, 'r')
  try {
    const read = (at: number, count: number): Uint8Array => {
      const bytes = new Uint8Array(count)
      return bytes.subarray(0, readSync(fd, bytes, 0, count, at))
    }
    return namesIn(read, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}

/** The names of an archive whose directory is whole; none where there is no directory. */
function namesIn(read: (at: number, count: number) => Uint8Array, size: number): string[] {
  const tailAt = Math.max(0, size - maxEnd)
  const tail = Buffer.from(read(tailAt, size - tailAt))
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0 || end + 22 > tail.length) return []
  const length = tail.readUInt32LE(end + 12)
  const start = tail.readUInt32LE(end + 16)
  if (start + length > size) return []
  const directory = Buffer.from(read(start, Math.min(length, maxDirectory)))
  const names: string[] = []
  for (let at = 0; at + 46 <= directory.length && names.length < maxNames; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) break
    const count = directory.readUInt16LE(at + 28)
    const name = directory.toString('utf8', at + 46, at + 46 + count)
    if (!name.endsWith('/')) names.push(name.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?').slice(0, 200))
    at += 46 + count + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return names
}
