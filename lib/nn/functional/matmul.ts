/** Matrix products in groups and with scales, for operands of 8 and 4 bits. */

import type { Dtype } from '../../tensor/dtype.js'
import { operatorFunction } from '../../tensor/operator.js'
import type { Tensor } from '../../tensor/tensor.js'
import { any, bool, type Call, define, optionalTensor, required, tensor } from './call.js'

const grouped = operatorFunction('aten::_grouped_mm')
const scaled = operatorFunction('aten::_scaled_mm_v2')
const scaledGrouped = operatorFunction('aten::_scaled_grouped_mm_v2')

/** How an operand has been scaled. */
export const ScalingType = {
  TensorWise: 0,
  RowWise: 1,
  BlockWise1x16: 2,
  BlockWise1x32: 3,
  BlockWise1x128: 4,
  BlockWise128x128: 5,
} as const
export type ScalingType = (typeof ScalingType)[keyof typeof ScalingType]
/** In which order scales lie in memory. */
export const SwizzleType = { NO_SWIZZLE: 0, SWIZZLE_32_4_4: 1 } as const
export type SwizzleType = (typeof SwizzleType)[keyof typeof SwizzleType]

export interface GroupedMmOptions {
  /** Where groups end along the dimension that they share. */
  offs?: Tensor | null
  bias?: Tensor | null
  outDtype?: Dtype | null
}
/** Products of groups of matrices: batches, or slices of a matrix that end at `offs`. */
export const groupedMm: Call<[matA: Tensor, matB: Tensor], [], GroupedMmOptions, { matA: Tensor; matB: Tensor }> =
  define(
    'groupedMm',
    { matA: tensor, matB: tensor, offs: optionalTensor, bias: optionalTensor, outDtype: any(null) },
    (a, b, offs, bias, outDtype) => grouped(a, b, offs, bias, outDtype),
    2,
  )

type OneOrMore<T> = T | readonly T[]
export interface ScaledMmOptions {
  swizzleA?: OneOrMore<SwizzleType> | null
  swizzleB?: OneOrMore<SwizzleType> | null
  bias?: Tensor | null
  /** dtype of the result (default 'bfloat16'). */
  outputDtype?: Dtype | null
  /** The dimensions that are summed over, where operands are packed. */
  contractionDim?: readonly number[]
  /** Adds up with less precision (default `false`). */
  useFastAccum?: boolean
}
export interface ScaledGroupedMmOptions extends ScaledMmOptions {
  /** Where groups end. */
  offs?: Tensor | null
}
type Scaled<O extends object> = (
  matA: Tensor,
  matB: Tensor,
  scaleA: OneOrMore<Tensor>,
  scaleRecipeA: OneOrMore<ScalingType>,
  scaleB: OneOrMore<Tensor>,
  scaleRecipeB: OneOrMore<ScalingType>,
  options?: O,
) => Tensor
const list = <T>(value: OneOrMore<T> | null): readonly T[] =>
  value === null ? [] : Array.isArray(value) ? value : [value as T]
const operands = {
  matA: tensor,
  matB: tensor,
  scaleA: required,
  scaleRecipeA: required,
  scaleB: required,
  scaleRecipeB: required,
  swizzleA: any(null),
  swizzleB: any(null),
  bias: optionalTensor,
}
const rest = { outputDtype: any('bfloat16'), contractionDim: any([]), useFastAccum: bool(false) }

/** The product of two matrices, each multiplied by its scales. */
export const scaledMm: Scaled<ScaledMmOptions> = define(
  'scaledMm',
  { ...operands, ...rest },
  (a, b, scaleA, recipeA, scaleB, recipeB, swizzleA, swizzleB, bias, dtype, dims, fast) =>
    scaled(
      a,
      b,
      list(scaleA),
      list(recipeA),
      list(swizzleA),
      list(scaleB),
      list(recipeB),
      list(swizzleB),
      bias,
      dtype,
      dims,
      fast,
    ),
)
/** {@link groupedMm} with scales. On CUDA devices only. */
export const scaledGroupedMm: Scaled<ScaledGroupedMmOptions> = define(
  'scaledGroupedMm',
  { ...operands, offs: optionalTensor, ...rest },
  (a, b, scaleA, recipeA, scaleB, recipeB, swizzleA, swizzleB, bias, offs, dtype, dims, fast) =>
    scaledGrouped(
      a,
      b,
      list(scaleA),
      list(recipeA),
      list(swizzleA),
      list(scaleB),
      list(recipeB),
      list(swizzleB),
      offs,
      bias,
      dtype,
      dims,
      fast,
    ),
)
