/** Values out of tensors: typed arrays, nested arrays, and flat values for printing. */
import { native } from '../binding.js'
import type { TypedArray } from './from-data.js'
import type { PrintValues } from './print-format.js'
import type { Scalar } from './scalar.js'
import type { Tensor } from './tensor.js'

/** What `tolist()` gives: arrays as deep as the tensor has dimensions, or the value itself for a 0-dim tensor. */
export type Nested = Scalar | Nested[]

const arrayTypes: Record<string, new (bytes: ArrayBuffer) => TypedArray> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  complex32: Uint16Array,
  complex64: Float32Array,
  complex128: Float64Array,
  bits16: Uint16Array,
  qint8: Int8Array,
  qint32: Int32Array,
}

/**
 * The typed array of a dtype over element bytes, without a copy. Half-precision floats are their bits in a Uint16Array, complex
 * numbers are pairs, and types of one byte that JavaScript lacks are a Uint8Array.
 */
export function typedArrayOver(bytes: ArrayBuffer, dtype: string): TypedArray {
  return new (arrayTypes[dtype] ?? Uint8Array)(bytes)
}

/** A copy of the values in row order; the type of array is that of {@link typedArrayOver}. */
export function typedArrayOf(t: Tensor): TypedArray {
  return typedArrayOver(native().bytes(t), t.dtype)
}

/** The values in row order as numbers that JavaScript can compute with; small floats are widened. */
export function readValues(t: Tensor): PrintValues {
  const { dtype } = t
  const plain = t.detach()
  if (dtype.startsWith('complex')) {
    return { kind: 'complex', data: asNumbers(dtype === 'complex32' ? plain.to('complex64') : plain) }
  }
  if (dtype === 'float32' || dtype === 'float64') return { kind: 'float', data: asNumbers(plain) }
  // Two 4-bit floats in a byte have no conversion; Python prints the byte, too.
  if (dtype.startsWith('float4')) return { kind: 'float', data: asNumbers(plain.view('uint8')) }
  if (dtype === 'float8_e8m0fnu') return { kind: 'float', data: asNumbers(plain.to('float32')), zero: 2 ** -127 }
  if (dtype.startsWith('float') || dtype === 'bfloat16') return { kind: 'float', data: asNumbers(plain.to('float32')) }
  return { kind: dtype === 'bool' ? 'bool' : 'int', data: typedArrayOf(plain) }
}

function asNumbers(t: Tensor): ArrayLike<number> {
  return typedArrayOf(t) as ArrayLike<number>
}

/**
 * The values as nested arrays, as Python's `tolist()`: numbers (bigint where an integer is beyond 2^53), booleans, `{re, im}` for
 * complex; the bare value for a 0-dim tensor.
 */
export function toNested(t: Tensor): Nested {
  const { kind, data } = readValues(t)
  const leaf = leafReader(kind, data)
  const shape = t.shape
  let next = 0
  const build = (dim: number): Nested => {
    if (dim === shape.length) return leaf(next++)
    const size = shape[dim]!
    const items: Nested[] = new Array(size)
    if (dim === shape.length - 1) for (let i = 0; i < size; i++) items[i] = leaf(next++)
    else for (let i = 0; i < size; i++) items[i] = build(dim + 1)
    return items
  }
  return build(0)
}

function leafReader(kind: PrintValues['kind'], data: ArrayLike<number | bigint>): (i: number) => Nested {
  if (kind === 'bool') return (i) => data[i] !== 0
  if (kind === 'complex') return (i) => ({ re: data[2 * i] as number, im: data[2 * i + 1] as number })
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return (i) => {
      const value = Number(data[i])
      return Number.isSafeInteger(value) ? value : data[i]!
    }
  }
  return (i) => data[i]!
}
