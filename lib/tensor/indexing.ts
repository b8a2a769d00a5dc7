/**
 * Indexing with Python's meaning: `t.index(0, '1:3')` is `t[0, 1:3]`, `t.indexPut_([0, '1:3'], v)` is `t[0, 1:3] = v`. Numbers,
 * slices, `null` and `'...'` give views; tensors, arrays and booleans go to `aten::index`. Follows `applySlicing` and
 * `set_item` of ATen/TensorIndexing.h, PyTorch 2.13.
 *
 * One difference: a nested array is one index, as in later Python versions, where 2.13 still takes `t[[[0, 1], [1, 2]]]` for
 * `t[[0, 1], [1, 2]]` and warns.
 */
import type { OperatorFunctions } from '../../binding.js'
import { native } from '../binding.js'
import { ArgumentError, ShapeError, TorchIndexError } from '../errors.js'
import { tensorFromData } from './from-data.js'
import { handleOf, newTensor, tensorHandle } from './new-tensor.js'
import { describe, Operator, operatorFunction, unknownOption } from './operator.js'
import type { Complex, Scalar } from './scalar.js'
import type { Tensor } from './tensor.js'

type Bound = number | bigint | Tensor | null | undefined

/** Python's `slice` object; made by {@link slice}. */
export class Slice {
  constructor(
    /** First position, counted from the end when negative; `null` for the beginning. */
    readonly start: Bound,
    /** Position behind the last; `null` for the end. */
    readonly stop: Bound,
    /** Distance, at least 1; `null` for 1. */
    readonly step: Bound = null,
  ) {}

  toString(): string {
    const text = (bound: Bound): string => (bound == null ? '' : String(bound))
    return `${text(this.start)}:${text(this.stop)}${this.step == null ? '' : `:${this.step}`}`
  }
}

/**
 * A range of positions, as Python's `slice`: `slice(stop)`, `slice(start, stop)` or `slice(start, stop, step)`. `null` leaves an
 * end open. The same as text is `'start:stop:step'`.
 */
export function slice(stop: Bound): Slice
export function slice(start: Bound, stop: Bound, step?: Bound): Slice
export function slice(...bounds: [Bound, Bound?, Bound?]): Slice {
  return bounds.length === 1 ? new Slice(null, bounds[0]) : new Slice(bounds[0], bounds[1], bounds[2])
}

/** Positions or a mask along one dimension (a nested one: along several), as in `torch.tensor(…)`. */
export type IndexArray = readonly (number | bigint | boolean | IndexArray)[]

/**
 * What stands between the brackets of `t[…]`: a position, `null` (a new dimension), `'...'`, `':'`, `'1:3'`, `'::2'`, a
 * {@link Slice}, a boolean, a boolean or integer tensor, or an array of positions or booleans.
 */
export type IndexItem = number | bigint | boolean | null | string | Slice | Tensor | IndexArray

/** What can be assigned; a number or boolean fills. */
export type IndexValue = Tensor | Scalar

type Kind = 'position' | 'slice' | 'ellipsis' | 'new' | 'boolean' | 'tensor'

/** An item as the algorithm sees it: text parsed, arrays made tensors. */
interface Parsed {
  kind: Kind
  value: any
}

/** Views made so far, and the tensors for `aten::index`, `null` for a dimension that stays. */
interface Sliced {
  view: Tensor
  tensors: (Tensor | null)[]
}

/**
 * `t[...items]`.
 * @throws {@link TorchIndexError} for a position out of range, or more items than dimensions
 * @throws {@link ArgumentError} for an item that is no index
 * @throws {@link ShapeError} for index tensors that cannot be broadcast together
 */
export function index(t: Tensor, items: readonly IndexItem[]): Tensor {
  const parsed = items.map(parseItem)
  const { view, tensors } = applyItems(t, parsed, isPlain(items))
  if (tensors.length === 0) return view === t ? atenAlias(t) : view
  return advanced(atenIndex, view, tensors)
}

/**
 * `t[...items] = value`, in place; with `accumulate`, the value is added, and positions named twice get it twice.
 * @param value - broadcast to the indexed part; dimensions of size 1 on its left may be too many. For index tensors its dtype must
 *   be that of `t`
 * @returns `t`
 */
