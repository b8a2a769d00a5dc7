/** Tensors of the addon for the pickle layer: made from what a file says, and looked at for writing. */
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError, TorchError } from '../errors.js'
import { operatorFunction } from '../tensor/operator.js'
import { Parameter, Buffer as TensorBuffer } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy, UninitializedBuffer, UninitializedParameter } from '../tensor/uninitialized.js'
import { dtypes, type StorageRef } from './storages.js'
import type { Quantizer, TensorFactory, TensorSpec } from './tensor-factory.js'
import type { TensorFacts, TensorInspector } from './tensor-nodes.js'
import { badFormat, type Where } from './where.js'

/** Sizes, strides or offsets of the parts of a nested tensor. */
interface Table {
  shape: readonly number[]
  values: bigint[]
}

const isQuantized = (dtype: string): boolean => /^qu?int/.test(dtype)

/** Makes `out` a tensor over a storage of a file, beginning at its element `at`. */
export type TensorSource = (
  out: Tensor,
  storage: StorageRef,
  dtype: string,
  at: number,
  shape: readonly number[],
  strides: readonly number[],
) => Tensor

/** Storages that have handles of their own. */
export function byKey(handles: ReadonlyMap<string, StorageHandle>): TensorSource {
  return (out, { key }, dtype, at, shape, strides) =>
    native().tensorFromStorage(out, handles.get(key)!, dtype, at, shape, strides)
}

/** Makes the tensors of one file, whose storages have been read. */
export class NativeTensorFactory implements TensorFactory {
  constructor(
    private readonly storages: TensorSource,
    private readonly where: Where,
  ) {}

  isTensor(value: unknown): value is object {
    return value instanceof Tensor
  }

  tensor(spec: TensorSpec): Tensor {
    if (isQuantized(spec.dtype)) throw badFormat(this.where, `a plain tensor of dtype ${spec.dtype}`)
    // as attempt() does, without a function for each tensor of the file
    try {
      let made = this.strided(spec, spec.dtype)
      if (spec.conj) made = operatorFunction('aten::_conj')(made)
      if (spec.neg) made = operatorFunction('aten::_neg_view')(made)
      if (spec.requiresGrad) native().setRequiresGrad(made, true)
      return made
    } catch (error) {
      throw this.located(error)
    }
  }

  private strided({ storage, offset, shape, strides }: TensorSpec, dtype: string): Tensor {
    const base = storage.base === undefined ? 0 : storage.base / dtypes.get(dtype)!.size
    if (!Number.isInteger(base)) throw badFormat(this.where, 'a part of a storage begins inside of an element')
    const beyond = offset > 0 && shape.includes(0)
    const made = this.storages(new Tensor(), storage, dtype, beyond ? 0 : base + offset, shape, strides)
    return beyond ? operatorFunction('aten::as_strided')(made, shape, strides, base + offset) : made
  }

  parameter(tensor: object, requiresGrad: boolean): Tensor {
    return this.attempt(() => new Parameter(tensor as Tensor, { requiresGrad }))
  }

  buffer(tensor: object, persistent: boolean): Tensor {
    return new TensorBuffer(tensor as Tensor, { persistent })
  }

  uninitialized(parameter: boolean, requiresGrad: boolean): Tensor {
    return parameter ? new UninitializedParameter(requiresGrad) : new UninitializedBuffer(requiresGrad)
  }

  meta(dtype: string, shape: number[], strides: number[], requiresGrad: boolean): Tensor {
    return this.attempt(() => {
      const made = operatorFunction('aten::empty_strided')(shape, strides, { dtype, device: 'meta' }) as Tensor
      if (requiresGrad) native().setRequiresGrad(made, true)
      return made
    })
  }

  sparseCoo(indices: object, values: object, shape: number[], coalesced: boolean | undefined): Tensor {
    return this.attempt(() => {
      // indices outside of the shape would make later operations write outside of their memory
      operatorFunction('aten::_validate_sparse_coo_tensor_args')(indices, values, shape)
      const options = coalesced === undefined ? {} : { isCoalesced: coalesced }
      return operatorFunction('aten::_sparse_coo_tensor_unsafe')(indices, values, shape, options)
    })
  }

