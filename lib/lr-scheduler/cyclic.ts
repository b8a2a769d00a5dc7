/** torch.optim.lr_scheduler.CyclicLR. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { native } from '../binding.js'
import { ArgumentError, StateDictError } from '../errors.js'
import { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { describe } from '../tensor/operator.js'
import { divide, forGroups, readAll, setMomentum, startMomentum, usesBeta1, without } from './arguments.js'
import { LRScheduler, rateOf, type StateKey, setOption } from './scheduler.js'

/** Options of {@link CyclicLR}. */
export interface CyclicLROptions {
  /** lowest rate, of all groups or of each */
  baseLr?: number | number[]
  /** highest rate, of all groups or of each */
  maxLr?: number | number[]
  /** steps from the lowest to the highest (default `2000`) */
  stepSizeUp?: number
  /** steps back; null for as many */
  stepSizeDown?: number | null
  /** whether the height of the cycles stays, halves, or shrinks by `gamma` each step (default `'triangular'`) */
  mode?: 'triangular' | 'triangular2' | 'exp_range'
  /** for `mode: 'exp_range'` (default `1`) */
  gamma?: number
  /** factor of the height, in place of `mode` */
  scaleFn?: ((x: number) => number) | null
  /** what `scaleFn` gets (default `'cycle'`) */
  scaleMode?: 'cycle' | 'iterations'
  /** whether momentum moves against the rate (default `true`) */
  cycleMomentum?: boolean
  /** lowest momentum (default `0.8`) */
  baseMomentum?: number | number[]
  /** highest momentum (default `0.9`) */
  maxMomentum?: number | number[]
  lastEpoch?: number
}

/**
 * Lets the learning rates go up and down between two bounds; to be stepped after every batch.
 * @param optimizer - whose groups get the rates, and momentum
 * @param baseLr - lowest rate, of all groups or of each
 * @param maxLr - highest rate, of all groups or of each
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.CyclicLR.html
 */
export class CyclicLR extends LRScheduler {
  declare maxLrs: number[]
  declare totalSize: number
  declare stepRatio: number
  declare mode: string
  declare gamma: number
  declare scaleMode: string
  declare cycleMomentum: boolean
  declare useBeta1?: boolean
  declare baseMomentums?: number[]
  declare maxMomentums?: number[]
  declare _scaleFnCustom: ((x: number) => number) | null

  constructor(
    optimizer: Optimizer<any>,
    options: CyclicLROptions & { baseLr: number | number[]; maxLr: number | number[] },
  )
  constructor(optimizer: Optimizer<any>, baseLr: number | number[], maxLr: number | number[], options?: CyclicLROptions)
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    const given = readAll(
      'CyclicLR',
      [
        ['base_lr'],
        ['max_lr'],
        ['step_size_up', 2000],
        ['step_size_down', null],
        ['mode', 'triangular'],
        ['gamma', 1],
        ['scale_fn', null],
        ['scale_mode', 'cycle'],
        ['cycle_momentum', true],
        ['base_momentum', 0.8],
        ['max_momentum', 0.9],
        ['last_epoch', -1],
      ],
      args,
    ) as Required<CyclicLROptions>
    if (!(optimizer instanceof Optimizer)) throw new ArgumentError(`${describe(optimizer)} is not an Optimizer`)
    const { mode, gamma, scaleFn, cycleMomentum, lastEpoch, stepSizeUp: up } = given
    const baseLrs = forGroups('base_lr', optimizer, given.baseLr)
    if (lastEpoch === -1) {
      for (const [i, group] of optimizer.paramGroups.entries()) setOption(group, 'lr', baseLrs[i]!)
    }
    const maxLrs = forGroups('max_lr', optimizer, given.maxLr)
    const totalSize = up + (given.stepSizeDown ?? up)
    const stepRatio = divide(up, totalSize)
    if (!['triangular', 'triangular2', 'exp_range'].includes(mode) && scaleFn === null) {
      throw new ArgumentError('mode is invalid and scale_fn is None')
    }
    const scaleMode = scaleFn === null ? (mode === 'exp_range' ? 'iterations' : 'cycle') : given.scaleMode
    const own: Dict = {
      maxLrs,
      totalSize,
      stepRatio,
      mode,
      gamma,
      _scaleFnCustom: scaleFn,
      scaleMode,
      cycleMomentum,
    }
    if (cycleMomentum) {
      own.useBeta1 = usesBeta1(optimizer)
      const base = forGroups('base_momentum', optimizer, given.baseMomentum)
      const max = forGroups('max_momentum', optimizer, given.maxMomentum)
      Object.assign(own, { baseMomentums: base, maxMomentums: max })
      if (lastEpoch === -1) startMomentum(own, optimizer, max, base)
    }
    super(optimizer, lastEpoch, own)
    this.baseLrs = baseLrs
  }

  protected override get ownState(): readonly StateKey[] {
    return [
      { inFile: 'max_lrs', here: 'maxLrs', float: true },
      { inFile: 'total_size', here: 'totalSize', float: true },
      { inFile: 'step_ratio', here: 'stepRatio', float: true },
      { inFile: 'mode', here: 'mode', float: false },
      { inFile: 'gamma', here: 'gamma', float: true },
      { inFile: 'scale_mode', here: 'scaleMode', float: false },
      { inFile: 'cycle_momentum', here: 'cycleMomentum', float: false },
      { inFile: 'use_beta1', here: 'useBeta1', float: false },
      { inFile: 'base_momentums', here: 'baseMomentums', float: true },
      { inFile: 'max_momentums', here: 'maxMomentums', float: true },
    ]
  }

  /** The factor of a cycle's height. */
  scaleFn(x: number): number {
    if (this._scaleFnCustom) return this._scaleFnCustom(x)
    const { schedulerMath: c } = native()
    if (this.mode === 'triangular2') return 1 / c('pow', 2, x - 1)
    return this.mode === 'exp_range' ? c('pow', this.gamma, x) : 1
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    const turns = this.lastEpoch / this.totalSize
    const cycle = Math.floor(1 + turns)
    const x = 1 + turns - cycle
    const height = x <= this.stepRatio ? x / this.stepRatio : divide(x - 1, this.stepRatio - 1)
    const scale = (): number => this.scaleFn(this.scaleMode === 'cycle' ? cycle : this.lastEpoch)
    const rates = this.baseLrs.map((rate, i) => {
      const base = rateOf(rate)
      return base + (this.maxLrs[i]! - base) * height * scale()
    })
    if (this.cycleMomentum) {
      for (const [i, group] of this.optimizer.paramGroups.entries()) {
        const max = this.maxMomentums![i]!
        setMomentum(this, group, max - (max - this.baseMomentums![i]!) * height * scale())
      }
    }
    return rates
  }

  override stateDict(): Dict {
    const dict = super.stateDict()
    dict._scale_fn_custom = null
    return dict
  }

  override loadStateDict(stateDict: object): void {
    const [custom, rest] = without(stateDict, '_scale_fn_custom')
    if (custom === undefined) throw new StateDictError("CyclicLR: the state dict has no '_scale_fn_custom'")
    super.loadStateDict(rest)
    if (custom !== null && this._scaleFnCustom) Object.assign(this._scaleFnCustom, custom)
    if (this._scaleFnCustom === null) this.scaleMode = this.mode === 'exp_range' ? 'iterations' : 'cycle'
  }
}
