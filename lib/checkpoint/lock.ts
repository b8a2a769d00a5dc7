/** One writer for a folder: a lock that the system frees when its process ends, and a file that says who has it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import type { FileLock } from './native.js'

const lockName = '.checkpoints.lock'

interface Owner {
  host: string
  pid: number
  run_id: string
  since: string
}

/** The lock of a folder. */
export class FolderLock {
  readonly #path: string
  readonly #handle: FileLock

  /** @throws {@link CheckpointError} `ERR_CHECKPOINT_LOCKED` that names who has it */
  constructor(folder: string, runId: string) {
    this.#path = join(folder, lockName)
    const handle = native().lockFile(this.#path)
    if (handle === null) throw locked(folder, this.#path)
    this.#handle = handle
    const owner: Owner = { host: hostname(), pid: process.pid, run_id: runId, since: new Date().toISOString() }
    // into the file itself: the lock is on it, and not on its name
    writeFileSync(this.#path, `${JSON.stringify(owner)}\n`)
  }

  release(): void {
    try {
      writeFileSync(this.#path, '')
    } finally {
      native().unlockFile(this.#handle)
    }
  }
}

function locked(folder: string, path: string): CheckpointError {
  let who = 'another process, which has not said yet which one it is,'
  try {
    const { host, pid, run_id: run, since } = JSON.parse(readFileSync(path, 'utf8')) as Owner
    const here = pid === process.pid && host === hostname()
    who = `${here ? 'another CheckpointManager of this process' : `process ${pid}`} on ${host} (run ${run}, since ${since})`
  } catch {
    // it is writing its name, or was killed while it did
  }
  return new CheckpointError(
    'ERR_CHECKPOINT_LOCKED',
    `${folder} is in use: ${who} writes checkpoints there. Give each run a folder of its own, wait for the other one to end, or ` +
      'pass lock: false where only one of the two writes.',
    { file: folder },
  )
}
