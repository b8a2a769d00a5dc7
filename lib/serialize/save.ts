/** `torch.save`: zip archives that Python's `torch.load(weights_only=True)` opens, and safetensors files. */

import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StorageHandle, WriterHandle } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, CheckpointError, nearest } from '../errors.js'
import { type ArchivePlan, planArchive } from './archive/write.js'
import { compacting } from './compact.js'
import { legacyPieces } from './legacy-write.js'
import { PyStr } from './nodes.js'
import { writePickle } from './pickle-write.js'
import { writePieces, writePiecesSync } from './pieces.js'
import { planShards, type ShardFile, shardSize } from './safetensors/shards.js'
import { planSafetensors, writeSafetensors, writeSafetensorsSync } from './safetensors/write.js'
import { nativeTensors } from './tensor-native.js'
import { type StorageToWrite, TensorWriter } from './tensor-nodes.js'
import { Describer } from './to-nodes.js'

export interface SaveOptions {
  /**
   * `'pytorch'`: the zip archive of `torch.save` since 1.6; `'legacy'`: the format before it, which every PyTorch since 0.2
   * reads; `'safetensors'`: tensors of a state dict and nothing else, the default for a name that ends with `.safetensors`;
   * `'libtorch'`: the archive of C++'s `torch::save`, for modules, state dicts, tensors, arrays of tensors, state dicts of
   * optimizers, and objects of these and of numbers and texts
   */
  format?: 'pytorch' | 'legacy' | 'safetensors' | 'libtorch'
  /**
   * Whether a tensor that is a view of a larger one is written without the rest of that one's memory; tensors that overlap
   * keep sharing theirs. False by default, as in Python; a safetensors file never has more than the tensors, and for
   * `'libtorch'` there is no such option
   */
  compact?: boolean
  /** For safetensors: texts to keep in the file; by default those of the file that the state dict was loaded from */
  metadata?: Readonly<Record<string, string>>
  /**
   * For safetensors: bytes, or a text such as `'5GB'`, beyond which the model goes into several files,
   * `model-00001-of-00003.safetensors` …, and an index `model.safetensors.index.json`, which is written last
   */
  maxShardSize?: number | string
}

/**
 * Saves an object as Python's `torch.save` does. The file appears under its name only when it is complete and on the disk;
 * until then, and when anything fails, a file that was there before stays as it is.
 * @param obj - tensors, and plain objects, Maps, Sets, arrays, {@link Tuple}s, numbers, strings and bytes of them
 * @param target - path or `file:` URL
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_WRITE` with the system's error as `cause`; {@link ArgumentError} for what
 * cannot be saved
 * @example
 * await torch.save({ epoch, model_state_dict: model.stateDict() }, 'checkpoint.pth')
 */
export async function save(obj: unknown, target: string | URL, options: SaveOptions = {}): Promise<void> {
  const path = checkArguments(target, options)
  if (isSafetensors(path, options)) {
    const files = safetensorsFiles(obj, path, options)
    try {
      for (const { path, content } of files) {
        await atomically(path, async (temporary) =>
          content instanceof Uint8Array ? writePieces(temporary, [content]) : writeSafetensors(temporary, content),
        )
      }
    } catch (error) {
      removeShards(files)
      throw error
    }
    return
  }
  if (options.format === 'legacy') {
    const { pickle, storages } = pickled(obj, options)
    const pieces = legacyPieces(pickle, storages)
    return atomically(path, (temporary) => writePieces(temporary, pieces))
  }
  const content = describe(obj, options)
  await atomically(path, async (temporary) => {
    const binding = native()
    const writer = binding.openWriter(temporary)
    try {
      writeHead(writer, content.records)
      await binding.writeStoragesAsync(
        writer,
        content.storages.map(({ key, handle }) => ({ name: `data/${key}`, storage: handle })),
      )
      await binding.finishWriterAsync(writer)
    } catch (error) {
      binding.abortWriter(writer)
      throw error
    }
  })
}

