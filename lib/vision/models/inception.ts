/** Inception v3. Rules, keys and order of random numbers: torchvision/models/inception.py, torchvision 0.28. */
import { cat } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import { forwardInTurn } from '../../nn/chain.js'
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  functional,
  init,
  Linear,
  MaxPool2d,
  Module,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'

/** Further options of a convolution without a shift. */
export interface BasicConv2dOptions {
  kernelSize: number | [number, number]
  stride?: number
  padding?: number | [number, number]
}

/** A convolution, a batch norm, and ReLU. Shape: `(N, inChannels, H, W)` → `(N, outChannels, H′, W′)`. */
export class BasicConv2d extends Module {
  conv: Conv2d
  bn: BatchNorm2d

  constructor(inChannels: number, outChannels: number, { kernelSize, ...options }: BasicConv2dOptions) {
    super()
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, { bias: false, ...options })
    this.bn = new BatchNorm2d(outChannels, { eps: 0.001 })
  }
  override forward(x: Tensor): Tensor {
    return functional.relu(forwardInTurn([this.conv, this.bn], x), { inplace: true })
  }
}

/** Images normalised as torchvision does, normalised as Inception's first weights want it. @internal */
export function transformInput(x: Tensor): Tensor {
  const scale = [0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5]
  const shift = [(0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5]
  const channels = scale.map((factor, i) => x.select(1, i).unsqueeze(1).mul(factor).add(shift[i]!))
  return cat(channels, 1)
}

const conv = (inputs: number, outputs: number, kernelSize: number, options: Partial<BasicConv2dOptions> = {}) =>
  new BasicConv2d(inputs, outputs, { kernelSize, ...options })
/** a kernel of one row, or of one column, that keeps the size */
const row = (inputs: number, outputs: number, size: number) =>
  new BasicConv2d(inputs, outputs, { kernelSize: [1, size], padding: [0, (size - 1) / 2] })
const column = (inputs: number, outputs: number, size: number) =>
  new BasicConv2d(inputs, outputs, { kernelSize: [size, 1], padding: [(size - 1) / 2, 0] })
const mean3x3 = (x: Tensor): Tensor => functional.avgPool2d(x, 3, { stride: 1, padding: 1 })

/** One after another. */
function through(x: Tensor, ...layers: Module[]): Tensor {
  for (const layer of layers) x = layer.forward(x)
  return x
}

class InceptionA extends Module {
  branch1x1: Module
  branch5x5_1: Module
  branch5x5_2: Module
  branch3x3dbl_1: Module
  branch3x3dbl_2: Module
  branch3x3dbl_3: Module
  branch_pool: Module

  constructor(inChannels: number, poolFeatures: number) {
    super()
    this.branch1x1 = conv(inChannels, 64, 1)
    this.branch5x5_1 = conv(inChannels, 48, 1)
    this.branch5x5_2 = conv(48, 64, 5, { padding: 2 })
    this.branch3x3dbl_1 = conv(inChannels, 64, 1)
    this.branch3x3dbl_2 = conv(64, 96, 3, { padding: 1 })
    this.branch3x3dbl_3 = conv(96, 96, 3, { padding: 1 })
    this.branch_pool = conv(inChannels, poolFeatures, 1)
  }
  override forward(x: Tensor): Tensor {
    const parts = [
      this.branch1x1.forward(x),
      through(x, this.branch5x5_1, this.branch5x5_2),
      through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
      this.branch_pool.forward(mean3x3(x)),
    ]
    return cat(parts, 1)
  }
}

class InceptionB extends Module {
  branch3x3: Module
  branch3x3dbl_1: Module
  branch3x3dbl_2: Module
  branch3x3dbl_3: Module

  constructor(inChannels: number) {
    super()
    this.branch3x3 = conv(inChannels, 384, 3, { stride: 2 })
    this.branch3x3dbl_1 = conv(inChannels, 64, 1)
    this.branch3x3dbl_2 = conv(64, 96, 3, { padding: 1 })
    this.branch3x3dbl_3 = conv(96, 96, 3, { stride: 2 })
  }
  override forward(x: Tensor): Tensor {
    const parts = [
      this.branch3x3.forward(x),
      through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3),
      functional.maxPool2d(x, 3, { stride: 2 }),
    ]
    return cat(parts, 1)
  }
}

class InceptionC extends Module {
  branch1x1: Module
  branch7x7_1: Module
  branch7x7_2: Module
  branch7x7_3: Module
  branch7x7dbl_1: Module
  branch7x7dbl_2: Module
  branch7x7dbl_3: Module
  branch7x7dbl_4: Module
  branch7x7dbl_5: Module
  branch_pool: Module

