/** Tensors from JavaScript values: what `torch.tensor(data)` accepts. */
import { native } from '../binding.js'
import { ArgumentError, DtypeError, nearest, ShapeError } from '../errors.js'
import * as dtypes from './dtype.js'
import { type Device, type Dtype, isDtype } from './dtype.js'
import { newTensor } from './new-tensor.js'
import { unknownOption } from './operator.js'
import type { Complex, Scalar } from './scalar.js'
import type { Tensor } from './tensor.js'

export { type Nested, toNested, typedArrayOf, typedArrayOver } from './to-data.js'

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigUint64Array

/** One value, a typed array, a tensor to copy, or arrays of values and typed arrays of one shape. */
export type TensorData = Scalar | TypedArray | Tensor | readonly TensorData[]

export interface TensorOptions {
  /** Default: that of a typed array or tensor; else booleans give bool, bigints int64, numbers the default dtype. */
  dtype?: Dtype | null
  device?: Device | null
  requiresGrad?: boolean
}

// By name: Float16Array is not in every Node, and an array may come from another realm.
const dtypeOfArray: Record<string, Dtype> = {
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Int16Array: 'int16',
  Int32Array: 'int32',
  BigInt64Array: 'int64',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Uint16Array: 'uint16',
  Uint32Array: 'uint32',
  BigUint64Array: 'uint64',
}

/**
 * A new tensor with a copy of `data`.
 *
 * Whole numbers are numbers: `[1, 2]` has the default dtype (float32), `[1n, 2n]` is int64. Numbers and bigints together need
 * a `dtype`. Numbers for an integer dtype are cut towards zero, and must be in its range.
 * @param data - see {@link TensorData}
 * @throws {@link ShapeError} for arrays of unequal lengths, with the path of the first
 * @throws {@link DtypeError} where the values do not fit the dtype
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.tensor.html
 */
export function tensorFromData(data: TensorData, options: TensorOptions = {}): Tensor {
  checkOptions(options)
  const wanted = options.dtype == null ? undefined : dtypeOf(options.dtype)
  let t = native().isTensor(data) ? data.detach().clone() : fromValues(data as Exclude<TensorData, Tensor>, wanted)
  if (wanted !== undefined && t.dtype !== wanted) t = t.to(wanted)
  if (options.device != null) t = t.to(options.device)
  if (options.requiresGrad) t.requiresGrad = true
  return t
}

function checkOptions(options: TensorOptions): void {
  const known = ['dtype', 'device', 'requiresGrad']
  for (const name in options) if (!known.includes(name)) throw unknownOption('tensor', name, known)
}

// The short names ('long', 'half') are constants beside the proper ones.
function dtypeOf(name: string): Dtype {
  const dtype = isDtype(name) ? name : (dtypes as Record<string, unknown>)[name]
  if (isDtype(dtype)) return dtype
  const near = nearest(String(name), Object.values(dtypes).filter(isDtype) as string[])
  throw new ArgumentError(`tensor: unknown dtype '${name}'${near ? `; did you mean '${near}'?` : ''}`)
}

// Kinds of leaves, as bits: an array may hold several.
const numbers = 1
const bigints = 2
const booleans = 4
const complexes = 8

interface Survey {
  shape: number[]
  kinds: number
  /** The dtype of the typed arrays inside, '' without any or with several. */
  arrays: Dtype | ''
  count: number
}

/** The tensor of `dtype`, or of the nearest one that can be filled from here; the caller casts. */
function fromValues(data: Exclude<TensorData, Tensor>, dtype: Dtype | undefined): Tensor {
  if (isTypedArray(data)) return fromArray(data, arrayDtype(data), [data.length])
  const survey = look(data)
  const target = dtype ?? inferDtype(survey)
  if (survey.kinds & complexes && !target.startsWith('complex')) {
    throw new DtypeError(`tensor: complex numbers do not fit dtype '${target}'`)
  }
  const { array, storedAs } = storageFor(target, survey)
  fillArray(data, survey, array, storedAs === 'complex128' ? undefined : converter(target, array))
  const t = fromArray(array, storedAs, survey.shape)
  return storedAs === target ? t : t.to(target)
}

