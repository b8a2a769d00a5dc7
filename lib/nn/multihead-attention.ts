/** Multi-head attention as a layer. Rules and texts: torch/nn/modules/activation.py, PyTorch 2.13. */

import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { empty } from '../generated/functions.js'
import { Linear } from '../generated/nn.js'
import { isGradEnabled, noGrad } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, operatorFunction } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { scope } from '../tensor/scope.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { canonicalMask, multiHeadAttentionForward } from './attention.js'
import { xavierNormal_, xavierUniform_ } from './init.js'
import { Module } from './module.js'
import { announceFields } from './registration-hooks.js'

const nativeAttention = operatorFunction('aten::_native_multi_head_attention')

/** The projection at the end, a Linear under the name that Python prints. */
export class NonDynamicallyQuantizableLinear extends Linear {}

/** Arguments of {@link MultiheadAttention} by name. */
export interface MultiheadAttentionOptions {
  /** features of the query and the output, > 0, a multiple of `numHeads` */
  embedDim?: number
  /** heads that attend side by side, > 0 */
  numHeads?: number
  /** probability of dropping an attention weight, in [0, 1] (default `0`) */
  dropout?: number
  /** whether the projections have shifts (default `true`) */
  bias?: boolean
  /** whether one learned element is added to keys and values (default `false`) */
  addBiasKv?: boolean
  /** whether one element of zeros is added to keys and values (default `false`) */
  addZeroAttn?: boolean
  /** features of the keys (default: `embedDim`) */
  kdim?: number | null
  /** features of the values (default: `embedDim`) */
  vdim?: number | null
  /** whether tensors are `(N, L, E)` instead of `(L, N, E)` (default `false`) */
  batchFirst?: boolean
  /** where the parameters are made (default: the CPU) */
  device?: Device | null
  /** of the parameters (default: the default dtype) */
  dtype?: Dtype | null
}
const names = [
  ...['embedDim', 'numHeads', 'dropout', 'bias', 'addBiasKv', 'addZeroAttn', 'kdim', 'vdim', 'batchFirst'],
  ...['device', 'dtype'],
]

/** Arguments of {@link MultiheadAttention.forward} by name. */
export interface AttentionOptions {
  /** `(N, S)` or `(S)`: keys that do not count, true or -∞ */
  keyPaddingMask?: Tensor | null
  /** whether the attention weights are given, too; without is faster (default `true`) */
  needWeights?: boolean
  /** `(L, S)` or `(N · heads, L, S)`: what may not be attended to, true, or numbers that are added */
  attnMask?: Tensor | null
  /** whether the weights are averaged over the heads (default `true`) */
  averageAttnWeights?: boolean
  /** says that `attnMask` is the causal mask (default `false`) */
  isCausal?: boolean
}
const forwardNames = [
  ...['query', 'key', 'value', 'keyPaddingMask', 'needWeights', 'attnMask', 'averageAttnWeights', 'isCausal'],
]

/**
 * Lets a query attend to keys in several heads side by side.
 * Shape: query `(L, N, E)`, key `(S, N, kdim)`, value `(S, N, vdim)`; with batchFirst N comes first, without a batch it is not
 * there → output in the shape of the query, and the weights `(N, L, S)`.
 * @example
 * const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true })
 * const x = torch.randn(3, 5, 8)
 * const [output, weights] = attention.forward(x, x, x)
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html
 */
