/**
 * Archives as C++'s `torch::save` writes them, which a C++ program opens with `torch::load` and Python with `torch.jit.load`.
 * Source: torch/csrc/api/src/serialize/output-archive.cpp, PyTorch 2.13 (cf30153c).
 */
import type { StorageHandle } from '../../../binding.js'
import { ArgumentError } from '../../errors.js'
import { entriesInOrder, isFloatSlot, isOrderedDict, metadataOf, PyFloat, Tuple } from '../../tensor/python-values.js'
import { Tensor } from '../../tensor/tensor.js'
import { PyStr, PyTuple } from '../nodes.js'
import { writePickle } from '../pickle-write.js'
import { nativeTensors } from '../tensor-native.js'
import { TensorWriter } from '../tensor-nodes.js'
import { Describer, floatNode } from '../to-nodes.js'
import { typedList } from './lists.js'
import { isOptimizerState, optimizerTree } from './optimizer-write.js'
import { deepest, describeTree, type Leaf, Tree } from './tree.js'

/** What a file consists of: records in order, then the storages. */
export interface ArchivePlan {
  records: [name: string, bytes: Uint8Array][]
  storages: { key: string; handle: StorageHandle }[]
}

/** The archive of a module, a state dict, a tensor, an array of tensors, an optimizer's state dict, or an object of such. */
export function planArchive(obj: unknown): ArchivePlan {
  const planner = new Planner()
  const { node, code } = describeTree(planner.root(obj))
  const text = (content: string): Uint8Array => new TextEncoder().encode(content)
  return {
    records: [
      ['data.pkl', writePickle(node)],
      ...code.map(([record, content]): [string, Uint8Array] => [record, text(content)]),
      ['constants.pkl', writePickle(new PyTuple([]))],
      ['byteorder', text('little')],
    ],
    storages: planner.storages,
  }
}

/** Buffers by the names that layers of PyTorch give them, where the tensor does not say. */
const bufferNames = new Set(['running_mean', 'running_var', 'num_batches_tracked'])

/** What is known of a tensor's role beside the tensor. */
interface Context {
  /** where the state dict of a module is written, its tensors are detached, and do not say that they are trained */
  trained: boolean
  /** the parameters of a module, of which its state dict has detached tensors */
  parameters?: Map<string, Tensor>
}

export class Planner {
  private readonly tensors = new TensorWriter<StorageHandle>(nativeTensors, (text) => new PyStr(text))
  private readonly describer = new Describer(this.tensors)

  get storages(): ArchivePlan['storages'] {
    return this.tensors.storages
  }

  root(obj: unknown): Tree {
    if (obj instanceof Tensor) return this.list([obj])
    if (Array.isArray(obj)) return this.list(obj)
    if (isModule(obj)) {
      const parameters = new Map(obj.namedParameters({ removeDuplicate: false }))
      const state = obj.stateDict()
      return this.withEmpty(this.dict(entries(state)!, { trained: false, parameters }, []), state)
    }
    const tree = this.object(obj, [])
    if (tree) return tree
    throw new ArgumentError(
      `torch.save: ${describe(obj)} has no form in C++; save a module, a state dict, a tensor, an array of tensors, or an optimizer's state dict`,
    )
  }

  private list(items: unknown[]): Tree {
    const tree = new Tree()
    for (const [i, item] of items.entries()) {
      if (!(item instanceof Tensor)) throw this.refuse([String(i)], 'an array has to hold tensors alone')
      tree.attributes.set(String(i), this.tensor(item, [String(i)], 'parameter'))
    }
    return tree
  }

  /** An object as a module; undefined when it is none. */
  private object(value: unknown, path: string[]): Tree | undefined {
    if (path.length > deepest) throw this.refuse(path.slice(0, 3), `objects are more than ${deepest} levels deep`)
    if (isOptimizerState(value)) return optimizerTree(this, value, path)
    const own = entries(value)
    if (own === undefined) return undefined
    const module = value as object
    const trained = metadataOf(module) !== undefined || isOrderedDict(module)
    return this.withEmpty(this.dict(own, { trained }, path), module)
  }

  /** With the modules that have no tensors: C++ asks for them, and a state dict has their names in its metadata. */
  private withEmpty(tree: Tree, state: object): Tree {
    const paths = entries(metadataOf(state)) ?? []
    for (const [path] of paths) {
      const parts = path.split('.')
      if (path === '' || parts.length > deepest || parts.includes('')) continue
      let holder: Tree | undefined = tree
      for (const part of parts) holder = holder?.child(part)
    }
    return tree
  }

  private dict(own: [string, unknown, boolean][], context: Context, path: string[]): Tree {
    const tree = new Tree()
    for (const [key, value, float] of own) {
      const parts = key.split('.')
      const at = [...path, key]
      if (parts.length + path.length > deepest) throw this.refuse(path, `modules are more than ${deepest} levels deep`)
      if (parts.includes('')) throw this.refuse(at, 'a name in C++ cannot be empty')
      const name = parts.pop()!
      let holder: Tree = tree
      for (const part of parts) {
        const child = holder.child(part)
        if (child === undefined) throw this.refuse(at, `'${part}' is a value and cannot hold others as well`)
        holder = child
      }
      if (holder.attributes.has(name)) throw this.refuse(at, 'there are two values of this name')
      const made = value instanceof Tensor ? this.member(key, value, context, at) : this.value(value, float, at)
      holder.attributes.set(name, made)
    }
    return tree
  }

