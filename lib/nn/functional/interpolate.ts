/** Images, sequences and volumes in another size. Source: interpolate, upsample, torch/nn/functional.py, PyTorch 2.13. */
import { ArgumentError, ShapeError, TorchError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import { Operator } from '../../tensor/operator.js'
import { listText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { pythonClass } from '../python-type.js'
import { warn } from '../warn.js'
import { any, bool, define, optionalBool, tensor, text, type Unary } from './call.js'

export type InterpolationMode =
  | 'nearest'
  | 'linear'
  | 'bilinear'
  | 'bicubic'
  | 'trilinear'
  | 'lanczos'
  | 'area'
  | 'nearest-exact'
/** A value for each spatial dimension, or one for all. */
type Each = number | readonly number[]
export interface UpsampleOptions {
  /** Size of the result; this or `scaleFactor` is needed. */
  size?: Each | null
  /** Size of the result as a multiple of the input's. */
  scaleFactor?: Each | null
}
export interface InterpolateOptions extends UpsampleOptions {
  /** How values between the given ones are found (default 'nearest'). */
  mode?: InterpolationMode
  /** The outermost elements keep their values: with the modes that interpolate linearly or by cubics (default `false`). */
  alignCorners?: boolean | null
  /** Uses the factor that the whole number of elements stands for, instead of the one given (default `false`). */
  recomputeScaleFactor?: boolean | null
  /** Smooths before it makes smaller: 'bilinear', 'bicubic' and 'lanczos' of images (default `false`). */
  antialias?: boolean
}

type Vec = (input: Tensor, ...rest: unknown[]) => Tensor
/** The overload that takes sizes or factors. */
function vec(name: string): Vec {
  const operator = new Operator(`aten::${name}`, 'vec')
  return (...args) => operator.call(args)
}
/** By mode, and within by the number of spatial dimensions. */
const nearest: Record<string, Vec[]> = {
  nearest: [vec('upsample_nearest1d'), vec('upsample_nearest2d'), vec('upsample_nearest3d')],
  'nearest-exact': [
    vec('_upsample_nearest_exact1d'),
    vec('_upsample_nearest_exact2d'),
    vec('_upsample_nearest_exact3d'),
  ],
}
const smooth: Record<string, Vec> = {
  '1 linear': vec('upsample_linear1d'),
  '2 bilinear': vec('upsample_bilinear2d'),
  '3 trilinear': vec('upsample_trilinear3d'),
  '2 bicubic': vec('upsample_bicubic2d'),
}
const antialiased: Record<string, Vec> = {
  bilinear: vec('_upsample_bilinear2d_aa'),
  bicubic: vec('_upsample_bicubic2d_aa'),
  lanczos: vec('_upsample_lanczos2d_aa'),
}
const area = [functions.adaptiveAvgPool1d, operators.adaptiveAvgPool2d, operators.adaptiveAvgPool3d]
/** Dimensions of the input, batch and channels included, that a mode needs. */
const needs: Record<string, number> = { linear: 3, bilinear: 4, trilinear: 5 }

/** The sizes, or the factors, of each dimension; the other is null. */
function target(
  input: Tensor,
  size: Each | null,
  factor: Each | null,
): [sizes: readonly number[] | null, factors: readonly number[] | null] {
  const spatial = input.shape.slice(2)
  const n = input.ndim - 2
  const each = (value: number) => Array.from({ length: Math.max(n, 0) }, () => value)
  if (size !== null && factor !== null) throw new ArgumentError('only one of size or scale_factor should be defined')
  if (size !== null) {
    if (typeof size === 'number') return [each(size), null]
    if (size.length !== n) {
      throw new ShapeError(
        `Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of ${listText(spatial)} and output size of ${listText(size)}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.`,
      )
    }
    if (!size.every(Number.isInteger)) {
      throw new ArgumentError(
        `expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size with types ${listText(size.map(pythonClass))}`,
      )
    }
    return [size, null]
  }
  if (factor === null) throw new ArgumentError('either size or scale_factor should be defined')
  if (typeof factor === 'number') return [null, each(factor)]
  if (factor.length !== n) {
    throw new ShapeError(
      `Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of ${listText(spatial)} and scale_factor of shape ${listText(factor)}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format.`,
    )
  }
  return [null, factor]
}

function resize(
  input: Tensor,
  size: Each | null,
  factor: Each | null,
  mode: string,
  align: boolean | null,
  recompute: boolean | null,
  antialias: boolean,
): Tensor {
  if (mode === 'nearest' || mode === 'area' || mode === 'nearest-exact') {
    if (align !== null) {
      throw new ArgumentError(
        'align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear',
      )
    }
  } else align ??= false
  const n = input.ndim - 2
  let [sizes, factors] = target(input, size, factor)
  if (recompute && size !== null)
    throw new ArgumentError('recompute_scale_factor is not meaningful with an explicit size.')
  if (factors && (recompute || mode === 'area')) {
    sizes = factors.map((by, i) => Math.trunc(input.shape[i + 2]! * by))
    factors = null
  }
  if (antialias && !(mode in antialiased && input.ndim === 4)) {
    throw new ArgumentError(
      'Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input',
    )
  }
  if (n >= 1 && n <= 3) {
    if (Object.hasOwn(nearest, mode)) return nearest[mode]![n - 1]!(input, sizes, factors)
    if (mode === 'area') return area[n - 1]!(input, sizes!)
    if (antialias && mode !== 'lanczos') return antialiased[mode]!(input, sizes, align, factors)
    const call = smooth[`${n} ${mode}`]
    if (call) return call(input, sizes, align, factors)
    if (n === 2 && mode === 'lanczos') {
      if (align) throw new ArgumentError('Lanczos mode does not support align_corners=True')
      if (!antialias) throw new ArgumentError('Lanczos mode requires antialias=True')
      return antialiased.lanczos!(input, sizes, align, factors)
    }
    if (Object.hasOwn(needs, mode))
      throw new ShapeError(`Got ${input.ndim}D input, but ${mode} mode needs ${needs[mode]}D input`)
  }
  throw new TorchError(
    `Input Error: Only 3D, 4D and 5D input Tensors supported (got ${input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got ${mode})`,
  )
}

const where = { input: tensor, size: any(null), scaleFactor: any(null) }
type Where = [size: Each | null, scaleFactor: Each | null]

/** Makes sequences `(N, C, L)`, images `(N, C, H, W)` or volumes `(N, C, D, H, W)` larger or smaller. */
export const interpolate: Unary<
  [
    ...Where,
    mode: InterpolationMode,
    alignCorners: boolean | null,
    recomputeScaleFactor: boolean | null,
    antialias: boolean,
  ],
  InterpolateOptions
> = define(
  'interpolate',
  {
    ...where,
    mode: text('nearest'),
    alignCorners: optionalBool,
    recomputeScaleFactor: optionalBool,
    antialias: bool(false),
  },
  resize,
)

const old = (python: string) =>
  warn(`\`nn.functional.${python}\` is deprecated. Use \`nn.functional.interpolate\` instead.`)

/** @deprecated {@link interpolate} */
export const upsample: Unary<
  [...Where, mode: InterpolationMode, alignCorners: boolean | null],
  UpsampleOptions & { mode?: InterpolationMode; alignCorners?: boolean | null }
> = define(
  'upsample',
  { ...where, mode: text('nearest'), alignCorners: optionalBool },
  (input, size, factor, mode, align) => {
    old('upsample')
    return resize(input, size, factor, mode, align, null, false)
  },
)
/** @deprecated {@link interpolate} with mode 'nearest' */
export const upsampleNearest: Unary<Where, UpsampleOptions> = define(
  'upsampleNearest',
  where,
  (input, size, factor) => {
    old('upsample_nearest')
    return resize(input, size, factor, 'nearest', null, null, false)
  },
)
/** @deprecated {@link interpolate} with mode 'bilinear' and `alignCorners: true` */
export const upsampleBilinear: Unary<Where, UpsampleOptions> = define(
  'upsampleBilinear',
  where,
  (input, size, factor) => {
    old('upsample_bilinear')
    return resize(input, size, factor, 'bilinear', true, null, false)
  },
)
