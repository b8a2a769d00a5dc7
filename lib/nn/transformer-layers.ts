/** The layers of transformers. Rules and texts: torch/nn/modules/transformer.py, PyTorch 2.13. */

import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { Dropout, GELU, LayerNorm, Linear, ReLU } from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, operatorFunction } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { canonicalMask } from './attention.js'
import { gelu, relu } from './functional/index.js'
import { Module } from './module.js'
import { isNested, MultiheadAttention, whyNotInference } from './multihead-attention.js'
import { announceFields } from './registration-hooks.js'

const nativeLayer = operatorFunction('aten::_transformer_encoder_layer_fwd')

/** What lies between the two linear layers: by name, a function, or a module (which becomes a child). */
export type Activation = 'relu' | 'gelu' | ((input: Tensor) => Tensor) | Module

/** Arguments of {@link TransformerEncoderLayer} and {@link TransformerDecoderLayer} by name. */
export interface TransformerLayerOptions {
  /** features of input and output, > 0, a multiple of `nhead` */
  dModel?: number
  /** heads of attention, > 0 */
  nhead?: number
  /** features between the two linear layers (default `2048`) */
  dimFeedforward?: number
  /** probability of dropping an element, in [0, 1] (default `0.1`) */
  dropout?: number
  /** (default 'relu') */
  activation?: Activation
  /** added to variances, so that nothing is divided by zero (default `1e-5`) */
  layerNormEps?: number
  /** whether tensors are `(N, L, E)` instead of `(L, N, E)` (default `false`) */
  batchFirst?: boolean
  /** whether normalisation comes before attention and linear layers instead of after them (default `false`) */
  normFirst?: boolean
  /** whether linear layers and normalisation have shifts (default `true`) */
  bias?: boolean
  /** where the parameters are made (default: the CPU) */
  device?: Device | null
  /** of the parameters (default: the default dtype) */
  dtype?: Dtype | null
}
export type WithSizes<T extends { dModel?: number; nhead?: number }> = T & Required<Pick<T, 'dModel' | 'nhead'>>

/** What the constructors take: Python's arguments in order, the last of them by name. */
export type TransformerLayerArguments =
  | [options: WithSizes<TransformerLayerOptions>]
  | [dModel: number, nhead: number, options?: TransformerLayerOptions]
  | [dModel: number, nhead: number, dimFeedforward: number, options?: TransformerLayerOptions]
  | [
      dModel: number,
      nhead: number,
      dimFeedforward: number,
      dropout: number,
      activation?: Activation,
      layerNormEps?: number,
      batchFirst?: boolean,
      normFirst?: boolean,
      bias?: boolean,
      device?: Device | null,
      dtype?: Dtype | null,
    ]

/** Names of the constructor's arguments in order, from `dimFeedforward` on. @internal */
export const layerNames = [
  ...['dimFeedforward', 'dropout', 'activation', 'layerNormEps', 'batchFirst', 'normFirst', 'bias', 'device', 'dtype'],
]

type Given = Required<TransformerLayerOptions> & { factory: { device: Device | null; dtype: Dtype | null } }

function givenTo(what: string, args: unknown[]): Given {
  const names = ['dModel', 'nhead', ...layerNames]
  const values = takeArguments(what, names, args) as any[]
  const [dModel, nhead, dimFeedforward = 2048, dropout = 0.1, activation = 'relu', layerNormEps = 1e-5] = values
  for (const [i, value] of [dModel, nhead].entries()) {
    if (value === undefined) throw new ArgumentError(`${what}: ${names[i]} is required`)
  }
  const [batchFirst, normFirst] = [6, 7].map((i) => flag(what, names[i]!, values[i], false)) as [boolean, boolean]
  const bias = flag(what, 'bias', values[8], true)
  const factory = { device: values[9] ?? null, dtype: values[10] ?? null }
  const sizes = { dModel, nhead, dimFeedforward }
  return { ...sizes, dropout, activation, layerNormEps, batchFirst, normFirst, bias, ...factory, factory }
}

