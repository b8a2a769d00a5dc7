/** MobileNet V3. Rules, keys and order of random numbers: torchvision/models/mobilenetv3.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Dropout,
  Hardsigmoid,
  Hardswish,
  Linear,
  Module,
  ReLU,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { SqueezeExcitation } from '../ops/squeeze-excitation.js'
import { defineModel } from './builder.js'
import { makeDivisible } from './channels.js'
import { mobileInit } from './mobilenetv2.js'
import type { ModelName } from './weights.js'

/** One block of {@link MobileNetV3}: a row of table 1 or 2 of the paper. */
export class InvertedResidualConfig {
  inputChannels: number
  expandedChannels: number
  outChannels: number
  useHs: boolean

  /** @param activation - `'RE'` (ReLU) or `'HS'` (Hardswish) */
  constructor(
    inputChannels: number,
    public kernel: number,
    expandedChannels: number,
    outChannels: number,
    public useSe: boolean,
    activation: string,
    public stride: number,
    public dilation: number,
    widthMult: number,
  ) {
    this.inputChannels = InvertedResidualConfig.adjustChannels(inputChannels, widthMult)
    this.expandedChannels = InvertedResidualConfig.adjustChannels(expandedChannels, widthMult)
    this.outChannels = InvertedResidualConfig.adjustChannels(outChannels, widthMult)
    this.useHs = activation === 'HS'
  }
  /** Channels of a network that is `widthMult` times as wide. */
  static adjustChannels(channels: number, widthMult: number): number {
    return makeDivisible(channels * widthMult, 8)
  }
}

/** Makes a layer that weighs channels, as {@link SqueezeExcitation}. */
export type SqueezeFactory = LayerFactory<[inputChannels: number, squeezeChannels: number]>

const hardSqueeze: SqueezeFactory = (inputs: number, squeezed: number) =>
  new SqueezeExcitation(inputs, squeezed, { scaleActivation: () => new Hardsigmoid() })

/** A block of {@link MobileNetV3}. */
export class InvertedResidual extends Module {
  useResConnect: boolean
  block: Sequential
  outChannels: number

  constructor(cnf: InvertedResidualConfig, normLayer: NormFactory, seLayer: SqueezeFactory = hardSqueeze) {
    super()
    if (!(cnf.stride >= 1 && cnf.stride <= 2)) throw new ArgumentError('illegal stride value')
    const { inputChannels, expandedChannels: width, outChannels } = cnf
    this.useResConnect = cnf.stride === 1 && inputChannels === outChannels
    const layers: Module[] = []
    const common = { normLayer, activationLayer: cnf.useHs ? Hardswish : ReLU }
    if (width !== inputChannels) layers.push(new Conv2dNormActivation(inputChannels, width, 1, common))
    const stride = cnf.dilation > 1 ? 1 : cnf.stride
    const wide = { stride, dilation: cnf.dilation, groups: width, ...common }
    layers.push(new Conv2dNormActivation(width, width, cnf.kernel, wide))
    if (cnf.useSe) layers.push(make(seLayer, width, makeDivisible(Math.floor(width / 4), 8)))
    layers.push(new Conv2dNormActivation(width, outChannels, 1, { normLayer, activationLayer: null }))
    this.block = new Sequential(...layers) as Sequential
    this.outChannels = outChannels
  }

  override forward(input: Tensor): Tensor {
    const result: Tensor = this.block.forward(input)
    return this.useResConnect ? result.add_(input) : result
  }
}

/** Arguments of {@link MobileNetV3} by name. */
export interface MobileNetV3Options {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** (default {@link InvertedResidual}) */
  block?: LayerFactory<[cnf: InvertedResidualConfig, normLayer: NormFactory]> | null
  /** (default: BatchNorm2d with eps 0.001 and momentum 0.01) */
  normLayer?: NormFactory | null
  /** probability of dropping before the last layer, in [0, 1] (default `0.2`) */
  dropout?: number
}
/** Arguments of {@link mobilenetV3Large} and {@link mobilenetV3Small} by name. */
export interface MobileNetV3ModelOptions extends MobileNetV3Options {
  /** how many times as many channels (default `1`) */
  widthMult?: number
  /** whether the last blocks have half the channels (default `false`) */
  reducedTail?: boolean
  /** whether the last blocks have dilation instead of a stride (default `false`) */
  dilated?: boolean
}
const names = ['invertedResidualSetting', 'lastChannel', 'numClasses', 'block', 'normLayer', 'dropout']

