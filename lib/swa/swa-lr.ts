/** Source: torch/optim/swa_utils.py, SWALR, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { LRScheduler, type StateKey } from '../lr-scheduler/scheduler.js'
import { takeArguments } from '../nn/arguments.js'
import type { Optimizer } from '../optim/optimizer.js'
import { keep } from '../optim/values.js'
import { Tensor } from '../tensor/tensor.js'

type Rate = number | Tensor

/** Options of {@link SWALR}. */
export interface SWALROptions {
  /** the final rate, of all groups or of each */
  swaLr?: Rate | readonly Rate[]
  /** epochs until it is reached (default `10`) */
  annealEpochs?: number
  /** the way to it (default `'cos'`) */
  annealStrategy?: 'cos' | 'linear'
  /** epoch of the last step; -1 starts from the beginning (default `-1`) */
  lastEpoch?: number
}
const names = ['swaLr', 'annealEpochs', 'annealStrategy', 'lastEpoch']

const ownKeys: StateKey[] = [
  { inFile: '_anneal_strategy', here: '_annealStrategy', float: false },
  { inFile: 'anneal_epochs', here: 'annealEpochs', float: false },
]

/**
 * Moves the learning rate of every group to a constant one, for the part of a training run whose weights are averaged.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.swa_utils.SWALR.html
 */
export class SWALR extends LRScheduler {
  declare annealEpochs: number
  declare _annealStrategy: 'cos' | 'linear'

  constructor(optimizer: Optimizer<any>, options: SWALROptions & { swaLr: Rate | readonly Rate[] })
  constructor(optimizer: Optimizer<any>, swaLr: Rate | readonly Rate[], options?: SWALROptions)
  constructor(
    optimizer: Optimizer<any>,
    swaLr: Rate | readonly Rate[],
    annealEpochs?: number,
    annealStrategy?: 'cos' | 'linear',
    lastEpoch?: number,
    options?: SWALROptions,
  )
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const values = takeArguments('SWALR', names, args)
    const [swaLr, annealEpochs = 10, annealStrategy = 'cos', lastEpoch = -1] = values as [
      (Rate | Rate[])?,
      number?,
      string?,
      number?,
    ]
    if (swaLr === undefined) throw new ArgumentError('SWALR: swaLr is missing: the final rate')
    setFinalRates(optimizer, swaLr)
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ArgumentError(`anneal_strategy must be one of 'cos' or 'linear', instead got ${annealStrategy}`)
    }
    if (!Number.isInteger(annealEpochs) || annealEpochs < 0) {
      throw new ArgumentError(`anneal_epochs must be equal or greater than 0, got ${annealEpochs}`)
    }
    super(optimizer, lastEpoch, { annealEpochs, _annealStrategy: annealStrategy })
  }

  protected override get ownState(): readonly StateKey[] {
    return ownKeys
  }

  override getLr(): Rate[] {
    this.warnOutsideStep()
    const { annealEpochs } = this
    const step = annealEpochs === 0 ? Math.max(1, this._stepCount - 1) : this._stepCount - 1
    const before = this.alpha(step - 1)
    const alpha = this.alpha(step)
    return this.optimizer.paramGroups.map((group) => {
      const final = group.swaLr as Rate
      // the rate that the way began with, from the present one: that may have been changed
      const start = before === 1 ? final : divide(subtract(group.lr as Rate, multiply(final, before)), 1 - before)
      return add(multiply(final, alpha), multiply(start, 1 - alpha))
    })
  }

  /** Share of the final rate after a number of steps. */
  private alpha(steps: number): number {
    const t = Math.max(0, Math.min(1, steps / Math.max(1, this.annealEpochs)))
    return this._annealStrategy === 'cos' ? native().swaCosine(t) : t
  }
}

function setFinalRates(optimizer: Optimizer<any>, swaLr: Rate | readonly Rate[]): void {
  const groups = optimizer.paramGroups
  const rates = Array.isArray(swaLr) ? (swaLr as Rate[]) : groups.map(() => swaLr as Rate)
  if (rates.length !== groups.length) {
    throw new ArgumentError(
      'swa_lr must have the same length as optimizer.param_groups. ' +
        `swa_lr has ${rates.length} values, param_groups has ${groups.length}.`,
    )
  }
  for (const [i, group] of groups.entries()) {
    const rate = rates[i]!
    keep(group, 'swaLr', rate instanceof Tensor ? rate.clone() : rate)
  }
}

// Rates are numbers or tensors; tensors round to their dtype after each operation, as in Python.

function multiply(a: Rate, b: number): Rate {
  return a instanceof Tensor ? a.mul(b) : a * b
}
function divide(a: Rate, b: number): Rate {
  return a instanceof Tensor ? a.div(b) : a / b
}
function add(a: Rate, b: Rate): Rate {
  if (a instanceof Tensor) return a.add(b as Tensor)
  return b instanceof Tensor ? b.add(a) : a + b
}
function subtract(a: Rate, b: Rate): Rate {
  if (a instanceof Tensor) return a.sub(b as Tensor)
  return b instanceof Tensor ? b.neg().add(a) : a - b
}
