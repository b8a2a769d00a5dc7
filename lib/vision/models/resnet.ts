/** ResNet, Wide ResNet and ResNeXt. Rules, keys and order of random numbers: torchvision/models/resnet.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { takeArguments } from '../../nn/arguments.js'
import { forwardInTurn } from '../../nn/chain.js'
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  GroupNorm,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { make, type NormFactory } from '../ops/factory.js'
import { defineModel, fixed } from './builder.js'
import type { ModelName } from './weights.js'

function conv3x3(inPlanes: number, outPlanes: number, stride = 1, groups = 1, dilation = 1): Conv2d {
  return new Conv2d(inPlanes, outPlanes, 3, { stride, padding: dilation, groups, dilation, bias: false })
}
function conv1x1(inPlanes: number, outPlanes: number, stride = 1): Conv2d {
  return new Conv2d(inPlanes, outPlanes, 1, { stride, bias: false })
}

/** Arguments of {@link BasicBlock} and {@link Bottleneck} by name. */
export interface BlockOptions {
  /** step of the convolution that makes the image smaller (default `1`) */
  stride?: number
  /** what the input goes through before it is added; null: nothing (default) */
  downsample?: Module | null
  /** (default `1`) */
  groups?: number
  /** width of a group (default `64`) */
  baseWidth?: number
  /** (default `1`) */
  dilation?: number
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
}
const blockNames = ['inplanes', 'planes', 'stride', 'downsample', 'groups', 'baseWidth', 'dilation', 'normLayer']
type BlockValues = [number, number, number?, (Module | null)?, number?, number?, number?, (NormFactory | null)?]

/** Two convolutions of 3×3 and the input added: the block of ResNet-18 and 34. Shape: `(N, inplanes, H, W)` → `(N, planes, H′, W′)`. */
export class BasicBlock extends Module {
  static readonly expansion: number = 1
  conv1: Conv2d
  bn1: Module
  relu: ReLU
  conv2: Conv2d
  bn2: Module
  downsample: Module | null
  stride: number

  constructor(inplanes: number, planes: number, options?: BlockOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('BasicBlock', blockNames, args) as BlockValues
    const [inplanes, planes, stride = 1, downsample = null, groups = 1, baseWidth = 64, dilation = 1, norm] = values
    const normLayer = norm ?? BatchNorm2d
    if (groups !== 1 || baseWidth !== 64) throw new ArgumentError('BasicBlock only supports groups=1 and base_width=64')
    if (dilation > 1) throw new ArgumentError('Dilation > 1 not supported in BasicBlock')
    this.conv1 = conv3x3(inplanes, planes, stride)
    this.bn1 = make(normLayer, planes)
    this.relu = new ReLU(true)
    this.conv2 = conv3x3(planes, planes)
    this.bn2 = make(normLayer, planes)
    this.downsample = downsample
    this.stride = stride
  }

  override forward(x: Tensor): Tensor {
    const out = forwardInTurn([this.conv1, this.bn1, this.relu, this.conv2, this.bn2], x)
    return this.relu.forward(out.add_(this.downsample ? this.downsample.forward(x) : x))
  }
}

/**
 * Convolutions of 1×1, 3×3 (with the stride) and 1×1 and the input added: the block of ResNet-50 and larger.
 * Shape: `(N, inplanes, H, W)` → `(N, 4 · planes, H′, W′)`.
 */
export class Bottleneck extends Module {
  static readonly expansion: number = 4
  conv1: Conv2d
  bn1: Module
  conv2: Conv2d
  bn2: Module
  conv3: Conv2d
  bn3: Module
  relu: ReLU
  downsample: Module | null
  stride: number

