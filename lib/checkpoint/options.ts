/** Options of {@link CheckpointManager}: their kinds, their short forms, and what is wrong with those given. */
import { constants } from 'node:os'
import { ArgumentError, nearest } from '../errors.js'

/** When {@link CheckpointManager.maybeSave} saves: any of these is enough. */
export interface Every {
  /** At the end of each epoch whose number is a multiple of this, > 0. */
  epochs?: number
  /** Within an epoch whenever `step` has passed a multiple of this, > 0. */
  steps?: number
  /** When this many minutes have passed since the last save, > 0; by a clock that nobody sets. */
  minutes?: number
}

/** Which checkpoints stay: all that one of these names, those that are pinned, and the one that was resumed from. */
export interface Keep {
  /** The last of them, > 0. */
  last?: number
  /** The best of them by {@link CheckpointManagerOptions.best}, ≥ 0. */
  best?: number
  /** Those at the end of each epoch whose number is a multiple of this, > 0. */
  everyEpochs?: number
}

/** The metric that says which checkpoint is best. */
export interface Best {
  /** Its name in `metrics`. */
  metric: string
  /** Whether smaller values are better, or larger ones. */
  mode: 'min' | 'max'
}

/** Options of {@link CheckpointManager}. */
export interface CheckpointManagerOptions {
  /** When `maybeSave` saves (default: at the end of each epoch); a number means epochs. */
  every?: number | Every
  /** Which checkpoints stay (default: the last 3, and the best one where `best` is given); a number means the last ones. */
  keep?: number | Keep
  /** The metric to judge by. Each save at the end of an epoch then needs it. */
  best?: Best
  /** `'split'` puts the model and the optimizers into files of their own (default `'single'`). */
  layout?: 'single' | 'split'
  /** Signals that make `maybeSave` save and ask for an end: names, or true for SIGTERM and SIGINT (default: none). */
  signals?: boolean | readonly string[]
  /** Whether only one process at a time may write to the folder (default true). */
  lock?: boolean
  /** `'crc'` compares every byte with its checksum before resuming, `'structure'` only reads the file (default `'crc'`). */
  verify?: 'crc' | 'structure'
  /** How often a save is tried again after an error that may pass, ≥ 0 (default 3). */
  retries?: number
  /** `'error'` refuses a folder that already has checkpoints (default `'resume'`). */
  existing?: 'resume' | 'error'
}

/** The same with nothing left open. */
export interface Settings {
  every: Every
  keep: Required<Pick<Keep, 'last' | 'best'>> & Keep
  best: Best | undefined
  split: boolean
  signals: number[]
  lock: boolean
  verify: 'crc' | 'structure'
  retries: number
}

const names = ['every', 'keep', 'best', 'layout', 'signals', 'lock', 'verify', 'retries', 'existing']

/** Refuses options that `owner` does not have, naming the nearest one that it has. */
export function checkNames(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new ArgumentError(`${owner}: expected an object with ${known.join(', ')}, received ${text(options)}`)
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw new ArgumentError(
      `${owner}: unknown option '${key}'${near ? `; did you mean '${near}'?` : `; it has ${known.join(', ')}`}`,
    )
  }
}

export function text(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : Array.isArray(value)
      ? `[${value.map(text).join(', ')}]`
      : String(value)
}

function wrong(option: string, wanted: string, value: unknown, known: readonly unknown[] = []): never {
  const texts = known.filter((each) => typeof each === 'string')
  const near = typeof value === 'string' ? nearest(value, texts) : undefined
  throw new ArgumentError(
    `CheckpointManager: ${option} should be ${wanted}, but is ${text(value)}${near ? `; did you mean '${near}'?` : ''}`,
  )
}

function whole(option: string, value: unknown, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= least)) return
  wrong(option, least === 0 ? 'a whole number ≥ 0' : `a whole number ≥ ${least}`, value)
}

function oneOf(option: string, value: unknown, known: readonly unknown[]): void {
  if (value === undefined || known.includes(value)) return
  wrong(option, known.map(text).join(' or '), value, known)
}

/** Checks options and fills in what was left out. @throws {@link ArgumentError} */
export function readOptions(options: CheckpointManagerOptions): Settings {
  checkNames('CheckpointManager', options, names)
  const every = typeof options.every === 'number' ? { epochs: options.every } : (options.every ?? { epochs: 1 })
  checkNames('CheckpointManager: every', every, ['epochs', 'steps', 'minutes'])
  whole('every.epochs', every.epochs, 1)
  whole('every.steps', every.steps, 1)
  if (every.minutes !== undefined && !(typeof every.minutes === 'number' && every.minutes > 0))
    wrong('every.minutes', 'a number > 0', every.minutes)
  const { best } = options
  if (best !== undefined) checkBest(best)
  const keep = typeof options.keep === 'number' ? { last: options.keep } : (options.keep ?? {})
  checkNames('CheckpointManager: keep', keep, ['last', 'best', 'everyEpochs'])
  whole('keep.last', keep.last, 1)
  whole('keep.best', keep.best, 0)
  whole('keep.everyEpochs', keep.everyEpochs, 1)
  if (keep.best && !best)
    throw new ArgumentError(
      `CheckpointManager: keep.best needs to know what is best; add best: { metric: 'loss', mode: 'min' }`,
    )
  oneOf('layout', options.layout, ['single', 'split'])
  oneOf('lock', options.lock, [true, false])
  oneOf('verify', options.verify, ['crc', 'structure'])
  oneOf('existing', options.existing, ['resume', 'error'])
  whole('retries', options.retries, 0)
  return {
    every,
    keep: { ...keep, last: keep.last ?? (options.keep === undefined ? 3 : 1), best: keep.best ?? (best ? 1 : 0) },
    best,
    split: options.layout === 'split',
    signals: signalNumbers(options.signals),
    lock: options.lock ?? true,
    verify: options.verify ?? 'crc',
    retries: options.retries ?? 3,
  }
}

function checkBest(best: Best): void {
  checkNames('CheckpointManager: best', best, ['metric', 'mode'])
  if (typeof best.metric !== 'string' || best.metric === '') wrong('best.metric', 'the name of a metric', best.metric)
  if (best.mode === undefined)
    throw new ArgumentError(
      `CheckpointManager: best needs mode: 'min' for a metric like a loss, 'max' for one like an accuracy`,
    )
  oneOf('best.mode', best.mode, ['min', 'max'])
}

/** The numbers of signals by their names. */
function signalNumbers(signals: CheckpointManagerOptions['signals']): number[] {
  if (signals === undefined || signals === false) return []
  const wanted = signals === true ? ['SIGTERM', 'SIGINT'] : signals
  if (!Array.isArray(wanted)) wrong('signals', `true or names such as ['SIGTERM']`, signals)
  const known = constants.signals as Record<string, number>
  return [...new Set(wanted as string[])].map((name) => {
    if (name === 'SIGUSR1')
      throw new ArgumentError(`CheckpointManager: SIGUSR1 starts Node's inspector; use SIGUSR2 instead`)
    if (['SIGKILL', 'SIGSTOP'].includes(name)) throw new ArgumentError(`CheckpointManager: no program can see ${name}`)
    const number = typeof name === 'string' && Object.hasOwn(known, name) ? known[name] : undefined
    return number ?? wrong('signals', `names of signals such as 'SIGTERM'`, name, Object.keys(known))
  })
}
