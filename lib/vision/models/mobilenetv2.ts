/** MobileNet V2. Rules, keys and order of random numbers: torchvision/models/mobilenetv2.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  functional,
  GroupNorm,
  init,
  Linear,
  Module,
  ReLU6,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { defineModel } from './builder.js'
import { makeDivisible } from './channels.js'

/** What a block of {@link MobileNetV2} is told beside its channels and stride. */
export interface InvertedResidualOptions {
  /** how many times wider it is inside */
  expandRatio: number
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
}

/** Wide inside and narrow at its ends, between which there is the shortcut. */
export class InvertedResidual extends Module {
  stride: number
  useResConnect: boolean
  conv: Sequential
  outChannels: number

  constructor(inp: number, oup: number, stride: number, options: InvertedResidualOptions) {
    super()
    if (stride !== 1 && stride !== 2) throw new ArgumentError(`stride should be 1 or 2 instead of ${stride}`)
    const { expandRatio, normLayer: norm } = options
    const normLayer = norm ?? BatchNorm2d
    const hidden = roundHalfEven(inp * expandRatio)
    this.stride = stride
    this.useResConnect = stride === 1 && inp === oup
    const layers: Module[] = []
    const common = { normLayer, activationLayer: ReLU6 }
    if (expandRatio !== 1) layers.push(new Conv2dNormActivation(inp, hidden, 1, common))
    layers.push(
      new Conv2dNormActivation(hidden, hidden, { stride, groups: hidden, ...common }),
      new Conv2d(hidden, oup, 1, { bias: false }),
      make(normLayer, oup),
    )
    this.conv = new Sequential(...layers) as Sequential
    this.outChannels = oup
  }

  override forward(x: Tensor): Tensor {
    return this.useResConnect ? x.add(this.conv.forward(x)) : this.conv.forward(x)
  }
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value)
  return value - down === 0.5 ? down + (down % 2) : Math.round(value)
}

/** Arguments of {@link MobileNetV2} by name; those of {@link mobilenetV2}, too. */
export interface MobileNetV2Options {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** how many times as many channels (default `1`) */
  widthMult?: number
  /** rows of expansion, channels, blocks and stride (default: those of the paper) */
  invertedResidualSetting?: readonly (readonly number[])[] | null
  /** what the numbers of channels are multiples of (default `8`) */
  roundNearest?: number
  /** (default {@link InvertedResidual}) */
  block?: LayerFactory<[inp: number, oup: number, stride: number, options: InvertedResidualOptions]> | null
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
  /** probability of dropping before the last layer, in [0, 1] (default `0.2`) */
  dropout?: number
}
const names = [
  ...['numClasses', 'widthMult', 'invertedResidualSetting', 'roundNearest', 'block', 'normLayer', 'dropout'],
]
const usual = [
  ...[[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2]], // biome-ignore format: a table
  ...[
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ],
]

/** MobileNet V2 (arXiv 1801.04381). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class MobileNetV2 extends Module {
  lastChannel: number
  features: Sequential
  classifier: Sequential

  constructor(options?: MobileNetV2Options)
  constructor(numClasses: number, options?: MobileNetV2Options)
  constructor(...args: unknown[]) {
    super()
    const [numClasses = 1000, width = 1, setting, nearest = 8, blockOrNull, norm, p = 0.2] = takeArguments(
      'MobileNetV2',
      names,
      args,
    ) as [number?, number?, MobileNetV2Options['invertedResidualSetting']?, number?, any?, NormFactory?, number?]
    const rows = setting ?? usual
    if (rows.length === 0 || rows[0]!.length !== 4) {
      const text = JSON.stringify(rows).replaceAll(',', ', ')
      throw new ArgumentError(`inverted_residual_setting should be non-empty or a 4-element list, got ${text}`)
    }
    const normLayer = norm ?? BatchNorm2d
    const block: NonNullable<MobileNetV2Options['block']> = blockOrNull ?? InvertedResidual
    let channels = makeDivisible(32 * width, nearest)
    this.lastChannel = makeDivisible(1280 * Math.max(1, width), nearest)
    const common = { normLayer, activationLayer: ReLU6 }
    const features: Module[] = [new Conv2dNormActivation(3, channels, { stride: 2, ...common })]
    for (const [expandRatio, c, n, s] of rows as [number, number, number, number][]) {
      const next = makeDivisible(c * width, nearest)
      for (let i = 0; i < n; i++) {
        features.push(make(block, channels, next, i === 0 ? s : 1, { expandRatio, normLayer }))
        channels = next
      }
    }
    features.push(new Conv2dNormActivation(channels, this.lastChannel, 1, common))
    this.features = new Sequential(...features) as Sequential
    this.classifier = new Sequential(new Dropout(p), new Linear(this.lastChannel, numClasses)) as unknown as Sequential
    mobileInit(this)
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(functional.adaptiveAvgPool2d(this.features.forward(x), [1, 1]).flatten(1))
  }
}

/** Starting values of both MobileNets. @internal */
export function mobileInit(model: Module): void {
  for (const module of model.modules()) {
    if (module instanceof Conv2d) {
      init.kaimingNormal_(module.weight, { mode: 'fan_out' })
      if (module.bias !== null) init.zeros_(module.bias)
    } else if (module instanceof BatchNorm2d || module instanceof GroupNorm) {
      init.ones_(module.weight)
      init.zeros_(module.bias)
    } else if (module instanceof Linear) {
      init.normal_(module.weight, 0, 0.01)
      init.zeros_(module.bias)
    }
  }
}

/** MobileNet V2; Python's `mobilenet_v2`. */
export const mobilenetV2 = defineModel('mobilenet_v2', (options: MobileNetV2Options) => new MobileNetV2(options))
