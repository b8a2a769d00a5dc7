/** What is in a checkpoint, from its structure alone: no tensor data is read, no LibTorch is needed, nothing is executed. */
import { basename, dirname, join } from 'node:path'
import { entriesInOrder } from '../../tensor/python-values.js'
import { isLegacy } from '../legacy.js'
import { headerLength, readHeader } from '../safetensors/header.js'
import { recogniseFile } from '../safetensors/recognise.js'
import { readShards } from '../sharded.js'
import { sniff } from '../sniff.js'
import { isTar } from '../tar-members.js'
import { badFormat, unsafe } from '../where.js'
import { inspectArchive } from './archive.js'
import { readLegacyOutline } from './legacy.js'
import { Outliner } from './outline.js'
import type { Parts } from './parts.js'
import { Census } from './safety.js'
import { hyperParametersOf, learningRatesOf, progressOf, tensorNotes, totals } from './summary.js'
import { inspectTar } from './tar.js'
import type { ClassUse, Entry, Inspection, Note, TensorOutline } from './types.js'
import { FileWindow } from './window.js'

export type * from './types.js'

/**
 * Looks into a checkpoint in any format that {@link load} opens. A file of 50 GB takes no longer than its list of tensors.
 * @param path - a file, or the folder of a safetensors model
 * @throws the file system's own error; {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` or `ERR_CHECKPOINT_UNSAFE`. A tensor
 * that does not fit its storage is no error here but a `problem` of that tensor, and one of the `notes`.
 * @example
 * inspectCheckpoint('checkpoint.pth').learningRates // [{ path: '["optimizer"]', rates: [0.001] }]
 * @internal
 */
export function inspectCheckpoint(path: string): Inspection {
  const parts = withinStack(path, () => partsOf(path))
  const { tensors, storages, root, notes, ...rest } = parts
  return {
    file: path,
    format: parts.format,
    fileBytes: parts.fileBytes,
    container: parts.container,
    ...totals(tensors, storages),
    progress: progressOf(root),
    learningRates: learningRatesOf(root),
    hyperParameters: hyperParametersOf(root),
    classes: rest.classes,
    notes: inOrder([...notes, ...tensorNotes(tensors, storages)]),
    ...(rest.metadata && { metadata: rest.metadata }),
    root,
  }
}

/** Objects deep inside of one another are refused also where the machine's stack ends before the limit on them. */
function withinStack<T>(file: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof RangeError && /call stack/.test(error.message))) throw error
    throw unsafe({ file }, 'objects are too deep inside of one another')
  }
}

const levels = ['danger', 'warning', 'info']

/** The worst first, and each once. */
function inOrder(notes: Note[]): Note[] {
  const distinct = new Map(notes.map((note) => [note.text, note]))
  return [...distinct.values()].sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level))
}

function partsOf(path: string): Parts {
  const found = recogniseFile(path)
  if (found?.kind === 'index') return inspectShards(found.path)
  const file = new FileWindow(found?.path ?? path)
  try {
    if (found) return inspectSafetensors(file)
    const head = file.size < 512 ? file.read(0, file.size) : file.read(0, 512)
    if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) return inspectArchive(file)
    if (isTar(head)) return inspectTar(file)
    if (isLegacy(head)) return inspectLegacy(file)
    const first = Buffer.from(head.subarray(0, 8)).toString('hex')
    throw badFormat(file.where, sniff(head, file.size) ?? `not a checkpoint: its first bytes are ${first}`)
  } finally {
    file.close()
  }
}

function inspectLegacy(file: FileWindow): Parts {
  const read = readLegacyOutline(file, () => new Census())
  const { root, storages, littleEndian, protocol, problems, sources, census } = read
  const outliner = new Outliner(file.where, storages)
  const outline = outliner.outline(root)
  return {
    format: 'legacy',
    fileBytes: file.size,
    container: { version: 1001, byteorder: littleEndian ? 'little' : 'big', protocol },
    root: outline,
    tensors: outliner.tensors,
    storages: [...storages.values()],
    classes: census.classes(),
    notes: [
      ...census.notes(),
      ...problems.map((text): Note => ({ level: 'warning', text })),
      ...(sources.length > 0 ? [sourceNote(sources)] : []),
    ],
  }
}

function sourceNote(sources: string[]): Note {
  const names = sources.slice(0, 5).join(', ') + (sources.length > 5 ? ' and others' : '')
  return {
    level: 'info',
    text: `it holds the source code of ${names}, which Python compares with its own; it is not run`,
  }
}

function inspectSafetensors(file: FileWindow): Parts {
  const length = headerLength(file.read(0, Math.min(8, file.size)), file.size, file.where)
  const { entries, metadata } = readHeader(file.read(8, length), file.size, file.where)
  const tensors = entries.map(
    ({ name, dtype, shape, begin, end }): TensorOutline => ({
      type: 'tensor',
      class: 'Tensor',
      path: step(name),
      dtype,
      shape,
      device: 'cpu',
      bytes: end - begin,
    }),
  )
  return {
    format: 'safetensors',
    fileBytes: file.size,
    container: { header: length },
    root: dictOf(entries.map(({ name }, i) => ({ key: name, step: step(name), value: tensors[i]! }))),
    tensors,
    storages: [],
    classes: [],
    notes: [],
    ...(metadata && { metadata }),
  }
}

/** A model in several files: one dict, whose entries say in which file they are. */
function inspectShards(index: string): Parts {
  const shards = readShards(index)
  const all: Parts[] = []
  for (const path of shards.files) {
    const parts = withinStack(path, () => partsOf(path))
    all.push(parts)
    const { root } = parts
    if (root.type !== 'container') throw badFormat({ file: path }, 'a shard has to hold a dict of tensors')
    const content: Record<string, Entry> = Object.create(null)
    for (const entry of root.entries) {
      if (entry.value.type === 'tensor') entry.value.file = basename(path)
      content[entry.key] = entry
    }
    shards.add(path, content)
  }
  const entries = entriesInOrder(shards.merged()).map(([, entry]) => entry as Entry)
  return {
    format: 'sharded',
    fileBytes: all.reduce((sum, parts) => sum + parts.fileBytes, 0),
    container: { files: all.length, format: all[0]?.format ?? 'none', folder: join(dirname(index), '.') },
    root: dictOf(entries),
    tensors: all.flatMap(({ tensors }) => tensors),
    storages: all.flatMap(({ storages }) => storages),
    classes: sum(all.flatMap(({ classes }) => classes)),
    notes: all.flatMap(({ notes }) => notes),
  }
}

function sum(classes: ClassUse[]): ClassUse[] {
  const found = new Map<string, ClassUse>()
  for (const use of classes) {
    const known = found.get(use.name)
    if (known) found.set(use.name, { ...known, count: known.count + use.count, called: known.called || use.called })
    else found.set(use.name, use)
  }
  return [...found.values()]
}

function step(name: string): string {
  return `[${JSON.stringify(name)}]`
}

function dictOf(entries: Entry[]): Inspection['root'] {
  return { type: 'container', class: 'dict', length: entries.length, entries }
}
