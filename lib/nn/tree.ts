import { ArgumentError } from '../errors.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { Buffer, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import type { Module } from './module.js'
import { putMember } from './registration-hooks.js'
import type { WalkOptions } from './types.js'

const walkNames = ['prefix', 'recurse', 'removeDuplicate']

/** What a module holds, by name: the part of {@link Module} that finds and registers members. */
export abstract class ModuleTree {
  /** Names that registerBuffer() and its kin made known, so that a plain Tensor under such a name is a buffer. */
  #registered: Map<string, 'buffer' | 'transient'> | undefined

  /** Own fields in order; a container that keeps its members elsewhere overrides this. @internal */
  _fields(): [string, unknown][] {
    return Object.entries(this)
  }
  /** Sets one of {@link ModuleTree._fields}. @internal */
  _put(name: string, value: unknown): void {
    ;(this as Record<string, unknown>)[name] = value
  }
  /** The same for a tensor that stands for a parameter in a replica. @internal */
  _putReplica(name: string, tensor: Tensor): void {
    this._put(name, tensor)
  }
  /** Own parameters by name, in order. @internal */
  _parameters(): [string, Parameter][] {
    return this._fields().filter((field): field is [string, Parameter] => field[1] instanceof Parameter)
  }
  /** Own buffers by name, in order. @internal */
  _buffers(): [string, Tensor][] {
    return this._fields().filter((field): field is [string, Tensor] => this._isBuffer(...field))
  }
  /** Own children by name, in order, also those that are there twice. @internal */
  _children(): [string, Module][] {
    return this._fields().filter((field): field is [string, Module] => field[1] instanceof ModuleTree)
  }
  /** @internal */
  _isChild(value: unknown): boolean {
    return value instanceof ModuleTree
  }
  /** @internal */
  _isBuffer(name: string, value: unknown): boolean {
    if (value instanceof Buffer) return true
    return this.#registered?.has(name) === true && value instanceof Tensor && !(value instanceof Parameter)
  }
  /** Whether state dicts contain this buffer. @internal */
  _isPersistent(name: string, buffer: Tensor): boolean {
    return buffer instanceof Buffer ? buffer.persistent : this.#registered?.get(name) !== 'transient'
  }
  /** Knows the same names as buffers as another module does. @internal */
  _registerLike(other: ModuleTree): void {
    this.#registered = other.#registered && new Map(other.#registered)
  }
  /** The name that errors and printouts show. @internal */
  _getName(): string {
    return this.constructor.name
  }

  // ---- all that is below

