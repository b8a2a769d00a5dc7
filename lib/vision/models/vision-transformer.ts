/** Vision Transformer. Rules, keys and order of random numbers: torchvision/models/vision_transformer.py, torchvision 0.28. */
import { ArgumentError, ShapeError } from '../../errors.js'
import { cat, empty, zeros } from '../../generated/functions.js'
import { takeArguments } from '../../nn/arguments.js'
import {
  Conv2d,
  Dropout,
  GELU,
  init,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  Parameter,
  Sequential,
  Tanh,
} from '../../nn/index.js'
import { sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Conv2dNormActivation } from '../ops/conv-norm-activation.js'
import { type ActivationFactory, make, type NormFactory } from '../ops/factory.js'
import { defineModel } from './builder.js'
import type { ModelName } from './weights.js'

/** The two linear layers of a block. Shape: `(*, inDim)` → the same. */
export class MLPBlock extends Sequential {
  constructor(inDim: number, mlpDim: number, dropout: number) {
    super(
      ...([
        new Linear(inDim, mlpDim),
        new GELU(),
        new Dropout(dropout),
        new Linear(mlpDim, inDim),
        new Dropout(dropout),
      ] as Module[]),
    )
    for (const module of this.modules()) {
      if (!(module instanceof Linear)) continue
      init.xavierUniform_(module.weight)
      if (module.bias !== null) init.normal_(module.bias, 0, 1e-6)
    }
  }
  /** @internal */
  override get _version(): number {
    return 2
  }
  /** In old files the layers are `linear_1` and `linear_2`. @internal */
  override _prepareLoad(entries: Map<string, unknown>, prefix: string, version: number | undefined): string[] {
    if (version === undefined || version < 2) {
      for (const [old, now] of [
        ['linear_1', '0'],
        ['linear_2', '3'],
      ]) {
        for (const kind of ['weight', 'bias']) {
          const key = `${prefix}${old}.${kind}`
          if (!entries.has(key)) continue
          entries.set(`${prefix}${now}.${kind}`, entries.get(key))
          entries.delete(key)
        }
      }
    }
    return super._prepareLoad(entries, prefix, version)
  }
}

function checkSequence(input: Tensor): void {
  if (input.ndim !== 3) throw new ShapeError(`Expected (batch_size, seq_length, hidden_dim) got ${sizeText(input)}`)
}

/** Attention, then linear layers, with a shortcut around each. Shape: `(N, L, hiddenDim)` → the same. */
export class EncoderBlock extends Module {
  numHeads: number
  ln_1: Module
  self_attention: MultiheadAttention
  dropout: Dropout
  ln_2: Module
  mlp: MLPBlock

  constructor(
    numHeads: number,
    hiddenDim: number,
    mlpDim: number,
    dropout: number,
    attentionDropout: number,
    normLayer: NormFactory = usualNorm,
  ) {
    super()
    this.numHeads = numHeads
    this.ln_1 = make(normLayer, hiddenDim)
    this.self_attention = new MultiheadAttention(hiddenDim, numHeads, { dropout: attentionDropout, batchFirst: true })
    this.dropout = new Dropout(dropout)
    this.ln_2 = make(normLayer, hiddenDim)
    this.mlp = new MLPBlock(hiddenDim, mlpDim, dropout)
  }

  override forward(input: Tensor): Tensor {
    checkSequence(input)
    const normed: Tensor = this.ln_1.forward(input)
    const [attended] = this.self_attention.forward(normed, normed, normed, { needWeights: false })
    const x = this.dropout.forward(attended).add(input)
    return x.add(this.mlp.forward(this.ln_2.forward(x)))
  }
}

/** Adds the positions, then goes through the blocks. Shape: `(N, L, hiddenDim)` → the same. */
export class Encoder extends Module {
  pos_embedding: Parameter
  dropout: Dropout
  layers: Sequential
  ln: Module

