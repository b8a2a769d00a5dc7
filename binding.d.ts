/**
 * The contract of the addon `core.node`: all that native code offers, and the only way to it. Only `lib/` imports it, and only
 * `lib/binding.ts` loads it. Wide surfaces (operators, layers, optimizers, schedulers) are data behind a few functions.
 *
 * Conventions. A `Tensor` argument named `out` is an empty `Tensor` made by JavaScript; the result is attached to it and it
 * is returned (making the object in JavaScript is twice as fast as making it natively). Handles are opaque objects with a
 * native pointer; a wrong one is an `ERR_ARGUMENT`, never a crash. All functions throw errors made by `Hooks.createError`.
 */
import type { AutocastBinding } from './lib/amp/native.js'
import type { CheckpointBinding } from './lib/checkpoint/native.js'
import type { ScriptBinding } from './lib/jit/native.js'
import type { SchedulerBinding } from './lib/lr-scheduler/native.js'
import type { SerializeBinding } from './lib/serialize/native.js'
import type { SharingBinding } from './lib/tensor/native.js'
import type { Tensor } from './lib/tensor/tensor.js'

declare const kind: unique symbol
export interface Handle<K extends string> {
  readonly [kind]: K
}
export type GeneratorHandle = Handle<'generator'>
export type StorageHandle = Handle<'storage'>
export type ModuleHandle = Handle<'module'>
export type HookHomeHandle = Handle<'home of hooks'>
export type ChainHandle = Handle<'chain'>
export type OptimizerHandle = Handle<'optimizer'>
export type TransferHandle = Handle<'transfer'>
export type ReaderHandle = Handle<'zip reader'>
export type RecordsHandle = Handle<'set of records'>
export type WriterHandle = Handle<'zip writer'>

/** What native code needs from JavaScript; given once per environment (main thread or worker). */
export interface Hooks {
  Tensor: new () => Tensor
  /** the key under which a Tensor object has its handle */
  handle: symbol
  /** Makes the error to throw; `code` is '' where only LibTorch's message is known. */
  createError(code: string, message: string, cppStack?: string): Error
  /** Collects garbage now; called before an allocation that failed is tried a second time. */
  collectGarbage(young: boolean): void
}

/** An argument of an operator, as its schema declares it. */
export interface SchemaArgument {
  name: string
  /** 'Tensor', 'int[2]', 'Scalar?', 'ScalarType?', … as in PyTorch's schema language */
  type: string
  keywordOnly: boolean
  /** the default as text in the schema language; undefined when the argument is required */
  default?: string
}
export interface Schema {
  /** 'aten::add.Tensor' */
  name: string
  text: string
  arguments: SchemaArgument[]
  /** `alias`: the argument that was written to is returned */
  returns: { name: string; type: string; alias: boolean }[]
}

/** The number by which native code knows the tensor of a Tensor object. */
export type TensorHandle = number

/**
 * An operator with all its overloads. Bit i of `handles` says that argument i is the handle of a Tensor instead of the Tensor;
 * where not `returnsTensor`, it must be 0. The result is then what the operator returns. Where `returnsTensor`, `out` is an empty
 * Tensor, and the result its handle; or -1 - i where argument i itself is the result; or null.
 */
export interface OperatorFunctions {
  /** Picks the overload from positional arguments. */
  positional(out: Tensor | undefined, handles: number, ...args: unknown[]): any
  /** Calls overload `index`, arguments in schema order, `undefined` for a default; returns `undefined` when they do not fit. */
  overload(out: Tensor | undefined, handles: number, index: number, ...args: unknown[]): any
  /** True when each overload returns exactly one tensor. */
  returnsTensor: boolean
}

/** An argument of a layer's constructor. */
export interface LayerArgument {
  /** PyTorch's name, `in_features` */
  name: string
  doc: string
  /** TypeScript types of what it takes and of what reading it gives; the latter is '' for what only the constructor knows */
  accepts: string
  gives: string
  required: boolean
  keywordOnly: boolean
  /** can be read and set on the live layer under its name */
  option: boolean
  /** absent when required */
  default?: unknown
}
/** A parameter or buffer that a layer itself holds, in Python's order. */
export interface LayerTensor {
  name: string
  kind: 'parameter' | 'buffer'
  /** state dicts of versions before this one lack it; 0: none does */
  since: number
  /** there only when given to the constructor */
  given: boolean
}
export interface LayerRow {
  name: string
  /** what it does; in the second line the shapes */
  doc: string
  /** in the order of Python's constructor */
  arguments: LayerArgument[]
  tensors: LayerTensor[]
  /** names of `forward`'s tensors; `offsets?` may be left out */
  inputs: string[]
  /** TypeScript type of `forward`'s result */
  output: string
  /** `version` in the state dict's `_metadata` */
  version: number
}