  constructor(inChannels: number, width: number) {
    super()
    this.branch1x1 = conv(inChannels, 192, 1)
    this.branch7x7_1 = conv(inChannels, width, 1)
    this.branch7x7_2 = row(width, width, 7)
    this.branch7x7_3 = column(width, 192, 7)
    this.branch7x7dbl_1 = conv(inChannels, width, 1)
    this.branch7x7dbl_2 = column(width, width, 7)
    this.branch7x7dbl_3 = row(width, width, 7)
    this.branch7x7dbl_4 = column(width, width, 7)
    this.branch7x7dbl_5 = row(width, 192, 7)
    this.branch_pool = conv(inChannels, 192, 1)
  }
  override forward(x: Tensor): Tensor {
    // in Python's order, by which gradients are added up
    const plain = this.branch1x1.forward(x)
    const once = through(x, this.branch7x7_1, this.branch7x7_2, this.branch7x7_3)
    const first = through(x, this.branch7x7dbl_1, this.branch7x7dbl_2, this.branch7x7dbl_3)
    const twice = through(first, this.branch7x7dbl_4, this.branch7x7dbl_5)
    return cat([plain, once, twice, this.branch_pool.forward(mean3x3(x))], 1)
  }
}

class InceptionD extends Module {
  branch3x3_1: Module
  branch3x3_2: Module
  branch7x7x3_1: Module
  branch7x7x3_2: Module
  branch7x7x3_3: Module
  branch7x7x3_4: Module

  constructor(inChannels: number) {
    super()
    this.branch3x3_1 = conv(inChannels, 192, 1)
    this.branch3x3_2 = conv(192, 320, 3, { stride: 2 })
    this.branch7x7x3_1 = conv(inChannels, 192, 1)
    this.branch7x7x3_2 = row(192, 192, 7)
    this.branch7x7x3_3 = column(192, 192, 7)
    this.branch7x7x3_4 = conv(192, 192, 3, { stride: 2 })
  }
  override forward(x: Tensor): Tensor {
    const small = through(x, this.branch3x3_1, this.branch3x3_2)
    const wide = through(x, this.branch7x7x3_1, this.branch7x7x3_2, this.branch7x7x3_3, this.branch7x7x3_4)
    return cat([small, wide, functional.maxPool2d(x, 3, { stride: 2 })], 1)
  }
}

class InceptionE extends Module {
  branch1x1: Module
  branch3x3_1: Module
  branch3x3_2a: Module
  branch3x3_2b: Module
  branch3x3dbl_1: Module
  branch3x3dbl_2: Module
  branch3x3dbl_3a: Module
  branch3x3dbl_3b: Module
  branch_pool: Module

  constructor(inChannels: number) {
    super()
    this.branch1x1 = conv(inChannels, 320, 1)
    this.branch3x3_1 = conv(inChannels, 384, 1)
    this.branch3x3_2a = row(384, 384, 3)
    this.branch3x3_2b = column(384, 384, 3)
    this.branch3x3dbl_1 = conv(inChannels, 448, 1)
    this.branch3x3dbl_2 = conv(448, 384, 3, { padding: 1 })
    this.branch3x3dbl_3a = row(384, 384, 3)
    this.branch3x3dbl_3b = column(384, 384, 3)
    this.branch_pool = conv(inChannels, 192, 1)
  }
  override forward(x: Tensor): Tensor {
    const plain = this.branch1x1.forward(x)
    const small = this.branch3x3_1.forward(x)
    const once = cat([this.branch3x3_2a.forward(small), this.branch3x3_2b.forward(small)], 1)
    const double = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2)
    const twice = cat([this.branch3x3dbl_3a.forward(double), this.branch3x3dbl_3b.forward(double)], 1)
    return cat([plain, once, twice, this.branch_pool.forward(mean3x3(x))], 1)
  }
}

class InceptionAux extends Module {
  conv0: BasicConv2d
  conv1: BasicConv2d
  fc: Linear

  constructor(inChannels: number, numClasses: number) {
    super()
    this.conv0 = conv(inChannels, 128, 1)
    this.conv1 = conv(128, 768, 5)
    this.fc = new Linear(768, numClasses)
  }
  override forward(x: Tensor): Tensor {
    x = through(functional.avgPool2d(x, 5, { stride: 3 }), this.conv0, this.conv1)
    return this.fc.forward(functional.adaptiveAvgPool2d(x, [1, 1]).flatten(1))
  }
}

/** What {@link Inception3} gives in training where it has an auxiliary head: a pair, and by name. */
export type InceptionOutputs = [logits: Tensor, auxLogits: Tensor] & { logits: Tensor; auxLogits: Tensor }

