import { inspect } from 'node:util'
import type { TensorHandle } from '../../binding.js'
import { native, setHooks } from '../binding.js'
import { ArgumentError, errorFromNative, TorchIndexError } from '../errors.js'
import { methodNames, type TensorMethods } from '../generated/methods.js'
import { type BackwardOptions, backward, backwardAsync } from './autograd.js'
import { type RemovableHandle, registerHook, registerPostAccumulateGradHook } from './backward-hooks.js'
import type { Device, Dtype, Layout, MemoryFormat } from './dtype.js'
import { isDtype } from './dtype.js'
import { type Nested, type TypedArray, toNested, typedArrayOf, typedArrayOver } from './from-data.js'
import { collectGarbage } from './garbage.js'
import { type IndexItem, index, indexPut_, select } from './indexing.js'
import { camelCase } from './names.js'
import { registerTensorClass, tensorHandle } from './new-tensor.js'
import { isOptions, Operator, operatorFunction, operatorMethod } from './operator.js'
import { formatTensor } from './print.js'
import { type PythonMethods, pythonMethods } from './python-functions.js'
import { Size } from './python-values.js'
import { track } from './scope.js'
import { type SharedTensor, share } from './share.js'

export interface ToOptions {
  dtype?: Dtype
  device?: Device
  nonBlocking?: boolean
  copy?: boolean
  memoryFormat?: MemoryFormat
}

const toOperator = new Operator('aten::to')
const realPart = operatorFunction('aten::real')
const imaginaryPart = operatorFunction('aten::imag')
const transposeAll = operatorFunction('aten::numpy_T')
const retainsGrad = operatorFunction('aten::retains_grad')

/** Methods of all operators; see `lib/generated/methods.ts`. */
export interface Tensor extends TensorMethods, PythonMethods {}

