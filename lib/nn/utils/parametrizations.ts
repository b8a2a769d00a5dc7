/** `torch.nn.utils.parametrizations`. Rules and order of the arithmetic: torch/nn/utils/parametrizations.py, PyTorch 2.13. */
import { ArgumentError, TorchIndexError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { noGrad } from '../../tensor/autograd.js'
import { operatorFunction } from '../../tensor/operator.js'
import { Tensor } from '../../tensor/tensor.js'
import { flag, takeArguments } from '../arguments.js'
import { type Call, numberOr } from '../call.js'
import { Module } from '../module.js'
import { outputDim } from './kinds.js'
import { attributes, needModule } from './members.js'
import { asMatrix, normalized } from './normalize.js'
import { makeOrthogonalWeight, type OrthogonalMap, type OrthogonalOptions } from './orthogonal.js'
import { registerParametrization } from './parametrize.js'

export type { OrthogonalMap, OrthogonalOptions }

const weightOf = operatorFunction('aten::_weight_norm')

class _WeightNorm extends Module {
  constructor(readonly dim: number) {
    super()
  }
  override forward(g: Tensor, v: Tensor): Tensor {
    return weightOf(v, g, this.dim)
  }
  rightInverse(weight: Tensor): [Tensor, Tensor] {
    return [functions.normExceptDim(weight, 2, this.dim), weight]
  }
}

export interface WeightNormOptions {
  /** which parameter (default `'weight'`) */
  name?: string
  /** the dimension whose slices have a length each (default `0`); null: the whole tensor has one */
  dim?: number | null
}

/**
 * Splits a weight into its length (`parametrizations.weight.original0`) and its direction (`original1`), which are learned
 * apart. Returns the module.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.weight_norm.html
 */
export function weightNorm<M extends Module>(
  module: M,
  ...args: Call<[name: string | undefined, dim: number | null | undefined], WeightNormOptions>
): M
export function weightNorm(...args: unknown[]): Module {
  const [module, name = 'weight', dim] = takeArguments('weightNorm', ['module', 'name', 'dim'], args)
  needModule('weightNorm', module)
  const norm = new _WeightNorm(dim === null ? -1 : numberOr('weightNorm', 'dim', dim, 0))
  return registerParametrization(module as Module, name as string, norm, { unsafe: true })
}

class _SpectralNorm extends Module {
  readonly dim: number
  readonly eps: number
  nPowerIterations: number
  declare _u: Tensor
  declare _v: Tensor

  constructor(weight: Tensor, nPowerIterations: number, dim: number, eps: number) {
    super()
    const { ndim } = weight
    if (dim >= ndim || dim < -ndim) {
      throw new TorchIndexError(
        `Dimension out of range (expected to be in range of [-${ndim}, ${ndim - 1}] but got ${dim})`,
      )
    }
    if (nPowerIterations <= 0) {
      throw new ArgumentError(
        `Expected n_power_iterations to be positive, but got n_power_iterations=${nPowerIterations}`,
      )
    }
    this.dim = dim < 0 ? dim + ndim : dim
    this.eps = eps
    this.nPowerIterations = nPowerIterations
    if (ndim > 1) {
      const matrix = asMatrix(weight, this.dim)
      const u = matrix.newEmpty([matrix.size(0)]).normal_(0, 1)
      const v = matrix.newEmpty([matrix.size(1)]).normal_(0, 1)
      this.registerBuffer('_u', normalized(u, eps))
      this.registerBuffer('_v', normalized(v, eps))
      this._iterate(matrix, 15)
    }
  }

  /** The power method: `_u` and `_v` come nearer to the first singular vectors, in place, as replicas share them. */
  /** @internal */
  private _iterate(matrix: Tensor, times: number): void {
    noGrad(() => {
      for (let i = 0; i < times; i++) {
        this._u.copy_(normalized(matrix.mv(this._v), this.eps))
        this._v.copy_(normalized(matrix.H.mv(this._u), this.eps))
      }
    })
  }

  override forward(weight: Tensor): Tensor {
    if (weight.ndim === 1) return normalized(weight, this.eps)
    const matrix = asMatrix(weight, this.dim)
    if (this.training) this._iterate(matrix, this.nPowerIterations)
    // Copies: the next forward changes the vectors, and backward still needs these.
    const u = this._u.clone()
    const v = this._v.clone()
    return weight.div(u.vdot(matrix.mv(v)))
  }
  rightInverse(value: Tensor): Tensor {
    return value
  }
}

export interface SpectralNormOptions {
  /** which parameter (default `'weight'`) */
  name?: string
  /** steps of the power method at each use in training mode, > 0 (default `1`) */
  nPowerIterations?: number
  /** least length that is divided by (default `1e-12`) */
  eps?: number
  /** dimension of the outputs (default: `1` for transposed convolutions, else `0`) */
  dim?: number | null
}

/**
 * Divides a weight by its largest singular value. Returns the module.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.spectral_norm.html
 */
export function spectralNorm<M extends Module>(
  module: M,
  ...args: Call<
    [name: string | undefined, nPowerIterations: number | undefined, eps: number | undefined, dim: number | null],
    SpectralNormOptions
  >
): M
export function spectralNorm(...args: unknown[]): Module {
  const what = 'spectralNorm'
  const [target, name = 'weight', iterations, eps, dim] = takeArguments(
    what,
    ['module', 'name', 'nPowerIterations', 'eps', 'dim'],
    args,
  )
  const module = needModule(what, target)
  const weight = attributes(module)[name as string]
  if (!(weight instanceof Tensor)) {
    throw new ArgumentError(`Module '${module}' has no parameter or buffer with name '${name}'`)
  }
  const norm = new _SpectralNorm(
    weight,
    numberOr(what, 'nPowerIterations', iterations, 1),
    numberOr(what, 'dim', dim ?? undefined, outputDim(module)),
    numberOr(what, 'eps', eps, 1e-12),
  )
  return registerParametrization(module, name as string, norm)
}

/**
 * Makes a matrix, or each of a batch of matrices, orthogonal (unitary for complex ones): its columns are orthonormal, or its
 * rows where there are fewer rows. Returns the module.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.orthogonal.html
 */
export function orthogonal<M extends Module>(
  module: M,
  ...args: Call<[name: string | undefined, orthogonalMap: OrthogonalMap | null | undefined], OrthogonalOptions>
): M
export function orthogonal(...args: unknown[]): Module {
  const [module, name = 'weight', map, trivialization] = takeArguments(
    'orthogonal',
    ['module', 'name', 'orthogonalMap', 'useTrivialization'],
    args,
    3,
  )
  needModule('orthogonal', module)
  const trivial = flag('orthogonal', 'useTrivialization', trivialization, true)
  makeOrthogonalWeight(module as Module, name as string, map, trivial)
  return module as Module
}