  constructor(inplanes: number, planes: number, options?: BlockOptions)
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('Bottleneck', blockNames, args) as BlockValues
    const [inplanes, planes, stride = 1, downsample = null, groups = 1, baseWidth = 64, dilation = 1, norm] = values
    const normLayer = norm ?? BatchNorm2d
    const width = Math.trunc(planes * (baseWidth / 64)) * groups
    this.conv1 = conv1x1(inplanes, width)
    this.bn1 = make(normLayer, width)
    this.conv2 = conv3x3(width, width, stride, groups, dilation)
    this.bn2 = make(normLayer, width)
    this.conv3 = conv1x1(width, planes * Bottleneck.expansion)
    this.bn3 = make(normLayer, planes * Bottleneck.expansion)
    this.relu = new ReLU(true)
    this.downsample = downsample
    this.stride = stride
  }

  override forward(x: Tensor): Tensor {
    const { conv1, bn1, conv2, bn2, conv3, bn3, relu } = this
    const out = forwardInTurn([conv1, bn1, relu, conv2, bn2, relu, conv3, bn3], x)
    return this.relu.forward(out.add_(this.downsample ? this.downsample.forward(x) : x))
  }
}

/** A class of residual blocks. */
export type ResNetBlock = { new (inplanes: number, planes: number, options?: BlockOptions): Module; expansion: number }

/** Arguments of {@link ResNet} by name; those of the functions that make one, too. */
export interface ResNetOptions {
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** whether the last norm layer of each block starts with zeros (default `false`) */
  zeroInitResidual?: boolean
  /** groups of the 3×3 convolutions (default `1`) */
  groups?: number
  /** (default `64`) */
  widthPerGroup?: number
  /** for layers 2, 3 and 4 whether they have dilation instead of a stride (default: none) */
  replaceStrideWithDilation?: readonly boolean[] | null
  /** (default {@link BatchNorm2d}) */
  normLayer?: NormFactory | null
}
const names = [
  ...['block', 'layers', 'numClasses', 'zeroInitResidual', 'groups', 'widthPerGroup', 'replaceStrideWithDilation'],
  'normLayer',
]

/**
 * A residual network (arXiv 1512.03385).
 * Shape: `(N, 3, H, W)` → `(N, numClasses)`.
 * @example
 * const model = new ResNet(BasicBlock, [2, 2, 2, 2], { numClasses: 10 })
 */
export class ResNet extends Module {
  /** @internal */
  readonly _normLayer: NormFactory
  inplanes: number
  dilation: number
  groups: number
  baseWidth: number
  conv1: Conv2d
  bn1: Module
  relu: ReLU
  maxpool: MaxPool2d
  layer1: Sequential
  layer2: Sequential
  layer3: Sequential
  layer4: Sequential
  avgpool: AdaptiveAvgPool2d
  /** The last layer; another one may be put in its place. */
  fc: Module & { inFeatures?: number }

