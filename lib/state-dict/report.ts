/** What of a model is frozen. */
import { isKept } from '../nn/kept-in-eval.js'
import type { Module } from '../nn/module.js'
import type { Keys } from '../nn/types.js'
import type { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import { normsOf } from './freeze.js'
import { entriesOf, likeStateDict } from './keys.js'
import { checkModel } from './match.js'

/** What {@link frozenReport} tells; as text, it is the table. */
export interface FrozenReport<K extends string = string> {
  /** names of parameters, each parameter once */
  trainable: K[]
  frozen: K[]
  /** layers whose running statistics stay as they are, see {@link freeze} */
  keptInEval: string[]
  /** numbers in the parameters */
  numbers: { trainable: number; frozen: number; total: number }
  /** a row for each module that has parameters of its own */
  table: string
  toString(): string
}

/**
 * Which parameters of a model are frozen, with a table to print.
 * @throws {@link ArgumentError} for what is no model
 * @example
 * console.log(String(torch.frozenReport(model)))
 */
export function frozenReport<M extends Module>(model: M): FrozenReport<Keys<M>> {
  checkModel('frozenReport', model)
  const parameters = model.namedParameters()
  const names = (requiresGrad: boolean) =>
    parameters.filter(([, parameter]) => parameter.requiresGrad === requiresGrad).map(([name]) => name as Keys<M>)
  const count = (tensors: readonly Tensor[]) => tensors.reduce((sum, t) => sum + (isLazy(t) ? 0 : t.numel()), 0)
  const of = (requiresGrad: boolean) =>
    count(parameters.filter(([, p]) => p.requiresGrad === requiresGrad).map(([, p]) => p))
  const numbers = { trainable: of(true), frozen: of(false), total: of(true) + of(false) }
  const table = tableOf(model, numbers)
  return {
    trainable: names(true),
    frozen: names(false),
    keptInEval: normsOf(model)
      .filter(([, norm]) => isKept(norm))
      .map(([path]) => path),
    numbers,
    table,
    toString: () => table,
  }
}

function tableOf(model: Module, numbers: FrozenReport['numbers']): string {
  const seen = new Set<Tensor>()
  const rows: string[][] = []
  for (const [path, module] of model.namedModules()) {
    const own = module._parameters().flatMap(([, p]) => (seen.has(p) ? [] : [p]))
    if (own.length === 0) continue
    for (const parameter of own) seen.add(parameter)
    const free = own.filter((parameter) => parameter.requiresGrad).length
    const state = free === own.length ? 'trainable' : free === 0 ? 'frozen' : `${free} of ${own.length} trainable`
    const size = own.reduce((sum, parameter) => sum + (isLazy(parameter) ? 0 : parameter.numel()), 0)
    rows.push([path || '(model)', module._getName(), grouped(size), isKept(module) ? `${state}, kept in eval` : state])
  }
  const { trainable, total } = numbers
  const share = total === 0 ? '' : ` (${((trainable / total) * 100).toFixed(trainable === total ? 0 : 1)} %)`
  const head = ['module', 'kind', 'numbers', 'state']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row
      .map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [
    line(head),
    ...rows.map(line),
    `${grouped(trainable)} of ${grouped(total)} numbers are trainable${share}`,
  ].join('\n')
}

const grouped = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, ',')

/**
 * The part of the state dict that training changes: trainable parameters, the buffers of the modules that own them, and running
 * statistics that {@link freeze} does not keep. For small checkpoints of a fine-tuned model: `loadStateDict(…, { strict: false })` puts it over the pretrained weights.
 * @throws {@link ArgumentError} for what is no model
 * @example
 * await torch.save(torch.trainableStateDict(model), 'head.pth')
 */
export function trainableStateDict<M extends Module>(model: M): { [K in Keys<M>]?: Tensor } {
  checkModel('trainableStateDict', model)
  const wanted = new Set<string>()
  // training goes on changing the statistics of a frozen norm that is not kept in evaluation
  const counting = new Set(normsOf(model).flatMap(([, norm]) => (isKept(norm) ? [] : [norm])))
  for (const [path, module] of model.namedModules({ removeDuplicate: false })) {
    const free = module._parameters().filter(([, parameter]) => parameter.requiresGrad)
    if (free.length === 0 && !counting.has(module)) continue
    for (const [name] of [...free, ...module._buffers()]) wanted.add(path === '' ? name : `${path}.${name}`)
  }
  const stateDict = model.stateDict()
  return likeStateDict(
    stateDict,
    entriesOf('trainableStateDict', stateDict).filter(([key]) => wanted.has(key)),
  )
}