export class MultiheadAttention extends Module {
  embedDim: number
  kdim: number
  vdim: number
  /** Whether query, key and value are projected by one weight. @internal */
  readonly _qkvSameEmbedDim: boolean
  numHeads: number
  dropout: number
  batchFirst: boolean
  headDim: number
  // The types are those of a layer made with the default options.
  q_proj_weight: Parameter | null
  k_proj_weight: Parameter | null
  v_proj_weight: Parameter | null
  in_proj_weight: Parameter
  in_proj_bias: Parameter
  out_proj: NonDynamicallyQuantizableLinear
  bias_k: Parameter | null
  bias_v: Parameter | null
  addZeroAttn: boolean

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions)
  constructor(embedDim: number, numHeads: number, dropout: number, options?: MultiheadAttentionOptions)
  constructor(
    embedDim: number,
    numHeads: number,
    dropout: number,
    bias: boolean,
    addBiasKv?: boolean,
    addZeroAttn?: boolean,
    kdim?: number | null,
    vdim?: number | null,
    batchFirst?: boolean,
    device?: Device | null,
    dtype?: Dtype | null,
  )
  constructor(options: MultiheadAttentionOptions & Required<Pick<MultiheadAttentionOptions, 'embedDim' | 'numHeads'>>)
  constructor(...args: unknown[]) {
    super()
    const what = 'MultiheadAttention'
    const values = takeArguments(what, names, args) as any[]
    const [embedDim, numHeads, dropout = 0] = values as [number, number, number?]
    for (const [i, value] of [embedDim, numHeads].entries()) {
      if (value === undefined) throw new ArgumentError(`${what}: ${names[i]} is required`)
      if (!Number.isInteger(value))
        throw new ArgumentError(`${what}: expected ${names[i]} to be an integer, received ${describe(value)}`)
    }
    if (typeof dropout !== 'number')
      throw new ArgumentError(`${what}: expected dropout to be a number, received ${describe(dropout)}`)
    const booleans = [values[3] ?? true, values[4], values[5], values[8]]
    const [bias, addBiasKv, addZeroAttn, batchFirst] = ['bias', 'addBiasKv', 'addZeroAttn', 'batchFirst'].map(
      (name, i) => flag(what, name, booleans[i], false),
    ) as [boolean, boolean, boolean, boolean]
    const [kdim, vdim] = [values[6] ?? embedDim, values[7] ?? embedDim] as [number, number]
    const factory = { device: (values[9] ?? null) as Device | null, dtype: (values[10] ?? null) as Dtype | null }
    if (embedDim <= 0 || numHeads <= 0) {
      throw new ArgumentError(
        `embed_dim and num_heads must be greater than 0, got embed_dim=${embedDim} and num_heads=${numHeads} instead`,
      )
    }
    this.embedDim = embedDim
    this.kdim = kdim
    this.vdim = vdim
    this._qkvSameEmbedDim = kdim === embedDim && vdim === embedDim
    this.numHeads = numHeads
    this.dropout = dropout
    this.batchFirst = batchFirst
    this.headDim = Math.floor(embedDim / numHeads)
    if (this.headDim * numHeads !== embedDim) throw new ArgumentError('embed_dim must be divisible by num_heads')
    const make = (...shape: number[]): Parameter => new Parameter(empty(shape, factory))
    const none = null as unknown as Parameter
    const apart = !this._qkvSameEmbedDim
    this.q_proj_weight = apart ? make(embedDim, embedDim) : null
    this.k_proj_weight = apart ? make(embedDim, kdim) : null
    this.v_proj_weight = apart ? make(embedDim, vdim) : null
    this.in_proj_weight = apart ? none : make(3 * embedDim, embedDim)
    this.in_proj_bias = bias ? make(3 * embedDim) : none
    this.out_proj = new NonDynamicallyQuantizableLinear(embedDim, embedDim, { bias, ...factory })
    this.bias_k = addBiasKv ? make(1, 1, embedDim) : null
    this.bias_v = addBiasKv ? make(1, 1, embedDim) : null
    this.addZeroAttn = addZeroAttn
    announceFields(this)
    this._resetParameters()
  }

  /** @internal */
  _resetParameters(): void {
    if (this._qkvSameEmbedDim) xavierUniform_(this.in_proj_weight)
    else for (const weight of [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight]) xavierUniform_(weight!)
    if (this.in_proj_bias !== null) {
      noGrad(() => {
        this.in_proj_bias.zero_()
        this.out_proj.bias.zero_()
      })
    }
    if (this.bias_k !== null) xavierNormal_(this.bias_k)
    if (this.bias_v !== null) xavierNormal_(this.bias_v)
  }

  /** The output, and the attention weights or null. */
  override forward(query: Tensor, key: Tensor, value: Tensor, options?: AttentionOptions): [Tensor, Tensor | null]
  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    keyPaddingMask: Tensor | null,
    needWeights?: boolean,
    attnMask?: Tensor | null,
    averageAttnWeights?: boolean,
    isCausal?: boolean,
  ): [Tensor, Tensor | null]
  override forward(...args: unknown[]): [Tensor, Tensor | null] {
    const what = 'MultiheadAttention.forward'
    const values = takeArguments(what, forwardNames, args)
    for (const [i, value] of values.slice(0, 3).entries()) {
      if (!(value instanceof Tensor))
        throw new ArgumentError(`${what}: expected ${forwardNames[i]} to be a Tensor, received ${describe(value)}`)
    }
    let [query, key, value] = values as [Tensor, Tensor, Tensor]
    let [keyPaddingMask, attnMask] = [values[3] ?? null, values[5] ?? null] as (Tensor | null)[] as [Tensor, Tensor]
    const needWeights = flag(what, 'needWeights', values[4], true)
    const averageAttnWeights = flag(what, 'averageAttnWeights', values[6], true)
    const isCausal = flag(what, 'isCausal', values[7], false)
    const floats = Boolean(attnMask?.isFloatingPoint() || keyPaddingMask?.isFloatingPoint())
    const { dtype } = query
    keyPaddingMask = canonicalMask(keyPaddingMask, 'key_padding_mask', attnMask, 'attn_mask', dtype) as Tensor
    attnMask = canonicalMask(attnMask, 'attn_mask', null, '', dtype) as Tensor

    const reason = this._whyNotFast(query, key, value, keyPaddingMask ?? attnMask, floats)
    if (reason === '' && this.in_proj_bias !== null) {
      const [mask, kind] = this.mergeMasks(attnMask, keyPaddingMask, query)
      const { embedDim, numHeads, in_proj_weight, in_proj_bias, out_proj } = this
      const { weight, bias } = out_proj
      const projections = [embedDim, numHeads, in_proj_weight, in_proj_bias, weight, bias]
      return nativeAttention(query, key, value, ...projections, mask, needWeights, averageAttnWeights, kind)
    }
    if ([query, key, value].some(isNested)) {
      throw new ArgumentError(
        `MultiheadAttention does not support NestedTensor outside of its fast path. The fast path was not hit because ${reason}`,
      )
    }
    const swap = this.batchFirst && query.ndim === 3
    if (swap) {
      // What was one tensor stays one, so that it is projected once.
      const swapped = new Map([query, key, value].map((t) => [t, t.transpose(1, 0)]))
      ;[query, key, value] = [query, key, value].map((t) => swapped.get(t)!) as [Tensor, Tensor, Tensor]
    }
    const tensors = [
      ...([query, key, value, this.embedDim, this.numHeads, this.in_proj_weight, this.in_proj_bias] as const),
      ...([this.bias_k, this.bias_v, this.addZeroAttn, this.dropout] as const),
      ...([this.out_proj.weight, this.out_proj.bias] as const),
    ] as const
    const options = {
      training: this.training,
      keyPaddingMask,
      needWeights,
      attnMask,
      useSeparateProjWeight: !this._qkvSameEmbedDim,
      qProjWeight: this.q_proj_weight,
      kProjWeight: this.k_proj_weight,
      vProjWeight: this.v_proj_weight,
      averageAttnWeights,
      isCausal,
    }
    // No code of a user runs inside, so nobody misses what is made there: the next step finds its memory free and warm.
    const [output, weights] = scope(() => multiHeadAttentionForward(...tensors, options))
    return [swap ? output.transpose(1, 0) : output, weights]
  }

  /** Why LibTorch's operator for inference does not fit, in Python's words; '' where it does. @internal */
  _whyNotFast(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | null, floats: boolean): string {
    const { in_proj_weight: weight, in_proj_bias: bias } = this
    const { dtype } = query
    const mismatch = (name: string, other: Tensor): string =>
      `dtypes of query (torch.${dtype}) and self.${name} (torch.${other.dtype}) don't match`
    if (query.ndim !== 3) return `input not batched; expected query.dim() of 3 but got ${query.ndim}`
    if (query !== key || key !== value)
      return 'non-self attention was used (query, key, and value are not the same Tensor)'
    if (bias !== null && dtype !== bias.dtype) return mismatch('in_proj_bias', bias)
    if (weight === null) return 'in_proj_weight was None'
    if (dtype !== weight.dtype) return mismatch('in_proj_weight', weight)
    if (this.training) return 'training is enabled'
    if (this.numHeads % 2 !== 0) return 'self.num_heads is not even'
    if (!this.batchFirst) return 'batch_first was not True'
    if (this.bias_k !== null) return 'self.bias_k was not None'
    if (this.bias_v !== null) return 'self.bias_v was not None'
    if (this.addZeroAttn) return 'add_zero_attn was enabled'
    if (!this._qkvSameEmbedDim) return '_qkv_same_embed_dim was not True'
    if (mask !== null && isNested(query))
      return 'supplying both src_key_padding_mask and src_mask at the same time is not supported with NestedTensor input'
    if (native().isAutocastEnabled('cuda')) return 'autocast is enabled'
    if (floats) return 'floating-point masks are not supported for fast path.'
    return whyNotInference([query, weight, bias, this.out_proj.weight, this.out_proj.bias])
  }

  /**
   * One mask for LibTorch's operator, and its kind: 1 pads keys, 2 is for all pairs.
   * @param attnMask - `(L, L)` or `(N · heads, L, L)`
   * @param keyPaddingMask - `(N, L)`
   */
  mergeMasks(
    attnMask: Tensor | null,
    keyPaddingMask: Tensor | null,
    query: Tensor,
  ): [mask: Tensor | null, kind: number | null] {
    if (attnMask === null) return keyPaddingMask === null ? [null, null] : [keyPaddingMask, 1]
    const [batch, length] = query.shape as [number, number]
    const pairs =
      attnMask.ndim === 3
        ? attnMask.view(batch, -1, length, length)
        : attnMask.view(1, 1, length, length).expand(batch, this.numHeads, -1, -1)
    if (keyPaddingMask === null) return [pairs, 2]
    return [pairs.add(keyPaddingMask.view(batch, 1, 1, length).expand(-1, this.numHeads, -1, -1)), 2]
  }
}

/** Nested tensors have no shape. @internal */
export function isNested(t: Tensor): boolean {
  try {
    return t.shape === undefined
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('a nested tensor has no shape')) return true
    throw error
  }
}

/** Why LibTorch's operators for inference may not be called with these tensors; '' where they may. @internal */
export function whyNotInference(tensors: (Tensor | null)[]): string {
  const given = tensors.filter((t): t is Tensor => t !== null)
  if (!given.every((t) => /^(cpu|cuda|xpu)\b/.test(t.device)))
    return "some Tensor argument's device is neither one of cpu, cuda or privateuseone"
  if (isGradEnabled() && given.some((t) => t.requiresGrad)) {
    return 'grad is enabled and at least one of query or the input/output projection weights or biases requires_grad'
  }
  return ''
}
