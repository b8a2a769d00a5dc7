/** Tensors of the addon for the pickle layer: made from what a file says, and looked at for writing. */
import type { StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError, TorchError } from '../errors.js'
import { operatorFunction } from '../tensor/operator.js'
import { Parameter, Buffer as TensorBuffer } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy, UninitializedBuffer, UninitializedParameter } from '../tensor/uninitialized.js'
import { dtypes } from './storages.js'
import type { Quantizer, TensorFactory, TensorSpec } from './tensor-factory.js'
import type { TensorFacts, TensorInspector } from './tensor-nodes.js'
import { badFormat, type Where } from './where.js'

/** dtype of the plain integers below a quantized dtype */
const integersOf: Record<string, string> = { quint8: 'uint8', qint8: 'int8', qint32: 'int32' }

/** Makes the tensors of one file, whose storages have been read. */
export class NativeTensorFactory implements TensorFactory {
  constructor(
    private readonly storages: ReadonlyMap<string, StorageHandle>,
    private readonly where: Where,
  ) {}

  isTensor(value: unknown): value is object {
    return value instanceof Tensor
  }

  tensor(spec: TensorSpec): Tensor {
    if (integersOf[spec.dtype] !== undefined) throw badFormat(this.where, `a plain tensor of dtype ${spec.dtype}`)
    return this.attempt(() => {
      let made = this.strided(spec, spec.dtype)
      if (spec.conj) made = operatorFunction('aten::_conj')(made)
      if (spec.neg) made = operatorFunction('aten::_neg_view')(made)
      if (spec.requiresGrad) native().setRequiresGrad(made, true)
      return made
    })
  }

  private strided({ storage, offset, shape, strides }: TensorSpec, dtype: string): Tensor {
    const handle = this.storages.get(storage.key)!
    const base = (storage.base ?? 0) / dtypes.get(dtype)!.size
    if (!Number.isInteger(base)) throw badFormat(this.where, 'a part of a storage begins inside of an element')
    return native().tensorFromStorage(new Tensor(), handle, dtype, base + offset, shape, strides)
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
      return operatorFunction('aten::_sparse_compressed_tensor_unsafe')(compressed, plain, values, shape, { layout })
    })
  }

  quantized(spec: TensorSpec, quantizer: Quantizer): Tensor {
    const integers = integersOf[spec.dtype]
    if (integers === undefined) throw badFormat(this.where, `a quantized tensor of dtype ${spec.dtype} cannot be read`)
    return this.attempt(() => {
      const values = this.strided(spec, integers)
      if (quantizer.scheme === 'per_tensor_affine') {
        const make = operatorFunction('aten::_make_per_tensor_quantized_tensor')
        return make(values, quantizer.scale, quantizer.zeroPoint)
      }
      const { scales, zeroPoints, axis } = quantizer as { scales: Tensor; zeroPoints: Tensor; axis: number }
      const length = spec.shape[axis]
      if (native().numel(scales) !== length || native().numel(zeroPoints) !== length) {
        throw badFormat(this.where, `${length} channels need as many scales and zero points`)
      }
      return operatorFunction('aten::_make_per_channel_quantized_tensor')(values, scales, zeroPoints, axis)
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
      if (error instanceof CheckpointError || !(error instanceof TorchError)) throw error
      if (error.code === 'ERR_OUT_OF_MEMORY' || error.code === 'ERR_DEVICE') throw error
      throw badFormat(this.where, error.message, error)
    }
  }
}

function quantizerOf(tensor: Tensor): Quantizer {
  const ask = (name: string): any => operatorFunction(`aten::${name}`)(tensor)
  // LibTorch numbers the schemes
  const [perTensorAffine, perChannelAffine] = [0, 1]
  const scheme = ask('qscheme') as number
  if (scheme === perTensorAffine) {
    return { scheme: 'per_tensor_affine', scale: ask('q_scale'), zeroPoint: ask('q_zero_point') }
  }
  if (scheme !== perChannelAffine)
    throw new TorchError('torch.save: tensors quantized by float parameters cannot be saved')
  const [scales, zeroPoints] = [ask('q_per_channel_scales'), ask('q_per_channel_zero_points')]
  return { scheme: 'per_channel_affine', scales, zeroPoints, axis: ask('q_per_channel_axis') }
}

/** Looks at tensors for writing. */
export const nativeTensors: TensorInspector<StorageHandle> = {
  isTensor: (value): value is object => value instanceof Tensor,

  facts(value: object): TensorFacts<StorageHandle> {
    const tensor = value as Tensor
    const binding = native()
    const layout = binding.layout(tensor)
    const device = binding.device(tensor)
    const dtype = binding.dtype(tensor)
    const strided = layout === 'strided'
    const stored = strided && !device.startsWith('meta') ? binding.tensorStorage(tensor) : undefined
    return {
      layout,
      dtype,
      device,
      shape: binding.shape(tensor),
      strides: strided ? binding.strides(tensor) : [],
      requiresGrad: binding.requiresGrad(tensor),
      conj: strided && dtype.startsWith('complex') && binding.isConj(tensor),
      neg: strided && binding.isNeg(tensor),
      ...(stored && { storage: { ...stored, handle: stored.storage } }),
      parameter: tensor instanceof Parameter,
      ...(isLazy(tensor) && { uninitialized: `Uninitialized${tensor instanceof Parameter ? 'Parameter' : 'Buffer'}` }),
      ...(/^qu?int/.test(dtype) && { quantizer: quantizerOf(tensor) }),
      ...(tensor instanceof TensorBuffer && { buffer: tensor.persistent }),
    }
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
      parts: [part(rows ? 'crow_indices' : 'ccol_indices'), part(rows ? 'col_indices' : 'row_indices'), part('values')],
    }
  },

  bytes: (value) => new Uint8Array(native().bytes(value as Tensor)),
}
