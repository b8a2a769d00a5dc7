/**
 * Functions of `torch` that are Python code in front of operators (torch/functional.py, PyTorch 2.13); the table in
 * lib/codegen/handwritten.ts says why each is here.
 */
import { ArgumentError } from '../errors.js'
import { linalg } from '../generated/namespaces.js'
import { bind } from './bind.js'
import type { Dtype } from './dtype.js'
import { type TensorData, type TensorOptions, tensorFromData } from './from-data.js'
import { lu } from './lowrank.js'
import { isOptions, operatorFunction } from './operator.js'
import type { Tensor } from './tensor.js'

const raw = {
  broadcastTensors: operatorFunction('aten::broadcast_tensors'),
  blockDiag: operatorFunction('aten::block_diag'),
  cartesianProd: operatorFunction('aten::cartesian_prod'),
  cdist: operatorFunction('aten::cdist'),
  chainMatmul: operatorFunction('aten::chain_matmul'),
  einsum: operatorFunction('aten::einsum'),
  frobeniusNorm: operatorFunction('aten::frobenius_norm'),
  istft: operatorFunction('aten::istft'),
  meshgrid: operatorFunction('aten::meshgrid'),
  norm: operatorFunction('aten::norm'),
  nuclearNorm: operatorFunction('aten::nuclear_norm'),
  split: operatorFunction('aten::split'),
  splitWithSizes: operatorFunction('aten::split_with_sizes'),
  stft: operatorFunction('aten::stft'),
  tensordot: operatorFunction('aten::tensordot'),
  unique2: operatorFunction('aten::_unique2'),
  uniqueConsecutive: operatorFunction('aten::unique_consecutive'),
  uniqueDim: operatorFunction('aten::unique_dim'),
  atleast1d: operatorFunction('aten::atleast_1d'),
  atleast2d: operatorFunction('aten::atleast_2d'),
  atleast3d: operatorFunction('aten::atleast_3d'),
  polygamma: operatorFunction('aten::polygamma'),
  unflatten: operatorFunction('aten::unflatten'),
  expand: operatorFunction('aten::expand'),
  where: operatorFunction('aten::where'),
}

type Tensors = Tensor[] | [readonly Tensor[]]
/** Tensors one by one, or as one list. */
const listOf = (tensors: Tensors): Tensor[] => (Array.isArray(tensors[0]) ? [...tensors[0]] : (tensors as Tensor[]))
const dimsOf = (dim: number | readonly number[] | null | undefined) => (typeof dim === 'number' ? [dim] : (dim ?? null))
const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** A dimension by number (0 to 51) or `'...'`, in the list form of {@link einsum}. */
type Subscript = number | '...'

/** Sums products over named dimensions: `einsum('bij,bjk->bik', a, b)`; operands one by one or as a list. */
export function einsum(equation: string, ...operands: Tensors): Tensor
/** Each operand followed by the list of its dimensions, and at the end that of the result: `einsum(a, [0, 1], b, [1, 2], [0, 2])`. */
export function einsum(
  operand: Tensor,
  subscripts: readonly Subscript[],
  ...more: (Tensor | readonly Subscript[])[]
): Tensor
export function einsum(first: string | Tensor, ...rest: unknown[]): Tensor {
  if (typeof first === 'string') return raw.einsum(first, listOf(rest as Tensors))
  const items = [first, ...rest]
  const result = items.length % 2 === 1 ? `->${subscriptsOf(items.pop())}` : ''
  const inputs = items.filter((_, i) => i % 2 === 1).map(subscriptsOf)
  return raw.einsum(
    inputs.join(',') + result,
    items.filter((_, i) => i % 2 === 0),
  )
}

const subscriptLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function subscriptsOf(list: unknown): string {
  if (!Array.isArray(list)) throw new ArgumentError('einsum() takes operands and lists of subscripts in turn')
  return list
    .map((item) => {
      if (item === '...') return item
      const letter = subscriptLetters[item]
      if (letter) return letter
      throw new ArgumentError(
        `einsum(): subscript in subscript list is not within the valid range [0, 52), received ${item}`,
      )
    })
    .join('')
}

