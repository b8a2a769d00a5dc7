/** Which checkpoint is meant, and what is told of it. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArgumentError, CheckpointError } from '../errors.js'
import { type Entry, readName } from './entry.js'
import { damageOf, readEntry, sizeOf, verifyFiles } from './label.js'
import { type Settings, text } from './options.js'
import { latestOf, ranked } from './policy.js'
import type { Resumed } from './resume.js'
import type { CheckpointInfo, ResumeOptions } from './types.js'

/** The checkpoint that is meant, as far as it can be used. */
export function findCheckpoint(
  folder: string,
  entries: Entry[],
  { verify, best }: Pick<Settings, 'verify' | 'best'>,
  from: NonNullable<ResumeOptions['from']>,
  skipped: Resumed['skipped'],
): { path: string; entry: Entry | undefined } | undefined {
  if (from === 'latest' || from === 'best') {
    if (from === 'best' && !best)
      throw new ArgumentError(`CheckpointManager.resume: from: 'best' needs the option best: { metric, mode }`)
    const usable = entries.filter(({ superseded }) => !superseded)
    const candidates = from === 'best' ? ranked(usable, best!) : usable.reverse()
    for (const entry of candidates) {
      const path = join(folder, entry.file)
      try {
        if (entry.damaged === undefined) {
          verifyFiles(path, entry, verify)
          return { path, entry }
        }
      } catch (error) {
        entry.damaged = damageOf(error)
      }
      skipped.push({ path, reason: entry.damaged! })
    }
    if (skipped.length > 0) {
      const list = skipped.map(({ reason }) => reason).join('\n  ')
      throw new CheckpointError(
        'ERR_CHECKPOINT_FORMAT',
        `${folder}: all ${skipped.length} checkpoints are damaged; move them away to start anew:\n  ${list}`,
        { file: folder },
      )
    }
    return undefined
  }
  if (typeof from === 'number') {
    const found = entries.filter((each) => each.epoch === from)
    const entry = found.filter(({ superseded }) => !superseded).at(-1) ?? found.at(-1)
    if (!entry) return undefined
    verifyFiles(join(folder, entry.file), entry, verify)
    return { path: join(folder, entry.file), entry }
  }
  const path = resolve(from instanceof URL ? fileURLToPath(from) : from)
  if (!existsSync(path)) return undefined
  const entry = readName(basename(path)) ? readEntry(path) : undefined
  verifyFiles(path, entry ?? { files: [basename(path)], saveId: '' }, verify)
  return { path, entry: entries.find(({ file }) => join(folder, file) === path) ?? entry }
}

/** Says that there is no such checkpoint, and which ones there are. */
export function noCheckpoint(
  folder: string,
  entries: Entry[],
  from: NonNullable<ResumeOptions['from']>,
): ArgumentError {
  const has = entries.length === 0 ? 'there is none' : `there are ${entries.map(({ file }) => file).join(', ')}`
  const wanted =
    from === 'latest'
      ? 'no checkpoint'
      : from === 'best'
        ? 'no checkpoint with the metric'
        : `no checkpoint ${text(String(from))}`
  return new ArgumentError(`CheckpointManager.resume: ${folder} has ${wanted}; ${has}`)
}

/** An entry as users see it. */
export function infoOf(folder: string, entry: Entry, entries: Entry[], best: Settings['best']): CheckpointInfo {
  const { file, files, saveId: _, serial: __, ...rest } = entry
  const paths = files.map((name) => join(folder, name))
  return {
    ...rest,
    metrics: { ...entry.metrics },
    path: join(folder, file),
    files: paths,
    bytes: paths.reduce((sum, path) => sum + sizeOf(path), 0),
    latest: latestOf(entries) === entry,
    best: best !== undefined && ranked(entries, best)[0] === entry,
  }
}

/** Does not let a run begin where another one was. */
export function refuseRun(folder: string, entries: Entry[], advice: string): void {
  const found = latestOf(entries)
  if (!found) return
  throw new CheckpointError(
    'ERR_CHECKPOINT_MISMATCH',
    `${folder} has checkpoints of an earlier run, the latest is ${found.file}; ${advice}`,
    { file: folder },
  )
}
