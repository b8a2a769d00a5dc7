/** ShuffleNet V2. Rules, keys and order of random numbers: torchvision/models/shufflenetv2.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { cat } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import { BatchNorm2d, Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential } from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type LayerFactory, make } from '../ops/factory.js'
import { defineModel } from './builder.js'
import type { ModelName } from './weights.js'

const conv1x1 = (inputs: number, outputs: number): Conv2d => new Conv2d(inputs, outputs, 1, { bias: false })
const depthwise = (channels: number, stride: number): Conv2d =>
  new Conv2d(channels, channels, 3, { stride, padding: 1, groups: channels, bias: false })
const chain = (...layers: Module[]): Sequential => new Sequential(...layers) as Sequential

/** Lays the channels of the groups between each other. */
function channelShuffle(x: Tensor, groups: number): Tensor {
  const [count, channels, height, width] = x.shape as [number, number, number, number]
  const grouped = x.view([count, groups, channels / groups, height, width])
  return grouped.transpose(1, 2).contiguous().view([count, channels, height, width])
}

/** A block of {@link ShuffleNetV2}: one half of the channels passes by, then all are shuffled. */
export class InvertedResidual extends Module {
  stride: number
  branch1: Sequential
  branch2: Sequential

  constructor(inp: number, oup: number, stride: number) {
    super()
    if (!(stride >= 1 && stride <= 3)) throw new ArgumentError('illegal stride value')
    this.stride = stride
    const half = Math.floor(oup / 2)
    if (stride === 1 && inp !== 2 * half)
      throw new ArgumentError(
        `Invalid combination of stride ${stride}, inp ${inp} and oup ${oup} values. If stride == 1 then inp should be equal to oup // 2 << 1.`,
      )
    this.branch1 =
      stride > 1
        ? chain(
            ...[depthwise(inp, stride), new BatchNorm2d(inp)],
            ...[conv1x1(inp, half), new BatchNorm2d(half), new ReLU(true)],
          )
        : chain()
    this.branch2 = chain(
      ...[conv1x1(stride > 1 ? inp : half, half), new BatchNorm2d(half), new ReLU(true)],
      ...[depthwise(half, stride), new BatchNorm2d(half)],
      ...[conv1x1(half, half), new BatchNorm2d(half), new ReLU(true)],
    )
  }

  override forward(x: Tensor): Tensor {
    const [first, second] = this.stride === 1 ? x.chunk(2, 1) : [this.branch1.forward(x), x]
    return channelShuffle(cat([first!, this.branch2.forward(second)], 1), 2)
  }
}

/** Arguments of {@link ShuffleNetV2} by name; those of the functions that make one, too. */
export interface ShuffleNetV2Options {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** (default {@link InvertedResidual}) */
  invertedResidual?: LayerFactory<[inp: number, oup: number, stride: number]>
}
const names = ['stagesRepeats', 'stagesOutChannels', 'numClasses', 'invertedResidual']

/** ShuffleNet V2 (arXiv 1807.11164). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class ShuffleNetV2 extends Module {
  conv1: Sequential
  maxpool: MaxPool2d
  stage2: Sequential
  stage3: Sequential
  stage4: Sequential
  conv5: Sequential
  /** The last layer; another one may be put in its place. */
  fc: Module & { inFeatures?: number }

  /**
   * @param stagesRepeats - blocks of the three stages
   * @param stagesOutChannels - of the first convolution, the three stages, and the last convolution
   */
  constructor(stagesRepeats: readonly number[], stagesOutChannels: readonly number[], options?: ShuffleNetV2Options)
  constructor(...args: unknown[]) {
    super()
    const [repeats, channels, numClasses = 1000, block = InvertedResidual] = takeArguments(
      'ShuffleNetV2',
      names,
      args,
    ) as [number[], number[], number?, ShuffleNetV2Options['invertedResidual']?]
    if (repeats?.length !== 3) throw new ArgumentError('expected stages_repeats as list of 3 positive ints')
    if (channels?.length !== 5) throw new ArgumentError('expected stages_out_channels as list of 5 positive ints')
    const [first, second, third, fourth, last] = channels as [number, number, number, number, number]
    const stage = (inputs: number, outputs: number, count: number): Sequential =>
      chain(
        make(block, inputs, outputs, 2),
        ...Array.from({ length: count - 1 }, () => make(block, outputs, outputs, 1)),
      )
    const conv = new Conv2d(3, first, 3, { stride: 2, padding: 1, bias: false })
    this.conv1 = chain(conv, new BatchNorm2d(first), new ReLU(true))
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 })
    this.stage2 = stage(first, second, repeats[0]!)
    this.stage3 = stage(second, third, repeats[1]!)
    this.stage4 = stage(third, fourth, repeats[2]!)
    this.conv5 = chain(conv1x1(fourth, last), new BatchNorm2d(last), new ReLU(true))
    this.fc = new Linear(last, numClasses)
  }

  override forward(x: Tensor): Tensor {
    x = this.maxpool.forward(this.conv1.forward(x))
    x = this.conv5.forward(this.stage4.forward(this.stage3.forward(this.stage2.forward(x))))
    return this.fc.forward(x.mean([2, 3]))
  }
}

const shufflenet = <N extends ModelName>(name: N, channels: number[]) =>
  defineModel(name, (options: ShuffleNetV2Options) => new ShuffleNetV2([4, 8, 4], channels, options))

/** Half as wide as ShuffleNet V2; Python's `shufflenet_v2_x0_5`. */
export const shufflenetV2X05 = shufflenet('shufflenet_v2_x0_5', [24, 48, 96, 192, 1024])
/** ShuffleNet V2; Python's `shufflenet_v2_x1_0`. */
export const shufflenetV2X10 = shufflenet('shufflenet_v2_x1_0', [24, 116, 232, 464, 1024])
/** One and a half times as wide; Python's `shufflenet_v2_x1_5`. */
export const shufflenetV2X15 = shufflenet('shufflenet_v2_x1_5', [24, 176, 352, 704, 1024])
/** Twice as wide; Python's `shufflenet_v2_x2_0`. */
export const shufflenetV2X20 = shufflenet('shufflenet_v2_x2_0', [24, 244, 488, 976, 2048])
