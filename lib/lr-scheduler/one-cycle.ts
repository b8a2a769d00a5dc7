/** torch.optim.lr_scheduler.OneCycleLR. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { camelCase } from '../tensor/names.js'
import { describe } from '../tensor/operator.js'
import { markFloats } from '../tensor/python-values.js'
import { divide, forGroups, readAll, setMomentum, startMomentum, usesBeta1 } from './arguments.js'
import { LRScheduler, rateOf, type StateKey } from './scheduler.js'

/** Options of {@link OneCycleLR}. */
export interface OneCycleLROptions {
  /** highest rate, of all groups or of each */
  maxLr?: number | number[]
  /** steps of the cycle; or give `epochs` and `stepsPerEpoch` */
  totalSteps?: number | null
  epochs?: number | null
  stepsPerEpoch?: number | null
  /** share of the cycle in which the rate rises (default `0.3`) */
  pctStart?: number
  /** form of the curve (default `'cos'`) */
  annealStrategy?: 'cos' | 'linear'
  /** whether momentum moves against the rate (default `true`) */
  cycleMomentum?: boolean
  /** lowest momentum (default `0.85`) */
  baseMomentum?: number | number[]
  /** highest momentum (default `0.95`) */
  maxMomentum?: number | number[]
  /** the first rate is `maxLr` divided by this (default `25`) */
  divFactor?: number
  /** the last rate is the first divided by this (default `1e4`) */
  finalDivFactor?: number
  /** whether the rate falls as it rose before the last phase (default `false`) */
  threePhase?: boolean
  lastEpoch?: number
}

/** One phase, with Python's names: it is data of the state dict. */
interface Phase {
  end_step: number
  start_lr: string
  end_lr: string
  start_momentum: string
  end_momentum: string
}

const phase = (end_step: number, start: string, end: string, from: string, to: string): Phase => ({
  end_step,
  start_lr: start,
  end_lr: end,
  start_momentum: from,
  end_momentum: to,
})

/**
 * Lets the learning rates rise to `maxLr` and fall to almost nothing within one cycle; to be stepped after every batch.
 * @param optimizer - whose groups get the rates, and momentum
 * @param maxLr - highest rate, of all groups or of each
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.OneCycleLR.html
 */
export class OneCycleLR extends LRScheduler {
  declare totalSteps: number
  declare cycleMomentum: boolean
  declare useBeta1?: boolean
  declare _schedulePhases: Phase[]
  declare _annealFuncType: 'cos' | 'linear'

