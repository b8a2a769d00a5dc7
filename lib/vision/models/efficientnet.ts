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

/** Makes a block of {@link EfficientNet}, as {@link MBConv}. */
export type MBConvFactory = LayerFactory<[cnf: MBConvConfig, stochasticDepthProb: number, normLayer: NormFactory]>

/** Some blocks of {@link EfficientNet} that are alike: a row of table 1 of the paper. */
export class MBConvConfig {
  inputChannels: number
  outChannels: number
  numLayers: number
  block: MBConvFactory

  /**
   * @param widthMult - how many times as many channels
   * @param depthMult - how many times as many layers
   */
  constructor(
    public expandRatio: number,
    public kernel: number,
    public stride: number,
    inputChannels: number,
    outChannels: number,
    numLayers: number,
    widthMult = 1,
    depthMult = 1,
    block?: MBConvFactory | null,
  ) {
    this.inputChannels = MBConvConfig.adjustChannels(inputChannels, widthMult)
    this.outChannels = MBConvConfig.adjustChannels(outChannels, widthMult)
    this.numLayers = Math.ceil(numLayers * depthMult)
    this.block = block ?? MBConv
  }
  /** Channels of a network that is `widthMult` times as wide. */
  static adjustChannels(channels: number, widthMult: number, minValue?: number): number {
    return makeDivisible(channels * widthMult, 8, minValue)
  }
  /** The same for the block `i` of the row: only the first changes the channels and has the stride. @internal */
  _at(i: number): MBConvConfig {
    const copy: MBConvConfig = Object.assign(Object.create(MBConvConfig.prototype), this)
    if (i > 0) {
      copy.inputChannels = copy.outChannels
      copy.stride = 1
    }
    return copy
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

/** EfficientNet (arXiv 1905.11946). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class EfficientNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  /**
   * @param invertedResidualSetting - its blocks
   * @param dropout - probability of dropping before the last layer, in [0, 1]
   */
  constructor(invertedResidualSetting: readonly MBConvConfig[], dropout: number, options?: EfficientNetOptions)
  constructor(...args: unknown[]) {
    super()
    const [setting, dropout, share = 0.2, numClasses = 1000, norm, last] = takeArguments(
      'EfficientNet',
      names,
      args,
    ) as [MBConvConfig[], number, number?, number?, NormFactory?, number?]
    if (!setting?.length) throw new ArgumentError('The inverted_residual_setting should not be empty')
    if (!Array.isArray(setting) || !setting.every((row) => row instanceof MBConvConfig))
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
