/** What the schedulers that are no rows of native/lr_scheduler share: their arguments, and values for each group. */
import type { OptionRow } from '../../binding.js'
import { ArgumentError } from '../errors.js'
import { readArguments } from '../optim/arguments.js'
import type { Optimizer } from '../optim/optimizer.js'
import { type Dict, entriesOf } from '../optim/values.js'
import { camelCase } from '../tensor/names.js'
import { isFloatSlot, markFloats, PyFloat } from '../tensor/python-values.js'

/** An argument's name in Python and its default; without one it has to be given. */
export type Argument = [name: string, fallback?: unknown]

/** All arguments under their names here, the defaults too. */
export function readAll(owner: string, list: Argument[], args: unknown[]): Dict {
  const rows = list.map(([name, fallback]): OptionRow => {
    return { name, kind: 'none', type: '', doc: 'an argument without a default', required: fallback === undefined }
  })
  const defaults = Object.fromEntries(list.map(([name, fallback]) => [camelCase(name), fallback]))
  const all = { ...defaults, ...readArguments(owner, rows, [], args) }
  for (const [key, value] of Object.entries(all)) if (value instanceof PyFloat) all[key] = value.value
  return all
}

/** One number for each group, of a list or of one for all. */
export function forGroups(name: string, optimizer: Optimizer<any>, value: unknown): number[] {
  const { length } = optimizer.paramGroups
  if (Array.isArray(value) && value.length !== length) {
    throw new ArgumentError(
      `${name} must have the same length as optimizer.param_groups. ${name} has ${value.length} values, param_groups has ${length}.`,
    )
  }
  const list = (Array.isArray(value) ? value : Array(length).fill(value)).map(Number)
  return markFloats(list, list.keys())
}

/** Python's `float / float`. */
export function divide(a: number, b: number): number {
  if (b === 0) throw new ArgumentError('float division by zero')
  return a / b
}

/** Python's `a % b`. */
export function modulo(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/** How many of the sorted numbers are at most `value`: Python's `bisect_right`. */
export function bisectRight(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value < sorted[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

/** Which momentum of the optimizer a schedule moves; refuses an optimizer that has none. */
export function usesBeta1(optimizer: Optimizer<any>): boolean {
  const defaults = optimizer.defaults as object
  if (!('momentum' in defaults) && !('betas' in defaults)) {
    throw new ArgumentError('optimizer must support momentum or beta1 with `cycle_momentum` option enabled')
  }
  return 'betas' in defaults
}

/** Writes the momentum of a group, which Adam and its kin call the first of `betas`. */
export function setMomentum({ useBeta1 }: { useBeta1?: boolean }, group: Dict, momentum: number): void {
  if (useBeta1) group.betas = [momentum, ...(group.betas as number[]).slice(1)]
  else group.momentum = momentum
}

/** Notes the ends of a momentum cycle in the groups, and starts at the upper one. */
export function startMomentum(
  of: { useBeta1?: boolean },
  optimizer: Optimizer<any>,
  max: number[],
  base: number[],
): void {
  for (const [i, group] of optimizer.paramGroups.entries()) {
    setMomentum(of, group, max[i]!)
    group.maxMomentum = max[i]
    group.baseMomentum = base[i]
  }
}

/** One entry of a state dict, and the others; what is known of their numbers stays. */
export function without(stateDict: object, key: string): [value: unknown, rest: Map<string, unknown>] {
  const rest = new Map(entriesOf(stateDict, 'the state dict of a scheduler') as [string, unknown][])
  const value = rest.get(key)
  rest.delete(key)
  const floats = [...rest.keys()].filter((name) => isFloatSlot(stateDict, name))
  return [value, markFloats(rest, floats)]
}
