/** Orthogonal and unitary weights. Rules and order of the arithmetic: `_Orthogonal` of torch/nn/utils/parametrizations.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { linalg } from '../../generated/namespaces.js'
import { noGrad } from '../../tensor/autograd.js'
import { finfo } from '../../tensor/limits.js'
import { sizeText } from '../../tensor/python-text.js'
import { Tensor } from '../../tensor/tensor.js'
import { Module } from '../module.js'
import { attributes } from './members.js'
import { NotImplementedError, registerParametrization } from './parametrize.js'

/** How an orthogonal matrix is made of any matrix. */
export type OrthogonalMap = 'matrix_exp' | 'cayley' | 'householder'
const maps = ['matrix_exp', 'cayley', 'householder']

function isOrthogonal(q: Tensor): boolean {
  const [n, k] = [q.size(-2), q.size(-1)]
  const identity = functions.eye(k, { dtype: q.dtype, device: q.device })
  const atol = 10 * n * finfo(q.dtype).eps
  return functions.allclose(q.mH.matmul(q), identity, { atol })
}

/** The factor Q of a tall matrix whose R has a diagonal that is real and not negative. */
function makeOrthogonal(a: Tensor): Tensor {
  const [x, tau] = functions.geqrf(a)
  const q = linalg.householderProduct(x, tau)
  return q.mul_(x.diagonal({ dim1: -2, dim2: -1 }).sgn().unsqueeze(-2))
}

export class _Orthogonal extends Module {
  readonly shape: number[]
  readonly orthogonalMap: OrthogonalMap
  readonly useTrivialization: boolean
  declare base: Tensor | null

  constructor(weight: Tensor, orthogonalMap: OrthogonalMap, useTrivialization: boolean) {
    super()
    if (weight.isComplex() && orthogonalMap === 'householder') {
      throw new ArgumentError('The householder parametrization does not support complex tensors.')
    }
    this.shape = weight.shape
    this.orthogonalMap = orthogonalMap
    this.useTrivialization = useTrivialization
    if (useTrivialization) this.registerBuffer('base', null)
  }

  override forward(x: Tensor): Tensor {
    const transposed = x.size(-2) < x.size(-1)
    if (transposed) x = x.mT
    const [n, k] = [x.size(-2), x.size(-1)]
    let q = this.orthogonalMap === 'householder' ? this._householder(x) : this._ofSkew(x, n, k)
    if (this.useTrivialization) q = this.base!.matmul(q)
    return transposed ? q.mT : q
  }
  /** @internal */
  private _ofSkew(x: Tensor, n: number, k: number): Tensor {
    x = x.tril()
    if (n !== k) {
      const zeros = x.newZeros([n, n - k]).expand([...x.shape.slice(0, -2), -1, -1])
      x = functions.cat([x, zeros], -1)
    }
    const a = x.sub(x.mH)
    let q: Tensor
    if (this.orthogonalMap === 'matrix_exp') q = functions.matrixExp(a)
    else {
      const identity = functions.eye(n, { dtype: a.dtype, device: a.device })
      q = linalg.solve(identity.add(a, { alpha: -0.5 }), identity.add(a, { alpha: 0.5 }))
    }
    return n === k ? q : q.narrow(-1, 0, k)
  }
  /** @internal */
  private _householder(x: Tensor): Tensor {
    const a = x.tril(-1)
    const tau = a.mul(a).sum([-2]).add(1).reciprocal().mul(2)
    const q = linalg.householderProduct(a, tau)
    // The diagonal holds 1 and -1; as integers they get no gradient.
    return q.mul(x.diagonal({ dim1: -2, dim2: -1 }).int().unsqueeze(-2))
  }

  rightInverse(q: Tensor): Tensor {
    if (String(q.shape) !== String(this.shape)) {
      throw new ArgumentError(
        `Expected a matrix or batch of matrices of shape torch.Size([${this.shape.join(', ')}]). Got a tensor of shape ${sizeText(q)}.`,
      )
    }
    return noGrad(() => {
      const transposed = q.size(-2) < q.size(-1)
      const tall = transposed ? q.mT : q
      if (!this.useTrivialization) return this._reflectors(tall, transposed)
      this.base = completed(tall)
      // Minus the identity, as the diagonal is that of the Householder form: it gives `base` itself.
      const start = functions.zerosLike(q)
      start.diagonal({ dim1: -2, dim2: -1 }).fill_(-1)
      return start
    })
  }
  /** @internal */
  private _reflectors(q: Tensor, transposed: boolean): Tensor {
    if (this.orthogonalMap !== 'householder') {
      throw new NotImplementedError(
        'It is not possible to assign to the matrix exponential or the Cayley parametrizations when use_trivialization=False.',
      )
    }
    const [a, tau] = functions.geqrf(q)
    const diagonal = a.diagonal({ dim1: -2, dim2: -1 })
    diagonal.sign_()
    // LAPACK returns exactly zero where it uses no reflection.
    const unused = tau.eq(0)
    diagonal.indexPut_([unused], diagonal.index(unused).mul(-1))
    return transposed ? a.mT : a
  }
}

/** A tall matrix as a square orthogonal one that begins with it. */
function completed(q: Tensor): Tensor {
  const [n, k] = [q.size(-2), q.size(-1)]
  if (n === k) return isOrthogonal(q) ? q.clone() : makeOrthogonal(q)
  const more = functions.randn([...q.shape.slice(0, -2), n, n - k], { dtype: q.dtype, device: q.device })
  return makeOrthogonal(functions.cat([q, more], -1))
}

export interface OrthogonalOptions {
  /** which parameter (default `'weight'`) */
  name?: string
  /** default: `'matrix_exp'` for a square or complex matrix, else `'householder'` */
  orthogonalMap?: OrthogonalMap | null
  /** whether a further matrix is kept, under `base`, from which the map starts: it learns better (default `true`) */
  useTrivialization?: boolean
}

/** @internal */
export function makeOrthogonalWeight(
  module: Module,
  name: string,
  orthogonalMap: unknown,
  useTrivialization: boolean,
): void {
  const weight = attributes(module)[name]
  if (!(weight instanceof Tensor)) {
    throw new ArgumentError(`Module '${module}' has no parameter or buffer with name '${name}'`)
  }
  if (weight.ndim < 2) {
    throw new ArgumentError(`Expected a matrix or batch of matrices. Got a tensor of ${weight.ndim} dimensions.`)
  }
  const square = weight.size(-2) === weight.size(-1) || weight.isComplex()
  const map = orthogonalMap ?? (square ? 'matrix_exp' : 'householder')
  if (!maps.includes(map as string)) {
    throw new ArgumentError(`orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: ${map}`)
  }
  const orthogonal = new _Orthogonal(weight, map as OrthogonalMap, useTrivialization)
  registerParametrization(module, name, orthogonal, { unsafe: true })
}
