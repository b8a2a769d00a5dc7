/** Schedulers whose factors the caller computes. Source: torch/optim/lr_scheduler.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError, StateDictError } from '../errors.js'
import { Optimizer } from '../optim/optimizer.js'
import type { Dict } from '../optim/values.js'
import { describe } from '../tensor/operator.js'
import { readAll, without } from './arguments.js'
import { isSingle, LRScheduler, type Rate, rateOf } from './scheduler.js'

/** The factor of an epoch. */
export type LrLambda = (epoch: number) => number

/** Options of {@link LambdaLR} and {@link MultiplicativeLR}. */
export interface LambdaLROptions {
  /** a function of the epoch for all groups, or one for each */
  lrLambda?: LrLambda | LrLambda[]
  /** epoch of the last step; -1 starts from the beginning */
  lastEpoch?: number
}

/** As Python's product, which is rounded to float32 where the rate is such a tensor. */
function times(rate: Rate, factor: number): number {
  return isSingle(rate) ? Math.fround(rateOf(rate) * Math.fround(factor)) : rateOf(rate) * factor
}

abstract class CallbackScheduler extends LRScheduler {
  declare lrLambdas: LrLambda[]

  constructor(name: string, optimizer: Optimizer<any>, args: unknown[]) {
    const { lrLambda, lastEpoch } = readAll(name, [['lr_lambda'], ['last_epoch', -1]], args)
    const groups = optimizer instanceof Optimizer ? optimizer.paramGroups.length : 0
    if (Array.isArray(lrLambda) && lrLambda.length !== groups && optimizer instanceof Optimizer) {
      throw new ArgumentError(`Expected ${groups} lr_lambdas, but got ${lrLambda.length}`)
    }
    const lrLambdas = Array.isArray(lrLambda) ? [...lrLambda] : Array(groups).fill(lrLambda)
    for (const lambda of lrLambdas) {
      if (typeof lambda !== 'function')
        throw new ArgumentError(`lr_lambda should be a function, but got ${describe(lambda)}`)
    }
    super(optimizer, lastEpoch as number, { lrLambdas })
  }

  /** @internal */
  override updateLr(epoch?: number): void {
    const { length } = this.optimizer.paramGroups
    if (this.lrLambdas.length !== length) {
      throw new ArgumentError(
        `${this.constructor.name}: ${this.lrLambdas.length} functions for ${length} parameter groups; ` +
          'add one to lrLambdas for a group that is added later',
      )
    }
    super.updateLr(epoch)
  }

  /** Functions are not saved; Python's callable objects are, and so there is a place for each. */
  override stateDict(): Dict {
    const dict = super.stateDict()
    dict.lr_lambdas = this.lrLambdas.map(() => null)
    return dict
  }

  override loadStateDict(stateDict: object): void {
    const [lambdas, rest] = without(stateDict, 'lr_lambdas')
    if (!Array.isArray(lambdas))
      throw new StateDictError(`${this.constructor.name}: the state dict has no 'lr_lambdas'`)
    super.loadStateDict(rest)
    for (const [i, attributes] of lambdas.entries()) {
      if (attributes !== null && this.lrLambdas[i]) Object.assign(this.lrLambdas[i], attributes)
    }
  }
}

/**
 * Sets the learning rate of every group to the first one times a function of the epoch.
 * @param optimizer - whose groups get the rates
 * @param lrLambda - a function of the epoch for all groups, or one for each
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.LambdaLR.html
 */
export class LambdaLR extends CallbackScheduler {
  constructor(optimizer: Optimizer<any>, options: LambdaLROptions & { lrLambda: LrLambda | LrLambda[] })
  constructor(optimizer: Optimizer<any>, lrLambda: LrLambda | LrLambda[], options?: LambdaLROptions)
  constructor(optimizer: Optimizer<any>, lrLambda: LrLambda | LrLambda[], lastEpoch: number)
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    super('LambdaLR', optimizer, args)
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    return this.baseLrs.map((rate, i) => times(rate, Number(this.lrLambdas[i]!(this.lastEpoch))))
  }
}

/**
 * Multiplies the learning rate of every group by a function of the epoch, each epoch.
 * @param optimizer - whose groups get the rates
 * @param lrLambda - a function of the epoch for all groups, or one for each
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
 */
export class MultiplicativeLR extends CallbackScheduler {
  constructor(optimizer: Optimizer<any>, options: LambdaLROptions & { lrLambda: LrLambda | LrLambda[] })
  constructor(optimizer: Optimizer<any>, lrLambda: LrLambda | LrLambda[], options?: LambdaLROptions)
  constructor(optimizer: Optimizer<any>, lrLambda: LrLambda | LrLambda[], lastEpoch: number)
  constructor(optimizer: Optimizer<any>, ...args: unknown[]) {
    super('MultiplicativeLR', optimizer, args)
  }

  override getLr(): number[] {
    this.warnOutsideStep()
    const present: Rate[] = this.optimizer.paramGroups.map((group) => group.lr)
    if (this._isInitial) return present.map(rateOf)
    return present.map((rate, i) => times(rate, Number(this.lrLambdas[i]!(this.lastEpoch))))
  }
}