export function indexPut_(
  t: Tensor,
  items: readonly IndexItem[],
  value: IndexValue,
  options: { accumulate?: boolean } | boolean = {},
): Tensor {
  const accumulate = accumulates(options)
  const source = checkValue(value)
  const parsed = items.map(parseItem)
  if (parsed.length === 1 && parsed[0]!.kind === 'boolean') {
    if (parsed[0]!.value) assign(t.unsqueeze(0), source, accumulate)
    return t
  }
  const { view, tensors } = applyItems(t, parsed, isPlain(items))
  if (tensors.length === 0) {
    assign(view, source, accumulate)
    return t
  }
  const values = native().isTensor(source) ? dropLeadingOnes(source) : filled(t, source)
  advanced(atenIndexPut, view, tensors, values, accumulate)
  return t
}

const atenIndex = operatorFunction('aten::index')
const atenIndexPut = operatorFunction('aten::index_put_')
const atenNewFull = operatorFunction('aten::new_full')
// These two are no methods in Python.
const atenAlias = operatorFunction('aten::alias')
const atenSlice = operatorFunction('aten::slice')

function advanced(operator: typeof atenIndex, t: Tensor, tensors: (Tensor | null)[], ...rest: unknown[]): Tensor {
  let count = tensors.length
  while (tensors[count - 1] === null) count--
  try {
    return operator(t, tensors.slice(0, count), ...rest)
  } catch (error) {
    throw betterError(error)
  }
}

// LibTorch has no kind of its own for these; Python calls the first two IndexError.
function betterError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (/shape of the mask|too many indices|tensors used as indices/.test(error.message)) {
    return new TorchIndexError(error.message, { cause: error })
  }
  if (/shape mismatch/.test(error.message)) return new ShapeError(error.message, { cause: error })
  return error
}

// Python takes it by position, too.
function accumulates(options: { accumulate?: boolean } | boolean): boolean {
  if (typeof options === 'boolean') return options
  for (const name in options) if (name !== 'accumulate') throw unknownOption('indexPut_', name, ['accumulate'])
  return options.accumulate ?? false
}

function checkValue(value: IndexValue): IndexValue {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new ArgumentError('indexPut_: an array cannot be assigned; make it a tensor with torch.tensor(array)')
  }
  const scalar = ['number', 'bigint', 'boolean'].includes(typeof value)
  if (scalar || native().isTensor(value) || typeof (value as Complex | null)?.re === 'number') return value
  throw new ArgumentError(
    `indexPut_: expected the value to be a Tensor, number or boolean, received ${describe(value)}`,
  )
}

function filled(t: Tensor, value: Scalar): Tensor {
  return atenNewFull(t, [], value)
}

function assign(view: Tensor, value: IndexValue, accumulate: boolean): void {
  if (accumulate) {
    // The type of the union is neither signature's.
    view.add_((native().isTensor(value) ? dropLeadingOnes(value) : value) as Scalar)
  } else if (native().isTensor(value) && value.ndim > 0) {
    // `expand` and not the broadcast of `copy_`, for the same errors as in Python.
    const trimmed = dropLeadingOnes(value)
    view.copy_(sameSizes(view, trimmed) ? trimmed : trimmed.expandAs(view))
  } else {
    view.fill_(value as Scalar)
  }
}

function sameSizes(a: Tensor, b: Tensor): boolean {
  const [left, right] = [a.shape, b.shape]
  return left.length === right.length && left.every((size, dim) => size === right[dim])
}

function dropLeadingOnes(t: Tensor): Tensor {
  const { shape } = t
  const first = shape.findIndex((size) => size !== 1)
  if (first === 0 || shape.length === 0) return t
  return t.view(first === -1 ? [] : shape.slice(first))
}

