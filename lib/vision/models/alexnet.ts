/** AlexNet. Rules, keys and order of random numbers: torchvision/models/alexnet.py, torchvision 0.28. */

import { takeArguments } from '../../nn/arguments.js'
import { AdaptiveAvgPool2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'

/** Arguments of {@link AlexNet} by name. */
export interface AlexNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** probability of dropping between the last layers, in [0, 1] (default `0.5`) */
  dropout?: number
}

/** AlexNet in the form of arXiv 1404.5997. Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 63. */
export class AlexNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Sequential

  constructor(options?: AlexNetOptions)
  constructor(numClasses: number, options?: AlexNetOptions)
  constructor(...args: unknown[]) {
    super()
    const [numClasses = 1000, p = 0.5] = takeArguments('AlexNet', ['numClasses', 'dropout'], args) as [number?, number?]
    this.features = new Sequential(
      new Conv2d(3, 64, 11, { stride: 4, padding: 2 }),
      new ReLU(true),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU(true),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU(true),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU(true),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU(true),
      new MaxPool2d(3, { stride: 2 }),
    ) as unknown as Sequential
    this.avgpool = new AdaptiveAvgPool2d([6, 6])
    this.classifier = new Sequential(
      new Dropout(p),
      new Linear(256 * 6 * 6, 4096),
      new ReLU(true),
      new Dropout(p),
      new Linear(4096, 4096),
      new ReLU(true),
      new Linear(4096, numClasses),
    ) as unknown as Sequential
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1))
  }
}

/** AlexNet. */
export const alexnet = defineModel('alexnet', (options: AlexNetOptions) => new AlexNet(options))