  constructor(
    seqLength: number,
    numLayers: number,
    numHeads: number,
    hiddenDim: number,
    mlpDim: number,
    dropout: number,
    attentionDropout: number,
    normLayer: NormFactory = usualNorm,
  ) {
    super()
    this.pos_embedding = new Parameter(empty([1, seqLength, hiddenDim]).normal_(0, 0.02))
    this.dropout = new Dropout(dropout)
    const blocks = new Map<string, Module>()
    for (let i = 0; i < numLayers; i++) {
      const block = new EncoderBlock(numHeads, hiddenDim, mlpDim, dropout, attentionDropout, normLayer)
      blocks.set(`encoder_layer_${i}`, block)
    }
    this.layers = new Sequential(blocks) as unknown as Sequential
    this.ln = make(normLayer, hiddenDim)
  }

  override forward(input: Tensor): Tensor {
    checkSequence(input)
    return this.ln.forward(this.layers.forward(this.dropout.forward(input.add(this.pos_embedding))))
  }
}

const usualNorm: NormFactory = (features) => new LayerNorm(features, { eps: 1e-6 })

/** One convolution before the patches of {@link VisionTransformer} (arXiv 2106.14881). */
export interface ConvStemConfig {
  outChannels: number
  kernelSize: number
  stride: number
  /** (default `nn.BatchNorm2d`) */
  normLayer?: NormFactory
  /** (default `nn.ReLU`) */
  activationLayer?: ActivationFactory
}

/** Arguments of {@link VisionTransformer} by name; those of the functions that make one, too. */
export interface VisionTransformerOptions {
  /** probability of dropping in the blocks, in [0, 1] (default `0`) */
  dropout?: number
  /** probability of dropping an attention weight, in [0, 1] (default `0`) */
  attentionDropout?: number
  /** outputs of the last layer (default `1000`) */
  numClasses?: number
  /** width of a layer before the last one (default: there is none) */
  representationSize?: number | null
  /** (default: LayerNorm with eps 1e-6) */
  normLayer?: NormFactory
  /** convolutions instead of plain patches */
  convStemConfigs?: readonly ConvStemConfig[] | null
}
/** Arguments of {@link vitB16} and its kin by name. */
export interface VisionTransformerModelOptions extends VisionTransformerOptions {
  /** height and width of the images, a multiple of the patch size (default `224`) */
  imageSize?: number
}
const names = [
  ...['imageSize', 'patchSize', 'numLayers', 'numHeads', 'hiddenDim', 'mlpDim', 'dropout', 'attentionDropout'],
  ...['numClasses', 'representationSize', 'normLayer', 'convStemConfigs'],
]
type Required6 = [number, number, number, number, number, number]
type Values = [...Required6, number?, number?, number?, (number | null)?, NormFactory?, (readonly ConvStemConfig[])?]

/** A transformer over the patches of an image (arXiv 2010.11929). Shape: `(N, 3, imageSize, imageSize)` → `(N, numClasses)`. */
export class VisionTransformer extends Module {
  imageSize: number
  patchSize: number
  hiddenDim: number
  numClasses: number
  seqLength: number
  conv_proj: Conv2d | Sequential
  class_token: Parameter
  encoder: Encoder
  /** The last layers: `head`, and before it `pre_logits` and `act` where there is a representationSize. */
  heads: Sequential & { head?: Module; pre_logits?: Module }

  constructor(
    imageSize: number,
    patchSize: number,
    numLayers: number,
    numHeads: number,
    hiddenDim: number,
    mlpDim: number,
    options?: VisionTransformerOptions,
  )
  constructor(...args: unknown[]) {
    super()
    const values = takeArguments('VisionTransformer', names, args) as Values
    const [imageSize, patchSize, numLayers, numHeads, hiddenDim, mlpDim, dropout = 0, attentionDropout = 0] = values
    const [numClasses = 1000, representation, normLayer = usualNorm, stem] = values.slice(8) as [
      number?,
      (number | null)?,
      NormFactory?,
      (readonly ConvStemConfig[])?,
    ]
    if (imageSize % patchSize !== 0) throw new ArgumentError('Input shape indivisible by patch size!')
    this.imageSize = imageSize
    this.patchSize = patchSize
    this.hiddenDim = hiddenDim
    this.numClasses = numClasses
    this.seqLength = (imageSize / patchSize) ** 2 + 1
    this.conv_proj = stem ? stemOf(stem, hiddenDim) : new Conv2d(3, hiddenDim, patchSize, { stride: patchSize })
    this.class_token = new Parameter(zeros([1, 1, hiddenDim]))
    const inner = [numHeads, hiddenDim, mlpDim, dropout, attentionDropout] as const
    this.encoder = new Encoder(this.seqLength, numLayers, ...inner, normLayer)
    this.heads = (representation === undefined || representation === null
      ? new Sequential({ head: new Linear(hiddenDim, numClasses) })
      : new Sequential({
          pre_logits: new Linear(hiddenDim, representation),
          act: new Tanh(),
          head: new Linear(representation, numClasses),
        })) as unknown as Sequential
    start(this)
  }

