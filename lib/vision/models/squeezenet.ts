/** SqueezeNet. Rules, keys and order of random numbers: torchvision/models/squeezenet.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { cat } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import { forwardInTurn } from '../../nn/chain.js'
import { AdaptiveAvgPool2d, Conv2d, Dropout, init, MaxPool2d, Module, ReLU, Sequential } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'

/** Few channels, then many: a 1×1 convolution before one of 1×1 and one of 3×3 side by side. */
export class Fire extends Module {
  inplanes: number
  squeeze: Conv2d
  squeeze_activation: ReLU
  expand1x1: Conv2d
  expand1x1_activation: ReLU
  expand3x3: Conv2d
  expand3x3_activation: ReLU

  constructor(inplanes: number, squeezePlanes: number, expand1x1Planes: number, expand3x3Planes: number) {
    super()
    this.inplanes = inplanes
    this.squeeze = new Conv2d(inplanes, squeezePlanes, 1)
    this.squeeze_activation = new ReLU(true)
    this.expand1x1 = new Conv2d(squeezePlanes, expand1x1Planes, 1)
    this.expand1x1_activation = new ReLU(true)
    this.expand3x3 = new Conv2d(squeezePlanes, expand3x3Planes, 3, { padding: 1 })
    this.expand3x3_activation = new ReLU(true)
  }

  override forward(x: Tensor): Tensor {
    x = forwardInTurn([this.squeeze, this.squeeze_activation], x)
    const one = forwardInTurn([this.expand1x1, this.expand1x1_activation], x)
    return cat([one, forwardInTurn([this.expand3x3, this.expand3x3_activation], x)], 1)
  }
}

/** Arguments of {@link SqueezeNet} by name. */
export interface SqueezeNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** probability of dropping before the last layer, in [0, 1] (default `0.5`) */
  dropout?: number
}

const pool = (): Module => new MaxPool2d(3, { stride: 2, ceilMode: true })

/** SqueezeNet (arXiv 1602.07360). Shape: `(N, 3, H, W)` → `(N, numClasses)`, H and W ≥ 21 (`'1_1'`: 17). */
export class SqueezeNet extends Module {
  numClasses: number
  features: Sequential
  classifier: Sequential

  /** @param version - `'1_0'` (default) or `'1_1'`, which computes less */
  constructor(version?: '1_0' | '1_1', options?: SqueezeNetOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('SqueezeNet', ['version', 'numClasses', 'dropout'], args)
    const [version = '1_0', numClasses = 1000, p = 0.5] = values as [string?, number?, number?]
    if (version !== '1_0' && version !== '1_1')
      throw new ArgumentError(`Unsupported SqueezeNet version ${version}: 1_0 or 1_1 expected`)
    this.numClasses = numClasses
    const layers =
      version === '1_0'
        ? [
            ...[new Conv2d(3, 96, 7, { stride: 2 }), new ReLU(true), pool()],
            ...[new Fire(96, 16, 64, 64), new Fire(128, 16, 64, 64), new Fire(128, 32, 128, 128), pool()],
            ...[new Fire(256, 32, 128, 128), new Fire(256, 48, 192, 192), new Fire(384, 48, 192, 192)],
            ...[new Fire(384, 64, 256, 256), pool(), new Fire(512, 64, 256, 256)],
          ]
        : [
            ...[new Conv2d(3, 64, 3, { stride: 2 }), new ReLU(true), pool()],
            ...[new Fire(64, 16, 64, 64), new Fire(128, 16, 64, 64), pool()],
            ...[new Fire(128, 32, 128, 128), new Fire(256, 32, 128, 128), pool()],
            ...[new Fire(256, 48, 192, 192), new Fire(384, 48, 192, 192)],
            ...[new Fire(384, 64, 256, 256), new Fire(512, 64, 256, 256)],
          ]
    this.features = new Sequential(...layers) as Sequential
    const last = new Conv2d(512, numClasses, 1)
    this.classifier = new Sequential(
      new Dropout(p),
      last,
      new ReLU(true),
      new AdaptiveAvgPool2d([1, 1]),
    ) as unknown as Sequential
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d)) continue
      if (module === last) init.normal_(module.weight, 0, 0.01)
      else init.kaimingUniform_(module.weight)
      if (module.bias !== null) init.constant_(module.bias, 0)
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x)).flatten(1)
  }
}

/** SqueezeNet 1.0; Python's `squeezenet1_0`. */
export const squeezenet10 = defineModel('squeezenet1_0', (options: SqueezeNetOptions) => new SqueezeNet('1_0', options))
/** SqueezeNet 1.1; Python's `squeezenet1_1`. */
export const squeezenet11 = defineModel('squeezenet1_1', (options: SqueezeNetOptions) => new SqueezeNet('1_1', options))