/** A value of an optimizer's or scheduler's option; kinds are as in Python. */
export type OptionValue = number | boolean | null | string | number[]
/** An argument of an optimizer or scheduler. */
export interface OptionRow {
  /** PyTorch's name, `weight_decay` */
  name: string
  /** Kind of Python's default, which keeps int and float apart in files; `none` is Python's None. */
  kind: 'int' | 'float' | 'bool' | 'none' | 'tuple' | 'str' | 'Counter'
  /** TypeScript type of the argument, for the generated classes */
  type: string
  doc: string
  required: boolean
  default?: OptionValue
}
export interface OptimizerRow {
  name: string
  doc: string
  /** The constructor's arguments after `params` in Python's order: those that may be positional … */
  options: OptionRow[]
  /** … and those that may not. */
  keywords: OptionRow[]
  /** Values of a group that are no argument, AdamW's `decoupled_weight_decay`. */
  fixed: OptionRow[]
  /** Names of all of these in the order of Python's `defaults`, which is that of the state dict. */
  defaults: string[]
  /** Places in tuples whose default is an int in Python. */
  ints: [option: string, index: number][]
  /** State keys in Python's order. */
  state: string[]
  /** What groups in files of older releases may lack, in the order in which Python adds it. */
  older: OptionRow[]
  /** State begins with the construction and not with the first step. */
  startsAtOnce: boolean
  /** Wants to see the parameters when the optimizer is made. */
  checksParams: boolean
}
/** An int of a state goes as a bigint, a float as a number. */
export type StateEntries = [key: string, value: unknown][]