/** Arguments of {@link Inception3} by name. */
export interface Inception3Options {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** whether there is an auxiliary head, whose result is given, too, in training (default `true`) */
  auxLogits?: boolean
  /** whether images are normalised otherwise first; with trained weights the default is `true` (default `false`) */
  transformInput?: boolean
  /** whether weights start with a truncated normal distribution (default `true`) */
  initWeights?: boolean | null
  /** probability of dropping before the last layer, in [0, 1] (default `0.5`) */
  dropout?: number
}
const names = ['numClasses', 'auxLogits', 'transformInput', 'initWeights', 'dropout']

/**
 * Inception v3 (arXiv 1512.00567), made for images of 299×299.
 * Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 75; in training with an auxiliary head {@link InceptionOutputs}.
 */
export class Inception3 extends Module {
  auxLogits: boolean
  transformInput: boolean
  Conv2d_1a_3x3 = conv(3, 32, 3, { stride: 2 })
  Conv2d_2a_3x3 = conv(32, 32, 3)
  Conv2d_2b_3x3 = conv(32, 64, 3, { padding: 1 })
  maxpool1 = new MaxPool2d(3, { stride: 2 })
  Conv2d_3b_1x1 = conv(64, 80, 1)
  Conv2d_4a_3x3 = conv(80, 192, 3)
  maxpool2 = new MaxPool2d(3, { stride: 2 })
  Mixed_5b = new InceptionA(192, 32)
  Mixed_5c = new InceptionA(256, 64)
  Mixed_5d = new InceptionA(288, 64)
  Mixed_6a = new InceptionB(288)
  Mixed_6b = new InceptionC(768, 128)
  Mixed_6c = new InceptionC(768, 160)
  Mixed_6d = new InceptionC(768, 160)
  Mixed_6e = new InceptionC(768, 192)
  AuxLogits: InceptionAux | null
  Mixed_7a: Module
  Mixed_7b: Module
  Mixed_7c: Module
  avgpool: AdaptiveAvgPool2d
  dropout: Dropout
  /** The last layer; another one may be put in its place. */
  fc: Module & { inFeatures?: number }

  constructor(options?: Inception3Options)
  constructor(...args: unknown[]) {
    super()
    const [numClasses = 1000, auxLogits = true, transform = false, initWeights, dropout = 0.5] = takeArguments(
      'Inception3',
      names,
      args,
    ) as [number?, boolean?, boolean?, (boolean | null)?, number?]
    this.auxLogits = auxLogits
    this.transformInput = transform
    this.AuxLogits = auxLogits ? new InceptionAux(768, numClasses) : null
    this.Mixed_7a = new InceptionD(768)
    this.Mixed_7b = new InceptionE(1280)
    this.Mixed_7c = new InceptionE(2048)
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.dropout = new Dropout(dropout)
    this.fc = new Linear(2048, numClasses)
    if (initWeights === false) return
    const own = new Map<Module, number>()
    if (this.AuxLogits) own.set(this.AuxLogits.fc, 0.001)
    for (const module of this.modules()) {
      if (module instanceof Conv2d || module instanceof Linear)
        init.truncNormal_(module.weight, { mean: 0, std: own.get(module) ?? 0.1, a: -2, b: 2 })
      else if (module instanceof BatchNorm2d) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      }
    }
  }

  override forward(x: Tensor): Tensor | InceptionOutputs {
    if (this.transformInput) x = transformInput(x)
    x = through(x, this.Conv2d_1a_3x3, this.Conv2d_2a_3x3, this.Conv2d_2b_3x3, this.maxpool1)
    x = through(x, this.Conv2d_3b_1x1, this.Conv2d_4a_3x3, this.maxpool2)
    x = through(x, this.Mixed_5b, this.Mixed_5c, this.Mixed_5d)
    x = through(x, this.Mixed_6a, this.Mixed_6b, this.Mixed_6c, this.Mixed_6d, this.Mixed_6e)
    const auxLogits = this.training ? this.AuxLogits?.forward(x) : undefined
    x = through(x, this.Mixed_7a, this.Mixed_7b, this.Mixed_7c)
    const logits: Tensor = this.fc.forward(this.dropout.forward(this.avgpool.forward(x)).flatten(1))
    if (!auxLogits || !this.auxLogits) return logits
    return Object.assign([logits, auxLogits] as [Tensor, Tensor], { logits, auxLogits })
  }
}

/** Inception v3; Python's `inception_v3`. Trained weights are those of images of 299×299. */
export const inceptionV3 = defineModel(
  'inception_v3',
  (options: Inception3Options) => new Inception3(options),
  undefined,
  { asks: ({ transformInput = true }) => ({ transformInput, auxLogits: true, initWeights: false }) },
)
