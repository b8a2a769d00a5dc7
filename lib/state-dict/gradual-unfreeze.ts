/** Unfreezing by epochs. */
import { ArgumentError, StateDictError } from '../errors.js'
import type { Module } from '../nn/module.js'
import { Optimizer } from '../optim/optimizer.js'
import { describe, isOptions } from '../tensor/operator.js'
import { type UnfreezeOptions, unfreeze } from './freeze.js'
import { matchingAny } from './glob.js'
import { checkModel, checkOptions } from './match.js'
import { checkRegroup } from './regroup.js'

/** What is unfrozen when. */
export interface UnfreezeStep {
  /** The first epoch in which it is trained, ≥ 0 */
  epoch: number
  /** A pattern, or several, as for {@link unfreeze} */
  match: string | readonly string[]
  /** The learning rate of the parameters; needed where the optimizer does not have them */
  lr?: number
  /** Whether the optimizer forgets their state (default `false`) */
  resetState?: boolean
}

/**
 * Unfreezes parts of a model at the beginning of given epochs. What is due is decided by the epoch alone, so that a run that is
 * resumed in a later one catches up: after `loadStateDict` the optimizer has the groups again that its own state is for. So load
 * this before the optimizer; {@link CheckpointManager} does.
 * @example
 * torch.freeze(model, 'layer3.*', 'layer4.*')
 * const plan = new torch.GradualUnfreeze(model, optimizer, [
 *   { epoch: 3, match: 'layer4.*', lr: 1e-4 },
 *   { epoch: 6, match: 'layer3.*', lr: 1e-5 },
 * ])
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   plan.step(epoch)
 *   // train
 * }
 */
export class GradualUnfreeze {
  readonly #model: Module
  readonly #optimizer: Optimizer<any>
  readonly #plan: UnfreezeStep[]
  #done = 0
  #epoch = -1

  /**
   * @param optimizer - trains what is not frozen now
   * @param plan - in any order
   * @throws {@link ArgumentError} for a pattern that matches nothing, and for parameters that the optimizer does not have and that
   * have no `lr`
   */
  constructor(model: Module, optimizer: Optimizer<any>, plan: readonly UnfreezeStep[]) {
    const owner = 'GradualUnfreeze'
    checkModel(owner, model)
    if (!(optimizer instanceof Optimizer))
      throw new ArgumentError(`${owner}: expected an optimizer of torch.optim, received ${describe(optimizer)}`)
    if (!Array.isArray(plan) || plan.length === 0)
      throw new ArgumentError(`${owner}: the plan should be a list such as [{epoch: 3, match: 'layer4.*', lr: 1e-4}]`)
    const named = model.namedParameters()
    const names = named.map(([name]) => name)
    for (const step of plan as unknown[]) {
      if (!isOptions(step))
        throw new ArgumentError(`${owner}: a step of the plan should be an object, not ${describe(step)}`)
      checkOptions(owner, step, ['epoch', 'match', 'lr', 'resetState'])
      const { epoch, match, lr } = step as unknown as UnfreezeStep
      if (!Number.isSafeInteger(epoch) || epoch < 0)
        throw new ArgumentError(`${owner}: epoch should be an integer that is not negative, but is ${describe(epoch)}`)
      const found = matchingAny(owner, names, [match].flat(), `parameter of ${model._getName()}`)
      checkRegroup(
        owner,
        optimizer,
        named.filter(([name]) => found.has(name)),
        lr,
      )
    }
    this.#model = model
    this.#optimizer = optimizer
    this.#plan = [...(plan as UnfreezeStep[])].sort((a, b) => a.epoch - b.epoch)
  }

  /**
   * Unfreezes what is due in this epoch and was not yet; call it at the beginning of each.
   * @returns names of the parameters that became trainable
   */
  step(epoch: number): string[] {
    if (!Number.isSafeInteger(epoch))
      throw new ArgumentError(`GradualUnfreeze.step: epoch should be an integer, but is ${describe(epoch)}`)
    this.#epoch = Math.max(this.#epoch, epoch)
    const changed: string[] = []
    for (; this.#done < this.#plan.length && this.#plan[this.#done]!.epoch <= epoch; this.#done++) {
      const { match, lr, resetState = false } = this.#plan[this.#done]!
      const options: UnfreezeOptions = { optimizer: this.#optimizer, resetState, ...(lr === undefined ? {} : { lr }) }
      changed.push(...(unfreeze as (...args: unknown[]) => string[])(this.#model, ...[match].flat(), options))
    }
    return changed
  }

  stateDict(): { epoch: number; done: number } {
    return { epoch: this.#epoch, done: this.#done }
  }

  /**
   * Unfreezes what was unfrozen when the state was saved.
   * @throws {@link StateDictError} for the state of another plan
   */
  loadStateDict(stateDict: { epoch: number; done: number }): void {
    const { epoch, done } = isOptions(stateDict) ? stateDict : ({} as { epoch: number; done: number })
    const due = this.#plan.filter((step) => step.epoch <= epoch).length
    if (!Number.isSafeInteger(epoch) || due !== done)
      throw new StateDictError(
        `GradualUnfreeze: the state is that of another plan: ${done} steps until epoch ${epoch}, where this one has ${due}`,
      )
    this.step(epoch)
  }
}
