/** Stacks of transformer layers. Rules and texts: torch/nn/modules/transformer.py, PyTorch 2.13. */

import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { full } from '../generated/functions.js'
import { isGradEnabled } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, operatorFunction } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { canonicalMask } from './attention.js'
import { Module } from './module.js'
import { ModuleList } from './module-list.js'
import { isNested, type MultiheadAttention } from './multihead-attention.js'
import { announceFields } from './registration-hooks.js'
import {
  checked,
  type DecoderLayerOptions,
  decoderNames,
  inferenceTensors,
  TransformerEncoderLayer,
} from './transformer-layers.js'

const isLeftAligned = operatorFunction('aten::_nested_tensor_from_mask_left_aligned')
const nestedFromMask = operatorFunction('aten::_nested_tensor_from_mask')
const toPadded = operatorFunction('aten::to_padded_tensor')

type Mask = Tensor | null

/** A square of -∞ above the diagonal and zeros elsewhere: nothing attends to what comes later. @internal */
export function squareSubsequentMask(size: number, device: Device | null, dtype: Dtype | null): Tensor {
  return full([size, size], -Infinity, { dtype, device }).triu(1)
}

/** Deep copies, as Python's `copy.deepcopy`: the same numbers, and none drawn. */
function copies(what: string, layer: unknown, count: unknown): ModuleList {
  if (!(layer instanceof Module)) {
    throw new ArgumentError(`${what}: expected a layer to copy, received ${describe(layer)}`)
  }
  if (!Number.isInteger(count) || (count as number) < 0) {
    throw new ArgumentError(`${what}: expected numLayers to be an integer >= 0, received ${describe(count)}`)
  }
  const list = Array.from({ length: count as number }, () => (layer as unknown as { clone(): Module }).clone())
  return new ModuleList(list)
}

function normOrNull(what: string, norm: unknown): Module | null {
  if (norm === undefined || norm === null || norm instanceof Module) return norm ?? null
  throw new ArgumentError(`${what}: expected norm to be a Module or null, received ${describe(norm)}`)
}

/** L of a batch; null for a nested tensor. */
function lengthOf(t: Tensor, batchFirst: boolean): number | null {
  if (isNested(t)) return null
  return t.shape[t.ndim !== 2 && batchFirst ? 1 : 0]!
}

/** What was said, or whether the mask is the causal one. */
function isCausalMask(mask: Mask, said: boolean | null, length: number | null): boolean {
  if (said !== null || mask === null) return said === true
  const causal = squareSubsequentMask(length ?? mask.size(-2), mask.device, mask.dtype)
  return String(mask.shape) === String(causal.shape) && (mask.eq(causal).all().item() as boolean)
}

function hint(what: string, name: string, value: unknown): boolean | null {
  return value === undefined || value === null ? null : flag(what, name, value, false)
}

/** The layers' attention, as far as they have one. */
const isBatchFirst = (layer: Module): boolean =>
  Boolean((layer as { self_attn?: MultiheadAttention }).self_attn?.batchFirst)

/** Arguments of {@link TransformerEncoder} by name. */
export interface TransformerEncoderOptions {
  /** goes over the output of the last layer */
  norm?: Module | null
  /** whether padding is left out in eval, where LibTorch can (default `true`) */
  enableNestedTensor?: boolean
  /** whether it is checked that padding is only at the end, without which it is not left out (default `true`) */
  maskCheck?: boolean
}
/** What the constructor takes: Python's arguments in order, the last of them by name. */
export type TransformerEncoderArguments =
  | [encoderLayer: Module, numLayers: number, options?: TransformerEncoderOptions]
  | [encoderLayer: Module, numLayers: number, norm: Module | null, options?: TransformerEncoderOptions]
  | [encoderLayer: Module, numLayers: number, norm: Module | null, enableNestedTensor: boolean, maskCheck?: boolean]
/** Arguments of {@link TransformerEncoder.forward} by name. */
export interface EncoderOptions {
  /** `(L, L)` or `(N · heads, L, L)`: what may not be attended to, true, or numbers that are added */
  mask?: Tensor | null
  /** `(N, L)` or `(L)`: elements that do not count, true or -∞ */
  srcKeyPaddingMask?: Tensor | null
  /** says whether `mask` is the causal mask (default: it is compared with it) */
  isCausal?: boolean | null
}

/**
 * A stack of copies of one layer. Each is called with its input and the options `srcMask`, `isCausal`, `srcKeyPaddingMask`.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 2, { batchFirst: true })
 * const encoder = new nn.TransformerEncoder(layer, 3)
 * const y = encoder.forward(torch.randn(3, 5, 16))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoder.html
 */
export class TransformerEncoder extends Module {
  layers: ModuleList
  numLayers: number
  norm: Module | null
  /** What was said at construction. */
  enableNestedTensor: boolean
  /** Whether padding is left out in eval. */
  useNestedTensor: boolean
  maskCheck: boolean

  constructor(...args: TransformerEncoderArguments) {
    super()
    const what = 'TransformerEncoder'
    const names = ['encoderLayer', 'numLayers', 'norm', 'enableNestedTensor', 'maskCheck']
    const [layer, count, norm, nested, check] = takeArguments(what, names, args)
    this.layers = copies(what, layer, count)
    this.numLayers = count as number
    this.norm = normOrNull(what, norm)
    announceFields(this)
    this.enableNestedTensor = flag(what, 'enableNestedTensor', nested, true)
    this.maskCheck = flag(what, 'maskCheck', check, true)
    const reason = whyNotNested(layer as Module)
    this.useNestedTensor = this.enableNestedTensor && reason === ''
    if (this.enableNestedTensor && reason !== '') {
      process.emitWarning(
        `enable_nested_tensor is True, but self.use_nested_tensor is False because ${reason}`,
        'UserWarning',
      )
    }
  }

