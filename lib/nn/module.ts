import { inspect } from 'node:util'
import { ArgumentError, TorchError } from '../errors.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { isOptions, unknownOption } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { copyFields, deepcopy, type Memo } from './deepcopy.js'
import { noteClass } from './global-hooks.js'
import type {
  BackwardHook,
  ForwardHook,
  ForwardHookOptions,
  ForwardHookWithKwargs,
  ForwardPreHook,
  ForwardPreHookOptions,
  ForwardPreHookWithKwargs,
  FullBackwardHook,
  FullBackwardPreHook,
} from './hook-types.js'
import { addHook, copyHooks } from './hooks.js'
import { copyKept, kept } from './kept-in-eval.js'
import { applyToTensors, castFloats, emptyTensors, moveTensors, zeroGradients } from './module-tensors.js'
import { quietly } from './registration-hooks.js'
import { moduleText } from './repr.js'
import { collect, load, saveOwn } from './state-dict.js'
import {
  addStateHook,
  copyStateHooks,
  type LoadStateDictPostHook,
  type LoadStateDictPreHook,
  type StateDictPostHook,
  type StateDictPreHook,
} from './state-hooks.js'
import type { ModuleToOptions } from './to.js'
import { ModuleTree } from './tree.js'
import type { AnyStateDict, IncompatibleKeys, RemovableHandle, StateDict } from './types.js'

interface StateDictOptions {
  /** Stands before all keys (default `''`). */
  prefix?: string
  /** The tensors themselves instead of detached ones (default `false`). */
  keepVars?: boolean
  /** The state dict to add to (default: a new one). */
  destination?: Record<string, Tensor>
}
const stateDictNames = ['prefix', 'keepVars', 'destination']

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
export class Module extends ModuleTree {
  #training = true

  constructor() {
    super()
    noteClass(new.target.prototype)
  }

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

