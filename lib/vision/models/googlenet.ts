/** GoogLeNet (Inception v1). Rules, keys and order of random numbers: torchvision/models/googlenet.py, torchvision 0.28. */
import { cat } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
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
  Sequential,
} from '../../nn/index.js'
import { warn } from '../../nn/warn.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'
import { BasicConv2d, transformInput } from './inception.js'

const conv = (inputs: number, outputs: number, kernelSize: number, padding = 0): BasicConv2d =>
  new BasicConv2d(inputs, outputs, { kernelSize, padding })
const pair = (first: Module, second: Module): Sequential => new Sequential(first, second) as unknown as Sequential

class Inception extends Module {
  branch1: Module
  branch2: Sequential
  branch3: Sequential
  branch4: Sequential

  /** @param widths - of the branches: 1×1; 3×3 before and after; the second 3×3 before and after; pooling */
  constructor(inChannels: number, ...widths: [number, number, number, number, number, number]) {
    super()
    const [plain, before3, after3, before5, after5, pooled] = widths
    this.branch1 = conv(inChannels, plain, 1)
    this.branch2 = pair(conv(inChannels, before3, 1), conv(before3, after3, 3, 1))
    // The paper has 5×5 here; the trained weights, and so all keys and shapes, have 3×3.
    this.branch3 = pair(conv(inChannels, before5, 1), conv(before5, after5, 3, 1))
    const pool = new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true })
    this.branch4 = pair(pool, conv(inChannels, pooled, 1))
  }
  override forward(x: Tensor): Tensor {
    return cat(
      [this.branch1, this.branch2, this.branch3, this.branch4].map((branch) => branch.forward(x)),
      1,
    )
  }
}

class InceptionAux extends Module {
  conv: BasicConv2d
  fc1: Linear
  fc2: Linear
  dropout: Dropout

  constructor(inChannels: number, numClasses: number, dropout: number) {
    super()
    this.conv = conv(inChannels, 128, 1)
    this.fc1 = new Linear(2048, 1024)
    this.fc2 = new Linear(1024, numClasses)
    this.dropout = new Dropout(dropout)
  }
  override forward(x: Tensor): Tensor {
    x = this.conv.forward(functional.adaptiveAvgPool2d(x, [4, 4])).flatten(1)
    x = functional.relu(this.fc1.forward(x), { inplace: true })
    return this.fc2.forward(this.dropout.forward(x))
  }
}

/** What {@link GoogLeNet} gives in training where it has auxiliary heads: three tensors, and by name. */
export type GoogLeNetOutputs = [logits: Tensor, auxLogits2: Tensor, auxLogits1: Tensor] & {
  logits: Tensor
  auxLogits2: Tensor
  auxLogits1: Tensor
}

/** Arguments of {@link GoogLeNet} by name. */
export interface GoogLeNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** whether there are auxiliary heads, whose results are given, too, in training (default `true`; with trained weights `false`) */
  auxLogits?: boolean
  /** whether images are normalised otherwise first; with trained weights the default is `true` (default `false`) */
  transformInput?: boolean
  /** whether weights start with a truncated normal distribution (default `true`) */
  initWeights?: boolean | null
  /** probability of dropping before the last layer, in [0, 1] (default `0.2`) */
  dropout?: number
  /** the same of the auxiliary heads (default `0.7`) */
  dropoutAux?: number
}
const names = ['numClasses', 'auxLogits', 'transformInput', 'initWeights', 'dropout', 'dropoutAux']

/**
 * GoogLeNet (arXiv 1409.4842).
 * Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 15; in training with auxiliary heads {@link GoogLeNetOutputs}.
 */
