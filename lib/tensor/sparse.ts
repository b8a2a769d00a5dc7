/** Sparse tensors from indices and values, which may be data as for `torch.tensor` (torch/_torch_docs.py, PyTorch 2.13). */
import { ArgumentError } from '../errors.js'
import { bind } from './bind.js'
import type { Device, Dtype, Layout } from './dtype.js'
import { type TensorData, tensorFromData } from './from-data.js'
import { isOptions, operatorFunction } from './operator.js'
import type { Tensor } from './tensor.js'

const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && 'requiresGrad_' in value
const coo = operatorFunction('aten::sparse_coo_tensor')
const compressed = operatorFunction('aten::sparse_compressed_tensor')

export interface SparseOptions {
  size?: readonly number[]
  /** default: that of the values */
  dtype?: Dtype | null
  device?: Device | null
  requiresGrad?: boolean
}
type Rest = [size?: readonly number[], options?: Omit<SparseOptions, 'size'>] | [SparseOptions]

/** Integers for indices: a tensor keeps its dtype, except that COO wants int64. */
function indicesOf(data: TensorData, device: Device | null | undefined, long: boolean): Tensor {
  const tensor = isTensor(data) ? data : tensorFromData(data, { dtype: 'int64' })
  if (tensor.isFloatingPoint() && !long) throw new ArgumentError(`indices must be integers, received ${tensor.dtype}`)
  return tensor.to({ ...(long ? { dtype: 'int64' as const } : {}), ...(device ? { device } : {}) })
}

function valuesOf(data: TensorData, { dtype, device }: SparseOptions): Tensor {
  const tensor = isTensor(data) ? data : tensorFromData(data, dtype ? { dtype } : {})
  return tensor.detach().to({ ...(dtype ? { dtype } : {}), ...(device ? { device } : {}) })
}

function optionsOf(what: string, rest: unknown[]): SparseOptions {
  return bind<SparseOptions>(what, ['size', 'dtype', 'device', 'requiresGrad'], rest)
}

function finish(tensor: Tensor, options: SparseOptions): Tensor {
  return options.requiresGrad ? tensor.requiresGrad_() : tensor
}

/**
 * A tensor of values at coordinates; repeated coordinates add up.
 * @param indices - `(dimensions, n)`
 * @param values - `(n, …)`
 * @param rest - `size` (default: the smallest that holds all), then options
 * @example
 * torch.sparseCooTensor([[0, 1], [2, 0]], [3, 4], [2, 3])
 */
export function sparseCooTensor(indices: TensorData, values: TensorData, ...rest: Rest): Tensor
/** A sparse tensor without values. */
export function sparseCooTensor(size: readonly number[], options?: Omit<SparseOptions, 'size'>): Tensor
export function sparseCooTensor(...args: unknown[]): Tensor {
  if (args.length === 1 || (args.length === 2 && isOptions(args[1]))) {
    const { requiresGrad, ...where } = (args[1] ?? {}) as SparseOptions
    return finish(coo(args[0], { ...where, layout: 'sparse_coo' }), { requiresGrad: requiresGrad ?? false })
  }
  const [indices, values, ...rest] = args as [TensorData, TensorData, ...unknown[]]
  const options = optionsOf('sparseCooTensor', rest)
  const device = options.device ?? (isTensor(values) ? values.device : undefined)
  const parts = [indicesOf(indices, device, true), valuesOf(values, options)]
  return finish(options.size ? coo(...parts, options.size) : coo(...parts), options)
}

/** The four compressed layouts. */
const plain = ['sparse_csr', 'sparse_csc', 'sparse_bsr', 'sparse_bsc'] as const

/** A tensor in a compressed layout, which `options` must name. */
export function sparseCompressedTensor(
  compressedIndices: TensorData,
  plainIndices: TensorData,
  values: TensorData,
  ...rest: [size: readonly number[], options: { layout: Layout } & SparseOptions] | [{ layout: Layout } & SparseOptions]
): Tensor {
  const last = rest[rest.length - 1]
  const { layout, ...options } = (isOptions(last) ? last : {}) as { layout?: Layout } & SparseOptions
  if (!plain.includes(layout as (typeof plain)[number])) {
    throw new ArgumentError(`sparseCompressedTensor() needs a layout: ${plain.join(', ')}`)
  }
  return build(layout!, 'sparseCompressedTensor', compressedIndices, plainIndices, values, [
    ...rest.slice(0, -1),
    options,
  ])
}

function build(
  layout: Layout,
  what: string,
  rows: TensorData,
  columns: TensorData,
  values: TensorData,
  rest: unknown[],
): Tensor {
  const options = optionsOf(what, rest)
  const device = options.device ?? (isTensor(values) ? values.device : undefined)
  const data = valuesOf(values, options)
  const parts = [indicesOf(rows, device, false), indicesOf(columns, device, false), data]
  const given = { layout, dtype: data.dtype, device: data.device }
  return finish(options.size ? compressed(...parts, options.size, given) : compressed(...parts, given), options)
}

type Compressed = (compressedIndices: TensorData, plainIndices: TensorData, values: TensorData, ...rest: Rest) => Tensor
const ofLayout =
  (what: string, layout: Layout): Compressed =>
  (rows, columns, values, ...rest) =>
    build(layout, what, rows, columns, values, rest)

/** Rows compressed: `(crowIndices, colIndices, values, size)`. */
export const sparseCsrTensor = ofLayout('sparseCsrTensor', 'sparse_csr')
/** Columns compressed: `(ccolIndices, rowIndices, values, size)`. */
export const sparseCscTensor = ofLayout('sparseCscTensor', 'sparse_csc')
/** Blocks by compressed rows; `values` is `(n, block height, block width)`. */
export const sparseBsrTensor = ofLayout('sparseBsrTensor', 'sparse_bsr')
/** Blocks by compressed columns. */
export const sparseBscTensor = ofLayout('sparseBscTensor', 'sparse_bsc')
