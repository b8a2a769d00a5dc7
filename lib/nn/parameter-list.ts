import { ArgumentError, TorchIndexError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'
import { pythonTypeName, tensorClass } from './python-type.js'
import { registered } from './registration-hooks.js'

/** The properties `0`, `1`, … of a ParameterList, shared by all. */
const properties: PropertyDescriptor[] = []

function propertyOf(i: number): PropertyDescriptor {
  properties[i] ??= {
    configurable: true,
    enumerable: true,
    get(this: ParameterList) {
      return this._items[i]
    },
    set(this: ParameterList, value: unknown) {
      const own = value instanceof Tensor && !(value instanceof Parameter) ? new Parameter(value) : value
      this._items[i] = own instanceof Parameter ? registered('parameter', this, String(i), own) : own
    },
  }
  return properties[i]!
}

/**
 * A list of parameters that belong to the module that holds it. A Tensor that is none becomes a Parameter over the same data;
 * other values are kept as they are.
 * @example
 * const list = new nn.ParameterList([torch.zeros(2), new nn.Parameter(torch.ones(3))])
 * list[0].requiresGrad // true
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.ParameterList.html
 */
export class ParameterList<T = any> extends Module implements Iterable<T> {
  /** Only for types: the keys of the state dict. */
  declare readonly keyBrand?: `${number}`
  /** @internal */
  declare readonly _items: any[];
  [index: number]: T

  constructor(values?: Iterable<unknown> | null) {
    super()
    Object.defineProperty(this, '_items', { value: [], enumerable: false, writable: true, configurable: true })
    if (values !== undefined && values !== null) this.extend(values)
  }

  /** @internal */
  override _likeness(): this {
    return Reflect.construct(ParameterList, [], this.constructor as new () => unknown) as unknown as this
  }
  /** @internal */
  override _putReplica(name: string, tensor: Tensor): void {
    this._items[Number(name)] = tensor
  }

  /** Number of values. */
  get length(): number {
    return this._items.length
  }
  [Symbol.iterator](): IterableIterator<T> {
    return this._items[Symbol.iterator]()
  }
  /** The value at an index; negative ones count from the end. */
  at(index: number): T {
    return this._items[this.#position(index)]
  }
  /** Replaces the value at an index. */
  set(index: number, value: T | Tensor): this {
    ;(this as Record<number, unknown>)[this.#position(index)] = value
    return this
  }
  /** Adds a value at the end. */
  append(value: T | Tensor): this {
    const i = this.length
    Object.defineProperty(this, i, propertyOf(i))
    ;(this as Record<number, unknown>)[i] = value
    return this
  }
  /** Adds values at the end. */
  extend(values: Iterable<unknown>): this {
    if (typeof values !== 'object' || values === null || !(Symbol.iterator in values) || values instanceof Tensor) {
      throw new ArgumentError(`ParameterList.extend should be called with an iterable, but got ${describe(values)}`)
    }
    for (const value of [...values]) this.append(value as T)
    return this
  }
  /** A new list of the values from `start` to before `end`; both may be negative. */
  slice(start?: number, end?: number): ParameterList<T> {
    return new ParameterList<T>(this._items.slice(start, end))
  }

  #position(index: number): number {
    const { length } = this
    if (!Number.isInteger(index) || index < -length || index >= length)
      throw new TorchIndexError(`index ${index} is out of range`)
    return index < 0 ? index + length : index
  }

  override forward(): never {
    throw new ArgumentError('ParameterList should not be called.')
  }
  override extraRepr(): string {
    return this._items.map((value, i) => `  (${i}): ${parameterText(value, false)}`).join('\n')
  }
}

/** How the containers of parameters print a value; `byType`: `torch.FloatTensor` instead of the dtype. */
export function parameterText(value: unknown, byType: boolean): string {
  if (!(value instanceof Tensor)) return `Object of type: ${pythonTypeName(value)}`
  const { dtype, device } = value
  const place = value.isCuda ? ` (${device})` : ''
  const type = byType ? tensorClass(value) : `torch.${dtype}`
  const kind = value instanceof Parameter ? 'Parameter' : 'Tensor'
  return `${kind} containing: [${type} of size ${value.shape.join('x')}${place}]`
}
