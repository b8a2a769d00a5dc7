import { ArgumentError } from '../../errors.js'
import { empty } from '../../generated/functions.js'
import { Module } from '../../nn/index.js'
import { floatText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'

/** `'batch'` drops all or nothing, `'row'` each row of the batch on its own. */
export type StochasticDepthMode = 'batch' | 'row'

/**
 * Sets rows, or all, of a residual branch to zero with probability `p`, and makes the others larger by 1 / (1 − p).
 * Shape: `(N, *)` → the same. The random numbers are those of torchvision (ops/stochastic_depth.py, 0.28).
 * @param training - `false` gives the input itself (default `true`)
 */
export function stochasticDepth(input: Tensor, p: number, mode: StochasticDepthMode, training = true): Tensor {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`drop probability has to be between 0 and 1, but got ${p}`)
  if (mode !== 'batch' && mode !== 'row')
    throw new ArgumentError(`mode has to be either 'batch' or 'row', but got ${mode}`)
  if (!training || p === 0) return input
  const survival = 1 - p
  const size = input.shape.map((length, i) => (i === 0 && mode === 'row' ? length : 1))
  const noise = empty(size, { dtype: input.dtype, device: input.device }).bernoulli_(survival)
  if (survival > 0) noise.div_(survival)
  return input.mul(noise)
}

/** {@link stochasticDepth} as a layer: in training only. */
export class StochasticDepth extends Module {
  p: number
  mode: StochasticDepthMode

  constructor(p: number, mode: StochasticDepthMode) {
    super()
    this.p = p
    this.mode = mode
  }
  override forward(input: Tensor): Tensor {
    return stochasticDepth(input, this.p, this.mode, this.training)
  }
  override extraRepr(): string {
    return `p=${floatText(this.p)}, mode=${this.mode}`
  }
}
