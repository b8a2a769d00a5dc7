/**
 * Numbers as a Python program meets them: floats, ints, and tensors of one element, whose arithmetic is done in their own
 * dtype. An int is a bigint here, as state dicts keep ints and floats apart.
 */

import { TorchError } from '../errors.js'
import { rsub } from '../generated/functions.js'
import { Tensor } from '../tensor/tensor.js'

export type Real = number | bigint | Tensor

function plain(value: Real): Tensor | number {
  return typeof value === 'bigint' ? Number(value) : value
}

export function toNumber(value: Real): number {
  return Number(value instanceof Tensor ? value.item() : value)
}

export function add(a: Real, b: Real): Real {
  if (a instanceof Tensor) return a.add(plain(b))
  if (b instanceof Tensor) return b.add(plain(a))
  return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b)
}

export function sub(a: Real, b: Real): Real {
  if (a instanceof Tensor) return a.sub(plain(b))
  if (b instanceof Tensor) return rsub(b, plain(a))
  return typeof a === 'bigint' && typeof b === 'bigint' ? a - b : Number(a) - Number(b)
}

export function mul(a: Real, b: Real): Real {
  if (a instanceof Tensor) return a.mul(plain(b))
  if (b instanceof Tensor) return b.mul(plain(a))
  return typeof a === 'bigint' && typeof b === 'bigint' ? a * b : Number(a) * Number(b)
}

export function div(a: Real, b: Real): Real {
  if (a instanceof Tensor) return a.div(plain(b))
  if (b instanceof Tensor) return b.reciprocal().mul(plain(a))
  if (Number(b) === 0) throw new TorchError('float division by zero')
  return Number(a) / Number(b)
}

export function abs(a: Real): Real {
  if (a instanceof Tensor) return a.abs()
  return typeof a === 'bigint' ? (a < 0n ? -a : a) : Math.abs(a)
}

/** `a < b`; false for NaN. */
export function less(a: Real, b: Real): boolean {
  if (a instanceof Tensor) return Boolean(a.lt(plain(b)).item())
  if (b instanceof Tensor) return Boolean(b.gt(plain(a)).item())
  return Number(a) < Number(b)
}

/** `a <= b`; false for NaN. */
export function atMost(a: Real, b: Real): boolean {
  if (a instanceof Tensor) return Boolean(a.le(plain(b)).item())
  if (b instanceof Tensor) return Boolean(b.ge(plain(a)).item())
  return Number(a) <= Number(b)
}

/** The first of the two unless the second is smaller, as Python's `min`. */
export function min(a: Real, b: Real): Real {
  return less(b, a) ? b : a
}

export function max(a: Real, b: Real): Real {
  return less(a, b) ? b : a
}
