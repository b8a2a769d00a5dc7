import { ArgumentError, TorchIndexError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Module } from './module.js'

/**
 * A container whose children are its own properties `0`, `1`, …, so that `container[0]` works and is the key in state dicts.
 * Base of Sequential and ModuleList.
 */
export abstract class IndexedModules extends Module implements Iterable<Module> {
  [index: number]: Module

  /** Number of children. */
  get length(): number {
    return this._children().length
  }
  [Symbol.iterator](): IterableIterator<Module> {
    return this._children()
      .map(([, child]) => child)
      [Symbol.iterator]()
  }

  /** The child at an index; negative ones count from the end. */
  at(index: number): Module {
    return this._children()[this._position(index)]![1]
  }
  /** Adds a child at the end. */
  append(module: Module): this {
    this.addModule(String(this.length), module)
    return this
  }
  /** Adds children at the end. */
  extend(modules: Iterable<Module>): this {
    if (typeof modules !== 'object' || modules === null || !(Symbol.iterator in modules)) {
      throw new ArgumentError(`extend() takes an iterable of modules, received ${describe(modules)}`)
    }
    for (const module of [...modules]) this.append(module)
    return this
  }
  /** Puts a child before the one at `index`. */
  insert(index: number, module: Module): this {
    if (!(module instanceof Module))
      throw new ArgumentError(`module should be of type Module, received ${describe(module)}`)
    const { length } = this
    if (!Number.isInteger(index) || index < -length || index > length)
      throw new TorchIndexError(`Index out of range: ${index}`)
    const modules = [...this]
    modules.splice(index < 0 ? index + length : index, 0, module)
    return this._renumber(modules)
  }
  /** Takes a child out (default: the last) and returns it; those after it move up. */
  pop(index = -1): Module {
    const modules = [...this]
    const [taken] = modules.splice(this._position(index), 1)
    this._renumber(modules)
    return taken!
  }

  /** Takes children out: the one at `start`, or all from `start` to before `end`; those after them move up. */
  delete(start: number, end?: number): void {
    const modules = [...this]
    const at = [...modules.keys()]
    const gone = new Set(end === undefined ? [this._position(start)] : at.slice(start, end))
    this._renumber(modules.filter((_, i) => !gone.has(i)))
  }

  /** @internal */
  protected _position(index: number): number {
    const { length } = this
    if (!Number.isInteger(index) || index < -length || index >= length) {
      throw new TorchIndexError(`index ${index} is out of range`)
    }
    return index < 0 ? index + length : index
  }
  /** Makes `modules` the children, under new numbers. @internal */
  protected _renumber(modules: Module[]): this {
    for (const [name] of this._children()) Reflect.deleteProperty(this, name)
    for (const [i, module] of modules.entries()) this._put(String(i), module)
    return this
  }
}
