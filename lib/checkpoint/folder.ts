/** What is in a folder of checkpoints: its files are the truth, and `checkpoints.json` a cache of what they say. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { CheckpointError } from '../errors.js'
import { type Entry, readName } from './entry.js'
import { jsonText, readEntry, readLabel } from './label.js'
import type { Best } from './options.js'
import { inOrder, latestOf, markSuperseded, ranked } from './policy.js'

const manifestName = 'checkpoints.json'
const pinSuffix = '.pin'

interface Manifest {
  version: 1
  runId: string
  latest: string | null
  best: string | null
  checkpoints: Omit<Entry, 'pinned'>[]
}

/** The entries of a folder in the order of training. A folder that is not there has none. */
export function scan(folder: string): Entry[] {
  const names = new Set(existsSync(folder) ? readdirSync(folder) : [])
  const cached = new Map(readManifest(folder).map((entry) => [entry.file, entry]))
  const entries: Entry[] = []
  for (const file of names) {
    if (!readName(file)) continue
    const known = cached.get(file)
    const entry = known && isOf(folder, known) ? known : readEntry(join(folder, file))
    // one that a writer deleted meanwhile
    if (entry.damaged !== undefined && !existsSync(join(folder, file))) continue
    // only the manifest knows of a return to an earlier one that nothing was saved after
    entry.superseded = known?.saveId === entry.saveId && entry.saveId !== '' && known.superseded
    entry.pinned = names.has(file + pinSuffix)
    entries.push(entry)
  }
  markSuperseded(entries)
  return inOrder(entries)
}

/** Whether the files that the cache speaks of are those that are there. */
function isOf(folder: string, { files, saveId, file }: Entry): boolean {
  if (saveId === '' || !files.includes(file)) return false
  try {
    return files.every((name) => readLabel(join(folder, name))?.saveId === saveId)
  } catch {
    return false
  }
}

/** What the cache says; nothing where it is missing or damaged. */
function readManifest(folder: string): Entry[] {
  try {
    const { version, checkpoints } = JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) as Manifest
    if (version !== 1 || !Array.isArray(checkpoints)) return []
    return checkpoints
      .filter(isEntry)
      .map((entry) => ({ ...entry, step: entry.step, pinned: false, metrics: numbers(entry.metrics) }))
  } catch {
    return []
  }
}

function isEntry(entry: Partial<Entry>): entry is Entry {
  const name = typeof entry?.file === 'string' ? readName(entry.file) : undefined
  return (
    name !== undefined &&
    name.epoch === entry.epoch &&
    name.step === entry.step &&
    Array.isArray(entry.files) &&
    // names alone: what is deleted is in the folder
    entry.files.every((file) => typeof file === 'string' && file === basename(file)) &&
    [entry.saveId, entry.runId].every((text) => typeof text === 'string') &&
    Number.isSafeInteger(entry.serial)
  )
}

function numbers(metrics: unknown): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics ?? {}).map(([name, value]) => [name, Number(value)]))
}

/** The path and the text of the cache. */
export function manifestOf(
  folder: string,
  entries: readonly Entry[],
  best: Best | undefined,
  runId: string,
): [path: string, text: string] {
  const manifest: Manifest = {
    version: 1,
    runId,
    latest: latestOf(entries)?.file ?? null,
    best: (best && ranked(entries, best)[0]?.file) ?? null,
    checkpoints: inOrder(entries)
      .filter(({ damaged }) => damaged === undefined)
      .map(({ pinned: _, ...entry }) => entry),
  }
  return [join(folder, manifestName), `${jsonText(manifest, 2)}\n`]
}

/** Temporary files that a killed process left. Nobody else may be writing to the folder. */
export function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const ours = /^\.(\w+_epoch_\d+(_step_\d+)?\.pth|best\.pth|checkpoints\.json)\..*tmp$/.test(name)
    const pinOfNothing = name.endsWith(pinSuffix) && readName(name.slice(0, -pinSuffix.length)) !== undefined
    if (ours || (pinOfNothing && !existsSync(join(folder, name.slice(0, -pinSuffix.length)))))
      rmSync(join(folder, name), { force: true })
  }
}

/** Marks a checkpoint as one that stays, by a file beside it: checkpoints never change. */
export function setPin(folder: string, file: string, pinned: boolean): void {
  const path = join(folder, file + pinSuffix)
  if (pinned) writeFileSync(path, '')
  else rmSync(path, { force: true })
}

/** Gives the files of an entry that may not be lost other names, as another save takes theirs. They are no part of the run any more. */
export function moveAside(folder: string, entry: Entry): void {
  for (const file of entry.files) {
    const aside = file.replace(/\.pth$/, `.superseded-${entry.serial}.pth`)
    if (existsSync(join(folder, aside))) continue
    try {
      linkSync(join(folder, file), join(folder, aside))
    } catch {
      // not every file system has hard links
      copyFileSync(join(folder, file), join(folder, aside))
    }
  }
  setPin(folder, entry.file, false)
}

/** Makes the folder and what is above it. @throws {@link CheckpointError} `ERR_CHECKPOINT_WRITE` */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_WRITE',
      `${folder}: the folder cannot be made: ${(cause as Error).message}`,
      {
        cause,
        file: folder,
      },
    )
  }
}
