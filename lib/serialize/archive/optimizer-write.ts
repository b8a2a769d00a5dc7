/**
 * Python's state dict of an optimizer as C++ writes it: in place of addresses the parameters have numbers, which C++ reads as such.
 * Source: torch/csrc/api/include/torch/optim/serialize.h, PyTorch 2.13 (cf30153c).
 */
import { native } from '../../binding.js'
import { entriesInOrder, Tuple } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { PyStr, PyTuple } from '../nodes.js'
import { floatNode } from '../to-nodes.js'
import { typedList } from './lists.js'
import {
  kindOfOptions,
  type OptimizerKind,
  type OptionType,
  optimizerKinds,
  type StateType,
} from './optimizer-kinds.js'
import { type Leaf, Tree } from './tree.js'
import type { Planner } from './write.js'

type Dict = Map<string, unknown>

interface OptimizerState {
  state: object
  param_groups: unknown[]
}

export function isOptimizerState(value: unknown): value is OptimizerState {
  const dict = dictOf(value)
  return dict !== undefined && dictOf(dict.get('state')) !== undefined && Array.isArray(dict.get('param_groups'))
}

function dictOf(value: unknown): Dict | undefined {
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [String(key), item]))
  if (typeof value !== 'object' || value === null) return undefined
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype ? new Map(entriesInOrder(value)) : undefined
}

/** The archive of an optimizer. */
export function optimizerTree(planner: Planner, value: OptimizerState, path: string[]): Tree {
  const given = dictOf(value)!
  const groups = (given.get('param_groups') as unknown[]).map((group, i) => {
    const dict = dictOf(group)
    if (dict === undefined || !Array.isArray(dict.get('params'))) {
      throw planner.refuse(
        [...path, 'param_groups', String(i)],
        "a group of an optimizer has to be an object with 'params'",
      )
    }
    return dict
  })
  const kind = kindOfOptions((option) => groups[0]?.has(option) === true)
  if (kind === undefined) {
    const known = optimizerKinds.map(({ name }) => (name === 'Adam' ? 'Adam, AdamW' : name)).join(', ')
    throw planner.refuse(path, `this is the state of an optimizer that C++ does not have; it has ${known}`)
  }
  const tree = new Tree()
  tree.attributes.set('pytorch_version', { type: 'str', node: new PyStr('1.5.0') })
  const states = tree.child('state')!
  const packed = tree.child('param_groups')!
  const addresses = new Map<string, string>()
  packed.attributes.set('param_groups/size', planner.tensor(sizeTensor(groups.length), path, 'parameter'))
  for (const [i, group] of groups.entries()) {
    const at = [...path, 'param_groups', String(i)]
    const params = group.get('params') as unknown[]
    const inner = packed.child(`param_groups/${i}`)!
    inner.attributes.set('params/size', planner.tensor(sizeTensor(params.length), at, 'parameter'))
    for (const [j, param] of params.entries()) {
      const address = String(addresses.size + 1)
      addresses.set(String(param), address)
      inner.attributes.set(`params/${j}`, { type: 'str', node: new PyStr(address) })
    }
    writeOptions(planner, kind, group, inner.child('options')!, at)
  }
  for (const [param, record] of dictOf(given.get('state'))!) {
    const address = addresses.get(param)
    const dict = dictOf(record)
    const at = [...path, 'state', param]
    if (address === undefined || dict === undefined) {
      throw planner.refuse(at, 'a state has to be an object and belong to a parameter of a group')
    }
    writeState(planner, kind, dict, states.child(address)!, at)
  }
  return tree
}

function writeOptions(planner: Planner, kind: OptimizerKind, group: Dict, out: Tree, path: string[]): void {
  for (const [key, type] of Object.entries(kind.options)) {
    const value = numberOf(group.get(key))
    const at = [...path, key]
    if (typeof type !== 'object') {
      out.attributes.set(key, optionLeaf(planner, type, value, at))
      continue
    }
    if (key === 'maximize' && value === true) throw planner.refuse(at, `${kind.name} of C++ cannot maximize`)
    // C++ looks past what it does not know, and it is there when the file is read here
    if (value !== undefined && value !== type.only) out.attributes.set(key, planner.value(value, false, at))
  }
  for (const [key, value] of group) {
    if (key === 'params' || key in kind.options) continue
    out.attributes.set(
      key,
      planner.value(numberOf(value), typeof value === 'number' && /lr$/.test(key), [...path, key]),
    )
  }
}

