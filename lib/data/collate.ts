import { ArgumentError, ShapeError } from '../errors.js'
import type { TypedArray } from '../tensor/from-data.js'
import { stack, tensor } from '../tensor/functions.js'
import { Tensor } from '../tensor/tensor.js'

type Scalar = number | bigint | boolean

/** What {@link defaultCollate} makes of samples of type `Item`. */
export type Collated<Item> = Item extends Tensor | Scalar | ArrayBufferView
  ? Tensor
  : Item extends string
    ? string[]
    : Item extends readonly unknown[]
      ? { -readonly [K in keyof Item]: Collated<Item[K]> }
      : Item extends Map<infer K, infer V>
        ? Map<K, Collated<V>>
        : { [K in keyof Item]: Collated<Item[K]> }

/**
 * Puts samples together into a batch: tensors and typed arrays are stacked, numbers become a tensor of the default dtype,
 * bigints one of int64, booleans one of bool; arrays, Maps and objects are gone through element by element; strings stay a list.
 * JavaScript does not tell 1 from 1.0: labels for a loss are best given as bigint or as tensors.
 * @param batch - at least one sample; all have the form of the first
 */
export function defaultCollate<Item>(batch: readonly Item[]): Collated<Item> {
  return collate(batch) as Collated<Item>
}

function collate(batch: readonly any[]): unknown {
  const first: unknown = batch[0]
  if (first instanceof Tensor) return stack(batch as Tensor[])
  if (ArrayBuffer.isView(first)) return stack(batch.map((view) => tensor(view)))
  switch (typeof first) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return tensor(batch as Scalar[])
    case 'string':
      return [...batch]
  }
  if (Array.isArray(first)) {
    const odd = batch.find((item) => item?.length !== first.length)
    if (odd !== undefined) {
      throw new ShapeError(
        `the samples of a batch should have equally many elements, but have ${first.length} and ${odd?.length}; give the DataLoader a collateFn that pads or keeps lists`,
      )
    }
    return first.map((_, i) => collate(batch.map((item) => item[i])))
  }
  // keys that the first sample does not have are left out, as in Python
  if (first instanceof Map) {
    const each = (key: unknown) =>
      batch.map((item, i) => present(item instanceof Map && item.has(key), item?.get?.(key), key, i))
    return new Map([...first.keys()].map((key) => [key, collate(each(key))]))
  }
  if (isPlainObject(first)) {
    const each = (key: string) =>
      batch.map((item, i) => present(isPlainObject(item) && key in item, (item as any)?.[key], key, i))
    return Object.fromEntries(Object.keys(first).map((key) => [key, collate(each(key))]))
  }
  throw new ArgumentError(
    `samples can be put together from tensors, typed arrays, numbers, strings, arrays, Maps and plain objects, but not from ${describe(first)}; give the DataLoader a collateFn`,
  )
}

function present(has: boolean, value: unknown, key: unknown, sample: number): unknown {
  if (has) return value
  throw new ArgumentError(
    `the samples of a batch should have the keys of the first one, but number ${sample} of the batch has no '${String(key)}'`,
  )
}

/** What a loader without batches does to a sample: typed arrays become tensors, all else stays. */
export function defaultConvert(item: unknown): unknown {
  if (item instanceof Tensor) return item
  if (ArrayBuffer.isView(item)) return tensor(item as TypedArray)
  if (Array.isArray(item)) return item.map(defaultConvert)
  if (item instanceof Map) return new Map([...item].map(([key, value]) => [key, defaultConvert(value)]))
  if (isPlainObject(item)) {
    return Object.fromEntries(Object.entries(item).map(([key, value]) => [key, defaultConvert(value)]))
  }
  return item
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'an object') : String(value)
}