function parseItem(item: IndexItem): Parsed {
  switch (typeof item) {
    case 'number':
      if (Number.isSafeInteger(item)) return { kind: 'position', value: item }
      break
    case 'bigint':
      if (BigInt.asIntN(64, item) !== item) throw new ArgumentError(`index: ${item} does not fit 64 bits`)
      return { kind: 'position', value: item }
    case 'boolean':
      return { kind: 'boolean', value: item }
    case 'string':
      if (item === '...') return { kind: 'ellipsis', value: item }
      return { kind: 'slice', value: parseText(item) }
    case 'object':
      if (item === null) return { kind: 'new', value: item }
      if (item instanceof Slice) return { kind: 'slice', value: item }
      if (native().isTensor(item)) return parseTensor(item)
      if (Array.isArray(item)) return { kind: 'tensor', value: arrayIndex(item) }
  }
  throw new ArgumentError(
    `index: expected an integer, a slice ('1:3'), '...', null, a boolean, a Tensor or an array of integers or booleans, received ${describe(item)}`,
  )
}

// A 0-dim integer tensor is a position and a 0-dim mask a boolean, so that they are views and new dimensions as those are.
function parseTensor(t: Tensor): Parsed {
  const { dtype } = t
  if (t.ndim > 0 || !/^(u?int|bool)/.test(dtype)) return { kind: 'tensor', value: t }
  const value = t.item()
  if (dtype === 'bool' || dtype === 'uint8') return { kind: 'boolean', value: Boolean(value) }
  return { kind: 'position', value }
}

function arrayIndex(items: IndexArray): Tensor {
  if (items.length > 0 && items.every(Number.isSafeInteger)) {
    const positions = BigInt64Array.from(items as number[], BigInt)
    return native().fromBytes(newTensor(), positions, 'int64', [items.length], true)
  }
  const kinds = new Set<string>()
  const whole = (item: IndexArray[number]): unknown => {
    if (Array.isArray(item)) return item.map(whole)
    kinds.add(typeof item)
    const integer =
      typeof item === 'number' ? Number.isSafeInteger(item) : typeof item === 'bigint' || typeof item === 'boolean'
    if (!integer)
      throw new ArgumentError(`index: expected an array of integers or booleans, received ${describe(item)} in it`)
    return item
  }
  const data = items.map(whole) as never
  // Booleans among integers count as 0 and 1.
  return tensorFromData(data, { dtype: kinds.size === 1 && kinds.has('boolean') ? 'bool' : 'int64' })
}

const slices = new Map<string, Slice>()

function parseText(text: string): Slice {
  let parsed = slices.get(text)
  if (parsed) return parsed
  const parts = text.split(':').map((part) => part.trim())
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => /^([+-]?\d+)?$/.test(part))) {
    throw new ArgumentError(
      `index: expected text to be '...', ':', 'start:stop' or 'start:stop:step', received '${text}'`,
    )
  }
  const [start, stop, step] = parts.map((part) => (part === '' ? null : Number(part)))
  parsed = new Slice(start, stop, step)
  // Texts come from programs and are few; a program that makes them up must not fill the memory.
  if (slices.size < 1000) slices.set(text, parsed)
  return parsed
}

/** One position or slice alone has errors of its own in Python, and its slice is never left out. */
function isPlain(items: readonly IndexItem[]): boolean {
  return items.length === 1 && !native().isTensor(items[0])
}

function applyItems(t: Tensor, items: readonly Parsed[], single: boolean): Sliced {
  if (single && items[0]!.kind === 'ellipsis') return { view: t, tensors: [] }
  let rank = -1
  let specified = 0
  // One position or slice needs no count: LibTorch says whether there is a dimension for it.
  if (!single || (items[0]!.kind !== 'position' && items[0]!.kind !== 'slice')) {
    for (const { kind, value } of items) specified += consumed(kind, value)
    rank = native().ndim(t) // and not t.ndim: the receiver may be anything
    if (specified > rank) throw new TorchIndexError(`too many indices for tensor of dimension ${rank}`)
  }

  let view = t
  let dim = 0
  const tensors: (Tensor | null)[] = []
  const skip = (count: number): void => {
    dim += count
    // Before the first tensor nothing is written down: that one fills up to its dimension.
    if (tensors.length > 0) for (let i = 0; i < count; i++) tensors.push(null)
  }
  const record = (tensor: Tensor, width: number): void => {
    if (tensors.length === 0) for (let i = 0; i < dim; i++) tensors.push(null)
    tensors.push(tensor)
    dim += width
  }

  items.forEach(({ kind, value }, place) => {
    switch (kind) {
      case 'position':
        view = select(view, dim, value, place)
        break
      case 'slice':
        view = applySlice(view, dim, value, single)
        skip(1)
        break
      case 'ellipsis':
        skip(rank - specified)
        break
      case 'new':
        view = view.unsqueeze(dim)
        skip(1)
        break
      case 'boolean':
        view = view.unsqueeze(dim)
        record(tensorFromData(value ? [0n] : [], { dtype: 'int64', device: placeOf(t) }), 1)
        break
      case 'tensor':
        record(value, isMask(value) ? value.ndim : 1)
    }
  })
  return { view, tensors }
}