export interface Binding
  extends ScriptBinding,
    AutocastBinding,
    SchedulerBinding,
    SerializeBinding,
    CheckpointBinding,
    SharingBinding {
  // ---- native/core
  initialize(hooks: Hooks): void
  /** Does what a sanitizer must find; only in a build with one (scripts/test-asan.mjs). */
  sanitizerFault?(kind: 'address' | 'freed' | 'wild' | 'undefined' | 'assertion'): number
  /** versions of the LibTorch that is loaded and of the one that the addon was built for, '2.13.0' */
  version(): { libtorch: string; builtFor: string }
  memoryStats(): { tensors: number; bytes: number; acceleratorBytes: number }
  isTensor(value: unknown): value is Tensor
  /** Lets go of the native tensor; later use is `ERR_DISPOSED`. Nothing happens to an empty Tensor. */
  dispose(t: Tensor): void
  isDisposed(t: Tensor): boolean
  getNumThreads(): number
  setNumThreads(n: number): void
  /** Devices of a kind that are there: 'cuda' */
  deviceCount(type: string): number
  /** Bytes that the caching allocator of a device has given out, and has taken from the device */
  deviceMemory(device: string): { allocated: number; reserved: number }
  /** Gives what the caching allocator of a kind keeps unused back to its devices */
  emptyDeviceCache(type: string): void
  /** Waits until the device has done all that it was asked for */
  synchronizeDevice(device: string): void
  getDefaultDtype(): string
  setDefaultDtype(dtype: string): void
  /** A setting of the process that is on or off; native/core/settings.cpp has the table of names. */
  getSwitch(name: string): boolean
  setSwitch(name: string, on: boolean): void
  getFloat32MatmulPrecision(): string
  setFloat32MatmulPrecision(precision: string): void
  /** False where the processor cannot. */
  setFlushDenormal(on: boolean): boolean
  getNumInteropThreads(): number
  setNumInteropThreads(n: number): void
  promoteTypes(a: string, b: string): string
  canCast(from: string, to: string): boolean
  resultType(a: Tensor | number | boolean, b: Tensor | number | boolean): string

  // tensor facts and data
  shape(t: Tensor): number[]
  strides(t: Tensor): number[]
  ndim(t: Tensor): number
  numel(t: Tensor): number
  dtype(t: Tensor): string
  device(t: Tensor): string
  layout(t: Tensor): string
  elementSize(t: Tensor): number
  isContiguous(t: Tensor, memoryFormat: string): boolean
  isConj(t: Tensor): boolean
  isNeg(t: Tensor): boolean
  isInference(t: Tensor): boolean
  dataPtr(t: Tensor): bigint
  retainGrad(t: Tensor): void
  requiresGrad(t: Tensor): boolean
  setRequiresGrad(t: Tensor, value: boolean): void
  isLeaf(t: Tensor): boolean
  /** 'AddBackward0', or '' for a leaf */
  gradFnName(t: Tensor): string
  grad(t: Tensor): Tensor | null
  setGrad(t: Tensor, grad: Tensor | null): void
  /** `t.data = other`: the object keeps its identity and gets the other's values, dtype and device. */
  setData(t: Tensor, other: Tensor): void
  /** The same native tensor in another JavaScript object (for Parameter and Buffer). */
  alias(out: Tensor, t: Tensor): Tensor
  /** One value: number; bigint for integers beyond 2^53; boolean; `{re, im}` for complex. */
  item(t: Tensor): number | bigint | boolean | { re: number; im: number }
  /** A contiguous copy of the values on the CPU: element bytes in row order. */
  bytes(t: Tensor): ArrayBuffer
  bytesAsync(t: Tensor): Promise<ArrayBuffer>
  /** A tensor of `shape` from the bytes of a typed array; `copy: false` keeps the array alive instead of copying. */
  fromBytes(out: Tensor, view: ArrayBufferView, dtype: string, shape: number[], copy: boolean): Tensor

  // ---- native/ops
  /** Names of all operators known to the dispatcher, 'aten::add', without overload names. */
  operatorNames(): string[]
  /** The operator of that name ('aten::add'), or one overload of it; undefined when the loaded LibTorch has none. */
  operator(name: string, overload?: string): OperatorFunctions | undefined
  /** The overloads that `overload(index)` counts. With `overload` just that one, out variants included. */
  schemas(name: string, overload?: string): Schema[]
  /** Loads a shared library that registers operators. */
  loadLibrary(path: string): void

  // ---- native/autograd
  backward(
    tensors: Tensor[],
    gradients: (Tensor | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    inputs: Tensor[],
  ): void
  backwardAsync(
    tensors: Tensor[],
    gradients: (Tensor | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    inputs: Tensor[],
  ): Promise<void>
  gradient(
    outputs: Tensor[],
    inputs: Tensor[],
    gradients: (Tensor | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (Tensor | null)[]
  isGradEnabled(): boolean
  setGradEnabled(enabled: boolean): void
  /** Runs `fn` in inference mode. */
  inferenceMode<T>(fn: () => T): T
  isInferenceModeEnabled(): boolean
  /**
   * Where this environment's backward hooks live. `call` knows each by its number; it returns the gradients that replace those
   * given, undefined to leave them, or false when the hook threw.
   */
  newHookHome(call: (id: number, grads: (Tensor | null)[]) => (Tensor | null)[] | undefined | false): HookHomeHandle
  /** The hooks that native code let go of since the last call. */
  freedHooks(home: HookHomeHandle): number[]
  /** Gives a number to remove it by. */
  registerTensorHook(home: HookHomeHandle, t: Tensor, id: number): number
  removeTensorHook(t: Tensor, position: number): void
  registerPostAccumulateHook(home: HookHomeHandle, t: Tensor, id: number): void
  removePostAccumulateHook(t: Tensor, id: number): void
  /**
   * A hook of the node that made `t`. It gets the gradients that the node passes on, and after them those that came to it, whose
   * number this gives; it returns as many.
   */
  registerNodeHook(home: HookHomeHandle, t: Tensor, id: number): number
  /** The node that made `t`, as a number to compare by while the tensor lives; 0 where there is none. */
  gradFnNode(t: Tensor): bigint
  /** The nodes to which the node that made `t` passes gradients on; 0 where one goes nowhere. */
  nextNodes(t: Tensor): bigint[]
  /** The same tensors, whose gradients come by the hook. With `zeros`, those that do not come are zeros. */
  backwardBorder(home: HookHomeHandle, tensors: Tensor[], id: number, zeros: boolean): Tensor[]

  // ---- native/rng
  /** Attaches the device's default generator to `target`, an object that holds no native one; returns it. */
  defaultGenerator<T extends object>(target: T, device: string): T & GeneratorHandle
  /** Attaches a new generator to `target`. */
  newGenerator<T extends object>(target: T, device: string): T & GeneratorHandle
  generatorDevice(g: GeneratorHandle): string
  /** Seeds the generator; the seed is taken modulo 2^64. */
  generatorSeed(g: GeneratorHandle, seed: bigint): void
  /** Seeds from the operating system's entropy and returns the seed. */
  generatorRandomSeed(g: GeneratorHandle): bigint
  generatorInitialSeed(g: GeneratorHandle): bigint
  generatorState(g: GeneratorHandle): Tensor
  generatorSetState(g: GeneratorHandle, state: Tensor): void
  /** Seeds the default generators of the CPU and of every accelerator present. */
  manualSeed(seed: bigint): void

  // ---- native/nn
  layers(): LayerRow[]
  /** Attaches a new layer to `target`, from arguments in row order (`undefined`: the default); parameters are initialised as Python does. */
  newLayer<T extends object>(target: T, name: string, args: unknown[]): T & ModuleHandle
  /** Attaches a copy of a layer to `target`: the same options, and the same tensors until they are set. */
  copyLayer<T extends object>(target: T, layer: ModuleHandle): T & ModuleHandle
  /** The option's present value, in Python's form */
  layerOption(m: ModuleHandle, name: string): unknown
  setLayerOption(m: ModuleHandle, name: string, value: unknown): void
  /** `extra_repr()` in Python's words */
  layerRepr(m: ModuleHandle): string
  /** The result is an input itself where nothing was to be done, or was done in place. */
  layerForward(out: Tensor | undefined, m: ModuleHandle, ...inputs: unknown[]): any
  /** The layer's own tensor of that name; null when absent (`bias=False`). */
  layerTensor(out: Tensor, m: ModuleHandle, name: string): Tensor | null
  setLayerTensor(m: ModuleHandle, name: string, tensor: Tensor | null): void
  setLayerTraining(m: ModuleHandle, training: boolean): void
  /** Attaches a chain of layers to `target`; each takes what the one before it gives. */
  newChain<T extends object>(target: T, layers: ModuleHandle[]): T & ChainHandle
  chainForward(out: Tensor, chain: ChainHandle, input: Tensor): Tensor

  // ---- native/optim
  optimizers(): OptimizerRow[]
  /** `defaults` are the values of `OptimizerRow.defaults`, in that order; wrong ones are refused in Python's words. */
  newOptimizer(name: string, defaults: unknown[]): OptimizerHandle
  /** The parameters of all groups; state stays with its parameter. */
  optimizerSetParams(o: OptimizerHandle, groups: Tensor[][]): void
  /** Makes the state of all parameters, where it begins with the optimizer's construction. */
  optimizerStart(o: OptimizerHandle, groups: unknown[][]): void
  /** One step; `groups[i]` holds the values of `OptimizerRow.defaults` of group i, in that order. */
  optimizerStep(o: OptimizerHandle, groups: unknown[][], gradScale: Tensor | null, foundInf: Tensor | null): void
  optimizerStepAsync(
    o: OptimizerHandle,
    groups: unknown[][],
    gradScale: Tensor | null,
    foundInf: Tensor | null,
  ): Promise<void>
  /** Positions, over all groups, of the parameters with state, in the order in which they got it. */
  optimizerStateIndices(o: OptimizerHandle): number[]
  optimizerState(o: OptimizerHandle, index: number): StateEntries
  /** Replaces the state of one parameter as it is; `null` forgets it. */
  optimizerSetState(o: OptimizerHandle, index: number, entries: StateEntries | null): void
  /** Replaces all state by copies, cast for their parameters as `load_state_dict` does; `groups` as for a step. */
  optimizerLoadState(o: OptimizerHandle, state: { index: number; entries: StateEntries }[], groups: unknown[][]): void
  /** For tests: whether `capturable` is taken on the CPU, where its arithmetic is the same as on an accelerator. */
  optimizerCapturableOnCpu(whether: boolean): void
  /** Sets every `.grad` to undefined, or to zeros. */
  optimizerZeroGrad(o: OptimizerHandle, setToNone: boolean): void
}

/** The contract of `loader.node`, which links no LibTorch. */
export interface Loader {
  /** dlopen(path, RTLD_NOW | RTLD_GLOBAL); throws dlerror's text. */
  open(path: string): void
}
