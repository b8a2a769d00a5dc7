/** RegNet. Rules, keys and order of random numbers: torchvision/models/regnet.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { arange, pow } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, init, Linear, Module, ReLU, Sequential } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type ActivationFactory, type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { SqueezeExcitation } from '../ops/squeeze-excitation.js'
import { defineModel } from './builder.js'
import { makeDivisible } from './channels.js'
import type { ModelName } from './weights.js'

/** The integer next to a number, the even one of two, as Python's `round`. */
function round(value: number): number {
  const near = Math.round(value)
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near
}

/** The first layer of {@link RegNet}. Shape: `(N, widthIn, H, W)` → `(N, widthOut, H′, W′)`. */
export class SimpleStemIN extends Conv2dNormActivation {
  constructor(widthIn: number, widthOut: number, normLayer: NormFactory, activationLayer: ActivationFactory) {
    super(widthIn, widthOut, 3, { stride: 2, normLayer, activationLayer })
  }
}

/** What all blocks of a stage have in common. */
interface StageOptions {
  normLayer: NormFactory
  activationLayer: ActivationFactory
  /** channels of a group of the 3×3 convolution */
  groupWidth: number
  /** how many times as wide the block is inside */
  bottleneckMultiplier: number
  /** channels between the layers of the squeeze-excitation, in those of the input; null: there is none */
  seRatio: number | null
}

/** Convolutions of 1×1, 3×3 and 1×1, with weights of the channels before the last where they are wanted. */
export class BottleneckTransform extends Sequential {
  constructor(widthIn: number, widthOut: number, stride: number, options: StageOptions) {
    const { normLayer, activationLayer, groupWidth, bottleneckMultiplier, seRatio } = options
    const width = round(widthOut * bottleneckMultiplier)
    const groups = Math.floor(width / groupWidth)
    const common = { normLayer, activationLayer }
    const layers: [string, Module][] = [
      ['a', new Conv2dNormActivation(widthIn, width, 1, common)],
      ['b', new Conv2dNormActivation(width, width, 3, { stride, groups, ...common })],
    ]
    if (seRatio)
      layers.push(['se', new SqueezeExcitation(width, round(seRatio * widthIn), { activation: activationLayer })])
    layers.push(['c', new Conv2dNormActivation(width, widthOut, 1, { normLayer, activationLayer: null })])
    super()
    for (const [name, layer] of layers) this.addModule(name, layer)
  }
}

/** A {@link BottleneckTransform} and the input added. Shape: `(N, widthIn, H, W)` → `(N, widthOut, H′, W′)`. */
export class ResBottleneckBlock extends Module {
  proj: Module | null
  f: BottleneckTransform
  activation: Module

  constructor(widthIn: number, widthOut: number, stride: number, options: StageOptions) {
    super()
    const { normLayer, activationLayer } = options
    this.proj =
      widthIn !== widthOut || stride !== 1
        ? new Conv2dNormActivation(widthIn, widthOut, 1, { stride, normLayer, activationLayer: null })
        : null
    this.f = new BottleneckTransform(widthIn, widthOut, stride, options)
    this.activation = make(activationLayer, { inplace: true })
  }

  override forward(x: Tensor): Tensor {
    const shortcut: Tensor = this.proj ? this.proj.forward(x) : x
    return this.activation.forward(shortcut.add(this.f.forward(x)))
  }
}

/** Makes a block of {@link RegNet}, as {@link ResBottleneckBlock}. */
export type RegNetBlockFactory = LayerFactory<
  [widthIn: number, widthOut: number, stride: number, options: StageOptions]
>

/** Blocks with outputs of the same shape. */
export class AnyStage extends Sequential {
  constructor(
    widthIn: number,
    widthOut: number,
    stride: number,
    depth: number,
    block: RegNetBlockFactory,
    options: StageOptions,
    stageIndex = 0,
  ) {
    super()
    for (let i = 0; i < depth; i++) {
      const made = make(block, i === 0 ? widthIn : widthOut, widthOut, i === 0 ? stride : 1, options)
      this.addModule(`block${stageIndex}-${i}`, made)
    }
  }
}

