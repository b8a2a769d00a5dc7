/** VGG. Rules, keys and order of random numbers: torchvision/models/vgg.py, torchvision 0.28. */

import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'
import type { ModelName } from './weights.js'

/** Arguments of {@link VGG} by name; those of the functions that make one, too. */
export interface VGGOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** whether layers get the starting values of VGG instead of their own (default `true`) */
  initWeights?: boolean
  /** probability of dropping between the last layers, in [0, 1] (default `0.5`) */
  dropout?: number
}

/** Convolutions of 3×3 and three linear layers (arXiv 1409.1556). Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 32. */
export class VGG extends Module {
  features: Module
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  /** @param features - layers that give 512 channels */
  constructor(features: Module, options?: VGGOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('VGG', ['features', 'numClasses', 'initWeights', 'dropout'], args)
    const [features, numClasses = 1000, initWeights = true, p = 0.5] = values as [Module, number?, boolean?, number?]
    this.features = features
    this.avgpool = new AdaptiveAvgPool2d([7, 7])
    this.classifier = new Sequential(
      new Linear(512 * 7 * 7, 4096),
      new ReLU(true),
      new Dropout(p),
      new Linear(4096, 4096),
      new ReLU(true),
      new Dropout(p),
      new Linear(4096, numClasses),
    ) as unknown as Sequential
    if (!initWeights) return
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        init.kaimingNormal_(module.weight, { mode: 'fan_out', nonlinearity: 'relu' })
        if (module.bias !== null) init.constant_(module.bias, 0)
      } else if (module instanceof BatchNorm2d) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      } else if (module instanceof Linear) {
        init.normal_(module.weight, 0, 0.01)
        init.constant_(module.bias, 0)
      }
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}

/** Channels of the convolutions; `M` halves the image. */
const configurations = {
  A: '64 M 128 M 256 256 M 512 512 M 512 512 M',
  B: '64 64 M 128 128 M 256 256 M 512 512 M 512 512 M',
  D: '64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M',
  E: '64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M',
}

function makeLayers(configuration: keyof typeof configurations, batchNorm: boolean): Sequential {
  const layers: Module[] = []
  let channels = 3
  for (const word of configurations[configuration].split(' ')) {
    if (word === 'M') {
      layers.push(new MaxPool2d(2, { stride: 2 }))
      continue
    }
    const next = Number(word)
    layers.push(new Conv2d(channels, next, 3, { padding: 1 }))
    if (batchNorm) layers.push(new BatchNorm2d(next))
    layers.push(new ReLU(true))
    channels = next
  }
  return new Sequential(...layers) as Sequential
}

const vgg = <N extends ModelName>(name: N, configuration: keyof typeof configurations, batchNorm: boolean) =>
  defineModel(name, (options: VGGOptions, loads) => {
    const features = makeLayers(configuration, batchNorm)
    return new VGG(features, loads ? { ...options, initWeights: false } : options)
  })

/** VGG-11. */
export const vgg11 = vgg('vgg11', 'A', false)
/** VGG-11 with batch norm; Python's `vgg11_bn`. */
export const vgg11Bn = vgg('vgg11_bn', 'A', true)
/** VGG-13. */
export const vgg13 = vgg('vgg13', 'B', false)
/** VGG-13 with batch norm; Python's `vgg13_bn`. */
export const vgg13Bn = vgg('vgg13_bn', 'B', true)
/** VGG-16. */
export const vgg16 = vgg('vgg16', 'D', false)
/** VGG-16 with batch norm; Python's `vgg16_bn`. */
export const vgg16Bn = vgg('vgg16_bn', 'D', true)
/** VGG-19. */
export const vgg19 = vgg('vgg19', 'E', false)
/** VGG-19 with batch norm; Python's `vgg19_bn`. */
export const vgg19Bn = vgg('vgg19_bn', 'E', true)