/** The number in a tensor of one, as a learning rate may be. */
function numberOf(value: unknown): unknown {
  return value instanceof Tensor && native().numel(value) === 1 ? value.item() : value
}

function optionLeaf(planner: Planner, type: OptionType, value: unknown, path: string[]): Leaf {
  const wrong = (expected: string) => planner.refuse(path, `C++ needs ${expected} here`)
  switch (type) {
    case 'float':
      if (typeof value !== 'number') throw wrong('a number')
      return { type: 'float', node: floatNode(value) }
    case 'floats': {
      const numbers = Array.isArray(value) ? Array.from(value, numberOf) : []
      if (numbers.length !== 2 || !numbers.every((item) => typeof item === 'number')) throw wrong('two numbers')
      return { type: 'Tuple[float, float]', node: new PyTuple(Tuple.from(numbers as number[]).map(floatNode)) }
    }
    case 'bool':
      if (typeof value !== 'boolean') throw wrong('true or false')
      return { type: 'bool', node: value }
    case 'str?':
      if (value === null || value === undefined) return { type: 'NoneType', node: null }
      if (typeof value !== 'string') throw wrong('a text')
      return { type: 'str', node: new PyStr(value) }
    default:
      if (type === 'int?' && (value === null || value === undefined)) return { type: 'NoneType', node: null }
      if (!Number.isSafeInteger(value)) throw wrong('a whole number')
      return { type: 'int', node: value as number }
  }
}

function writeState(planner: Planner, kind: OptimizerKind, record: Dict, out: Tree, path: string[]): void {
  const like = [...record.values()].find((value) => value instanceof Tensor && native().numel(value) > 1)
  for (const [key, value] of record) {
    const type = kind.state[key]
    const at = [...path, key]
    if (type === undefined) throw planner.refuse(at, `${kind.name} of C++ has no such state`)
    // what is undefined in C++ is not in the file
    if (value === null || value === undefined) continue
    const leaf = stateLeaf(planner, type, value, like as Tensor | undefined, at)
    if (leaf) out.attributes.set(key, leaf)
  }
}

function stateLeaf(
  planner: Planner,
  type: StateType,
  value: unknown,
  like: Tensor | undefined,
  path: string[],
): Leaf | undefined {
  const number = numberOf(value)
  switch (type) {
    case 'tensor': {
      const tensor = typeof value === 'number' ? scalar(value, like) : value
      if (!(tensor instanceof Tensor)) throw planner.refuse(path, 'C++ needs a tensor here')
      return planner.tensor(tensor, path)
    }
    case 'float':
      if (typeof number !== 'number') throw planner.refuse(path, 'C++ needs a number here')
      return { type: 'float', node: floatNode(number) }
    case 'tensors':
    case 'tensors?': {
      const items = Array.isArray(value) ? value : []
      // scratch of LBFGS that is not filled yet, which C++ can neither save nor needs
      if (type === 'tensors?' && items.some((item) => item === null)) return undefined
      const nodes = items.map((item, i) => {
        if (!(item instanceof Tensor)) throw planner.refuse([...path, String(i)], 'C++ needs a tensor here')
        return planner.tensor(item, path).node
      })
      return typedList('Tensor', nodes)
    }
    default:
      if (!Number.isSafeInteger(number)) throw planner.refuse(path, 'C++ needs a whole number here')
      return { type: 'int', node: number as number }
  }
}

/** A number as a tensor of the dtype of the others. */
function scalar(value: number, like: Tensor | undefined): Tensor {
  const double = like !== undefined && native().dtype(like) === 'float64'
  const bytes = new Uint8Array((double ? Float64Array : Float32Array).of(value).buffer)
  return native().fromBytes(new Tensor(), bytes, double ? 'float64' : 'float32', [], true)
}

/** A tensor of one int64, as C++ writes sizes. */
function sizeTensor(value: number): Tensor {
  return native().fromBytes(new Tensor(), new Uint8Array(BigInt64Array.of(BigInt(value)).buffer), 'int64', [], true)
}
