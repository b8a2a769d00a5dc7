/** MaxViT. Rules, keys and order of random numbers: torchvision/models/maxvit.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  GELU,
  Identity,
  init,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  Sequential,
  SiLU,
  Tanh,
} from '../../nn/index.js'
import { pythonText, tupleText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type ActivationFactory, make, type NormFactory } from '../ops/factory.js'
import { SqueezeExcitation } from '../ops/squeeze-excitation.js'
import { StochasticDepth } from '../ops/stochastic-depth.js'
import { defineModel } from './builder.js'
import { PartitionAttentionLayer, type Size } from './maxvit-attention.js'

/** Sizes after a convolution of 3×3 with a stride of 2. */
const halved = (size: Size): Size => [Math.floor((size[0] - 1) / 2) + 1, Math.floor((size[1] - 1) / 2) + 1]

/** What all layers of a {@link MaxVit} have in common. */
interface LayerOptions {
  squeezeRatio: number
  expansionRatio: number
  normLayer: NormFactory
  activationLayer: ActivationFactory
  headDim: number
  mlpRatio: number
  mlpDropout: number
  attentionDropout: number
  partitionSize: number
}

/** The convolutions of a layer and the input added. Shape: `(N, inChannels, H, W)` → `(N, outChannels, H / stride, W / stride)`. */
export class MBConv extends Module {
  proj: Module
  stochastic_depth: Module
  layers: Sequential

  constructor(inChannels: number, outChannels: number, stride: number, dropProb: number, options: LayerOptions) {
    super()
    const { normLayer, activationLayer } = options
    if (stride !== 1 || inChannels !== outChannels) {
      const proj: Module[] = [new Conv2d(inChannels, outChannels, 1)]
      if (stride === 2) proj.unshift(new AvgPool2d(3, { stride, padding: 1 }))
      this.proj = new Sequential(...proj) as unknown as Module
    } else this.proj = new Identity()
    const width = Math.trunc(outChannels * options.expansionRatio)
    const squeezed = Math.trunc(outChannels * options.squeezeRatio)
    this.stochastic_depth = dropProb > 0 ? new StochasticDepth(dropProb, 'row') : new Identity()
    const common = { normLayer, activationLayer, inplace: null }
    this.layers = new Sequential({
      pre_norm: make(normLayer, inChannels),
      conv_a: new Conv2dNormActivation(inChannels, width, 1, { padding: 0, ...common }),
      conv_b: new Conv2dNormActivation(width, width, 3, { stride, padding: 1, groups: width, ...common }),
      squeeze_excitation: new SqueezeExcitation(width, squeezed, { activation: SiLU }),
      conv_c: new Conv2d(width, outChannels, 1),
    }) as unknown as Sequential
  }

  override forward(x: Tensor): Tensor {
    const shortcut: Tensor = this.proj.forward(x)
    return shortcut.add(this.stochastic_depth.forward(this.layers.forward(x)))
  }
}

/** Convolutions, then attention inside of windows, and over a grid of elements that lie far from each other. */
export class MaxVitLayer extends Module {
  layers: Sequential

  constructor(
    inChannels: number,
    outChannels: number,
    stride: number,
    gridSize: Size,
    dropProb: number,
    options: LayerOptions,
  ) {
    super()
    this.layers = new Sequential({
      MBconv: new MBConv(inChannels, outChannels, stride, dropProb, options),
      window_attention: new PartitionAttentionLayer(outChannels, 'window', gridSize, dropProb, options),
      grid_attention: new PartitionAttentionLayer(outChannels, 'grid', gridSize, dropProb, options),
    }) as unknown as Sequential
  }
  override forward(x: Tensor): Tensor {
    return this.layers.forward(x)
  }
}

/** Layers of which the first makes the image half as large. Shape: `(N, inChannels, H, W)` → `(N, outChannels, H / 2, W / 2)`. */
export class MaxVitBlock extends Module {
  layers: ModuleList
  gridSize: Size

  /** @param stochastic - for each layer how often it is left out in training */
  constructor(
    inChannels: number,
    outChannels: number,
    inputGridSize: Size,
    stochastic: readonly number[],
    options: LayerOptions,
  ) {
    super()
    this.layers = new ModuleList()
    this.gridSize = halved(inputGridSize)
    for (const [i, p] of stochastic.entries()) {
      const inputs = i === 0 ? inChannels : outChannels
      this.layers.append(new MaxVitLayer(inputs, outChannels, i === 0 ? 2 : 1, this.gridSize, p, options))
    }
  }
  override forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(x)
    return x
  }
}

/** Arguments of {@link MaxVit} by name. */
export interface MaxVitOptions {
  /** of the convolutions (default: BatchNorm2d with eps 0.001 and momentum 0.01) */
  normLayer?: NormFactory | null
  /** (default {@link GELU}) */
  activationLayer?: ActivationFactory
  /** channels between the layers of squeeze-excitations, in those of the block (default `0.25`) */
  squeezeRatio?: number
  /** how many times as wide the convolutions are inside (default `4`) */
  expansionRatio?: number
  /** how many times as wide linear layers are inside (default `4`) */
  mlpRatio?: number
  /** probability of dropping after the linear layers, in [0, 1] (default `0`) */
  mlpDropout?: number
  /** probability of dropping in the result of the attention, in [0, 1] (default `0`) */
  attentionDropout?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
}
/** Arguments of {@link maxvitT} by name. */
export interface MaxVitModelOptions extends MaxVitOptions {
  /** height and width of the images, multiples of 224 (default `[224, 224]`) */
  inputSize?: Size
}
const names = [
  ...['inputSize', 'stemChannels', 'partitionSize', 'blockChannels', 'blockLayers', 'headDim', 'stochasticDepthProb'],
  ...['normLayer', 'activationLayer', 'squeezeRatio', 'expansionRatio', 'mlpRatio', 'mlpDropout', 'attentionDropout'],
  'numClasses',
]
type Values = [
  ...[Size, number, number, readonly number[], readonly number[], number, number],
  ...[(NormFactory | null)?, ActivationFactory?, number?, number?, number?, number?, number?, number?],
]