  /**
   * Switches this module and all below it to training mode, or with `false` to evaluation. A BatchNorm that {@link freeze} froze as a
   * whole stays in evaluation.
   */
  train(mode = true): this {
    this.training = kept(this, mode) ? false : mode
    for (const child of this.children()) child.train(mode)
    return this
  }
  /** Switches to evaluation: Dropout and BatchNorm behave differently. */
  eval(): this {
    return this.train(false)
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

  // ---- what is done to all tensors

  /** Sets `requiresGrad` of all parameters: `model.backbone.requiresGrad_(false)` freezes a part. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad
    return this
  }
  /** Forgets the gradients of all parameters, or with `setToNone` false makes them zeros. */
  zeroGrad(options: { setToNone?: boolean } | boolean = {}): void {
    zeroGradients(this, typeof options === 'boolean' ? options : (options.setToNone ?? true))
  }
  /** Gives every tensor the values, dtype and device of `fn(tensor)`; the objects stay, so optimizers stay valid. @internal */
  _apply(fn: (tensor: Tensor) => Tensor): this {
    applyToTensors(this, fn, true)
    return this
  }
  /** Moves all parameters and buffers, and casts those of a floating point or complex dtype. Parameters keep their identity. */
  to(device: Device | null, dtype?: Dtype | null, nonBlocking?: boolean): this
  to(dtype: Dtype, nonBlocking?: boolean): this
  to(other: Tensor, nonBlocking?: boolean): this
  to(options: ModuleToOptions): this
  to(...args: unknown[]): this {
    moveTensors(this, args)
    return this
  }
  /** Moves to a device without copying values: what was on 'meta' gets memory. `recurse` (default `true`): all below, too. */
  toEmpty(options: { device: Device | null; recurse?: boolean }): this {
    emptyTensors(this, options)
    return this
  }
  /** Moves to the CPU. */
  cpu(): this {
    return this.to('cpu')
  }
  /** Moves to a CUDA device (default: the current one). */
  cuda(device: number | string = 'cuda'): this {
    return this.to(typeof device === 'number' ? `cuda:${device}` : device)
  }
  /** Moves to an XPU (default: the current one). */
  xpu(device: number | string = 'xpu'): this {
    return this.to(typeof device === 'number' ? `xpu:${device}` : device)
  }
  /** Moves to an IPU (default: the current one). */
  ipu(device: number | string = 'ipu'): this {
    return this.to(typeof device === 'number' ? `ipu:${device}` : device)
  }
  /** Moves to an MTIA device (default: the current one). */
  mtia(device: number | string = 'mtia'): this {
    return this.to(typeof device === 'number' ? `mtia:${device}` : device)
  }
  /** Casts all parameters and buffers, also those that are integers. */
  type(dtype: Dtype): this {
    return this._apply((tensor) => tensor.to(dtype))
  }
  /** Casts floating point tensors to float32; {@link Module.double}, half and bfloat16 likewise. */
  float(): this {
    castFloats(this, 'float32')
    return this
  }
  double(): this {
    castFloats(this, 'float64')
    return this
  }
  half(): this {
    castFloats(this, 'float16')
    return this
  }
  bfloat16(): this {
    castFloats(this, 'bfloat16')
    return this
  }
  /** Calls `fn` with every module, children before parents. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn)
    fn(this)
    return this
  }
  /** Not offered: a Tensor cannot be handed to another thread or process. @throws {@link TorchError} always */
  shareMemory(): this {
    throw new TorchError('shareMemory() is not offered: tensors are not shared between threads or processes')
  }
  /** Not offered: there is no compiler for JavaScript functions; chains of native layers run in one call anyway. @throws {@link TorchError} always */
  compile(): void {
    throw new TorchError('compile() is not offered: torch.compile works on Python functions')
  }

  // ---- copies

  /**
   * A deep copy, as Python's `copy.deepcopy(model)`: tensors of its own, where what was shared inside the model is shared inside
   * the copy; training flags, hooks and `requiresGrad` as they are; gradients of parameters are not copied. No constructor of a
   * subclass and no random number is used. Other fields are copied as deeply: arrays, Maps, Sets, plain and class objects.
   * Functions stay the same, so that one that was made as a field (`act = (x) => this.fc.forward(x)`) still uses the original;
   * fields named `#x` belong to their class alone and cannot be copied: use `private x` in modules that are to be cloned.
   * @throws {@link TorchError} where a field is a tensor that was computed with gradients
   */
  clone(): this {
    return quietly(() => deepcopy(this))
  }
  /** The copy; `memo` has what was copied before. @internal */
  _deepcopy(memo: Memo): this {
    const copy = this._likeness()
    memo.objects.set(this, copy)
    copyFields(this, copy, (value) => deepcopy(value, memo))
    return this._complete(copy)
  }
  /** A module that shares the tensors, with its own fields for them. @internal */
  _shallowCopy(): this {
    const copy = this._likeness()
    quietly(() => copyFields(this, copy, (value, isStore) => (isStore ? new (value as any).constructor(value) : value)))
    return this._complete(copy)
  }
  /** A module of the same class without the fields: only the constructors of this package ran. @internal */
  _likeness(): this {
    return Reflect.construct(Module, [], this.constructor as new () => unknown) as this
  }
  /** @internal */
  _complete(copy: this): this {
    copy._registerLike(this)
    copy.training = this.training
    copyKept(this, copy)
    copyHooks(this, copy)
    copyStateHooks(this, copy)
    return copy
  }

  // ---- state dicts

  /**
   * The parameters and persistent buffers under dotted names: tensors that share the storage of the module's. Keys, their order
   * and `_metadata` are Python's.
   */
  stateDict(options?: { prefix?: undefined; destination?: undefined; keepVars?: boolean }): StateDict<this>
  stateDict(options: StateDictOptions): Record<string, Tensor>
  stateDict(options: StateDictOptions = {}): Record<string, Tensor> {
    for (const key of Object.keys(options))
      if (!stateDictNames.includes(key)) throw unknownOption('stateDict', key, stateDictNames)
    return collect(this, options.destination, options.prefix ?? '', options.keepVars ?? false)
  }
  /** Adds this module's own tensors and its extra state to `destination`. @internal */
  _saveToStateDict(destination: Record<string, Tensor>, prefix: string, keepVars: boolean): void {
    saveOwn(this, destination, prefix, keepVars)
  }
  /**
   * Copies a state dict into the module's tensors, which keep dtype and device. Nothing is written when something does not fit,
   * unless there are post-hooks: they run after the writing, as in Python, and may change what counts as an error.
   * @param options - `strict` (default `true`): keys must be the module's, all and no others; `assign` (default `false`): takes
   * the tensors themselves, with their dtype and device; make the optimizer after it
   * @throws {@link StateDictError} that lists every missing and unexpected key and every mismatch
   */
  loadStateDict(stateDict: AnyStateDict, options: { strict?: boolean; assign?: boolean } = {}): IncompatibleKeys {
    if (!isOptions(options)) throw new ArgumentError('loadStateDict(stateDict, {strict, assign}): expected options')
    for (const key of Object.keys(options)) {
      if (key !== 'strict' && key !== 'assign') throw unknownOption('loadStateDict', key, ['strict', 'assign'])
    }
    return load(this, stateDict, options.strict ?? true, options.assign ?? false)
  }
  /** State that is no tensor: where a subclass defines it, state dicts have it as `_extra_state`. Anything that can be saved. */
  getExtraState(): unknown {
    throw new TorchError(`${this._getName()} has no extra state; define getExtraState() and setExtraState(state)`)
  }
  /** Takes what {@link Module.getExtraState} gave. */
  setExtraState(_state: unknown): void {
    throw new TorchError(`${this._getName()} has no extra state; define getExtraState() and setExtraState(state)`)
  }
  /** @internal */
  get _givesExtraState(): boolean {
    return this.getExtraState !== Module.prototype.getExtraState
  }
  /** @internal */
  get _takesExtraState(): boolean {
    return this.setExtraState !== Module.prototype.setExtraState
  }

  // ---- hooks and text

  /**
   * Calls `hook(module, args)` before each `forward`; a result replaces the arguments. With `withKwargs` it is
   * `hook(module, args, kwargs)`, which may return `[args, kwargs]`: kwargs is the options object at the end of `forward`'s
   * arguments, which args never contains.
   */
  registerForwardPreHook(
    hook: ForwardPreHookWithKwargs<this>,
    options: ForwardPreHookOptions & { withKwargs: true },
  ): RemovableHandle
  registerForwardPreHook(hook: ForwardPreHook<this>, options?: ForwardPreHookOptions): RemovableHandle
  registerForwardPreHook(hook: unknown, options: ForwardPreHookOptions = {}): RemovableHandle {
    return addHook(this, 'before', hook, options)
  }
  /**
   * Calls `hook(module, args, output)` after each `forward`, with `withKwargs` `hook(module, args, kwargs, output)`; a result
   * replaces the output. With `alwaysCall` it is called, with null as output, also when `forward` throws.
   */
  registerForwardHook(
    hook: ForwardHookWithKwargs<this>,
    options: ForwardHookOptions & { withKwargs: true },
  ): RemovableHandle
  registerForwardHook(hook: ForwardHook<this>, options?: ForwardHookOptions): RemovableHandle
  registerForwardHook(hook: unknown, options: ForwardHookOptions = {}): RemovableHandle {
    return addHook(this, 'after', hook, options)
  }
  /**
   * Calls `hook(module, gradOutput)` before the gradients of the module's arguments are computed; an array that it returns
   * replaces those of the result. Synchronous `backward` on the CPU only; {@link Tensor.backwardAsync} is refused.
   */
  registerFullBackwardPreHook(
    hook: FullBackwardPreHook<this>,
    options: { prepend?: boolean } | boolean = {},
  ): RemovableHandle {
    return addHook(this, 'beforeBackward', hook, options)
  }
  /**
   * Calls `hook(module, gradInput, gradOutput)` when the gradients of the module's arguments are computed; an array that it
   * returns replaces them. Synchronous `backward` on the CPU only; {@link Tensor.backwardAsync} is refused.
   */
  registerFullBackwardHook(
    hook: FullBackwardHook<this>,
    options: { prepend?: boolean } | boolean = {},
  ): RemovableHandle {
    return addHook(this, 'afterBackward', hook, options)
  }
  /**
   * Calls `hook(module, gradInput, gradOutput)` with the gradients of the last operation of `forward` alone, whatever the module's
   * arguments are.
   * @deprecated in Python, too: use {@link Module.registerFullBackwardHook}
   * @throws {@link TorchError} where the module has, or had, full backward hooks
   */
  registerBackwardHook(hook: BackwardHook<this>): RemovableHandle {
    return addHook(this, 'oldBackward', hook, {})
  }
  /** Calls `hook(module, prefix, keepVars)` before {@link Module.stateDict} collects from this module. */
  registerStateDictPreHook(hook: StateDictPreHook<this>): RemovableHandle {
    return addStateHook(this, 'save', hook)
  }
  /** Calls `hook(module, stateDict, prefix, localMetadata)` after {@link Module.stateDict} collected from this module and below. */
  registerStateDictPostHook(hook: StateDictPostHook<this>): RemovableHandle {
    return addStateHook(this, 'saved', hook)
  }
  /** Calls `hook(module, stateDict, prefix, localMetadata, strict, missingKeys, unexpectedKeys, errorMsgs)` before this module loads. */
  registerLoadStateDictPreHook(hook: LoadStateDictPreHook<this>): RemovableHandle {
    return addStateHook(this, 'load', hook)
  }
  /** Calls `hook(module, incompatibleKeys)` after this module and all below it were loaded. */
  registerLoadStateDictPostHook(hook: LoadStateDictPostHook<this>): RemovableHandle {
    return addStateHook(this, 'loaded', hook)
  }

  /** What `toString()` shows of the module itself; subclasses may override it. */
  extraRepr(): string {
    return ''
  }
  /** The tree as Python prints it. */
  override toString(): string {
    return moduleText(this)
  }
  [inspect.custom](): string {
    return this.toString()
  }
}
