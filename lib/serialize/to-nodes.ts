/** Says in Python's terms what JavaScript values are, for the pickle writer. What was read is said as it was read. */
import { ArgumentError } from '../errors.js'
import {
  entriesInOrder,
  isCounter,
  isFloatSlot,
  isOrderedDict,
  metadataOf,
  PyFloat,
  Size,
  Tuple,
} from '../tensor/python-values.js'
import { bytesOfNode } from './bytes.js'
import { limits } from './limits.js'
import { type Memory, primitiveOf, recall } from './memory.js'
import { type Node, PyBytes, PyCall, PyDict, PyFloatNode, PyGlobal, PyList, PySet, PyStr, PyTuple } from './nodes.js'
import { PyObject } from './py-object.js'
import type { TensorWriter } from './tensor-nodes.js'

/** Attribute names, literal keys and the like are one object in Python wherever they occur. */
const interned = /^[A-Za-z0-9_]*$/

/** Literals of PyTorch's code in the ids of storages. */
const ownLiterals = new Set(['storage', 'cpu', 'meta'])

export class Describer {
  private readonly known = new Map<object, Node>()
  private readonly strings = new Map<string, PyStr>()
  private readonly path: (string | number)[] = []

  constructor(private readonly tensors: TensorWriter) {}

  /** A string that Python's source holds as a literal. */
  literal(text: string): PyStr {
    let node = this.strings.get(text)
    if (node === undefined) this.strings.set(text, (node = new PyStr(text)))
    return node
  }

  node(value: unknown, fresh = false): Node {
    switch (typeof value) {
      case 'undefined':
        return null
      case 'boolean':
      case 'bigint':
        return value
      case 'number':
        return number(value)
      case 'string':
        return !fresh && interned.test(value) ? this.literal(value) : new PyStr(value)
      case 'object':
        return value === null ? null : this.object(value)
      default:
        throw this.refuse(`a ${typeof value} cannot be saved`)
    }
  }

  private refuse(message: string): ArgumentError {
    return new ArgumentError(`torch.save: ${this.path.length === 0 ? '' : `at ${this.place()}: `}${message}`)
  }
  private place(): string {
    return this.path.map((key) => (typeof key === 'number' ? `[${key}]` : `[${JSON.stringify(key)}]`)).join('')
  }

  private object(value: object): Node {
    const known = this.known.get(value)
    if (known !== undefined) return known
    if (this.path.length > limits.depth) throw this.refuse(`objects are more than ${limits.depth} levels deep`)
    const memory = recall(value)
    if (Array.isArray(value)) return this.array(value, memory)
    if (value instanceof PyFloat) return this.keep(value, floatNode(value.value))
    if (value instanceof PyObject) return this.inert(value, memory)
    if (value instanceof Map) return this.dict(value, [...value.entries()], memory)
    if (value instanceof Set) return this.set(value, memory)
    if (value instanceof Uint8Array) return this.keep(value, this.bytes(value, memory))
    if (this.tensors.isTensor(value)) return this.keep(value, this.tensors.node(value, this, memory))
    const prototype = Object.getPrototypeOf(value)
    if (prototype === null || prototype === Object.prototype) return this.plain(value, memory)
    throw this.refuse(`${advice(value)}`)
  }

  private keep<T extends Node>(value: object, node: T): T {
    this.known.set(value, node)
    return node
  }

  /** A value in a place of which something may be known: what the file said, or that its numbers are floats. */
  private slot(container: object, key: string | number, value: unknown, read: Node | undefined): Node {
    this.path.push(key)
    const node = this.remembered(value, read) ?? this.slotNode(container, key, value)
    this.path.pop()
    return node
  }
  private slotNode(container: object, key: string | number, value: unknown): Node {
    return typeof value === 'number' && isFloatSlot(container, key) ? floatNode(value) : this.node(value)
  }
  private remembered(value: unknown, read: Node | undefined): Node | undefined {
    if (read === undefined || (typeof value === 'object' && value !== null)) return undefined
    if (read instanceof PyFloatNode) {
      return typeof value !== 'number' ? undefined : Object.is(value, read.number) ? read : floatNode(value)
    }
    if (!Object.is(primitiveOf(read), value)) return undefined
    if (!(read instanceof PyStr)) return read
    return this.string(read)
  }
  /** A string as it was read; one that also is a literal of PyTorch's own is that one. */
  private string(read: PyStr): PyStr {
    if (!interned.test(read.text)) return read
    const own = this.strings.get(read.text)
    // PyTorch's own literal stays that, and no other string of the same text takes its place
    if (own !== undefined) return read.literal ? own : read
    if (read.literal || !ownLiterals.has(read.text)) this.strings.set(read.text, read)
    return read
  }

