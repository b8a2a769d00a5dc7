/** MNASNet. Rules, keys and order of random numbers: torchvision/models/mnasnet.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import { BatchNorm2d, Conv2d, Dropout, init, Linear, Module, ReLU, Sequential } from '../../nn/index.js'
import { warn } from '../../nn/warn.js'
import { pythonText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { defineModel } from './builder.js'
import { makeDivisible } from './channels.js'
import type { ModelName } from './weights.js'

const momentum = 1 - 0.9997
const norm = (channels: number): BatchNorm2d => new BatchNorm2d(channels, { momentum })

class _InvertedResidual extends Module {
  applyResidual: boolean
  layers: Sequential

  constructor(inputs: number, outputs: number, kernel: number, stride: number, expansion: number) {
    super()
    const width = inputs * expansion
    this.applyResidual = inputs === outputs && stride === 1
    this.layers = new Sequential(
      ...([
        ...[new Conv2d(inputs, width, 1, { bias: false }), norm(width), new ReLU(true)],
        new Conv2d(width, width, kernel, { padding: Math.floor(kernel / 2), stride, groups: width, bias: false }),
        ...[norm(width), new ReLU(true)],
        ...[new Conv2d(width, outputs, 1, { bias: false }), norm(outputs)],
      ] as Module[]),
    ) as Sequential
  }

  override forward(input: Tensor): Tensor {
    const result: Tensor = this.layers.forward(input)
    return this.applyResidual ? result.add(input) : result
  }
}

/** Blocks of which the first may change channels and size. */
function stack(
  inputs: number,
  outputs: number,
  kernel: number,
  stride: number,
  expansion: number,
  blocks: number,
): Module {
  // made in this order, as each draws random numbers
  const first = new _InvertedResidual(inputs, outputs, kernel, stride, expansion)
  const rest = Array.from({ length: blocks - 1 }, () => new _InvertedResidual(outputs, outputs, kernel, 1, expansion))
  return new Sequential(first, ...rest) as unknown as Module
}

function stem(first: number, second: number): Module[] {
  return [
    ...[new Conv2d(3, first, 3, { padding: 1, stride: 2, bias: false }), norm(first), new ReLU(true)],
    ...[new Conv2d(first, first, 3, { padding: 1, groups: first, bias: false }), norm(first), new ReLU(true)],
    ...[new Conv2d(first, second, 1, { bias: false }), norm(second)],
  ]
}

/** Channels of a network that is `alpha` times as wide. */
function depthsOf(alpha: number): number[] {
  return [32, 16, 24, 40, 80, 96, 192, 320].map((depth) => makeDivisible(depth * alpha, 8))
}

/** Arguments of {@link MNASNet} by name; those of the functions that make one, too. */
export interface MNASNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** probability of dropping before the last layer, in [0, 1] (default `0.2`) */
  dropout?: number
}

/** MNASNet B1 (arXiv 1807.11626). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class MNASNet extends Module {
  alpha: number
  numClasses: number
  layers: Sequential
  classifier: Sequential
  /** Whether the first layers are as wide as those of alpha 1, as in state dicts of the first version. @internal */
  _hasOldStem = false

  /** @param alpha - how many times as wide it is */
  constructor(alpha: number, options?: MNASNetOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('MNASNet', ['alpha', 'numClasses', 'dropout'], args)
    const [alpha, numClasses = 1000, p = 0.2] = values as [number, number?, number?]
    if (!(alpha > 0)) throw new ArgumentError(`alpha should be greater than 0.0 instead of ${pythonText(alpha)}`)
    this.alpha = alpha
    this.numClasses = numClasses
    const depths = depthsOf(alpha) as [number, number, number, number, number, number, number, number]
    const [first, second, third, fourth, fifth, sixth, seventh, eighth] = depths
    this.layers = new Sequential(
      ...stem(first, second),
      stack(second, third, 3, 2, 3, 3),
      stack(third, fourth, 5, 2, 3, 3),
      stack(fourth, fifth, 5, 2, 6, 3),
      stack(fifth, sixth, 3, 1, 6, 2),
      stack(sixth, seventh, 5, 2, 6, 4),
      stack(seventh, eighth, 3, 1, 6, 1),
      ...([new Conv2d(eighth, 1280, 1, { bias: false }), norm(1280), new ReLU(true)] as Module[]),
    ) as Sequential
    this.classifier = new Sequential(new Dropout(p, true), new Linear(1280, numClasses)) as unknown as Sequential
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        init.kaimingNormal_(module.weight, { mode: 'fan_out', nonlinearity: 'relu' })
        if (module.bias !== null) init.zeros_(module.bias)
      } else if (module instanceof BatchNorm2d) {
        init.ones_(module.weight)
        init.zeros_(module.bias)
      } else if (module instanceof Linear) {
        init.kaimingUniform_(module.weight, { mode: 'fan_out', nonlinearity: 'sigmoid' })
        init.zeros_(module.bias)
      }
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.layers.forward(x).mean([2, 3]))
  }

  /** @internal */
  override get _version(): number {
    return this._hasOldStem ? 1 : 2
  }
  /** In the first version the first layers had the same width for every alpha. @internal */
  override _prepareLoad(entries: Map<string, unknown>, prefix: string, version: number | undefined): string[] {
    if (version !== 1 && version !== 2)
      throw new ArgumentError(`version should be set to 1 or 2 instead of ${pythonText(version)}`)
    if (version === 1 && this.alpha !== 1) {
      const layers = [...stem(32, 16), stack(16, depthsOf(this.alpha)[2]!, 3, 2, 3, 3)]
      for (const [i, layer] of layers.entries()) this.layers.setSubmodule(String(i), layer)
      this._hasOldStem = true
      warn(
        'A new version of MNASNet model has been implemented. Your checkpoint was saved using the previous version. ' +
          'This checkpoint will load and work as before, but you may want to upgrade by training a newer model or ' +
          'transfer learning from an updated ImageNet checkpoint.',
      )
    }
    return super._prepareLoad(entries, prefix, version)
  }
}

const mnasnet = <N extends ModelName>(name: N, alpha: number) =>
  defineModel(name, (options: MNASNetOptions) => new MNASNet(alpha, options))

/** Half as wide as MNASNet; Python's `mnasnet0_5`. */
export const mnasnet05 = mnasnet('mnasnet0_5', 0.5)
/** Three quarters as wide; Python's `mnasnet0_75`. */
export const mnasnet075 = mnasnet('mnasnet0_75', 0.75)
/** MNASNet; Python's `mnasnet1_0`. */
export const mnasnet10 = mnasnet('mnasnet1_0', 1)
/** 1.3 times as wide; Python's `mnasnet1_3`. */
export const mnasnet13 = mnasnet('mnasnet1_3', 1.3)
