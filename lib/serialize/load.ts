/** `torch.load`: what `torch.save` wrote, and safetensors files, from a file or from memory. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, nearest } from '../errors.js'
import { fill, fillSync } from './fill.js'
import { isLegacy, readLegacy, readWhole, readWholeSync } from './legacy.js'
import { locator, type MapLocation } from './location.js'
import { devicesOf, OpenCheckpoint } from './open-checkpoint.js'
import { type Following, PartsProgress } from './progress.js'
import { Reviver } from './revive.js'
import { readSafetensors, readSafetensorsSync, safetensorsOf } from './safetensors/read.js'
import { recogniseFile, recogniseHead } from './safetensors/recognise.js'
import { readShards, type ShardedFile } from './sharded.js'
import { sniff, tensorflow } from './sniff.js'
import { checkTar, isTar } from './tar.js'
import { byKey, NativeTensorFactory } from './tensor-native.js'
import { badFormat } from './where.js'

/** A path, a `file:` URL, or the bytes of a checkpoint. */
export type Source = string | URL | Uint8Array

export interface LoadSyncOptions {
  /** Where the storages go; by default to the devices that they were saved from */
  mapLocation?: MapLocation
  /**
   * Whether tensors on the CPU lie in the file itself, whose pages are read when they are touched; what is written into
   * such a tensor stays in this process. Only for files, of the zip and safetensors formats; false by default
   */
  mmap?: boolean
}
export interface LoadOptions extends LoadSyncOptions, Following {}

/**
 * Opens a checkpoint that `torch.save` wrote, in Python or here. Nothing in the file is executed: objects of classes that
 * are not PyTorch's own data become {@link PyObject}s. Tensor data is read off the main thread by several threads.
 * Of a TorchScript archive the data is read: `torch.toStateDict` finds its parameters, and `torch.jit.load` runs it. Archives of
 * C++'s `torch::save` give a state dict, a tensor, an array of tensors, or the state dict of an optimizer in Python's layout.
 * Safetensors files open too, and models in several files by their index (`*.safetensors.index.json`, `*.bin.index.json`).
 * @param source - path, `file:` URL, or bytes; for safetensors also the folder of a model
 * @param options - `mapLocation` and `mmap` as in Python; `onProgress` and `signal` for large files
 * @returns dicts with string keys as plain objects without prototype, other dicts as Maps, lists as arrays, tuples as
 * {@link Tuple}s, tensors and numbers
 * @throws the file system's own error (`ENOENT`, `EACCES`, `EISDIR`); {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` or
 * `ERR_CHECKPOINT_UNSAFE`; {@link DeviceError} when a saved device is not here
 * @example
 * const checkpoint = await torch.load('checkpoint.pth', { mapLocation: 'cpu' })
 * @example
 * const big = await torch.load('big.pth', {
 *   signal: AbortSignal.timeout(60_000),
 *   onProgress: ({ loaded, total }) => console.log(`${Math.round((100 * loaded) / total)} %`),
 * })
 */
export async function load(source: Source, options: LoadOptions = {}): Promise<any> {
  checkOptions('torch.load', options, ['mapLocation', 'mmap', 'onProgress', 'signal'])
  options.signal?.throwIfAborted()
  const other = otherFormat(source, options)
  if (other?.tensors) return other.tensors
  if (other?.path !== undefined) return readSafetensors(other.path, options)
  if (other?.shards) {
    const { files } = other.shards
    const parts = new PartsProgress(files, options.onProgress)
    for (const shard of files) other.shards.add(shard, await load(shard, { ...options, ...parts.next(shard) }))
    return other.shards.merged()
  }
  const file = openCheckpoint(source, options)
  if (file instanceof LegacyFile) return file.revive(file.bytes ?? (await readWhole(file.path!, options)))
  try {
    await file.attempt(() => fill(file.wanted(), file.how, options))
    return file.revive()
  } finally {
    native().closeReader(file.reader)
  }
}

/** {@link load}, on this thread. */
export function loadSync(source: Source, options: LoadSyncOptions = {}): any {
  checkOptions('torch.loadSync', options, ['mapLocation', 'mmap'])
  const other = otherFormat(source, options)
  if (other?.tensors) return other.tensors
  if (other?.path !== undefined) return readSafetensorsSync(other.path, options)
  if (other?.shards) {
    for (const shard of other.shards.files) other.shards.add(shard, loadSync(shard, options))
    return other.shards.merged()
  }
  const file = openCheckpoint(source, options)
  if (file instanceof LegacyFile) return file.revive(file.bytes ?? readWholeSync(file.path!))
  try {
    file.attemptSync(() => fillSync(file.wanted(), file.how))
    return file.revive()
  } finally {
    native().closeReader(file.reader)
  }
}

/** A source in a format that has no pickle: a safetensors file, the tensors of one in memory, or an index of shards. */
function otherFormat(
  source: Source,
  options: LoadSyncOptions,
): { path?: string; tensors?: object; shards?: ShardedFile } | undefined {
  const { path, bytes } = sourceOf(source, 'torch.load')
  if (bytes) {
    if (options.mmap) throw new ArgumentError('f must be a file path in order to use the mmap argument')
    const kind = recogniseHead(bytes.subarray(0, 512), bytes.byteLength)
    if (kind === 'index')
      throw badFormat(
        {},
        'this is JSON: an index of a sharded model names files beside it, so give its path; other JSON is no checkpoint',
      )
    return kind && { tensors: safetensorsOf(bytes, options.mapLocation) }
  }
  const found = recogniseFile(path!)
  return found?.kind === 'index' ? { shards: readShards(found.path) } : found && { path: found.path }
}