/** Arguments of {@link BlockParams.fromInitParams}. */
export interface RegNetParameters {
  /** blocks of all stages */
  depth: number
  /** width of the first blocks, a multiple of 8 */
  w0: number
  /** how much wider each block is, ≥ 0 */
  wA: number
  /** ratio of the widths of stages, > 1 */
  wM: number
  /** channels of a group of the 3×3 convolutions */
  groupWidth: number
  /** how many times as wide blocks are inside (default `1`) */
  bottleneckMultiplier?: number
  /** channels between the layers of the squeeze-excitations, in those of the input (default: there are none) */
  seRatio?: number | null
}

/** Depths, widths and strides of the stages of a {@link RegNet}. */
export class BlockParams {
  constructor(
    public depths: readonly number[],
    public widths: readonly number[],
    public groupWidths: readonly number[],
    public bottleneckMultipliers: readonly number[],
    public strides: readonly number[],
    public seRatio: number | null = null,
  ) {}

  /** Stages by the rule of the paper: widths that rise evenly, rounded to powers of `wM`, and those to multiples of 8. */
  static fromInitParams(parameters: RegNetParameters): BlockParams {
    const { depth, w0, wA, wM, groupWidth, bottleneckMultiplier = 1, seRatio = null } = parameters
    if (!(wA >= 0 && w0 > 0 && wM > 1 && w0 % 8 === 0)) throw new ArgumentError('Invalid RegNet settings')
    // in float32, as Python computes it
    const wanted = arange(depth).mul(wA).add(w0)
    const capacity = wanted.div(w0).log().div(Math.log(wM)).round()
    const widths = pow(wM, capacity).mul(w0).div(8).round().mul(8).tolist() as number[]
    const stages = widths.filter((width, i) => width !== widths[i - 1])
    const starts = [...widths.keys()].filter((i) => widths[i] !== widths[i - 1])
    const depths = starts.map((start, i) => (starts[i + 1] ?? depth) - start)
    // stages and groups that fit
    const inside = stages.map((width) => Math.trunc(width * bottleneckMultiplier))
    const groups = inside.map((width) => Math.min(groupWidth, width))
    const fitting = inside.map((width, i) => Math.trunc(makeDivisible(width, groups[i]!) / bottleneckMultiplier))
    const all = <T>(value: T): T[] => stages.map(() => value)
    return new BlockParams(depths, fitting, groups, all(bottleneckMultiplier), all(2), seRatio)
  }
}

/** Arguments of {@link RegNet} by name; those of the functions that make one, too. */
export interface RegNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** channels of the first layer (default `32`) */
  stemWidth?: number
  /** (default {@link SimpleStemIN}) */
  stemType?: LayerFactory<
    [widthIn: number, widthOut: number, normLayer: NormFactory, activationLayer: ActivationFactory]
  > | null
  /** (default {@link ResBottleneckBlock}) */
  blockType?: RegNetBlockFactory | null
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
  /** (default {@link ReLU}) */
  activation?: ActivationFactory | null
}
const names = ['blockParams', 'numClasses', 'stemWidth', 'stemType', 'blockType', 'normLayer', 'activation']
type Values = [
  ...[BlockParams, number?, number?, RegNetOptions['stemType']?],
  ...[RegNetOptions['blockType']?, RegNetOptions['normLayer']?, RegNetOptions['activation']?],
]

/** RegNet (arXiv 2003.13678). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class RegNet extends Module {
  stem: Module
  trunk_output: Sequential
  avgpool: AdaptiveAvgPool2d
  /** The last layer; another one may be put in its place. */
  fc: Module & { inFeatures?: number }

  constructor(blockParams: BlockParams, options?: RegNetOptions)
  constructor(...args: unknown[]) {
    super()
    const [stages, numClasses = 1000, stemWidth = 32, stem, block, norm, activation] = takeArguments(
      'RegNet',
      names,
      args,
    ) as Values
    if (!(stages instanceof BlockParams)) throw new ArgumentError('RegNet: expected blockParams to be BlockParams')
    const normLayer = norm ?? BatchNorm2d
    const activationLayer = activation ?? ReLU
    this.stem = make(stem ?? SimpleStemIN, 3, stemWidth, normLayer, activationLayer)
    const blocks = new Map<string, Module>()
    let width = stemWidth
    for (const [i, widthOut] of stages.widths.entries()) {
      const options: StageOptions = {
        normLayer,
        activationLayer,
        groupWidth: stages.groupWidths[i]!,
        bottleneckMultiplier: stages.bottleneckMultipliers[i]!,
        seRatio: stages.seRatio,
      }
      const [stride, depth] = [stages.strides[i]!, stages.depths[i]!]
      const stage = new AnyStage(width, widthOut, stride, depth, block ?? ResBottleneckBlock, options, i + 1)
      blocks.set(`block${i + 1}`, stage)
      width = widthOut
    }
    this.trunk_output = new Sequential(blocks) as unknown as Sequential
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.fc = new Linear(width, numClasses)
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        const [height, wide] = module.kernelSize as [number, number]
        init.normal_(module.weight, 0, Math.sqrt(2 / (height * wide * module.outChannels)))
      } else if (module instanceof BatchNorm2d) {
        init.ones_(module.weight)
        init.zeros_(module.bias)
      } else if (module instanceof Linear) {
        init.normal_(module.weight, 0, 0.01)
        init.zeros_(module.bias)
      }
    }
  }

  override forward(x: Tensor): Tensor {
    return this.fc.forward(this.avgpool.forward(this.trunk_output.forward(this.stem.forward(x))).flatten(1))
  }
}