  sparseCompressed(layout: string, compressed: object, plain: object, values: object, shape: number[]): Tensor {
    return this.attempt(() => {
      operatorFunction('aten::_validate_sparse_compressed_tensor_args')(compressed, plain, values, shape, layout)
      const binding = native()
      const options = { layout, dtype: binding.dtype(values as Tensor), device: binding.device(values as Tensor) }
      // only the one that validates again has a gradient
      const name = binding.requiresGrad(values as Tensor)
        ? 'sparse_compressed_tensor'
        : '_sparse_compressed_tensor_unsafe'
      return operatorFunction(`aten::${name}`)(compressed, plain, values, shape, options)
    })
  }

  /** An empty tensor with the quantizer, which then gets the storage. Source: torch/_utils.py, _rebuild_qtensor, PyTorch 2.13. */
  quantized(spec: TensorSpec, quantizer: Quantizer): Tensor {
    const { storage, dtype, offset, shape, strides } = spec
    if (!isQuantized(dtype)) throw badFormat(this.where, `a quantized tensor of dtype ${dtype} cannot be read`)
    return this.attempt(() => {
      const bytes = this.strided({ ...spec, offset: 0, shape: [storage.nbytes], strides: [1] }, 'uint8')
      const made = this.emptyQuantized(spec, quantizer, native().device(bytes))
      operatorFunction('aten::set_')(made, bytes, offset, shape, strides)
      return made
    })
  }

  private emptyQuantized({ dtype, shape }: TensorSpec, quantizer: Quantizer, device: string): Tensor {
    if (quantizer.scheme === 'per_tensor_affine') {
      const { scale, zeroPoint } = quantizer
      return operatorFunction('aten::_empty_affine_quantized')([0], { scale, zeroPoint, dtype, device })
    }
    const { scales, zeroPoints, axis } = quantizer as { scales: Tensor; zeroPoints: Tensor; axis: number }
    const length = shape[axis]
    if (native().numel(scales) !== length || native().numel(zeroPoints) !== length) {
      throw badFormat(this.where, `${length} channels need as many scales and zero points`)
    }
    // where a byte holds several elements, only a tensor that has its sizes already keeps the storage's size
    const sizes = dtypes.get(dtype)!.perByte ? shape : shape.map((size, i) => (i === axis ? size : 0))
    return operatorFunction('aten::_empty_per_channel_affine_quantized')(sizes, {
      scales,
      zeroPoints,
      axis,
      dtype,
      device,
    })
  }

  nested(buffer: object, ...tables: [sizes: object, strides: object, offsets: object]): Tensor {
    return this.attempt(() => {
      const [sizes, strides, offsets] = tables.map((table) => this.table(table as Tensor))
      this.checkNested(buffer as Tensor, sizes!, strides!, offsets!)
      // copies, as what the file shares with them could be written to later
      const own = new Map(tables.map((table) => [table, operatorFunction('aten::clone')(table)]))
      return operatorFunction('aten::_nested_view_from_buffer')(buffer, ...tables.map((table) => own.get(table)))
    })
  }

  private checkNested(buffer: Tensor, sizes: Table, strides: Table, offsets: Table): void {
    const binding = native()
    const [count, dims] = sizes.shape
    const fit =
      dims !== undefined &&
      sizes.shape.length === 2 &&
      String(strides.shape) === String(sizes.shape) &&
      String(offsets.shape) === String([count]) &&
      binding.layout(buffer) === 'strided' &&
      binding.ndim(buffer) === 1 &&
      binding.isContiguous(buffer, 'contiguous_format')
    if (!fit) throw badFormat(this.where, 'the sizes, strides and offsets of a nested tensor do not fit together')
    const available = BigInt(binding.numel(buffer))
    let total = 0n
    for (let i = 0; i < count!; i++) {
      const [size, stride] = [sizes, strides].map(({ values }) => values.slice(i * dims, (i + 1) * dims))
      let last = offsets.values[i]!
      const negative = last < 0n || size!.some((n) => n < 0n) || stride!.some((n) => n < 0n)
      for (let j = 0; j < dims; j++) last += (size![j]! - 1n) * stride![j]!
      if (negative || (!size!.includes(0n) && last >= available)) {
        throw badFormat(this.where, `part ${i} of a nested tensor reaches beyond its ${available} elements`)
      }
      total += size!.reduce((product, n) => product * n, 1n)
    }
    if (total >= 2n ** 53n) throw badFormat(this.where, 'the sizes of a nested tensor are beyond all memory')
  }

