/** EfficientNet. Rules, keys and order of random numbers: torchvision/models/efficientnet.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  GroupNorm,
  init,
  Linear,
  Module,
  Sequential,
  SiLU,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { SqueezeExcitation, type SqueezeExcitationOptions } from '../ops/squeeze-excitation.js'
import { StochasticDepth } from '../ops/stochastic-depth.js'
import { defineModel } from './builder.js'
import { makeDivisible } from './channels.js'
import type { ModelName } from './weights.js'

/** Makes a block of {@link EfficientNet}, as {@link MBConv} and {@link FusedMBConv}. */
export type MBConvFactory<C extends BlockConfig = MBConvConfig> = LayerFactory<
  [cnf: C, stochasticDepthProb: number, normLayer: NormFactory]
>

/** What {@link MBConvConfig} and {@link FusedMBConvConfig} have in common. */
abstract class BlockConfig {
  abstract readonly block: MBConvFactory<any>

  constructor(
    public expandRatio: number,
    public kernel: number,
    public stride: number,
    public inputChannels: number,
    public outChannels: number,
    public numLayers: number,
  ) {}
  /** Channels of a network that is `widthMult` times as wide. */
  static adjustChannels(channels: number, widthMult: number, minValue?: number): number {
    return makeDivisible(channels * widthMult, 8, minValue)
  }
  /** The same for the block `i` of the row: only the first changes the channels and has the stride. @internal */
  _at(i: number): this {
    const copy: this = Object.assign(Object.create(Object.getPrototypeOf(this)), this)
    if (i > 0) {
      copy.inputChannels = copy.outChannels
      copy.stride = 1
    }
    return copy
  }
}

/** Some blocks of {@link EfficientNet} that are alike: a row of table 1 of the paper, and of table 4 of that on V2. */
export class MBConvConfig extends BlockConfig {
  block: MBConvFactory

  /**
   * @param widthMult - how many times as many channels
   * @param depthMult - how many times as many layers
   */
  constructor(
    expandRatio: number,
    kernel: number,
    stride: number,
    inputChannels: number,
    outChannels: number,
    numLayers: number,
    widthMult = 1,
    depthMult = 1,
    block?: MBConvFactory | null,
  ) {
    const adjust = (channels: number): number => BlockConfig.adjustChannels(channels, widthMult)
    const layers = Math.ceil(numLayers * depthMult)
    super(expandRatio, kernel, stride, adjust(inputChannels), adjust(outChannels), layers)
    this.block = block ?? MBConv
  }
}

/** The same for blocks with one wide convolution: a row of table 4 of the paper on V2. */
export class FusedMBConvConfig extends BlockConfig {
  block: MBConvFactory<FusedMBConvConfig>

  constructor(
    expandRatio: number,
    kernel: number,
    stride: number,
    inputChannels: number,
    outChannels: number,
    numLayers: number,
    block?: MBConvFactory<FusedMBConvConfig> | null,
  ) {
    super(expandRatio, kernel, stride, inputChannels, outChannels, numLayers)
    this.block = block ?? FusedMBConv
  }
}

/** A block of {@link EfficientNet}: wide inside, channels weighed, and sometimes left out in training. */
export class MBConv extends Module {
  useResConnect: boolean
  block: Sequential
  stochastic_depth: StochasticDepth
  outChannels: number

  constructor(
    cnf: MBConvConfig,
    stochasticDepthProb: number,
    normLayer: NormFactory,
    seLayer: LayerFactory<[number, number, SqueezeExcitationOptions]> = SqueezeExcitation,
  ) {
    super()
    if (!(cnf.stride >= 1 && cnf.stride <= 2)) throw new ArgumentError('illegal stride value')
    const { inputChannels, outChannels, stride } = cnf
    this.useResConnect = stride === 1 && inputChannels === outChannels
    const layers: Module[] = []
    const common = { normLayer, activationLayer: SiLU }
    const width = MBConvConfig.adjustChannels(inputChannels, cnf.expandRatio)
    if (width !== inputChannels) layers.push(new Conv2dNormActivation(inputChannels, width, 1, common))
    layers.push(new Conv2dNormActivation(width, width, cnf.kernel, { stride, groups: width, ...common }))
    const squeezed = Math.max(1, Math.floor(inputChannels / 4))
    layers.push(make(seLayer, width, squeezed, { activation: () => new SiLU(true) }))
    layers.push(new Conv2dNormActivation(width, outChannels, 1, { normLayer, activationLayer: null }))
    this.block = new Sequential(...layers) as Sequential
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row')
    this.outChannels = outChannels
  }

  override forward(input: Tensor): Tensor {
    const result: Tensor = this.block.forward(input)
    return this.useResConnect ? this.stochastic_depth.forward(result).add_(input) : result
  }
}

