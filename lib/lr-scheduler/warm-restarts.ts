/** torch.optim.lr_scheduler.CosineAnnealingWarmRestarts. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import type { Optimizer } from '../optim/optimizer.js'
import { isFloat, keep } from '../optim/values.js'
import { PyFloat } from '../tensor/python-values.js'
import { modulo, readAll } from './arguments.js'
import { isSingle, LRScheduler, rateOf, type StateKey } from './scheduler.js'

/** Options of {@link CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions {
  /** epochs until the first restart */
  T0?: number
  /** how much longer each period is than the one before (default `1`) */
  TMult?: number
  /** lowest rate (default `0`) */
  etaMin?: number
  /** epoch of the last step; -1 starts from the beginning */
  lastEpoch?: number
}

/**
 * Lets the learning rates fall to `etaMin` along half a cosine wave, and starts anew at the end of each period.
 * @param optimizer - whose groups get the rates
 * @param T0 - epochs until the first restart
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  declare T0: number
  /** length of this period */
  declare TI: number
  declare TMult: number
  declare etaMin: number
  /** epochs since the last restart */
  declare TCur: number

  constructor(optimizer: Optimizer<any>, options: CosineAnnealingWarmRestartsOptions & { T0: number })
  constructor(optimizer: Optimizer<any>, T0: number, options?: CosineAnnealingWarmRestartsOptions)
  constructor(optimizer: Optimizer<any>, T0: number, TMult: number, options?: CosineAnnealingWarmRestartsOptions)
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const given = readAll(
      'CosineAnnealingWarmRestarts',
      [['T_0'], ['T_mult', 1], ['eta_min', 0], ['last_epoch', -1]],
      args,
    )
    const { T0, TMult, etaMin, lastEpoch } = given as Record<string, number>
    if (!(T0! > 0 && Number.isInteger(T0))) throw new ArgumentError(`Expected positive integer T_0, but got ${T0}`)
    if (!(TMult! >= 1 && Number.isInteger(TMult)))
      throw new ArgumentError(`Expected integer T_mult >= 1, but got ${TMult}`)
    if (typeof etaMin !== 'number') {
      throw new ArgumentError(`Expected float or int eta_min, but got ${etaMin} of type ${typeof etaMin}`)
    }
    super(optimizer, lastEpoch, { T0, TI: T0, TMult, etaMin, TCur: lastEpoch })
  }

  protected override get ownState(): readonly StateKey[] {
    return [
      { inFile: 'T_0', here: 'T0', float: false },
      { inFile: 'T_i', here: 'TI', float: false },
      { inFile: 'T_mult', here: 'TMult', float: false },
      { inFile: 'eta_min', here: 'etaMin', float: true },
      { inFile: 'T_cur', here: 'TCur', float: false },
    ]
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    const wave = 1 + native().schedulerMath('cos', (Math.PI * this.TCur) / this.TI)
    return this.baseLrs.map((rate) => {
      const round = isSingle(rate) ? Math.fround : Number
      const low = round(this.etaMin)
      return round(low + round(round(round(rateOf(rate) - low) * round(wave)) / 2))
    })
  }

  /**
   * Goes to the next epoch, or to a given one, which may be a fraction: `scheduler.step(epoch + i / batches)`.
   * @throws {@link ArgumentError} for a negative epoch
   */
  override step(epoch?: number | PyFloat): void {
    const given = epoch instanceof PyFloat ? epoch.value : epoch
    const asFloat = epoch instanceof PyFloat || (given !== undefined && !Number.isInteger(given))
    const target = given ?? (this.lastEpoch < 0 ? 0 : undefined)
    if (target === undefined) this.next()
    else this.jump(target, asFloat)
    this.lastEpoch = target === undefined ? this.lastEpoch + 1 : Math.floor(target)
    this._getLrCalledWithinStep = true
    try {
      this.setRates(this.getLr())
    } finally {
      this._getLrCalledWithinStep = false
    }
  }

  private next(): void {
    const float = isFloat(this, 'TCur', false)
    let now = this.TCur + 1
    if (now >= this.TI) {
      now = modulo(now, this.TI)
      this.TI *= this.TMult
    }
    this.moveTo(now, float)
  }

  private jump(epoch: number, float: boolean): void {
    if (!(epoch >= 0)) throw new ArgumentError(`Expected non-negative epoch, but got ${epoch}`)
    if (epoch < this.T0) {
      this.TI = this.T0
      this.moveTo(epoch, float)
    } else if (this.TMult === 1) this.moveTo(modulo(epoch, this.T0), float)
    else {
      const { schedulerMath: c } = native()
      const periods = c('log', (epoch / this.T0) * (this.TMult - 1) + 1) / c('log', this.TMult)
      const power = c('pow', this.TMult, Math.trunc(periods))
      // a division: Python's float
      this.moveTo(epoch - (this.T0 * (power - 1)) / (this.TMult - 1), true)
      this.TI = this.T0 * power
    }
  }

  // Python's T_cur is an int, or a float from the first fractional epoch on
  private moveTo(now: number, float: boolean): void {
    keep(this, 'TCur', float ? new PyFloat(now) : now, { dict: {}, key: 'TCur' })
  }
}
