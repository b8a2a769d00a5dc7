/** `torch.nn.utils.prune`: parts of parameters set to zero and kept there. Rules and messages: torch/nn/utils/prune.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { describe, unknownOption } from '../../tensor/operator.js'
import type { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { type Call, needTensor } from '../call.js'
import type { Module } from '../module.js'
import { parametersToVector } from './convert-parameters.js'
import { methodsOf, removeMethod } from './forward-methods.js'
import { attributes, needModule, tensorOf } from './members.js'
import { applyMethod, BasePruningMethod, type MethodClass, PruningContainer } from './pruning.js'
import {
  type Amount,
  CustomFromMask,
  Identity,
  L1Unstructured,
  LnStructured,
  RandomStructured,
  RandomUnstructured,
} from './pruning-methods.js'

export type { PruningType } from './pruning.js'
export type { Amount }
export {
  BasePruningMethod,
  CustomFromMask,
  Identity,
  L1Unstructured,
  LnStructured,
  PruningContainer,
  RandomStructured,
  RandomUnstructured,
}

/** What tells the channels or elements apart, in place of the tensor's own values. */
export interface ScoreOptions {
  /** of the tensor's shape */
  importanceScores?: Tensor | null
}
type Scores = Tensor | null | undefined

/** Prunes nothing, but makes the tensor one that is pruned: `<name>_orig` and `<name>_mask`. */
export function identity<M extends Module>(module: M, name: string): M {
  applyMethod(module, name, () => new Identity(), null)
  return module
}

/** Prunes elements at random. */
export function randomUnstructured<M extends Module>(module: M, name: string, amount: Amount | { amount: Amount }): M
export function randomUnstructured(...args: unknown[]): Module {
  const [module, name, amount] = takeArguments('randomUnstructured', ['module', 'name', 'amount'], args)
  applyMethod(module as Module, name as string, () => new RandomUnstructured(amount as Amount), null)
  return module as Module
}

/**
 * Prunes the elements of the least absolute value.
 * @example
 * prune.l1Unstructured(layer, 'weight', 0.3) // 30 % of the weights are zero now
 */
export function l1Unstructured<M extends Module>(
  module: M,
  name: string,
  amount: Amount,
  ...args: Call<[importanceScores: Scores], ScoreOptions>
): M
export function l1Unstructured<M extends Module>(module: M, name: string, options: { amount: Amount } & ScoreOptions): M
export function l1Unstructured(...args: unknown[]): Module {
  const names = ['module', 'name', 'amount', 'importanceScores']
  const [module, name, amount, scores] = takeArguments('l1Unstructured', names, args)
  applyMethod(module as Module, name as string, () => new L1Unstructured(amount as Amount), (scores as Scores) ?? null)
  return module as Module
}

/** Prunes channels of dimension `dim` at random. */
export function randomStructured<M extends Module>(
  module: M,
  name: string,
  amount: Amount,
  dim: number | { dim: number },
): M
export function randomStructured<M extends Module>(module: M, name: string, options: { amount: Amount; dim: number }): M
export function randomStructured(...args: unknown[]): Module {
  const [module, name, amount, dim] = takeArguments('randomStructured', ['module', 'name', 'amount', 'dim'], args)
  needDim('randomStructured', dim)
  applyMethod(module as Module, name as string, () => new RandomStructured(amount as Amount, dim as number), null)
  return module as Module
}

/** Prunes the channels of dimension `dim` whose norm of order `n` is least. */
export function lnStructured<M extends Module>(
  module: M,
  name: string,
  amount: Amount,
  n: number | 'fro' | 'nuc',
  dim: number,
  ...args: Call<[importanceScores: Scores], ScoreOptions>
): M
export function lnStructured<M extends Module>(
  module: M,
  name: string,
  options: { amount: Amount; n: number | 'fro' | 'nuc'; dim: number } & ScoreOptions,
): M
export function lnStructured<M extends Module>(
  module: M,
  name: string,
  amount: Amount,
  options: { n: number | 'fro' | 'nuc'; dim: number } & ScoreOptions,
): M
export function lnStructured(...args: unknown[]): Module {
  const names = ['module', 'name', 'amount', 'n', 'dim', 'importanceScores']
  const [module, name, amount, n, dim, scores] = takeArguments('lnStructured', names, args)
  needDim('lnStructured', dim)
  const make = (): BasePruningMethod => new LnStructured(amount as Amount, n as number, dim as number)
  applyMethod(module as Module, name as string, make, (scores as Scores) ?? null)
  return module as Module
}

