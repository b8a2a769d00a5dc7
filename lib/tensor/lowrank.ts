/** Decompositions that Python has in front of operators (torch/_lowrank.py and torch/functional.py, PyTorch 2.13). */

import { ArgumentError } from '../errors.js'
import { matmul, randn } from '../generated/functions.js'
import { linalg } from '../generated/namespaces.js'
import { bind } from './bind.js'
import type { Dtype } from './dtype.js'
import { operatorFunction } from './operator.js'
import type { Tensor } from './tensor.js'

const luWithInfo = operatorFunction('aten::_lu_with_info')

type LuOptions = { pivot: boolean; getInfos: boolean }
/** The LU factorization, pivots, and with `getInfos` also codes of failure; prefer `linalg.luFactor`. */
export function lu(input: Tensor, ...args: [pivot?: boolean, getInfos?: boolean] | [Partial<LuOptions>]): Tensor[] {
  const { pivot = true, getInfos = false } = bind<LuOptions>('lu', ['pivot', 'getInfos'], args)
  const [factors, pivots, infos] = luWithInfo(input, pivot, !getInfos) as [Tensor, Tensor, Tensor]
  return getInfos ? [factors, pivots, infos] : [factors, pivots]
}

/** Integers count as float32. */
const floatingDtype = (dtype: Dtype): Dtype => (['float16', 'float32', 'float64'].includes(dtype) ? dtype : 'float32')

/** An orthonormal basis that nearly spans the range of `A - M` (Halko, Martinsson and Tropp, 2009, algorithm 4.4). */
function approximateBasis(A: Tensor, q: number, niter: number, M: Tensor | null): Tensor {
  const dtype = A.isComplex() ? A.dtype : floatingDtype(A.dtype)
  const times = (matrix: Tensor, mean: Tensor | null, X: Tensor) => {
    const product = matmul(matrix, X)
    return mean ? product.sub(matmul(mean, X)) : product
  }
  let Q = linalg.qr(times(A, M, randn(A.shape.at(-1)!, q, { dtype, device: A.device }))).Q // (*, m, q)
  for (let i = 0; i < niter; i++) {
    Q = linalg.qr(times(A.mH, M?.mH ?? null, Q)).Q
    Q = linalg.qr(times(A, M, Q)).Q
  }
  return Q
}

type Svd = [Tensor, Tensor, Tensor]
type SvdOptions = { q: number | null; niter: number | null; M: Tensor | null }
/** A singular value decomposition of rank `q` (default 6) of a matrix near that rank: `A - M ≈ U diag(S) Vᴴ`. Draws random numbers. */
export function svdLowrank(
  A: Tensor,
  ...args: [q?: number | null, niter?: number | null, M?: Tensor | null] | [Partial<SvdOptions>]
): Svd {
  const { q, niter, M = null } = bind<SvdOptions>('svdLowrank', ['q', 'niter', 'M'], args)
  const [m, n] = A.shape.slice(-2) as [number, number]
  const wide = m < n
  const mean = M ? M.broadcastTo(A.shape) : null
  const tall = wide ? A.mH : A
  const tallMean = wide ? (mean?.mH ?? null) : mean
  const Q = approximateBasis(tall, q ?? 6, niter ?? 2, tallMean)
  const product = matmul(Q.mH, tall)
  const B = tallMean ? product.sub(matmul(Q.mH, tallMean)) : product
  const [inner, S, Vh] = linalg.svd(B, { fullMatrices: false })
  const U = Q.matmul(inner)
  return wide ? [Vh.mH, S, U] : [U, S, Vh.mH]
}

type PcaOptions = { q: number | null; center: boolean; niter: number }
/** Principal components of a dense matrix: {@link svdLowrank} of its rows less their mean; `q` is `min(6, m, n)` unless given. */
export function pcaLowrank(
  A: Tensor,
  ...args: [q?: number | null, center?: boolean, niter?: number] | [Partial<PcaOptions>]
): Svd {
  const { q: asked = null, center = true, niter = 2 } = bind<PcaOptions>('pcaLowrank', ['q', 'center', 'niter'], args)
  const [m, n] = A.shape.slice(-2) as [number, number]
  const q = asked ?? Math.min(6, m, n)
  if (!(q >= 0 && q <= Math.min(m, n))) {
    throw new ArgumentError(`q(=${q}) must be non-negative integer and not greater than min(m, n)=${Math.min(m, n)}`)
  }
  if (!(niter >= 0)) throw new ArgumentError(`niter(=${niter}) must be non-negative integer`)
  if (!center) return svdLowrank(A, q, niter)
  if (A.isSparse)
    throw new ArgumentError(
      'pcaLowrank() does not center sparse matrices; pass {center: false}, or svdLowrank() a mean M',
    )
  return svdLowrank(A.sub(A.mean(-2, { keepdim: true })), q, niter)
}
