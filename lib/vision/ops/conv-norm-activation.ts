import { takeArguments } from '../../nn/arguments.js'
import { BatchNorm2d, Conv2d, type Module, ReLU, Sequential } from '../../nn/index.js'
import { type ActivationFactory, make, type NormFactory } from './factory.js'

type Pair = number | [number, number]

/** Arguments of {@link Conv2dNormActivation} by name. */
export interface Conv2dNormActivationOptions {
  /** size of the kernel (default `3`) */
  kernelSize?: Pair
  /** step of the convolution (default `1`) */
  stride?: Pair
  /** zeros at all borders (default: as many as keep the size at stride 1) */
  padding?: Pair | 'valid' | 'same' | null
  /** groups of channels that do not see each other (default `1`) */
  groups?: number
  /** (default {@link BatchNorm2d}); null for none */
  normLayer?: NormFactory | null
  /** (default {@link ReLU}); null for none */
  activationLayer?: ActivationFactory | null
  /** distance of the kernel's elements (default `1`) */
  dilation?: Pair
  /** whether the activation writes into its input (default `true`); null leaves it to the activation */
  inplace?: boolean | null
  /** whether the convolution has a shift (default: where there is no norm layer) */
  bias?: boolean | null
}
const names = [
  ...['inChannels', 'outChannels', 'kernelSize', 'stride', 'padding', 'groups', 'normLayer', 'activationLayer'],
  ...['dilation', 'inplace', 'bias'],
]

const pair = (value: Pair): [number, number] => (typeof value === 'number' ? [value, value] : value)

/**
 * A convolution, then a norm layer and an activation where they are wanted.
 * Shape: `(N, inChannels, H, W)` → `(N, outChannels, H′, W′)`.
 * Rules: torchvision/ops/misc.py, torchvision 0.28.
 */
export class Conv2dNormActivation extends Sequential {
  outChannels: number

  constructor(inChannels: number, outChannels: number, options?: Conv2dNormActivationOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options?: Conv2dNormActivationOptions)
  constructor(...args: unknown[]) {
    const [inChannels, outChannels, kernelSize = 3, stride = 1, padding, groups = 1, norm, activation, ...rest] =
      takeArguments('Conv2dNormActivation', names, args) as [number, number, Pair?, Pair?, any?, number?, any?, any?]
    const [dilation = 1, inplace = true, bias] = rest as [Pair?, (boolean | null)?, (boolean | null)?]
    const [kernel, spread] = [pair(kernelSize), pair(dilation)]
    const keep = kernel.map((size, i) => Math.floor((size - 1) / 2) * spread[i]!) as [number, number]
    const whole = typeof kernelSize === 'number' && typeof dilation === 'number'
    const normLayer: NormFactory | null = norm === undefined ? BatchNorm2d : norm
    const activationLayer: ActivationFactory | null = activation === undefined ? ReLU : activation
    const layers: Module[] = [
      new Conv2d(inChannels, outChannels, kernelSize, {
        stride,
        padding: padding ?? (whole ? keep[0] : keep),
        dilation,
        groups,
        bias: bias ?? normLayer === null,
      }),
    ]
    if (normLayer) layers.push(make(normLayer, outChannels))
    if (activationLayer) layers.push(inplace === null ? make(activationLayer) : make(activationLayer, { inplace }))
    super(...layers)
    this.outChannels = outChannels
  }
}