  private array(value: unknown[], memory: Memory | undefined): Node {
    if (value instanceof Size) {
      const items = new PyTuple(value.map((size) => this.node(size)))
      return this.keep(value, reduce('torch', 'Size', [items]))
    }
    const node = this.keep(value, value instanceof Tuple ? new PyTuple([]) : new PyList())
    return this.fill(node, value, memory)
  }
  private fill<T extends PyTuple | PyList>(node: T, value: unknown[], memory: Memory | undefined): T {
    for (let i = 0; i < value.length; i++) node.items.push(this.slot(value, i, value[i], memory?.values?.[i]))
    return node
  }

  private bytes(value: Uint8Array, memory: Memory | undefined): Node {
    const read = memory?.bytesNode
    if (read && !memory.mutable) {
      const before = bytesOfNode(read)
      if (before && Buffer.compare(before, value) === 0) return read
    }
    return new PyBytes(value, memory?.mutable === true)
  }

  private set(value: Set<unknown>, memory: Memory | undefined): Node {
    const node = this.keep(value, new PySet([], memory?.frozen === true))
    let i = 0
    for (const item of value) node.items.push(this.slot(value, i, item, memory?.values?.[i++]))
    return node
  }

  private plain(value: object, memory: Memory | undefined): Node {
    const entries = entriesInOrder(value)
    return this.dict(value, memory?.keys ? inOrder(entries, memory.keys) : entries, memory)
  }

  private dict(value: object, entries: [unknown, unknown][], memory: Memory | undefined): Node {
    const metadata = metadataOf(value)
    const type = memory?.type
    const counts = type === undefined ? isCounter(value) : type.callable.path === 'collections.Counter'
    const typed = type !== undefined || metadata !== undefined || isOrderedDict(value) || counts
    const inner = typed && !counts ? undefined : new PyDict()
    const call = typed
      ? new PyCall(
          'reduce',
          type?.callable ?? new PyGlobal('collections', counts ? 'Counter' : 'OrderedDict'),
          counts ? new PyTuple([inner!]) : (type?.args ?? new PyTuple([])),
          undefined,
          0,
        )
      : undefined
    const node = this.keep(value, call ?? inner!)
    const keys: Node[] = []
    const values: Node[] = []
    const slots = memory?.keys && slotsOf(memory.keys, entries)
    for (let i = 0; i < entries.length; i++) {
      const [key, item] = entries[i]!
      const slot = slots === undefined ? -1 : slots(i, key)
      const read = slot < 0 ? undefined : memory!.keys![slot]
      keys.push(this.remembered(key, read) ?? this.node(key))
      values.push(this.slot(value, pathKey(key), item, slot < 0 ? undefined : memory!.values?.[slot]))
    }
    if (inner) {
      inner.keys = keys
      inner.values = values
    } else if (keys.length > 0) {
      call!.keys = keys
      call!.values = values
    }
    if (call && !counts) call.state = this.attributes(memory?.attributes, metadata)
    return node
  }

