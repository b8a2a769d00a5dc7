import { ArgumentError } from '../errors.js'
import { Optimizer, tracking } from '../optim/optimizer.js'
import { type Dict, isFloat, keep, pack } from '../optim/values.js'
import { describe } from '../tensor/operator.js'
import { isFloatSlot, markFloats } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'

export type Rate = number | Tensor

/** How an entry of the state dict is called in files and here, and whether whole numbers in it are Python's floats. */
export interface StateKey {
  inFile: string
  here: string
  float: boolean
}

export const baseKeys: readonly StateKey[] = [
  { inFile: 'base_lrs', here: 'baseLrs', float: true },
  { inFile: 'last_epoch', here: 'lastEpoch', float: false },
  { inFile: '_step_count', here: '_stepCount', float: false },
  { inFile: '_is_initial', here: '_isInitial', float: false },
  { inFile: '_get_lr_called_within_step', here: '_getLrCalledWithinStep', float: false },
  { inFile: '_last_lr', here: '_lastLr', float: true },
]

const howTo = 'https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate'

export function warn(text: string): void {
  process.emitWarning(text, 'UserWarning')
}

/** Python also says this once, and not for each step of a loop. */
let warnedOfEpoch = false

export function warnOfEpoch(): void {
  if (warnedOfEpoch) return
  warnedOfEpoch = true
  warn(
    'The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use ' +
      '`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed form ' +
      'is used instead of the new chainable form, where available. Please open an issue if you are unable to replicate your ' +
      'use case: https://github.com/pytorch/pytorch/issues/new/choose.',
  )
}

export function copyRate(rate: Rate): Rate {
  return rate instanceof Tensor ? rate.detach().clone() : rate
}

/** Writes a rate or a momentum to a group; a tensor stays the same one. */
export function setOption(group: Dict, key: string, value: Rate): void {
  const present = group[key]
  if (present instanceof Tensor) present.detach().fill_(rateOf(value))
  else group[key] = value
}

/** Whether arithmetic with a rate is that of a float32 tensor, which rounds after each operation. */
export function isSingle(rate: Rate): boolean {
  return rate instanceof Tensor && rate.dtype === 'float32'
}

/** The number of a rate. */
export function rateOf(rate: Rate): number {
  return rate instanceof Tensor ? Number(rate.item()) : Number(rate)
}

/**
 * Base class of all learning-rate schedulers: counts epochs, writes to the optimizer's groups, and has state dicts in Python's
 * layout. A subclass of your own implements {@link LRScheduler.getLr}; it sets its fields in {@link LRScheduler.prepare} if
 * `getLr` needs them, as the constructor already takes the first step.
 *
 * Make schedulers before the optimizer's state is loaded: they write the first rates of their schedule to its groups.
 * @see https://docs.pytorch.org/docs/2.13/optim.html#how-to-adjust-learning-rate
 */
export abstract class LRScheduler {
  readonly optimizer: Optimizer<any>
  /** The rates at the start, one for each group. */
  declare baseLrs: Rate[]
  /** Epoch of the last step, 0 after construction. May be set, as `scheduler.lastEpoch = startEpoch - 1`. */
  declare lastEpoch: number
  /** How often {@link LRScheduler.step} ran, 1 after construction. */
  _stepCount = 0
  _isInitial = false
  _getLrCalledWithinStep = false
  _lastLr: Rate[] = []
  #extras = new Map<string, unknown>()

  /** @param lastEpoch - −1 starts the schedule; else the groups need the `initialLr` of the run that is continued */
  constructor(optimizer: Optimizer<any>, lastEpoch = -1, prepared?: Dict) {
    if (!(optimizer instanceof Optimizer)) throw new ArgumentError(`${describe(optimizer)} is not an Optimizer`)
    this.optimizer = optimizer
    for (const [key, value] of Object.entries(prepared ?? {})) keep(this, key, value)
    this.prepare()
    this.begin(lastEpoch)
  }

  /** What the constructor does with the groups: notes their first rates, and takes the first step. */
  protected begin(lastEpoch: number): void {
    const { optimizer } = this
    for (const [i, group] of optimizer.paramGroups.entries()) {
      if ('initialLr' in group) continue
      if (lastEpoch !== -1) {
        throw new ArgumentError(
          `param 'initial_lr' is not specified in param_groups[${i}] when resuming scheduler with last_epoch >= 0.\n` +
            "Load the optimizer's state first, or start the schedule with lastEpoch: -1 and set scheduler.lastEpoch after that",
        )
      }
      const float = optimizer.isFloatOption(group, 'lr')
      keep(group, 'initialLr', copyRate(group.lr as Rate), { dict: float ? markFloats({}, ['lr']) : {}, key: 'lr' })
    }
    this.baseLrs = optimizer.paramGroups.map((group) => copyRate(group.initialLr as Rate))
    this.#markRates('baseLrs', 'initialLr')
    this.lastEpoch = lastEpoch
    optimizer[tracking] ??= { called: false, step: optimizer.step }
    this.initialStep()
  }

