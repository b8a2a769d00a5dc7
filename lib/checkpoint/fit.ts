/** Whether what a checkpoint has fits the objects that it is to be restored into. Nothing is changed here. */
import type { Module } from '../nn/module.js'
import { problemsOf } from '../nn/state-dict.js'
import type { Optimizer } from '../optim/optimizer.js'
import { isFloatSlot, markFloats } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'

type Dict = Record<string, unknown>

export const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Tensor)

/** What a module would complain of. */
export function moduleProblems(name: string, module: Module, state: unknown): string[] {
  if (!isDict(state)) return [`${name}: the file has no state dict for it`]
  const problems = problemsOf(module, state as Record<string, Tensor>)
  const keys = state instanceof Map ? [...state.keys()] : Object.keys(state)
  const prefix = keys.length > 0 && ['module.', '_orig_mod.'].find((each) => keys.every((key) => key.startsWith(each)))
  if (problems.length === 0) return []
  const hint = prefix ? ` (all keys of the file begin with '${prefix}': see stripPrefix)` : ''
  return [`${name}${hint}: ${shortened(problems).join('; ')}`]
}

function shortened(list: string[]): string[] {
  return list.length > 6 ? [...list.slice(0, 5), `and ${list.length - 5} more`] : list
}

/** State of this kind has the shape of its parameter. */
const shaped = [
  'exp_avg',
  'exp_avg_sq',
  'max_exp_avg_sq',
  'momentum_buffer',
  'square_avg',
  'grad_avg',
  'acc_delta',
  'sum',
  'exp_inf',
  'ax',
]

/** Keys of groups that come and go with the versions of PyTorch, or with schedulers. */
const passing = /^(params|param_names|initial_lr|max_lr|min_lr|max_momentum|base_momentum|swa_lr)$/

/**
 * An optimizer's state dict put in the order of its parameters here, by their names where both sides have them; and what does not fit.
 * The state dict that is given is not needed any more after it.
 */
export function alignOptimizer(
  name: string,
  optimizer: Optimizer<any>,
  state: unknown,
  saved: string[][] | null | undefined,
  present: string[][] | null,
): { state?: object; problems: string[] } {
  const groups = isDict(state) ? (state.param_groups as Dict[]) : undefined
  if (!Array.isArray(groups) || !groups.every((group) => isDict(group) && Array.isArray(group.params)))
    return { problems: [`${name}: the file has no state dict of an optimizer for it`] }
  const problems = optionProblems(name, optimizer, groups)
  const sizes = groups.map(({ params }) => (params as unknown[]).length)
  const named = saved && present && String(saved.map(({ length }) => length)) === String(sizes)
  const order = named ? matchNames(name, saved, present, problems) : matchSizes(name, sizes, optimizer, problems)
  if (order === undefined || problems.length > 0) return { problems }

  const records = recordsOf(state as Dict)
  const aligned = new Map<unknown, unknown>()
  let position = 0
  const newGroups = order.map(({ group, members }, i) => {
    const from = groups[group]!
    const ids = from.params as unknown[]
    const parameters = optimizer.paramGroups[i]!.params as Tensor[]
    const own: number[] = []
    for (const [j, member] of members.entries()) {
      const record = records.get(String(ids[member]))
      if (record !== undefined) {
        aligned.set(position, record)
        problems.push(...shapeProblems(name, present?.[i]?.[j] ?? `parameter ${position}`, record, parameters[j]!))
      }
      own.push(position++)
    }
    return regrouped(from, own, members)
  })
  const dict = Object.assign(Object.create(null), state, { state: aligned, param_groups: newGroups })
  return { state: dict, problems }
}

type Order = { group: number; members: number[] }[]