function isMask(t: Tensor): boolean {
  return t.dtype === 'bool' || t.dtype === 'uint8'
}

/** The dimensions that an item uses up. */
function consumed(kind: Kind, value: unknown): number {
  if (kind === 'position' || kind === 'slice') return 1
  if (kind === 'tensor') return isMask(value as Tensor) ? (value as Tensor).ndim : 1
  return 0
}

function placeOf(t: Tensor): string | null {
  return t.device.startsWith('cpu') ? null : t.device
}

const atenSelect = new Operator('aten::select')
let callSelect: OperatorFunctions['positional'] | undefined

/** As {@link Tensor.select} does, whose code all methods share: V8 calls faster from a place that calls one function alone. */
function selected(t: Tensor, dim: number, position: number | bigint): Tensor {
  callSelect ??= atenSelect.functions.positional
  const out = newTensor()
  const self = handleOf(t)
  out[tensorHandle] = callSelect(out, self === undefined ? 0 : 1, self ?? t, dim, position)
  return out
}

/**
 * `t[position]` of a dimension, which errors call `place`. The check costs more than the view, so it is made only after LibTorch
 * has refused, for Python's words.
 */
export function select(t: Tensor, dim: number, position: number | bigint, place: number): Tensor {
  if (typeof position === 'number' && !Number.isSafeInteger(position)) parseItem(position)
  try {
    // Adding 0 makes 0 of -0, which LibTorch would take for a float.
    return selected(t, dim, typeof position === 'number' ? position + 0 : position)
  } catch (error) {
    const { shape } = t
    if (shape.length === 0 && Number(position) === 0) {
      throw new TorchIndexError(
        'invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number',
      )
    }
    const size = shape[dim] ?? 0
    if (position >= size || position < -size) {
      throw new TorchIndexError(`index ${position} is out of bounds for dimension ${place} with size ${size}`)
    }
    throw error
  }
}

function applySlice(t: Tensor, dim: number, { start, stop, step }: Slice, single: boolean): Tensor {
  const by = bound(step, 'step') ?? 1
  if (by === 0) throw new ArgumentError('slice step cannot be zero')
  if (by < 0) throw new ArgumentError('step must be greater than zero')
  const from = bound(start, 'start')
  const to = bound(stop, 'stop')
  // A slice that takes everything adds nothing to the graph, except where it is all there is.
  if (!single && by === 1 && (from ?? 0) === 0 && (to === null || to >= t.size(dim))) return t
  try {
    return atenSlice(t, dim, from, to, by)
  } catch (error) {
    if (t.ndim === 0) throw new TorchIndexError('slice() cannot be applied to a 0-dim tensor.')
    throw error
  }
}

// No dimension is longer than this, so that an end further out means the same.
const furthest = Number.MAX_SAFE_INTEGER

/** An end of a slice, null where it is open. */
function bound(value: Bound, name: string): number | null {
  if (value == null) return null
  let given: unknown = value
  if (typeof given === 'object' && native().isTensor(given) && given.ndim === 0) given = given.item()
  if (typeof given !== 'bigint' && !Number.isInteger(given)) {
    throw new ArgumentError(`slice: expected ${name} to be an integer or null, received ${describe(value)}`)
  }
  // Adding 0 makes 0 of -0, which LibTorch would take for a float.
  return Math.max(-furthest, Math.min(furthest, Number(given))) + 0
}