  /** @internal */
  initialStep(): void {
    this._stepCount = 0
    this._isInitial = true
    try {
      this.step()
    } finally {
      this._isInitial = false
    }
  }

  /** Runs first in the constructor. */
  protected prepare(): void {}

  /** The rate of every group for {@link LRScheduler.lastEpoch}, computed from the present ones. For the rates in use see {@link LRScheduler.getLastLr}. */
  abstract getLr(): Rate[]

  /** The rates for {@link LRScheduler.lastEpoch} from {@link LRScheduler.baseLrs}; undefined where there is no such formula. */
  protected getClosedFormLr(): Rate[] | undefined {
    return undefined
  }

  /** Warns a user who calls `getLr()` for the present rates. */
  protected warnOutsideStep(): void {
    if (this._getLrCalledWithinStep) return
    warn('To get the last learning rate computed by the scheduler, please use `get_last_lr()`.')
  }

  /** The rates that were set last, one for each group. */
  getLastLr(): Rate[] {
    return this._lastLr
  }

  /**
   * Goes to the next epoch, or to a given one. Call it after the optimizer's `step()`.
   * @param epoch - deprecated in PyTorch; goes to that epoch by the closed form where there is one
   */
  step(epoch?: number): void {
    if (this._stepCount === 1) this.#checkOrder()
    this._stepCount++
    if (epoch !== undefined) warnOfEpoch()
    this.updateLr(epoch)
  }

  #checkOrder(): void {
    const seen = this.optimizer[tracking]!
    if (this.optimizer.step !== seen.step) {
      warn(
        'Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure to ' +
          `call \`optimizer.step()\` before \`lr_scheduler.step()\`. See more details at ${howTo}`,
      )
    } else if (!seen.called) {
      warn(
        'Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them in ' +
          'the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in PyTorch ' +
          `skipping the first value of the learning rate schedule. See more details at ${howTo}`,
      )
    }
  }

  /** Moves to an epoch and writes its rates to the groups. @internal */
  updateLr(epoch?: number): void {
    this._getLrCalledWithinStep = true
    let rates: Rate[]
    try {
      this.lastEpoch = epoch ?? this.lastEpoch + 1
      rates = (epoch === undefined ? undefined : this.getClosedFormLr()) ?? this.getLr()
    } finally {
      this._getLrCalledWithinStep = false
    }
    this.setRates(rates)
  }

  /** Writes rates to the groups. */
  protected setRates(rates: Rate[]): void {
    const { paramGroups } = this.optimizer
    if (rates.length !== paramGroups.length) {
      throw new ArgumentError(
        `${this.constructor.name}: ${rates.length} learning rates for ${paramGroups.length} parameter groups`,
      )
    }
    for (const [i, group] of paramGroups.entries()) setOption(group, 'lr', rates[i]!)
    this.noteRates()
  }

  /** Notes the present rates of the groups as the last ones. */
  protected noteRates(): void {
    this._lastLr = this.optimizer.paramGroups.map((group) => copyRate(group.lr as Rate))
    this.#markRates('_lastLr', 'lr')
  }

  #markRates(list: 'baseLrs' | '_lastLr', key: string): void {
    const { paramGroups } = this.optimizer
    const floats = paramGroups.flatMap((group, i) => (this.optimizer.isFloatOption(group, key) ? [i] : []))
    markFloats(this[list], floats)
  }

  /** Entries of the state dict before those of every scheduler. */
  protected get ownState(): readonly StateKey[] {
    return []
  }

  /** All entries of the state dict in Python's order. */
  protected get stateKeys(): readonly StateKey[] {
    return [...this.ownState, ...baseKeys]
  }

  /** Everything but the optimizer, under Python's names and in its order. */
  stateDict(): Dict {
    const dict: Dict = Object.create(null)
    for (const { inFile, here, float } of this.stateKeys) {
      const value = (this as unknown as Dict)[here]
      if (value === undefined) continue
      if (Array.isArray(value)) dict[inFile] = copyList(value)
      else pack(dict, inFile, value, isFloat(this, here, float))
    }
    for (const [key, value] of this.#extras) dict[key] = value
    return dict
  }

  /** Loads what {@link LRScheduler.stateDict} or Python gave. Sets no learning rates: those are in the optimizer's state. */
  loadStateDict(stateDict: object): void {
    const known = new Map(this.stateKeys.map((key) => [key.inFile, key]))
    for (const [key, value] of stateDict instanceof Map ? stateDict : Object.entries(stateDict)) {
      const here = known.get(key)?.here
      if (here === undefined) this.#extras.set(key, value)
      else if (Array.isArray(value)) (this as unknown as Dict)[here] = copyList(value)
      else keep(this, here, value, { dict: stateDict, key })
    }
  }
}

function copyList(list: unknown[]): unknown[] {
  const copy = list.map((item) => (item instanceof Tensor ? item.detach().clone() : item))
  return markFloats(
    copy,
    [...list.keys()].filter((i) => isFloatSlot(list, i)),
  )
}
