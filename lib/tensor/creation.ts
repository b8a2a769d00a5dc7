/** Tensors from JavaScript data. */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import type { Device, Dtype } from './dtype.js'
import { type TensorData, type TensorOptions, tensorFromData } from './from-data.js'
import { Tensor } from './tensor.js'

/**
 * A tensor from nested arrays, a typed array or a value. Numbers become the default dtype (float32) even if whole, bigints
 * int64, booleans bool; a typed array keeps its type. Always copies.
 * @throws {@link ArgumentError} `ERR_SHAPE` with the path, when rows have different lengths
 * @example
 * torch.tensor([[1, 2], [3, 4]], { requiresGrad: true })
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  return tensorFromData(data, options)
}

/** As {@link tensor}, but a Tensor that already has the dtype and device is returned as it is. */
export function asTensor(data: TensorData, options: { dtype?: Dtype; device?: Device } = {}): Tensor {
  return data instanceof Tensor ? data.to(options) : tensorFromData(data, options)
}

/**
 * A tensor over what is given: a Tensor or typed array shares its memory where dtype, device and `copy` allow it, all else is
 * copied. Unlike {@link asTensor}, the result takes no part in the graph of a given tensor unless `requiresGrad` is set.
 */
export function asarray(
  data: TensorData,
  options: { dtype?: Dtype | null; device?: Device | null; copy?: boolean | null; requiresGrad?: boolean } = {},
): Tensor {
  const { dtype, device, copy = null, requiresGrad = false } = options
  const wanted = { ...(dtype ? { dtype } : {}), ...(device ? { device } : {}) }
  const shared = data instanceof Tensor ? data : ArrayBuffer.isView(data) ? frombuffer(data) : undefined
  if (shared === undefined && copy === false)
    throw new ArgumentError("can't alias arbitrary data: only a Tensor or a typed array")
  const converted = shared ? shared.to(wanted) : tensorFromData(data, wanted)
  if (copy === false && converted !== shared)
    throw new ArgumentError(`can't alias a ${shared!.dtype} tensor on ${shared!.device} as another dtype or device`)
  const own = copy && converted === shared ? converted.clone() : converted
  return requiresGrad ? own.requiresGrad_() : own.detach()
}

const typedArrayDtypes: [abstract new (...args: any[]) => ArrayBufferView, Dtype][] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64'],
]

/**
 * A tensor over the memory of a typed array or Buffer: zero copy; the memory stays alive as long as the tensor, and writes to
 * one are seen in the other.
 * @param options - `dtype` (default: the array's), `shape` (default: one dimension), `requiresGrad`
 */
export function frombuffer(
  buffer: ArrayBufferView,
  options: { dtype?: Dtype; shape?: readonly number[]; requiresGrad?: boolean } = {},
): Tensor {
  const dtype = options.dtype ?? typedArrayDtypes.find(([type]) => buffer instanceof type)?.[1]
  if (!dtype) throw new ArgumentError('frombuffer() takes a typed array or a Buffer; for a DataView say the dtype')
  const binding = native()
  const probe = binding.fromBytes(new Tensor(), new Uint8Array(0), dtype, [0], true)
  const size = probe.elementSize()
  probe.dispose()
  const shape = options.shape ?? [Math.floor(buffer.byteLength / size)]
  const result = binding.fromBytes(new Tensor(), buffer, dtype, [...shape], false)
  if (options.requiresGrad) result.requiresGrad = true
  return result
}

export function isTensor(value: unknown): value is Tensor {
  return native().isTensor(value)
}
