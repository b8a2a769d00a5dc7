/** `CheckpointManager`: checkpoints of a run in a folder. */
import { randomUUID } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { ensureSpace, type FilePlan, Job } from './commit.js'
import { filesOf, readMetrics } from './contents.js'
import { compareEntries, type Entry, mainFirst, nameOf } from './entry.js'
import { planAfter, planOf, readPlace } from './files.js'
import { findCheckpoint, infoOf, noCheckpoint, refuseRun } from './find.js'
import { makeFolder, manifestOf, scan, setPin, sweep } from './folder.js'
import { damageOf, type Label, verifyFiles } from './label.js'
import { FolderLock } from './lock.js'
import type { AfterCommit } from './native.js'
import { Objects } from './objects.js'
import { type CheckpointManagerOptions, checkNames, readOptions, type Settings, text } from './options.js'
import { kept, latestOf, ranked, Triggers } from './policy.js'
import { Loaded, type Resumed, restore } from './resume.js'
import type { RngState } from './rng.js'
import { Snapshots } from './snapshot.js'
import type { CheckpointContents, CheckpointInfo, CheckpointSaveOptions, MaybeSaved, ResumeOptions } from './types.js'

/**
 * Keeps the checkpoints of a run in a folder: saves when it is time, lets the last and the best ones stay, and resumes so that training
 * goes on as if it had never stopped. A crash at any moment leaves whole checkpoints only, and each is read by Python's
 * `torch.load(weights_only=True)`.
 * @example
 * const checkpoints = new torch.CheckpointManager('runs/1', { keep: { last: 2, best: 1 }, best: { metric: 'loss', mode: 'min' } })
 * const resumed = checkpoints.resume({ model, optimizer, scheduler })
 * for (let epoch = resumed?.nextEpoch ?? 0; epoch < 10; epoch++) {
 *   const loss = train(epoch)
 *   scheduler.step()
 *   if (checkpoints.maybeSave({ epoch, model, optimizer, scheduler }, { metrics: { loss } }).stop) break
 * }
 * await checkpoints.close()
 */
export class CheckpointManager implements AsyncDisposable {
  /** Absolute path of the folder. */
  readonly folder: string
  readonly #settings: Settings
  readonly #triggers: Triggers
  readonly #snapshots = new Snapshots()
  #runId: string = randomUUID()
  #lock: FolderLock | undefined
  #entries: Entry[] | undefined
  #job: Job | undefined
  /** A failure that the next call has to tell of. */
  #failure: unknown
  /** Save that was resumed from. */
  #source: string | undefined
  #began = false
  #closed = false
  #savedForSignal = false
  #foreignRng: RngState = {}