  override forward(src: Tensor, options?: EncoderOptions): Tensor
  override forward(src: Tensor, mask: Tensor | null, srcKeyPaddingMask?: Mask, isCausal?: boolean | null): Tensor
  override forward(...args: unknown[]): Tensor {
    const what = 'TransformerEncoder.forward'
    const values = takeArguments(what, ['src', 'mask', 'srcKeyPaddingMask', 'isCausal'], args)
    const src = checked(what, 'src', values[0])
    const [, given = null, givenPadding = null] = values as Mask[]
    let padding = canonicalMask(givenPadding, 'src_key_padding_mask', given, 'mask', src.dtype)
    const srcMask = canonicalMask(given, 'mask', null, '', src.dtype)
    const first = this.layers.at(0)
    let output = src
    const nested = padding !== null && srcMask === null && this._takesNested(src, padding)
    if (nested) {
      output = nestedFromMask(src, padding!.logicalNot(), false)
      padding = null
    }
    const isCausal = isCausalMask(srcMask, hint(what, 'isCausal', values[3]), lengthOf(src, isBatchFirst(first)))
    for (const layer of this.layers) {
      output = layer.forward(output, { srcMask, isCausal, srcKeyPaddingMask: padding })
    }
    if (nested) output = toPadded(output, 0, src.shape)
    return this.norm === null ? output : this.norm.forward(output)
  }

  /** Whether Python would take the padding out of this input. @internal */
  _takesNested(src: Tensor, padding: Tensor): boolean {
    const first = this.layers.at(0) as TransformerEncoderLayer
    if (!this.useNestedTensor || first.training || src.ndim !== 3) return false
    if (this.maskCheck && !isLeftAligned(src, padding.logicalNot())) return false
    if (native().isAutocastEnabled('cuda')) return false
    if (!/^(cpu|cuda|xpu)\b/.test(src.device)) return false
    return !isGradEnabled() || ![src, ...inferenceTensors(first)].some((t) => t?.requiresGrad)
  }
}

/** Why layers like this one cannot work without padding, in Python's words; '' where they can. */
function whyNotNested(layer: Module): string {
  const name = 'encoder_layer'
  if (!(layer instanceof TransformerEncoderLayer)) return `${name} was not TransformerEncoderLayer`
  const { self_attn: attention } = layer
  if (layer.normFirst) return `${name}.norm_first was True`
  if (!attention.batchFirst)
    return `${name}.self_attn.batch_first was not True(use batch_first for better inference performance)`
  if (!attention._qkvSameEmbedDim) return `${name}.self_attn._qkv_same_embed_dim was not True`
  if (attention.in_proj_bias === null) return `${name}.self_attn was passed bias=False`
  if (layer.activationReluOrGelu === 0) return `${name}.activation_relu_or_gelu was not True`
  if (layer.norm1.eps !== layer.norm2.eps) return `${name}.norm1.eps was not equal to ${name}.norm2.eps`
  return attention.numHeads % 2 === 1 ? `${name}.self_attn.num_heads is odd` : ''
}

/** Arguments of {@link TransformerDecoder.forward} by name. */
export interface DecoderOptions extends Omit<DecoderLayerOptions, 'tgtIsCausal'> {
  /** says whether `tgtMask` is the causal mask (default: it is compared with it) */
  tgtIsCausal?: boolean | null
}

/**
 * A stack of copies of one layer. Each is called with its input, the memory, and the options of {@link DecoderLayerOptions}.
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 2, { batchFirst: true })
 * const decoder = new nn.TransformerDecoder(layer, 3)
 * const y = decoder.forward(torch.randn(3, 4, 16), torch.randn(3, 5, 16))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoder.html
 */
export class TransformerDecoder extends Module {
  layers: ModuleList
  numLayers: number
  norm: Module | null

  /** @param norm - goes over the output of the last layer; also in the options */
  constructor(decoderLayer: Module, numLayers: number, norm?: Module | null | { norm?: Module | null }) {
    super()
    const what = 'TransformerDecoder'
    const [layer, count, last] = takeArguments(
      what,
      ['decoderLayer', 'numLayers', 'norm'],
      [decoderLayer, numLayers, norm],
    )
    this.layers = copies(what, layer, count)
    this.numLayers = count as number
    this.norm = normOrNull(what, last)
    announceFields(this)
  }

  override forward(tgt: Tensor, memory: Tensor, options?: DecoderOptions): Tensor
  override forward(
    tgt: Tensor,
    memory: Tensor,
    tgtMask: Mask,
    memoryMask?: Mask,
    tgtKeyPaddingMask?: Mask,
    memoryKeyPaddingMask?: Mask,
    tgtIsCausal?: boolean | null,
    memoryIsCausal?: boolean,
  ): Tensor
  override forward(...args: unknown[]): Tensor {
    const what = 'TransformerDecoder.forward'
    const values = takeArguments(what, decoderNames, args)
    const [tgt, memory] = [checked(what, 'tgt', values[0]), checked(what, 'memory', values[1])]
    const masks = [2, 3, 4, 5].map((i) => (values[i] ?? null) as Mask)
    const [tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask] = masks as [Mask, Mask, Mask, Mask]
    const length = lengthOf(tgt, isBatchFirst(this.layers.at(0)))
    const tgtIsCausal = isCausalMask(tgtMask, hint(what, 'tgtIsCausal', values[6]), length)
    const memoryIsCausal = flag(what, 'memoryIsCausal', values[7] ?? false, false)
    const options = { tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask, tgtIsCausal, memoryIsCausal }
    let output = tgt
    for (const layer of this.layers) output = layer.forward(output, memory, options)
    return this.norm === null ? output : this.norm.forward(output)
  }
}