/** MaxViT (arXiv 2204.01697), made for images of one size. Shape: `(N, 3, *inputSize)` → `(N, numClasses)`. */
export class MaxVit extends Module {
  stem: Sequential
  partitionSize: number
  blocks: ModuleList<MaxVitBlock>
  classifier: Sequential

  /**
   * @param partitionSize - of windows and grids; divides the sizes of the images in all blocks
   * @param stochasticDepthProb - how often the last layer is left out in training; earlier ones less often
   */
  constructor(
    inputSize: Size,
    stemChannels: number,
    partitionSize: number,
    blockChannels: readonly number[],
    blockLayers: readonly number[],
    headDim: number,
    stochasticDepthProb: number,
    options?: MaxVitOptions,
  )
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('MaxVit', names, args) as Values
    const [inputSize, stemChannels, partitionSize, blockChannels, blockLayers, headDim, share, norm] = values
    const [activationLayer = GELU, squeezeRatio = 0.25, expansionRatio = 4, mlpRatio = 4] = values.slice(8) as [
      ...[ActivationFactory?, number?, number?, number?],
    ]
    const [mlpDropout = 0, attentionDropout = 0, numClasses = 1000] = values.slice(12) as number[]
    const normLayer = norm ?? ((count: number) => new BatchNorm2d(count, { eps: 0.001, momentum: 0.01 }))
    checkSizes(inputSize, blockChannels.length, partitionSize)
    this.stem = new Sequential(
      ...([
        new Conv2dNormActivation(3, stemChannels, 3, {
          stride: 2,
          normLayer,
          activationLayer,
          bias: false,
          inplace: null,
        }),
        new Conv2dNormActivation(stemChannels, stemChannels, 3, { normLayer: null, activationLayer: null, bias: true }),
      ] as Module[]),
    ) as Sequential
    this.partitionSize = partitionSize
    this.blocks = new ModuleList()
    const options = { squeezeRatio, expansionRatio, normLayer, activationLayer, headDim, mlpRatio, mlpDropout }
    let [size, channels] = [halved(inputSize), stemChannels]
    const shares = rising(
      share,
      blockLayers.reduce((sum, count) => sum + count, 0),
    )
    for (const [i, outChannels] of blockChannels.entries()) {
      const own = shares.splice(0, blockLayers[i]!)
      const all = { ...options, attentionDropout, partitionSize }
      const block = new MaxVitBlock(channels, outChannels, size, own, all)
      this.blocks.append(block)
      size = block.gridSize
      channels = outChannels
    }
    this.classifier = new Sequential(
      new AdaptiveAvgPool2d(1),
      new Flatten(),
      new LayerNorm(channels),
      new Linear(channels, channels),
      new Tanh(),
      new Linear(channels, numClasses, { bias: false }),
    ) as unknown as Sequential
    for (const module of this.modules()) {
      if (module instanceof Conv2d || module instanceof Linear) {
        init.normal_(module.weight, 0, 0.02)
        if (module.bias !== null) init.zeros_(module.bias)
      } else if (module instanceof BatchNorm2d) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      }
    }
  }

  override forward(x: Tensor): Tensor {
    x = this.stem.forward(x)
    for (const block of this.blocks) x = block.forward(x)
    return this.classifier.forward(x)
  }
}

/** `count` numbers from 0 to `end` with equal steps, as numpy's `linspace` rounds them. */
function rising(end: number, count: number): number[] {
  const step = end / (count - 1)
  return Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? end : i === 0 ? 0 : i * step))
}

function checkSizes(inputSize: Size, blocks: number, partitionSize: number): void {
  let size = halved(inputSize)
  const sizes = Array.from({ length: blocks }, () => (size = halved(size)))
  for (const [i, [height, width]] of sizes.entries()) {
    if (height % partitionSize === 0 && width % partitionSize === 0) continue
    const all = sizes.map((each) => tupleText(each))
    throw new ArgumentError(
      `Input size ${tupleText(sizes[i]!)} of block ${i} is not divisible by partition size ${partitionSize}. ` +
        'Consider changing the partition size or the input size.\n' +
        `Current configuration yields the following block input sizes: ${pythonText(all).replaceAll("'", '')}.`,
    )
  }
}

/** MaxViT Tiny; Python's `maxvit_t`. */
export const maxvitT = defineModel(
  'maxvit_t',
  ({ inputSize = [224, 224], ...options }: MaxVitModelOptions) =>
    new MaxVit(inputSize, 64, 7, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2, options),
  undefined,
  { asks: (_, { imageSize }) => ({ inputSize: [imageSize, imageSize] }) },
)