  /**
   * @param folder - path or `file:` URL; made by the first save
   * @throws {@link ArgumentError} for a wrong option; with `existing: 'error'` {@link CheckpointError} `ERR_CHECKPOINT_MISMATCH`
   * where the folder has checkpoints
   */
  constructor(folder: string | URL, options: CheckpointManagerOptions = {}) {
    const path = folder instanceof URL ? fileURLToPath(folder) : folder
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new ArgumentError(`CheckpointManager: the folder should be a path or a file: URL, but is ${text(folder)}`)
    this.folder = resolve(path)
    this.#settings = readOptions(options)
    this.#triggers = new Triggers(this.#settings.every, () => performance.now())
    if (options.existing === 'error')
      refuseRun(this.folder, scan(this.folder), "choose another folder, or resume with existing: 'resume'")
    if (this.#settings.signals.length > 0) native().watchSignals(this.#settings.signals)
  }

  // ---- saving

  /**
   * Saves. All is copied before this returns, so that training may go on at once; the promise resolves when it is on the disk. One save
   * is on its way at a time: a second one waits for the first.
   * @param contents - `epoch`, `step` in the middle of one, and under names of your own what has a state, and plain values
   * @throws {@link CheckpointError} `ERR_CHECKPOINT_WRITE` with the system's error as `cause`, also where the save before failed;
   * `ERR_CHECKPOINT_LOCKED`; {@link ArgumentError}
   */
  async save<T extends CheckpointContents>(contents: T, options: CheckpointSaveOptions = {}): Promise<void> {
    await this.#start('save', contents, options, true).promise
  }

  /** {@link CheckpointManager.save} that returns when all is on the disk. */
  saveSync<T extends CheckpointContents>(contents: T, options: CheckpointSaveOptions = {}): void {
    this.#start('saveSync', contents, options, false).wait()
  }

  /**
   * Saves when it is time by `every`, or when a signal came. Call it after each epoch, and with `step` after each step if `every.steps`,
   * `every.minutes` or `signals` are to be seen there. The save goes on by itself, also in a loop that never awaits; after a signal it
   * is on the disk when this returns.
   * @returns whether and why it saved, and whether to leave the loop
   * @throws as {@link CheckpointManager.save}; a save that failed makes the next call throw
   */
  maybeSave<T extends CheckpointContents>(contents: T, options: CheckpointSaveOptions = {}): MaybeSaved {
    this.#begin('maybeSave')
    const { epoch, step } = readPlace('maybeSave', contents)
    readMetrics('CheckpointManager.maybeSave', options.metrics, this.#settings.best, step !== undefined)
    const stop = this.shouldStop
    let reason = this.#triggers.due(epoch, step)
    if (stop) reason = this.#savedForSignal ? undefined : 'signal'
    if (reason) {
      const job = this.#start('maybeSave', contents, options, !stop)
      if (stop) job.wait()
      if (job.over) this.#throwFailure()
      this.#savedForSignal ||= stop
    }
    return { saved: reason !== undefined, reason, stop }
  }

  /** Whether one of `signals` came. A second one ends the process. */
  get shouldStop(): boolean {
    return this.#settings.signals.length > 0 && !this.#closed && native().pendingSignal() !== 0
  }

  /** Resolves when all that was saved is on the disk. @throws what went wrong with it */
  async flush(): Promise<void> {
    await this.#job?.promise.catch(() => {})
    this.#throwFailure()
  }

  /** {@link CheckpointManager.flush}, and gives the folder free. The manager cannot be used afterwards. */
  async close(): Promise<void> {
    if (this.#closed) return
    try {
      await this.flush()
    } finally {
      if (!this.#closed) this.#release()
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
  #release(): void {
    this.#closed = true
    if (this.#settings.signals.length > 0) native().unwatchSignals(this.#settings.signals)
    this.#lock?.release()
    this.#lock = undefined
  }

  #start(what: string, contents: CheckpointContents, options: CheckpointSaveOptions, asynchronous: boolean): Job {
    const owner = `CheckpointManager.${what}`
    this.#begin(what)
    checkNames(owner, options, ['metrics', 'pin'])
    const { epoch, step } = readPlace(what, contents)
    const { split, best, retries } = this.#settings
    const metrics = readMetrics(owner, options.metrics, best, step !== undefined)
    const { epoch: _, step: __, ...rest } = contents
    const objects = new Objects(owner, rest)
    this.#wait()
    this.#throwFailure()
    const entries = this.#known()
    if (!this.#began) refuseRun(this.folder, entries, 'call resume() first to go on with it, or choose another folder')
    this.#began = true
    const serial = entries.reduce((most, entry) => Math.max(most, entry.serial), 0) + 1
    const saveId = randomUUID()
    const runId = this.#runId
    const files = filesOf({ epoch, step, objects, metrics, foreignRng: this.#foreignRng, saveId, runId, serial, split })
    const names = files.map(([name]) => name)
    const label: Label = {
      version: 1,
      saveId,
      runId,
      serial,
      epoch,
      ...(step !== undefined && { step }),
      metrics,
      files: names,
    }
    const plans = files.map(([name, value]) => planOf(name, value, label))
    ensureSpace(this.folder, plans)
    const pinned = options.pin ?? false
    const file = nameOf('checkpoint', epoch, step)
    const entry: Entry = {
      file,
      epoch,
      step,
      metrics,
      files: names,
      saveId,
      serial,
      runId,
      pinned,
      superseded: false,
    }
    return this.#commit(entry, plans, asynchronous, retries)
  }

  /** Starts writing the files of a new entry, and what becomes of the others afterwards. */
  #commit(entry: Entry, plans: FilePlan[], asynchronous: boolean, retries: number): Job {
    const before = this.#known()
    const { left, after } = planAfter(this.folder, before, entry, this.#settings, this.#source)
    let wait = !asynchronous
    if (asynchronous) {
      const copies = this.#snapshots.take(
        plans.flatMap(({ storages, sizes }) =>
          storages.map(({ storage }, i) => ({ handle: storage, nbytes: sizes[i]! })),
        ),
      )
      // too little memory: what is written are the tensors themselves, and nobody may touch them before that is done
      if (copies) for (const { storages } of plans) for (const each of storages) each.storage = copies.shift()!
      else wait = true
    }
    if (entry.pinned) setPin(this.folder, entry.file, true)
    this.#job = undefined
    const job = new Job(this.folder, plans, after, retries, (error) => {
      this.#job = undefined
      if (error === undefined) this.#entries = left
      else {
        this.#failure = error
        // what is there is what the files say
        this.#entries = undefined
        if (entry.pinned && !existsSync(join(this.folder, entry.file))) setPin(this.folder, entry.file, false)
      }
    })
    if (!job.over) this.#job = job
    this.#triggers.saved()
    if (wait) {
      try {
        job.wait()
      } catch {
        // told by the job's own promise, and by the next call
      }
    }
    return job
  }

  // ---- resuming

  /**
   * Restores a checkpoint. It is read and compared with its checksums first; a damaged one is left out for the one before it, which
   * `skipped` tells. Then all objects are compared with it before any is changed, and restored in the order in which nothing is lost:
   * frozen parameters and groups, models, optimizers (parameters by name), schedulers, other objects, the loader's place, random states.
   * @param objects - under the names with which they were saved
   * @returns where to go on; null where there is no checkpoint and that is no error
   * @throws {@link CheckpointError} `ERR_CHECKPOINT_MISMATCH` that lists all that does not fit, `ERR_CHECKPOINT_FORMAT` where all are
   * damaged, `ERR_CHECKPOINT_LOCKED`; {@link ArgumentError} where there is no such checkpoint
   */
  resume(objects: object, options: ResumeOptions = {}): Resumed | null {
    this.#begin('resume')
    checkNames('CheckpointManager.resume', options, ['from', 'optional', 'lr'])
    const { from = 'latest', lr } = options
    const given = new Objects('CheckpointManager.resume', objects)
    if (given.extras.size > 0) {
      const [name, value] = [...given.extras][0]!
      throw new ArgumentError(
        `CheckpointManager.resume: '${name}' is ${text(value)}, which has no state to restore; plain values are in the result's extras`,
      )
    }
    this.#wait()
    this.#throwFailure()
    const entries = this.#known()
    const skipped: Resumed['skipped'] = []
    const found = findCheckpoint(this.folder, entries, this.#settings, from, skipped)
    if (!found) {
      if (!(options.optional ?? from === 'latest')) throw noCheckpoint(this.folder, entries, from)
      this.#began = true
      return null
    }
    const { path, entry } = found
    const loaded = new Loaded(path, entry)
    const result = restore(loaded, given, lr)
    this.#began = true
    this.#foreignRng = loaded.rng ?? {}
    if (entry && dirname(path) === this.folder) {
      this.#source = entry.saveId === '' ? undefined : entry.saveId
      if (entry.runId !== '') this.#runId = entry.runId
      this.#supersede(entries, entry)
    }
    this.#triggers.startAt(result.epoch, result.step)
    return { ...result, skipped }
  }

  /** Training goes on from `entry`: what is farther is no part of the run any more. */
  #supersede(entries: Entry[], entry: Entry): void {
    const wrong = entries.filter((each) =>
      each === entry ? each.superseded : compareEntries(each, entry) > 0 && !each.superseded,
    )
    for (const each of wrong) each.superseded = each !== entry
    if (wrong.length > 0) this.#writeManifest(entries)
  }

  // ---- the folder

  /** All checkpoints in the order of training. */
  list(options: { verify?: boolean | 'crc' | 'structure' } = {}): CheckpointInfo[] {
    checkNames('CheckpointManager.list', options, ['verify'])
    const { verify } = options
    const entries = this.#current()
    if (verify) {
      for (const entry of entries) {
        try {
          verifyFiles(join(this.folder, entry.file), entry, verify === true ? 'crc' : verify)
        } catch (error) {
          entry.damaged = damageOf(error)
        }
      }
    }
    return entries.map((entry) => infoOf(this.folder, entry, entries, this.#settings.best))
  }
  /** The one that `resume` takes. */
  latest(): CheckpointInfo | null {
    const entries = this.#current()
    const entry = latestOf(entries)
    return entry ? infoOf(this.folder, entry, entries, this.#settings.best) : null
  }
  /** The one with the best metric; of equal ones the older. @throws {@link ArgumentError} without the option `best` */
  best(): CheckpointInfo | null {
    const { best } = this.#settings
    if (!best) throw new ArgumentError(`CheckpointManager.best: needs the option best: { metric: 'loss', mode: 'min' }`)
    const entries = this.#current()
    const entry = ranked(entries, best)[0]
    return entry ? infoOf(this.folder, entry, entries, this.#settings.best) : null
  }

  /**
   * Lets a checkpoint stay for good, or not any more.
   * @param which - an epoch, a path, or an entry of {@link CheckpointManager.list}
   */
  pin(which: number | string | Pick<CheckpointInfo, 'path'>, pinned = true): void {
    this.#begin('pin')
    this.#wait()
    const entries = this.#known()
    const name = typeof which === 'object' ? basename(which.path) : which
    const entry = entries.filter((each) => each.epoch === name || each.file === basename(String(name))).at(-1)
    if (!entry) throw new ArgumentError(`CheckpointManager.pin: there is no checkpoint ${text(name)} in ${this.folder}`)
    setPin(this.folder, entry.file, pinned)
    entry.pinned = pinned
  }

  /**
   * Deletes what `keep` does not name, as each save does.
   * @param options - `dryRun`: only says what would go
   * @returns paths of the files that are gone
   */
  prune(options: { dryRun?: boolean } = {}): string[] {
    checkNames('CheckpointManager.prune', options, ['dryRun'])
    this.#begin('prune')
    this.#wait()
    const entries = this.#known()
    const stay = kept(entries, this.#settings.keep, this.#settings.best, this.#source)
    const gone = entries
      .filter((entry) => !stay.has(entry))
      .flatMap((entry) => mainFirst(entry).map((file) => join(this.folder, file)))
    if (options.dryRun || gone.length === 0) return gone
    this.#entries = entries.filter((entry) => stay.has(entry))
    this.#writeManifest(this.#entries)
    for (const path of gone) rmSync(path, { force: true })
    return gone
  }

  /** For those who only look: without the lock, and without what is on its way. */
  #current(): Entry[] {
    this.#job?.poll()
    return this.#entries && this.#lock ? this.#entries : scan(this.folder)
  }
  /** The entries, once the folder is ours. */
  #known(): Entry[] {
    return (this.#entries ??= scan(this.folder))
  }
  /** Takes the folder at the first call that may write to it. */
  #begin(what: string): void {
    if (this.#closed) throw new ArgumentError(`CheckpointManager.${what}: the manager was closed; make a new one`)
    this.#job?.poll()
    if (this.#lock || (!this.#settings.lock && this.#entries)) return
    makeFolder(this.folder)
    if (!this.#settings.lock) return
    this.#lock = new FolderLock(this.folder, this.#runId)
    sweep(this.folder)
    this.#entries = undefined
  }
  #wait(): void {
    try {
      this.#job?.wait()
    } catch {
      // kept as the failure that is told next
    }
  }
  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }
  #writeManifest(entries: Entry[]): void {
    const texts: AfterCommit['texts'] = [manifestOf(this.folder, entries, this.#settings.best, this.#runId)]
    const { commit, done } = native().startCommit([], { links: [], texts, remove: [] })
    done.catch(() => {})
    native().waitCommit(commit)
  }
}
