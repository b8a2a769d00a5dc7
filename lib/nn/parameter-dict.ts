import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { NamedContainer, type NamedPairs, pairsOf } from './named.js'
import { parameterText } from './parameter-list.js'
import { registered } from './registration-hooks.js'

/** What a container of parameters gives for what it was given: a Tensor has become a Parameter. */
type Kept<V> = V extends Parameter ? V : V extends Tensor ? Parameter : V

/**
 * Parameters by name, in the order in which they came. A Tensor that is none becomes a Parameter over the same data; other
 * values are kept as they are. A plain object is taken in the order of its sorted names, as Python takes a dict; a Map, pairs or
 * a ParameterDict in their own.
 * @example
 * const choices = new nn.ParameterDict({ left: torch.ones(5, 10), right: torch.ones(5, 10) })
 * choices.get('left').requiresGrad // true
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.ParameterDict.html
 */
export class ParameterDict<T extends Record<string, any> = Record<string, any>> extends NamedContainer<T> {
  /** Only for types: the keys of the state dict. */
  declare readonly keyBrand?: { [K in keyof T & string]: T[K] extends Tensor ? K : never }[keyof T & string]

  /** @param parameters - an object, a Map, pairs of names and values, or another ParameterDict */
  constructor(parameters: ParameterDict<T> | NamedPairs<T[keyof T]>)
  constructor(parameters?: T | null)
  constructor(parameters?: T | ParameterDict<T> | NamedPairs<T[keyof T]> | null) {
    super()
    if (parameters !== undefined && parameters !== null) this.update(parameters)
  }

  /** @internal */
  override _put(name: string, value: unknown): void {
    const own = value instanceof Tensor && !(value instanceof Parameter) ? new Parameter(value) : value
    super._put(name, own instanceof Parameter ? registered('parameter', this, name, own) : own)
  }
  /** @internal */
  override _putReplica(name: string, tensor: Tensor): void {
    super._put(name, tensor)
  }

  /** The value of that name, or `usual` (default: null) where there is none. */
  get<K extends keyof T & string>(name: K): Kept<T[K]>
  get<D = null>(name: string, usual?: D): Kept<T[keyof T]> | D
  get(name: string, usual: unknown = null): unknown {
    return this._items.has(name) ? this._items.get(name) : usual
  }
  /** Adds a value, or replaces the one of that name in its place. */
  set<K extends keyof T & string>(name: K, value: T[K] | Tensor): this {
    if (typeof name !== 'string') {
      throw new ArgumentError(
        `Index given to ParameterDict cannot be used as a key as it is not a string (type is '${describe(name)}'). Open an issue on github if you need non-string keys.`,
      )
    }
    this._put(name, value)
    return this
  }
  /** The value of that name, which becomes `usual` (default: null) where there is none. */
  setdefault<K extends keyof T & string>(name: K, usual: T[K] | Tensor | null = null): Kept<T[K]> {
    if (!this.has(name)) this._put(name, usual)
    return this.get(name)
  }
  /** Takes a value out and returns it. */
  pop<K extends keyof T & string>(name: K): Kept<T[K]> {
    const value = this._take(name)
    this.delete(name)
    return value as Kept<T[K]>
  }
  /** Takes the last value out and returns it with its name. */
  popitem(): [string, Kept<T[keyof T]>] {
    const last = [...this._items].pop()
    if (!last) throw new ArgumentError('dictionary is empty')
    this.delete(last[0])
    return last as [string, Kept<T[keyof T]>]
  }
  /** A new ParameterDict with the same parameters. */
  copy(): ParameterDict<T> {
    return new ParameterDict<T>(new Map(this._items) as ReadonlyMap<string, T[keyof T]>)
  }
  /** A new ParameterDict with `usual` (default: null) under each of the names. */
  fromkeys(names: Iterable<string>, usual: unknown = null): ParameterDict {
    return new ParameterDict([...names].map((name): [string, unknown] => [name, usual]))
  }
  /** Adds all values of an object, a Map, pairs or another ParameterDict. */
  update(parameters: Partial<T> | ParameterDict<any> | NamedPairs<T[keyof T]>): void {
    for (const [name, value] of pairsOf('ParameterDict', parameters, true)) this.set(name, value as T[string])
  }

  override forward(): never {
    throw new ArgumentError('ParameterDict should not be called.')
  }
  override extraRepr(): string {
    return [...this._items].map(([name, value]) => `  (${name}): ${parameterText(value, true)}`).join('\n')
  }
}
