import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArgumentError } from '../errors.js'
import type { Tensor } from '../tensor/index.js'
import { type JsonValue, type LogRecord, parseLog, recordText } from './jsonl-text.js'
import { checkOptions } from './options.js'

/** Where a run goes on: what `CheckpointManager.resume` returns, or a part of it. */
export interface ResumePoint {
  /** the last step that the checkpoint contains */
  step?: number | undefined
  /** the last epoch that it contains, or the one that it is within */
  epoch?: number | undefined
  /** the first epoch that is still to be finished (default: `epoch + 1`) */
  nextEpoch?: number | undefined
}

export interface JsonlLoggerOptions {
  /**
   * Where the run goes on. Lines that were written after it are taken away, since they will be written again; `null` is the
   * beginning. Without this option a log is continued as it is.
   */
  resume?: ResumePoint | null
}

/** What a line may hold: JSON, and numbers and tensors that JSON does not have. */
export type Loggable =
  | JsonValue
  | bigint
  | Tensor
  | undefined
  | readonly Loggable[]
  | ArrayLike<number>
  | ArrayLike<bigint>
  | { [name: string]: Loggable }

/**
 * Writes one line of JSON for each call, which reaches the system before the call returns. A run that was killed leaves at most one
 * line cut short, and the next logger takes it away. NaN and the infinities are the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, as
 * JSON has none; {@link readJsonl} gives numbers again.
 * @example
 * // a checkpoint has brought the run back to the end of this epoch; `null` would begin the log anew
 * const log = new torch.utils.JsonlLogger('run/log.jsonl', { resume: { epoch } })
 * log.log({ epoch: epoch + 1, loss, lr: optimizer.paramGroups[0]!.lr as number })
 * log.close()
 */
export class JsonlLogger {
  readonly path: string
  #file: number | undefined

  /**
   * @param path - the log; made with its folder when it is not there
   * @throws {@link ArgumentError} when the file is no log, or a line that should be compared with `resume` cannot be read
   */
  constructor(path: string | URL, options: JsonlLoggerOptions = {}) {
    checkOptions('JsonlLogger', options, ['resume'])
    this.path = pathOf('JsonlLogger', path)
    const { resume } = options
    checkPoint(resume)
    mkdirSync(dirname(this.path), { recursive: true })
    const content = readIfThere(this.path)
    if (content.length > 0) replaceIfOther(this.path, content, kept(this.path, content, resume))
    this.#file = openSync(this.path, 'a')
  }

  /**
   * Writes a line. `step` and `epoch` are what {@link JsonlLoggerOptions.resume} is compared with.
   * @param values - names and values; tensors become numbers or nested arrays, `undefined` is left out
   * @throws {@link ArgumentError} for a value that JSON cannot hold, and after `close()`
   */
  log(values: Record<string, Loggable>): void {
    const file = this.#open()
    const bytes = Buffer.from(`${recordText(values)}\n`)
    let at = 0
    try {
      while (at < bytes.length) at += writeSync(file, bytes, at)
    } catch (error) {
      // a full disk: the next line must not begin in the middle of this one
      if (at > 0) ftruncateSync(file, fstatSync(file).size - at)
      throw error
    }
  }

  /** Returns when all lines are on the disk, safe from a power failure, too. */
  flush(): void {
    fsyncSync(this.#open())
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    if (this.#file === undefined) return
    const file = this.#file
    this.#file = undefined
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
  [Symbol.dispose](): void {
    this.close()
  }

  #open(): number {
    if (this.#file === undefined) throw new ArgumentError(`JsonlLogger: ${this.path} was closed`)
    return this.#file
  }
}

/**
 * Reads what a {@link JsonlLogger} wrote; a last line that was cut short is left out.
 * @throws {@link ArgumentError} naming the line that is no JSON object; the system's error when the file cannot be read
 * @example
 * const log = new torch.utils.JsonlLogger('run/losses.jsonl')
 * for (const [i, loss] of [0.9, 0.5, 0.3].entries()) log.log({ epoch: i + 1, loss })
 * log.close()
 * const records = torch.utils.readJsonl('run/losses.jsonl')
 * const svg = torch.utils.plotCurves({ loss: records.map((record) => Number(record.loss)) })
 */
export function readJsonl(path: string | URL): LogRecord[] {
  const file = pathOf('readJsonl', path)
  return parseLog(file, readFileSync(file)).lines.map(({ record }) => record)
}

function pathOf(what: string, path: unknown): string {
  if (path instanceof URL) return fileURLToPath(path)
  if (typeof path === 'string' && path !== '') return path
  throw new ArgumentError(`${what}: path should be text or a file URL, but is ${path === '' ? "''" : String(path)}`)
}

function checkPoint(resume: unknown): void {
  if (resume === undefined || resume === null) return
  const { step, epoch, nextEpoch } = resume as ResumePoint
  for (const [name, value] of Object.entries({ step, epoch, nextEpoch })) {
    if (value !== undefined && !Number.isFinite(value)) {
      throw new ArgumentError(`JsonlLogger: resume.${name} should be a number, but is ${String(value)}`)
    }
  }
  if (step === undefined && epoch === undefined && nextEpoch === undefined) {
    throw new ArgumentError(
      'JsonlLogger: resume should have a step or an epoch, such as what CheckpointManager.resume returns; null begins anew',
    )
  }
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array()
    throw error
  }
}

/** The lines that stay, each with its end. */
function kept(path: string, content: Uint8Array, resume: ResumePoint | null | undefined): Uint8Array {
  const { lines, whole } = parseLog(path, content, { all: resume !== undefined })
  if (resume === undefined) return whole
  if (resume === null) return new Uint8Array()
  let isLater = false
  const staying = lines.filter(({ record }) => {
    // a line without step and epoch belongs to the one before
    isLater = later(path, record, resume) ?? isLater
    return !isLater
  })
  return Buffer.concat(staying.flatMap(({ bytes }) => [bytes, Buffer.from('\n')]))
}

/** Whether a line was written after the point where the run goes on; undefined when the line does not say. */
function later(path: string, record: LogRecord, { step, epoch, nextEpoch }: ResumePoint): boolean | undefined {
  const first = nextEpoch ?? (epoch === undefined ? undefined : epoch + 1)
  if (typeof record.step === 'number' && step !== undefined) return record.step > step
  if (typeof record.epoch === 'number' && first !== undefined) return record.epoch >= first
  if (typeof record.step !== 'number') return undefined
  throw new ArgumentError(
    `JsonlLogger: ${path} has a line with step ${record.step} and no epoch, but resume says an epoch alone, so that it cannot be told whether the line will be written again; give resume the step, too, and log the epoch on every line`,
  )
}

/** A whole file takes the place of the old one, so that a crash in between loses no line. */
function replaceIfOther(path: string, before: Uint8Array, after: Uint8Array): void {
  if (Buffer.compare(before, after) === 0) return
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = openSync(temporary, 'w')
    try {
      for (let at = 0; at < after.length; ) at += writeSync(file, after, at)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