  /** A tensor of a module. */
  private member(key: string, tensor: Tensor, { trained, parameters }: Context, path: string[]): Leaf {
    if (parameters) {
      const parameter = parameters.get(key)
      return this.tensor(tensor, path, parameter ? 'parameter' : 'buffer', parameter?.requiresGrad === true)
    }
    const { parameter, buffer, requiresGrad, dtype } = nativeTensors.facts(tensor)
    const guessed = buffer === undefined && /^(float|bfloat|complex)/.test(dtype) && !bufferNames.has(lastName(key))
    if (!parameter && !requiresGrad && !guessed) return this.tensor(tensor, path, 'buffer')
    return this.tensor(tensor, path, 'parameter', requiresGrad || (trained && !parameter))
  }

  /** @internal */
  tensor(tensor: Tensor, path: string[], role?: Leaf['role'], requiresGrad?: boolean): Leaf {
    const leaf: Leaf = { type: 'Tensor', node: null, ...(role && { role }) }
    const refused = this.tensors.refusedByCpp(tensor)
    if (refused !== undefined) throw this.refuse(path, `${refused} cannot be written for C++`)
    leaf.node = this.tensors.bare(tensor, this.describer, requiresGrad)
    return leaf
  }

  /** Anything but a tensor of a module. @internal */
  value(value: unknown, float: boolean, path: string[]): Leaf | Tree {
    if (value instanceof Tensor) return this.tensor(value, path)
    const leaf = this.leaf(value, float, path)
    if (leaf) return leaf
    const tree = this.object(value, path)
    if (tree) return tree
    throw this.refuse(path, `${describe(value)} has no form in C++`)
  }

  private leaf(value: unknown, float: boolean, path: string[]): Leaf | undefined {
    if (value === null || value === undefined) return { type: 'NoneType', node: null }
    if (value instanceof PyFloat) return { type: 'float', node: floatNode(value.value) }
    switch (typeof value) {
      case 'boolean':
        return { type: 'bool', node: value }
      case 'string':
        return { type: 'str', node: new PyStr(value) }
      case 'bigint':
        if (value !== BigInt.asIntN(64, value)) throw this.refuse(path, 'an int in C++ has 64 bits')
        return { type: 'int', node: value }
      case 'number':
        if (!float && Number.isSafeInteger(value) && !Object.is(value, -0)) return { type: 'int', node: value }
        return { type: 'float', node: floatNode(value) }
    }
    return Array.isArray(value) ? this.sequence(value, path) : undefined
  }

  /** A tuple of values, or a list of values of one type. */
  private sequence(value: unknown[], path: string[]): Leaf {
    if (path.length > deepest) throw this.refuse(path.slice(0, 3), `objects are more than ${deepest} levels deep`)
    const items = value.map((item, i): Leaf => {
      const made = this.value(item, isFloatSlot(value, i), [...path, String(i)])
      if (made instanceof Tree) throw this.refuse(path, 'an object in a list has no form in C++')
      return made
    })
    const nodes = items.map(({ node }) => node)
    if (value instanceof Tuple) {
      const types = items.map(({ type }) => type).join(', ')
      return { type: `Tuple[${types === '' ? '()' : types}]`, node: new PyTuple(nodes) }
    }
    const mixed = items.some(({ type }) => type === 'int') && items.every(({ type }) => /^(int|float)$/.test(type))
    const isFloats = mixed && items.some(({ type }) => type === 'float')
    const type = isFloats ? 'float' : (items[0]?.type ?? 'Tensor')
    if (isFloats)
      for (const [i, node] of nodes.entries()) if (items[i]!.type === 'int') nodes[i] = floatNode(Number(node))
    if (!isFloats && items.some((item) => item.type !== type))
      throw this.refuse(path, 'a list in C++ has values of one type')
    return typedList(type, nodes)
  }

  /** @internal */
  refuse(path: string[], message: string): ArgumentError {
    const place = path.map((key) => `[${JSON.stringify(key)}]`).join('')
    return new ArgumentError(`torch.save: ${place === '' ? '' : `at ${place}: `}${message}`)
  }
}

/** Names and values of a dict with string keys, and which are Python's floats. */
function entries(value: unknown): [string, unknown, boolean][] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Map) {
    const own = [...value.entries()]
    if (!own.every(([key]) => typeof key === 'string')) return undefined
    return own.map(([key, item]) => [key, item, isFloatSlot(value, key)])
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return undefined
  return entriesInOrder(value).map(([key, item]) => [key, item, isFloatSlot(value, key)])
}

interface ModuleLike {
  stateDict(): object
  namedParameters(options: { removeDuplicate: boolean }): Iterable<[string, Tensor]>
}

function isModule(value: unknown): value is ModuleLike {
  const module = value as Partial<ModuleLike> | null
  return (
    typeof value === 'object' && typeof module?.stateDict === 'function' && typeof module.namedParameters === 'function'
  )
}

function lastName(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1)
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : `a ${typeof value}`
  if (value instanceof Map) return 'a Map with keys that are no strings'
  return `an instance of ${value.constructor?.name ?? 'Object'}`
}
