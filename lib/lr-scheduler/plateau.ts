/** torch.optim.lr_scheduler.ReduceLROnPlateau. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError } from '../errors.js'
import { Optimizer } from '../optim/optimizer.js'
import { describe } from '../tensor/operator.js'
import { PyFloat } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { readAll } from './arguments.js'
import { LRScheduler, rateOf, type StateKey, setOption, warnOfEpoch } from './scheduler.js'

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** whether a lower or a higher value is better (default `'min'`) */
  mode?: 'min' | 'max'
  /** factor of a decay, < 1 (default `0.1`) */
  factor?: number
  /** epochs without a better value that are let pass (default `10`) */
  patience?: number
  /** what a better value has to differ by (default `1e-4`) */
  threshold?: number
  /** whether that is a share of the best value or a difference (default `'rel'`) */
  thresholdMode?: 'rel' | 'abs'
  /** epochs after a decay that do not count (default `0`) */
  cooldown?: number
  /** lowest rate, of all groups or of each (default `0`) */
  minLr?: number | number[]
  /** smaller changes of a rate are not made (default `1e-8`) */
  eps?: number
}

const key = (inFile: string, here: string, float = false): StateKey => ({ inFile, here, float })
const keys: readonly StateKey[] = [
  key('factor', 'factor', true),
  key('default_min_lr', 'defaultMinLr'),
  key('min_lrs', 'minLrs'),
  key('patience', 'patience'),
  key('cooldown', 'cooldown'),
  key('eps', 'eps', true),
  key('last_epoch', 'lastEpoch'),
  key('_last_lr', '_lastLr', true),
  key('mode_worse', 'modeWorse', true),
  key('mode', 'mode'),
  key('threshold', 'threshold', true),
  key('threshold_mode', 'thresholdMode'),
  key('best', 'best', true),
  key('cooldown_counter', 'cooldownCounter'),
  key('num_bad_epochs', 'numBadEpochs'),
]

/** Python's `float(metrics)`. */
function toNumber(metrics: unknown): number {
  if (metrics instanceof Tensor || typeof metrics === 'number') return rateOf(metrics)
  if (typeof metrics === 'boolean' || typeof metrics === 'bigint' || metrics instanceof PyFloat) return Number(metrics)
  throw new ArgumentError(
    `ReduceLROnPlateau: metrics must be a number or a tensor of one element, but got ${describe(metrics)}`,
  )
}

/**
 * Lowers the learning rates when a value, such as the loss on validation data, no longer gets better.
 * @param optimizer - whose groups get the rates
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 */
export class ReduceLROnPlateau extends LRScheduler {
  declare mode: 'min' | 'max'
  declare factor: number
  declare patience: number
  declare threshold: number
  declare thresholdMode: 'rel' | 'abs'
  declare cooldown: number
  /** `minLr` where it was one for all groups, which groups that are added later get */
  declare defaultMinLr: number | null
  declare minLrs: number[]
  declare eps: number
  declare modeWorse: number
  /** best value so far */
  declare best: number
  declare cooldownCounter: number
  declare numBadEpochs: number

  constructor(optimizer: Optimizer<any>, options?: ReduceLROnPlateauOptions)
  constructor(optimizer: Optimizer<any>, mode: 'min' | 'max', options?: ReduceLROnPlateauOptions)
  constructor(optimizer: Optimizer<any>, mode: 'min' | 'max', factor: number, options?: ReduceLROnPlateauOptions)
  constructor(
    optimizer: Optimizer<any>,
    mode: 'min' | 'max',
    factor: number,
    patience: number,
    options?: ReduceLROnPlateauOptions,
  )
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const { minLr, ...own } = readAll(
      'ReduceLROnPlateau',
      [
        ['mode', 'min'],
        ['factor', 0.1],
        ['patience', 10],
        ['threshold', 1e-4],
        ['threshold_mode', 'rel'],
        ['cooldown', 0],
        ['min_lr', 0],
        ['eps', 1e-8],
      ],
      args,
    )
    if ((own.factor as number) >= 1) throw new ArgumentError('Factor should be < 1.0.')
    const groups = optimizer instanceof Optimizer ? optimizer.paramGroups.length : 0
    if (Array.isArray(minLr) && minLr.length !== groups && optimizer instanceof Optimizer) {
      throw new ArgumentError(`expected ${groups} min_lrs, got ${minLr.length}`)
    }
    const minLrs = Array.isArray(minLr) ? [...minLr] : Array(groups).fill(minLr)
    super(optimizer, 0, { ...own, defaultMinLr: Array.isArray(minLr) ? null : minLr, minLrs })
  }

  protected override begin(): void {
    this.lastEpoch = 0
    this.noteRates()
    this.check()
    this.best = this.modeWorse
    this.cooldownCounter = 0
    this.numBadEpochs = 0
  }

  // not #private: the constructor of the base class calls it
  private check(): void {
    if (this.mode !== 'min' && this.mode !== 'max') throw new ArgumentError(`mode ${this.mode} is unknown!`)
    if (this.thresholdMode !== 'rel' && this.thresholdMode !== 'abs') {
      throw new ArgumentError(`threshold mode ${this.thresholdMode} is unknown!`)
    }
    this.modeWorse = this.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  }

  protected override get stateKeys(): readonly StateKey[] {
    return keys
  }

  /** The rates in use; they do not follow from the epoch. */
  override getLr(): (number | Tensor)[] {
    return this.getLastLr()
  }

  /** Whether epochs do not count, as a decay was not long ago. */
  get inCooldown(): boolean {
    return this.cooldownCounter > 0
  }

  /**
   * Goes to the next epoch.
   * @param metrics - the value of this epoch: a number or a tensor of one element
   * @param epoch - deprecated in PyTorch
   */
  override step(metrics?: number | Tensor, epoch?: number): void {
    if (metrics === undefined) {
      throw new ArgumentError("ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'")
    }
    const current = toNumber(metrics)
    if (epoch !== undefined) warnOfEpoch()
    this.lastEpoch = epoch ?? this.lastEpoch + 1
    if (this.#isBetter(current)) {
      this.best = current
      this.numBadEpochs = 0
    } else this.numBadEpochs++
    if (this.inCooldown) {
      this.cooldownCounter--
      this.numBadEpochs = 0
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce()
      this.cooldownCounter = this.cooldown
      this.numBadEpochs = 0
    }
    this.noteRates()
  }

  #isBetter(value: number): boolean {
    const { best, threshold, mode, thresholdMode } = this
    if (mode === 'min') return value < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold)
    return value > (thresholdMode === 'rel' ? best * (threshold + 1) : best + threshold)
  }

  #reduce(): void {
    const { paramGroups } = this.optimizer
    if (paramGroups.length !== this.minLrs.length) {
      if (this.defaultMinLr === null) {
        throw new ArgumentError(
          `The number of param groups in the \`optimizer\` (${paramGroups.length}) differs from when \`ReduceLROnPlateau\` was ` +
            `initialized (${this.minLrs.length}), usually due to a new param group being added to the optimizer. Please modify the ` +
            '`min_lrs` field to match the length of the `optimizer` param groups.',
        )
      }
      this.minLrs = Array(paramGroups.length).fill(this.defaultMinLr)
    }
    for (const [i, group] of paramGroups.entries()) {
      const present = rateOf(group.lr)
      const lowered = Math.max(present * this.factor, this.minLrs[i]!)
      if (present - lowered > this.eps) setOption(group, 'lr', lowered)
    }
  }

  override loadStateDict(stateDict: object): void {
    super.loadStateDict(stateDict)
    this.check()
  }
}
