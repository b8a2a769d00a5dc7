/**
 * Option and state values between JavaScript and state dicts. Python tells 1 from 1.0, and its files do; JavaScript does not.
 * So what a file said about a number is remembered for as long as the number is the same, and the rest follows from the kind
 * of the option's default.
 */
import type { StateEntries } from '../../binding.js'
import { StateDictError } from '../errors.js'
import { isFloatSlot, markFloats, PyFloat, Tuple } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'

export type Dict = Record<string, unknown>

const kinds = new WeakMap<object, Map<string, { value: number; float: boolean }>>()

/** Whether the number in a place is Python's float; `fallback` is for those of which nothing is known. */
export function isFloat(container: object, key: string, fallback: boolean): boolean {
  const value = (container as Dict)[key]
  if (value instanceof PyFloat || (typeof value === 'number' && !Number.isInteger(value))) return true
  const known = kinds.get(container)?.get(key)
  return known !== undefined && Object.is(known.value, value) ? known.float : fallback
}

/** Puts a value from a state dict or an option in a place, and remembers what it says about numbers. */
export function keep(container: object, key: string, value: unknown, from?: { dict: object; key: string }): void {
  ;(container as Dict)[key] = value instanceof PyFloat ? value.value : value
  const number = (container as Dict)[key]
  if (typeof number !== 'number') return
  const float = value instanceof PyFloat || !Number.isInteger(number) || (from && isFloatSlot(from.dict, from.key))
  if (!float && !from) return
  let known = kinds.get(container)
  if (!known) kinds.set(container, (known = new Map()))
  known.set(key, { value: number, float: Boolean(float) })
}

/** What is known of one container's numbers is true of another's. */
export function moveKinds(from: object, to: object): void {
  const known = kinds.get(from)
  if (known) kinds.set(to, known)
  else kinds.delete(to)
}

/** Puts a value into a state dict. Tuples of options hold floats. */
export function pack(dict: Dict, key: string, value: unknown, float: boolean): void {
  dict[key] = value instanceof PyFloat ? value.value : value
  if (float && typeof dict[key] === 'number') markFloats(dict, [key])
}

/**
 * A tuple of an option for a state dict: floats, but for the whole numbers in places that are ints in Python. One from a file
 * stays as it is.
 */
export function optionTuple(values: readonly unknown[], ints: readonly number[] = []): Tuple {
  const tuple = Tuple.from(values.map((value) => (value === null || value instanceof Tensor ? value : Number(value))))
  const isInt = (i: number) => (values instanceof Tuple ? !isFloatSlot(values, i) : ints.includes(i))
  return markFloats(
    tuple,
    [...tuple.keys()].filter((i) => typeof tuple[i] === 'number' && !(Number.isInteger(tuple[i]) && isInt(i))),
  )
}

/** An independent copy of a value of a loaded group. */
export function copyValue(value: unknown): unknown {
  if (value instanceof Tensor) return value.detach().clone()
  if (Array.isArray(value)) {
    const copy = value instanceof Tuple ? new Tuple() : []
    for (const [i, item] of value.entries()) {
      copy.push(copyValue(item))
      if (isFloatSlot(value, i)) markFloats(copy, [i])
    }
    return copy
  }
  return value
}

/** The entries of a dict that may be a plain object or, as with Python's int keys, a Map. */
export function entriesOf(dict: unknown, what: string): [unknown, unknown][] {
  if (dict instanceof Map) return [...dict]
  if (typeof dict === 'object' && dict !== null && !Array.isArray(dict)) return Object.entries(dict)
  throw new StateDictError(`${what} should be a dict`)
}

/** State for native code: an int as a bigint. */
export function toEntries(record: unknown): StateEntries {
  return entriesOf(record, 'the state of a parameter').map(([key, value]) => [
    String(key),
    toNative(value, record as object, key),
  ])
}

function toNative(value: unknown, container: object, key: unknown): unknown {
  if (value instanceof PyFloat) return value.value
  if (Array.isArray(value)) return value.map((item, i) => toNative(item, value, i))
  const whole = typeof value === 'number' && Number.isSafeInteger(value)
  return whole && !isFloatSlot(container, key as string | number) ? BigInt(value) : value
}

/** The state of a parameter as a record. */
export function fromEntries(entries: StateEntries): Dict {
  const record: Dict = Object.create(null)
  for (const [key, value] of entries) fromNative(record, key, value)
  return record
}

function fromNative(container: any, key: string | number, value: unknown): void {
  if (Array.isArray(value)) {
    const list: unknown[] = []
    for (const [i, item] of value.entries()) fromNative(list, i, item)
    container[key] = list
    return
  }
  container[key] = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value === 'number') markFloats(container, [key])
}