/** {@link save}, on this thread. */
export function saveSync(obj: unknown, target: string | URL, options: SaveOptions = {}): void {
  const path = checkArguments(target, options)
  if (isSafetensors(path, options)) {
    const files = safetensorsFiles(obj, path, options)
    try {
      for (const { path, content } of files) {
        atomicallySync(path, (temporary) =>
          content instanceof Uint8Array
            ? writePiecesSync(temporary, [content])
            : writeSafetensorsSync(temporary, content),
        )
      }
    } catch (error) {
      removeShards(files)
      throw error
    }
    return
  }
  if (options.format === 'legacy') {
    const { pickle, storages } = pickled(obj, options)
    const pieces = legacyPieces(pickle, storages)
    atomicallySync(path, (temporary) => writePiecesSync(temporary, pieces))
    return
  }
  const content = describe(obj, options)
  atomicallySync(path, (temporary) => {
    const binding = native()
    const writer = binding.openWriter(temporary)
    try {
      writeHead(writer, content.records)
      for (const { key, handle } of content.storages) binding.writeStorage(writer, `data/${key}`, handle)
      binding.finishWriter(writer)
    } catch (error) {
      binding.abortWriter(writer)
      throw error
    }
  })
}

/** The one file of a state dict, or its shards and their index. */
function safetensorsFiles(obj: unknown, path: string, { metadata, maxShardSize }: SaveOptions): ShardFile[] {
  if (maxShardSize === undefined) return [{ path, content: planSafetensors(obj, metadata) }]
  return planShards(obj, metadata, path, shardSize(maxShardSize))
}

/** Shards of a save that failed: no index names them, and they would be in the way of the next one. Each was new. */
function removeShards(files: ShardFile[]): void {
  if (files.length > 1) for (const { path } of files.slice(0, -1)) rmSync(path, { force: true })
}

const optionNames = ['format', 'metadata', 'compact', 'maxShardSize']
const formats = ['pytorch', 'legacy', 'safetensors', 'libtorch']

function isSafetensors(path: string, { format }: SaveOptions): boolean {
  return format === undefined ? path.endsWith('.safetensors') : format === 'safetensors'
}

function checkArguments(target: string | URL, options: SaveOptions): string {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(
      `torch.save: options have to be an object such as { format: 'legacy' }, not ${String(options)}`,
    )
  }
  for (const key of Object.keys(options)) {
    if (optionNames.includes(key)) continue
    const near = nearest(key, optionNames)
    throw new ArgumentError(`torch.save has no option '${key}'${near ? `; did you mean '${near}'?` : ''}`)
  }
  if (options.format !== undefined && !formats.includes(options.format)) {
    const known = formats.map((format) => `'${format}'`).join(', ')
    const near = typeof options.format === 'string' ? nearest(options.format, formats) : undefined
    const meant = near ? `; did you mean '${near}'?` : ''
    throw new ArgumentError(
      `torch.save: format ${JSON.stringify(options.format)} cannot be written; ${known} can${meant}`,
    )
  }
  if (options.compact !== undefined && typeof options.compact !== 'boolean') {
    throw new ArgumentError(`torch.save: compact has to be true or false, not ${JSON.stringify(options.compact)}`)
  }
  const path = target instanceof URL ? fileURLToPath(target) : target
  if (typeof path !== 'string' || path === '')
    throw new ArgumentError('torch.save: target has to be a path or a file: URL')
  if (path.includes('\0')) throw new ArgumentError('torch.save: a path cannot contain a zero byte')
  if (path.endsWith('.safetensors') && !isSafetensors(path, options)) {
    throw new ArgumentError("torch.save: Python reads a name that ends with '.safetensors' in that format alone")
  }
  if (options.compact && options.format === 'libtorch')
    throw new ArgumentError("torch.save: 'compact' is not for the format 'libtorch'")
  for (const key of ['metadata', 'maxShardSize'] as const) {
    if (options[key] !== undefined && !isSafetensors(path, options))
      throw new ArgumentError(`torch.save: only the safetensors format has ${key}`)
  }
  return path
}

/** The pickle of an object, and the storages that it refers to. */
function pickled(
  obj: unknown,
  { format, compact }: SaveOptions,
): { pickle: Uint8Array; storages: StorageToWrite<StorageHandle>[] } {
  const inspector = compact ? compacting(obj, nativeTensors) : nativeTensors
  const tensors = new TensorWriter(inspector, (text) => new PyStr(text), format === 'legacy')
  const root = new Describer(tensors).node(obj)
  return { pickle: writePickle(root), storages: tensors.storages }
}