  /** The attributes of an OrderedDict, of which only a state dict's `_metadata` can be changed from JavaScript. */
  private attributes(read: unknown, metadata: object | undefined): Node | undefined {
    if (metadata === undefined) return read === undefined ? undefined : this.node(read)
    if (read !== undefined && (read as { _metadata?: unknown })._metadata === metadata) return this.node(read)
    const state = new PyDict()
    for (const [key, value] of Object.entries((read as object) ?? { _metadata: metadata })) {
      state.keys.push(this.node(key))
      state.values.push(key === '_metadata' ? this.metadata(metadata) : this.node(value))
    }
    return state
  }
  /** Module names in `_metadata` are cut out of longer strings, and so are no literals. */
  private metadata(metadata: object): Node {
    if (recall(metadata)) return this.node(metadata)
    const known = this.known.get(metadata)
    if (known) return known
    const call = reduce('collections', 'OrderedDict', [])
    this.keep(metadata, call)
    const entries = entriesInOrder(metadata)
    if (entries.length > 0) {
      call.keys = entries.map(([key]) => (key === '' ? this.literal('') : this.cut(key)))
      call.values = entries.map(([, value]) => this.node(value))
    }
    return call
  }
  private readonly cuts = new Map<string, PyStr>()
  private cut(key: string): PyStr {
    if (key.length > 1) return new PyStr(key)
    let node = this.cuts.get(key)
    if (node === undefined) this.cuts.set(key, (node = new PyStr(key)))
    return node
  }

  private inert(value: PyObject, memory: Memory | undefined): Node {
    if (value.kind === 'global') return this.keep(value, new PyGlobal(value.module, value.name))
    const callable = value.callable ? this.node(value.callable) : new PyGlobal(value.module, value.name)
    const given = value.args ?? []
    const known = this.known.get(given) as PyTuple | undefined
    const args = known ?? new PyTuple([])
    const kwargs = value.kwargs === undefined ? undefined : this.node(value.kwargs)
    const call = this.keep(value, new PyCall(value.kind, callable, args, kwargs, 0))
    this.path.push(value.path)
    if (known === undefined) {
      if (given instanceof Tuple) this.keep(given, args)
      this.fill(args, given, recall(given))
    }
    if (value.items) call.items = (this.node(value.items) as PyList).items
    if (value.entries) {
      const contents = this.node(value.entries) as PyDict
      call.keys = contents.keys
      call.values = contents.values
    }
    if (value.state !== undefined) {
      call.state = this.remembered(value.state, memory?.values?.[0]) ?? this.node(value.state)
    }
    this.path.pop()
    return call
  }
}

function number(value: number): Node {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : floatNode(value)
}
export function floatNode(value: number): Node {
  return Number.isInteger(value) ? new PyFloatNode(value) : value
}

/** `module.name(*args)` */
export function reduce(module: string, name: string, args: Node[]): PyCall {
  return new PyCall('reduce', new PyGlobal(module, name), new PyTuple(args), undefined, 0)
}

function pathKey(key: unknown): string | number {
  if (typeof key === 'number') return key
  return typeof key === 'object' && key !== null ? 'a key that is an object' : String(key)
}

/** Entries in the order in which their keys were read (JavaScript moves '10' before 'a'); new ones come last. */
function inOrder(entries: [string, unknown][], read: Node[]): [string, unknown][] {
  if (!entries.some(([key]) => /^(0|[1-9]\d*)$/.test(key))) return entries
  const rest = new Map(entries)
  const ordered: [string, unknown][] = []
  for (const key of read) {
    const text = primitiveOf(key) as string
    if (!rest.has(text)) continue
    ordered.push([text, rest.get(text)])
    rest.delete(text)
  }
  return [...ordered, ...rest]
}

/** Finds the slot that an entry was read from: nearly always the same place, else by its key. */
function slotsOf(read: Node[], entries: [unknown, unknown][]): (i: number, key: unknown) => number {
  let index: Map<unknown, number> | undefined
  const jsOf = (node: Node | undefined): unknown =>
    typeof node === 'object' && node !== null && 'value' in node ? node.value : primitiveOf(node as Node)
  return (i, key) => {
    if (i < read.length && Object.is(jsOf(read[i]), key)) return i
    index ??= new Map(read.map((node, slot) => [jsOf(node), slot]))
    return entries.length === 0 ? -1 : (index.get(key) ?? -1)
  }
}

function advice(value: object): string {
  const name = value.constructor?.name ?? 'this object'
  if (typeof (value as { stateDict?: unknown }).stateDict === 'function') {
    return `an instance of ${name} cannot be saved; save what its stateDict() returns`
  }
  if (ArrayBuffer.isView(value)) return `a ${name} cannot be saved; make a tensor of it, or a Uint8Array for bytes`
  if (value instanceof Promise) return 'a Promise cannot be saved; await it first'
  return `an instance of ${name} cannot be saved; Python would not know what it is`
}