export class GoogLeNet extends Module {
  auxLogits: boolean
  transformInput: boolean
  conv1 = new BasicConv2d(3, 64, { kernelSize: 7, stride: 2, padding: 3 })
  maxpool1 = new MaxPool2d(3, { stride: 2, ceilMode: true })
  conv2 = conv(64, 64, 1)
  conv3 = conv(64, 192, 3, 1)
  maxpool2 = new MaxPool2d(3, { stride: 2, ceilMode: true })
  inception3a = new Inception(192, 64, 96, 128, 16, 32, 32)
  inception3b = new Inception(256, 128, 128, 192, 32, 96, 64)
  maxpool3 = new MaxPool2d(3, { stride: 2, ceilMode: true })
  inception4a = new Inception(480, 192, 96, 208, 16, 48, 64)
  inception4b = new Inception(512, 160, 112, 224, 24, 64, 64)
  inception4c = new Inception(512, 128, 128, 256, 24, 64, 64)
  inception4d = new Inception(512, 112, 144, 288, 32, 64, 64)
  inception4e = new Inception(528, 256, 160, 320, 32, 128, 128)
  maxpool4 = new MaxPool2d(2, { stride: 2, ceilMode: true })
  inception5a = new Inception(832, 256, 160, 320, 32, 128, 128)
  inception5b = new Inception(832, 384, 192, 384, 48, 128, 128)
  aux1: InceptionAux | null
  aux2: InceptionAux | null
  avgpool: AdaptiveAvgPool2d
  dropout: Dropout
  /** The last layer; another one may be put in its place. */
  fc: Module & { inFeatures?: number }

  constructor(options?: GoogLeNetOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('GoogLeNet', names, args)
    const [numClasses = 1000, auxLogits = true, transform = false, initWeights, dropout = 0.2, dropoutAux = 0.7] =
      values as [number?, boolean?, boolean?, (boolean | null)?, number?, number?]
    this.auxLogits = auxLogits
    this.transformInput = transform
    this.aux1 = auxLogits ? new InceptionAux(512, numClasses, dropoutAux) : null
    this.aux2 = auxLogits ? new InceptionAux(528, numClasses, dropoutAux) : null
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.dropout = new Dropout(dropout)
    this.fc = new Linear(1024, numClasses)
    if (initWeights === false) return
    for (const module of this.modules()) {
      if (module instanceof Conv2d || module instanceof Linear)
        init.truncNormal_(module.weight, { mean: 0, std: 0.01, a: -2, b: 2 })
      else if (module instanceof BatchNorm2d) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      }
    }
  }

  override forward(x: Tensor): Tensor | GoogLeNetOutputs {
    if (this.transformInput) x = transformInput(x)
    x = this.maxpool1.forward(this.conv1.forward(x))
    x = this.maxpool2.forward(this.conv3.forward(this.conv2.forward(x)))
    x = this.maxpool3.forward(this.inception3b.forward(this.inception3a.forward(x)))
    x = this.inception4a.forward(x)
    const auxLogits1 = this.training ? this.aux1?.forward(x) : undefined
    x = this.inception4d.forward(this.inception4c.forward(this.inception4b.forward(x)))
    const auxLogits2 = this.training ? this.aux2?.forward(x) : undefined
    x = this.maxpool4.forward(this.inception4e.forward(x))
    x = this.inception5b.forward(this.inception5a.forward(x))
    const logits: Tensor = this.fc.forward(this.dropout.forward(this.avgpool.forward(x).flatten(1)))
    if (!auxLogits1 || !auxLogits2 || !this.auxLogits) return logits
    const outputs: [Tensor, Tensor, Tensor] = [logits, auxLogits2, auxLogits1]
    return Object.assign(outputs, { logits, auxLogits2, auxLogits1 })
  }
}

/** GoogLeNet. Trained weights have no trained auxiliary heads, so that these are taken out where they are not asked for. */
export const googlenet = defineModel('googlenet', (options: GoogLeNetOptions) => new GoogLeNet(options), undefined, {
  asks: ({ transformInput = true }) => ({ transformInput, auxLogits: true, initWeights: false }),
  finish(model, { auxLogits = false }) {
    if (auxLogits) {
      warn('auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them')
      return
    }
    Object.assign(model, { auxLogits: false, aux1: null, aux2: null })
  },
})
