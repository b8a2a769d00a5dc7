/** Freezing parts of a model by patterns over the names of its parameters. */
import { ArgumentError } from '../errors.js'
import { keepInEval, release } from '../nn/kept-in-eval.js'
import type { Module } from '../nn/module.js'
import type { Keys } from '../nn/types.js'
import { Optimizer } from '../optim/optimizer.js'
import { describe } from '../tensor/operator.js'
import type { Parameter } from '../tensor/parameter.js'
import { matchingAny } from './glob.js'
import { checkModel, checkOptions } from './match.js'
import { checkRegroup, regroup } from './regroup.js'
import type { Pattern } from './types.js'

/** What {@link freeze} takes after the patterns. */
export interface FreezeOptions {
  /**
   * What becomes of the running statistics of a BatchNorm whose own parameters are all frozen: `'freeze'` (default) keeps it in
   * evaluation mode, also when the model is switched by `train()`; `'update'` lets training go on changing them, as in Python
   */
  stats?: 'freeze' | 'update'
}

/** What {@link unfreeze} takes after the patterns. */
export interface UnfreezeOptions {
  /** The optimizer that is to train the parameters; one of them that it does not have is an error unless `lr` is given */
  optimizer?: Optimizer<any>
  /** The learning rate of the parameters: they become a group of their own where they have another one, or none */
  lr?: number
  /** Whether the optimizer forgets the state of the parameters, such as momentum from before they were frozen (default `false`) */
  resetState?: boolean
}

/** Patterns, and options at the end. */
type Arguments<M, A extends readonly unknown[], O> = { [I in keyof A]: A[I] extends string ? Pattern<M, A[I]> : O }

/** The parameters of a model that patterns choose, and the layers with running statistics among its modules. */
interface Selection {
  /** names and parameters; a shared one has the first of its names that was matched */
  parameters: [string, Parameter][]
  norms: [string, Module][]
}

/**
 * Freezes parameters: they no longer require gradients, and the gradient that they had is forgotten, as optimizers would go on using
 * it. A BatchNorm whose own parameters are all frozen is kept in evaluation mode, so that its statistics stay, too.
 * @param model - its parameters are found by their dotted names
 * @param args - patterns, each of which must match a parameter: `'backbone.*'` is a whole module, `?` one character and `*` any number
 * within a part of a name, `**` any number of parts (`'**.bn?.*'`); none means all. At the end may stand options, see
 * {@link FreezeOptions}
 * @returns the names of those that were not frozen before
 * @throws {@link ArgumentError} for a pattern that matches nothing, with what was probably meant
 * @example
 * torch.freeze(model, 'conv1.*', 'layer?.*')
 */
export function freeze<M extends Module, const A extends readonly (string | FreezeOptions)[]>(
  model: M,
  ...args: Arguments<M, A, FreezeOptions>
): Keys<M>[] {
  const owner = 'freeze'
  checkModel(owner, model)
  const [patterns, options] = readArguments<FreezeOptions>(owner, args, ['stats'])
  const { stats = 'freeze' } = options
  if (stats !== 'freeze' && stats !== 'update')
    throw new ArgumentError(`${owner}: stats should be 'freeze' or 'update', but is ${describe(stats)}`)
  const { parameters, norms } = select(owner, model, patterns)
  const changed: string[] = []
  for (const [name, parameter] of parameters) {
    if (parameter.requiresGrad) changed.push(name)
    parameter.requiresGrad = false
    parameter.grad = null
  }
  for (const [, norm] of norms) {
    if (norm._parameters().some(([, parameter]) => parameter.requiresGrad)) continue
    if (stats === 'freeze') keepInEval(norm)
    else release(norm)
  }
  return changed as Keys<M>[]
}

/**
 * Makes parameters trainable again, and lets their BatchNorm layers follow `train()`.
 * @param args - patterns as for {@link freeze}; at the end may stand options, see {@link UnfreezeOptions}
 * @returns the names of those that were frozen before
 * @throws {@link ArgumentError} for a pattern that matches nothing, and where the optimizer would not train what it is to train;
 * nothing is changed then
 * @example
 * torch.unfreeze(model, 'layer4.*', { optimizer, lr: 1e-4, resetState: true })
 */