/** A block of {@link EfficientNet} V2: as {@link MBConv}, but with one convolution that sees all channels, and without weights of them. */
export class FusedMBConv extends Module {
  useResConnect: boolean
  block: Sequential
  stochastic_depth: StochasticDepth
  outChannels: number

  constructor(cnf: FusedMBConvConfig, stochasticDepthProb: number, normLayer: NormFactory) {
    super()
    if (!(cnf.stride >= 1 && cnf.stride <= 2)) throw new ArgumentError('illegal stride value')
    const { inputChannels, outChannels, kernel, stride } = cnf
    this.useResConnect = stride === 1 && inputChannels === outChannels
    const common = { normLayer, activationLayer: SiLU }
    const width = FusedMBConvConfig.adjustChannels(inputChannels, cnf.expandRatio)
    const layers: Module[] =
      width === inputChannels
        ? [new Conv2dNormActivation(inputChannels, outChannels, kernel, { stride, ...common })]
        : [
            new Conv2dNormActivation(inputChannels, width, kernel, { stride, ...common }),
            new Conv2dNormActivation(width, outChannels, 1, { normLayer, activationLayer: null }),
          ]
    this.block = new Sequential(...layers) as Sequential
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row')
    this.outChannels = outChannels
  }

  override forward(input: Tensor): Tensor {
    const result: Tensor = this.block.forward(input)
    return this.useResConnect ? this.stochastic_depth.forward(result).add_(input) : result
  }
}

/** Arguments of {@link EfficientNet} by name. */
export interface EfficientNetOptions {
  /** how often the last block is left out in training, in [0, 1]; earlier ones less often (default `0.2`) */
  stochasticDepthProb?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
  /** inputs of the last layer (default: four times the channels of the last block) */
  lastChannel?: number | null
}
/** Arguments of the functions that make an EfficientNet by name. */
export interface EfficientNetModelOptions extends Omit<EfficientNetOptions, 'lastChannel'> {
  /** probability of dropping before the last layer, in [0, 1] (default: by the size, `0.2` for B0) */
  dropout?: number
}
const names = [
  ...['invertedResidualSetting', 'dropout', 'stochasticDepthProb', 'numClasses', 'normLayer', 'lastChannel'],
]

/** EfficientNet (arXiv 1905.11946) and EfficientNetV2 (arXiv 2104.00298). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class EfficientNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  /**
   * @param invertedResidualSetting - its blocks
   * @param dropout - probability of dropping before the last layer, in [0, 1]
   */
  constructor(
    invertedResidualSetting: readonly (MBConvConfig | FusedMBConvConfig)[],
    dropout: number,
    options?: EfficientNetOptions,
  )
  constructor(...args: unknown[]) {
    super()
    const [setting, dropout, share = 0.2, numClasses = 1000, norm, last] = takeArguments(
      'EfficientNet',
      names,
      args,
    ) as [BlockConfig[], number, number?, number?, NormFactory?, number?]
    if (!setting?.length) throw new ArgumentError('The inverted_residual_setting should not be empty')
    if (!Array.isArray(setting) || !setting.every((row) => row instanceof BlockConfig))
      throw new ArgumentError('The inverted_residual_setting should be List[MBConvConfig]')
    const normLayer = norm ?? BatchNorm2d
    const common = { normLayer, activationLayer: SiLU }
    const layers: Module[] = [new Conv2dNormActivation(3, setting[0]!.inputChannels, 3, { stride: 2, ...common })]
    const total = setting.reduce((sum, row) => sum + row.numLayers, 0)
    let at = 0
    for (const row of setting) {
      const stage = Array.from({ length: row.numLayers }, (_, i) =>
        make(row.block, row._at(i), (share * at++) / total, normLayer),
      )
      layers.push(new Sequential(...stage) as unknown as Module)
    }
    const inputs = setting[setting.length - 1]!.outChannels
    const outputs = last ?? 4 * inputs
    layers.push(new Conv2dNormActivation(inputs, outputs, 1, common))
    this.features = new Sequential(...layers) as Sequential
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.classifier = new Sequential(
      new Dropout(dropout, true),
      new Linear(outputs, numClasses),
    ) as unknown as Sequential
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        init.kaimingNormal_(module.weight, { mode: 'fan_out' })
        if (module.bias !== null) init.zeros_(module.bias)
      } else if (module instanceof BatchNorm2d || module instanceof GroupNorm) {
        init.ones_(module.weight)
        init.zeros_(module.bias)
      } else if (module instanceof Linear) {
        const range = 1 / Math.sqrt(module.outFeatures)
        init.uniform_(module.weight, -range, range)
        init.zeros_(module.bias)
      }
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}

