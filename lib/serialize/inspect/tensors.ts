/** Tensors as a pickle describes them, one row for each function that would rebuild one. None is made, no data is read. */
import { type Node, PyCall, PyDict, PyGlobal, PyPersistent, PyStr, PyTuple } from '../nodes.js'
import { numpyDtype } from '../numpy.js'
import { dtypes } from '../storages.js'
import { shapeOf } from '../tensor-rows.js'
import type { Outliner } from './outline.js'
import { plainOutline } from './plain.js'
import type { StorageFacts } from './storages.js'
import type { TensorOutline } from './types.js'

type Row = (call: PyCall, outliner: Outliner) => TensorOutline | undefined

const rows: Record<string, Row> = {
  'torch._utils._rebuild_tensor': (call) => strided(call.args.items),
  'torch._utils._rebuild_tensor_v2': (call) => strided(call.args.items),
  'torch._utils._rebuild_tensor_v3': (call) => strided(call.args.items, call.args.items[6]),
  'torch._utils._rebuild_parameter': parameter,
  'torch._utils._rebuild_parameter_with_state': parameter,
  'torch.nn.parameter.Parameter': parameter,
  'torch.autograd.variable.Variable': variable,
  'torch.nn.parameter.UninitializedParameter': (call) => uninitialized('UninitializedParameter', call),
  'torch.nn.parameter.UninitializedBuffer': (call) => uninitialized('UninitializedBuffer', call),
  'torch._tensor._rebuild_from_type_v2': fromType,
  'torch.tensor._rebuild_from_type_v2': fromType,
  'torch._tensor._rebuild_from_type': fromType,
  'torch.tensor._rebuild_from_type': fromType,
  'torch._utils._rebuild_meta_tensor_no_storage': ({ args: { items } }) =>
    withGrad({ ...described(dtypeOf(items[0]), shapeOf(items[1])), device: 'meta' }, items[3]),
  'torch._utils._rebuild_sparse_tensor': sparse,
  'torch._utils._rebuild_qtensor': quantized,
  'torch._utils._rebuild_nested_tensor': nested,
  'torch._utils._rebuild_device_tensor_from_numpy': (call, outliner) => fromDevice(call, outliner),
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': (call, outliner) => fromDevice(call, outliner),
  'torch._utils._rebuild_xla_tensor': (call, outliner) => fromDevice(call, outliner),
  'torch._utils._rebuild_wrapper_subclass': wrapper,
  'numpy.core.multiarray._reconstruct': array,
  'numpy._core.multiarray._reconstruct': array,
  'numpy.core.numeric._frombuffer': (call) => arrayOf(call.args.items[2], call.args.items[1]),
  'numpy._core.numeric._frombuffer': (call) => arrayOf(call.args.items[2], call.args.items[1]),
}

