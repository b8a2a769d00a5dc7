/** Models in several files, with an index that says which tensor is in which: `*.safetensors.index.json`, `*.bin.index.json`. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, win32 } from 'node:path'
import { entriesInOrder, setInOrder } from '../tensor/python-values.js'
import { JsonText } from './safetensors/json.js'
import { recogniseFile } from './safetensors/recognise.js'
import { badFormat, unsafe } from './where.js'

/** Bytes of an index, tensors and files that it may name; the largest models have 200,000 tensors in some hundreds of files. */
const [maxIndex, maxTensors, maxFiles] = [100_000_000, 1_000_000, 10_000]

/** Reads an index, and checks that all its files are there before one of them is read. */
export function readShards(index: string): ShardedFile {
  const where = { file: index }
  const fd = openSync(index, 'r')
  let bytes: Buffer
  try {
    const { size } = fstatSync(fd)
    if (size > maxIndex) throw unsafe(where, `the index has ${size} bytes; ${maxIndex} are allowed`)
    bytes = readFileSync(fd)
  } finally {
    closeSync(fd)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw badFormat({ ...where, offset: 0 }, 'the index is not UTF-8')
  }
  const json = new JsonText(text, 0, where, 'index of a sharded model')
  let files: Map<string, string> | undefined
  json.object('it', (key) => {
    if (key !== 'weight_map') return json.skip()
    const found = new Map<string, string>()
    json.object('weight_map', (name, at) => {
      if (found.size >= maxTensors) throw unsafe(where, `an index of more than ${maxTensors} tensors`)
      if (json.peek() !== '"') json.fail(`weight_map has ${JSON.stringify(name)}, which is no file name`, at)
      const file = json.string()
      const wrong = outside(file)
      if (wrong) json.fail(`weight_map has ${JSON.stringify(name)} in ${JSON.stringify(file)}, ${wrong}`, at)
      found.set(name, file)
    })
    files = found
  })
  json.end()
  if (!files)
    throw badFormat(where, 'this JSON has no weight_map: it is no checkpoint, and no index of a sharded model')
  return new ShardedFile(index, files)
}

/** What is wrong with a file name in an index, which may name what is in its own folder alone. */
function outside(file: string): string | undefined {
  if (file === '' || file.includes('\0')) return 'which is no file name'
  if (isAbsolute(file) || win32.isAbsolute(file) || /^[a-z]:/i.test(file)) return 'which is not in the folder'
  const parts = file.split(/[/\\]/)
  // links are followed: the caches of model hubs are made of them, and the system's owner made them, not the file
  return parts.some((part) => part === '..') || file.includes('\\') ? 'which is not in the folder' : undefined
}

/** A model whose shards are read one after the other. */
export class ShardedFile {
  /** paths of the shards, in the order in which the index names them */
  readonly files: string[]
  private readonly loaded = new Map<string, Map<string, unknown>>()

  constructor(
    private readonly index: string,
    private readonly map: ReadonlyMap<string, string>,
  ) {
    const names = [...new Set(map.values())]
    if (names.length > maxFiles) throw unsafe({ file: index }, `an index of more than ${maxFiles} files`)
    this.files = names.map((name) => this.pathOf(name))
    const missing = names.filter((_, i) => !statSync(this.files[i]!, { throwIfNoEntry: false })?.isFile())
    if (missing.length > 0) {
      const which = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '')
      const count = `${missing.length} of ${names.length} shards are missing in ${dirname(index)}`
      throw badFormat({ file: index }, `${count}: ${which}; was the download complete?`)
    }
    for (const file of this.files) {
      if (recogniseFile(file)?.kind === 'index') {
        throw badFormat({ file: index }, `the shard ${basename(file)} is itself an index`)
      }
    }
  }

  private pathOf(name: string): string {
    return join(dirname(this.index), name)
  }

  add(path: string, content: unknown): void {
    const isDict = typeof content === 'object' && content !== null && Object.getPrototypeOf(content) === null
    if (!isDict) throw badFormat({ file: path }, 'a shard has to hold a dict of tensors')
    this.loaded.set(path, new Map(entriesInOrder(content)))
  }

  /** One state dict in the order of the index; what shards hold beyond it comes last, so that nothing is lost. */
  merged(): object {
    const out: Record<string, unknown> = Object.create(null)
    for (const [name, file] of this.map) {
      const path = this.pathOf(file)
      const shard = this.loaded.get(path)!
      if (!shard.has(name)) {
        throw badFormat({ file: path, record: name }, `the shard has no ${JSON.stringify(name)}, which is in its index`)
      }
      setInOrder(out, name, shard.get(name))
    }
    for (const shard of this.loaded.values()) {
      for (const [name, value] of shard) if (!Object.hasOwn(out, name)) setInOrder(out, name, value)
    }
    return out
  }
}
