/** A lock file: one process at a time, and a process that died holds nothing. */
import { readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

interface Owner {
  pid: number
  host: string
}

export interface LockOptions {
  /** Called once when another process has the lock. */
  onWait?: (owner: string) => void
  /** Milliseconds between two tries. */
  interval?: number
}

// An owner writes its name right after it made the file: one that has no name for so long was cut off in between.
const unnamedMs = 10_000
// On another machine (a shared folder) it cannot be asked whether a process lives.
const foreignMs = 6 * 3600_000

/** Runs `fn` while holding the lock file `path`, which is made and removed. Waits as long as another process has it. */
export async function withLock<T>(path: string, fn: () => Promise<T> | T, options: LockOptions = {}): Promise<T> {
  await acquire(path, options)
  // also on process.exit(); a crash is seen by others from the process id
  const release = () => {
    if (ownerOf(path)?.pid === process.pid) unlinkSync(path)
  }
  process.once('exit', release)
  try {
    return await fn()
  } finally {
    process.off('exit', release)
    release()
  }
}

async function acquire(path: string, { onWait, interval = 250 }: LockOptions): Promise<void> {
  for (let told = false; ; ) {
    try {
      writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner), { flag: 'wx' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (isStale(path)) {
      removeStale(path)
      continue
    }
    const owner = ownerOf(path)
    if (!told && owner) {
      told = true
      onWait?.(`process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}`)
    }
    await sleep(interval)
  }
}

function ownerOf(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

function isStale(path: string): boolean {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  const owner = ownerOf(path)
  if (!owner) return age > unnamedMs
  if (owner.host !== hostname()) return age > foreignMs
  try {
    process.kill(owner.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Removes by renaming first: of two processes that found the same dead lock, the slower one must not remove the faster one's new lock. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
    if (isStale(aside)) unlinkSync(aside)
    else renameSync(aside, path)
  } catch {
    // another process was faster
  }
}
