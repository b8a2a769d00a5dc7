/** Values of images and volumes at the points of a grid. */
import { ArgumentError, DtypeError, ShapeError, TorchError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { listText, sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import { type Call, define, optionalBool, sizes, tensor, text } from './call.js'

const modes = ['bilinear', 'nearest', 'bicubic']
const paddingModes = ['zeros', 'border', 'reflection']
export interface GridSampleOptions {
  /** How values between elements are found (default 'bilinear'). */
  mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What is outside of the image (default 'zeros'). */
  paddingMode?: 'zeros' | 'border' | 'reflection'
  /** -1 and 1 are the centres of the outermost elements, not their edges (default `false`, with a warning). */
  alignCorners?: boolean | null
}

function corners(align: boolean | null): boolean {
  if (align === null) {
    warn(
      'Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.',
    )
  }
  return align ?? false
}

/** Samples `(N, C, H, W)` at the points of `grid` `(N, H', W', 2)`, whose coordinates are within [-1, 1]; volumes, too. */
export const gridSample: Call<
  [input: Tensor, grid: Tensor],
  [
    mode: 'bilinear' | 'nearest' | 'bicubic',
    paddingMode: 'zeros' | 'border' | 'reflection',
    alignCorners: boolean | null,
  ],
  GridSampleOptions,
  { input: Tensor; grid: Tensor }
> = define(
  'gridSample',
  { input: tensor, grid: tensor, mode: text('bilinear'), paddingMode: text('zeros'), alignCorners: optionalBool },
  (input, grid, mode, padding, align) => {
    if (!modes.includes(mode)) {
      throw new ArgumentError(
        `nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '${mode}'`,
      )
    }
    if (!paddingModes.includes(padding)) {
      throw new ArgumentError(
        `nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '${padding}'`,
      )
    }
    return functions.gridSampler(input, grid, modes.indexOf(mode), paddingModes.indexOf(padding), corners(align))
  },
)

/** The grid for {@link gridSample} that affine maps `theta` `(N, 2, 3)` or `(N, 3, 4)` give for results of `size`. */
export const affineGrid: Call<
  [theta: Tensor, size: readonly number[]],
  [alignCorners: boolean | null],
  { alignCorners?: boolean | null },
  { theta: Tensor; size: readonly number[] }
> = define(
  'affineGrid',
  { theta: tensor, size: sizes(), alignCorners: optionalBool },
  (theta: Tensor, size: readonly number[], align) => {
    const aligned = corners(align)
    if (!theta.isFloatingPoint())
      throw new DtypeError(`Expected theta to have floating point type, but got torch.${theta.dtype}`)
    const n = size.length - 2
    if (n !== 2 && n !== 3) {
      throw new TorchError(
        `affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size ${listText(size)}.`,
      )
    }
    if (theta.ndim !== 3 || theta.size(-2) !== n || theta.size(-1) !== n + 1) {
      throw new ShapeError(
        `Expected a batch of ${n}D affine matrices of shape Nx${n}x${n + 1} for size ${listText(size)}. Got ${sizeText(theta.shape)}.`,
      )
    }
    if (aligned && Math.min(...size.slice(-n)) === 1) {
      warn(
        'Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an intended use case of affine_grid. See the documentation of affine_grid for details.',
      )
    } else if (Math.min(...size) <= 0)
      throw new ArgumentError(`Expected non-zero, positive output size. Got ${listText(size)}`)
    return functions.affineGridGenerator(theta, size, aligned)
  },
)
