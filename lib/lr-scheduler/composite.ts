/** Schedulers made of others. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError, StateDictError } from '../errors.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { bisectRight, readAll, without } from './arguments.js'
import { ReduceLROnPlateau } from './plateau.js'
import { baseKeys, LRScheduler, type StateKey, setOption } from './scheduler.js'

const initialKeys = baseKeys.filter(({ inFile }) => inFile === '_step_count' || inFile === '_is_initial')
const lastEpochKey = baseKeys.find(({ inFile }) => inFile === 'last_epoch')!
const lastLrKey = baseKeys.find(({ inFile }) => inFile === '_last_lr')!

abstract class CompositeScheduler extends LRScheduler {
  declare _schedulers: LRScheduler[]
  /** Was itself started by another such scheduler, as Python's state dict then shows. */
  declare private inside?: boolean

  /** @internal */
  override initialStep(): void {
    this.inside = true
    super.initialStep()
  }

  protected abstract get compositeKeys(): readonly StateKey[]

  protected override get stateKeys(): readonly StateKey[] {
    return this.inside ? [...this.compositeKeys, ...initialKeys] : this.compositeKeys
  }

  override getLr(): never {
    throw new ArgumentError(
      `${this.constructor.name} has no rates of its own, and can come only first in a SequentialLR: ` +
        'PyTorch raises NotImplementedError at its milestone',
    )
  }

  override stateDict(): Dict {
    const dict = super.stateDict()
    dict._schedulers = this._schedulers.map((scheduler) => scheduler.stateDict())
    return dict
  }

  override loadStateDict(stateDict: object): void {
    const [states, rest] = without(stateDict, '_schedulers')
    if (!Array.isArray(states))
      throw new StateDictError(`${this.constructor.name}: the state dict has no '_schedulers'`)
    if (states.length > this._schedulers.length) {
      throw new StateDictError(
        `${this.constructor.name}: the state dict has ${states.length} schedulers, and there are ${this._schedulers.length}`,
      )
    }
    super.loadStateDict(rest)
    for (const [i, state] of states.entries()) this._schedulers[i]!.loadStateDict(state)
  }
}

function checkSchedulers(owner: string, schedulers: unknown, optimizer?: Optimizer<any>): LRScheduler[] {
  const list = Array.isArray(schedulers) ? schedulers : []
  if (list.length < 1) {
    throw new ArgumentError(
      `${owner} expects at least one scheduler${owner === 'ChainedScheduler' ? ' to be chained' : ''}, but got no scheduler.`,
    )
  }
  for (const [i, scheduler] of list.entries()) {
    if (!(scheduler instanceof LRScheduler)) {
      throw new ArgumentError(`${owner} at index ${i} should have \`optimizer\` as its attribute.`)
    }
    if (scheduler instanceof ReduceLROnPlateau) {
      throw new ArgumentError(
        `${owner} does not support \`ReduceLROnPlateau\` scheduler as it requires additional kwargs to be specified when ` +
          `calling \`step\`, but got one at index ${i} in the given schedulers sequence.`,
      )
    }
    const expected = optimizer ?? (list[0] as LRScheduler).optimizer
    if (scheduler.optimizer !== expected) {
      throw new ArgumentError(
        `${owner} expects all schedulers to belong to the same optimizer, but got scheduler ${scheduler.constructor.name} at ` +
          `index ${i} has ${scheduler.optimizer}, which is different from ${expected.constructor.name}.`,
      )
    }
  }
  return list
}

/** Options of {@link SequentialLR}. */
export interface SequentialLROptions {
  schedulers?: LRScheduler[]
  /** epochs at which the next scheduler takes over, one less than there are schedulers */
  milestones?: number[]
  lastEpoch?: number
}

/**
 * Lets one scheduler after another set the learning rates, as a warm-up before a long decay.
 * @param optimizer - that of all the schedulers
 * @param schedulers - in the order of their turn
 * @param milestones - epochs at which the next one takes over
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.SequentialLR.html
 */
export class SequentialLR extends CompositeScheduler {
  declare _milestones: number[]

  constructor(
    optimizer: Optimizer<any>,
    options: SequentialLROptions & { schedulers: LRScheduler[]; milestones: number[] },
  )
  constructor(
    optimizer: Optimizer<any>,
    schedulers: LRScheduler[],
    milestones: number[],
    options?: SequentialLROptions | number,
  )
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const given = readAll('SequentialLR', [['schedulers'], ['milestones'], ['last_epoch', -1]], args)
    const schedulers = checkSchedulers('SequentialLR', given.schedulers, optimizer)
    const milestones = given.milestones as number[]
    if (milestones.length !== schedulers.length - 1) {
      throw new ArgumentError(
        'Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got ' +
          `number of schedulers ${schedulers.length} and the number of milestones to be equal to ${milestones.length}`,
      )
    }
    super(optimizer, given.lastEpoch as number, { _schedulers: schedulers, _milestones: milestones })
  }

  protected override begin(lastEpoch: number): void {
    this.lastEpoch = lastEpoch + 1
    for (const group of this.optimizer.paramGroups) setOption(group, 'lr', group.initialLr!)
    undo(this)
    const first = this._schedulers[bisectRight(this._milestones, 0)]!
    first.initialStep()
    this._lastLr = first.getLastLr()
  }

  protected override get compositeKeys(): readonly StateKey[] {
    return [{ inFile: '_milestones', here: '_milestones', float: false }, lastEpochKey, lastLrKey]
  }

  override step(): void {
    this.lastEpoch++
    const i = bisectRight(this._milestones, this.lastEpoch)
    const scheduler = this._schedulers[i]!
    if (i > 0 && this._milestones[i - 1] === this.lastEpoch) scheduler.updateLr(0)
    else scheduler.step()
    this._lastLr = scheduler.getLastLr()
  }
}

/** Takes back the first step that every scheduler took in its constructor. */
function undo(scheduler: LRScheduler): void {
  if (scheduler instanceof CompositeScheduler) for (const inner of scheduler._schedulers) undo(inner)
  else scheduler.lastEpoch--
}

/** Options of {@link ChainedScheduler}. */
export interface ChainedSchedulerOptions {
  schedulers?: LRScheduler[]
  /** that of the schedulers */
  optimizer?: Optimizer<any> | null
}

/**
 * Lets all schedulers change the learning rates in each step, one after the other.
 * @param schedulers - in the order of their turn
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.ChainedScheduler.html
 */
export class ChainedScheduler extends CompositeScheduler {
  constructor(options: ChainedSchedulerOptions & { schedulers: LRScheduler[] })
  constructor(schedulers: LRScheduler[], options?: ChainedSchedulerOptions)
  constructor(schedulers: LRScheduler[], optimizer: Optimizer<any> | null)
  constructor(...args: unknown[]) {
    const given = readAll('ChainedScheduler', [['schedulers'], ['optimizer', null]], args)
    const optimizer = (given.optimizer ?? undefined) as Optimizer<any> | undefined
    const schedulers = checkSchedulers('ChainedScheduler', given.schedulers, optimizer)
    super(optimizer ?? schedulers[0]!.optimizer, -1, { _schedulers: schedulers })
  }

  protected override begin(): void {
    this.noteRates()
  }

  protected override get compositeKeys(): readonly StateKey[] {
    return [lastLrKey]
  }

  override step(): void {
    for (const scheduler of this._schedulers) scheduler.step()
    this.noteRates()
  }
}
