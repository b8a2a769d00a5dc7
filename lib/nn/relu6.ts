import { Hardtanh } from '../generated/nn.js'
import { flag, takeArguments } from './arguments.js'

/** Arguments of {@link ReLU6} by name. */
export interface ReLU6Options {
  /** writes the result into the input (default `false`) */
  inplace?: boolean
}
/**
 * `x`, but at least 0 and at most 6: a {@link Hardtanh} with these bounds.
 * Shape: `(*)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU6.html
 */
export class ReLU6 extends Hardtanh {
  constructor(options?: ReLU6Options)
  constructor(inplace: boolean | undefined, options?: ReLU6Options)
  constructor(...args: unknown[]) {
    const [inplace] = takeArguments('ReLU6', ['inplace'], args)
    super(0, 6, flag('ReLU6', 'inplace', inplace, false))
  }
  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : ''
  }
}
