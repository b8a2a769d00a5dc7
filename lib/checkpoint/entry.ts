/** A checkpoint of a folder as its files and their names tell of it. */

/** One save: its file, or its files where the layout is split. */
export interface Entry {
  /** Name of the file that has the epoch: `checkpoint_epoch_N.pth`, or `checkpoint_epoch_N_step_M.pth` in the middle of one. */
  file: string
  epoch: number
  /** Steps of the epoch that were done; undefined at its end. */
  step: number | undefined
  metrics: Record<string, number>
  /** Names of all its files, `file` among them. */
  files: string[]
  /** Carried by all files of one save; '' where the manager did not write it. */
  saveId: string
  /** Counts the saves of a folder, from 1; 0 where the manager did not write it. */
  serial: number
  runId: string
  /** Whether it stays for good. */
  pinned: boolean
  /** Whether training was taken up again from an earlier one since. */
  superseded: boolean
  /** Why it cannot be used. */
  damaged?: string
}

const mainName = /^checkpoint_epoch_(\d{1,15})(?:_step_(\d{1,15}))?\.pth$/

/** What the name of a checkpoint's file says; undefined for another file. */
export function readName(file: string): { epoch: number; step: number | undefined } | undefined {
  const [, epoch, step] = mainName.exec(file) ?? []
  return epoch === undefined ? undefined : { epoch: Number(epoch), step: step === undefined ? undefined : Number(step) }
}

/** `checkpoint_epoch_3.pth`, or `model_epoch_3_step_50.pth` */
export function nameOf(part: string, epoch: number, step: number | undefined): string {
  return `${part}_epoch_${epoch}${step === undefined ? '' : `_step_${step}`}.pth`
}

/** The files of an entry in the order in which they are deleted: without its main one, the others are no checkpoint with a part missing. */
export function mainFirst({ file, files }: Entry): string[] {
  return [file, ...files.filter((name) => name !== file)]
}

/** How far training was: before 0 where `a` is less far than `b`. The end of an epoch comes after all of its steps. */
export function comparePlace(a: Pick<Entry, 'epoch' | 'step'>, b: Pick<Entry, 'epoch' | 'step'>): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  const [first, second] = [a.step ?? Infinity, b.step ?? Infinity]
  return first === second ? 0 : first - second
}

/** In the order of training, the newer of two at one place last. */
export function compareEntries(a: Entry, b: Entry): number {
  return comparePlace(a, b) || a.serial - b.serial
}
