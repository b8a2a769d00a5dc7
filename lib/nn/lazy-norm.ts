/** Normalisation that takes `numFeatures` from its first input. Source: torch/nn/modules/batchnorm.py, _LazyNormBase, PyTorch 2.13 (cf30153c). */
import { TorchIndexError } from '../errors.js'
import * as layers from '../generated/nn.js'
import { noGrad } from '../tensor/autograd.js'
import { tensor } from '../tensor/creation.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { Buffer, type Parameter } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import { UninitializedBuffer, UninitializedParameter } from '../tensor/uninitialized.js'
import { flag, takeArguments } from './arguments.js'
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './instance-norm.js'
import type { Layer } from './layer.js'
import {
  becomesAtForward,
  factoryOf,
  hasUninitialized,
  initializeFrom,
  type LayerClass,
  type LazyArguments,
  type LazyClass,
  type LazyLayer,
} from './lazy-module.js'

interface AnyNorm extends Layer {
  numFeatures: number
  affine: boolean
  trackRunningStats: boolean
  weight: Parameter | null
  bias: Parameter | null
  running_mean: Buffer | null
  running_var: Buffer | null
  num_batches_tracked: Buffer | null
}

const names = ['eps', 'momentum', 'affine', 'trackRunningStats', 'device', 'dtype', 'bias']

/** A class that becomes `Base`. */
function lazyNorm<T extends Layer>(name: string, Base: LayerClass<T>): LazyClass<T> {
  const Norm = Base as unknown as LayerClass<AnyNorm>
  class LazyNorm extends Norm implements LazyLayer {
    constructor(...args: any[]) {
      const values = takeArguments(name, names, args, names.length - 1)
      const [eps, momentum, affine, track, device, dtype, bias] = values
      const scaled = flag(name, 'affine', affine, true)
      const tracked = flag(name, 'trackRunningStats', track, true)
      const shifted = flag(name, 'bias', bias, true)
      super(0, { eps, momentum, affine: false, trackRunningStats: false, bias: false })
      const factory = { device: device as Device | null, dtype: dtype as Dtype | null }
      this.affine = scaled
      this.trackRunningStats = tracked
      if (scaled) {
        this.weight = new UninitializedParameter(factory)
        if (shifted) this.bias = new UninitializedParameter(factory)
      }
      if (tracked) {
        this.running_mean = new UninitializedBuffer(factory)
        this.running_var = new UninitializedBuffer(factory)
        const none = tensor(0, { dtype: 'int64', ...(factory.device ? { device: factory.device } : {}) })
        this.num_batches_tracked = new Buffer(none)
      }
      becomesAtForward(this, Norm)
    }

    hasUninitializedParams(): boolean {
      return hasUninitialized(this)
    }

    initializeParameters(input: Tensor): void {
      if (!this.hasUninitializedParams()) return
      const channels = input.shape[1]
      if (channels === undefined) throw new TorchIndexError('tuple index out of range')
      this.numFeatures = channels
      const { affine, trackRunningStats } = this
      const first = this.weight ?? this.running_mean
      const options = { affine, trackRunningStats, bias: this.bias !== null, ...(first && factoryOf(first)) }
      initializeFrom(this, new Norm(channels, options))
      noGrad(() => this.num_batches_tracked?.zero_())
    }
  }
  return LazyNorm as unknown as LazyClass<T>
}

type Arguments<O> = LazyArguments<
  [],
  [eps: number, momentum: number | null, affine: boolean, track: boolean, Device | null, Dtype | null],
  O,
  never
>

/** Arguments of {@link LazyBatchNorm1d} by name. */
export type LazyBatchNorm1dOptions = Omit<layers.BatchNorm1dOptions, 'numFeatures'>
/**
 * A BatchNorm1d that takes `numFeatures` from its first input, and is a BatchNorm1d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm1d.html
 */
export class LazyBatchNorm1d extends lazyNorm('LazyBatchNorm1d', layers.BatchNorm1d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyBatchNorm1dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyBatchNorm2d} by name. */
export type LazyBatchNorm2dOptions = Omit<layers.BatchNorm2dOptions, 'numFeatures'>
/**
 * A BatchNorm2d that takes `numFeatures` from its first input, and is a BatchNorm2d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm2d.html
 */
export class LazyBatchNorm2d extends lazyNorm('LazyBatchNorm2d', layers.BatchNorm2d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyBatchNorm2dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyBatchNorm3d} by name. */
export type LazyBatchNorm3dOptions = Omit<layers.BatchNorm3dOptions, 'numFeatures'>
/**
 * A BatchNorm3d that takes `numFeatures` from its first input, and is a BatchNorm3d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyBatchNorm3d.html
 */
export class LazyBatchNorm3d extends lazyNorm('LazyBatchNorm3d', layers.BatchNorm3d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyBatchNorm3dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyInstanceNorm1d} by name. */
export type LazyInstanceNorm1dOptions = Omit<layers.InstanceNorm1dOptions, 'numFeatures'>
/**
 * An InstanceNorm1d that takes `numFeatures` from its first input, and is an InstanceNorm1d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm1d.html
 */
export class LazyInstanceNorm1d extends lazyNorm('LazyInstanceNorm1d', InstanceNorm1d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyInstanceNorm1dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyInstanceNorm2d} by name. */
export type LazyInstanceNorm2dOptions = Omit<layers.InstanceNorm2dOptions, 'numFeatures'>
/**
 * An InstanceNorm2d that takes `numFeatures` from its first input, and is an InstanceNorm2d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm2d.html
 */
export class LazyInstanceNorm2d extends lazyNorm('LazyInstanceNorm2d', InstanceNorm2d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyInstanceNorm2dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyInstanceNorm3d} by name. */
export type LazyInstanceNorm3dOptions = Omit<layers.InstanceNorm3dOptions, 'numFeatures'>
/**
 * An InstanceNorm3d that takes `numFeatures` from its first input, and is an InstanceNorm3d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyInstanceNorm3d.html
 */
export class LazyInstanceNorm3d extends lazyNorm('LazyInstanceNorm3d', InstanceNorm3d) {
  /** Takes `(eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype)`, or these and `bias` by name. */
  constructor(...args: Arguments<LazyInstanceNorm3dOptions>) {
    super(...args)
  }
}
