/** Numbers that Python's torch names, and the limits of dtypes. */
import { DtypeError } from '../errors.js'
import type { Dtype } from './dtype.js'
import { getDefaultDtype } from './settings.js'

export const e: number = Math.E
export const pi: number = Math.PI
export const inf: number = Infinity
export const nan: number = NaN
/** A new axis of size 1 in `t.index(…)`. */
export const newaxis = null

/** Limits of a floating dtype, as `torch.finfo` gives them. */
export interface Finfo {
  bits: number
  /** the step from 1 to the next number */
  eps: number
  max: number
  min: number
  tiny: number
  /** the smallest positive number of full precision */
  smallestNormal: number
  /** 10 to the minus number of decimal digits that survive */
  resolution: number
  dtype: Dtype
}

/** bits, bits of the fraction, exponents of the largest and the smallest normal number */
const formats: Record<string, [bits: number, fraction: number, largest: number, smallest: number]> = {
  float16: [16, 10, 15, -14],
  bfloat16: [16, 7, 127, -126],
  float32: [32, 23, 127, -126],
  float64: [64, 52, 1023, -1022],
  float8_e4m3fn: [8, 3, 8, -6],
  float8_e5m2: [8, 2, 15, -14],
  float8_e4m3fnuz: [8, 3, 7, -7],
  float8_e5m2fnuz: [8, 2, 15, -15],
  float8_e8m0fnu: [8, 0, 127, -127],
}
/** Where the numbers of the format do not follow from its bits, or PyTorch says otherwise. */
const exceptions: Record<string, Partial<Finfo>> = {
  // the largest fraction is that of NaN
  float8_e4m3fn: { max: 448, min: -448 },
  // as PyTorch 2.13 has it; the step from 1 is 0.25
  float8_e5m2fnuz: { eps: 0.125 },
  // has no sign
  float8_e8m0fnu: { min: 2 ** -127 },
}
const realOf: Record<string, Dtype> = { complex32: 'float16', complex64: 'float32', complex128: 'float64' }

/** Limits of a floating dtype; of its parts for a complex one. Default: the default dtype. */
export function finfo(dtype: Dtype = getDefaultDtype()): Finfo {
  const real = realOf[dtype] ?? dtype
  const format = formats[real]
  if (!format)
    throw new DtypeError(
      `torch.finfo() requires a floating point input type, received ${dtype}. Use torch.iinfo for integers`,
    )
  const [bits, fraction, largest, smallest] = format
  const eps = 2 ** -fraction
  const max = (2 - eps) * 2 ** largest
  const normal = 2 ** smallest
  const resolution = Number(`1e-${Math.floor(fraction * Math.log10(2))}`)
  return {
    bits,
    eps,
    max,
    min: -max,
    tiny: normal,
    smallestNormal: normal,
    resolution,
    dtype: real,
    ...exceptions[real],
  }
}

/** Limits of an integer dtype, as `torch.iinfo` gives them; bigints for 64 bits. */
export interface Iinfo {
  bits: number
  max: number | bigint
  min: number | bigint
  dtype: Dtype
}

/** Limits of an integer dtype. */
export function iinfo(dtype: Dtype): Iinfo {
  const kind = /^(u?)int(8|16|32|64)$/.exec(dtype)
  if (!kind)
    throw new DtypeError(`torch.iinfo() requires an integer input type, received ${dtype}. Use torch.finfo for floats`)
  const bits = Number(kind[2])
  const max = 2n ** BigInt(kind[1] ? bits : bits - 1) - 1n
  const min = kind[1] ? 0n : -max - 1n
  return bits === 64 ? { bits, max, min, dtype } : { bits, max: Number(max), min: Number(min), dtype }
}
