/**
 * What a pickle says, before anything is made of it: the reader turns bytes into these nodes, the writer turns nodes into
 * bytes, and neither knows what they mean. Python's int, bool and None, and floats that are not whole, are plain JavaScript
 * values (a whole number is an int, a bigint an int beyond 2^53). All else is an object, whose identity is Python's.
 */
export type Node =
  | null
  | boolean
  | number
  | bigint
  | PyStr
  | PyFloatNode
  | PyBytes
  | PyTuple
  | PyList
  | PyDict
  | PySet
  | PyGlobal
  | PyCall
  | PyPersistent

/** The value that a node was read as; `unread` before, `busy` while it is being made. */
export const unread = Symbol('unread')
export const busy = Symbol('busy')

// Files have a dozen nodes for each tensor. Their fields are declared and set in constructors: V8 runs the initializers of
// fields in a call of their own, which took a tenth of the time of reading a file of small tensors.

/** What a pickle can refer back to. */
abstract class Memoized {
  /** its place among all that writers ever remembered */
  declare place: number
  constructor() {
    this.place = -1
  }
}

/** A node that stands for one value however often it is referred to. */
export abstract class Shared extends Memoized {
  declare value: unknown
  constructor() {
    super()
    this.value = unread
  }
}

/** A string. Python writes equal strings once only if they are one object, so each node is one such object. */
export class PyStr extends Memoized {
  /** set where the id of a storage has it: then it is PyTorch's own literal */
  declare literal: boolean
  declare readonly text: string
  constructor(text: string) {
    super()
    this.literal = false
    this.text = text
  }
}
/** A float whose value is whole; all others are plain numbers. */
export class PyFloatNode {
  constructor(readonly number: number) {}
}
export class PyBytes extends Shared {
  constructor(
    readonly bytes: Uint8Array,
    readonly mutable: boolean,
  ) {
    super()
  }
}
export class PyTuple extends Shared {
  declare readonly items: Node[]
  constructor(items: Node[]) {
    super()
    this.items = items
  }
}
export class PyList extends Shared {
  items: Node[] = []
}
export class PyDict extends Shared {
  keys: Node[] = []
  values: Node[] = []
}
export class PySet extends Shared {
  constructor(
    readonly items: Node[],
    readonly frozen: boolean,
  ) {
    super()
  }
}
/** A class or function of Python, by its Python 3 name. */
export class PyGlobal extends Shared {
  readonly path: string
  constructor(
    readonly module: string,
    readonly name: string,
  ) {
    super()
    this.path = `${module}.${name}`
  }
}

export type CallKind = 'reduce' | 'new' | 'newEx'
/** An object that Python would make by a call (`reduce`) or by `cls.__new__` (`new`), with what is put into it after. */
export class PyCall extends Shared {
  declare readonly kind: CallKind
  declare readonly callable: Node
  declare readonly args: PyTuple
  declare readonly kwargs: Node | undefined
  /** Byte of the pickle, for messages */
  declare readonly offset: number
  declare state: Node | undefined
  declare items: Node[] | undefined
  declare keys: Node[] | undefined
  declare values: Node[] | undefined
  constructor(kind: CallKind, callable: Node, args: PyTuple, kwargs: Node | undefined, offset: number) {
    super()
    this.kind = kind
    this.callable = callable
    this.args = args
    this.kwargs = kwargs
    this.offset = offset
    this.state = undefined
    this.items = undefined
    this.keys = undefined
    this.values = undefined
  }
  get path(): string {
    return this.callable instanceof PyGlobal ? this.callable.path : ''
  }
}
/** What Python keeps outside of the pickle: a storage. `target` is what the host made of `id`. */
export class PyPersistent<T = unknown> {
  declare readonly id: Node
  declare readonly target: T
  constructor(id: Node, target: T) {
    this.id = id
    this.target = target
  }
}

/** What a persistent id stands for where that is no storage: `node` takes its place. */
export class Substitute {
  constructor(readonly node: Node) {}
}

/** Python's word for the kind of a node, for messages. */
export function kindOf(node: Node | undefined): string {
  if (node === null) return 'None'
  if (node === undefined) return 'nothing'
  if (typeof node === 'boolean') return 'bool'
  if (typeof node === 'bigint') return 'int'
  if (typeof node === 'number') return Number.isInteger(node) ? 'int' : 'float'
  if (node instanceof PyStr) return 'str'
  if (node instanceof PyFloatNode) return 'float'
  if (node instanceof PyBytes) return node.mutable ? 'bytearray' : 'bytes'
  if (node instanceof PyTuple) return 'tuple'
  if (node instanceof PyList) return 'list'
  if (node instanceof PyDict) return 'dict'
  if (node instanceof PySet) return node.frozen ? 'frozenset' : 'set'
  if (node instanceof PyGlobal) return node.path
  if (node instanceof PyCall) return node.path || 'object'
  return 'storage'
}