function needDim(what: string, dim: unknown): void {
  if (!Number.isInteger(dim))
    throw new ArgumentError(`${what}(): expected dim to be an integer, received ${describe(dim)}`)
}

/** Prunes where a mask is 0. */
export function customFromMask<M extends Module>(module: M, name: string, mask: Tensor | { mask: Tensor }): M
export function customFromMask(...args: unknown[]): Module {
  const [module, name, mask] = takeArguments('customFromMask', ['module', 'name', 'mask'], args)
  const given = needTensor('customFromMask', 'mask', mask)
  applyMethod(module as Module, name as string, () => new CustomFromMask(given), null)
  return module as Module
}

/** Scores for one tensor of a module. */
export type GlobalScores = Iterable<readonly [module: Module, name: string, scores: Tensor]>

/**
 * Prunes the tensors of several modules as if they were one: each loses what is least in comparison with all.
 * @param parameters - pairs of a module and the name of its tensor
 * @param pruningMethod - a class that chooses elements, such as `prune.L1Unstructured`
 * @param options - its arguments by name, and `importanceScores`: triples of a module, a name and scores
 * @example
 * prune.globalUnstructured([[model.fc1, 'weight'], [model.fc2, 'weight']], prune.L1Unstructured, { amount: 0.2 })
 */
export function globalUnstructured(
  parameters: Iterable<readonly [module: Module, name: string]>,
  pruningMethod: MethodClass,
  options: { importanceScores?: GlobalScores | null; [argument: string]: unknown } = {},
): void {
  if (typeof parameters !== 'object' || parameters === null || !(Symbol.iterator in parameters)) {
    throw new ArgumentError('global_unstructured(): parameters is not an Iterable')
  }
  const { importanceScores, ...named } = options
  const scores = [...(importanceScores ?? [])]
  const pairs = [...parameters]
  const scoreOf = (module: Module, name: string): Tensor =>
    scores.find(([of, what]) => of === module && what === name)?.[2] ?? tensorOf(module, name)
  const values = parametersToVector(pairs.map(([module, name]) => scoreOf(module, name)))
  const before = parametersToVector(
    pairs.map(
      ([module, name]) =>
        (attributes(module)[`${name}_mask`] as Tensor | undefined) ?? functions.onesLike(tensorOf(module, name)),
    ),
  )
  const names = (pruningMethod as unknown as typeof BasePruningMethod).argumentNames ?? Object.keys(named)
  for (const key of Object.keys(named))
    if (!names.includes(key)) throw unknownOption('globalUnstructured', key, [...names])
  const method = new pruningMethod(...names.map((key) => named[key]))
  method._tensorName = 'temp'
  if (method.PRUNING_TYPE !== 'unstructured') {
    throw new ArgumentError(
      `Only "unstructured" PRUNING_TYPE supported for the \`pruning_method\`. Found method <class 'torch.nn.utils.prune.${pruningMethod.name}'> of type ${method.PRUNING_TYPE}`,
    )
  }
  const mask = new PruningContainer(method).computeMask(values, before)
  let at = 0
  for (const [module, name] of pairs) {
    const tensor = tensorOf(module, name)
    const size = tensor.numel()
    customFromMask(module, name, mask.index(`${at}:${at + size}`).viewAs(tensor))
    at += size
  }
}

/** Makes pruning permanent: the tensor is the parameter again, with its zeros. */
export function remove<M extends Module>(module: M, name: string): M {
  const [method] = methodsOf(needModule('remove', module), BasePruningMethod, name)
  if (method === undefined) {
    throw new ArgumentError(`Parameter '${name}' of module ${module} has to be pruned before pruning can be removed`)
  }
  method.remove(module)
  removeMethod(module, method)
  return module
}

/** Whether anything in the module is pruned. */
export function isPruned(module: Module): boolean {
  return needModule('isPruned', module)
    .modules()
    .some((part) => methodsOf(part, BasePruningMethod).length > 0)
}