const regnet = <N extends ModelName>(
  name: N,
  depth: number,
  w0: number,
  wA: number,
  wM: number,
  groupWidth: number,
  seRatio: number | null = null,
) =>
  defineModel(name, (options: RegNetOptions) => {
    return new RegNet(BlockParams.fromInitParams({ depth, w0, wA, wM, groupWidth, seRatio }), options)
  })

/** RegNetY of 0.4 GFLOPs; Python's `regnet_y_400mf`. */
export const regnetY400mf = regnet('regnet_y_400mf', 16, 48, 27.89, 2.09, 8, 0.25)
/** RegNetY of 0.8 GFLOPs; Python's `regnet_y_800mf`. */
export const regnetY800mf = regnet('regnet_y_800mf', 14, 56, 38.84, 2.4, 16, 0.25)
/** RegNetY of 1.6 GFLOPs; Python's `regnet_y_1_6gf`. */
export const regnetY1_6gf = regnet('regnet_y_1_6gf', 27, 48, 20.71, 2.65, 24, 0.25)
/** RegNetY of 3.2 GFLOPs; Python's `regnet_y_3_2gf`. */
export const regnetY3_2gf = regnet('regnet_y_3_2gf', 21, 80, 42.63, 2.66, 24, 0.25)
/** RegNetY of 8 GFLOPs; Python's `regnet_y_8gf`. */
export const regnetY8gf = regnet('regnet_y_8gf', 17, 192, 76.82, 2.19, 56, 0.25)
/** RegNetY of 16 GFLOPs; Python's `regnet_y_16gf`. */
export const regnetY16gf = regnet('regnet_y_16gf', 18, 200, 106.23, 2.48, 112, 0.25)
/** RegNetY of 32 GFLOPs; Python's `regnet_y_32gf`. */
export const regnetY32gf = regnet('regnet_y_32gf', 20, 232, 115.89, 2.53, 232, 0.25)
/** RegNetY of 128 GFLOPs; Python's `regnet_y_128gf`. */
export const regnetY128gf = regnet('regnet_y_128gf', 27, 456, 160.83, 2.52, 264, 0.25)
/** RegNetX of 0.4 GFLOPs; Python's `regnet_x_400mf`. */
export const regnetX400mf = regnet('regnet_x_400mf', 22, 24, 24.48, 2.54, 16)
/** RegNetX of 0.8 GFLOPs; Python's `regnet_x_800mf`. */
export const regnetX800mf = regnet('regnet_x_800mf', 16, 56, 35.73, 2.28, 16)
/** RegNetX of 1.6 GFLOPs; Python's `regnet_x_1_6gf`. */
export const regnetX1_6gf = regnet('regnet_x_1_6gf', 18, 80, 34.01, 2.25, 24)
/** RegNetX of 3.2 GFLOPs; Python's `regnet_x_3_2gf`. */
export const regnetX3_2gf = regnet('regnet_x_3_2gf', 25, 88, 26.31, 2.25, 48)
/** RegNetX of 8 GFLOPs; Python's `regnet_x_8gf`. */
export const regnetX8gf = regnet('regnet_x_8gf', 23, 80, 49.56, 2.88, 120)
/** RegNetX of 16 GFLOPs; Python's `regnet_x_16gf`. */
export const regnetX16gf = regnet('regnet_x_16gf', 22, 216, 55.59, 2.1, 128)
/** RegNetX of 32 GFLOPs; Python's `regnet_x_32gf`. */
export const regnetX32gf = regnet('regnet_x_32gf', 23, 320, 69.86, 2, 168)
