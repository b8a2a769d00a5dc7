/** Compares what two checkpoints hold, for `diff`: to the bit, as equal runs end with equal bits. */
import { PyObject, Tensor, Tuple } from '../index.js'
import { pythonRepr } from '../tensor/python-text.js'
import { entriesInOrder } from '../tensor/python-values.js'
import { isLazy } from '../tensor/uninitialized.js'
import { compareTensors, describeTensor, type TensorDifference } from './compare-tensors.js'

export interface Difference extends TensorDifference {
  /** in Python's notation: `["model"]["fc.weight"]`; '' for the whole */
  path: string
  kind: 'only' | 'type' | 'shape' | 'dtype' | 'values'
  /** what is in the first and in the second file; null where there is nothing */
  a: string | null
  b: string | null
}

export interface Comparison {
  equal: boolean
  /** tensors in both, their elements, and other values in both */
  tensors: number
  elements: number
  values: number
  differences: Difference[]
}

/** Compares two values that `torch.load` gave. */
export function compare(a: unknown, b: unknown): Comparison {
  const comparer = new Comparer()
  comparer.both(a, b, '')
  const { tensors, elements, values, differences } = comparer
  return { equal: differences.length === 0, tensors, elements, values, differences }
}

interface Member {
  step: string
  value: unknown
}

class Comparer {
  readonly differences: Difference[] = []
  tensors = 0
  elements = 0
  values = 0
  /** pairs that were begun, as objects may contain themselves */
  private readonly seen = new Map<object, Set<object>>()

  both(a: unknown, b: unknown, path: string): void {
    const [kindA, kindB] = [kindOf(a), kindOf(b)]
    if (kindA !== kindB) {
      this.differences.push({ path, kind: 'type', a: short(a), b: short(b) })
      return
    }
    if (a instanceof Tensor) this.tensor(a, b as Tensor, path)
    else if (isContainer(a)) this.containers(a, b as object, path)
    else this.plain(a, b, path)
  }

  private containers(a: object, b: object, path: string): void {
    const known = this.seen.get(a) ?? new Set()
    if (known.has(b)) return
    this.seen.set(a, known.add(b))
    const [membersA, membersB] = [membersOf(a), membersOf(b)]
    for (const [key, { step, value }] of membersA) {
      const other = membersB.get(key)
      if (other) this.both(value, other.value, path + step)
      else this.differences.push({ path: path + step, kind: 'only', a: short(value), b: null })
    }
    for (const [key, { step, value }] of membersB) {
      if (!membersA.has(key)) this.differences.push({ path: path + step, kind: 'only', a: null, b: short(value) })
    }
  }

  private tensor(a: Tensor, b: Tensor, path: string): void {
    this.tensors++
    this.elements += isLazy(a) ? 0 : a.numel()
    const found = compareTensors(a, b)
    if (found) this.differences.push({ path, a: describeTensor(a), b: describeTensor(b), ...found })
  }

  private plain(a: unknown, b: unknown, path: string): void {
    this.values++
    const same = a instanceof Uint8Array ? Buffer.compare(a, b as Uint8Array) === 0 : Object.is(a, b)
    if (!same) this.differences.push({ path, kind: 'values', a: short(a), b: short(b) })
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

/** What is in a container, by a text that is the same in both files. */
function membersOf(value: object): Map<string, Member> {
  if (Array.isArray(value)) return indexed(value)
  if (value instanceof Set) return keyed([...value].map((item) => [item, item]))
  if (value instanceof Map) return keyed([...value])
  if (!(value instanceof PyObject)) return keyed(entriesInOrder(value))
  const members = new Map<string, Member>()
  const { args, state, items, entries, kwargs, callable } = value
  for (const [name, part] of Object.entries({ args, items, entries, kwargs, callable, state })) {
    if (part === undefined || part === null) continue
    if (name === 'state' && isContainer(part) && Object.getPrototypeOf(part) === null) {
      for (const [key, attribute] of entriesInOrder(part)) members.set(key, { step: `.${key}`, value: attribute })
    } else members.set(` ${name}`, { step: `.${name}`, value: part })
  }
  return members
}

function indexed(values: unknown[]): Map<string, Member> {
  return new Map(values.map((value, i) => [String(i), { step: `[${i}]`, value }]))
}

function keyed(entries: [unknown, unknown][]): Map<string, Member> {
  const members = new Map<string, Member>()
  for (const [i, [key, value]] of entries.entries()) {
    const isPlain = !isContainer(key) || key instanceof Tuple
    const text = isPlain ? `${typeof key} ${short(key, 1000)}` : `#${i}`
    const step = typeof key === 'string' ? `[${JSON.stringify(key)}]` : `[${isPlain ? short(key) : `key ${i}`}]`
    members.set(text, { step, value })
  }
  return members
}

/** Python's name of what a value is; a dict is one whether it is an object or a Map here. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value instanceof Tensor) return 'Tensor'
  if (value instanceof PyObject) return value.path || 'object'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Set) return 'set'
  if (value instanceof Tuple) return 'tuple'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'object') return 'dict'
  return typeof value === 'bigint' ? 'number' : typeof value
}

/** A value on a line. */
function short(value: unknown, most = 60): string {
  if (value instanceof Tensor) return describeTensor(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Tuple) {
    const text = `(${value.map((item) => short(item)).join(', ')})`
    return text.length <= most ? text : `tuple of ${value.length}`
  }
  if (value instanceof PyObject) return value.path || 'object'
  if (isContainer(value)) {
    const size = Array.isArray(value) ? value.length : membersOf(value).size
    return `${kindOf(value)} of ${size}`
  }
  const text = pythonRepr(value)
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