  private table(tensor: Tensor): Table {
    const binding = native()
    const plain =
      binding.dtype(tensor) === 'int64' &&
      binding.device(tensor) === 'cpu' &&
      binding.layout(tensor) === 'strided' &&
      binding.isContiguous(tensor, 'contiguous_format')
    if (!plain) throw badFormat(this.where, 'the sizes, strides and offsets of a nested tensor are int64 on the CPU')
    return { shape: binding.shape(tensor), values: Array.from(new BigInt64Array(binding.bytes(tensor))) }
  }

  cast(tensor: object, dtype: string, requiresGrad: boolean): Tensor {
    return this.attempt(() => {
      const binding = native()
      const detached = operatorFunction('aten::detach')(tensor) as Tensor
      let made = detached
      if (binding.dtype(detached) !== dtype) {
        const bytes = binding.numel(detached) * binding.elementSize(detached)
        if (binding.layout(detached) !== 'strided' || bytes > binding.tensorStorage(detached).nbytes) {
          throw badFormat(this.where, 'a tensor of another device has more elements than its storage')
        }
        made = operatorFunction('aten::to')(detached, { dtype })
      }
      if (requiresGrad) binding.setRequiresGrad(made, true)
      return made
    })
  }

  fromBytes(bytes: Uint8Array, dtype: string, shape: number[]): Tensor {
    return native().fromBytes(new Tensor(), bytes, dtype, shape, true)
  }

  /** What LibTorch refuses to make is a fault of the file. */
  private attempt<T>(make: () => T): T {
    try {
      return make()
    } catch (error) {
      throw this.located(error)
    }
  }

  private located(error: unknown): unknown {
    if (error instanceof CheckpointError || !(error instanceof TorchError)) return error
    if (error.code === 'ERR_OUT_OF_MEMORY' || error.code === 'ERR_DEVICE') return error
    return badFormat(this.where, error.message, error)
  }
}

/** Undefined for a nested tensor, which has none. */
function shapeOf(tensor: Tensor): number[] | undefined {
  try {
    return native().shape(tensor)
  } catch (error) {
    if (/a nested tensor has no shape/.test(String(error))) return undefined
    throw error
  }
}

function quantizerOf(tensor: Tensor): Quantizer {
  const ask = (name: string): any => operatorFunction(`aten::${name}`)(tensor)
  // LibTorch numbers the schemes
  const [perTensorAffine, perChannelAffine, perChannelAffineFloatParameters] = [0, 1, 4]
  const scheme = ask('qscheme') as number
  if (scheme === perTensorAffine) {
    return { scheme: 'per_tensor_affine', scale: ask('q_scale'), zeroPoint: ask('q_zero_point') }
  }
  // float parameters have no name of their own in files: the dtype of the parameters says it
  if (scheme !== perChannelAffine && scheme !== perChannelAffineFloatParameters)
    throw new TorchError(`torch.save: tensors quantized by scheme ${scheme} cannot be saved`)
  const [scales, zeroPoints] = [ask('q_per_channel_scales'), ask('q_per_channel_zero_points')]
  return { scheme: 'per_channel_affine', scales, zeroPoints, axis: ask('q_per_channel_axis') }
}

const numbers = new Float64Array(7 + 2 * 16)
const dtypeNames = new Map<number, string>()

function listed(from: number, count: number): number[] {
  const list: number[] = []
  for (let i = from; i < from + count; i++) list.push(numbers[i]!)
  return list
}