function checkOptions(what: string, options: LoadOptions, known: string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw new ArgumentError(
      `${what} has no option '${key}'${near ? `; did you mean '${near}'?` : `: only ${known.join(', ')}`}`,
    )
  }
  const { mmap, onProgress, signal } = options
  const wrong = (option: string, wanted: string): never => {
    throw new ArgumentError(`${what}: ${option} has to be ${wanted}`)
  }
  if (mmap !== undefined && typeof mmap !== 'boolean') wrong('mmap', 'true or false')
  if (onProgress !== undefined && typeof onProgress !== 'function') wrong('onProgress', 'a function')
  if (signal !== undefined && !(signal instanceof AbortSignal)) wrong('signal', 'an AbortSignal')
}

/** Opens the archive and reads its pickle: all but the tensors' data. */
function openCheckpoint(source: Source, options: LoadSyncOptions): OpenCheckpoint | LegacyFile {
  const { path, bytes } = sourceOf(source, 'torch.load')
  const locate = locator(options.mapLocation)
  const { size, legacy } = bytes ? checkHead(bytes.subarray(0, 512), bytes.byteLength, undefined) : checkFile(path!)
  if (legacy) {
    if (options.mmap) {
      throw new ArgumentError(
        'mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`, please torch.save ' +
          'your checkpoint with this option in order to use mmap.',
      )
    }
    return new LegacyFile(path, bytes, locate)
  }
  const file = new OpenCheckpoint(path, size, locate, options.mmap === true)
  file.open(path ?? bytes!)
  return file
}

/** What a source is, for a function called `what`. @internal */
export function sourceOf(source: Source, what: string): { path?: string; bytes?: Uint8Array } {
  if (typeof source === 'string') return { path: source }
  if (source instanceof URL) {
    if (source.protocol === 'file:') return { path: fileURLToPath(source) }
    throw new ArgumentError(`${what} opens file: URLs; download ${source.protocol} ones first`)
  }
  if (source instanceof Uint8Array) return { bytes: source }
  if (source !== null && (source as unknown) instanceof ArrayBuffer)
    return { bytes: new Uint8Array(source as ArrayBuffer) }
  throw new ArgumentError(`${what}: source has to be a path, a URL or a Uint8Array, not ${String(source)}`)
}

interface Head {
  size: number
  legacy: boolean
}

/** Opens the file once by Node, whose errors name the path and the reason. @internal */
export function checkFile(path: string): Head {
  const fd = openSync(path, 'r')
  try {
    const info = fstatSync(fd)
    const head = new Uint8Array(512)
    // reading a directory fails with EISDIR and its path
    const count = info.isDirectory() ? readDirectory(path) : readSync(fd, head, 0, head.length, 0)
    const found = checkHead(head.subarray(0, count), info.size, path)
    if (isTar(head.subarray(0, count))) checkTar((at, most) => readAt(fd, at, most), info.size, { file: path })
    return found
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, at: number, most: number): Uint8Array {
  const bytes = new Uint8Array(most)
  return bytes.subarray(0, readSync(fd, bytes, 0, most, at))
}

function readDirectory(path: string): never {
  if (existsSync(join(path, 'saved_model.pb'))) throw badFormat({ file: path }, tensorflow('SavedModel'))
  const error = new Error(`EISDIR: illegal operation on a directory, read '${path}'`)
  throw Object.assign(error, { code: 'EISDIR', errno: -21, syscall: 'read', path })
}

/** Throws for what is neither a zip archive nor in the format before it. @internal */
export function checkHead(head: Uint8Array, size: number, file: string | undefined): Head {
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) return { size, legacy: false }
  if (isLegacy(head)) return { size, legacy: true }
  const known = sniff(head, size, file)
  const where = file === undefined ? {} : { file }
  throw badFormat(
    where,
    known ?? `not a checkpoint: its first bytes are ${Buffer.from(head.subarray(0, 8)).toString('hex')}`,
  )
}

/** A file in the format before 1.6, which is read as a whole. */
class LegacyFile {
  constructor(
    readonly path: string | undefined,
    readonly bytes: Uint8Array | undefined,
    private readonly locate: (saved: string) => string,
  ) {}

  revive(bytes: Uint8Array): unknown {
    const where = this.path === undefined ? {} : { file: this.path }
    const { root, refs, storages } = readLegacy(bytes, where)
    const devices = devicesOf([...refs.values()], this.locate)
    const placed = new Map<string, StorageHandle>()
    for (const [i, key] of [...refs.keys()].entries()) {
      const storage = storages.get(key)!
      placed.set(key, devices[i] === 'cpu' ? storage : native().storageTo(storage, devices[i]!))
    }
    return new Reviver(new NativeTensorFactory(byKey(placed), where), where).value(root)
  }
}