/** MobileNet V3 (arXiv 1905.02244). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class MobileNetV3 extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  /**
   * @param invertedResidualSetting - its blocks
   * @param lastChannel - inputs of the last layer
   */
  constructor(
    invertedResidualSetting: readonly InvertedResidualConfig[],
    lastChannel: number,
    options?: MobileNetV3Options,
  )
  constructor(...args: unknown[]) {
    super()
    const [setting, lastChannel, numClasses = 1000, blockOrNull, norm, p = 0.2] = takeArguments(
      'MobileNetV3',
      names,
      args,
    ) as [InvertedResidualConfig[], number, number?, any?, NormFactory?, number?]
    if (!setting?.length) throw new ArgumentError('The inverted_residual_setting should not be empty')
    if (!Array.isArray(setting) || !setting.every((row) => row instanceof InvertedResidualConfig))
      throw new ArgumentError('The inverted_residual_setting should be List[InvertedResidualConfig]')
    const normLayer: NormFactory = norm ?? ((count) => new BatchNorm2d(count, { eps: 0.001, momentum: 0.01 }))
    const block: NonNullable<MobileNetV3Options['block']> = blockOrNull ?? InvertedResidual
    const common = { normLayer, activationLayer: Hardswish }
    const layers: Module[] = [new Conv2dNormActivation(3, setting[0]!.inputChannels, 3, { stride: 2, ...common })]
    for (const row of setting) layers.push(make(block, row, normLayer))
    const inputs = setting[setting.length - 1]!.outChannels
    layers.push(new Conv2dNormActivation(inputs, 6 * inputs, 1, common))
    this.features = new Sequential(...layers) as Sequential
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.classifier = new Sequential(
      new Linear(6 * inputs, lastChannel),
      new Hardswish(true),
      new Dropout(p, true),
      new Linear(lastChannel, numClasses),
    ) as unknown as Sequential
    mobileInit(this)
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}

type Row = [number, number, number, number, boolean, 'RE' | 'HS', number, number]

/** Rows of the tables; `tail` halves the channels of the last ones, which have the dilation. */
const tables: Record<
  'large' | 'small',
  { last: number; rows: (half: (n: number) => number, dilation: number) => Row[] }
> = {
  large: {
    last: 1280,
    rows: (half, dilation) => [
      [16, 3, 16, 16, false, 'RE', 1, 1],
      [16, 3, 64, 24, false, 'RE', 2, 1],
      [24, 3, 72, 24, false, 'RE', 1, 1],
      [24, 5, 72, 40, true, 'RE', 2, 1],
      [40, 5, 120, 40, true, 'RE', 1, 1],
      [40, 5, 120, 40, true, 'RE', 1, 1],
      [40, 3, 240, 80, false, 'HS', 2, 1],
      [80, 3, 200, 80, false, 'HS', 1, 1],
      [80, 3, 184, 80, false, 'HS', 1, 1],
      [80, 3, 184, 80, false, 'HS', 1, 1],
      [80, 3, 480, 112, true, 'HS', 1, 1],
      [112, 3, 672, 112, true, 'HS', 1, 1],
      [112, 5, 672, half(160), true, 'HS', 2, dilation],
      [half(160), 5, half(960), half(160), true, 'HS', 1, dilation],
      [half(160), 5, half(960), half(160), true, 'HS', 1, dilation],
    ],
  },
  small: {
    last: 1024,
    rows: (half, dilation) => [
      [16, 3, 16, 16, true, 'RE', 2, 1],
      [16, 3, 72, 24, false, 'RE', 2, 1],
      [24, 3, 88, 24, false, 'RE', 1, 1],
      [24, 5, 96, 40, true, 'HS', 2, 1],
      [40, 5, 240, 40, true, 'HS', 1, 1],
      [40, 5, 240, 40, true, 'HS', 1, 1],
      [40, 5, 120, 48, true, 'HS', 1, 1],
      [48, 5, 144, 48, true, 'HS', 1, 1],
      [48, 5, 288, half(96), true, 'HS', 2, dilation],
      [half(96), 5, half(576), half(96), true, 'HS', 1, dilation],
      [half(96), 5, half(576), half(96), true, 'HS', 1, dilation],
    ],
  },
}

const mobilenet = <N extends ModelName>(name: N, size: 'large' | 'small') =>
  defineModel(name, (options: MobileNetV3ModelOptions) => {
    const { widthMult = 1, reducedTail = false, dilated = false, ...rest } = options
    const half = (n: number): number => (reducedTail ? n / 2 : n)
    const rows = tables[size].rows(half, dilated ? 2 : 1)
    const setting = rows.map((row) => new InvertedResidualConfig(...row, widthMult))
    return new MobileNetV3(setting, InvertedResidualConfig.adjustChannels(half(tables[size].last), widthMult), rest)
  })

/** The large MobileNet V3; Python's `mobilenet_v3_large`. */
export const mobilenetV3Large = mobilenet('mobilenet_v3_large', 'large')
/** The small MobileNet V3; Python's `mobilenet_v3_small`. */
export const mobilenetV3Small = mobilenet('mobilenet_v3_small', 'small')