/** The facts of a strided tensor on the CPU, which nearly all are, by one native call; undefined for another one. */
function plainFacts(tensor: Tensor): TensorFacts<StorageHandle> | undefined {
  if (isLazy(tensor) || tensor instanceof TensorBuffer) return undefined
  const handle = native().plainTensor(tensor, numbers)
  if (handle === null) return undefined
  const [code, requiresGrad, conj, neg, offset, nbytes, dim] = numbers as unknown as [number, number, ...number[]]
  let dtype = dtypeNames.get(code)
  if (dtype === undefined) dtypeNames.set(code, (dtype = native().dtype(tensor)))
  const from = 7
  return {
    layout: 'strided',
    nested: false,
    dtype,
    device: 'cpu',
    shape: listed(from, dim!),
    strides: listed(from + dim!, dim!),
    requiresGrad: requiresGrad === 1,
    conj: conj === 1,
    neg: neg === 1,
    storage: { handle, id: native().storageId(handle), offset: offset!, nbytes: nbytes!, device: 'cpu' },
    parameter: tensor instanceof Parameter,
  }
}

/** Looks at tensors for writing. */
export const nativeTensors: TensorInspector<StorageHandle> & { allFacts(tensor: Tensor): TensorFacts<StorageHandle> } =
  {
    isTensor: (value): value is object => value instanceof Tensor,

    facts(value: object): TensorFacts<StorageHandle> {
      const tensor = value as Tensor
      return plainFacts(tensor) ?? this.allFacts(tensor)
    },

    allFacts(tensor: Tensor): TensorFacts<StorageHandle> {
      const binding = native()
      const layout = binding.layout(tensor)
      const shape = shapeOf(tensor)
      const nested = shape === undefined
      const device = binding.device(tensor)
      const dtype = binding.dtype(tensor)
      const strided = layout === 'strided'
      const stored = strided && !device.startsWith('meta') ? binding.tensorStorage(tensor) : undefined
      return {
        layout,
        nested,
        dtype,
        device,
        shape: shape ?? [],
        strides: strided && !nested ? binding.strides(tensor) : [],
        requiresGrad: binding.requiresGrad(tensor),
        conj: strided && dtype.startsWith('complex') && binding.isConj(tensor),
        neg: strided && binding.isNeg(tensor),
        ...(stored && { storage: { ...stored, handle: stored.storage } }),
        parameter: tensor instanceof Parameter,
        ...(isLazy(tensor) && {
          uninitialized: `Uninitialized${tensor instanceof Parameter ? 'Parameter' : 'Buffer'}`,
        }),
        ...(isQuantized(dtype) && { quantizer: quantizerOf(tensor) }),
        ...(tensor instanceof TensorBuffer && { buffer: tensor.persistent }),
      }
    },

    detached: (value) => operatorFunction('aten::detach')(value),

    nestedParts(value: object): object[] {
      const names = ['values', '_nested_tensor_size', '_nested_tensor_strides', '_nested_tensor_storage_offsets']
      const parts = names.map((name) => operatorFunction(`aten::${name}`)(value) as Tensor)
      // of scalars, sizes and strides are one object
      const [, sizes, strides] = parts.map((part) => native().tensorStorage(part).id)
      if (sizes === strides) parts[2] = parts[1]!
      return parts
    },

    sparseParts(value: object): { parts: object[]; coalesced?: boolean } {
      const tensor = value as Tensor
      const part = (name: string): object => operatorFunction(`aten::${name}`)(tensor)
      const layout = native().layout(tensor)
      if (layout === 'sparse_coo') {
        const coalesced = operatorFunction('aten::is_coalesced')(tensor) as boolean
        return { parts: [part('_indices'), part('_values')], coalesced }
      }
      if (!/^sparse_(csr|csc|bsr|bsc)$/.test(layout))
        throw new TorchError(`torch.save: tensors of layout ${layout} cannot be saved`)
      const rows = layout === 'sparse_csr' || layout === 'sparse_bsr'
      return {
        parts: [
          part(rows ? 'crow_indices' : 'ccol_indices'),
          part(rows ? 'col_indices' : 'row_indices'),
          part('values'),
        ],
      }
    },

    bytes: (value) => new Uint8Array(native().bytes(value as Tensor)),
  }