/** For each group here the one of the file with the same parameters, and their places in it. */
function matchNames(name: string, saved: string[][], present: string[][], problems: string[]): Order | undefined {
  const places = new Map<string, { group: number; member: number }>()
  for (const [group, names] of saved.entries())
    for (const [member, each] of names.entries()) places.set(each, { group, member })
  const here = new Set(present.flat())
  const missing = [...here].filter((each) => !places.has(each))
  const left = [...places.keys()].filter((each) => !here.has(each))
  if (missing.length > 0)
    problems.push(
      `${name}: the file has no state of ${list(missing)}, which this optimizer has; leave '${name}' out of resume() to start it anew`,
    )
  if (left.length > 0) problems.push(`${name}: the file has state of ${list(left)}, which this optimizer does not have`)
  if (missing.length > 0 || left.length > 0) return undefined
  const order = present.map((names) => ({
    group: places.get(names[0] ?? '')?.group ?? -1,
    members: names.map((each) => places.get(each)!.member),
  }))
  const same = (i: number): boolean =>
    present[i]!.every((each) => places.get(each)!.group === order[i]!.group) &&
    (order[i]!.group < 0 || saved[order[i]!.group]!.length === present[i]!.length)
  // groups without parameters have no names to go by
  for (const [i, each] of order.entries()) if (each.group < 0 && saved[i]?.length === 0) each.group = i
  if (present.length === saved.length && order.every(({ group }, i) => group >= 0 && same(i))) return order
  problems.push(
    `${name}: its parameters are in groups of ${present.map(({ length }) => length).join(' + ')} here, and in other ones in the ` +
      `file: ${saved.map(({ length }) => length).join(' + ')}`,
  )
  return undefined
}

function list(names: string[]): string {
  return shortened(names.map((each) => `'${each}'`)).join(', ')
}

/** By position, as Python does it. */
function matchSizes(name: string, sizes: number[], optimizer: Optimizer<any>, problems: string[]): Order | undefined {
  const here = optimizer.paramGroups.map(({ params }) => params.length)
  if (String(here) === String(sizes))
    return sizes.map((size, group) => ({ group, members: Array.from({ length: size }, (_, i) => i) }))
  problems.push(
    `${name}: has groups of ${here.join(' + ')} parameters here, and of ${sizes.join(' + ')} in the file; make it over the same ` +
      'parameters as when it was saved',
  )
  return undefined
}

function optionProblems(name: string, optimizer: Optimizer<any>, groups: Dict[]): string[] {
  const own = optimizer.stateDict().param_groups[0]
  if (!own || !groups[0]) return []
  const options = (group: Dict): string[] => Object.keys(group).filter((key) => !passing.test(key))
  const missing = options(own).filter((key) => !(key in groups[0]!))
  const other = options(groups[0]).filter((key) => !(key in own))
  // one side alone may be an older version of the same optimizer
  if (missing.length === 0 || other.length === 0) return []
  return [
    `${name}: the file is of another optimizer than ${optimizer.constructor.name}: it has ${other.join(', ')} and not ${missing.join(', ')}`,
  ]
}

function shapeProblems(name: string, parameter: string, record: unknown, tensor: Tensor): string[] {
  if (!isDict(record)) return [`${name}: the state of ${parameter} is no dict`]
  return shaped.flatMap((key) => {
    const value = record[key]
    if (!(value instanceof Tensor) || String(value.shape) === String(tensor.shape)) return []
    return [`${name}: ${key} of ${parameter} is [${value.shape}] in the file, and the parameter is [${tensor.shape}]`]
  })
}

function recordsOf({ state }: Dict): Map<string, unknown> {
  const entries = state instanceof Map ? [...state] : Object.entries(state ?? {})
  return new Map(entries.map(([id, record]) => [String(id), record]))
}

/** A group with its parameters in another order. */
function regrouped(group: Dict, params: number[], members: number[]): Dict {
  const copy: Dict = Object.assign(Object.create(null), group, { params })
  if (Array.isArray(group.param_names)) copy.param_names = members.map((i) => (group.param_names as unknown[])[i])
  return markFloats(
    copy,
    Object.keys(group).filter((key) => isFloatSlot(group, key)),
  )
}

/** What a scheduler would not notice: the state of another one. */
export function schedulerProblems(name: string, scheduler: { stateDict(): unknown }, state: unknown): string[] {
  const own = scheduler.stateDict()
  if (!isDict(state) || !isDict(own)) return [`${name}: the file has no state dict for it`]
  const open = (dict: Dict): string[] => Object.keys(dict).filter((key) => !key.startsWith('_') && key !== 'verbose')
  const missing = open(own).filter((key) => !(key in state))
  const other = open(state).filter((key) => !(key in own))
  if (missing.length === 0 && other.length === 0) return []
  const has = [other.length > 0 && `has ${other.join(', ')}`, missing.length > 0 && `lacks ${missing.join(', ')}`]
  return [
    `${name}: the file is of another scheduler than ${scheduler.constructor.name}: it ${has.filter(Boolean).join(' and ')}`,
  ]
}
