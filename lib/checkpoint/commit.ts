/** Brings the files of a save to the disk: all of them or none, tried again after errors that may pass. */
import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { StorageHandle, WriterHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import type { AfterCommit, CommitFile, CommitHandle } from './native.js'

/** A file to write: the records before its storages, and those. */
export interface FilePlan {
  name: string
  records: [name: string, bytes: Uint8Array][]
  storages: { name: string; storage: StorageHandle }[]
  /** bytes of each storage */
  sizes: number[]
  /** bytes of all of them */
  bytes: number
}

/** Errors of the system that may be gone a moment later, as on a network drive. */
const passing =
  /^(EAGAIN|EBUSY|EINTR|EIO|ESTALE|ETIMEDOUT|ENOLCK|ENETDOWN|ENETUNREACH|ENETRESET|ECONNRESET|EHOSTDOWN|EHOSTUNREACH|EREMOTEIO): /

const waitOf = (attempt: number): number => 100 * 4 ** (attempt - 1)

/** Fails before anything is written where the disk has no room. */
export function ensureSpace(folder: string, files: readonly FilePlan[]): void {
  const heads = files.flatMap(({ records }) => records.map(([, bytes]) => bytes.byteLength))
  // what a record takes beside its bytes: headers, and up to 63 bytes so that its data lies well
  const records = files.reduce((sum, { storages }) => sum + storages.length, heads.length)
  const needed =
    files.reduce((sum, { bytes }) => sum + bytes, 0) + heads.reduce((a, b) => a + b, 0) + records * 400 + 65_536
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= needed) return
  const cause = Object.assign(new Error(`ENOSPC: no space left on device, write '${folder}'`), {
    code: 'ENOSPC',
    syscall: 'write',
    path: folder,
  })
  throw failure(folder, cause, `${megabytes(needed)} are needed and ${megabytes(bavail * bsize)} are free`)
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`

function failure(path: string, cause: unknown, why: string): CheckpointError {
  return new CheckpointError(
    'ERR_CHECKPOINT_WRITE',
    `${path}: the checkpoint could not be saved (what was there before is untouched): ${why}`,
    { cause, file: path },
  )
}

/** One save on its way. Also goes on while JavaScript is in a synchronous loop, but for attempts after the first. */
export class Job {
  /** Resolves when everything is on the disk. A handler is attached: nobody has to. */
  readonly promise: Promise<void>
  over = false
  #error: unknown
  #commit!: CommitHandle
  #attempt = 0
  #timer: NodeJS.Timeout | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(
    private readonly folder: string,
    private readonly files: readonly FilePlan[],
    private readonly after: AfterCommit,
    private readonly retries: number,
    private readonly settled: (error: unknown) => void,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.promise.catch(() => {})
    unfinished.add(this)
    finishAtExit()
    this.#start()
  }

  #start(): void {
    this.#attempt++
    const attempt = this.#attempt
    try {
      const files = openAll(this.folder, this.files)
      const { commit, done } = native().startCommit(files, this.after)
      this.#commit = commit
      done.then(
        () => attempt === this.#attempt && this.#end(undefined),
        (error) => attempt === this.#attempt && this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  /** After a failure: tries again later, or gives up. */
  #failed(error: unknown): void {
    if (this.over) return
    if (this.#mayTryAgain(error)) this.#timer = setTimeout(() => this.#again(), waitOf(this.#attempt))
    else this.#end(this.#explained(error))
  }
  #mayTryAgain(error: unknown): boolean {
    return this.#attempt <= this.retries && error instanceof CheckpointError && passing.test(error.message)
  }
  #again(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#start()
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof CheckpointError)) return error
    const [, code, syscall] = /^(E[A-Z0-9]+): .*, (\w+)$/s.exec(error.message) ?? []
    const path = join(this.folder, this.files.at(-1)!.name)
    const cause = code === undefined ? error : Object.assign(new Error(error.message), { code, syscall, path })
    const tries = this.#attempt > 1 ? ` (tried ${this.#attempt} times)` : ''
    return failure(path, cause, error.message + tries)
  }

  #end(error: unknown): void {
    if (this.over) return
    this.over = true
    this.#error = error
    unfinished.delete(this)
    this.settled(error)
    if (error === undefined) this.#resolve()
    else this.#reject(error)
  }

  /** Settles what is over by now, without waiting. */
  poll(): void {
    if (this.over || this.#timer) return
    try {
      if (native().commitOver(this.#commit)) this.#end(undefined)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Returns when it is over. @throws its error */
  wait(): void {
    while (!this.over) {
      if (this.#timer) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitOf(this.#attempt))
        this.#again()
      }
      if (this.over || this.#timer) continue
      try {
        native().waitCommit(this.#commit)
        this.#end(undefined)
      } catch (error) {
        this.#failed(error)
      }
    }
    if (this.#error !== undefined) throw this.#error
  }
}

/** Opens a writer beside each target, and writes what comes before its storages. */
function openAll(folder: string, plans: readonly FilePlan[]): CommitFile[] {
  const files: CommitFile[] = []
  try {
    for (const { name, records, storages } of plans) {
      const unique = `${process.pid}-${randomBytes(6).toString('hex')}`
      const temporary = join(folder, `.${name}.${unique}.tmp`)
      const writer = native().openWriter(temporary)
      files.push({ writer, temporary, target: join(folder, name), storages })
      for (const [record, bytes] of records) native().writeRecord(writer, record, bytes)
    }
  } catch (error) {
    for (const { writer, temporary } of files) giveUp(writer, temporary)
    throw error
  }
  return files
}

function giveUp(writer: WriterHandle, temporary: string): void {
  native().abortWriter(writer)
  rmSync(temporary, { force: true })
}

const unfinished = new Set<Job>()
let watching = false

/** A program that ends by itself, or by process.exit(), ends when its last checkpoint is on the disk. */
function finishAtExit(): void {
  if (watching) return
  watching = true
  process.on('exit', () => {
    for (const job of unfinished) {
      try {
        job.wait()
      } catch (error) {
        console.error(String(error))
      }
    }
  })
}