/** The classes of tensors before 0.4, whose state is what the function of today takes. */
const oldTensor = /^torch\.(cuda\.)?(Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Tensor$/

/** What a call that makes a tensor says of it; undefined for other calls. */
export function tensorOutline(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const row = Object.hasOwn(rows, call.path) ? rows[call.path] : undefined
  if (row) return row(call, outliner)
  if (oldTensor.test(call.path) && call.state instanceof PyTuple) return strided(call.state.items)
  return undefined
}

/** A tensor of which dtype and sizes are known; its path comes later. */
function described(dtype: string | undefined, shape: number[] | undefined): TensorOutline {
  const bytes = dtype === undefined || shape === undefined ? 0 : elements(shape) * (dtypes.get(dtype)?.size ?? 1)
  const tensor: TensorOutline = { type: 'tensor', class: 'Tensor', path: '', dtype: dtype ?? '?', device: 'cpu', bytes }
  if (shape !== undefined) tensor.shape = shape
  if (!Number.isSafeInteger(bytes)) return { ...tensor, bytes: 0, problem: 'its size is beyond all memory' }
  return tensor
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function withGrad(tensor: TensorOutline, requiresGrad: Node | undefined): TensorOutline {
  return requiresGrad === true ? { ...tensor, requiresGrad } : tensor
}

function dtypeOf(node: Node | undefined): string | undefined {
  return node instanceof PyGlobal && node.module === 'torch' ? node.name : undefined
}

/** `(storage, offset, sizes, strides, requires_grad, …)` */
function strided(items: Node[], dtypeNode?: Node): TensorOutline | undefined {
  const [persistent, offset, size, stride, requiresGrad] = items
  if (!(persistent instanceof PyPersistent)) return undefined
  const storage = persistent.target as StorageFacts
  const shape = shapeOf(size)
  const strides = shapeOf(stride)
  const tensor = described(dtypeNode === undefined ? storage.dtype : dtypeOf(dtypeNode), shape)
  const out = withGrad({ ...tensor, device: storage.location, storage: storage.key }, requiresGrad)
  if (out.problem === undefined) {
    const problem = storage.problem ?? viewProblem(storage, out.dtype, offset, shape, strides)
    if (problem !== undefined) out.problem = problem
  }
  if (out.bytes !== storage.nbytes) out.storageBytes = storage.nbytes
  return out
}

/** What is wrong with a tensor over a storage; undefined where all its elements lie inside. */
function viewProblem(
  storage: StorageFacts,
  dtype: string,
  offset: Node | undefined,
  shape: number[] | undefined,
  strides: number[] | undefined,
): string | undefined {
  if (shape === undefined || strides === undefined || shape.length !== strides.length) {
    return 'its sizes and strides do not fit together'
  }
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return 'its storage offset is wrong'
  const available = Math.floor(storage.nbytes / (dtypes.get(dtype)?.size ?? 1))
  const empty = shape.includes(0)
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset)
  if (offset > available || (!empty && !(last < available))) {
    return `it reaches beyond its storage of ${available} elements`
  }
  return undefined
}

/** The tensor that another one is made of. */
function inner(node: Node | undefined, outliner: Outliner): TensorOutline | undefined {
  return node instanceof PyCall ? outliner.within('', () => tensorOutline(node, outliner)) : undefined
}

function parameter(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const { items } = call.args
  if (items.length < 2 && call.state instanceof PyTuple) return variable(call, outliner, 'Parameter')
  const [data, requiresGrad, , attributes] = items
  const tensor = inner(data, outliner)
  if (tensor === undefined) return undefined
  const out: TensorOutline = withGrad({ ...tensor, class: 'Parameter' }, requiresGrad)
  if (attributes !== undefined) attach(out, attributes, outliner)
  return out
}

/** In files of PyTorch before 0.4 the state has what follows the data, or with it: `(data, requires_grad, …)`. */
function variable(call: PyCall, outliner: Outliner, name = 'Tensor'): TensorOutline | undefined {
  const state = call.state instanceof PyTuple ? call.state.items : []
  const [data, ...rest] = [...call.args.items, ...state]
  const tensor = inner(data, outliner)
  return tensor && withGrad({ ...tensor, class: name }, rest.find((item) => typeof item === 'boolean') ?? null)
}

function attach(tensor: TensorOutline, state: Node, outliner: Outliner): void {
  if (!(state instanceof PyDict) || state.keys.length === 0) return
  tensor.attributes = outliner.attributes(state)
}

function uninitialized(name: string, call: PyCall): TensorOutline {
  const [requiresGrad, device, dtype] = call.args.items
  const where = device instanceof PyCall ? plainOutline(device)?.text : undefined
  const tensor = described(dtypeOf(dtype), undefined)
  return withGrad({ ...tensor, class: name, ...(where !== undefined && { device: where }) }, requiresGrad)
}

function fromType(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const [rebuild, type, args, state] = call.args.items
  if (!(rebuild instanceof PyGlobal && type instanceof PyGlobal && args instanceof PyTuple)) return undefined
  const tensor = inner(new PyCall('reduce', rebuild, args, undefined, call.offset), outliner)
  if (tensor === undefined) return undefined
  const isBuffer =
    state instanceof PyDict && state.keys.some((key) => key instanceof PyStr && key.text === '_is_buffer')
  const name = isBuffer ? 'Buffer' : type.path === 'torch.Tensor' ? 'Tensor' : type.path
  const out: TensorOutline = { ...tensor, class: name }
  if (!isBuffer && state !== undefined) attach(out, state, outliner)
  return out
}

function sparse(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const [layoutNode, parts] = call.args.items
  const layout = layoutNode instanceof PyCall ? plainOutline(layoutNode)?.text : undefined
  if (layout === undefined || !(parts instanceof PyTuple)) return undefined
  const coo = layout === 'torch.sparse_coo'
  const held = parts.items.slice(0, coo ? 2 : 3).map((part) => inner(part, outliner))
  const values = held.at(-1)
  if (held.includes(undefined) || values === undefined) return undefined
  const out = described(values.dtype, shapeOf(parts.items[coo ? 2 : 3]))
  for (const part of held) outliner.note(part!)
  const problem = held.find((part) => part!.problem !== undefined)?.problem
  return {
    ...out,
    device: values.device,
    layout: layout.slice('torch.'.length),
    bytes: held.reduce((sum, part) => sum + part!.bytes, 0),
    ...(problem !== undefined && { problem }),
  }
}

function quantized(call: PyCall): TensorOutline | undefined {
  const tensor = strided(call.args.items)
  const params = call.args.items[4]
  if (tensor === undefined || !(params instanceof PyTuple)) return undefined
  const scheme = params.items[0] instanceof PyGlobal ? params.items[0].name : '?'
  const texts = params.items.slice(1).flatMap((item) => plainOutline(item)?.text ?? [])
  const { requiresGrad: _, ...rest } = tensor
  return { ...rest, quantizer: scheme === 'per_tensor_affine' ? `${scheme}(${texts.join(', ')})` : scheme }
}

function nested(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const values = inner(call.args.items[0], outliner)
  if (values === undefined) return undefined
  const { shape: _, ...rest } = values
  return { ...rest, layout: 'nested' }
}

/** Tensors of devices without storages: saved as a copy on the CPU, or as an array of numpy. */
function fromDevice(call: PyCall, outliner: Outliner): TensorOutline | undefined {
  const [data, dtype, device, requiresGrad] = call.args.items
  const tensor = inner(data, outliner)
  if (tensor === undefined) return undefined
  const where = device instanceof PyStr ? device.text : tensor.device
  return withGrad({ ...tensor, class: 'Tensor', dtype: dtypeOf(dtype) ?? tensor.dtype, device: where }, requiresGrad)
}

/** `(class, dtype, sizes, strides, offset, layout, device, requires_grad)`: the class itself holds what it wraps. */
function wrapper(call: PyCall): TensorOutline {
  const [type, dtype, size, , , , device, requiresGrad] = call.args.items
  const where = device instanceof PyCall ? plainOutline(device)?.text : undefined
  const tensor = { ...described(dtypeOf(dtype), shapeOf(size)), bytes: 0 }
  if (type instanceof PyGlobal) tensor.class = type.path
  return withGrad({ ...tensor, ...(where !== undefined && { device: where }) }, requiresGrad)
}

/** An array of numpy, whose data is in the pickle itself. */
function array(call: PyCall): TensorOutline | undefined {
  if (!(call.state instanceof PyTuple)) return undefined
  return arrayOf(call.state.items[1], call.state.items[2])
}

function arrayOf(size: Node | undefined, type: Node | undefined): TensorOutline | undefined {
  const shape = shapeOf(size)
  if (shape === undefined) return undefined
  const known = numpyDtype(type)
  const code = type instanceof PyCall && type.args.items[0] instanceof PyStr ? type.args.items[0].text : '?'
  return { ...described(known?.name ?? code, shape), class: 'numpy.ndarray' }
}
