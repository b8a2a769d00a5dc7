/** The whole transformer. Rules and texts: torch/nn/modules/transformer.py, PyTorch 2.13. */

import { ShapeError } from '../errors.js'
import { LayerNorm } from '../generated/nn.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { xavierUniform_ } from './init.js'
import { Module } from './module.js'
import { announceFields } from './registration-hooks.js'
import { squareSubsequentMask, TransformerDecoder, TransformerEncoder } from './transformer.js'
import {
  type Activation,
  checked,
  layerNames,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer-layers.js'

/** Arguments of {@link Transformer} by name. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** (default `6`) */
  numEncoderLayers?: number
  /** (default `6`) */
  numDecoderLayers?: number
  /** stands in place of the encoder; called with the source and the options of {@link TransformerEncoder.forward} */
  customEncoder?: Module | null
  /** stands in place of the decoder; called with target, memory and the options of {@link TransformerDecoder.forward} */
  customDecoder?: Module | null
}
/** What the constructor takes: Python's arguments in order, the last of them by name. */
export type TransformerArguments =
  | [options?: TransformerOptions]
  | [dModel: number, options?: TransformerOptions]
  | [dModel: number, nhead: number, options?: TransformerOptions]
  | [dModel: number, nhead: number, numEncoderLayers: number, options?: TransformerOptions]
  | [dModel: number, nhead: number, numEncoderLayers: number, numDecoderLayers: number, options?: TransformerOptions]
  | [
      dModel: number,
      nhead: number,
      numEncoderLayers: number,
      numDecoderLayers: number,
      dimFeedforward: number,
      dropout?: number,
      activation?: Activation,
      customEncoder?: Module | null,
      customDecoder?: Module | null,
      layerNormEps?: number,
      batchFirst?: boolean,
      normFirst?: boolean,
      bias?: boolean,
      device?: Device | null,
      dtype?: Dtype | null,
    ]
const sizes = ['dModel', 'nhead', 'numEncoderLayers', 'numDecoderLayers']
const names = [...sizes, ...layerNames.slice(0, 3), 'customEncoder', 'customDecoder', ...layerNames.slice(3)]

/** Arguments of {@link Transformer.forward} by name: masks as those of encoder and decoder. */
export interface TransformerForwardOptions {
  srcMask?: Tensor | null
  tgtMask?: Tensor | null
  memoryMask?: Tensor | null
  srcKeyPaddingMask?: Tensor | null
  tgtKeyPaddingMask?: Tensor | null
  memoryKeyPaddingMask?: Tensor | null
  /** says whether `srcMask` is the causal mask (default: it is compared with it) */
  srcIsCausal?: boolean | null
  /** says whether `tgtMask` is the causal mask (default: it is compared with it) */
  tgtIsCausal?: boolean | null
  /** says that `memoryMask` is a causal mask (default `false`) */
  memoryIsCausal?: boolean
}
const forwardNames = [
  ...['src', 'tgt', 'srcMask', 'tgtMask', 'memoryMask', 'srcKeyPaddingMask', 'tgtKeyPaddingMask'],
  ...['memoryKeyPaddingMask', 'srcIsCausal', 'tgtIsCausal', 'memoryIsCausal'],
]

/**
 * Encoder and decoder (Vaswani et al., 2017); all weights are drawn by Glorot's rule.
 * Shape: source `(S, N, dModel)`, target `(T, N, dModel)`; with batchFirst N comes first, without a batch it is not there → that
 * of the target.
 * @example
 * const model = new nn.Transformer({ dModel: 16, nhead: 4, numEncoderLayers: 2, numDecoderLayers: 2 })
 * const y = model.forward(torch.randn(10, 3, 16), torch.randn(8, 3, 16))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.Transformer.html
 */
export class Transformer extends Module {
  encoder: Module
  decoder: Module
  dModel: number
  nhead: number
  batchFirst: boolean

  constructor(...args: TransformerArguments) {
    super()
    const values = takeArguments('Transformer', names, args) as any[]
    const [dModel = 512, nhead = 8, encoders = 6, decoders = 6, dimFeedforward, dropout, activation] = values
    const [customEncoder, customDecoder, eps = 1e-5, batchFirst, normFirst, givenBias, device, dtype] = values.slice(7)
    const bias = flag('Transformer', 'bias', givenBias, true)
    const options = {
      dimFeedforward,
      dropout,
      activation,
      layerNormEps: eps,
      batchFirst,
      normFirst,
      bias,
      device,
      dtype,
    }
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps, bias, device, dtype })
    if (customEncoder) this.encoder = customEncoder
    else {
      const layer = new TransformerEncoderLayer(dModel, nhead, options)
      this.encoder = new TransformerEncoder(layer, encoders, norm())
    }
    if (customDecoder) this.decoder = customDecoder
    else {
      const layer = new TransformerDecoderLayer(dModel, nhead, options)
      this.decoder = new TransformerDecoder(layer, decoders, norm())
    }
    announceFields(this)
    this._resetParameters()
    this.dModel = dModel
    this.nhead = nhead
    this.batchFirst = flag('Transformer', 'batchFirst', batchFirst, false)
  }

  /** @internal */
  _resetParameters(): void {
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter)
  }

  override forward(src: Tensor, tgt: Tensor, options?: TransformerForwardOptions): Tensor
  override forward(
    src: Tensor,
    tgt: Tensor,
    srcMask: Tensor | null,
    tgtMask?: Tensor | null,
    memoryMask?: Tensor | null,
    srcKeyPaddingMask?: Tensor | null,
    tgtKeyPaddingMask?: Tensor | null,
    memoryKeyPaddingMask?: Tensor | null,
    srcIsCausal?: boolean | null,
    tgtIsCausal?: boolean | null,
    memoryIsCausal?: boolean,
  ): Tensor
  override forward(...args: unknown[]): Tensor {
    const what = 'Transformer.forward'
    const values = takeArguments(what, forwardNames, args)
    const [src, tgt] = [checked(what, 'src', values[0]), checked(what, 'tgt', values[1])]
    const given = Object.fromEntries(forwardNames.map((name, i) => [name, values[i] ?? null])) as any
    const at = this.batchFirst ? 0 : 1
    if (src.ndim === 3 && src.size(at) !== tgt.size(at)) {
      throw new ShapeError('the batch number of src and tgt must be equal')
    }
    if (src.size(-1) !== this.dModel || tgt.size(-1) !== this.dModel) {
      throw new ShapeError('the feature number of src and tgt must be equal to d_model')
    }
    const { srcMask, srcKeyPaddingMask, srcIsCausal, memoryIsCausal, ...rest } = given
    const memory = this.encoder.forward(src, { mask: srcMask, srcKeyPaddingMask, isCausal: srcIsCausal })
    const { tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask, tgtIsCausal } = rest
    const masks = { tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask }
    return this.decoder.forward(tgt, memory, { ...masks, tgtIsCausal, memoryIsCausal: memoryIsCausal ?? false })
  }

  /**
   * `(size, size)`, -∞ above the diagonal and zeros elsewhere: nothing attends to what comes later.
   * @param options - `device`, `dtype` (default: the default dtype)
   */
  static generateSquareSubsequentMask(
    size: number,
    options: { device?: Device | null; dtype?: Dtype | null } = {},
  ): Tensor {
    const what = 'generateSquareSubsequentMask'
    const [sz, device = null, dtype = null] = takeArguments(what, ['sz', 'device', 'dtype'], [size, options])
    return squareSubsequentMask(sz as number, device as Device | null, dtype as Dtype | null)
  }
}
