import { StateDictError } from '../errors.js'
import { isFloatSlot, markFloats } from '../tensor/python-values.js'
import type { ParamGroup } from './groups.js'
import type { OptimizerStateDict } from './optimizer.js'
import type { Dict } from './values.js'

/**
 * A state dict put in the order of an optimizer's parameters by their names, so that it can be loaded by position. Parameters that
 * the file does not name start anew, and what it has of others is left out. A group gets the options that the file has for the
 * first of its parameters that is in there, and else keeps its own.
 * @param present - the optimizer's groups as a state dict has them
 * @throws {@link StateDictError} where one of the two has no names, or the file gives one twice
 */
export function alignByName(
  owner: string,
  given: OptimizerStateDict,
  groups: readonly ParamGroup<any>[],
  present: readonly Dict[],
): OptimizerStateDict {
  const known = namesIn(owner, given.param_groups as unknown as Dict[])
  const records = given.state instanceof Map ? given.state : new Map(Object.entries(given.state ?? {}))
  const recordOf = (id: unknown) => records.get(id as never) ?? records.get(String(id) as never)
  const state = new Map<number, Dict>()
  let position = 0
  const aligned = groups.map(({ paramNames }, i) => {
    if (!paramNames) {
      throw new StateDictError(
        `${owner}: group ${i} has no names to load a state dict by; make the optimizer from model.namedParameters()`,
      )
    }
    const first = paramNames.find((name: string) => known.has(name))
    const source = first === undefined ? present[i]! : known.get(first)!.group
    const group: Dict = Object.assign(Object.create(null), source)
    markFloats(
      group,
      Object.keys(source).filter((key) => isFloatSlot(source, key)),
    )
    group.param_names = [...paramNames]
    group.params = paramNames.map((name: string) => {
      const record = known.has(name) ? recordOf(known.get(name)!.id) : undefined
      if (record) state.set(position, record as Dict)
      return position++
    })
    return group
  })
  return Object.assign(Object.create(null), given, { state, param_groups: aligned })
}

function namesIn(owner: string, groups: Dict[]): Map<string, { id: unknown; group: Dict }> {
  const known = new Map<string, { id: unknown; group: Dict }>()
  if (!Array.isArray(groups))
    throw new StateDictError(`${owner}: this is no state dict of an optimizer: it has no list 'param_groups'`)
  for (const [i, group] of groups.entries()) {
    const { params, param_names: names } = group as { params?: unknown[]; param_names?: string[] }
    if (!Array.isArray(params) || !Array.isArray(names) || names.length !== params.length) {
      throw new StateDictError(
        `${owner}: group ${i} of the state dict has no 'param_names', which PyTorch 2.6 and later save where the optimizer was made from ` +
          'named parameters; load it by position',
      )
    }
    for (const [j, name] of names.entries()) {
      if (known.has(name)) throw new StateDictError(`${owner}: the state dict names '${name}' twice`)
      known.set(name, { id: params[j], group })
    }
  }
  return known
}
