import { takeArguments } from '../../nn/arguments.js'
import { Dropout, Linear, type Module, ReLU, Sequential } from '../../nn/index.js'
import { type ActivationFactory, make, type NormFactory } from './factory.js'

/** Arguments of {@link MLP} by name. */
export interface MLPOptions {
  /** after each linear layer but the last (default: none) */
  normLayer?: NormFactory | null
  /** (default {@link ReLU}) */
  activationLayer?: ActivationFactory
  /** whether activations and dropouts write into their inputs; null leaves it to them (default) */
  inplace?: boolean | null
  /** whether the linear layers have a shift (default `true`) */
  bias?: boolean
  /** probability of dropping after each layer, in [0, 1] (default `0`) */
  dropout?: number
}
const names = ['inChannels', 'hiddenChannels', 'normLayer', 'activationLayer', 'inplace', 'bias', 'dropout']

/**
 * Linear layers with a norm layer, an activation and a dropout after each but the last, which has a dropout alone.
 * Shape: `(*, inChannels)` → `(*, last of hiddenChannels)`.
 * Rules: torchvision/ops/misc.py, torchvision 0.28.
 */
export class MLP extends Sequential {
  /** @param hiddenChannels - outputs of the layers */
  constructor(inChannels: number, hiddenChannels: readonly number[], options?: MLPOptions)
  constructor(...args: unknown[]) {
    const values = takeArguments('MLP', names, args)
    const [inChannels, hidden, norm = null, activation = ReLU, inplace = null, bias = true, dropout = 0] = values as [
      ...[number, readonly number[], (NormFactory | null)?],
      ...[ActivationFactory?, (boolean | null)?, boolean?, number?],
    ]
    const drop = (): Module => (inplace === null ? new Dropout(dropout) : new Dropout(dropout, inplace))
    const layers: Module[] = []
    let inputs = inChannels
    for (const [i, outputs] of hidden.entries()) {
      layers.push(new Linear(inputs, outputs, { bias }))
      if (i < hidden.length - 1) {
        if (norm !== null) layers.push(make(norm, outputs))
        layers.push(inplace === null ? make(activation) : make(activation, { inplace }))
      }
      layers.push(drop())
      inputs = outputs
    }
    super(...layers)
  }
}
