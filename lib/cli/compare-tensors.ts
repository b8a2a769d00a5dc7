/** Compares two tensors bit for bit, some millions of elements at a time. */
import { tensor as makeTensor, scope, type Tensor } from '../index.js'
import { isLazy } from '../tensor/uninitialized.js'

export interface TensorDifference {
  /** elements whose bits differ, of so many; where dtypes differ, those whose values do */
  differing?: number
  elements?: number
  /** the largest absolute difference of two elements; a text where it is no finite number */
  largest?: number | 'nan' | 'inf'
}

type Found = TensorDifference & { kind: 'shape' | 'dtype' | 'values' }

/** Elements that are compared at a time. */
const chunk = 1 << 22

/** What differs; undefined for equal tensors. Devices, classes and `requires_grad` do not count. */
export function compareTensors(a: Tensor, b: Tensor): Found | undefined {
  if (isLazy(a) || isLazy(b)) {
    return isLazy(a) && isLazy(b) ? undefined : { kind: 'shape' }
  }
  const sameShape = a.shape.length === b.shape.length && a.shape.every((size, i) => size === b.shape[i])
  if (!sameShape) return { kind: 'shape' }
  if (a.layout !== b.layout || isQuantized(a) !== isQuantized(b)) return { kind: 'dtype' }
  if (a.device === 'meta' || b.device === 'meta') {
    return a.dtype === b.dtype ? undefined : { kind: 'dtype' }
  }
  const parts = partsOf(a)
  const others = partsOf(b)
  const total: Found & { differing: number } = { kind: a.dtype === b.dtype ? 'values' : 'dtype', differing: 0 }
  for (const [i, part] of parts.entries()) {
    const other = others[i]!
    if (part.numel() !== other.numel()) return { kind: 'values' }
    const found = scope(() => dense(part, other))
    total.differing += found.differing
    if (found.largest !== undefined) total.largest = larger(total.largest, found.largest)
  }
  if (total.kind === 'values' && total.differing === 0) return undefined
  return { ...total, elements: parts.reduce((sum, part) => sum + part.numel(), 0) }
}

/** `float32 [3, 4]` */
export function describeTensor(tensor: Tensor): string {
  if (isLazy(tensor)) return `${tensor.dtype}, not initialized`
  const layout = tensor.layout === 'strided' ? '' : ` ${tensor.layout}`
  return `${tensor.dtype} [${tensor.shape.join(', ')}]${layout}`
}

function isQuantized({ dtype }: Tensor): boolean {
  return /^qu?int/.test(dtype)
}

/** `c10::QScheme`: `kPerTensorAffine` and `kPerTensorSymmetric` */
const perTensor = new Set([0, 2])

/** The dense tensors that a tensor consists of. */
function partsOf(tensor: Tensor): Tensor[] {
  const plain = tensor.detach()
  if (isQuantized(plain)) {
    if (perTensor.has(Number(plain.qscheme()))) {
      return [plain.intRepr(), makeTensor([plain.qScale(), plain.qZeroPoint()], { dtype: 'float64' })]
    }
    return [plain.intRepr(), plain.qPerChannelScales(), plain.qPerChannelZeroPoints()]
  }
  switch (String(plain.layout)) {
    case 'strided':
      return [plain]
    case 'sparse_coo': {
      const ordered = plain.coalesce()
      return [ordered.values(), ordered.indices()]
    }
    case 'sparse_csr':
    case 'sparse_bsr':
      return [plain.values(), plain.crowIndices(), plain.colIndices()]
    case 'sparse_csc':
    case 'sparse_bsc':
      return [plain.values(), plain.ccolIndices(), plain.rowIndices()]
    default:
      return plain.unbind()
  }
}

function dense(a: Tensor, b: Tensor): { differing: number; largest?: Found['largest'] } {
  const [left, right] = [flat(a), flat(b)]
  const size = left.numel()
  let differing = 0
  let largest: Found['largest']
  for (let at = 0; at < size; at += chunk) {
    const length = Math.min(chunk, size - at)
    scope(() => {
      const [x, y] = [left.narrow(0, at, length), right.narrow(0, at, length)]
      const mask = x.dtype === y.dtype ? otherBits(x, y) : otherValues(x, y)
      const count = Number(mask.sum().item())
      if (count === 0) return
      differing += count
      largest = larger(largest, distance(x, y, mask))
    })
  }
  return largest === undefined ? { differing } : { differing, largest }
}

function flat(tensor: Tensor): Tensor {
  return tensor.resolveConj().resolveNeg().contiguous().reshape([-1])
}

/** Which elements have other bits. */
function otherBits(x: Tensor, y: Tensor): Tensor {
  const rows = [x.numel(), x.itemsize]
  return x.view('uint8').reshape(rows).ne(y.view('uint8').reshape(rows)).any(1)
}

/** Which elements of two dtypes have other values; two NaNs have the same. */
function otherValues(x: Tensor, y: Tensor): Tensor {
  const [left, right] = [exact(x), exact(y)]
  return left.ne(right).logicalAnd(left.isnan().logicalAnd(right.isnan()).logicalNot())
}

function exact(tensor: Tensor): Tensor {
  return tensor.to(tensor.dtype.startsWith('complex') ? 'complex128' : 'float64')
}

function distance(x: Tensor, y: Tensor, mask: Tensor): number | 'nan' | 'inf' {
  const [left, right] = [exact(x).maskedSelect(mask), exact(y).maskedSelect(mask)]
  const bothNaN = left.isnan().logicalAnd(right.isnan())
  const value = Number(left.sub(right).abs().maskedFill(bothNaN, 0).max().item())
  return Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? value : 'inf'
}

function larger(a: Found['largest'], b: NonNullable<Found['largest']>): NonNullable<Found['largest']> {
  if (a === undefined || b === 'nan') return b
  if (a === 'nan' || a === 'inf' || b === 'inf') return a === 'nan' ? a : 'inf'
  return Math.max(a, b)
}