/** Tensors of a common shape; they share the memory of the originals. */
export function broadcastTensors(...tensors: Tensors): Tensor[] {
  return raw.broadcastTensors(listOf(tensors))
}

/** The shape that tensors of these shapes broadcast to. */
export function broadcastShapes(...shapes: (number | readonly number[])[]): number[] {
  const lists = shapes.map((shape) => (typeof shape === 'number' ? [shape] : shape))
  const result: number[] = Array(Math.max(0, ...lists.map((s) => s.length))).fill(1)
  for (const shape of lists) {
    for (let i = -1; i >= -shape.length; i--) {
      const size = shape[shape.length + i]!
      const at = result.length + i
      if (size < 0) throw new ArgumentError(`Trying to create tensor with negative dimension (${size}): (${shape})`)
      if (size === 1 || size === result[at]) continue
      if (result[at] !== 1) {
        throw new ArgumentError(
          `Shape mismatch: objects cannot be broadcast to a single shape: [${lists.map((s) => `(${s})`).join(', ')}]`,
        )
      }
      result[at] = size
    }
  }
  return result
}

/** Every combination of the elements of one-dimensional tensors, one a row. */
export function cartesianProd(...tensors: Tensors): Tensor {
  return raw.cartesianProd(listOf(tensors))
}
/** A matrix with the tensors along its diagonal. */
export function blockDiag(...tensors: Tensors): Tensor {
  return raw.blockDiag(listOf(tensors))
}
export function chainMatmul(...matrices: Tensors): Tensor {
  return raw.chainMatmul(listOf(matrices))
}

type AtLeast = { (tensor: Tensor): Tensor; (...tensors: Tensors): Tensor[] }
const atLeast = (call: (...args: any[]) => any) =>
  ((...tensors: Tensors) => call(tensors.length === 1 ? tensors[0] : tensors)) as AtLeast
/** Views with at least that many dimensions; one tensor for one, a list for several. */
export const atleast1d = atLeast(raw.atleast1d)
export const atleast2d = atLeast(raw.atleast2d)
export const atleast3d = atLeast(raw.atleast3d)

/** Coordinate grids of one-dimensional tensors. `indexing`: `'ij'` (default) or `'xy'`. */
export function meshgrid(...args: [...Tensors, { indexing?: 'ij' | 'xy' }] | Tensors): Tensor[] {
  const last = args[args.length - 1]
  const { indexing = 'ij' } = isOptions(last) ? (last as { indexing?: 'ij' | 'xy' }) : {}
  return raw.meshgrid(listOf((isOptions(last) ? args.slice(0, -1) : args) as Tensors), { indexing })
}

const computeModes = {
  use_mm_for_euclid_dist_if_necessary: null,
  use_mm_for_euclid_dist: 1,
  donot_use_mm_for_euclid_dist: 2,
}
type Cdist = { p: number; computeMode: keyof typeof computeModes }
/** Distances between all rows of two batches, `(B, P, M)` and `(B, R, M)` → `(B, P, R)`. */
export function cdist(
  x1: Tensor,
  x2: Tensor,
  ...args: [p?: number, computeMode?: Cdist['computeMode']] | [Partial<Cdist>]
): Tensor {
  const { p = 2, computeMode = 'use_mm_for_euclid_dist_if_necessary' } = bind<Cdist>(
    'cdist',
    ['p', 'computeMode'],
    args,
  )
  if (!(computeMode in computeModes)) throw new ArgumentError(`${computeMode} is not a valid value for compute_mode`)
  return raw.cdist(x1, x2, p, computeModes[computeMode])
}

