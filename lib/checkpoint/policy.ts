/** Which checkpoint is the latest, which is best, and which stay. Pure: of entries alone. */
import { comparePlace, type Entry } from './entry.js'
import type { Best, Every, Keep } from './options.js'

/** Those that training still stands on and that can be used. */
function alive(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => !entry.superseded && entry.damaged === undefined)
}

/**
 * Marks what was saved before something that is less far: training was taken up again there, and what had come after it is not part
 * of this run any more. What is marked already stays marked.
 */
export function markSuperseded(entries: readonly Entry[]): void {
  for (const entry of entries) {
    entry.superseded ||= entries.some(
      (other) => other.serial > entry.serial && other.damaged === undefined && comparePlace(other, entry) <= 0,
    )
  }
}

/** In the order of training. */
export function inOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => comparePlace(a, b) || a.serial - b.serial)
}

export function latestOf(entries: readonly Entry[]): Entry | undefined {
  return inOrder(alive(entries)).at(-1)
}

/** Whether a metric is strictly better than another; what is not a number never is. */
export function isBetter(value: number, than: number | undefined, mode: Best['mode']): boolean {
  if (Number.isNaN(value)) return false
  if (than === undefined || Number.isNaN(than)) return true
  return mode === 'min' ? value < than : value > than
}

/** Those with a metric, the best first; of equal ones the older comes first. */
export function ranked(entries: readonly Entry[], { metric, mode }: Best): Entry[] {
  const judged = inOrder(alive(entries)).filter((entry) => {
    const value = entry.metrics[metric]
    return value !== undefined && !Number.isNaN(value)
  })
  const metricOf = (entry: Entry): number => entry.metrics[metric]!
  return judged.sort((a, b) =>
    isBetter(metricOf(a), metricOf(b), mode) ? -1 : isBetter(metricOf(b), metricOf(a), mode) ? 1 : a.serial - b.serial,
  )
}

/** The entries that stay: the last ones, the best, those of every so many epochs, pinned and foreign ones, and `source`. */
export function kept(
  entries: readonly Entry[],
  keep: Keep,
  best: Best | undefined,
  source: string | undefined,
): Set<Entry> {
  const current = inOrder(alive(entries))
  const stay = new Set(current.slice(-(keep.last ?? 1)))
  if (best && keep.best) for (const entry of ranked(entries, best).slice(0, keep.best)) stay.add(entry)
  for (const entry of current) {
    if (keep.everyEpochs && entry.step === undefined && entry.epoch % keep.everyEpochs === 0) stay.add(entry)
  }
  for (const entry of entries) {
    // what is damaged may be of use to somebody, and takes nobody's place; what another program wrote is not ours to delete
    const others = entry.damaged !== undefined || entry.serial === 0
    if (entry.pinned || others || (source !== undefined && entry.saveId === source)) stay.add(entry)
  }
  return stay
}

/** Why {@link CheckpointManager.maybeSave} saved. */
export type Reason = 'epochs' | 'steps' | 'minutes' | 'signal'

/** Decides when it is time. */
export class Triggers {
  #epoch: number | undefined
  #step: number | undefined
  #stepsOf: number | undefined
  #since: number

  /** @param now - milliseconds of a clock that only goes on */
  constructor(
    private readonly every: Every,
    private readonly now: () => number,
  ) {
    this.#since = now()
  }

  /** Training goes on from here: what came before is not counted again. */
  startAt(epoch: number, step: number | undefined): void {
    this.#epoch = step === undefined ? epoch : epoch - 1
    this.#stepsOf = step === undefined ? undefined : epoch
    this.#step = step
    this.#since = this.now()
  }

  /** The clock begins anew. */
  saved(): void {
    this.#since = this.now()
  }

  /** Whether it is time, at the end of an epoch or after a step of it. */
  due(epoch: number, step: number | undefined): Reason | undefined {
    const { epochs, steps, minutes } = this.every
    let reason: Reason | undefined
    if (step === undefined) {
      if (epochs && passed(this.#epoch, epoch, epochs)) reason = 'epochs'
      this.#epoch = epoch
    } else {
      // steps are counted over the whole run, or anew in each epoch
      const goesOn = this.#step === undefined || step > this.#step || epoch === this.#stepsOf
      if (steps && passed(goesOn ? this.#step : 0, step, steps)) reason = 'steps'
      this.#step = step
      this.#stepsOf = epoch
    }
    if (!reason && minutes && this.now() - this.#since >= minutes * 60_000) reason = 'minutes'
    return reason
  }
}

/** Whether a multiple of `every` was reached since `before`. */
function passed(before: number | undefined, now: number, every: number): boolean {
  if (before === undefined) return now % every === 0
  return now > before && Math.floor(now / every) > Math.floor(before / every)
}
