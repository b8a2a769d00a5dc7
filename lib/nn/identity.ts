import { Identity as Base } from '../generated/nn.js'

/**
 * Gives back its input. Any arguments are taken and forgotten, so that it can stand in for another layer.
 * Shape: `(*)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.Identity.html
 */
export class Identity extends Base {
  constructor(..._args: unknown[]) {
    super()
  }
}
