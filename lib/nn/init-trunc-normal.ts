/** The truncated normal distribution. Rules and order of draws: torch/nn/init.py, `_no_grad_trunc_normal_`, PyTorch 2.13. */
import { ArgumentError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { noGrad } from '../tensor/autograd.js'
import { tensor as tensorOf } from '../tensor/creation.js'
import type { Generator } from '../tensor/generator.js'
import type { Tensor } from '../tensor/tensor.js'

type Draw = { generator: Generator } | Record<string, never>

/** Share of the standard normal distribution below `x`. */
function below(x: number): number {
  const erf = tensorOf(x / Math.sqrt(2), { dtype: 'float64' })
    .erf()
    .item() as number
  return (1 + erf) / 2
}

/** @internal */
export function truncatedNormal<T extends Tensor>(
  tensor: T,
  mean: number,
  std: number,
  a: number,
  b: number,
  draw: Draw,
): T {
  if (tensor.isMeta) return tensor
  if (mean < a - 2 * std || mean > b + 2 * std) {
    process.emitWarning(
      'mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.',
      'UserWarning',
    )
  }
  if (std === 0) throw new ArgumentError('float division by zero')
  return noGrad(() => {
    const share = below((b - mean) / std) - below((a - mean) / std)
    if (share > 0.3) redrawNormal(tensor, mean, std, a, b, draw)
    else acceptUniform(tensor, mean, std, a, b, draw)
    return tensor
  })
}

/** Draws normal numbers until all are inside; the bounds are rounded to the dtype first. */
function redrawNormal(tensor: Tensor, mean: number, std: number, a: number, b: number, draw: Draw): void {
  const { dtype } = tensor
  const bound = (value: number): number => tensorOf(value, { dtype }).item() as number
  const low = bound(a)
  const high = bound(b)
  let result: Tensor = tensor.normal_(mean, std, draw)
  for (;;) {
    const outside = result.lt(low).logicalOr(result.gt(high))
    if (outside.any().item() === false) break
    result = functions.where(outside, functions.emptyLike(result).normal_(mean, std, draw), result)
  }
  if (result !== tensor) tensor.copy_(result)
}

/** Little of the distribution is inside: draws uniform candidates and accepts them with the density as probability. */
function acceptUniform(tensor: Tensor, mean: number, std: number, a: number, b: number, draw: Draw): void {
  const peak = -0.5 * ((Math.max(a, Math.min(mean, b)) - mean) / std) ** 2
  const candidates = functions.emptyLike(tensor)
  const chances = functions.emptyLike(tensor)
  const density = (): Tensor => candidates.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
  const refused = (): Tensor => chances.uniform_(0, 1, draw).log_().gt(candidates)
  tensor.uniform_(a, b, draw)
  candidates.copy_(tensor)
  density()
  let pending = refused()
  if (pending.any().item() === false) return
  let result: Tensor = tensor
  do {
    candidates.uniform_(a, b, draw)
    result = functions.where(pending, candidates, result)
    density()
    pending = functions.where(pending, refused(), pending)
  } while (pending.any().item() === true)
  tensor.copy_(result)
}