/** The function or module that a name means. */
function activationOf(activation: unknown): Exclude<Activation, string> {
  if (activation === 'relu') return relu as (input: Tensor) => Tensor
  if (activation === 'gelu') return gelu as (input: Tensor) => Tensor
  if (typeof activation === 'function' || activation instanceof Module) return activation as (input: Tensor) => Tensor
  const given = typeof activation === 'string' ? activation : describe(activation)
  throw new ArgumentError(`activation should be relu/gelu, not ${given}`)
}

function attentionOf({ dModel, nhead, dropout, bias, batchFirst, factory }: Given): MultiheadAttention {
  return new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, ...factory })
}
function normOf({ dModel, layerNormEps, bias, factory }: Given): LayerNorm {
  return new LayerNorm(dModel, { eps: layerNormEps, bias, ...factory })
}

interface FeedForward {
  linear1: Linear
  dropout: Dropout
  linear2: Linear
  activation: Exclude<Activation, string>
}
function feedForward({ linear1, dropout, linear2, activation }: FeedForward, x: Tensor): Tensor {
  const wide = linear1.forward(x)
  return linear2.forward(dropout.forward(activation instanceof Module ? activation.forward(wide) : activation(wide)))
}

/** Arguments of {@link TransformerEncoderLayer.forward} by name. */
export interface EncoderLayerOptions {
  /** `(L, L)` or `(N · heads, L, L)`: what may not be attended to, true, or numbers that are added */
  srcMask?: Tensor | null
  /** `(N, L)` or `(L)`: elements that do not count, true or -∞ */
  srcKeyPaddingMask?: Tensor | null
  /** says that `srcMask` is the causal mask (default `false`) */
  isCausal?: boolean
}

/**
 * Self-attention and two linear layers, each with a way around it and normalisation.
 * Shape: `(L, N, dModel)`, `(N, L, dModel)` with batchFirst, or `(L, dModel)` → the same.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, batchFirst: true })
 * const y = layer.forward(torch.randn(3, 5, 16))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoderLayer.html
 */
export class TransformerEncoderLayer extends Module {
  self_attn: MultiheadAttention
  linear1: Linear
  dropout: Dropout
  linear2: Linear
  normFirst: boolean
  norm1: LayerNorm
  norm2: LayerNorm
  dropout1: Dropout
  dropout2: Dropout
  /** 1: relu, 2: gelu, 0: something else, which LibTorch's operator for inference does not know. @internal */
  activationReluOrGelu: 0 | 1 | 2
  activation: Exclude<Activation, string>

