/** Swin Transformer. Rules, keys and order of random numbers: torchvision/models/swin_transformer.py, torchvision 0.28. */
import { takeArguments } from '../../nn/arguments.js'
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Flatten,
  GELU,
  init,
  LayerNorm,
  Linear,
  Module,
  Sequential,
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type LayerFactory, make, type NormFactory } from '../ops/factory.js'
import { MLP } from '../ops/mlp.js'
import { Permute } from '../ops/permute.js'
import { StochasticDepth } from '../ops/stochastic-depth.js'
import { defineModel } from './builder.js'
import {
  mergePatches,
  ShiftedWindowAttention,
  type ShiftedWindowAttentionOptions,
  ShiftedWindowAttentionV2,
  type Size,
} from './swin-attention.js'
import type { ModelName } from './weights.js'

export { ShiftedWindowAttention, type ShiftedWindowAttentionOptions, ShiftedWindowAttentionV2 }

/** Makes an image half as large and its channels twice as many. Shape: `(*, H, W, dim)` → `(*, ⌈H / 2⌉, ⌈W / 2⌉, 2 · dim)`. */
export class PatchMerging extends Module {
  dim: number
  reduction: Linear
  norm: Module

  constructor(dim: number, normLayer: NormFactory = LayerNorm) {
    super()
    this.dim = dim
    this.reduction = new Linear(4 * dim, 2 * dim, { bias: false })
    this.norm = make(normLayer, 4 * dim)
  }
  override forward(x: Tensor): Tensor {
    return this.reduction.forward(this.norm.forward(mergePatches(x)))
  }
}

/** {@link PatchMerging} of version 2: the norm layer comes last. */
export class PatchMergingV2 extends Module {
  dim: number
  reduction: Linear
  norm: Module

  constructor(dim: number, normLayer: NormFactory = LayerNorm) {
    super()
    this.dim = dim
    this.reduction = new Linear(4 * dim, 2 * dim, { bias: false })
    this.norm = make(normLayer, 2 * dim)
  }
  override forward(x: Tensor): Tensor {
    return this.norm.forward(this.reduction.forward(mergePatches(x)))
  }
}

/** Arguments of {@link SwinTransformerBlock} by name. */
export interface SwinTransformerBlockOptions {
  /** how many times as wide the linear layers are inside (default `4`) */
  mlpRatio?: number
  /** probability of dropping, in [0, 1] (default `0`) */
  dropout?: number
  /** probability of dropping an attention weight, in [0, 1] (default `0`) */
  attentionDropout?: number
  /** how often each half is left out in training, in [0, 1] (default `0`) */
  stochasticDepthProb?: number
  /** (default {@link LayerNorm}) */
  normLayer?: NormFactory
  /** (default {@link ShiftedWindowAttention}; of the block of version 2 {@link ShiftedWindowAttentionV2}) */
  attnLayer?: LayerFactory<
    [dim: number, windowSize: Size, shiftSize: Size, numHeads: number, options: ShiftedWindowAttentionOptions]
  >
}

/** Attention, then linear layers, with a norm layer before and a shortcut around each. Shape: `(N, H, W, dim)` → the same. */
export class SwinTransformerBlock extends Module {
  norm1: Module
  attn: Module
  stochastic_depth: StochasticDepth
  norm2: Module
  mlp: MLP

  constructor(
    dim: number,
    numHeads: number,
    windowSize: Size,
    shiftSize: Size,
    options: SwinTransformerBlockOptions = {},
  ) {
    super()
    const { mlpRatio = 4, dropout = 0, attentionDropout = 0, stochasticDepthProb = 0 } = options
    const { normLayer = LayerNorm, attnLayer = ShiftedWindowAttention } = options
    this.norm1 = make(normLayer, dim)
    this.attn = make(attnLayer, dim, windowSize, shiftSize, numHeads, { attentionDropout, dropout })
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row')
    this.norm2 = make(normLayer, dim)
    this.mlp = new MLP(dim, [Math.trunc(dim * mlpRatio), dim], { activationLayer: GELU, inplace: null, dropout })
    for (const module of this.mlp.modules()) {
      if (!(module instanceof Linear)) continue
      init.xavierUniform_(module.weight)
      if (module.bias !== null) init.normal_(module.bias, 0, 1e-6)
    }
  }
  override forward(x: Tensor): Tensor {
    x = x.add(this.stochastic_depth.forward(this.attn.forward(this.norm1.forward(x))))
    return x.add(this.stochastic_depth.forward(this.mlp.forward(this.norm2.forward(x))))
  }
}

/** The block of version 2: the norm layers come after what they normalise. Shape: `(N, H, W, dim)` → the same. */
export class SwinTransformerBlockV2 extends SwinTransformerBlock {
  constructor(
    dim: number,
    numHeads: number,
    windowSize: Size,
    shiftSize: Size,
    options: SwinTransformerBlockOptions = {},
  ) {
    super(dim, numHeads, windowSize, shiftSize, { attnLayer: ShiftedWindowAttentionV2, ...options })
  }
  override forward(x: Tensor): Tensor {
    x = x.add(this.stochastic_depth.forward(this.norm1.forward(this.attn.forward(x))))
    return x.add(this.stochastic_depth.forward(this.norm2.forward(this.mlp.forward(x))))
  }
}

