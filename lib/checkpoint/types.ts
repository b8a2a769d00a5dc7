/** Arguments and results of {@link CheckpointManager}. */
import type { Entry } from './entry.js'
import type { Reason } from './policy.js'
import type { LrOverride } from './resume.js'

/**
 * What goes into a checkpoint: `epoch`, in the middle of one `step`, and under names of your own modules, optimizers, schedulers, any
 * object with `stateDict()` and `loadStateDict()`, generators, and plain values.
 */
export interface CheckpointContents {
  /** Number of the epoch, ≥ 0. */
  epoch: number
  /** Steps of the epoch that are done, ≥ 0; left out at its end. */
  step?: number
}

/** Options of a save. */
export interface CheckpointSaveOptions {
  /** Numbers that tell how good it is, such as `{ loss }`. */
  metrics?: Record<string, unknown>
  /** Whether it stays for good (default false). */
  pin?: boolean
}

/** Options of {@link CheckpointManager.resume}. */
export interface ResumeOptions {
  /** Which checkpoint: the latest one (default), the best, that of an epoch, or a file. */
  from?: 'latest' | 'best' | number | string | URL
  /** Whether null is returned where there is none (default: for the latest one). */
  optional?: boolean
  /** Learning rates to go on with instead of those of the checkpoint. */
  lr?: LrOverride
}

/** A checkpoint of a folder. */
export interface CheckpointInfo extends Omit<Entry, 'file' | 'files' | 'saveId' | 'serial'> {
  /** Path of its file. */
  path: string
  /** Paths of all its files. */
  files: string[]
  /** Bytes of all its files. */
  bytes: number
  latest: boolean
  best: boolean
}

/** What {@link CheckpointManager.maybeSave} did. */
export interface MaybeSaved {
  saved: boolean
  /** Why it saved. */
  reason: Reason | undefined
  /** Whether a signal asks for an end: leave the loop. */
  stop: boolean
}