type Dims = number | readonly [readonly number[], readonly number[]]
/** Contracts the last `dims` dimensions of `a` with the first of `b`, or two lists of dimensions. */
export function tensordot(a: Tensor, b: Tensor, dims: Dims | { dims?: Dims } = 2): Tensor {
  const given = (isOptions(dims) ? ((dims as { dims?: Dims }).dims ?? 2) : dims) as Dims
  if (typeof given !== 'number') return raw.tensordot(a, b, given[0], given[1])
  if (!Number.isInteger(given))
    throw new ArgumentError(`tensordot expects dims to be an integer, but got dims=${given}`)
  if (given < 0) throw new ArgumentError(`tensordot expects dims >= 0, but got dims=${given}`)
  if (given > Math.min(a.ndim, b.ndim)) {
    throw new ArgumentError(`tensordot expects dims < ndim_a or ndim_b, but got dims=${given}`)
  }
  return raw.tensordot(
    a,
    b,
    range(given).map((i) => i - given),
    range(given),
  )
}

export interface NormOptions {
  /** the order, or `'fro'` or `'nuc'` */
  p?: number | string | null
  dim?: number | readonly number[] | null
  keepdim?: boolean
  dtype?: Dtype | null
}
/** The norm of a vector or matrix; prefer `linalg.vectorNorm` and `linalg.matrixNorm`. */
export function norm(
  input: Tensor,
  ...args:
    | [p?: number | string | null, dim?: number | readonly number[] | null, keepdim?: boolean, dtype?: Dtype | null]
    | [NormOptions]
    | [number | string | null, NormOptions]
    | [number | string | null, number | readonly number[] | null, NormOptions]
): Tensor {
  const {
    p = 'fro',
    dim = null,
    keepdim = false,
    dtype = null,
  } = bind<NormOptions>('norm', ['p', 'dim', 'keepdim', 'dtype'], args)
  const dims = dimsOf(dim)
  if (input.layout === 'strided') {
    if (typeof p !== 'string') return linalg.vectorNorm(input, p ?? 2, dims, keepdim, { dtype })
    if (p === 'fro' && (dims === null || typeof dim === 'number' || dims.length <= 2)) {
      return linalg.vectorNorm(input, 2, dims, keepdim, { dtype })
    }
    return linalg.matrixNorm(input, p, dims ?? range(input.ndim), keepdim, { dtype })
  }
  if (p === 'nuc') return raw.nuclearNorm(input, ...(dims ? [dims] : []), { keepdim })
  if (p === 'fro') return raw.frobeniusNorm(input, dims ?? (dtype ? range(input.ndim) : []), { keepdim })
  if (typeof p === 'string') throw new ArgumentError(`only valid string values are 'fro' and 'nuc', found ${p}`)
  return raw.norm(input, p, dims ?? range(input.ndim), { keepdim, ...(dtype ? { dtype } : {}) })
}

type Split = { splitSize: number | readonly number[]; dim: number }
/** Pieces of `splitSize` along a dimension (the last may be smaller), or of the sizes listed. */
export function split(
  input: Tensor,
  ...args:
    | [splitSize: number | readonly number[], dim?: number]
    | [Split['splitSize'], Partial<Split>]
    | [Partial<Split>]
): Tensor[] {
  const { splitSize, dim = 0 } = bind<Split>('split', ['splitSize', 'dim'], args)
  return typeof splitSize === 'number' ? raw.split(input, splitSize, dim) : raw.splitWithSizes(input, splitSize, dim)
}

/** Results of {@link unique}: alone, or with the inverse and/or the counts that were asked for. */
type Unique = Tensor & Tensor[]
type UniqueOptions = { sorted: boolean; returnInverse: boolean; returnCounts: boolean; dim: number | null }
const chosen = (
  [values, inverse, counts]: [Tensor, Tensor, Tensor],
  { returnInverse, returnCounts }: Partial<UniqueOptions>,
) =>
  (returnInverse || returnCounts
    ? [values, ...(returnInverse ? [inverse] : []), ...(returnCounts ? [counts] : [])]
    : values) as Unique

