import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { IndexedModules } from './indexed.js'
import type { Module } from './module.js'
import { listText } from './repr.js'
import type { Keys } from './types.js'

/**
 * A list of modules that belong to the module that holds it; it has no `forward`.
 * @example
 * class Deep extends nn.Module {
 *   layers = new nn.ModuleList([new nn.Linear(4, 4), new nn.Linear(4, 4)])
 *   forward(x: torch.Tensor) { for (const layer of this.layers) x = layer.forward(x).relu(); return x }
 * }
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.ModuleList.html
 */
export class ModuleList<T extends Module = Module> extends IndexedModules {
  /** Only for types: the keys of the state dict. */
  declare readonly keyBrand?: `${number}.${Keys<T>}`;
  [index: number]: T

  constructor(modules: Iterable<T> = []) {
    super()
    if (typeof modules !== 'object' || modules === null || !(Symbol.iterator in modules)) {
      throw new ArgumentError(`ModuleList: expected an iterable of modules, received ${describe(modules)}`)
    }
    this.extend(modules)
  }

  override [Symbol.iterator](): IterableIterator<T> {
    return super[Symbol.iterator]() as IterableIterator<T>
  }
  override at(index: number): T {
    return super.at(index) as T
  }
  override append(module: T): this {
    return super.append(module)
  }
  override extend(modules: Iterable<T>): this {
    return super.extend(modules)
  }
  override insert(index: number, module: T): this {
    return super.insert(index, module)
  }
  override pop(index = -1): T {
    return super.pop(index) as T
  }
  /** A new list of the modules from `start` to before `end`; both may be negative. */
  slice(start?: number, end?: number): ModuleList<T> {
    return new ModuleList([...this].slice(start, end))
  }

  /** Python's `list + other`: a new list of these modules and of `other`. */
  add(other: Iterable<T>): ModuleList<T> {
    return new ModuleList<T>([...this, ...other])
  }
  /** Python's `list += other`: the same as {@link ModuleList.extend}. */
  add_(other: Iterable<T>): this {
    return this.extend(other)
  }

  override toString(): string {
    return listText(this._getName(), this)
  }
}
