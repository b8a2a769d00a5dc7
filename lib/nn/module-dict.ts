import type { Module } from './module.js'
import { NamedContainer, type NamedPairs, pairsOf } from './named.js'
import type { FieldKeys } from './types.js'

/**
 * Modules by name, in the order in which they came; it has no `forward`. Names are keys of the state dict: no `.` in them.
 * @example
 * class Net extends nn.Module {
 *   choices = new nn.ModuleDict({ conv: new nn.Conv2d(3, 8, 3), pool: new nn.MaxPool2d(3) })
 *   forward(x: torch.Tensor, choice: 'conv' | 'pool') { return this.choices.get(choice).forward(x) }
 * }
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.ModuleDict.html
 */
export class ModuleDict<T extends Record<string, Module> = Record<string, Module>> extends NamedContainer<T> {
  /** Only for types: the keys of the state dict. */
  declare readonly keyBrand?: FieldKeys<T>

  /** @param modules - an object, a Map, pairs of names and modules, or another ModuleDict; a Map keeps `'10'` before `'2'` */
  constructor(modules: ModuleDict<T> | NamedPairs<T[keyof T]>)
  constructor(modules?: T | null)
  constructor(modules?: T | ModuleDict<T> | NamedPairs<T[keyof T]> | null) {
    super()
    if (modules !== undefined && modules !== null) this.update(modules)
  }

  /** The module of that name. @throws {@link ArgumentError} where there is none */
  get<K extends keyof T & string>(name: K): T[K] {
    return this._take(name) as T[K]
  }
  /** Adds a module, or replaces the one of that name in its place. */
  set<K extends keyof T & string>(name: K, module: T[K]): this {
    this.addModule(name, module)
    return this
  }
  /** Takes a module out and returns it. */
  pop<K extends keyof T & string>(name: K): T[K] {
    const module = this.get(name)
    this.delete(name)
    return module
  }
  /** Adds all modules of an object, a Map, pairs or another ModuleDict. */
  update(modules: Partial<T> | ModuleDict<any> | NamedPairs<T[keyof T]>): void {
    for (const [name, module] of pairsOf('ModuleDict', modules, false)) this.addModule(name, module as Module)
  }
}
