/** Tells safetensors files and indexes of sharded models from the other formats, by what is in them. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { isLegacy } from '../legacy.js'
import { looksLikeSafetensors, sniff } from '../sniff.js'

/** What a source is, where it is one of these; its path is another one where a folder was given. */
export interface Recognised {
  kind: 'safetensors' | 'index'
  path: string
}

/** The names that models have in a folder. */
const inFolder = ['model.safetensors', 'model.safetensors.index.json']

/** Looks at the first bytes of a file, or into a folder; errors are the file system's. */
export function recogniseFile(path: string): Recognised | undefined {
  const fd = openSync(path, 'r')
  try {
    const info = fstatSync(fd)
    if (info.isDirectory()) {
      const found = inFolder.map((name) => join(path, name)).find((file) => existsSync(file))
      return found === undefined ? undefined : recogniseFile(found)
    }
    const head = new Uint8Array(512)
    const kind = recogniseHead(head.subarray(0, readSync(fd, head, 0, head.length, 0)), info.size, path)
    return kind && { kind, path }
  } finally {
    closeSync(fd)
  }
}

/** What a file of `size` bytes with these first ones is. The name counts only where the bytes say nothing. */
export function recogniseHead(head: Uint8Array, size: number, path = ''): Recognised['kind'] | undefined {
  const zip = head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4
  if (zip || isLegacy(head)) return undefined
  if (looksLikeSafetensors(head)) return 'safetensors'
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  if (/^[ \t\r\n]*\{/.test(text)) return 'index'
  return path.endsWith('.safetensors') && sniff(head, size, path) === undefined ? 'safetensors' : undefined
}
