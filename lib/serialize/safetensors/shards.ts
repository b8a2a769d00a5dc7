/**
 * A state dict in several safetensors files and their index. The division, the names and the index are those of
 * huggingface_hub (serialization/_base.py and _torch.py, 2.4.0): a tensor goes into the shard at hand unless that would grow beyond the size
 * that is asked for; one that is larger than that alone has a shard of its own.
 */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ArgumentError, CheckpointError } from '../../errors.js'
import { setInOrder } from '../../tensor/python-values.js'
import { planSafetensors, type SafetensorsPlan } from './write.js'

/** A file to be written; the index is the last one. */
export interface ShardFile {
  path: string
  content: SafetensorsPlan | Uint8Array
}

const units: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/**
 * Bytes of a size such as 5e9 or `'5GB'`; units are decimal.
 * @throws {@link ArgumentError} for what is no size
 */
export function shardSize(size: unknown): number {
  const [, digits, unit] = typeof size === 'string' ? (/^(\d+(?:\.\d+)?)\s*([KMGT]?B)$/i.exec(size.trim()) ?? []) : []
  const bytes = digits === undefined ? size : Number(digits) * units[unit!.toUpperCase()]!
  if (typeof bytes === 'number' && bytes >= 1 && Number.isFinite(bytes)) return Math.floor(bytes)
  throw new ArgumentError(
    `torch.save: maxShardSize has to be a number of bytes or a text such as '5GB', not ${JSON.stringify(size)}`,
  )
}

/**
 * The files of a state dict: one when all fits, else shards and an index.
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_WRITE` when a shard's name is taken: several files cannot be replaced at once,
 * and a crash in between would mix two models
 */
export function planShards(stateDict: unknown, metadata: unknown, path: string, most: number): ShardFile[] {
  const whole = planSafetensors(stateDict, metadata)
  const inOrder = new Map(whole.entries)
  const shards: [string, unknown][][] = []
  let open: [string, unknown][] = []
  let size = 0
  let total = 0
  for (const entry of inOrder) {
    const nbytes = whole.sizes.get(entry[0])!
    total += nbytes
    if (nbytes > most) {
      shards.push([entry])
      continue
    }
    if (size + nbytes > most) {
      shards.push(open)
      open = []
      size = 0
    }
    open.push(entry)
    size += nbytes
  }
  if (open.length > 0) shards.push(open)
  if (shards.length <= 1) return [{ path, content: whole }]

  const stem = basename(path).replace(/\.safetensors$/, '')
  const map: [key: string, file: string][] = []
  const files = shards.map((shard, i): ShardFile => {
    const number = (count: number): string => String(count).padStart(5, '0')
    const name = `${stem}-${number(i + 1)}-of-${number(shards.length)}.safetensors`
    const part: Record<string, unknown> = Object.create(null)
    for (const [key, tensor] of shard) {
      setInOrder(part, key, tensor)
      map.push([key, name])
    }
    return { path: join(dirname(path), name), content: planSafetensors(part, metadata ?? whole.texts) }
  })
  const taken = files.find((file) => existsSync(file.path))
  if (taken) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_WRITE',
      `${taken.path}: a shard of another save is there, and several files cannot be replaced at once; remove it, or choose another name or folder`,
      { file: taken.path },
    )
  }
  return [...files, { path: join(dirname(path), `${basename(path)}.index.json`), content: indexText(total, map) }]
}

/** JSON in ASCII alone, indented, as Python's json writes it. */
function indexText(total: number, map: [key: string, file: string][]): Uint8Array {
  const lines = map.map(([key, file]) => `    ${ascii(key)}: ${ascii(file)}`)
  const text = `{\n  "metadata": {\n    "total_size": ${total}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}`
  return new TextEncoder().encode(text)
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