  constructor(optimizer: Optimizer<any>, options: OneCycleLROptions & { maxLr: number | number[] })
  constructor(optimizer: Optimizer<any>, maxLr: number | number[], options?: OneCycleLROptions)
  constructor(
    optimizer: Optimizer<any>,
    maxLr: number | number[],
    totalSteps: number | null,
    options?: OneCycleLROptions,
  )
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const given = readAll(
      'OneCycleLR',
      [
        ['max_lr'],
        ['total_steps', null],
        ['epochs', null],
        ['steps_per_epoch', null],
        ['pct_start', 0.3],
        ['anneal_strategy', 'cos'],
        ['cycle_momentum', true],
        ['base_momentum', 0.85],
        ['max_momentum', 0.95],
        ['div_factor', 25],
        ['final_div_factor', 1e4],
        ['three_phase', false],
        ['last_epoch', -1],
      ],
      args,
    ) as Required<OneCycleLROptions>
    if (!(optimizer instanceof Optimizer)) throw new ArgumentError(`${describe(optimizer)} is not an Optimizer`)
    const { pctStart, annealStrategy, cycleMomentum, lastEpoch } = given
    const totalSteps = totalOf(given)
    const _schedulePhases = phasesOf(totalSteps, pctStart, given.threePhase)
    if (!(pctStart >= 0 && pctStart <= 1)) {
      throw new ArgumentError(`Expected float between 0 and 1 pct_start, but got ${pctStart}`)
    }
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ArgumentError(`anneal_strategy must be one of 'cos' or 'linear', instead got ${annealStrategy}`)
    }
    const rates = forGroups('max_lr', optimizer, given.maxLr)
    if (lastEpoch === -1) {
      for (const [i, group] of optimizer.paramGroups.entries()) {
        group.initialLr = divide(rates[i]!, given.divFactor)
        group.maxLr = rates[i]
        group.minLr = divide(group.initialLr, given.finalDivFactor)
      }
    }
    const own: Dict = { totalSteps, _schedulePhases, _annealFuncType: annealStrategy, cycleMomentum }
    if (cycleMomentum) {
      own.useBeta1 = usesBeta1(optimizer)
      const max = forGroups('max_momentum', optimizer, given.maxMomentum)
      const base = forGroups('base_momentum', optimizer, given.baseMomentum)
      if (lastEpoch === -1) startMomentum(own, optimizer, max, base)
    }
    super(optimizer, lastEpoch, own)
  }

  protected override get ownState(): readonly StateKey[] {
    return [
      { inFile: 'total_steps', here: 'totalSteps', float: false },
      { inFile: '_schedule_phases', here: '_schedulePhases', float: false },
      { inFile: '_anneal_func_type', here: '_annealFuncType', float: false },
      { inFile: 'cycle_momentum', here: 'cycleMomentum', float: false },
      { inFile: 'use_beta1', here: 'useBeta1', float: false },
    ]
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    const { lastEpoch: step, totalSteps, _schedulePhases: phases } = this
    if (step > totalSteps) {
      throw new ArgumentError(`Tried to step ${step} times. The specified number of total steps is ${totalSteps}`)
    }
    const found = phases.findIndex(({ end_step }) => step <= end_step)
    const i = found < 0 ? phases.length - 1 : found
    const now = phases[i]!
    const start = i === 0 ? 0 : phases[i - 1]!.end_step
    const share = divide(step - start, now.end_step - start)
    return this.optimizer.paramGroups.map((group) => {
      const value = (name: string): number => rateOf(group[camelCase(name)])
      const rate = this.anneal(value(now.start_lr), value(now.end_lr), share)
      if (this.cycleMomentum) {
        setMomentum(this, group, this.anneal(value(now.start_momentum), value(now.end_momentum), share))
      }
      return rate
    })
  }

  private anneal(start: number, end: number, share: number): number {
    if (this._annealFuncType === 'linear') return (end - start) * share + start
    return end + ((start - end) / 2) * (native().schedulerMath('cos', Math.PI * share) + 1)
  }
}

function totalOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  const positive = (name: string, value: number): number => {
    if (value > 0 && Number.isInteger(value)) return value
    throw new ArgumentError(`Expected positive integer ${name}, but got ${value}`)
  }
  if (totalSteps != null) return positive('total_steps', totalSteps)
  if (epochs != null && stepsPerEpoch != null) {
    return positive('epochs', epochs) * positive('steps_per_epoch', stepsPerEpoch)
  }
  throw new ArgumentError('You must define either total_steps OR (epochs AND steps_per_epoch)')
}

function phasesOf(total: number, share: number, threePhase: boolean): Phase[] {
  const up = phase(share * total - 1, 'initial_lr', 'max_lr', 'max_momentum', 'base_momentum')
  if (!threePhase) {
    const down = phase(total - 1, 'max_lr', 'min_lr', 'base_momentum', 'max_momentum')
    return [markFloats(up, ['end_step']), down]
  }
  const down = phase(2 * share * total - 2, 'max_lr', 'initial_lr', 'base_momentum', 'max_momentum')
  const last = phase(total - 1, 'initial_lr', 'min_lr', 'max_momentum', 'max_momentum')
  return [markFloats(up, ['end_step']), markFloats(down, ['end_step']), last]
}
