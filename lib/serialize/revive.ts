/** Makes JavaScript values of what a pickle says. */
import { markFloats, metadataOf, orderedDict, Tuple } from '../tensor/python-values.js'
import { findGlobal } from './globals.js'
import { limits } from './limits.js'
import { isObject, type Memory, needsMemory, remember } from './memory.js'
import {
  busy,
  type Node,
  type PyBytes,
  PyCall,
  PyDict,
  PyFloatNode,
  PyGlobal,
  PyList,
  PyPersistent,
  PySet,
  PyStr,
  PyTuple,
  unread,
} from './nodes.js'
import { PyObject } from './py-object.js'
import type { StorageRef } from './storages.js'
import type { TensorFactory } from './tensor-factory.js'
import { badFormat, unsafe, type Where } from './where.js'

export class Reviver {
  private depth = 0

  constructor(
    readonly tensors: TensorFactory,
    readonly where: Where,
  ) {}

  bad(call: PyCall, message: string): Error {
    return badFormat({ ...this.where, offset: call.offset }, `${call.path || 'object'}: ${message}`)
  }

  value(node: Node): unknown {
    if (node === null || typeof node !== 'object') return node
    if (node instanceof PyStr) return node.text
    if (node instanceof PyFloatNode) return node.number
    if (node instanceof PyPersistent) return this.bareStorage(node)
    if (node.value === busy) throw badFormat(this.where, 'a value is needed to make itself')
    if (node.value !== unread) return node.value
    if (++this.depth > limits.depth) {
      throw unsafe(this.where, `more than ${limits.depth} levels of objects inside of one another`)
    }
    const value = this.make(node)
    node.value = value
    this.depth--
    return value
  }

  private make(node: Exclude<Node, null | boolean | number | bigint | PyStr | PyFloatNode | PyPersistent>): unknown {
    if (node instanceof PyTuple) return this.fill(node, new Tuple(), node.items)
    if (node instanceof PyList) return this.fill(node, [], node.items)
    if (node instanceof PyDict) return this.dict(node, node.keys, node.values)
    if (node instanceof PyCall) return this.call(node)
    if (node instanceof PyGlobal) {
      const row = findGlobal(node)
      return row?.value === undefined ? new PyObject(node.module, node.name) : row.value
    }
    if (node instanceof PySet) return this.set(node, node.items, node.frozen)
    return this.bytes(node)
  }

