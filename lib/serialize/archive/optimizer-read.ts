/**
 * The archive of a C++ optimizer as Python's `state_dict()`. C++ names states by the addresses that the parameters had; the groups list
 * these addresses in order, by which they become Python's positions.
 * Source: torch/csrc/api/include/torch/optim/serialize.h, PyTorch 2.13 (cf30153c).
 */
import { markFloats, Tuple } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { kindOf, type Node, PyFloatNode, PyStr } from '../nodes.js'
import { plainNode } from './lists.js'
import { kindOfOptions, type OptimizerKind, type OptionType, type StateType } from './optimizer-kinds.js'
import type { Archive, ArchiveModule } from './read.js'

type Dict = Record<string, unknown>

interface Group {
  options: ArchiveModule
  addresses: string[]
}

/** An optimizer of a known kind. */
export interface FoundOptimizer {
  kind: OptimizerKind
  states: Map<string, ArchiveModule>
  groups: Group[]
}

/** The optimizer that a module of an archive stands for. */
export function optimizerKind(archive: Archive, module: ArchiveModule): FoundOptimizer | undefined {
  const own = new Map(module.attributes)
  const [state, packed] = ['state', 'param_groups'].map((name) => {
    const node = own.get(name)
    return node === undefined ? undefined : archive.module(node)
  })
  if (!(own.get('pytorch_version') instanceof PyStr) || state === undefined || packed === undefined) return undefined
  const groups: Group[] = []
  const held = new Map(packed.attributes)
  for (let i = 0; held.has(`param_groups/${i}`); i++) {
    const group = archive.module(held.get(`param_groups/${i}`)!)
    const parts = new Map(group?.attributes)
    const options = parts.has('options') ? archive.module(parts.get('options')!) : undefined
    if (options === undefined) return undefined
    groups.push({ options, addresses: addressesOf(archive, parts) })
  }
  const first = new Set(groups[0]?.options.attributes.map(([name]) => name))
  const kind = kindOfOptions((option) => first.has(option))
  if (kind === undefined) return undefined
  const states = new Map<string, ArchiveModule>()
  for (const [address, node] of state.attributes) {
    const record = archive.module(node)
    if (record) states.set(address, record)
  }
  return { kind, states, groups }
}

function addressesOf(archive: Archive, parts: Map<string, Node>): string[] {
  const addresses: string[] = []
  for (let i = 0; parts.has(`params/${i}`); i++) {
    const address = parts.get(`params/${i}`)
    if (!(address instanceof PyStr))
      throw archive.bad(`a parameter of an optimizer is ${kindOf(address)}, not its name`)
    addresses.push(address.text)
  }
  return addresses
}

/** Its state dict in Python's layout. */
export function optimizerState(archive: Archive, { kind, states, groups }: FoundOptimizer): object {
  const state = new Map<number, Dict>()
  let position = 0
  const packed = groups.map(({ options, addresses }) => {
    const group = groupOf(archive, kind, options)
    const params: number[] = []
    for (const address of addresses) {
      const record = states.get(address)
      const values = record && stateOf(archive, kind, record)
      if (values && Object.keys(values).length > 0) state.set(position, values)
      params.push(position++)
    }
    return Object.assign(group, { params })
  })
  return Object.assign(Object.create(null), { state, param_groups: packed })
}

function groupOf(archive: Archive, kind: OptimizerKind, { attributes }: ArchiveModule): Dict {
  const group: Dict = Object.create(null)
  const values = new Map(attributes)
  for (const [key, type] of Object.entries(kind.options)) {
    if (typeof type === 'object') {
      const node = values.get(key)
      group[key] = node === undefined ? type.only : archive.reviver.value(node)
      continue
    }
    group[key] = optionOf(archive, `${kind.name}'s ${key}`, type, values.get(key))
    if (type === 'float') markFloats(group, [key])
    if (type === 'floats') markFloats(group[key] as object, [0, 1])
  }
  // what C++ does not know, and Node wrote beside it
  for (const [key, node] of attributes) {
    if (key in group || key === 'params') continue
    group[key] = archive.reviver.value(node)
    if (node instanceof PyFloatNode) markFloats(group, [key])
  }
  return group
}

function optionOf(archive: Archive, what: string, type: OptionType, node: Node | undefined): unknown {
  const value = node === undefined ? undefined : archive.reviver.value(node)
  const isNumber = typeof value === 'number'
  const fits =
    type === 'float'
      ? isNumber
      : type === 'int'
        ? isNumber && Number.isInteger(value)
        : type === 'bool'
          ? typeof value === 'boolean'
          : type === 'floats'
            ? value instanceof Tuple && value.length === 2 && value.every((item) => typeof item === 'number')
            : value === null || (type === 'int?' ? Number.isInteger(value) : typeof value === 'string')
  if (!fits) throw archive.bad(`${what} is ${kindOf(node)}`)
  return value
}

function stateOf(archive: Archive, kind: OptimizerKind, { attributes, call }: ArchiveModule): Dict {
  const record: Dict = Object.create(null)
  const nodes = new Map(attributes)
  for (const [key, type] of Object.entries(kind.state)) {
    const node = nodes.get(key)
    // what is undefined in C++ is not in the file
    if (node === undefined || node === null) continue
    const value = stateValue(archive, type, plainNode(node))
    if (value === undefined) throw archive.bad(`${key} in a parameter's state of ${kind.name} is ${kindOf(node)}`, call)
    record[key] = value
    if (type === 'float') markFloats(record, [key])
  }
  return record
}

function stateValue(archive: Archive, type: StateType, node: Node): unknown {
  const value = archive.reviver.value(node)
  switch (type) {
    case 'step': {
      if (typeof value !== 'number') return undefined
      const bytes = new Uint8Array(Float32Array.of(value).buffer)
      return archive.reviver.tensors.fromBytes(bytes, 'float32', [])
    }
    case 'int':
    case 'float':
      return typeof value === 'number' ? value : undefined
    case 'tensor':
      return value instanceof Tensor ? value : undefined
    default:
      if (!Array.isArray(value)) return undefined
      return value.every((item) => item instanceof Tensor || (item === null && type === 'tensors?')) ? value : undefined
  }
}
