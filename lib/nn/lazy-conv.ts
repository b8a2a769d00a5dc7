/** Convolutions that take `inChannels` from their first input. Source: torch/nn/modules/conv.py, _LazyConvXdMixin, PyTorch 2.13 (cf30153c). */
import { ArgumentError, ShapeError } from '../errors.js'
import * as layers from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import type { Parameter } from '../tensor/parameter.js'
import type { Tensor } from '../tensor/tensor.js'
import { UninitializedParameter } from '../tensor/uninitialized.js'
import { flag, takeArguments } from './arguments.js'
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

interface AnyConv extends Layer {
  inChannels: number
  outChannels: number
  kernelSize: number[]
  groups: number
  weight: Parameter
  bias: Parameter | null
}

const start = ['outChannels', 'kernelSize', 'stride', 'padding']
const end = ['paddingMode', 'device', 'dtype']
const plainNames = [...start, 'dilation', 'groups', 'bias', ...end]
const transposedNames = [...start, 'outputPadding', 'groups', 'bias', 'dilation', ...end]

/** A class that becomes `Base`, a convolution over `dims` dimensions. */
function lazyConv<T extends Layer>(name: string, Base: LayerClass<T>, dims: number): LazyClass<T> {
  const names = name.includes('Transpose') ? transposedNames : plainNames
  const Conv = Base as unknown as LayerClass<AnyConv>
  class LazyConv extends Conv implements LazyLayer {
    constructor(...args: any[]) {
      const values = takeArguments(name, names, args)
      const given: Record<string, unknown> = Object.fromEntries(names.map((key, i) => [key, values[i]]))
      const { outChannels, kernelSize, bias, device, dtype, ...options } = given
      if (outChannels === undefined) throw new ArgumentError(`${name}: outChannels is required`)
      const biased = flag(name, 'bias', bias, true)
      super(0, 0, kernelSize, { ...options, bias: false })
      const factory = { device: device as Device | null, dtype: dtype as Dtype | null }
      this.outChannels = outChannels as number
      this.weight = new UninitializedParameter(factory)
      if (biased) this.bias = new UninitializedParameter(factory)
      becomesAtForward(this, Conv)
    }

    hasUninitializedParams(): boolean {
      return hasUninitialized(this)
    }

    initializeParameters(input: Tensor): void {
      if (!this.hasUninitializedParams()) return
      const { shape } = input
      if (shape.length !== dims + 1 && shape.length !== dims + 2) {
        throw new ShapeError(
          `Expected ${dims + 1}D (unbatched) or ${dims + 2}D (batched) input to ${this._getName()}, but got input of size: torch.Size([${shape.join(', ')}])`,
        )
      }
      this.inChannels = shape.at(-dims - 1)!
      const { groups } = this
      const options = { groups, bias: this.bias !== null, ...factoryOf(this.weight) }
      initializeFrom(this, new Conv(this.inChannels, this.outChannels, this.kernelSize, options))
    }
  }
  return LazyConv as unknown as LazyClass<T>
}

type Size<D extends number> = D extends 1
  ? number | [number]
  : D extends 2
    ? number | [number, number]
    : number | [number, number, number]
type Mode = 'zeros' | 'reflect' | 'replicate' | 'circular'
type Needed<D extends number> = [outChannels: number, kernelSize: Size<D>]
type Plain<D extends number, O extends { outChannels?: number; kernelSize?: unknown }> = LazyArguments<
  Needed<D>,
  [Size<D>, Size<D> | 'same' | 'valid', Size<D>, number, boolean, Mode, Device | null, Dtype | null],
  O,
  'outChannels' | 'kernelSize'
>
type Transposed<D extends number, O extends { outChannels?: number; kernelSize?: unknown }> = LazyArguments<
  Needed<D>,
  [Size<D>, Size<D>, Size<D>, number, boolean, Size<D>, Mode, Device | null, Dtype | null],
  O,
  'outChannels' | 'kernelSize'
>

/** Arguments of {@link LazyConv1d} by name. */
export type LazyConv1dOptions = Omit<layers.Conv1dOptions, 'inChannels'>
/**
 * A Conv1d that takes `inChannels` from its first input, and is a Conv1d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv1d.html
 */
export class LazyConv1d extends lazyConv('LazyConv1d', layers.Conv1d, 1) {
  /** Takes `(outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Plain<1, LazyConv1dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyConv2d} by name. */
export type LazyConv2dOptions = Omit<layers.Conv2dOptions, 'inChannels'>
/**
 * A Conv2d that takes `inChannels` from its first input, and is a Conv2d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv2d.html
 */
export class LazyConv2d extends lazyConv('LazyConv2d', layers.Conv2d, 2) {
  /** Takes `(outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Plain<2, LazyConv2dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyConv3d} by name. */
export type LazyConv3dOptions = Omit<layers.Conv3dOptions, 'inChannels'>
/**
 * A Conv3d that takes `inChannels` from its first input, and is a Conv3d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv3d.html
 */
export class LazyConv3d extends lazyConv('LazyConv3d', layers.Conv3d, 3) {
  /** Takes `(outChannels, kernelSize, stride, padding, dilation, groups, bias, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Plain<3, LazyConv3dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyConvTranspose1d} by name. */
export type LazyConvTranspose1dOptions = Omit<layers.ConvTranspose1dOptions, 'inChannels'>
/**
 * A ConvTranspose1d that takes `inChannels` from its first input, and is a ConvTranspose1d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose1d.html
 */
export class LazyConvTranspose1d extends lazyConv('LazyConvTranspose1d', layers.ConvTranspose1d, 1) {
  /** Takes `(outChannels, kernelSize, stride, padding, outputPadding, groups, bias, dilation, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Transposed<1, LazyConvTranspose1dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyConvTranspose2d} by name. */
export type LazyConvTranspose2dOptions = Omit<layers.ConvTranspose2dOptions, 'inChannels'>
/**
 * A ConvTranspose2d that takes `inChannels` from its first input, and is a ConvTranspose2d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose2d.html
 */
export class LazyConvTranspose2d extends lazyConv('LazyConvTranspose2d', layers.ConvTranspose2d, 2) {
  /** Takes `(outChannels, kernelSize, stride, padding, outputPadding, groups, bias, dilation, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Transposed<2, LazyConvTranspose2dOptions>) {
    super(...args)
  }
}

/** Arguments of {@link LazyConvTranspose3d} by name. */
export type LazyConvTranspose3dOptions = Omit<layers.ConvTranspose3dOptions, 'inChannels'>
/**
 * A ConvTranspose3d that takes `inChannels` from its first input, and is a ConvTranspose3d from then on.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose3d.html
 */
export class LazyConvTranspose3d extends lazyConv('LazyConvTranspose3d', layers.ConvTranspose3d, 3) {
  /** Takes `(outChannels, kernelSize, stride, padding, outputPadding, groups, bias, dilation, paddingMode, device, dtype)`, or these by name. */
  constructor(...args: Transposed<3, LazyConvTranspose3dOptions>) {
    super(...args)
  }
}
