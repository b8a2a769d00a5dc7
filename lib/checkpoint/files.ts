/** The files of a save, and the place in the training that it is of. */
import { join } from 'node:path'
import { ArgumentError } from '../errors.js'
import { archiveOf } from '../serialize/save.js'
import type { FilePlan } from './commit.js'
import { type Entry, mainFirst } from './entry.js'
import { manifestOf, moveAside } from './folder.js'
import { jsonText, type Label, labelRecord } from './label.js'
import type { AfterCommit } from './native.js'
import { checkCount } from './objects.js'
import { type Settings, text } from './options.js'
import { inOrder, kept, markSuperseded, ranked } from './policy.js'
import type { CheckpointContents } from './types.js'

/** What is in a folder after a save, and what is to be done there when its files are in their places. */
export function planAfter(
  folder: string,
  before: readonly Entry[],
  entry: Entry,
  { keep, best }: Pick<Settings, 'keep' | 'best'>,
  source: string | undefined,
): { left: Entry[]; after: AfterCommit } {
  const same = before.find(({ file }) => file === entry.file)
  if (same && same.damaged === undefined && (same.pinned || same.serial === 0)) moveAside(folder, same)
  const next = inOrder([...before.filter((each) => each !== same).map((each) => ({ ...each })), entry])
  markSuperseded(next)
  const stay = kept(next, keep, best, source)
  const left = next.filter((each) => stay.has(each))
  const gone = [...next.filter((each) => !stay.has(each)), ...(same ? [same] : [])]
  const needed = new Set(left.flatMap(({ files }) => files))
  const top = best && ranked(left, best)[0]
  return {
    left,
    after: {
      links: top ? [[join(folder, bestFile(top)), join(folder, 'best.pth')]] : [],
      texts: [manifestOf(folder, left, best, entry.runId)],
      remove: gone
        .flatMap((each) => mainFirst(each).filter((file) => !needed.has(file)))
        .map((file) => join(folder, file)),
    },
  }
}

/** The file that `best.pth` stands for: where a save has several, the model's. */
function bestFile({ file, files }: Entry): string {
  return files.find((name) => name.startsWith('model_epoch_')) ?? file
}

/** The place in the training that a save is of. */
export function readPlace(what: string, contents: CheckpointContents): { epoch: number; step: number | undefined } {
  const owner = `CheckpointManager.${what}`
  if (typeof contents !== 'object' || contents === null)
    throw new ArgumentError(
      `${owner}: expected an object such as { epoch, model, optimizer }, received ${text(contents)}`,
    )
  const { epoch, step } = contents
  checkCount(owner, 'epoch', epoch)
  if (step !== undefined) checkCount(owner, 'step', step)
  return { epoch, step }
}

/** A file with its label. */
export function planOf(name: string, value: object, label: Label): FilePlan {
  const { records, storages } = archiveOf(value)
  return {
    name,
    records: [...records, [labelRecord, Buffer.from(jsonText(label))]],
    storages: storages.map(({ key, handle }) => ({ name: `data/${key}`, storage: handle })),
    sizes: storages.map(({ nbytes }) => nbytes),
    bytes: storages.reduce((sum, { nbytes }) => sum + nbytes, 0),
  }
}
