/** ConvNeXt. Rules, keys and order of random numbers: torchvision/models/convnext.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { ones } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Flatten,
  GELU,
  init,
  LayerNorm,
  Linear,
  Module,
  Parameter,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { Permute } from '../ops/permute.js'
import { StochasticDepth } from '../ops/stochastic-depth.js'
import { defineModel } from './builder.js'
import type { ModelName } from './weights.js'

/** A {@link LayerNorm} over the channels of images. Shape: `(N, C, H, W)` → the same. */
export class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return super.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
  }
}

/** A block of {@link ConvNeXt}: a wide depthwise convolution, then linear layers. Shape: `(N, dim, H, W)` → the same. */
export class CNBlock extends Module {
  block: Sequential
  layer_scale: Parameter
  stochastic_depth: StochasticDepth

  /**
   * @param layerScale - where the factors of the channels start
   * @param normLayer - (default: LayerNorm with eps 1e-6)
   */
  constructor(dim: number, layerScale: number, stochasticDepthProb: number, normLayer?: NormFactory | null) {
    super()
    this.block = new Sequential(
      new Conv2d(dim, dim, 7, { padding: 3, groups: dim }),
      new Permute([0, 2, 3, 1]),
      make(normLayer ?? ((features: number) => new LayerNorm(features, { eps: 1e-6 })), dim),
      new Linear(dim, 4 * dim),
      new GELU(),
      new Linear(4 * dim, dim),
      new Permute([0, 3, 1, 2]),
    ) as unknown as Sequential
    this.layer_scale = new Parameter(ones([dim, 1, 1]).mul(layerScale))
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row')
  }

  override forward(input: Tensor): Tensor {
    const result = this.layer_scale.mul(this.block.forward(input))
    return this.stochastic_depth.forward(result).add_(input)
  }
}

/** Some blocks of {@link ConvNeXt} that are alike: section 3 of the paper. */
export class CNBlockConfig {
  /** @param outChannels - those of the next blocks; null: these are the last */
  constructor(
    public inputChannels: number,
    public outChannels: number | null,
    public numLayers: number,
  ) {}
}

/** Arguments of {@link ConvNeXt} by name; those of the functions that make one, too. */
export interface ConvNeXtOptions {
  /** how often the last block is left out in training, in [0, 1] (default `0`; of the functions: by the size, `0.1` for tiny) */
  stochasticDepthProb?: number
  /** where the factors of the channels start (default `1e-6`) */
  layerScale?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** (default {@link CNBlock}) */
  block?: LayerFactory<[dim: number, layerScale: number, stochasticDepthProb: number]> | null
  /** between the blocks (default: {@link LayerNorm2d} with eps 1e-6) */
  normLayer?: NormFactory | null
}
const names = ['blockSetting', 'stochasticDepthProb', 'layerScale', 'numClasses', 'block', 'normLayer']
type Values = [
  ...[readonly CNBlockConfig[], number?, number?, number?],
  ...[ConvNeXtOptions['block']?, ConvNeXtOptions['normLayer']?],
]

/** ConvNeXt (arXiv 2201.03545). Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 32. */
export class ConvNeXt extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  /** @param blockSetting - its blocks */
  constructor(blockSetting: readonly CNBlockConfig[], options?: ConvNeXtOptions)
  constructor(...args: unknown[]) {
    super()
    const [setting, share = 0, layerScale = 1e-6, numClasses = 1000, block, norm] = takeArguments(
      'ConvNeXt',
      names,
      args,
    ) as Values
    if (!setting?.length) throw new ArgumentError('The block_setting should not be empty')
    if (!Array.isArray(setting) || !setting.every((row) => row instanceof CNBlockConfig))
      throw new ArgumentError('The block_setting should be List[CNBlockConfig]')
    const normLayer = norm ?? ((channels: number) => new LayerNorm2d(channels, { eps: 1e-6 }))
    const stem = { stride: 4, padding: 0, normLayer, activationLayer: null, bias: true }
    const layers: Module[] = [new Conv2dNormActivation(3, setting[0]!.inputChannels, 4, stem)]
    const total = setting.reduce((sum, row) => sum + row.numLayers, 0)
    let at = 0
    for (const { inputChannels, outChannels, numLayers } of setting) {
      const stage = Array.from({ length: numLayers }, () =>
        make(block ?? CNBlock, inputChannels, layerScale, (share * at++) / (total - 1)),
      )
      layers.push(new Sequential(...stage) as unknown as Module)
      if (outChannels === null) continue
      const smaller = new Conv2d(inputChannels, outChannels, 2, { stride: 2 })
      layers.push(new Sequential(make(normLayer, inputChannels), smaller) as unknown as Module)
    }
    this.features = new Sequential(...layers) as Sequential
    this.avgpool = new AdaptiveAvgPool2d(1)
    const last = setting[setting.length - 1]!
    const channels = last.outChannels ?? last.inputChannels
    this.classifier = new Sequential(
      make(normLayer, channels),
      new Flatten(1),
      new Linear(channels, numClasses),
    ) as unknown as Sequential
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue
      init.truncNormal_(module.weight, { std: 0.02 })
      if (module.bias !== null) init.zeros_(module.bias)
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)))
  }
}

const convnext = <N extends ModelName>(name: N, widths: number[], depth: number, usual: number) =>
  defineModel(name, (options: ConvNeXtOptions) => {
    const setting = widths.map((width, i) => new CNBlockConfig(width, widths[i + 1] ?? null, i === 2 ? depth : 3))
    return new ConvNeXt(setting, { stochasticDepthProb: usual, ...options })
  })

/** ConvNeXt Tiny; Python's `convnext_tiny`. */
export const convnextTiny = convnext('convnext_tiny', [96, 192, 384, 768], 9, 0.1)
/** ConvNeXt Small; Python's `convnext_small`. */
export const convnextSmall = convnext('convnext_small', [96, 192, 384, 768], 27, 0.4)
/** ConvNeXt Base; Python's `convnext_base`. */
export const convnextBase = convnext('convnext_base', [128, 256, 512, 1024], 27, 0.5)
/** ConvNeXt Large; Python's `convnext_large`. */
export const convnextLarge = convnext('convnext_large', [192, 384, 768, 1536], 27, 0.5)
