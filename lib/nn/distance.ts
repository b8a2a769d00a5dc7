import { PairwiseDistance as Base } from '../generated/nn.js'

/**
 * The p-norm of the difference of vectors that lie along the last dimension.
 * Shape: `(N, D)` or `(D)` twice → `(N)` or `()`; with `keepdim` `(N, 1)` or `(1)`.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.PairwiseDistance.html
 */
export class PairwiseDistance extends Base {
  /** The option `p` under the name that it has on PyTorch's layer. */
  get norm(): number {
    return this.p
  }
  set norm(value: number) {
    this.p = value
  }
}
