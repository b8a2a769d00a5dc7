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

/** A node that stands for one value however often it is referred to. */
export abstract class Shared {
  value: unknown = unread
}

/** A string. Python writes equal strings once only if they are one object, so each node is one such object. */
export class PyStr {
  /** set where the id of a storage has it: then it is PyTorch's own literal */
  literal = false
  constructor(readonly text: string) {}
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
  constructor(readonly items: Node[]) {
    super()
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
  constructor(
    readonly module: string,
    readonly name: string,
  ) {
    super()
  }
  get path(): string {
    return `${this.module}.${this.name}`
  }
}

export type CallKind = 'reduce' | 'new' | 'newEx'
/** An object that Python would make by a call (`reduce`) or by `cls.__new__` (`new`), with what is put into it after. */
export class PyCall extends Shared {
  state: Node | undefined
  items: Node[] | undefined
  keys: Node[] | undefined
  values: Node[] | undefined
  constructor(
    readonly kind: CallKind,
    readonly callable: Node,
    readonly args: PyTuple,
    readonly kwargs: Node | undefined,
    /** Byte of the pickle, for messages */
    readonly offset: number,
  ) {
    super()
  }
  get path(): string {
    return this.callable instanceof PyGlobal ? this.callable.path : ''
  }
}
/** What Python keeps outside of the pickle: a storage. `target` is what the host made of `id`. */
export class PyPersistent<T = unknown> {
  constructor(
    readonly id: Node,
    readonly target: T,
  ) {}
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
