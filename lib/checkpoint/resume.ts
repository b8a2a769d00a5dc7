/** Puts a checkpoint into the objects of a program: all of it is compared first, and then restored in the one order that is right. */
import { basename, dirname, join } from 'node:path'
import { ArgumentError, CheckpointError } from '../errors.js'
import { LRScheduler } from '../lr-scheduler/scheduler.js'
import { loadSync } from '../serialize/load.js'
import { Tensor } from '../tensor/tensor.js'
import { groupNames, type Notes } from './contents.js'
import { type Entry, nameOf, readName } from './entry.js'
import { alignOptimizer, isDict, moduleProblems, schedulerProblems } from './fit.js'
import { type Objects, type Stateful, stateKey } from './objects.js'
import { text } from './options.js'
import { type RngState, restoreRng, rngProblems } from './rng.js'

type Dict = Record<string, unknown>

/** What a checkpoint gave. */
export interface Resumed {
  /** Epoch of the checkpoint. */
  epoch: number
  /** Steps of that epoch that were done, where it was not over; else undefined. */
  step: number | undefined
  /** The epoch to go on with: the one after, or the same where it was not over. */
  nextEpoch: number
  /** Plain values of the checkpoint, by their keys. */
  extras: Record<string, any>
  metrics: Record<string, number>
  /** Path of the file. */
  path: string
  /** Names of what was restored, in that order. */
  restored: string[]
  /** What the file has and nobody asked for, and what was asked for and the file does not have: random states, a loader's place. */
  notRestored: string[]
  /** Newer checkpoints that are damaged, and why. */
  skipped: { path: string; reason: string }[]
  /** Whether training goes on as if it had never stopped. */
  exact: boolean
}

/** A learning rate for all groups, for each, or made from the present one. */
export type LrOverride = number | readonly number[] | ((lr: number, group: number) => number)

/** Other keys under which Python programs keep what is asked for. */
const aliases: Record<string, string[]> = {
  model: ['model', 'state_dict', 'net'],
  scheduler: ['scheduler', 'lr_scheduler_state_dict', 'lr_scheduler', 'lr_schedule'],
}

/** A checkpoint in memory, on the CPU. */
export class Loaded {
  readonly #used = new Set(['epoch', 'step', 'metrics', 'rng', 'checkpoint_manager'])
  readonly #main: Dict
  readonly notes: Partial<Notes>
  readonly epoch: number
  readonly step: number | undefined
  readonly metrics: Record<string, number>

