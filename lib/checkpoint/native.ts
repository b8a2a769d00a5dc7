/** The part of the addon's contract that checkpoints in a folder need: commits, locks (native/serialize), signals (native/core). */
import type { Handle, WriterHandle } from '../../binding.js'
import type { Unwritten } from '../serialize/native.js'

export type FileLock = Handle<'file lock'>
export type CommitHandle = Handle<'commit'>

/** A file of a commit: its open writer, with the records before the storages written already. */
export interface CommitFile {
  writer: WriterHandle
  temporary: string
  target: string
  storages: Unwritten[]
}

/** What a commit does, in this order, when all its files are in their places. */
export interface AfterCommit {
  /** Second names (hard links, or copies where there are none), `[from, to]`; `to` is replaced at once. */
  links: [from: string, to: string][]
  /** Small files, each replaced at once. */
  texts: [path: string, text: string][]
  /** Files to delete; one that is gone is no error. */
  remove: string[]
}

export interface CheckpointBinding {
  /** Locks a file (`flock`), made when it is not there; null when somebody else has it. It ends with its handle, or the process. */
  lockFile(path: string): FileLock | null
  /** Nothing happens the second time. */
  unlockFile(lock: FileLock): void
  /**
   * Takes these signals instead of their default; the first of a kind is kept for {@link pendingSignal} and passed on to a
   * handler that was there before, the second does what it would have done. The process has one watch: calls are counted.
   */
  watchSignals(numbers: number[]): void
  unwatchSignals(numbers: number[]): void
  /** The first watched signal that came, or 0. */
  pendingSignal(): number
  /**
   * Writes, flushes and renames the files on a thread that also runs while JavaScript is in a synchronous loop. What was there
   * before stays when it fails. Attach a handler to `done`: a failure that nobody awaits ends the process.
   */
  startCommit(files: CommitFile[], after: AfterCommit): { commit: CommitHandle; done: Promise<void> }
  /** Whether it is over. Throws its error. */
  commitOver(commit: CommitHandle): boolean
  /** Returns when it is over. Throws its error. */
  waitCommit(commit: CommitHandle): void
}