/** expansion, kernel, stride, channels before and after, layers */
const rows: [number, number, number, number, number, number][] = [
  [1, 3, 1, 32, 16, 1],
  [6, 3, 2, 16, 24, 2],
  [6, 5, 2, 24, 40, 2],
  [6, 3, 2, 40, 80, 3],
  [6, 5, 1, 80, 112, 3],
  [6, 5, 2, 112, 192, 4],
  [6, 3, 1, 192, 320, 1],
]

const efficientnet = <N extends ModelName>(
  name: N,
  width: number,
  depth: number,
  usual: number,
  normLayer?: NormFactory,
) =>
  defineModel(name, ({ dropout = usual, ...options }: EfficientNetModelOptions) => {
    const setting = rows.map((row) => new MBConvConfig(...row, width, depth))
    return new EfficientNet(setting, dropout, normLayer ? { normLayer, ...options } : options)
  })
const largeNorm: NormFactory = (count) => new BatchNorm2d(count, { eps: 0.001, momentum: 0.01 })

/** EfficientNet B0; Python's `efficientnet_b0`. */
export const efficientnetB0 = efficientnet('efficientnet_b0', 1, 1, 0.2)
/** EfficientNet B1; Python's `efficientnet_b1`. */
export const efficientnetB1 = efficientnet('efficientnet_b1', 1, 1.1, 0.2)
/** EfficientNet B2; Python's `efficientnet_b2`. */
export const efficientnetB2 = efficientnet('efficientnet_b2', 1.1, 1.2, 0.3)
/** EfficientNet B3; Python's `efficientnet_b3`. */
export const efficientnetB3 = efficientnet('efficientnet_b3', 1.2, 1.4, 0.3)
/** EfficientNet B4; Python's `efficientnet_b4`. */
export const efficientnetB4 = efficientnet('efficientnet_b4', 1.4, 1.8, 0.4)
/** EfficientNet B5; Python's `efficientnet_b5`. */
export const efficientnetB5 = efficientnet('efficientnet_b5', 1.6, 2.2, 0.4, largeNorm)
/** EfficientNet B6; Python's `efficientnet_b6`. */
export const efficientnetB6 = efficientnet('efficientnet_b6', 1.8, 2.6, 0.5, largeNorm)
/** EfficientNet B7; Python's `efficientnet_b7`. */
export const efficientnetB7 = efficientnet('efficientnet_b7', 2, 3.1, 0.5, largeNorm)

const fused = (...row: [number, number, number, number, number, number]) => new FusedMBConvConfig(...row)
const plain = (...row: [number, number, number, number, number, number]) => new MBConvConfig(...row)
const newNorm: NormFactory = (count) => new BatchNorm2d(count, { eps: 0.001 })

const efficientnetV2 = <N extends ModelName>(
  name: N,
  usual: number,
  setting: () => (MBConvConfig | FusedMBConvConfig)[],
) =>
  defineModel(name, ({ dropout = usual, ...options }: EfficientNetModelOptions) => {
    return new EfficientNet(setting(), dropout, { lastChannel: 1280, normLayer: newNorm, ...options })
  })

/** EfficientNetV2-S; Python's `efficientnet_v2_s`. */
export const efficientnetV2S = efficientnetV2('efficientnet_v2_s', 0.2, () => [
  ...[fused(1, 3, 1, 24, 24, 2), fused(4, 3, 2, 24, 48, 4), fused(4, 3, 2, 48, 64, 4)],
  ...[plain(4, 3, 2, 64, 128, 6), plain(6, 3, 1, 128, 160, 9), plain(6, 3, 2, 160, 256, 15)],
])
/** EfficientNetV2-M; Python's `efficientnet_v2_m`. */
export const efficientnetV2M = efficientnetV2('efficientnet_v2_m', 0.3, () => [
  ...[fused(1, 3, 1, 24, 24, 3), fused(4, 3, 2, 24, 48, 5), fused(4, 3, 2, 48, 80, 5)],
  ...[plain(4, 3, 2, 80, 160, 7), plain(6, 3, 1, 160, 176, 14), plain(6, 3, 2, 176, 304, 18)],
  plain(6, 3, 1, 304, 512, 5),
])
/** EfficientNetV2-L; Python's `efficientnet_v2_l`. */
export const efficientnetV2L = efficientnetV2('efficientnet_v2_l', 0.4, () => [
  ...[fused(1, 3, 1, 32, 32, 4), fused(4, 3, 2, 32, 64, 7), fused(4, 3, 2, 64, 96, 7)],
  ...[plain(4, 3, 2, 96, 192, 10), plain(6, 3, 1, 192, 224, 19), plain(6, 3, 2, 224, 384, 25)],
  plain(6, 3, 1, 384, 640, 7),
])