  constructor(...args: TransformerLayerArguments) {
    super()
    const given = givenTo('TransformerEncoderLayer', args)
    const { dModel, dimFeedforward, bias, factory } = given
    this.self_attn = attentionOf(given)
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...factory })
    this.dropout = new Dropout(given.dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...factory })
    this.normFirst = given.normFirst
    this.norm1 = normOf(given)
    this.norm2 = normOf(given)
    this.dropout1 = new Dropout(given.dropout)
    this.dropout2 = new Dropout(given.dropout)
    const activation = activationOf(given.activation)
    const isRelu = activation === relu || activation instanceof ReLU
    const isGelu = activation === gelu || activation instanceof GELU
    this.activationReluOrGelu = isRelu ? 1 : isGelu ? 2 : 0
    this.activation = activation
    announceFields(this)
  }

  override forward(src: Tensor, options?: EncoderLayerOptions): Tensor
  override forward(
    src: Tensor,
    srcMask: Tensor | null,
    srcKeyPaddingMask?: Tensor | null,
    isCausal?: boolean | null,
  ): Tensor
  override forward(...args: unknown[]): Tensor {
    const what = 'TransformerEncoderLayer.forward'
    const values = takeArguments(what, ['src', 'srcMask', 'srcKeyPaddingMask', 'isCausal'], args)
    const src = checked(what, 'src', values[0])
    const [, srcMask = null, keyPaddingMask = null] = values as (Tensor | null)[]
    const isCausal = flag(what, 'isCausal', values[3] ?? false, false)
    const { dtype } = src
    const padding = canonicalMask(keyPaddingMask, 'src_key_padding_mask', srcMask, 'src_mask', dtype)
    const mask = canonicalMask(srcMask, 'src_mask', null, '', dtype)
    if (this._isFast(src, mask ?? padding)) return this._inference(src, mask, padding)

    const attend = (x: Tensor): Tensor => {
      const options = { attnMask: mask, keyPaddingMask: padding, needWeights: false, isCausal }
      return this.dropout1.forward(this.self_attn.forward(x, x, x, options)[0])
    }
    const widen = (x: Tensor): Tensor => this.dropout2.forward(feedForward(this, x))
    if (this.normFirst) {
      const x = src.add(attend(this.norm1.forward(src)))
      return x.add(widen(this.norm2.forward(x)))
    }
    const x = this.norm1.forward(src.add(attend(src)))
    return this.norm2.forward(x.add(widen(x)))
  }

  /** Whether Python would take LibTorch's operator for inference. @internal */
  _isFast(src: Tensor, mask: Tensor | null): boolean {
    const { self_attn, norm1, norm2 } = this
    return (
      src.ndim === 3 &&
      !this.training &&
      self_attn.batchFirst &&
      self_attn.in_proj_bias !== null &&
      self_attn._qkvSameEmbedDim &&
      this.activationReluOrGelu !== 0 &&
      norm1.eps === norm2.eps &&
      !(mask !== null && isNested(src)) &&
      self_attn.numHeads % 2 === 0 &&
      !native().isAutocastEnabled('cuda') &&
      // A hook is a `forward` of the module's own, see hooks.ts.
      !this.modules().some((module) => Object.hasOwn(module, 'forward')) &&
      whyNotInference([src, ...inferenceTensors(this)]) === ''
    )
  }
  /** @internal */
  _inference(src: Tensor, mask: Tensor | null, padding: Tensor | null): Tensor {
    const { self_attn, norm1 } = this
    const [merged, kind] = self_attn.mergeMasks(mask, padding, src)
    const [qkv, qkvShift, out, outShift, ...rest] = inferenceTensors(this)
    const attention = [self_attn.embedDim, self_attn.numHeads, qkv, qkvShift, out, outShift]
    const options = [this.activationReluOrGelu === 2, this.normFirst, norm1.eps]
    return nativeLayer(src, ...attention, ...options, ...rest, merged, kind)
  }
}

/** The parameters that LibTorch's operator takes, in its order. @internal */
export function inferenceTensors({ self_attn, norm1, norm2, linear1, linear2 }: TransformerEncoderLayer): Tensor[] {
  const { in_proj_weight, in_proj_bias, out_proj } = self_attn
  return [
    in_proj_weight,
    in_proj_bias,
    ...[out_proj, norm1, norm2, linear1, linear2].flatMap(({ weight, bias }) => [weight, bias]),
  ]
}

/** Arguments of {@link TransformerDecoderLayer.forward} by name. */
export interface DecoderLayerOptions {
  /** `(L, L)` or `(N · heads, L, L)`: what the target may not attend to in itself, true, or numbers that are added */
  tgtMask?: Tensor | null
  /** `(L, S)` or `(N · heads, L, S)`: what it may not attend to in the memory */
  memoryMask?: Tensor | null
  /** `(N, L)` or `(L)`: elements of the target that do not count, true or -∞ */
  tgtKeyPaddingMask?: Tensor | null
  /** `(N, S)` or `(S)`: elements of the memory that do not count */
  memoryKeyPaddingMask?: Tensor | null
  /** says that `tgtMask` is the causal mask (default `false`) */
  tgtIsCausal?: boolean
  /** says that `memoryMask` is a causal mask (default `false`) */
  memoryIsCausal?: boolean
}
/** Arguments of `forward` of the decoder and its layers in order. @internal */
export const decoderNames = [
  ...['tgt', 'memory', 'tgtMask', 'memoryMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask', 'tgtIsCausal'],
  'memoryIsCausal',
]

