/** The functions of PyTorch that rebuild tensors, as data: what a pickle says of them is checked, then a tensor is made. */

import type { GlobalRow } from './globals.js'
import { isObject, remember } from './memory.js'
import {
  kindOf,
  type Node,
  PyCall,
  PyDict,
  PyFloatNode,
  PyGlobal,
  PyList,
  PyPersistent,
  PyStr,
  PyTuple,
} from './nodes.js'
import { PyObject } from './py-object.js'
import type { Reviver } from './revive.js'
import { dtypes, type StorageRef } from './storages.js'
import type { Quantizer, TensorSpec } from './tensor-factory.js'

export const tensorRows: Record<string, GlobalRow> = {
  'torch._utils._rebuild_tensor': { call: (call, r) => r.tensors.tensor(stridedSpec(call, r, false)) },
  'torch._utils._rebuild_tensor_v2': { call: (call, r) => r.tensors.tensor(stridedSpec(call, r, false)) },
  'torch._utils._rebuild_tensor_v3': { call: (call, r) => r.tensors.tensor(stridedSpec(call, r, true)) },
  'torch._utils._rebuild_parameter': { call: parameter },
  'torch._utils._rebuild_parameter_with_state': { call: parameter },
  'torch.nn.parameter.Parameter': { call: oldParameter },
  'torch.Tensor': { call: oldTensor },
  'torch.nn.parameter.UninitializedParameter': {
    call: (call, r) => r.tensors.uninitialized(true, requiresGradOf(call)),
  },
  'torch.nn.parameter.UninitializedBuffer': { call: (call, r) => r.tensors.uninitialized(false, requiresGradOf(call)) },
  'torch._tensor._rebuild_from_type_v2': { call: fromType },
  'torch._tensor._rebuild_from_type': { call: fromType },
  // their names before 1.10
  'torch.tensor._rebuild_from_type_v2': { call: fromType },
  'torch.tensor._rebuild_from_type': { call: fromType },
  'torch._utils._rebuild_meta_tensor_no_storage': { call: metaTensor },
  'torch._utils._rebuild_sparse_tensor': { call: sparse },
  'torch._utils._rebuild_qtensor': { call: quantized },
  'torch._utils._rebuild_nested_tensor': { call: nested },
  'torch._utils._rebuild_device_tensor_from_numpy': { call: deviceTensor },
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': { call: deviceTensor },
  // its name before 1.11
  'torch._utils._rebuild_xla_tensor': { call: deviceTensor },
}

/** A shape: non-negative ints, in a tuple or a `torch.Size`. */
export function shapeOf(node: Node | undefined): number[] | undefined {
  if (node instanceof PyCall && node.path === 'torch.Size') return shapeOf(node.args.items[0])
  if (!(node instanceof PyTuple) || node.items.length > 64) return undefined
  for (let i = 0; i < node.items.length; i++) {
    const item = node.items[i]
    if (typeof item !== 'number' || !Number.isSafeInteger(item) || item < 0) return undefined
  }
  return node.items.slice() as number[]
}

function stridedSpec(call: PyCall, r: Reviver, withDtype: boolean): TensorSpec {
  // by their places: to take an array apart makes an iterator, for each tensor of the file
  const { items } = call.args
  const persistent = items[0]
  const offset = items[1]
  if (!(persistent instanceof PyPersistent)) throw r.bad(call, `needs a storage, not ${kindOf(persistent)}`)
  const storage = persistent.target as StorageRef
  const dtype = withDtype ? dtypeOf(call, r, items[6]) : storage.dtype
  const shape = shapeOf(items[2])
  const strides = shapeOf(items[3])
  if (shape === undefined) throw r.bad(call, 'sizes have to be a tuple of ints that are not negative')
  if (strides === undefined) throw r.bad(call, 'strides have to be a tuple of ints that are not negative')
  if (strides.length !== shape.length) throw r.bad(call, `${shape.length} sizes, but ${strides.length} strides`)
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) {
    throw r.bad(call, 'the storage offset has to be an int that is not negative')
  }
  const spec: TensorSpec = { storage, dtype, offset, shape, strides, requiresGrad: items[4] === true }
  checkView(call, r, spec)
  const bits = items[withDtype ? 7 : 6]
  if (bits instanceof PyDict) {
    for (let i = 0; i < bits.keys.length; i++) {
      const key = bits.keys[i]
      if (key instanceof PyStr && key.text === 'conj') spec.conj = bits.values[i] === true
      if (key instanceof PyStr && key.text === 'neg') spec.neg = bits.values[i] === true
    }
  }
  return spec
}