  /** Reads all files of a save. @throws {@link CheckpointError} */
  constructor(
    readonly path: string,
    entry: Entry | undefined,
  ) {
    const main: unknown = loadSync(path, { mapLocation: 'cpu' })
    if (!isDict(main)) throw mismatch(path, ['it has no keys: the file is no checkpoint with an epoch'])
    this.#main = main instanceof Map ? Object.fromEntries(main) : main
    this.notes = isDict(this.#main.checkpoint_manager) ? (this.#main.checkpoint_manager as Partial<Notes>) : {}
    const named = readName(basename(path))
    const epoch = this.#main.epoch ?? named?.epoch
    if (!Number.isSafeInteger(epoch))
      throw mismatch(path, [`its 'epoch' is ${String(epoch)}, which is no whole number`])
    this.epoch = epoch as number
    const inEpoch = this.notes.in_epoch ?? named?.step !== undefined
    this.step = inEpoch ? ((this.#main.step ?? named?.step) as number) : undefined
    this.metrics = isDict(this.#main.metrics) ? (this.#main.metrics as Record<string, number>) : {}
    for (const file of entry?.files ?? []) this.#addPart(file)
  }

  #addPart(file: string): void {
    const suffix = nameOf('', this.epoch, this.step)
    if (file === basename(this.path) || !file.endsWith(suffix)) return
    const name = file.slice(0, -suffix.length)
    this.#main[stateKey(name)] = loadSync(join(dirname(this.path), file), { mapLocation: 'cpu' })
  }

  get rng(): RngState | undefined {
    return isDict(this.#main.rng) ? (this.#main.rng as RngState) : undefined
  }

  /** The state of an object; undefined where there is none. */
  take(name: string): unknown {
    for (const key of [stateKey(name), ...(aliases[name] ?? [name])]) {
      const value = this.#main[key]
      if (value === undefined || value === null || (typeof value !== 'object' && !(value instanceof Map))) continue
      this.#used.add(key)
      return value
    }
    return undefined
  }

  /** What is left: plain values, and the names of objects whose state nobody took. */
  rest(): { extras: Dict; states: string[] } {
    const extras: Dict = Object.create(null)
    const states: string[] = []
    for (const [key, value] of Object.entries(this.#main)) {
      if (this.#used.has(key)) continue
      if (key.endsWith('_state_dict') && isDict(value)) states.push(key.slice(0, -'_state_dict'.length))
      else extras[key] = value
    }
    return { extras, states }
  }
}

function mismatch(path: string, problems: string[], cause?: unknown): CheckpointError {
  return new CheckpointError(
    'ERR_CHECKPOINT_MISMATCH',
    `${path} does not fit what it is to be restored into; nothing was changed:\n  ${problems.join('\n  ')}`,
    { file: path, ...(cause !== undefined && { cause }) },
  )
}

/**
 * Restores a checkpoint: freezing and groups, modules, optimizers, schedulers, other objects, the learning rate, the loader's place,
 * random states. Nothing is changed when something does not fit.
 */
export function restore(loaded: Loaded, objects: Objects, lr: LrOverride | undefined): Omit<Resumed, 'skipped'> {
  const { path, notes } = loaded
  const problems: string[] = []
  const steps: [name: string, run: () => void][] = []
  const names = objects.parameterNames()
  const take = (name: string): unknown => {
    const state = loaded.take(name)
    if (state === undefined)
      problems.push(`${name}: the file has no '${stateKey(name)}'; leave '${name}' out of resume() to start it anew`)
    return state
  }
  const plain = (name: string, object: Stateful): void => {
    const state = take(name)
    steps.push([name, () => object.loadStateDict(state)])
  }

  for (const [name, plan] of objects.plans) plain(name, plan)
  for (const [name, module] of objects.modules) {
    const state = take(name)
    if (state !== undefined) problems.push(...moduleProblems(name, module, state))
    const frozen = notes.frozen?.[name]
    if (Array.isArray(frozen)) steps.push(['', () => setFrozen(module.namedParameters(), new Set(frozen))])
    steps.push([name, () => module.loadStateDict(state as Record<string, Tensor>)])
  }
  for (const [name, optimizer] of objects.optimizers) {
    const state = take(name)
    if (state === undefined) continue
    const align = () =>
      alignOptimizer(name, optimizer, state, notes.parameter_names?.[name], groupNames(optimizer, names))
    if (objects.plans.size > 0) {
      // its groups are what the plan makes of them, and can be looked at only then
      steps.push([name, () => optimizer.loadStateDict(fitting(path, align()))])
      continue
    }
    const { state: aligned, problems: found } = align()
    problems.push(...found)
    steps.push([name, () => optimizer.loadStateDict(aligned!)])
  }
  for (const [name, scheduler] of objects.schedulers) {
    const state = take(name)
    if (state === undefined) continue
    problems.push(...schedulerProblems(name, scheduler, state))
    steps.push([name, () => scheduler.loadStateDict(state)])
  }
  for (const [name, object] of objects.states) plain(name, object)
  if (lr !== undefined) {
    checkLr(objects, lr)
    steps.push(['', () => overrideLr(objects, lr)])
  }
  const notRestored: string[] = []
  for (const [name, loader] of objects.loaders) {
    const state = loaded.take(name)
    if (state !== undefined) steps.push([name, () => loader.loadStateDict(state)])
    else if (loaded.step !== undefined) notRestored.push(name)
  }
  const { rng } = loaded
  if (rng) problems.push(...rngProblems(rng, objects.generators))
  if (problems.length > 0) throw mismatch(path, problems)
  tryOut(loaded, objects)

  const restored: string[] = []
  for (const [name, run] of steps) {
    run()
    if (name !== '') restored.push(name)
  }
  if (rng) {
    notRestored.push(...restoreRng(rng, objects.generators))
    restored.push('rng')
  } else notRestored.push('rng')
  const { extras, states } = loaded.rest()
  notRestored.push(...states)
  const inEpoch = loaded.step !== undefined
  if (inEpoch && objects.loaders.size === 0 && !states.includes('loader')) notRestored.push('loader')
  return {
    epoch: loaded.epoch,
    step: loaded.step,
    nextEpoch: inEpoch ? loaded.epoch : loaded.epoch + 1,
    extras,
    metrics: loaded.metrics,
    path,
    restored,
    notRestored,
    exact: notRestored.length === 0 && lr === undefined,
  }
}

/**
 * What only the objects themselves know: whether they take their state. They are asked before anything else is changed, and what took
 * its state gets the one before back when another one refuses.
 */
function tryOut(loaded: Loaded, { states, loaders }: Objects): void {
  const undo: (() => void)[] = []
  for (const [name, object] of [...states, ...loaders]) {
    const state = loaded.take(name)
    if (state === undefined) continue
    const before = object.stateDict()
    try {
      object.loadStateDict(state)
    } catch (cause) {
      for (const each of undo.reverse()) each()
      throw mismatch(loaded.path, [`${name}: ${(cause as Error).message}`], cause)
    }
    undo.push(() => object.loadStateDict(before))
  }
}

function fitting(path: string, { state, problems }: { state?: object; problems: string[] }): object {
  if (problems.length > 0 || !state) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_MISMATCH',
      `${path} does not fit the optimizer after its groups were made anew; the model is restored, the optimizer is not:\n  ${problems.join('\n  ')}`,
      { file: path },
    )
  }
  return state
}

/** What took no gradient when it was saved takes none now, and the other way round. */
function setFrozen(parameters: [string, Tensor][], frozen: ReadonlySet<string>): void {
  for (const [name, parameter] of parameters) {
    if (parameter.requiresGrad !== frozen.has(name)) continue
    parameter.requiresGrad = !frozen.has(name)
    // a stale gradient would keep momentum and decay going
    if (frozen.has(name)) parameter.grad = null
  }
}

/** @throws {@link ArgumentError} */
function checkLr({ optimizers }: Objects, lr: LrOverride): void {
  if (optimizers.size === 0)
    throw new ArgumentError('CheckpointManager.resume: lr is for an optimizer, and none is given')
  if (typeof lr === 'function') return
  const rates = Array.isArray(lr) ? lr : [lr]
  const fits =
    !Array.isArray(lr) || [...optimizers.values()].every(({ paramGroups }) => paramGroups.length === lr.length)
  if (!fits || !rates.every((rate) => typeof rate === 'number' && rate >= 0))
    throw new ArgumentError(
      `CheckpointManager.resume: lr should be a number ≥ 0, an array of one for each group, or a function, but is ${text(lr)}`,
    )
}

/** Sets the learning rates, and the first rates of schedules in proportion, so that schedulers go on from the new ones. */
function overrideLr({ optimizers, schedulers }: Objects, lr: LrOverride): void {
  for (const optimizer of optimizers.values()) {
    const factors = optimizer.paramGroups.map((group, i) => {
      const before = group.lr instanceof Tensor ? Number(group.lr.item()) : Number(group.lr)
      const wanted = typeof lr === 'function' ? lr(before, i) : typeof lr === 'number' ? lr : lr[i]
      if (typeof wanted !== 'number' || !(wanted >= 0))
        throw new ArgumentError(
          `CheckpointManager.resume: lr gives ${text(wanted)} for group ${i}, and not a number ≥ 0`,
        )
      if (group.lr instanceof Tensor) group.lr.detach().fill_(wanted)
      else group.lr = wanted
      return { wanted, factor: before > 0 ? wanted / before : undefined }
    })
    const scaled = (rate: unknown, i: number): unknown => {
      const { wanted, factor } = factors[i]!
      if (rate instanceof Tensor) return rate.mul(factor ?? 1)
      return factor === undefined ? wanted : Number(rate) * factor
    }
    for (const [i, group] of optimizer.paramGroups.entries())
      if ('initialLr' in group) (group as Dict).initialLr = scaled(group.initialLr, i)
    for (const scheduler of schedulers.values()) {
      if (!(scheduler instanceof LRScheduler) || scheduler.optimizer !== optimizer) continue
      if (scheduler.baseLrs)
        for (const [i, rate] of scheduler.baseLrs.entries()) scheduler.baseLrs[i] = scaled(rate, i) as number
      for (const [i, { wanted }] of factors.entries()) scheduler._lastLr[i] = wanted
    }
  }
}