  override forward(x: Tensor): Tensor {
    const patches = patchesOf(this, x)
    const token = this.class_token.expand([x.shape[0]!, -1, -1])
    return this.heads.forward(this.encoder.forward(cat([token, patches], 1)).select(1, 0))
  }
}

function start(model: VisionTransformer): void {
  const projection = model.conv_proj
  if (projection instanceof Conv2d) {
    init.truncNormal_(projection.weight, { std: Math.sqrt(1 / (projection.inChannels * model.patchSize ** 2)) })
    if (projection.bias !== null) init.zeros_(projection.bias)
  } else {
    const last = projection.getSubmodule('conv_last') as Conv2d
    init.normal_(last.weight, 0, Math.sqrt(2 / last.outChannels))
    if (last.bias !== null) init.zeros_(last.bias)
  }
  const { pre_logits: before, head } = model.heads
  if (before instanceof Linear) {
    init.truncNormal_(before.weight, { std: Math.sqrt(1 / before.inFeatures) })
    init.zeros_(before.bias)
  }
  if (head instanceof Linear) {
    init.zeros_(head.weight)
    init.zeros_(head.bias)
  }
}

function patchesOf(model: VisionTransformer, x: Tensor): Tensor {
  const [count, , height, width] = x.shape as [number, number, number, number]
  if (height !== model.imageSize)
    throw new ShapeError(`Wrong image height! Expected ${model.imageSize} but got ${height}!`)
  if (width !== model.imageSize)
    throw new ShapeError(`Wrong image width! Expected ${model.imageSize} but got ${width}!`)
  return model.conv_proj
    .forward(x)
    .reshape([count, model.hiddenDim, model.seqLength - 1])
    .permute([0, 2, 1])
}

function stemOf(configs: readonly ConvStemConfig[], hiddenDim: number): Sequential {
  const stem = new Sequential()
  let channels = 3
  for (const [i, { outChannels, kernelSize, ...rest }] of configs.entries()) {
    stem.addModule(`conv_bn_relu_${i}`, new Conv2dNormActivation(channels, outChannels, kernelSize, rest))
    channels = outChannels
  }
  stem.addModule('conv_last', new Conv2d(channels, hiddenDim, 1))
  return stem as unknown as Sequential
}

const vit = <N extends ModelName>(name: N, patch: number, layers: number, heads: number, hidden: number, mlp: number) =>
  defineModel(
    name,
    ({ imageSize = 224, ...options }: VisionTransformerModelOptions) =>
      new VisionTransformer(imageSize, patch, layers, heads, hidden, mlp, options),
  )

/** ViT-B/16; Python's `vit_b_16`. */
export const vitB16 = vit('vit_b_16', 16, 12, 12, 768, 3072)
/** ViT-B/32; Python's `vit_b_32`. */
export const vitB32 = vit('vit_b_32', 32, 12, 12, 768, 3072)
/** ViT-L/16; Python's `vit_l_16`. */
export const vitL16 = vit('vit_l_16', 16, 24, 16, 1024, 4096)
/** ViT-L/32; Python's `vit_l_32`. */
export const vitL32 = vit('vit_l_32', 32, 24, 16, 1024, 4096)
/** ViT-H/14; Python's `vit_h_14`. */
export const vitH14 = vit('vit_h_14', 14, 32, 16, 1280, 5120)