function fromArray(view: TypedArray, dtype: Dtype, shape: number[]): Tensor {
  return native().fromBytes(newTensor(), view, dtype, shape, true)
}

function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
}

function arrayDtype(view: TypedArray): Dtype {
  return dtypeOfArray[Object.prototype.toString.call(view).slice(8, -1)]!
}

function inferDtype({ kinds, arrays }: Survey): Dtype {
  if (arrays) return arrays
  const usual = native().getDefaultDtype() as Dtype
  if (kinds & complexes) return usual === 'float64' ? 'complex128' : usual === 'float16' ? 'complex32' : 'complex64'
  if (kinds & numbers && kinds & bigints) {
    throw new DtypeError('tensor: data mixes numbers and bigints; give a dtype, or use one kind')
  }
  if (kinds & bigints) return 'int64'
  return kinds === booleans ? 'bool' : usual
}

/** Sizes and kinds of nested data; every array is checked against the first of its depth. */
function look(data: TensorData): Survey {
  const shape: number[] = []
  for (let at: unknown = data; Array.isArray(at) || isTypedArray(at); at = at[0]) {
    shape.push(at.length)
    // also where an array contains itself
    if (shape.length > 64) throw new ShapeError('tensor: data has more than 64 dimensions')
    if (at.length === 0 || isTypedArray(at)) break
  }
  const survey: Survey = { shape, kinds: 0, arrays: '', count: shape.reduce((product, size) => product * size, 1) }
  const dtypes = new Set<Dtype | ''>()
  const path: number[] = []

  const visit = (node: unknown): void => {
    const depth = path.length
    if (depth === shape.length) {
      survey.kinds |= kindOf(node, path)
      return
    }
    checkLength(node, shape[depth]!, path)
    const last = depth === shape.length - 1
    if (isTypedArray(node)) {
      if (!last) throw new ShapeError(`${place(path)}: expected an array of arrays, received ${describe(node)}`)
      const dtype = arrayDtype(node)
      dtypes.add(dtype)
      survey.kinds |= dtype.endsWith('64') && dtype !== 'float64' ? bigints : numbers
      return
    }
    const items = node as unknown[]
    if (last) dtypes.add('')
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      // The common leaves are told apart here, for the sake of large arrays.
      if (last && typeof item === 'number') {
        survey.kinds |= numbers
        continue
      }
      path.push(i)
      visit(item)
      path.pop()
    }
  }

  visit(data)
  if (dtypes.size === 1) survey.arrays = [...dtypes][0]!
  return survey
}

function checkLength(node: unknown, expected: number, path: number[]): void {
  if (!Array.isArray(node) && !isTypedArray(node)) {
    throw new ShapeError(`${place(path)}: expected an array of ${elements(expected)}, received ${describe(node)}`)
  }
  if (node.length !== expected) {
    throw new ShapeError(`${place(path)}: expected ${elements(expected)}, received ${node.length}`)
  }
}

function kindOf(value: unknown, path: number[]): number {
  switch (typeof value) {
    case 'number':
      return numbers
    case 'bigint':
      return bigints
    case 'boolean':
      return booleans
    case 'object':
      if (value !== null && typeof (value as Complex).re === 'number' && typeof (value as Complex).im === 'number') {
        return complexes
      }
  }
  if (Array.isArray(value) || isTypedArray(value)) {
    throw new ShapeError(`${place(path)}: expected a number, received ${describe(value)}`)
  }
  if (native().isTensor(value)) {
    throw new ArgumentError(
      `${place(path)}: tensors in an array are not joined here; use torch.stack(tensors), or item() for their values`,
    )
  }
  const advice = value instanceof ArrayBuffer || value instanceof DataView ? '; see torch.frombuffer' : ''
  throw new ArgumentError(
    `${place(path)}: expected a number, bigint, boolean or {re, im}, received ${describe(value)}${advice}`,
  )
}