  constructor(block: ResNetBlock, layers: readonly number[], options?: ResNetOptions)
  constructor(...args: unknown[]) {
    super()
    const [block, layers, numClasses = 1000, zero = false, groups = 1, width = 64, replace, norm] = takeArguments(
      'ResNet',
      names,
      args,
    ) as [ResNetBlock, number[], number?, boolean?, number?, number?, boolean[]?, NormFactory?]
    const dilate = replace ?? [false, false, false]
    if (dilate.length !== 3) {
      throw new ArgumentError(
        `replace_stride_with_dilation should be None or a 3-element tuple, got [${dilate.map((d) => (d ? 'True' : 'False')).join(', ')}]`,
      )
    }
    this._normLayer = norm ?? BatchNorm2d
    this.inplanes = 64
    this.dilation = 1
    this.groups = groups
    this.baseWidth = width
    this.conv1 = new Conv2d(3, this.inplanes, 7, { stride: 2, padding: 3, bias: false })
    this.bn1 = make(this._normLayer, this.inplanes)
    this.relu = new ReLU(true)
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 })
    this.layer1 = this.#layer(block, 64, layers[0]!)
    this.layer2 = this.#layer(block, 128, layers[1]!, 2, dilate[0]!)
    this.layer3 = this.#layer(block, 256, layers[2]!, 2, dilate[1]!)
    this.layer4 = this.#layer(block, 512, layers[3]!, 2, dilate[2]!)
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.fc = new Linear(512 * block.expansion, numClasses)
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal_(module.weight, { mode: 'fan_out', nonlinearity: 'relu' })
      else if (module instanceof BatchNorm2d || module instanceof GroupNorm) {
        init.constant_(module.weight, 1)
        init.constant_(module.bias, 0)
      }
    }
    if (!zero) return
    for (const module of this.modules()) {
      const last = module instanceof Bottleneck ? module.bn3 : module instanceof BasicBlock ? module.bn2 : undefined
      const weight = (last as BatchNorm2d | undefined)?.weight
      if (weight) init.constant_(weight, 0)
    }
  }

  #layer(block: ResNetBlock, planes: number, blocks: number, stride = 1, dilate = false): Sequential {
    const normLayer = this._normLayer
    const before = this.dilation
    if (dilate) {
      this.dilation *= stride
      stride = 1
    }
    const { groups, baseWidth } = this
    const width = planes * block.expansion
    const downsample =
      stride !== 1 || this.inplanes !== width
        ? (new Sequential(conv1x1(this.inplanes, width, stride), make(normLayer, width)) as Module)
        : null
    const first = { stride, downsample, groups, baseWidth, dilation: before, normLayer }
    const layers = [new block(this.inplanes, planes, first)]
    this.inplanes = width
    const next = { groups, baseWidth, dilation: this.dilation, normLayer }
    for (let i = 1; i < blocks; i++) layers.push(new block(width, planes, next))
    return new Sequential(...layers) as Sequential
  }

  override forward(x: Tensor): Tensor {
    x = forwardInTurn([this.conv1, this.bn1, this.relu, this.maxpool], x)
    x = this.layer4.forward(this.layer3.forward(this.layer2.forward(this.layer1.forward(x))))
    return this.fc.forward(this.avgpool.forward(x).flatten(1))
  }
}

const resnet = <N extends ModelName>(name: N, block: ResNetBlock, layers: number[], own: ResNetOptions = {}) =>
  defineModel(name, (options: ResNetOptions) => new ResNet(block, layers, fixed(options, own)))

/** ResNet-18. */
export const resnet18 = resnet('resnet18', BasicBlock, [2, 2, 2, 2])
/** ResNet-34. */
export const resnet34 = resnet('resnet34', BasicBlock, [3, 4, 6, 3])
/** ResNet-50. */
export const resnet50 = resnet('resnet50', Bottleneck, [3, 4, 6, 3])
/** ResNet-101. */
export const resnet101 = resnet('resnet101', Bottleneck, [3, 4, 23, 3])
/** ResNet-152. */
export const resnet152 = resnet('resnet152', Bottleneck, [3, 8, 36, 3])
/** ResNeXt-50 32×4d (arXiv 1611.05431); Python's `resnext50_32x4d`. */
export const resnext5032x4d = resnet('resnext50_32x4d', Bottleneck, [3, 4, 6, 3], { groups: 32, widthPerGroup: 4 })
/** ResNeXt-101 32×8d; Python's `resnext101_32x8d`. */
export const resnext10132x8d = resnet('resnext101_32x8d', Bottleneck, [3, 4, 23, 3], { groups: 32, widthPerGroup: 8 })
/** ResNeXt-101 64×4d; Python's `resnext101_64x4d`. */
export const resnext10164x4d = resnet('resnext101_64x4d', Bottleneck, [3, 4, 23, 3], { groups: 64, widthPerGroup: 4 })
/** Wide ResNet-50-2 (arXiv 1605.07146): twice as wide inside of the blocks; Python's `wide_resnet50_2`. */
export const wideResnet502 = resnet('wide_resnet50_2', Bottleneck, [3, 4, 6, 3], { widthPerGroup: 128 })
/** Wide ResNet-101-2; Python's `wide_resnet101_2`. */
export const wideResnet1012 = resnet('wide_resnet101_2', Bottleneck, [3, 4, 23, 3], { widthPerGroup: 128 })
