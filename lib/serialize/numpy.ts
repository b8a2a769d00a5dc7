/** numpy's scalars and arrays, which checkpoints hold where a loss or an accuracy was never turned into a float. */
import { shrink } from './byte-reader.js'
import { bytesOfNode } from './bytes.js'
import type { GlobalRow } from './globals.js'
import { remember } from './memory.js'
import { type Node, PyCall, PyStr, PyTuple } from './nodes.js'
import type { Reviver } from './revive.js'
import { dtypes } from './storages.js'
import { shapeOf } from './tensor-rows.js'

// `core` became `_core` in numpy 2
export const numpyRows: Record<string, GlobalRow> = {
  'numpy.core.multiarray.scalar': { call: numpyScalar },
  'numpy._core.multiarray.scalar': { call: numpyScalar },
  'numpy.core.multiarray._reconstruct': { call: array },
  'numpy._core.multiarray._reconstruct': { call: array },
  'numpy.dtype': { call: dtypeText },
}

const kinds: Record<string, string> = {
  b1: 'bool',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  c8: 'complex64',
  c16: 'complex128',
}

/** `dtype('f8', False, True)` with the state `(3, '<', …)`. */
export function numpyDtype(node: Node | undefined): { name: string; big: boolean } | undefined {
  if (!(node instanceof PyCall) || node.path !== 'numpy.dtype') return undefined
  const [code] = node.args.items
  if (!(code instanceof PyStr) || !Object.hasOwn(kinds, code.text)) return undefined
  const order = node.state instanceof PyTuple ? node.state.items[1] : undefined
  return { name: kinds[code.text]!, big: order instanceof PyStr && order.text === '>' }
}

/** A dtype by itself is numpy's text for it: '<f8' */
function dtypeText(call: PyCall): unknown {
  const [code] = call.args.items
  const order = call.state instanceof PyTuple ? call.state.items[1] : undefined
  return code instanceof PyStr && order instanceof PyStr ? order.text + code.text : undefined
}

function swapped(bytes: Uint8Array, { name, big }: { name: string; big: boolean }): Uint8Array {
  const unit = dtypes.get(name)!.swap
  const copy = new Uint8Array(bytes)
  if (big) for (let i = 0; i + unit <= copy.length; i += unit) copy.subarray(i, i + unit).reverse()
  return copy
}

export function numpyScalar(call: PyCall): unknown {
  const [type, data] = call.args.items
  const dtype = numpyDtype(type)
  const raw = bytesOfNode(data)
  if (dtype === undefined || raw === undefined || raw.length !== dtypes.get(dtype.name)!.size) return undefined
  const bytes = swapped(raw, dtype)
  const view = new DataView(bytes.buffer)
  switch (dtype.name) {
    case 'bool':
      return view.getUint8(0) !== 0
    case 'int8':
      return view.getInt8(0)
    case 'uint8':
      return view.getUint8(0)
    case 'int16':
      return view.getInt16(0, true)
    case 'uint16':
      return view.getUint16(0, true)
    case 'int32':
      return view.getInt32(0, true)
    case 'uint32':
      return view.getUint32(0, true)
    case 'int64':
      return shrink(view.getBigInt64(0, true))
    case 'uint64':
      return shrink(view.getBigUint64(0, true))
    case 'float32':
      return view.getFloat32(0, true)
    case 'float64':
      return view.getFloat64(0, true)
    default:
      return undefined
  }
}

function array(call: PyCall, r: Reviver): unknown {
  if (!(call.state instanceof PyTuple)) return undefined
  const [, size, type, fortran, data] = call.state.items
  const dtype = numpyDtype(type)
  const shape = shapeOf(size)
  const raw = bytesOfNode(data)
  if (dtype === undefined || shape === undefined || raw === undefined) return undefined
  const count = shape.reduce((product, length) => product * length, 1)
  if (count * dtypes.get(dtype.name)!.size !== raw.length) throw r.bad(call, 'sizes do not fit the data of the array')
  // an array in Fortran's order stays inert: its tensor would need other strides than its data has
  if (fortran === true && shape.filter((length) => length > 1).length > 1) return undefined
  const bytes = swapped(raw, dtype)
  const tensor = r.tensors.fromBytes(bytes, dtype.name, shape)
  remember(tensor, { numpy: { node: call, bytes } })
  return tensor
}