/**
 * The records before the tensors' data of a zip archive, and the storages whose data follows, for who writes it himself. Memory that
 * views leave out is not among them. @internal
 */
export function archiveOf(obj: unknown): {
  records: [name: string, bytes: Uint8Array][]
  storages: StorageToWrite<StorageHandle>[]
} {
  const { pickle, storages } = pickled(obj, { compact: true })
  return { records: headRecords(pickle), storages }
}

/** The records of an archive, and the storages that its pickle refers to. */
function describe(obj: unknown, options: SaveOptions): ArchivePlan {
  if (options.format === 'libtorch') return planArchive(obj)
  const { pickle, storages } = pickled(obj, options)
  return { records: headRecords(pickle), storages }
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The records before the tensors' data, in Python's order. */
function headRecords(pickle: Uint8Array): [string, Uint8Array][] {
  return [
    ['data.pkl', pickle],
    ['.format_version', ascii('1')],
    ['.storage_alignment', ascii('64')],
    ['byteorder', ascii('little')],
  ]
}

function writeHead(writer: WriterHandle, records: [string, Uint8Array][]): void {
  for (const [name, bytes] of records) native().writeRecord(writer, name, bytes)
}

/** The file to replace, and a name beside it for the new one until it is complete. */
function prepare(path: string): { target: string; temporary: string } {
  let target = path
  try {
    // through a link the file that it leads to is replaced, not the link
    target = realpathSync(path)
    if (!statSync(target).isFile())
      throw Object.assign(new Error('the target is not a regular file'), { code: 'EISDIR' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`
  const name = basename(target).slice(0, 200)
  return { target, temporary: join(dirname(target), `.${name}.${unique}.tmp`) }
}

async function atomically(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  let temporary: string | undefined
  try {
    const names = prepare(path)
    temporary = names.temporary
    await write(temporary)
    await commitAsync(temporary, names.target)
  } catch (error) {
    throw failed(error, path, temporary)
  }
}

/** Has `write` make a file beside the target, which takes its place when it is complete. @internal */
export function atomicallySync(path: string, write: (temporary: string) => void): void {
  let temporary: string | undefined
  try {
    const names = prepare(path)
    temporary = names.temporary
    write(temporary)
    commit(temporary, names.target)
  } catch (error) {
    throw failed(error, path, temporary)
  }
}

/** Gives the complete file its name, durably. */
function commit(temporary: string, target: string): void {
  renameSync(temporary, target)
  const folder = openSync(dirname(target), 'r')
  try {
    fsyncSync(folder)
  } catch (error) {
    unlessNoFolders(error)
  } finally {
    closeSync(folder)
  }
}

/** {@link commit}, off this thread: to give up the blocks of a file of 128 MB that was there before takes the system 100 ms. */
async function commitAsync(temporary: string, target: string): Promise<void> {
  await rename(temporary, target)
  const folder = await open(dirname(target), 'r')
  try {
    await folder.sync().catch(unlessNoFolders)
  } finally {
    await folder.close()
  }
}

/** Some file systems cannot flush a folder; the file itself was flushed. */
function unlessNoFolders(error: unknown): void {
  if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
}

function failed(error: unknown, path: string, temporary: string | undefined): unknown {
  if (temporary !== undefined) {
    try {
      unlinkSync(temporary)
    } catch {
      // it was never made, or has its final name already
    }
  }
  const cause = error instanceof CheckpointError ? systemError(error, path) : error
  if (!(error instanceof CheckpointError) && (error as NodeJS.ErrnoException).code === undefined) return error
  const reason = (cause as Error).message
  const kept = 'what was there before is untouched'
  return new CheckpointError('ERR_CHECKPOINT_WRITE', `${path}: could not be saved (${kept}): ${reason}`, {
    cause,
    file: path,
  })
}

/** The system's error behind one of native code, whose message begins with the system's code. */
function systemError(error: CheckpointError, path: string): Error {
  const [, code, syscall] = /^(E[A-Z0-9]+): .*, (\w+)$/s.exec(error.message) ?? []
  if (code === undefined) return error
  return Object.assign(new Error(`${error.message} '${path}'`), { code, syscall, path })
}
