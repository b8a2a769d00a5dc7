import { type Node, PyCall, PyFloatNode, PyGlobal, PyStr, type PyTuple } from './nodes.js'

/**
 * What a file said about a value and JavaScript cannot say: which strings are one object, which numbers are floats, how an
 * object with keys like '10' and '9' was ordered, that a string was a dtype. Kept beside the value for as long as it lives,
 * so that it is written as it was read.
 */
export interface Memory {
  /** the class of a dict or set that is not a plain one, and its arguments */
  type?: { callable: PyGlobal; args: PyTuple }
  /** attributes of an OrderedDict */
  attributes?: unknown
  /** keys of a dict in order */
  keys?: Node[]
  /** by slot, the node of a value that would be written in another way without it */
  values?: (Node | undefined)[]
  /** class and state of a tensor that is a subclass or has attributes */
  tensorType?: { path: PyGlobal; state: unknown }
  /** a tensor that stands for a bare storage */
  bareStorage?: boolean
  /** a tensor that stands for a numpy array: its node, and its values when they were read */
  numpy?: { node: PyCall; bytes: Uint8Array }
  frozen?: boolean
  mutable?: boolean
  /** the node of bytes, which others may share */
  bytesNode?: PyCall
  /** a bare storage without a type */
  untyped?: boolean
}

const memories = new WeakMap<object, Memory>()

export function remember(value: object, memory: Memory): void {
  memories.set(value, memory)
}
export function recall(value: object): Memory | undefined {
  return memories.get(value)
}

/** Whether a node says more than the JavaScript value that was made of it. */
export function needsMemory(node: Node): node is PyStr | PyFloatNode | PyGlobal | PyCall {
  if (node instanceof PyStr || node instanceof PyFloatNode) return true
  return (node instanceof PyGlobal || node instanceof PyCall) && !isObject(node.value)
}

/** The JavaScript value of such a node. */
export function primitiveOf(node: Node): unknown {
  if (node instanceof PyStr) return node.text
  if (node instanceof PyFloatNode) return node.number
  return node instanceof PyGlobal || node instanceof PyCall ? node.value : node
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
