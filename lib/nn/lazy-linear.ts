import { ArgumentError, TorchIndexError } from '../errors.js'
import { Linear, type LinearOptions } from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { UninitializedParameter } from '../tensor/uninitialized.js'
import { flag, takeArguments } from './arguments.js'
import {
  becomesAtForward,
  factoryOf,
  hasUninitialized,
  initializeFrom,
  type LazyArguments,
  type LazyLayer,
} from './lazy-module.js'

/** Arguments of {@link LazyLinear} by name. */
export type LazyLinearOptions = Omit<LinearOptions, 'inFeatures'>

/**
 * A {@link Linear} that takes `inFeatures` from its first input, and is a Linear from then on. Source:
 * torch/nn/modules/linear.py, LazyLinear, PyTorch 2.13 (cf30153c).
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyLinear.html
 */
export class LazyLinear extends Linear implements LazyLayer {
  /** Takes `(outFeatures, bias = true, device, dtype)`, or these by name. */
  constructor(
    ...args: LazyArguments<
      [outFeatures: number],
      [bias: boolean, device: Device | null, dtype: Dtype | null],
      LazyLinearOptions,
      'outFeatures'
    >
  ) {
    const [outFeatures, bias, device, dtype] = takeArguments(
      'LazyLinear',
      ['outFeatures', 'bias', 'device', 'dtype'],
      args,
    ) as [number, boolean | undefined, Device | null, Dtype | null]
    if (outFeatures === undefined) throw new ArgumentError('LazyLinear: outFeatures is required')
    const biased = flag('LazyLinear', 'bias', bias, true)
    // What is made here is replaced at once; on 'meta' it draws no random numbers.
    super(1, 1, { bias: false, device: 'meta' })
    this.inFeatures = 0
    this.outFeatures = outFeatures
    this.weight = new UninitializedParameter(true, device, dtype)
    if (biased) this.bias = new UninitializedParameter(true, device, dtype)
    becomesAtForward(this, Linear)
  }

  hasUninitializedParams(): boolean {
    return hasUninitialized(this)
  }

  initializeParameters(input: Tensor): void {
    const width = input.shape.at(-1)
    if (width === undefined) throw new TorchIndexError('tuple index out of range')
    if (this.hasUninitializedParams()) {
      this.inFeatures = width
      const bias = (this.bias as unknown) !== null
      initializeFrom(this, new Linear(width, this.outFeatures, { bias, ...factoryOf(this.weight) }))
    }
    if (this.inFeatures !== 0) return
    const found = this.weight.shape.at(-1)
    if (width !== found) {
      throw new ArgumentError(
        `The in_features inferred from input: ${width} is not equal to in_features from self.weight: ${found}`,
      )
    }
    this.inFeatures = width
  }
}