/** The distinct elements, or slices along `dim`. `returnInverse` and `returnCounts` make it a list. */
export function unique(
  input: Tensor,
  ...args:
    | [sorted?: boolean, returnInverse?: boolean, returnCounts?: boolean, dim?: number | null]
    | [Partial<UniqueOptions>]
): Unique {
  const options = bind<UniqueOptions>('unique', ['sorted', 'returnInverse', 'returnCounts', 'dim'], args)
  const { sorted = true, returnInverse = false, returnCounts = false, dim = null } = options
  const found =
    dim === null
      ? raw.unique2(input, sorted, returnInverse, returnCounts)
      : raw.uniqueDim(input, dim, sorted, returnInverse, returnCounts)
  return chosen(found, options)
}

type ConsecutiveOptions = Omit<UniqueOptions, 'sorted'>
/** The first of every run of equal elements. */
export function uniqueConsecutive(
  input: Tensor,
  ...args: [returnInverse?: boolean, returnCounts?: boolean, dim?: number | null] | [Partial<ConsecutiveOptions>]
): Unique {
  const options = bind<ConsecutiveOptions>('uniqueConsecutive', ['returnInverse', 'returnCounts', 'dim'], args)
  const { returnInverse = false, returnCounts = false, dim = null } = options
  return chosen(raw.uniqueConsecutive(input, returnInverse, returnCounts, dim), options)
}

/** Coordinates of flat indices in an array of that shape, one tensor a dimension. */
export function unravelIndex(indices: Tensor, shape: number | readonly number[] | Tensor): Tensor[] {
  const sizes =
    typeof shape === 'number'
      ? [shape]
      : Array.isArray(shape)
        ? (shape as number[])
        : ((shape as Tensor).tolist() as number[])
  if (indices.isComplex() || indices.isFloatingPoint() || indices.dtype === 'bool') {
    throw new ArgumentError(`expected 'indices' to be integer dtype, but got ${indices.dtype}`)
  }
  if (sizes.some((size) => size < 0))
    throw new ArgumentError(`'shape' cannot have negative values, but got (${sizes.join(', ')})`)
  const steps = sizes.map((_, i) => sizes.slice(i + 1).reduce((product, size) => product * size, 1))
  const long = (values: number[]) => tensorFromData(values, { dtype: 'int64', device: indices.device })
  return indices.unsqueeze(-1).floorDivide(long(steps)).remainder(long(sizes)).unbind(-1)
}

export interface StftOptions {
  hopLength?: number | null
  winLength?: number | null
  window?: Tensor | null
  center?: boolean
  padMode?: string
  normalized?: boolean
  onesided?: boolean | null
  returnComplex?: boolean | null
  alignToWindow?: boolean | null
}
/** Short-time Fourier transform: `(B?, L)` → `(B?, N, T)`. */
export function stft(input: Tensor, nFft: number, options: StftOptions = {}): Tensor {
  const { center = true, padMode = 'reflect', alignToWindow = null, ...rest } = options
  if (center && alignToWindow !== null)
    throw new ArgumentError('stft only supports align_to_window for center = False.')
  if (!center) return raw.stft(input, nFft, { normalized: false, ...rest, alignToWindow })
  return raw.stft(input, nFft, { normalized: false, ...rest, center, padMode })
}

export interface IstftOptions extends Omit<StftOptions, 'padMode' | 'alignToWindow' | 'returnComplex'> {
  length?: number | null
  returnComplex?: boolean
}
/** Inverse of {@link stft}: `(B?, N, T)` complex → `(B?, length)`. */
export function istft(input: Tensor, nFft: number, options: IstftOptions = {}): Tensor {
  return raw.istft(input, nFft, options)
}

/** What `tolist()` has for one element. */
type Element = any

function mapInto(input: Tensor, others: Tensor[], fn: (...values: Element[]) => Element): Tensor {
  if (input.device !== 'cpu')
    throw new ArgumentError(`it is only implemented on CPU tensors, received one on ${input.device}`)
  if (input.requiresGrad)
    throw new ArgumentError("can't call a function for the elements of a tensor that requires grad")
  const lists = [input, ...others.map((t) => t.broadcastTo(input.shape))].map(
    (t) => t.reshape(-1).tolist() as Element[],
  )
  const values = lists[0]!.map((_, i) => fn(...lists.map((list) => list[i])))
  return input.copy_(tensorFromData(values, { dtype: input.dtype }).reshape(input.shape))
}