/** Every element that the sizes and strides can reach lies inside of the storage. */
function checkView(call: PyCall, r: Reviver, { storage, dtype, offset, shape, strides }: TensorSpec): void {
  const { size, perByte = 1 } = dtypes.get(dtype)!
  if (isWithin(Math.floor(storage.nbytes / size), offset, shape, strides)) return
  const available = (BigInt(storage.nbytes) * BigInt(perByte)) / BigInt(size)
  let count = 1n
  let last = BigInt(offset)
  for (let i = 0; i < shape.length; i++) {
    count *= BigInt(shape[i]!)
    last += BigInt(shape[i]! - 1) * BigInt(strides[i]!)
  }
  if (count >= 2n ** 63n) throw r.bad(call, `sizes [${shape}] are beyond 64 bits`)
  // a tensor without elements may begin anywhere, as the last of several slices does
  if (count > 0n && last >= available) {
    throw r.bad(
      call,
      `sizes [${shape}], strides [${strides}] and offset ${offset} reach beyond a storage of ${available} elements`,
    )
  }
}

/** Whether that is so for sure, as of nearly all tensors: what doubles can count, without sizes of zero. */
function isWithin(available: number, offset: number, shape: number[], strides: number[]): boolean {
  let count = 1
  let last = offset
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 0) return false
    count *= shape[i]!
    last += (shape[i]! - 1) * strides[i]!
  }
  return count <= Number.MAX_SAFE_INTEGER && last < available
}

function dtypeOf(call: PyCall, r: Reviver, node: Node | undefined): string {
  if (node instanceof PyGlobal && node.module === 'torch' && dtypes.has(node.name)) return node.name
  throw r.bad(call, `${kindOf(node)} is not a dtype`)
}

function tensorOf(call: PyCall, r: Reviver, node: Node | undefined): object {
  const tensor = node === undefined ? undefined : r.value(node)
  if (!r.tensors.isTensor(tensor)) throw r.bad(call, `needs a tensor, not ${kindOf(node)}`)
  return tensor
}

function requiresGradOf(call: PyCall): boolean {
  return call.args.items[0] === true
}

function parameter(call: PyCall, r: Reviver): object | undefined {
  const [data, requiresGrad, , state] = call.args.items
  // of a class that keeps its data in other tensors
  if (data instanceof PyCall && r.value(data) instanceof PyObject) return undefined
  const made = r.tensors.parameter(tensorOf(call, r, data), requiresGrad === true)
  if (state !== undefined) {
    call.value = made
    remember(made, { tensorType: { path: call.callable as PyGlobal, state: r.value(state) } })
  }
  return made
}

/**
 * A Parameter of before 0.4, which got its data and flags as its state. Source: torch/_tensor.py, Tensor.__setstate__, PyTorch 2.13.
 */
function oldParameter(call: PyCall, r: Reviver): object | undefined {
  const { state } = call
  const [data] = call.args.items
  if (!(state instanceof PyTuple)) return undefined
  const flags = state.items
  if (flags.length === 5) return r.tensors.parameter(tensorOf(call, r, flags[0]), flags[3] === true)
  if (flags.length !== 3 || data === undefined) return undefined
  return r.tensors.parameter(tensorOf(call, r, data), flags[0] === true)
}

/** A Tensor that gets storage, offset, sizes and strides as its state. Source: as above. */
function oldTensor(call: PyCall, r: Reviver): object | undefined {
  const { state } = call
  if (!(state instanceof PyTuple) || state.items.length !== 4 || call.args.items.length > 0) return undefined
  const args = new PyTuple([...state.items, false])
  return r.tensors.tensor(stridedSpec(new PyCall('reduce', call.callable, args, undefined, call.offset), r, false))
}

function fromType(call: PyCall, r: Reviver): object | undefined {
  const [rebuild, type, args, state] = call.args.items
  if (!(rebuild instanceof PyGlobal && type instanceof PyGlobal && args instanceof PyTuple)) {
    throw r.bad(call, 'needs a function, a class and a tuple')
  }
  const inner = r.value(new PyCall('reduce', rebuild, args, undefined, call.offset))
  // a class that keeps its data in other tensors stays what the file says of it
  if (!r.tensors.isTensor(inner)) return undefined
  const attributes = state === undefined ? null : r.value(state)
  if (type.path === 'torch.Tensor' && isBuffer(attributes)) {
    return r.tensors.buffer(inner, attributes.persistent === true)
  }
  remember(inner, { tensorType: { path: type, state: attributes } })
  return inner
}

function isBuffer(state: unknown): state is { persistent: unknown } {
  return isObject(state) && (state as { _is_buffer?: unknown })._is_buffer === true && Object.keys(state).length === 2
}

function metaTensor(call: PyCall, r: Reviver): object {
  const [dtype, size, stride, requiresGrad] = call.args.items
  const shape = shapeOf(size)
  const strides = shapeOf(stride)
  if (!shape || !strides || shape.length !== strides.length) throw r.bad(call, 'sizes and strides do not fit together')
  return r.tensors.meta(dtypeOf(call, r, dtype), shape, strides, requiresGrad === true)
}