export function unfreeze<M extends Module, const A extends readonly (string | UnfreezeOptions)[]>(
  model: M,
  ...args: Arguments<M, A, UnfreezeOptions>
): Keys<M>[] {
  const owner = 'unfreeze'
  checkModel(owner, model)
  const [patterns, options] = readArguments<UnfreezeOptions>(owner, args, ['optimizer', 'lr', 'resetState'])
  const { optimizer, lr, resetState = false } = options
  checkUnfreeze(owner, options)
  const { parameters, norms } = select(owner, model, patterns)
  // integers have no gradients
  const able = parameters.filter(([, parameter]) => parameter.isFloatingPoint() || parameter.isComplex())
  if (optimizer) checkRegroup(owner, optimizer, able, lr)
  const changed: string[] = []
  for (const [name, parameter] of able) {
    if (!parameter.requiresGrad) changed.push(name)
    parameter.requiresGrad = true
    if (resetState) optimizer?.state.delete(parameter)
  }
  for (const [, norm] of norms) release(norm)
  if (optimizer && lr !== undefined) regroup(optimizer, able, { lr })
  return changed as Keys<M>[]
}

function checkUnfreeze(owner: string, { optimizer, lr, resetState }: UnfreezeOptions): void {
  if (optimizer !== undefined && !(optimizer instanceof Optimizer))
    throw new ArgumentError(`${owner}: optimizer should be one of torch.optim, but is ${describe(optimizer)}`)
  if (optimizer === undefined && (lr !== undefined || resetState !== undefined)) {
    const given = lr === undefined ? 'resetState' : 'lr'
    throw new ArgumentError(`${owner}: ${given} is about an optimizer; give it, too: {optimizer, ${given}}`)
  }
  if (lr !== undefined && !(typeof lr === 'number' && lr >= 0))
    throw new ArgumentError(`${owner}: lr should be a number that is not negative, but is ${describe(lr)}`)
  if (resetState !== undefined && typeof resetState !== 'boolean')
    throw new ArgumentError(`${owner}: resetState should be true or false, but is ${describe(resetState)}`)
}

/**
 * The trainable parameters, for an optimizer: each once, with its first name.
 * @throws {@link ArgumentError} for what is no model
 * @example
 * const optimizer = new torch.optim.SGD(torch.trainable(model), { lr: 0.01 })
 */
export function trainable<M extends Module>(model: M): [Keys<M>, Parameter][] {
  checkModel('trainable', model)
  return model.namedParameters().filter(([, parameter]) => parameter.requiresGrad) as [Keys<M>, Parameter][]
}

/** Patterns, and the options at the end. */
function readArguments<O extends object>(owner: string, args: readonly unknown[], known: string[]): [unknown[], O] {
  const last = args.at(-1)
  const hasOptions = typeof last === 'object' && last !== null
  if (Array.isArray(last)) {
    throw new ArgumentError(`${owner}: patterns are arguments of their own: ${owner}(model, ...patterns)`)
  }
  if (hasOptions) checkOptions(owner, last, known)
  return [hasOptions ? args.slice(0, -1) : [...args], (hasOptions ? last : {}) as O]
}

/** Layers that keep running statistics, with their names. */
export function normsOf(model: Module): [string, Module][] {
  return model.namedModules().filter(([, module]) => {
    const buffers = module._buffers().map(([name]) => name)
    return buffers.includes('running_mean') && buffers.includes('running_var')
  })
}

function select(owner: string, model: Module, patterns: readonly unknown[]): Selection {
  const parameters = model.namedParameters({ removeDuplicate: false })
  const norms = normsOf(model)
  const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
  if (patterns.length === 0) return { parameters: model.namedParameters(), norms }
  // a layer without parameters of its own is meant by the names of its statistics
  const bare = norms.filter(([, norm]) => norm._parameters().length === 0)
  const names = [...parameters.map(([name]) => name), ...bare.map(([path]) => below(path, 'running_mean'))]
  const found = matchingAny(owner, names, patterns, `parameter of ${model._getName()}`)
  const seen = new Set<Parameter>()
  const chosen = parameters.filter(
    ([name, parameter]) => found.has(name) && !seen.has(parameter) && seen.add(parameter),
  )
  const touched = norms.filter(
    ([path, norm]) =>
      found.has(below(path, 'running_mean')) || norm._parameters().some(([, parameter]) => seen.has(parameter)),
  )
  return { parameters: chosen, norms: touched }
}
