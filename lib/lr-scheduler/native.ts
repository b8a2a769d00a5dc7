/** The part of the addon's contract that is native/lr_scheduler: arithmetic, in C doubles. */
import type { OptionRow } from '../../binding.js'

export interface SchedulerRow {
  name: string
  doc: string
  /** In Python's order after the optimizer; all may be positional. */
  options: OptionRow[]
  /** Keys of the state dict in Python's order. */
  state: string[]
  /** Whether `step(epoch)` has a formula of its own. */
  hasClosedForm: boolean
}

export interface SchedulerBinding {
  schedulers(): SchedulerRow[]
  /** Refuses wrong options of a new scheduler. `options` are the values of `SchedulerRow.options`, in that order. */
  checkScheduler(name: string, options: unknown[]): void
  /** The C library's functions, which Python has; V8's differ in the last bit. */
  schedulerMath(name: 'cos' | 'log' | 'pow', a: number, b?: number): number
  /**
   * The learning rates of all groups, in C doubles: the recursive ("chainable") form from their present rates, or with
   * `closedForm` that from the start where there is one. `options` are the values of `SchedulerRow.options`, in that order.
   */
  schedulerRates(
    name: string,
    options: unknown[],
    at: { epoch: number; stepCount: number; initial: boolean },
    closedForm: boolean,
    lrs: number[],
    baseLrs: number[],
    single: boolean[],
  ): number[]
  /** SWALR's share of the final rate after the part `t` of its epochs, by half a cosine. */
  swaCosine(t: number): number
}
