/** What the containers with names have in common. */
import { ArgumentError } from '../errors.js'
import { isOptions } from '../tensor/operator.js'
import { Module } from './module.js'
import { pythonTypeName } from './python-type.js'

/** Names and members in order. */
export type NamedPairs<V> = ReadonlyMap<string, V> | Iterable<readonly [string, V]>

/**
 * Base of ModuleDict and ParameterDict: members by name, in the order in which they came, also where names look like numbers.
 * Iteration gives the names, as in Python; {@link NamedContainer.items} gives pairs.
 */
export abstract class NamedContainer<T extends Record<string, any>> extends Module implements Iterable<string> {
  /** @internal */
  declare readonly _items: Map<string, T[keyof T]>

  /** @internal */
  constructor() {
    super()
    Object.defineProperty(this, '_items', { value: new Map(), enumerable: false, writable: true, configurable: true })
  }

  /** @internal */
  override _likeness(): this {
    return Reflect.construct(NamedContainer, [], this.constructor as new () => unknown) as this
  }
  /** @internal */
  override _fields(): [string, unknown][] {
    return [...super._fields(), ...this._items]
  }
  /** @internal */
  override _put(name: string, value: unknown): void {
    this._items.set(name, value as T[keyof T])
  }
  /** @internal */
  override _present(name: string): unknown {
    return this._items.get(name)
  }

  /** Number of members. */
  get length(): number {
    return this._items.size
  }
  /** Number of members, as a Map has it. */
  get size(): number {
    return this._items.size
  }
  /** The names. */
  [Symbol.iterator](): IterableIterator<string> {
    return this._items.keys()
  }
  /** The names. */
  keys(): IterableIterator<string> {
    return this._items.keys()
  }
  /** The members. */
  values(): IterableIterator<T[keyof T]> {
    return this._items.values()
  }
  /** Pairs of names and members. */
  items(): IterableIterator<[string, T[keyof T]]> {
    return this._items.entries()
  }
  /** The same as `items()`. */
  entries(): IterableIterator<[string, T[keyof T]]> {
    return this._items.entries()
  }
  /** Whether there is a member of that name. */
  has(name: string): boolean {
    return this._items.has(name)
  }
  /** Takes a member out; false when there was none. */
  delete(name: string): boolean {
    return this._items.delete(name)
  }
  /** Takes all members out. */
  clear(): void {
    this._items.clear()
  }

  /** @internal */
  protected _take(name: string): T[keyof T] {
    const value = this._items.get(name)
    if (value === undefined && !this._items.has(name))
      throw new ArgumentError(`${this._getName()} has no member '${name}'`)
    return value as T[keyof T]
  }
}

/** Names and members of what a container was given; `sorted`: those of a plain object by name, as Python does with a dict. */
export function pairsOf(what: string, members: unknown, sorted: boolean): [string, unknown][] {
  if (members instanceof NamedContainer) return [...members.items()]
  if (members instanceof Map) return [...members]
  if (typeof members === 'object' && members !== null && Symbol.iterator in members) {
    return [...(members as Iterable<unknown>)].map((pair, j) => {
      if (!Array.isArray(pair)) {
        throw new ArgumentError(`${what} update sequence element #${j} should be Iterable; is${pythonTypeName(pair)}`)
      }
      if (pair.length !== 2)
        throw new ArgumentError(`${what} update sequence element #${j} has length ${pair.length}; 2 is required`)
      return pair as [string, unknown]
    })
  }
  if (!isOptions(members)) {
    throw new ArgumentError(
      `${what}.update should be called with an iterable of key/value pairs, but got ${pythonTypeName(members)}`,
    )
  }
  const pairs = Object.entries(members)
  return sorted ? pairs.sort(([a], [b]) => (a < b ? -1 : 1)) : pairs
}