/** Arguments of {@link SwinTransformer} by name; those of the functions that make one, too. */
export interface SwinTransformerOptions {
  /** how many times as wide linear layers are inside (default `4`) */
  mlpRatio?: number
  /** probability of dropping in the blocks, in [0, 1] (default `0`) */
  dropout?: number
  /** probability of dropping an attention weight, in [0, 1] (default `0`) */
  attentionDropout?: number
  /** how often the last block is left out in training, in [0, 1] (default `0.1`; of the functions: by the size, `0.2` for tiny) */
  stochasticDepthProb?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** (default {@link LayerNorm}) */
  normLayer?: NormFactory | null
  /** (default {@link SwinTransformerBlock}) */
  block?: LayerFactory<
    [dim: number, numHeads: number, windowSize: Size, shiftSize: Size, options: SwinTransformerBlockOptions]
  > | null
  /** between the stages (default {@link PatchMerging}) */
  downsampleLayer?: LayerFactory<[dim: number, normLayer: NormFactory]>
}
const names = [
  ...['patchSize', 'embedDim', 'depths', 'numHeads', 'windowSize', 'mlpRatio', 'dropout', 'attentionDropout'],
  ...['stochasticDepthProb', 'numClasses', 'normLayer', 'block', 'downsampleLayer'],
]
type Values = [
  ...[Size, number, readonly number[], readonly number[], Size, number?, number?, number?, number?, number?],
  ...[SwinTransformerOptions['normLayer']?, SwinTransformerOptions['block']?],
  SwinTransformerOptions['downsampleLayer']?,
]

/** Swin Transformer (arXiv 2103.14030). Shape: `(N, 3, H, W)` → `(N, numClasses)`. */
export class SwinTransformer extends Module {
  numClasses: number
  features: Sequential
  norm: Module
  permute: Permute
  avgpool: AdaptiveAvgPool2d
  flatten: Flatten
  /** The last layer; another one may be put in its place. */
  head: Module & { inFeatures?: number }

  /**
   * @param embedDim - channels of the first stage; each has twice as many as the one before
   * @param depths - blocks of each stage
   * @param numHeads - attention heads of each stage
   */
  constructor(
    patchSize: Size,
    embedDim: number,
    depths: readonly number[],
    numHeads: readonly number[],
    windowSize: Size,
    options?: SwinTransformerOptions,
  )
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('SwinTransformer', names, args) as Values
    const [patchSize, embedDim, depths, numHeads, windowSize, mlpRatio = 4, dropout = 0, attentionDropout = 0] = values
    const [share = 0.1, numClasses = 1000] = [values[8], values[9]]
    const normLayer = values[10] ?? LayerNorm
    const block = values[11] ?? SwinTransformerBlock
    const downsample = values[12] ?? PatchMerging
    this.numClasses = numClasses
    const patches = new Conv2d(3, embedDim, [...patchSize], { stride: [...patchSize] })
    const layers: Module[] = [chain(patches, new Permute([0, 2, 3, 1]), make(normLayer, embedDim))]
    const total = depths.reduce((sum, depth) => sum + depth, 0)
    let at = 0
    for (const [i, depth] of depths.entries()) {
      const dim = embedDim * 2 ** i
      const stage = Array.from({ length: depth }, (_, j) => {
        const shift = windowSize.map((size) => (j % 2 === 0 ? 0 : Math.floor(size / 2))) as unknown as Size
        const stochasticDepthProb = (share * at++) / (total - 1)
        const options = { mlpRatio, dropout, attentionDropout, stochasticDepthProb, normLayer }
        return make(block, dim, numHeads[i]!, windowSize, shift, options)
      })
      layers.push(chain(...stage))
      if (i < depths.length - 1) layers.push(make(downsample, dim, normLayer))
    }
    this.features = chain(...layers)
    const features = embedDim * 2 ** (depths.length - 1)
    this.norm = make(normLayer, features)
    this.permute = new Permute([0, 3, 1, 2])
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.flatten = new Flatten(1)
    this.head = new Linear(features, numClasses)
    for (const module of this.modules()) {
      if (!(module instanceof Linear)) continue
      init.truncNormal_(module.weight, { std: 0.02 })
      if (module.bias !== null) init.zeros_(module.bias)
    }
  }

  override forward(x: Tensor): Tensor {
    x = this.permute.forward(this.norm.forward(this.features.forward(x)))
    return this.head.forward(this.flatten.forward(this.avgpool.forward(x)))
  }
}

function chain(...layers: Module[]): Sequential {
  return new Sequential(...layers) as Sequential
}

const swin = <N extends ModelName>(name: N, dim: number, depth: number, heads: number, usual: number, window: number) =>
  defineModel(name, (options: SwinTransformerOptions) => {
    const second = window === 8 ? { block: SwinTransformerBlockV2, downsampleLayer: PatchMergingV2 } : {}
    const numHeads = [1, 2, 4, 8].map((times) => heads * times)
    return new SwinTransformer([4, 4], dim, [2, 2, depth, 2], numHeads, [window, window], {
      stochasticDepthProb: usual,
      ...second,
      ...options,
    })
  })

/** Swin Tiny; Python's `swin_t`. */
export const swinT = swin('swin_t', 96, 6, 3, 0.2, 7)
/** Swin Small; Python's `swin_s`. */
export const swinS = swin('swin_s', 96, 18, 3, 0.3, 7)
/** Swin Base; Python's `swin_b`. */
export const swinB = swin('swin_b', 128, 18, 4, 0.5, 7)
/** Swin Tiny of version 2 (arXiv 2111.09883); Python's `swin_v2_t`. */
export const swinV2T = swin('swin_v2_t', 96, 6, 3, 0.2, 8)
/** Swin Small of version 2; Python's `swin_v2_s`. */
export const swinV2S = swin('swin_v2_s', 96, 18, 3, 0.3, 8)
/** Swin Base of version 2; Python's `swin_v2_b`. */
export const swinV2B = swin('swin_v2_b', 128, 18, 4, 0.5, 8)