/** Methods of Tensor that are Python code, or take more forms than their operators do. */
export interface PythonMethods {
  norm(...args: Parameters<typeof norm> extends [Tensor, ...infer Rest] ? Rest : never): Tensor
  split(...args: Parameters<typeof split> extends [Tensor, ...infer Rest] ? Rest : never): Tensor[]
  unique(...args: Parameters<typeof unique> extends [Tensor, ...infer Rest] ? Rest : never): Tensor & Tensor[]
  uniqueConsecutive(
    ...args: Parameters<typeof uniqueConsecutive> extends [Tensor, ...infer Rest] ? Rest : never
  ): Tensor & Tensor[]
  stft(nFft: number, options?: StftOptions): Tensor
  istft(nFft: number, options?: IstftOptions): Tensor
  /** A tensor of this dtype and device (unless said otherwise) from data; always copies. */
  newTensor(data: TensorData, options?: TensorOptions): Tensor
  /** The `n`-th derivative of the digamma function. */
  polygamma(n: number): Tensor
  lu(...args: Parameters<typeof lu> extends [Tensor, ...infer Rest] ? Rest : never): Tensor[]
  toSparseCoo(): Tensor
  /** Calls a function for every element, in row order, and puts its results in their place. For tensors on the CPU. */
  apply_(fn: (value: Element) => Element): this
  /** {@link PythonMethods.apply_} with the elements of a second tensor that broadcasts to this one. */
  map_(other: Tensor, fn: (value: Element, other: Element) => Element): this
  map2_(x: Tensor, y: Tensor, fn: (value: Element, x: Element, y: Element) => Element): this
  /** Another name of `dim()`. */
  ndimension(): number
  /** Another name of `numel()`. */
  nelement(): number
  /** Splits one dimension into several; one size may be -1. */
  unflatten(dim: number, sizes: readonly number[]): Tensor
  /** A view in which dimensions of size 1 are repeated; -1 keeps a size. Sizes one by one or as a list. */
  expand(...sizes: number[] | [readonly number[]]): Tensor
  /** This tensor's elements where `condition` is true, those of `other` elsewhere; the three are broadcast. */
  where(condition: Tensor, other: Tensor | number | boolean): Tensor
  where(options: { condition: Tensor; other: Tensor | number | boolean }): Tensor
}

export const pythonMethods: { [K in keyof PythonMethods]: (...args: any[]) => any } = {
  norm,
  split,
  unique,
  uniqueConsecutive,
  stft,
  istft,
  newTensor: (like: Tensor, data: TensorData, options: TensorOptions = {}) =>
    tensorFromData(data, { dtype: like.dtype, device: like.device, ...options }),
  polygamma: (input: Tensor, n: number) => raw.polygamma(n, input),
  lu,
  toSparseCoo: (input: Tensor) => input.toSparse(),
  apply_: (input: Tensor, fn) => mapInto(input, [], fn),
  map_: (input: Tensor, other: Tensor, fn) => mapInto(input, [other], fn),
  map2_: (input: Tensor, x: Tensor, y: Tensor, fn) => mapInto(input, [x, y], fn),
  ndimension: (input: Tensor) => input.ndim,
  nelement: (input: Tensor) => input.numel(),
  unflatten: (input: Tensor, dim: number, sizes: readonly number[]) => raw.unflatten(input, dim, sizes),
  expand: (input: Tensor, ...sizes: any[]) => raw.expand(input, Array.isArray(sizes[0]) ? sizes[0] : sizes),
  where: (input: Tensor, ...args) =>
    isOptions(args[0]) ? raw.where({ self: input, ...args[0] }) : raw.where(args[0], input, args[1]),
}