/**
 * A multi-dimensional array of one dtype on one device, with automatic differentiation.
 *
 * The object holds a share of a native tensor, which is freed when the object is collected, or at {@link Tensor.dispose}.
 * Tensors come from functions (`torch.tensor`, `torch.randn`, …); the constructor makes an empty shell for results.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are installed from the list of operators
export class Tensor {
  /** @internal */
  [tensorHandle]: TensorHandle | undefined = undefined

  constructor() {
    track(this)
  }

  /** Sizes, outermost first. */
  get shape(): number[] {
    return native().shape(this)
  }
  get dtype(): Dtype {
    return native().dtype(this) as Dtype
  }
  get device(): Device {
    return native().device(this)
  }
  get layout(): Layout {
    return native().layout(this) as Layout
  }
  get ndim(): number {
    return native().ndim(this)
  }
  dim(): number {
    return native().ndim(this)
  }
  numel(): number {
    return native().numel(this)
  }
  /** Size of the first dimension, as Python's `len()`. */
  get length(): number {
    if (this.ndim === 0) throw new TypeError('len() of a 0-d tensor')
    return this.shape[0]!
  }
  /** Bytes of one element. */
  elementSize(): number {
    return native().elementSize(this)
  }
  get itemsize(): number {
    return this.elementSize()
  }
  /** Bytes of all elements, not counting gaps between them. */
  get nbytes(): number {
    return this.numel() * this.elementSize()
  }
  /** All sizes, or that of one dimension (negative: from the end). */
  size(): Size
  size(dim: number): number
  size(dim?: number): Size | number {
    const { shape } = this
    return dim === undefined ? (Size.from(shape) as Size) : shape[wrapDim(dim, shape.length)]!
  }
  /** Where in the storage the first element lies, in elements. */
  storageOffset(): number {
    return native().tensorStorage(this).offset
  }
  isContiguous(options: { memoryFormat?: MemoryFormat } = {}): boolean {
    return native().isContiguous(this, options.memoryFormat ?? 'contiguous_format')
  }
  isFloatingPoint(): boolean {
    return /^b?float/.test(this.dtype)
  }
  isComplex(): boolean {
    return this.dtype.startsWith('complex')
  }
  isSigned(): boolean {
    return !/^(u|bool|quint|bits)/.test(this.dtype)
  }
  isConj(): boolean {
    return native().isConj(this)
  }
  isNeg(): boolean {
    return native().isNeg(this)
  }
  isInference(): boolean {
    return native().isInference(this)
  }
  /** Address of the first element, for telling whether two tensors share memory. */
  dataPtr(): bigint {
    return native().dataPtr(this)
  }
  /** Steps in elements from one index to the next, for all dimensions or one. */
  stride(): number[]
  stride(dim: number): number
  stride(dim?: number): number[] | number {
    const strides = native().strides(this)
    return dim === undefined ? strides : strides[wrapDim(dim, strides.length)]!
  }

  get isLeaf(): boolean {
    return native().isLeaf(this)
  }
  get requiresGrad(): boolean {
    return native().requiresGrad(this)
  }
  set requiresGrad(value: boolean) {
    native().setRequiresGrad(this, value)
  }
  /** Sets {@link Tensor.requiresGrad} and returns this tensor. */
  requiresGrad_(value = true): this {
    native().setRequiresGrad(this, value)
    return this
  }
  /** What `backward` has accumulated, or null. */
  get grad(): Tensor | null {
    return native().grad(this)
  }
  set grad(value: Tensor | null) {
    native().setGrad(this, value)
  }
  /** Name of the function that made this tensor (`'AddBackward0'`), or null for a leaf. */
  get gradFn(): string | null {
    return native().gradFnName(this) || null
  }
  /** The same values outside of autograd; assigning gives this object the values, dtype and device of another tensor. */
  get data(): Tensor {
    return this.detach()
  }
  set data(value: Tensor) {
    native().setData(this, value)
  }
  get isCuda(): boolean {
    return this.device.startsWith('cuda')
  }
  get isCpu(): boolean {
    return this.device === 'cpu'
  }
  get isMeta(): boolean {
    return this.device === 'meta'
  }
  get isSparse(): boolean {
    return this.layout === 'sparse_coo'
  }

  /** Keeps the gradient of a tensor that is no leaf. */
  retainGrad(): void {
    native().retainGrad(this)
  }
  /** Whether {@link Tensor.retainGrad} was called on a tensor that is no leaf. */
  get retainsGrad(): boolean {
    return retainsGrad(this)
  }
  /** Computes gradients of this tensor with respect to the leaves of its graph, and adds them to their `grad`. */
  backward(options?: BackwardOptions): void {
    backward(this, options)
  }
  /** {@link Tensor.backward} off the main thread. Do not use the graph's tensors until it resolves. */
  async backwardAsync(options?: BackwardOptions): Promise<void> {
    await backwardAsync(this, options)
  }

  /** Calls `hook(grad)` when the gradient of this tensor is known; a Tensor that it returns replaces it. Synchronous backward only. */
  registerHook(hook: (grad: Tensor) => Tensor | null | undefined): RemovableHandle {
    return registerHook(this, hook)
  }
  /** Calls `hook(tensor)` after {@link Tensor.grad} of this leaf was added to. Synchronous backward only. */
  registerPostAccumulateGradHook(hook: (tensor: this) => void): RemovableHandle {
    return registerPostAccumulateGradHook(this, hook)
  }

  /** Reversed dimensions. */
  get T(): Tensor {
    return transposeAll(this)
  }
  /** The last two dimensions exchanged. */
  get mT(): Tensor {
    return this.transpose(-2, -1)
  }
  get H(): Tensor {
    return this.transpose(0, 1).conj()
  }
  get mH(): Tensor {
    return this.transpose(-2, -1).conj()
  }
  get real(): Tensor {
    return this.isComplex() ? realPart(this) : this
  }
  get imag(): Tensor {
    if (!this.isComplex()) throw new ArgumentError('imag is not implemented for tensors with non-complex dtypes.')
    return imaginaryPart(this)
  }

  /** For `torch.receive` in another thread of this process: the same memory, without a copy. */
  share(): SharedTensor {
    return share(this)
  }
  /** The value of a tensor with one element: number, boolean, `{re, im}`; bigint for integers beyond 2^53. */
  item(): number | bigint | boolean {
    return native().item(this) as number | bigint | boolean
  }
  /** Nested arrays of values; a 0-dimensional tensor gives its value. */
  tolist(): Nested {
    return toNested(this)
  }
  /** A copy of the values in row order; bigint arrays for int64, Uint16Array for bfloat16 and float16. */
  typedArray(): TypedArray {
    return typedArrayOf(this)
  }
  async typedArrayAsync(): Promise<TypedArray> {
    const { dtype } = this
    return typedArrayOver(await native().bytesAsync(this), dtype)
  }

  /** This tensor with another dtype and/or device; itself when nothing changes. Takes `(dtype)`, `(device)`, `(device, dtype)`, `(other)`. */
  to(dtype: Dtype, options?: Omit<ToOptions, 'dtype'>): Tensor
  to(device: Device | null, dtype?: Dtype | null, options?: Omit<ToOptions, 'dtype' | 'device'>): Tensor
  to(other: Tensor, options?: Omit<ToOptions, 'dtype' | 'device'>): Tensor
  to(options: ToOptions): Tensor
  to(...args: unknown[]): Tensor {
    const last = args[args.length - 1]
    const options: ToOptions = isOptions(last) ? { ...(args.pop() as ToOptions) } : {}
    for (const arg of args) {
      if (arg instanceof Tensor) {
        options.dtype = arg.dtype
        options.device = arg.device
      } else if (isDtype(arg)) options.dtype = arg
      else if (typeof arg === 'string') options.device = arg
      else if (arg !== null && arg !== undefined)
        throw new ArgumentError('to() takes a dtype, a device, a Tensor or options')
    }
    return toOperator.callWithOptions([this], options as Record<string, unknown>)
  }
  cpu(): Tensor {
    return this.to('cpu')
  }
  /** This tensor on a CUDA device (default: the current one). */
  cuda(device: number | string = 'cuda'): Tensor {
    return this.to(typeof device === 'number' ? `cuda:${device}` : device)
  }
  float(): Tensor {
    return this.to('float32')
  }
  double(): Tensor {
    return this.to('float64')
  }
  half(): Tensor {
    return this.to('float16')
  }
  bfloat16(): Tensor {
    return this.to('bfloat16')
  }
  long(): Tensor {
    return this.to('int64')
  }
  int(): Tensor {
    return this.to('int32')
  }
  short(): Tensor {
    return this.to('int16')
  }
  char(): Tensor {
    return this.to('int8')
  }
  byte(): Tensor {
    return this.to('uint8')
  }
  bool(): Tensor {
    return this.to('bool')
  }
  cfloat(): Tensor {
    return this.to('complex64')
  }
  cdouble(): Tensor {
    return this.to('complex128')
  }
  /** The tensor as another dtype (`type(dtype)`), or the name of its dtype. */
  type(): Dtype
  type(dtype: Dtype): Tensor
  type(dtype?: Dtype): Tensor | Dtype {
    return dtype === undefined ? this.dtype : this.to(dtype)
  }

  /** `t.index(0, ':', '1:3', null, '...', mask)` is Python's `t[0, :, 1:3, None, ..., mask]`. */
  index(...items: IndexItem[]): Tensor
  index(first?: IndexItem): Tensor {
    // biome-ignore lint/complexity/noArguments: a rest array costs an allocation for each call
    const items = arguments
    if (items.length === 1 && typeof first === 'number') return select(this, 0, first, 0)
    return index(this, Array.prototype.slice.call(items))
  }
  /** `t.indexPut_([0, ':'], value)` is Python's `t[0, :] = value`; `accumulate` adds, also for repeated indices. */
  indexPut_(
    items: IndexItem[],
    value: Tensor | number | bigint | boolean,
    options: { accumulate?: boolean } = {},
  ): this {
    indexPut_(this, items, value, options)
    return this
  }
  /** Iterates over the first dimension. */
  [Symbol.iterator](): IterableIterator<Tensor> {
    if (this.ndim === 0) throw new TypeError('iteration over a 0-d tensor')
    return this.unbind(0)[Symbol.iterator]()
  }

  /** Frees the native tensor now, if nothing else holds it. Later use of this object is an `ERR_DISPOSED`. */
  dispose(): void {
    native().dispose(this)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
  get isDisposed(): boolean {
    return native().isDisposed(this)
  }

  toString(): string {
    return formatTensor(this)
  }
  [inspect.custom](): string {
    const binding = native()
    return binding.isTensor(this) && !binding.isDisposed(this)
      ? formatTensor(this)
      : `${this.constructor.name} (disposed)`
  }
}

function wrapDim(dim: number, ndim: number): number {
  const most = Math.max(ndim, 1)
  if (!Number.isInteger(dim) || dim < -most || dim >= most || ndim === 0) {
    throw new TorchIndexError(
      `Dimension out of range (expected to be in range of [${-most}, ${most - 1}], but got ${dim})`,
    )
  }
  return dim < 0 ? dim + ndim : dim
}

function install(name: string, value: (this: Tensor, ...args: any[]) => any): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true })
}
for (const name of methodNames.split(' ')) install(camelCase(name), operatorMethod(`aten::${name}`))
for (const [name, fn] of Object.entries(pythonMethods)) {
  install(name, function (...args) {
    return fn(this, ...args)
  })
}
registerTensorClass(Tensor)
setHooks({ Tensor, handle: tensorHandle, createError: errorFromNative, collectGarbage })
