/** DenseNet. Rules, keys and order of random numbers: torchvision/models/densenet.py, torchvision 0.28. */
import { TorchError } from '../../errors.js'
import { cat } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import { forwardInTurn } from '../../nn/chain.js'
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  functional,
  init,
  Linear,
  MaxPool2d,
  Module,
  ModuleDict,
  ReLU,
  Sequential,
} from '../../nn/index.js'
import type { AnyStateDict } from '../../nn/types.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'
import type { ModelName } from './weights.js'

class _DenseLayer extends Module {
  norm1: BatchNorm2d
  relu1: ReLU
  conv1: Conv2d
  norm2: BatchNorm2d
  relu2: ReLU
  conv2: Conv2d
  dropRate: number

  constructor(inputs: number, growthRate: number, bnSize: number, dropRate: number) {
    super()
    const width = bnSize * growthRate
    this.norm1 = new BatchNorm2d(inputs)
    this.relu1 = new ReLU(true)
    this.conv1 = new Conv2d(inputs, width, 1, { bias: false })
    this.norm2 = new BatchNorm2d(width)
    this.relu2 = new ReLU(true)
    this.conv2 = new Conv2d(width, growthRate, 3, { padding: 1, bias: false })
    this.dropRate = dropRate
  }

  override forward(input: Tensor | readonly Tensor[]): Tensor {
    const features = Array.isArray(input) ? cat(input as Tensor[], 1) : cat([input as Tensor], 1)
    const { norm1, relu1, conv1, norm2, relu2, conv2 } = this
    const made = forwardInTurn([norm1, relu1, conv1, norm2, relu2, conv2], features)
    return this.dropRate > 0 ? functional.dropout(made, { p: this.dropRate, training: this.training }) : made
  }
}

class _DenseBlock extends ModuleDict {
  constructor(layers: number, inputs: number, bnSize: number, growthRate: number, dropRate: number) {
    super()
    for (let i = 0; i < layers; i++) {
      const layer = new _DenseLayer(inputs + i * growthRate, growthRate, bnSize, dropRate)
      this.addModule(`denselayer${i + 1}`, layer)
    }
  }
  /** @internal */
  override get _version(): number {
    return 2
  }
  override forward(input: Tensor): Tensor {
    const features = [input]
    for (const layer of this.values()) features.push(layer.forward(features))
    return cat(features, 1)
  }
}

class _Transition extends Sequential {
  constructor(inputs: number, outputs: number) {
    super()
    this.addModule('norm', new BatchNorm2d(inputs))
    this.addModule('relu', new ReLU(true))
    this.addModule('conv', new Conv2d(inputs, outputs, 1, { bias: false }))
    this.addModule('pool', new AvgPool2d(2, { stride: 2 }))
  }
}

/** Arguments of {@link DenseNet} by name; those of the functions that make one, too, but for the first three. */
export interface DenseNetOptions {
  /** channels that each layer adds (default `32`) */
  growthRate?: number
  /** layers of each block (default `[6, 12, 24, 16]`) */
  blockConfig?: readonly number[]
  /** channels of the first convolution (default `64`) */
  numInitFeatures?: number
  /** width inside of a layer, in growth rates (default `4`) */
  bnSize?: number
  /** probability of dropping after each layer, in [0, 1] (default `0`) */
  dropRate?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** only `false` is offered: there is no `torch.utils.checkpoint` yet */
  memoryEfficient?: boolean
}
const names = [
  ...['growthRate', 'blockConfig', 'numInitFeatures', 'bnSize', 'dropRate', 'numClasses', 'memoryEfficient'],
]
type Values = [number?, (readonly number[])?, number?, number?, number?, number?, boolean?]

/** Each layer sees what all before it made (arXiv 1608.06993). Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 29. */
export class DenseNet extends Module {
  features: Sequential
  /** The last layer; another one may be put in its place. */
  classifier: Module & { inFeatures?: number }

  constructor(options?: DenseNetOptions)
  constructor(growthRate: number, blockConfig?: readonly number[], numInitFeatures?: number, options?: DenseNetOptions)
  constructor(...args: unknown[]) {
    super()
    const [growthRate = 32, blockConfig = [6, 12, 24, 16], first = 64, bnSize = 4, dropRate = 0, ...rest] =
      takeArguments('DenseNet', names, args) as Values
    const [numClasses = 1000, memoryEfficient = false] = rest
    if (memoryEfficient)
      throw new TorchError('DenseNet: memoryEfficient is not offered, as there is no torch.utils.checkpoint')
    this.features = new Sequential({
      conv0: new Conv2d(3, first, 7, { stride: 2, padding: 3, bias: false }),
      norm0: new BatchNorm2d(first),
      relu0: new ReLU(true),
      pool0: new MaxPool2d(3, { stride: 2, padding: 1 }),
    }) as unknown as Sequential
    let channels = first
    for (const [i, layers] of blockConfig.entries()) {
      this.features.addModule(`denseblock${i + 1}`, new _DenseBlock(layers, channels, bnSize, growthRate, dropRate))
      channels += layers * growthRate
      if (i === blockConfig.length - 1) break
      this.features.addModule(`transition${i + 1}`, new _Transition(channels, Math.floor(channels / 2)))
      channels = Math.floor(channels / 2)
    }
    this.features.addModule('norm5', new BatchNorm2d(channels))
    this.classifier = new Linear(channels, numClasses)
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight)
      else if (module instanceof BatchNorm2d) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      } else if (module instanceof Linear) init.constant_(module.bias, 0)
    }
  }

  override forward(x: Tensor): Tensor {
    const features = functional.relu(this.features.forward(x), { inplace: true })
    return this.classifier.forward(functional.adaptiveAvgPool2d(features, [1, 1]).flatten(1))
  }
}

/** Old files have `norm.1` where layers are named `norm1` now. */
function renameOld(stateDict: AnyStateDict): AnyStateDict {
  const entries = stateDict instanceof Map ? [...stateDict] : Object.entries(stateDict)
  const old = /^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$/
  if (!entries.some(([key]) => old.test(key))) return stateDict
  return new Map(entries.map(([key, value]) => [key.replace(old, '$1$2'), value])) as AnyStateDict
}

const densenet = <N extends ModelName>(name: N, growthRate: number, blockConfig: number[], first: number) =>
  defineModel(
    name,
    (options: Omit<DenseNetOptions, 'growthRate' | 'blockConfig' | 'numInitFeatures'>) =>
      new DenseNet(growthRate, blockConfig, first, options),
    renameOld,
  )

/** DenseNet-121. */
export const densenet121 = densenet('densenet121', 32, [6, 12, 24, 16], 64)
/** DenseNet-161. */
export const densenet161 = densenet('densenet161', 48, [6, 12, 36, 24], 96)
/** DenseNet-169. */
export const densenet169 = densenet('densenet169', 32, [6, 12, 32, 32], 64)
/** DenseNet-201. */
export const densenet201 = densenet('densenet201', 32, [6, 12, 48, 32], 64)
