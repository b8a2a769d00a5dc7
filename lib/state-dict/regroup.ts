/** Parameters in the groups of an optimizer. */
import { ArgumentError } from '../errors.js'
import type { ParamGroup } from '../optim/groups.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Parameter } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import { listed } from './glob.js'

type Named = readonly [name: string, parameter: Parameter]

/** The group that each parameter is in. */
function groupsByParameter(optimizer: Optimizer<any>): Map<Tensor, ParamGroup<any>> {
  const groups = new Map<Tensor, ParamGroup<any>>()
  for (const group of optimizer.paramGroups) for (const parameter of group.params) groups.set(parameter, group)
  return groups
}

/** Refuses parameters that the optimizer does not have, unless they get a group. */
export function checkRegroup(
  owner: string,
  optimizer: Optimizer<any>,
  parameters: readonly Named[],
  lr: number | undefined,
): void {
  const groups = groupsByParameter(optimizer)
  const absent = parameters.filter(([, parameter]) => !groups.has(parameter)).map(([name]) => name)
  if (absent.length === 0 || lr !== undefined) return
  throw new ArgumentError(
    `${owner}: ${listed(absent)} ${absent.length === 1 ? 'is' : 'are'} in no group of the optimizer, and would never change. ` +
      'Give lr to add a group for what is missing: {optimizer, lr: 1e-4}',
  )
}

/**
 * Gives parameters the options: those that fill a group get them there; others leave their group for one of their own, with that one's
 * other options; and those that the optimizer does not have make a new group.
 */
export function regroup(optimizer: Optimizer<any>, parameters: readonly Named[], options: { lr: number }): void {
  const groups = groupsByParameter(optimizer)
  const chosen = new Set<Tensor>(parameters.map(([, parameter]) => parameter))
  const names = new Map<Tensor, string>(parameters.map(([name, parameter]) => [parameter, name]))
  for (const group of new Set(parameters.map(([, parameter]) => groups.get(parameter)))) {
    if (group === undefined || group.lr === options.lr) continue
    const stay = group.params.map((parameter: Tensor) => !chosen.has(parameter))
    if (!stay.includes(true)) Object.assign(group, options)
    else split(optimizer, group, stay, options)
  }
  const fresh = parameters.filter(([, parameter]) => !groups.has(parameter)).map(([, parameter]) => parameter)
  if (fresh.length > 0) addGroup(optimizer, fresh, names, options)
}

/** Moves the parameters that do not stay into a new group. */
function split(optimizer: Optimizer<any>, group: ParamGroup<any>, stay: boolean[], options: object): void {
  const { params, paramNames, ...rest } = group
  const moved = params.filter((_: Tensor, i: number) => !stay[i])
  const names = new Map<Tensor, string>(
    params.map((parameter: Tensor, i: number): [Tensor, string] => [parameter, paramNames?.[i] ?? '']),
  )
  group.params = params.filter((_: Tensor, i: number) => stay[i])
  if (paramNames) group.paramNames = paramNames.filter((_: string, i: number) => stay[i])
  addGroup(optimizer, moved, names, { ...rest, ...options })
}

/** Adds a group; with names where the others have them. */
export function addGroup(
  optimizer: Optimizer<any>,
  parameters: readonly Tensor[],
  names: ReadonlyMap<Tensor, string>,
  options: object,
): void {
  const named = optimizer.paramGroups.some((group) => group.paramNames !== undefined)
  const params = named
    ? parameters.map((parameter) => [names.get(parameter)!, parameter] as [string, Tensor])
    : [...parameters]
  optimizer.addParamGroup({ ...options, params } as never)
}