function sparse(call: PyCall, r: Reviver): object {
  const [layout, parts] = call.args.items
  const name = layout === undefined ? undefined : r.value(layout)
  if (!(parts instanceof PyTuple) || typeof name !== 'string') throw r.bad(call, 'needs a layout and a tuple')
  if (name === 'torch.sparse_coo') {
    const [indices, values, size, coalesced] = parts.items
    const shape = shapeOf(size)
    if (!shape) throw r.bad(call, 'sizes have to be a tuple of ints that are not negative')
    return r.tensors.sparseCoo(
      tensorOf(call, r, indices),
      tensorOf(call, r, values),
      shape,
      typeof coalesced === 'boolean' ? coalesced : undefined,
    )
  }
  if (!/^torch\.sparse_(csr|csc|bsr|bsc)$/.test(name)) throw r.bad(call, `${name} is not a sparse layout`)
  const [compressed, plain, values, size] = parts.items
  const shape = shapeOf(size)
  if (!shape) throw r.bad(call, 'sizes have to be a tuple of ints that are not negative')
  return r.tensors.sparseCompressed(
    name.slice('torch.'.length),
    tensorOf(call, r, compressed),
    tensorOf(call, r, plain),
    tensorOf(call, r, values),
    shape,
  )
}

function quantized(call: PyCall, r: Reviver): object {
  const spec = stridedSpec(call, r, false)
  // elements of less than a byte have no address
  if (dtypes.get(spec.dtype)!.perByte && (spec.offset !== 0 || !isContiguous(spec))) {
    throw r.bad(call, `a view of a tensor of dtype ${spec.dtype} cannot be read`)
  }
  const params = call.args.items[4]
  if (!(params instanceof PyTuple) || !(params.items[0] instanceof PyGlobal)) throw r.bad(call, 'needs its quantizer')
  spec.requiresGrad = false
  return r.tensors.quantized(spec, quantizerOf(call, r, spec, params.items))
}

function isContiguous({ shape, strides }: TensorSpec): boolean {
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (strides[i] !== step) return false
    step *= Math.max(shape[i]!, 1)
  }
  return true
}

function quantizerOf(call: PyCall, r: Reviver, spec: TensorSpec, params: Node[]): Quantizer {
  const scheme = (params[0] as PyGlobal).path
  if (scheme === 'torch.per_tensor_affine') {
    const scale = params[1] instanceof PyFloatNode ? params[1].number : params[1]
    const zeroPoint = params[2]
    if (typeof scale !== 'number' || typeof zeroPoint !== 'number') throw r.bad(call, 'needs a scale and a zero point')
    return { scheme: 'per_tensor_affine', scale, zeroPoint }
  }
  if (scheme !== 'torch.per_channel_affine') throw r.bad(call, `tensors quantized by ${scheme} cannot be read`)
  const axis = params[3]
  if (typeof axis !== 'number' || !(axis >= 0 && axis < spec.shape.length)) {
    throw r.bad(call, `axis ${String(axis)} of sizes [${spec.shape}]`)
  }
  const scales = listed(r, params[1], 'float64') ?? tensorOf(call, r, params[1])
  const zeroPoints = listed(r, params[2], 'int64') ?? tensorOf(call, r, params[2])
  return { scheme: 'per_channel_affine', scales, zeroPoints, axis }
}

/** A tensor of the numbers of a list, as quantizers had them at first. */
function listed(r: Reviver, node: Node | undefined, dtype: 'float64' | 'int64'): object | undefined {
  if (!(node instanceof PyList)) return undefined
  const numbers = node.items.map((item) => Number(item instanceof PyFloatNode ? item.number : item))
  const data =
    dtype === 'float64' ? new Float64Array(numbers) : BigInt64Array.from(numbers, (n) => BigInt(Math.trunc(n)))
  return r.tensors.fromBytes(new Uint8Array(data.buffer), dtype, [numbers.length])
}

function nested(call: PyCall, r: Reviver): object {
  const [buffer, sizes, strides, offsets] = call.args.items.map((item) => tensorOf(call, r, item))
  if (!buffer || !sizes || !strides || !offsets) throw r.bad(call, 'needs a buffer, sizes, strides and offsets')
  return r.tensors.nested(buffer, sizes, strides, offsets)
}

/** Tensors of devices without storages are saved as their copy on the CPU, which is what is read. */
function deviceTensor(call: PyCall, r: Reviver): object {
  const [data, dtype, , requiresGrad] = call.args.items
  return r.tensors.cast(tensorOf(call, r, data), dtypeOf(call, r, dtype), requiresGrad === true)
}
