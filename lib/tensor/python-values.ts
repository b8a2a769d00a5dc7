/**
 * Python's values that JavaScript has no own form for, and what is remembered about those that it has one for. Optimizers,
 * schedulers and modules use these for their state dicts, files are read into them and written from them.
 */

/** Python's tuple: an array that is written to files as a tuple. */
export class Tuple<T = unknown> extends Array<T> {
  /** A tuple of these values. (`new Tuple(3)` would, as `new Array(3)`, make three holes.) */
  static override of<T>(...items: T[]): Tuple<T> {
    return Tuple.from(items)
  }

  static override from<T>(items: Iterable<T> | ArrayLike<T>): Tuple<T> {
    const tuple = new Tuple<T>()
    for (const item of Array.from(items)) tuple.push(item)
    return tuple
  }
}

/** `torch.Size`: the tuple of a shape. */
export class Size extends Tuple<number> {
  static override from<T>(items: Iterable<T> | ArrayLike<T>): Tuple<T> {
    const size = new Size() as unknown as Tuple<T>
    for (const item of Array.from(items)) size.push(item)
    return size
  }
}

/** A number that Python must see as a float though it is whole; counts as its value in arithmetic. */
export class PyFloat {
  constructor(readonly value: number) {}
  valueOf(): number {
    return this.value
  }
  toJSON(): number {
    return this.value
  }
}

/**
 * Marks a number as a Python float. JavaScript has one kind of number, so `1` is saved as an int and `1.5` as a float;
 * what was loaded as `1.0` stays a float without a mark.
 * @example
 * torch.saveSync({ threshold: torch.pyFloat(1) }, 'settings.pt') // Python reads 1.0
 */
export function pyFloat(value: number): PyFloat {
  return new PyFloat(value)
}

const floatSlots = new WeakMap<object, Set<string | number>>()

/**
 * Says that the numbers in these places of a plain object, an array or a tuple are Python floats, whole or not: an
 * optimizer's `lr` of `1` has to be written as `1.0`.
 */
export function markFloats<T extends object>(container: T, keys: Iterable<string | number>): T {
  const known = floatSlots.get(container)
  if (known) for (const key of keys) known.add(key)
  else floatSlots.set(container, new Set(keys))
  return container
}

/** Whether a place was marked by {@link markFloats}. */
export function isFloatSlot(container: object, key: string | number): boolean {
  return floatSlots.get(container)?.has(key) ?? false
}

const orderedDicts = new WeakSet<object>()

/**
 * Marks a plain object or a Map as a `collections.OrderedDict`, which Python's state dicts are. `metadata` becomes the
 * `_metadata` of a module's state dict, as a property that does not take part in iteration.
 */
export function orderedDict<T extends object>(dict: T, metadata?: object): T {
  orderedDicts.add(dict)
  if (metadata !== undefined) {
    Object.defineProperty(dict, '_metadata', { value: metadata, enumerable: false, writable: true, configurable: true })
  }
  return dict
}

export function isOrderedDict(dict: object): boolean {
  return orderedDicts.has(dict)
}

const counters = new WeakSet<object>()

/** Marks a Map of counts as a `collections.Counter`, which MultiStepLR's milestones are. */
export function counter<T extends object>(counts: T): T {
  counters.add(counts)
  return counts
}

export function isCounter(dict: object): boolean {
  return counters.has(dict)
}

/** The `_metadata` of a state dict, where it has one. */
export function metadataOf(dict: object): object | undefined {
  const property = Object.getOwnPropertyDescriptor(dict, '_metadata')
  return property && !property.enumerable && typeof property.value === 'object' ? property.value : undefined
}

const keyOrders = new WeakMap<object, string[]>()

/** Sets an entry and remembers its place: a JavaScript object sorts keys that look like integers before all others. */
export function setInOrder<T>(dict: Record<string, T>, key: string, value: T): void {
  const order = keyOrders.get(dict)
  if (order === undefined) keyOrders.set(dict, [key])
  else if (!Object.hasOwn(dict, key)) order.push(key)
  dict[key] = value
}

/** The entries of a plain object in the order of {@link setInOrder}; those set otherwise come last. */
export function entriesInOrder(dict: object): [string, unknown][] {
  const entries = Object.entries(dict)
  const order = keyOrders.get(dict)
  if (order === undefined) return entries
  const left = new Map(entries)
  const known = order.filter((key) => left.has(key)).map((key): [string, unknown] => [key, left.get(key)])
  for (const key of order) left.delete(key)
  return [...known, ...left]
}