  *#walk(prefix: string, recurse: boolean, removeDuplicate: boolean, seen: Set<Module>): Iterable<[string, Module]> {
    const self = this as unknown as Module
    if (seen.has(self)) return
    if (removeDuplicate) seen.add(self)
    yield [prefix, self]
    if (!recurse) return
    for (const [name, child] of this._children()) {
      yield* child.#walk(prefix === '' ? name : `${prefix}.${name}`, true, removeDuplicate, seen)
    }
  }
  #members<T extends Tensor>(what: string, args: unknown[], of: (module: Module) => [string, T][]): [string, T][] {
    const [prefix = '', recurse, removeDuplicate] = takeArguments(what, walkNames, args)
    const once = flag(what, 'removeDuplicate', removeDuplicate, true)
    const seen = new Set<T>()
    const found: [string, T][] = []
    for (const [path, module] of this.#walk(String(prefix), flag(what, 'recurse', recurse, true), once, new Set())) {
      for (const [name, member] of of(module)) {
        if (once && seen.has(member)) continue
        seen.add(member)
        found.push([path === '' ? name : `${path}.${name}`, member])
      }
    }
    return found
  }

  /** All parameters, each once. */
  parameters(recurse = true): Parameter[] {
    return this.namedParameters({ recurse }).map(([, parameter]) => parameter)
  }
  /** Dotted names and parameters; one that is shared has its first name. */
  namedParameters(options?: WalkOptions): [string, Parameter][]
  namedParameters(prefix: string, recurse?: boolean, removeDuplicate?: boolean): [string, Parameter][]
  namedParameters(...args: unknown[]): [string, Parameter][] {
    return this.#members('namedParameters', args, (module) => module._parameters())
  }
  /** All buffers, each once. */
  buffers(recurse = true): Tensor[] {
    return this.namedBuffers({ recurse }).map(([, buffer]) => buffer)
  }
  /** Dotted names and buffers; one that is shared has its first name. */
  namedBuffers(options?: WalkOptions): [string, Tensor][]
  namedBuffers(prefix: string, recurse?: boolean, removeDuplicate?: boolean): [string, Tensor][]
  namedBuffers(...args: unknown[]): [string, Tensor][] {
    return this.#members('namedBuffers', args, (module) => module._buffers())
  }
  /** The modules directly below, each once. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child)
  }
  /** Names and modules directly below, each once. */
  namedChildren(): [string, Module][] {
    const seen = new Set<Module>()
    return this._children().filter(([, child]) => !seen.has(child) && seen.add(child))
  }
  /** This module and all below it; each once, unless `removeDuplicate` is false. */
  modules(removeDuplicate = true): Module[] {
    return this.namedModules({ removeDuplicate }).map(([, module]) => module)
  }
  /**
   * Dotted names and modules; this one is `''`.
   * @param options - `memo`: modules to leave out, to which those found are added; `prefix` (default `''`); `removeDuplicate` (default `true`)
   */
  namedModules(options?: { memo?: Set<Module>; prefix?: string; removeDuplicate?: boolean }): [string, Module][]
  namedModules(memo?: Set<Module> | null, prefix?: string, removeDuplicate?: boolean): [string, Module][]
  namedModules(...args: unknown[]): [string, Module][] {
    const [memo, prefix = '', once] = takeArguments('namedModules', ['memo', 'prefix', 'removeDuplicate'], args)
    if (memo !== undefined && memo !== null && !(memo instanceof Set))
      throw new ArgumentError(`namedModules(): expected memo to be a Set of modules, received ${describe(memo)}`)
    const seen = (memo as Set<Module> | undefined | null) ?? new Set<Module>()
    return [...this.#walk(String(prefix), true, flag('namedModules', 'removeDuplicate', once, true), seen)]
  }

  // ---- one member by name

  /** The module of a dotted name; `''` is this one. */
  getSubmodule(target: string): Module {
    let module = this as unknown as Module
    for (const item of target === '' ? [] : target.split('.')) {
      const next = module.#attribute(item)
      if (!(next instanceof ModuleTree)) throw new ArgumentError(`\`${item}\` is not an nn.Module`)
      module = next as Module
    }
    return module
  }
  /**
   * Replaces the module of a dotted name, or adds it.
   * @param options - `strict`: only replaces (default `false`), also as third argument
   */
  setSubmodule(target: string, module: Module, options: { strict?: boolean } | boolean = {}): void {
    if (target === '') throw new ArgumentError('Cannot set the submodule without a target name!')
    if (!((module as unknown) instanceof ModuleTree))
      throw new ArgumentError(`\`module\` is not an nn.Module, found ${describe(module)}`)
    const strict = typeof options === 'boolean' ? options : (options.strict ?? false)
    const [parent, name] = this.#locate(target)
    if (strict || parent.#has(name)) {
      if (!(parent.#attribute(name) instanceof ModuleTree)) throw new ArgumentError(`\`${name}\` is not an nn.Module`)
    }
    putMember(parent, 'module', name, module)
  }
  /** The parameter of a dotted name. */
  getParameter(target: string): Parameter {
    const [module, name] = this.#locate(target)
    const parameter = module.#attribute(name)
    if (!(parameter instanceof Parameter)) throw new ArgumentError(`\`${name}\` is not an nn.Parameter`)
    return parameter
  }
  /** The buffer of a dotted name. */
  getBuffer(target: string): Tensor {
    const [module, name] = this.#locate(target)
    const buffer = module.#attribute(name)
    if (!module._isBuffer(name, buffer)) throw new ArgumentError(`\`${name}\` is not a buffer`)
    return buffer as Tensor
  }
  #locate(target: string): [Module, string] {
    const dot = target.lastIndexOf('.')
    return [this.getSubmodule(target.slice(0, Math.max(dot, 0))), target.slice(dot + 1)]
  }
  #find(name: string): unknown {
    const field = this._fields().find(([key]) => key === name)
    return field ? field[1] : (this as Record<string, unknown>)[name]
  }
  #has(name: string): boolean {
    return this.#find(name) !== undefined
  }
  #attribute(name: string): unknown {
    const value = this.#find(name)
    if (value === undefined && !(name in this))
      throw new ArgumentError(`${this._getName()} has no attribute \`${name}\``)
    return value
  }

  /**
   * Adds a buffer under `name`. Later a plain Tensor assigned to the field is the buffer, too.
   * @param options - `persistent`: whether state dicts contain it (default `true`), also as third argument
   */
  registerBuffer(name: string, tensor: Tensor | null, options: { persistent?: boolean } | boolean = {}): void {
    if (typeof options !== 'boolean') {
      if (!isOptions(options)) throw new ArgumentError('registerBuffer(name, tensor, {persistent}): expected options')
      for (const key of Object.keys(options))
        if (key !== 'persistent') throw unknownOption('registerBuffer', key, ['persistent'])
    }
    const persistent = typeof options === 'boolean' ? options : (options.persistent ?? true)
    this.#checkName('buffer', name, (present) => this.#registered?.has(name) === true || this._isBuffer(name, present))
    if (tensor !== null && !(tensor instanceof Tensor)) {
      throw new ArgumentError(
        `cannot assign '${describe(tensor)}' object to buffer '${name}' (torch Tensor or None required)`,
      )
    }
    this.#registered ??= new Map()
    this.#registered.set(name, persistent ? 'buffer' : 'transient')
    if (tensor instanceof Buffer) tensor.persistent = persistent
    putMember(this, 'buffer', name, tensor)
  }
  /** Adds a parameter under `name`; the same as assigning it to the field. */
  registerParameter(name: string, parameter: Parameter | null): void {
    this.#checkName('parameter', name, (present) => present instanceof Parameter)
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new ArgumentError(
        `cannot assign '${describe(parameter)}' object to parameter '${name}' (torch.nn.Parameter or None required)`,
      )
    }
    if (parameter?.gradFn) {
      throw new ArgumentError(
        `Cannot assign non-leaf Tensor to parameter '${name}'. Model parameters must be created explicitly. To express '${name}' as a function of another Tensor, compute the value in the forward() method.`,
      )
    }
    putMember(this, 'parameter', name, parameter)
  }
  /** Adds a child under `name`; the same as assigning it to the field. */
  addModule(name: string, module: Module | null): void {
    if (module !== null && !((module as unknown) instanceof ModuleTree))
      throw new ArgumentError(`${describe(module)} is not a Module subclass`)
    this.#checkName('module', name, (present) => present instanceof ModuleTree)
    putMember(this, 'module', name, module)
  }
  /** The same as {@link ModuleTree.addModule}. */
  registerModule(name: string, module: Module | null): void {
    this.addModule(name, module)
  }
  #checkName(kind: string, name: string, isKnown: (present: unknown) => boolean): void {
    if (typeof name !== 'string') throw new ArgumentError(`${kind} name should be a string. Got ${describe(name)}`)
    if (name.includes('.'))
      throw new ArgumentError(`${kind} name can't contain "."${kind === 'module' ? `, got: ${name}` : ''}`)
    if (name === '') throw new ArgumentError(`${kind} name can't be empty string ""`)
    // A field that was declared without a value, or is null, is there to be filled.
    const present = this._present(name)
    if (present !== undefined && present !== null && !isKnown(present))
      throw new ArgumentError(`attribute '${name}' already exists`)
  }
  /** What stands in the way of a new member of that name. @internal */
  _present(name: string): unknown {
    return (this as Record<string, unknown>)[name]
  }
}
