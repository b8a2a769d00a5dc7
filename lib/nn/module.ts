import { inspect } from 'node:util'
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { Buffer, Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { addHook, type ForwardHook, type ForwardPreHook } from './hooks.js'
import { moduleText } from './repr.js'
import { collect, emptyStateDict, load } from './state-dict.js'
import { type ModuleToOptions, toTarget } from './to.js'
import type { AnyStateDict, IncompatibleKeys, RemovableHandle, StateDict, WalkOptions } from './types.js'

const walkNames = ['prefix', 'recurse', 'removeDuplicate']

/**
 * Base class of all networks and layers. A subclass assigns its layers, parameters and buffers to its own fields, and
 * computes in `forward`; nothing is registered. The order of the fields is that of the state dict and of the optimizer's
 * parameters: with class fields that of their declarations.
 * @example
 * class Net extends nn.Module {
 *   hidden = new nn.Linear(4, 8)
 *   out = new nn.Linear(8, 1)
 *   forward(x: torch.Tensor) { return this.out.forward(this.hidden.forward(x).relu()) }
 * }
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html
 */
export class Module {
  #training = true
  /** Names that registerBuffer() and its kin made known, so that a plain Tensor under such a name is a buffer. */
  #registered: Map<string, 'buffer' | 'transient'> | undefined

  /** Computes the module's result; subclasses define it. */
  forward(..._args: any[]): any {
    throw new ArgumentError(`Module [${this._getName()}] is missing the required "forward" function`)
  }

  /** True in training mode (the default), false after {@link Module.eval}; own flag only, see {@link Module.train}. */
  get training(): boolean {
    return this.#training
  }
  set training(mode: boolean) {
    if (typeof mode !== 'boolean') throw new ArgumentError('training mode is expected to be boolean')
    this.#training = mode
  }

  /** Switches this module and all below it to training mode, or with `false` to evaluation. */
  train(mode = true): this {
    this.training = mode
    for (const [, child] of this._children()) child.train(mode)
    return this
  }
  /** Switches to evaluation: Dropout and BatchNorm behave differently. */
  eval(): this {
    return this.train(false)
  }

  // ---- the tree

  /** Own fields in order; a container that keeps its members elsewhere overrides this. @internal */
  _fields(): [string, unknown][] {
    return Object.entries(this)
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
    return this._fields().filter((field): field is [string, Module] => field[1] instanceof Module)
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
  /** Whether a state dict of that version of this module may be without its tensor `name`, which then stays. @internal */
  _mayLack(_name: string, _version: number | undefined): boolean {
    return false
  }
  /** May change what is to be loaded, and gives what is wrong with it. @internal */
  _prepareLoad(_entries: Map<string, unknown>, _prefix: string, _version: number | undefined): string[] {
    return []
  }
  /** `version` in the state dict's `_metadata`. @internal */
  get _version(): number {
    return 1
  }
  /** The name that errors and printouts show. @internal */
  _getName(): string {
    return this.constructor.name
  }

  *#walk(
    prefix: string,
    recurse: boolean,
    removeDuplicate: boolean,
    seen = new Set<Module>(),
  ): Iterable<[string, Module]> {
    if (removeDuplicate && seen.has(this)) return
    seen.add(this)
    yield [prefix, this]
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
    for (const [path, module] of this.#walk(String(prefix), flag(what, 'recurse', recurse, true), once)) {
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
  namedChildren(): [string, Module][] {
    const seen = new Set<Module>()
    return this._children().filter(([, child]) => !seen.has(child) && seen.add(child))
  }
  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module)
  }
  /** Dotted names and modules; this one is `''`. */
  namedModules(options: { prefix?: string; removeDuplicate?: boolean } = {}): [string, Module][] {
    for (const key of Object.keys(options)) {
      if (key !== 'prefix' && key !== 'removeDuplicate')
        throw unknownOption('namedModules', key, ['prefix', 'removeDuplicate'])
    }
    return [...this.#walk(options.prefix ?? '', true, options.removeDuplicate ?? true)]
  }

  /** The module of a dotted name; `''` is this one. */
  getSubmodule(target: string): Module {
    let module: Module = this
    for (const item of target === '' ? [] : target.split('.')) {
      const next = module.#attribute(item)
      if (!(next instanceof Module)) throw new ArgumentError(`\`${item}\` is not an nn.Module`)
      module = next
    }
    return module
  }
  getParameter(target: string): Parameter {
    const [module, name] = this.#locate(target)
    const parameter = module.#attribute(name)
    if (!(parameter instanceof Parameter)) throw new ArgumentError(`\`${name}\` is not an nn.Parameter`)
    return parameter
  }
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
  #attribute(name: string): unknown {
    const field = this._fields().find(([key]) => key === name)
    if (field) return field[1]
    if (name in this) return (this as Record<string, unknown>)[name]
    throw new ArgumentError(`${this._getName()} has no attribute \`${name}\``)
  }

  // ---- members by name

  /**
   * Adds a buffer under `name`. Later a plain Tensor assigned to the field is the buffer, too.
   * @param options - `persistent`: whether state dicts contain it (default `true`), also as third argument
   */
  registerBuffer(name: string, tensor: Tensor | null, options: { persistent?: boolean } | boolean = {}): void {
    const persistent = typeof options === 'boolean' ? options : (options.persistent ?? true)
    const present = (this as Record<string, unknown>)[name]
    this.#checkName('buffer', name, this.#registered?.has(name) === true || this._isBuffer(name, present))
    if (tensor !== null && !(tensor instanceof Tensor)) {
      throw new ArgumentError(
        `cannot assign '${describe(tensor)}' object to buffer '${name}' (torch Tensor or None required)`,
      )
    }
    this.#registered ??= new Map()
    this.#registered.set(name, persistent ? 'buffer' : 'transient')
    if (tensor instanceof Buffer) tensor.persistent = persistent
    this.#put(name, tensor)
  }
  /** Adds a parameter under `name`; the same as assigning it to the field. */
  registerParameter(name: string, parameter: Parameter | null): void {
    this.#checkName('parameter', name, (this as Record<string, unknown>)[name] instanceof Parameter)
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new ArgumentError(
        `cannot assign '${describe(parameter)}' object to parameter '${name}' (torch.nn.Parameter or None required)`,
      )
    }
    this.#put(name, parameter)
  }
  /** Adds a child under `name`; the same as assigning it to the field. */
  addModule(name: string, module: Module | null): void {
    if (module !== null && !(module instanceof Module))
      throw new ArgumentError(`${describe(module)} is not a Module subclass`)
    this.#checkName('module', name, (this as Record<string, unknown>)[name] instanceof Module)
    this.#put(name, module)
  }
  /** The same as {@link Module.addModule}. */
  registerModule(name: string, module: Module | null): void {
    this.addModule(name, module)
  }
  #checkName(kind: string, name: string, known: boolean): void {
    if (typeof name !== 'string') throw new ArgumentError(`${kind} name should be a string. Got ${describe(name)}`)
    if (name.includes('.'))
      throw new ArgumentError(`${kind} name can't contain "."${kind === 'module' ? `, got: ${name}` : ''}`)
    if (name === '') throw new ArgumentError(`${kind} name can't be empty string ""`)
    // A field that was declared without a value, or is null, is there to be filled.
    const present = (this as Record<string, unknown>)[name]
    if (!known && present !== undefined && present !== null)
      throw new ArgumentError(`attribute '${name}' already exists`)
  }
  #put(name: string, value: Tensor | Module | null): void {
    ;(this as Record<string, unknown>)[name] = value
  }

  // ---- what is done to all tensors

  /** Sets `requiresGrad` of all parameters: `model.backbone.requiresGrad_(false)` freezes a part. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad
    return this
  }
  /** Forgets the gradients of all parameters, or with `setToNone` false makes them zeros. */
  zeroGrad(options: { setToNone?: boolean } | boolean = {}): void {
    const setToNone = typeof options === 'boolean' ? options : (options.setToNone ?? true)
    for (const parameter of this.parameters()) {
      const { grad } = parameter
      if (grad === null) continue
      if (setToNone) parameter.grad = null
      else if (grad.gradFn === null) noGrad(() => grad.requiresGrad_(false).zero_())
      else parameter.grad = noGrad(() => grad.detach().zero_())
    }
  }
  /** Gives every tensor the values, dtype and device of `fn(tensor)`; the objects stay, so optimizers stay valid. @internal */
  _apply(fn: (tensor: Tensor) => Tensor): this {
    for (const [, child] of this._children()) child._apply(fn)
    const binding = native()
    for (const [, tensor] of [...this._parameters(), ...this._buffers()]) {
      const { grad } = tensor
      binding.setData(
        tensor,
        noGrad(() => fn(tensor)),
      )
      if (grad) {
        binding.setData(
          grad,
          noGrad(() => fn(grad)),
        )
      }
    }
    return this
  }
  /** Moves all parameters and buffers, and casts those of a floating point or complex dtype. */
  to(device: Device | null, dtype?: Dtype | null, nonBlocking?: boolean): this
  to(dtype: Dtype, nonBlocking?: boolean): this
  to(other: Tensor, nonBlocking?: boolean): this
  to(options: ModuleToOptions): this
  to(...args: unknown[]): this {
    const target = toTarget(args)
    return this._apply((tensor) => {
      const cast = target.dtype && (tensor.isFloatingPoint() || tensor.isComplex()) ? { dtype: target.dtype } : {}
      const move = target.device ? { device: target.device } : {}
      return tensor.to({ ...cast, ...move, nonBlocking: target.nonBlocking ?? false })
    })
  }
  cpu(): this {
    return this.to('cpu')
  }
  /** Moves to a CUDA device (default: the current one). */
  cuda(device: number | string = 'cuda'): this {
    return this.to(typeof device === 'number' ? `cuda:${device}` : device)
  }
  float(): this {
    return this.#castFloats('float32')
  }
  double(): this {
    return this.#castFloats('float64')
  }
  half(): this {
    return this.#castFloats('float16')
  }
  bfloat16(): this {
    return this.#castFloats('bfloat16')
  }
  #castFloats(dtype: Dtype): this {
    return this._apply((tensor) => (tensor.isFloatingPoint() ? tensor.to(dtype) : tensor))
  }
  /** Calls `fn` with every module, children before parents. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn)
    fn(this)
    return this
  }

  // ---- state dicts

  /**
   * The parameters and persistent buffers under dotted names: tensors that share the storage of the module's. Keys, their order
   * and `_metadata` are Python's.
   * @param options - `prefix` before all keys (default `''`), `keepVars`: the tensors themselves instead of detached ones
   */
  stateDict(options?: { prefix?: undefined; keepVars?: boolean }): StateDict<this>
  stateDict(options: { prefix?: string; keepVars?: boolean }): Record<string, Tensor>
  stateDict(options: { prefix?: string; keepVars?: boolean } = {}): Record<string, Tensor> {
    for (const key of Object.keys(options)) {
      if (key !== 'prefix' && key !== 'keepVars') throw unknownOption('stateDict', key, ['prefix', 'keepVars'])
    }
    const destination = emptyStateDict()
    collect(this, destination, options.prefix ?? '', options.keepVars ?? false)
    return destination
  }
  /**
   * Copies a state dict into the module's tensors, which keep dtype and device. Nothing is written when something does not fit.
   * @param options - `strict` (default `true`): keys must be the module's, all and no others; `assign` (default `false`): takes
   * the tensors themselves, with their dtype and device; make the optimizer after it
   * @throws {@link StateDictError} that lists every missing and unexpected key and every mismatch
   */
  loadStateDict(
    stateDict: StateDict<this> | AnyStateDict,
    options: { strict?: boolean; assign?: boolean } = {},
  ): IncompatibleKeys {
    if (!isOptions(options)) throw new ArgumentError('loadStateDict(stateDict, {strict, assign}): expected options')
    for (const key of Object.keys(options)) {
      if (key !== 'strict' && key !== 'assign') throw unknownOption('loadStateDict', key, ['strict', 'assign'])
    }
    return load(this, stateDict as AnyStateDict, options.strict ?? true, options.assign ?? false)
  }

  // ---- hooks and text

  /** Calls `hook(module, args, output)` after each `forward`; a result replaces the output. */
  registerForwardHook(hook: ForwardHook<this>, options: { prepend?: boolean } = {}): RemovableHandle {
    return addHook(this, 'after', hook, options)
  }
  /** Calls `hook(module, args)` before each `forward`; a result replaces the arguments. */
  registerForwardPreHook(hook: ForwardPreHook<this>, options: { prepend?: boolean } = {}): RemovableHandle {
    return addHook(this, 'before', hook, options)
  }
  /** What {@link Module.toString} shows of the module itself; subclasses may override it. */
  extraRepr(): string {
    return ''
  }
  /** The tree as Python prints it. */
  toString(): string {
    return moduleText(this)
  }
  [inspect.custom](): string {
    return this.toString()
  }
}