function place(path: number[]): string {
  return `tensor: data${path.map((i) => `[${i}]`).join('')}`
}

function elements(count: number): string {
  return count === 1 ? '1 element' : `${count} elements`
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${elements(value.length)}`
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'plain object'}`
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}

/** The array to fill, and the dtype that its bytes are; those that JavaScript has no array for are cast afterwards. */
function storageFor(dtype: Dtype, { kinds, count }: Survey): { array: TypedArray; storedAs: Dtype } {
  switch (dtype) {
    case 'float32':
      return { array: new Float32Array(count), storedAs: dtype }
    case 'int8':
      return { array: new Int8Array(count), storedAs: dtype }
    case 'int16':
      return { array: new Int16Array(count), storedAs: dtype }
    case 'int32':
      return { array: new Int32Array(count), storedAs: dtype }
    case 'uint8':
    case 'bool':
      return { array: new Uint8Array(count), storedAs: dtype }
    case 'uint16':
      return { array: new Uint16Array(count), storedAs: dtype }
    case 'uint32':
      return { array: new Uint32Array(count), storedAs: dtype }
    case 'uint64':
      return { array: new BigUint64Array(count), storedAs: dtype }
    case 'int64':
      // A double holds every number exactly and is faster to fill, but costs a cast.
      if (kinds & bigints || count < 1000) return { array: new BigInt64Array(count), storedAs: dtype }
  }
  if (kinds & complexes) return { array: new Float64Array(2 * count), storedAs: 'complex128' }
  return { array: new Float64Array(count), storedAs: 'float64' }
}

// Smallest and largest value; unsigned types also take -max to -1 and wrap, as they do in Python.
const integerRanges: Record<string, [bigint, bigint]> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}

type Convert = (value: number | bigint | boolean) => number | bigint

function converter(dtype: string, array: TypedArray): Convert {
  // NaN is true, as in Python.
  if (dtype === 'bool') return (value) => (Number(value) === 0 ? 0 : 1)
  const range = integerRanges[dtype]
  if (!range) return Number
  const [least, most] = range
  const wraps = least === 0n && dtype !== 'uint64'
  const wide = array instanceof BigInt64Array || array instanceof BigUint64Array
  // As a number, 2^64 - 1 is 2^64, so that the upper limit itself is out.
  const top = Number(most + 1n)
  const bottom = Number(least)
  return (value) => {
    const fits =
      typeof value === 'bigint'
        ? value <= most && value >= (wraps ? -most : least)
        : typeof value === 'boolean' || (Number.isInteger(value) ? inRange(value) : value > bottom && value <= top - 1)
    if (!fits) throw new DtypeError(`tensor: ${String(value)} does not fit dtype '${dtype}'`)
    if (wide) return typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)))
    return Number(value)
  }
  function inRange(value: number): boolean {
    return value < top && value >= (wraps ? 1 - top : bottom)
  }
}

/** Writes the leaves in row order; without `convert`, as complex pairs. */
function fillArray(data: unknown, { shape, kinds }: Survey, array: TypedArray, convert: Convert | undefined): void {
  const out = array as unknown as (number | bigint)[]
  const plain = convert === Number && kinds === numbers
  let next = 0

  const put = (value: Scalar): void => {
    if (convert) {
      out[next++] = convert(value as number | bigint | boolean)
      return
    }
    const { re, im } = typeof value === 'object' ? value : { re: Number(value), im: 0 }
    out[next++] = re
    out[next++] = im
  }

  const visit = (node: unknown, depth: number): void => {
    if (depth === shape.length) {
      put(node as Scalar)
      return
    }
    const items = node as ArrayLike<unknown>
    if (depth < shape.length - 1) for (let i = 0; i < items.length; i++) visit(items[i], depth + 1)
    else if (plain) for (let i = 0; i < items.length; i++) out[next++] = items[i] as number
    else for (let i = 0; i < items.length; i++) put(items[i] as Scalar)
  }
  visit(data, 0)
}