  /** Fills an array, which is known under the node first, as it may contain itself. */
  fill<T extends unknown[]>(node: { value: unknown }, out: T, items: Node[]): T {
    node.value = out
    let kept: (Node | undefined)[] | undefined
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      out.push(this.value(item))
      if (needsMemory(item)) (kept ??= new Array(items.length))[i] = item
      if (item instanceof PyFloatNode) markFloats(out, [i])
    }
    if (kept) remember(out, { values: kept })
    return out
  }

  /** A plain object when all keys are strings, else a Map. */
  dict(node: { value: unknown }, keys: Node[], values: Node[], memory: Memory = {}, asMap = false): object {
    const plain = !asMap && keys.every((key) => key instanceof PyStr)
    const out: Record<string, unknown> = Object.create(null)
    const map = new Map<unknown, unknown>()
    node.value = plain ? out : map
    let kept: (Node | undefined)[] | undefined
    const distinct: Node[] = []
    // the places of keys, made when one comes again
    let places: Map<unknown, number> | undefined
    for (let i = 0; i < keys.length; i++) {
      const key = this.value(keys[i]!)
      const value = this.value(values[i]!)
      // a key that comes again keeps its first place, as in Python
      let slot = distinct.length
      if (plain ? (key as string) in out : map.has(key)) {
        places ??= new Map(distinct.map((node, place) => [this.value(node), place]))
        slot = places.get(key)!
      } else {
        places?.set(key, slot)
        distinct.push(keys[i]!)
      }
      if (plain) out[key as string] = value
      else map.set(key, value)
      if (values[i] instanceof PyFloatNode) markFloats(plain ? out : map, [key as string | number])
      if (needsMemory(values[i]!)) (kept ??= [])[slot] = values[i]!
      else if (kept) kept[slot] = undefined
    }
    if (distinct.length > 0) memory.keys = distinct
    if (kept) memory.values = kept
    if (memory.keys || memory.type) remember(plain ? out : map, memory)
    return plain ? out : map
  }

  set(node: { value: unknown }, items: Node[], frozen: boolean): Set<unknown> {
    const out = new Set<unknown>()
    node.value = out
    const kept = items.map((item) => {
      out.add(this.value(item))
      return needsMemory(item) ? item : undefined
    })
    remember(out, { frozen, ...(out.size === items.length && { values: kept }) })
    return out
  }

  bytes(node: PyBytes): Uint8Array {
    remember(node.bytes, { mutable: node.mutable })
    return node.bytes
  }

  private call(node: PyCall): unknown {
    const row = node.callable instanceof PyGlobal ? findGlobal(node.callable) : undefined
    if (row?.call) {
      node.value = busy
      const value = row.call(node, this)
      if (value !== undefined) return value
    }
    return this.inert(node)
  }

  /** The object that `made` describes instead of `node`, with what is put into that. */
  object(made: PyCall, node: PyCall): unknown {
    Object.assign(made, { state: node.state, items: node.items, keys: node.keys, values: node.values })
    return this.inert(made, node)
  }

  /** A call of something unknown: kept as it is, under the node that stands for it. */
  private inert(node: PyCall, known: PyCall = node): PyObject {
    const { callable } = node
    known.value = unread
    const called = this.value(callable)
    const plain = callable instanceof PyGlobal
    if (!plain && !(called instanceof PyObject)) throw this.bad(node, 'a value that cannot be called')
    const [module, name] = plain ? [callable.module, callable.name] : ['', (called as PyObject).name]
    const object = new PyObject(module, name, new Tuple(), node.kind, plain ? undefined : (called as PyObject))
    known.value = object
    object.args = this.value(node.args) as Tuple
    if (node.kwargs !== undefined) object.kwargs = this.value(node.kwargs)
    if (node.items) object.items = this.fill({ value: unread }, [], node.items)
    if (node.keys) {
      object.entries = this.dict({ value: unread }, node.keys, node.values!, {}, true) as Map<unknown, unknown>
    }
    if (node.state !== undefined) {
      object.state = this.value(node.state)
      if (needsMemory(node.state)) remember(object, { values: [node.state] })
    }
    return object
  }

  private bareStorage(node: PyPersistent): unknown {
    const ref = node.target as StorageRef
    const tensor = this.tensors.tensor({
      storage: ref,
      dtype: ref.dtype,
      offset: 0,
      shape: [ref.numel],
      strides: [1],
      requiresGrad: false,
    })
    // a part of another storage stays one as a tensor: as a storage it would be written with the whole of that one
    if (ref.base === undefined) remember(tensor, { bareStorage: true, untyped: ref.untyped })
    return tensor
  }

  /** An OrderedDict or another kind of dict, with its attributes. */
  typedDict(node: PyCall, keys: Node[], values: Node[], args: PyTuple = node.args): object {
    const memory: Memory = { type: { callable: node.callable as PyGlobal, args } }
    const out = this.dict(node, keys, values, memory)
    if (memory.type!.callable.path === 'collections.OrderedDict') orderedDict(out)
    if (node.state === undefined) return out
    const attributes = this.value(node.state)
    memory.attributes = attributes
    const metadata = isObject(attributes) ? (attributes as { _metadata?: unknown })._metadata : undefined
    if (isObject(metadata) && metadataOf(out) === undefined && !Object.hasOwn(out, '_metadata')) {
      Object.defineProperty(out, '_metadata', {
        value: metadata,
        enumerable: false,
        writable: true,
        configurable: true,
      })
    }
    return out
  }
}
