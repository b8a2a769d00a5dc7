/** What is given to `save` and `resume`: which of it has state, of which kind, and what is a plain value. */
import { ArgumentError } from '../errors.js'
import { LRScheduler } from '../lr-scheduler/scheduler.js'
import { Module } from '../nn/module.js'
import { Optimizer } from '../optim/optimizer.js'
import { Generator } from '../tensor/generator.js'
import { Tensor } from '../tensor/tensor.js'

/** Anything whose state can be taken and put back: an average of a model, a GradScaler, a sampler of your own. */
export interface Stateful {
  stateDict(): unknown
  loadStateDict(state: any): unknown
}

/** What is restored, in this order. */
export type Kind = 'plan' | 'module' | 'optimizer' | 'scheduler' | 'state' | 'loader' | 'generator'

/** The objects of a call by kind, each under its name. */
export class Objects {
  readonly modules = new Map<string, Module>()
  readonly optimizers = new Map<string, Optimizer<any>>()
  readonly schedulers = new Map<string, Stateful>()
  readonly plans = new Map<string, Stateful>()
  readonly states = new Map<string, Stateful>()
  readonly loaders = new Map<string, Stateful>()
  readonly generators = new Map<string, Generator>()
  /** Plain values. */
  readonly extras = new Map<string, unknown>()

  /** @throws {@link ArgumentError} for a name that the file has for something else */
  constructor(owner: string, given: object) {
    if (typeof given !== 'object' || given === null)
      throw new ArgumentError(`${owner}: expected an object such as { model, optimizer }, received ${String(given)}`)
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue
      if (reserved.has(name))
        throw new ArgumentError(`${owner}: a checkpoint has '${name}' for its own use; choose another name`)
      const kind = kindOf(name, value)
      if (kind === undefined) this.extras.set(name, value)
      else (this.#of(kind) as Map<string, unknown>).set(name, value)
    }
    for (const [name] of this.stateful()) {
      if (this.extras.has(stateKey(name)))
        throw new ArgumentError(
          `${owner}: give either '${name}' or '${stateKey(name)}', as both are '${stateKey(name)}' in the file`,
        )
    }
  }

  #of(kind: Kind): Map<string, unknown> {
    const { modules, optimizers, schedulers, plans, states, loaders, generators } = this
    const maps = { module: modules, optimizer: optimizers, scheduler: schedulers, plan: plans, state: states }
    return { ...maps, loader: loaders, generator: generators }[kind] as Map<string, unknown>
  }

  /** All that has a state dict, in the order of the file. */
  stateful(): [name: string, object: Stateful][] {
    const { modules, optimizers, schedulers, plans, states, loaders } = this
    return [modules, optimizers, schedulers, loaders, plans, states].flatMap((map) => [...map] as [string, Stateful][])
  }

  /** The name of every parameter of the modules; those of others than `model` begin with the name of their module. */
  parameterNames(): Map<Tensor, string> {
    const names = new Map<Tensor, string>()
    for (const [name, module] of this.modules) {
      for (const [path, parameter] of module.namedParameters())
        if (!names.has(parameter)) names.set(parameter, name === 'model' ? path : `${name}/${path}`)
    }
    return names
  }
}

const reserved = new Set(['rng', 'metrics', 'checkpoint_manager'])

/** The key of an object's state in the file. */
export const stateKey = (name: string): string => `${name}_state_dict`

function kindOf(name: string, value: unknown): Kind | undefined {
  if (value instanceof Module) return 'module'
  if (value instanceof Optimizer) return 'optimizer'
  if (value instanceof LRScheduler) return 'scheduler'
  if (value instanceof Generator) return 'generator'
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return undefined
  const { stateDict, loadStateDict } = value as Partial<Stateful>
  if (typeof stateDict !== 'function') return undefined
  if (typeof loadStateDict !== 'function')
    throw new ArgumentError(
      `CheckpointManager: '${name}' has stateDict() but no loadStateDict(), so that it could not be resumed`,
    )
  if (Symbol.iterator in value || Symbol.asyncIterator in value) return 'loader'
  // unfreezing adds groups to the optimizer, whose state comes after that
  return /freez/i.test(name) || /freez/i.test(value.constructor.name) ? 'plan' : 'state'
}

/** A whole number ≥ 0. */
export function checkCount(owner: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  throw new ArgumentError(`${owner}: ${name} should be a whole number ≥ 0, but is ${String(value)}`)
}
