/** numpy's scalars and arrays, which checkpoints hold where a loss or an accuracy was never turned into a float. */
import { shrink } from './byte-reader.js'
import { bytesOf, bytesOfNode } from './bytes.js'
import type { GlobalRow } from './globals.js'
import { remember } from './memory.js'
import { type Node, PyBytes, PyCall, PyStr, PyTuple } from './nodes.js'
import type { Reviver } from './revive.js'
import { dtypes } from './storages.js'
import { shapeOf } from './tensor-rows.js'

// `core` became `_core` in numpy 2
export const numpyRows: Record<string, GlobalRow> = {
  'numpy.core.multiarray.scalar': { call: numpyScalar },
  'numpy._core.multiarray.scalar': { call: numpyScalar },
  'numpy.core.multiarray._reconstruct': { call: array },
  'numpy._core.multiarray._reconstruct': { call: array },
  // how protocol 5 has arrays
  'numpy.core.numeric._frombuffer': { call: fromBuffer },
  'numpy._core.numeric._frombuffer': { call: fromBuffer },
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

/** A dtype by itself is numpy's text for it: '<f8'. One with fields or with a unit of time says more, and stays what it is. */
function dtypeText(call: PyCall): unknown {
  const [code] = call.args.items
  const state = call.state instanceof PyTuple ? call.state.items : []
  const order = state[1]
  if (state.length > 8 || state.slice(2, 5).some((part) => part !== null)) return undefined
  return code instanceof PyStr && order instanceof PyStr ? order.text + code.text : undefined
}

function swapped(bytes: Uint8Array, { name, big }: { name: string; big: boolean }): Uint8Array {
  const unit = dtypes.get(name)!.swap
  const copy = new Uint8Array(bytes)
  if (big) for (let i = 0; i + unit <= copy.length; i += unit) copy.subarray(i, i + unit).reverse()
  return copy
}

export function numpyScalar(call: PyCall): unknown {
  const [type] = call.args.items
  const raw = bytesOfNode(asBytes(call.args, 1))
  const dtype = numpyDtype(type)
  if (raw === undefined) return undefined
  if (dtype === undefined) return text(type, raw)
  if (raw.length !== dtypes.get(dtype.name)!.size) return undefined
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
    case 'float16':
      return half(view.getUint16(0, true))
    case 'float32':
      return view.getFloat32(0, true)
    case 'float64':
      return view.getFloat64(0, true)
    default:
      return undefined
  }
}

/** Python 2 has bytes as strings; where they happen to be text they were read as such. They are written again as bytes. */
function asBytes(tuple: PyTuple, index: number): Node | undefined {
  const node = tuple.items[index]
  if (!(node instanceof PyStr)) return node
  return (tuple.items[index] = new PyBytes(new Uint8Array(Buffer.from(node.text, 'utf8')), false))
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = (bits & 1023) / 1024
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15))
}

/** A scalar of dtype 'U': four bytes for each character, filled up with zeros. */
function text(type: Node | undefined, bytes: Uint8Array): string | undefined {
  const name = type instanceof PyCall && type.path === 'numpy.dtype' ? dtypeText(type) : undefined
  const order = typeof name === 'string' ? /^([<>])U\d+$/.exec(name)?.[1] : undefined
  if (order === undefined || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let out = ''
  for (let at = 0; at < bytes.length; at += 4) {
    const code = view.getUint32(at, order === '<')
    if (code > 0x10ffff) return undefined
    out += String.fromCodePoint(code)
  }
  return out.replace(/\0+$/, '')
}

function array(call: PyCall, r: Reviver): unknown {
  if (!(call.state instanceof PyTuple)) return undefined
  const data = asBytes(call.state, 4)
  const [, size, type, fortran] = call.state.items
  const shape = shapeOf(size)
  return shape && arrayOf(call, r, { shape, type, raw: bytesOfNode(data), ...(fortran === true && { axes: reversed }) })
}

/** `_frombuffer(buffer, dtype, shape, order, axis_order)` */
function fromBuffer(call: PyCall, r: Reviver): unknown {
  const [data, type, size, order, axes] = call.args.items
  const shape = shapeOf(size)
  if (shape === undefined || !(order instanceof PyStr)) return undefined
  const parts = { shape, type, raw: bufferOf(data) }
  if (order.text === 'C') return arrayOf(call, r, parts)
  if (order.text === 'F') return arrayOf(call, r, { ...parts, axes: reversed })
  const permuted = order.text === 'K' ? shapeOf(axes) : undefined
  if (permuted === undefined || !isPermutation(permuted, shape.length)) return undefined
  return arrayOf(call, r, { ...parts, shape: permuted.map((axis) => shape[axis]!), axes: () => permuted })
}

function isPermutation(axes: number[], length: number): boolean {
  return axes.length === length && [...axes].sort((a, b) => a - b).every((axis, i) => axis === i)
}

function bufferOf(node: Node | undefined): Uint8Array | undefined {
  if (!(node instanceof PyCall) || node.path !== 'builtins.bytearray') return bytesOfNode(node)
  return bytesOf(node, true) as Uint8Array | undefined
}

interface ArrayParts {
  shape: number[]
  type: Node | undefined
  raw: Uint8Array | undefined
  /** the place in the data's own order, outermost first, that each axis has; in C's order where there is none */
  axes?: (dims: number) => number[]
}

/** Fortran's order has the first index innermost. */
const reversed = (dims: number): number[] => Array.from({ length: dims }, (_, i) => dims - 1 - i)

/** A tensor with the array's values, in C order and the machine's byte order. */
function arrayOf(call: PyCall, r: Reviver, { shape, type, raw, axes }: ArrayParts): unknown {
  const dtype = numpyDtype(type)
  if (dtype === undefined || raw === undefined) return undefined
  const count = shape.reduce((product, length) => product * length, 1)
  const unit = dtypes.get(dtype.name)!.size
  if (count * unit !== raw.length) throw r.bad(call, 'sizes do not fit the data of the array')
  const native = swapped(raw, dtype)
  const bytes = axes ? turned(native, shape, axes(shape.length), unit) : native
  const tensor = r.tensors.fromBytes(bytes, dtype.name, shape)
  remember(tensor, { numpy: { node: call, bytes } })
  return tensor
}

/** Elements in C's order of those whose own order has the axes at other places. */
function turned(bytes: Uint8Array, shape: number[], axes: number[], unit: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  const index = new Array<number>(shape.length).fill(0)
  const steps = new Array<number>(shape.length).fill(0)
  let step = unit
  for (let place = shape.length - 1; place >= 0; place--) {
    const axis = axes.indexOf(place)
    steps[axis] = step
    step *= shape[axis]!
  }
  let from = 0
  for (let to = 0; to < out.length; to += unit) {
    for (let i = 0; i < unit; i++) out[to + i] = bytes[from + i]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= steps[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return out
}