/**
 * Self-attention, attention to the encoder's output, and two linear layers, each with a way around it and normalisation.
 * Shape: target `(L, N, dModel)`, memory `(S, N, dModel)`; with batchFirst N comes first → that of the target.
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 2, { batchFirst: true })
 * const y = layer.forward(torch.randn(3, 4, 16), torch.randn(3, 5, 16))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoderLayer.html
 */
export class TransformerDecoderLayer extends Module {
  self_attn: MultiheadAttention
  multihead_attn: MultiheadAttention
  linear1: Linear
  dropout: Dropout
  linear2: Linear
  normFirst: boolean
  norm1: LayerNorm
  norm2: LayerNorm
  norm3: LayerNorm
  dropout1: Dropout
  dropout2: Dropout
  dropout3: Dropout
  activation: Exclude<Activation, string>

  constructor(...args: TransformerLayerArguments) {
    super()
    const given = givenTo('TransformerDecoderLayer', args)
    const { dModel, dimFeedforward, bias, factory } = given
    this.self_attn = attentionOf(given)
    this.multihead_attn = attentionOf(given)
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...factory })
    this.dropout = new Dropout(given.dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...factory })
    this.normFirst = given.normFirst
    this.norm1 = normOf(given)
    this.norm2 = normOf(given)
    this.norm3 = normOf(given)
    this.dropout1 = new Dropout(given.dropout)
    this.dropout2 = new Dropout(given.dropout)
    this.dropout3 = new Dropout(given.dropout)
    this.activation = activationOf(given.activation)
    announceFields(this)
  }

  override forward(tgt: Tensor, memory: Tensor, options?: DecoderLayerOptions): Tensor
  override forward(
    tgt: Tensor,
    memory: Tensor,
    tgtMask: Tensor | null,
    memoryMask?: Tensor | null,
    tgtKeyPaddingMask?: Tensor | null,
    memoryKeyPaddingMask?: Tensor | null,
    tgtIsCausal?: boolean | null,
    memoryIsCausal?: boolean | null,
  ): Tensor
  override forward(...args: unknown[]): Tensor {
    const what = 'TransformerDecoderLayer.forward'
    const values = takeArguments(what, decoderNames, args)
    const [tgt, memory] = [checked(what, 'tgt', values[0]), checked(what, 'memory', values[1])]
    const [tgtMask, memoryMask, tgtPadding, memoryPadding] = [2, 3, 4, 5].map(
      (i) => (values[i] ?? null) as Tensor | null,
    )
    const tgtIsCausal = flag(what, 'tgtIsCausal', values[6] ?? false, false)
    const memoryIsCausal = flag(what, 'memoryIsCausal', values[7] ?? false, false)
    const attend = (x: Tensor): Tensor => {
      const masks = { attnMask: tgtMask, keyPaddingMask: tgtPadding, isCausal: tgtIsCausal, needWeights: false }
      return this.dropout1.forward(this.self_attn.forward(x, x, x, masks)[0])
    }
    const remember = (x: Tensor): Tensor => {
      const masks = { attnMask: memoryMask, keyPaddingMask: memoryPadding, isCausal: memoryIsCausal }
      const [attended] = this.multihead_attn.forward(x, memory, memory, { ...masks, needWeights: false })
      return this.dropout2.forward(attended)
    }
    const widen = (x: Tensor): Tensor => this.dropout3.forward(feedForward(this, x))
    if (this.normFirst) {
      let x = tgt.add(attend(this.norm1.forward(tgt)))
      x = x.add(remember(this.norm2.forward(x)))
      return x.add(widen(this.norm3.forward(x)))
    }
    let x = this.norm1.forward(tgt.add(attend(tgt)))
    x = this.norm2.forward(x.add(remember(x)))
    return this.norm3.forward(x.add(widen(x)))
  }
}

/** @internal */
export function checked(what: string, name: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value
  throw new ArgumentError(`${what}: expected ${name} to be a Tensor, received ${describe(value)}`)
}
