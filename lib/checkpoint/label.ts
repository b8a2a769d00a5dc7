/** What each file of a save says of itself, in a record of its archive that Python does not look at: so a folder is read quickly. */

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../errors.js'
import { loadSync } from '../serialize/load.js'
import { readArchiveRecord, verifyChecksums } from '../serialize/verify.js'
import { Tensor } from '../tensor/tensor.js'
import { type Entry, readName } from './entry.js'

/** Name of the record. */
export const labelRecord = 'checkpoint.json'
const largestLabel = 2 ** 20

/** The label of one save. */
export interface Label {
  version: 1
  saveId: string
  runId: string
  serial: number
  epoch: number
  step?: number
  metrics: Record<string, number>
  files: string[]
}

/** JSON that has NaN and the infinities, too. */
export function jsonText(value: unknown, indent?: number): string {
  const finite = (value: unknown): unknown =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  return JSON.stringify(value, (_, each) => finite(each), indent)
}

/** A metric of JSON made by {@link jsonText}. */
function metricsOf(metrics: unknown): Record<string, number> {
  const read: Record<string, number> = Object.create(null)
  if (typeof metrics !== 'object' || metrics === null) return read
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value === 'number') read[name] = value
    else if (typeof value === 'string' && ['NaN', 'Infinity', '-Infinity'].includes(value)) read[name] = Number(value)
  }
  return read
}

/** The label of a file; undefined where the manager did not write it. @throws what is wrong with the file */
export function readLabel(path: string): Label | undefined {
  if (!isZip(path)) return undefined
  const bytes = readArchiveRecord(path, labelRecord, largestLabel)
  if (bytes === undefined) return undefined
  let label: Partial<Label> | null
  try {
    label = JSON.parse(Buffer.from(bytes).toString()) as Partial<Label> | null
  } catch {
    label = null
  }
  const { saveId, runId, serial, epoch, step, files } = label ?? {}
  const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
  const names = Array.isArray(files) && files.every((name) => typeof name === 'string' && name === basename(name))
  if (typeof saveId !== 'string' || typeof runId !== 'string' || !whole(serial) || !whole(epoch) || !names)
    throw new CheckpointError('ERR_CHECKPOINT_FORMAT', `${path}: its record ${labelRecord} is damaged`, { file: path })
  return { ...(label as Label), metrics: metricsOf(label!.metrics), ...(whole(step) && { step: step as number }) }
}

/** The entry of a file whose name says that it is a checkpoint. What is wrong with it is said in `damaged`. */
export function readEntry(path: string): Entry {
  const file = basename(path)
  const { epoch, step } = readName(file)!
  const entry: Entry = {
    file,
    epoch,
    step,
    metrics: Object.create(null),
    files: [file],
    saveId: '',
    serial: 0,
    runId: '',
    pinned: false,
    superseded: false,
  }
  try {
    const label = readLabel(path)
    if (!label) return Object.assign(entry, { metrics: foreignMetrics(path) })
    const { saveId, runId, serial, metrics, files } = label
    if (!files.includes(file)) {
      const message = `${path}: was saved as ${files.at(-1)} and given another name; give it back, or resume from its path elsewhere`
      throw new CheckpointError('ERR_CHECKPOINT_FORMAT', message, { file: path })
    }
    Object.assign(entry, { saveId, runId, serial, metrics, files })
    checkSet(path, entry)
  } catch (error) {
    entry.damaged = damageOf(error)
  }
  return entry
}

/** All files of a save have to be those of that save. */
export function checkSet(path: string, { files, saveId }: Pick<Entry, 'files' | 'saveId'>): void {
  for (const name of files) {
    const part = join(dirname(path), name)
    const found = readLabel(part)?.saveId
    if (found !== saveId) {
      throw new CheckpointError(
        'ERR_CHECKPOINT_FORMAT',
        `${part}: is of another save than ${basename(path)} (${found ?? 'none'} and not ${saveId}); the set is damaged`,
        { file: part },
      )
    }
  }
}

/** What a failure says about a file. Where it is one of the system, such as too many open files, it says nothing and is thrown. */
export function damageOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof CheckpointError || code === 'ENOENT' || code === 'EISDIR') return message
  throw error
}

/** Bytes of a file; 0 where it is not there. */
export function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

/** The metrics in a file that Python wrote; nothing of its tensors is read. */
function foreignMetrics(path: string): Record<string, number> {
  const { metrics } = loadSync(path, { mapLocation: 'meta' }) ?? {}
  const read: Record<string, number> = Object.create(null)
  if (typeof metrics !== 'object' || metrics === null || metrics instanceof Tensor) return read
  for (const [name, value] of Object.entries(metrics)) if (typeof value === 'number') read[name] = value
  return read
}

/**
 * Looks at every file of a save: whether all are there and of one save, whether the pickles are whole, and with `'crc'` whether every
 * byte is the one that was written.
 * @throws {@link CheckpointError}, or the file system's own error
 */
export function verifyFiles(path: string, entry: Pick<Entry, 'files' | 'saveId'>, how: 'crc' | 'structure'): void {
  if (entry.saveId !== '') checkSet(path, entry)
  for (const name of entry.files) {
    const part = join(dirname(path), name)
    if (how === 'crc') verifyCheckpoint(part)
    else loadSync(part, { mapLocation: 'meta' })
  }
}

/** Looks at one file, whatever wrote it. @returns whether it has checksums @throws {@link CheckpointError} where it is damaged */
export function verifyCheckpoint(path: string): boolean {
  const checked = isZip(path)
  if (checked) verifyChecksums(path)
  loadSync(path, { mapLocation: 'meta' })
  return checked
}

/** Formats before 1.6 have no checksums. */
function isZip(path: string): boolean {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(2)
    return readSync(fd, head, 0, 2, 0) < 2 || head.toString('latin1') === 'PK'
  } finally {
    closeSync(fd)
  }
}
