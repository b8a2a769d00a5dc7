/** Rows of a table by their indices. */
import { ArgumentError, ShapeError, TorchError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { sizeText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { warn } from '../warn.js'
import { bool, type Call, define, number, optionalNumber, optionalTensor, tensor, text } from './call.js'

export interface EmbeddingOptions {
  /** Row that gets no gradient; negative from the end. */
  paddingIdx?: number | null
  /** Rows in use that are longer are scaled down to it, in place. */
  maxNorm?: number | null
  /** Exponent of that norm (default `2`). */
  normType?: number
  /** Divides gradients by how often the row is in the batch (default `false`). */
  scaleGradByFreq?: boolean
  /** The gradient of `weight` is a sparse tensor (default `false`). */
  sparse?: boolean
}
type Table<P extends unknown[], O extends object> = Call<
  [input: Tensor, weight: Tensor],
  P,
  O,
  { input: Tensor; weight: Tensor }
>

/** Rows of `weight` `(rows, features)` in the shape of the indices: `(*)` → `(*, features)`. */
export const embedding: Table<
  [paddingIdx: number | null, maxNorm: number | null, normType: number, scaleGradByFreq: boolean, sparse: boolean],
  EmbeddingOptions
> = define(
  'embedding',
  {
    input: tensor,
    weight: tensor,
    paddingIdx: optionalNumber,
    maxNorm: optionalNumber,
    normType: number(2),
    scaleGradByFreq: bool(false),
    sparse: bool(false),
  },
  (input: Tensor, weight: Tensor, paddingIdx: number | null, maxNorm, normType, byFrequency, sparse) => {
    let padding = -1
    if (paddingIdx !== null) {
      const rows = weight.size(0)
      if ((paddingIdx > 0 && paddingIdx >= rows) || paddingIdx < -rows)
        throw new ArgumentError('Padding_idx must be within num_embeddings')
      padding = paddingIdx < 0 ? rows + paddingIdx : paddingIdx
    }
    if (maxNorm !== null) {
      input = input.contiguous()
      functions.embeddingRenorm_(weight.detach(), input, maxNorm, normType)
    }
    return functions.embedding(weight, input, padding, byFrequency, sparse)
  },
)

const modes = ['sum', 'mean', 'max']
export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where bags begin in a flat `input`. */
  offsets?: Tensor | null
  /** How rows of a bag become one (default 'mean'). */
  mode?: 'sum' | 'mean' | 'max'
  /** A factor for each index, with mode 'sum'. */
  perSampleWeights?: Tensor | null
  /** The last offset is the end of the last bag (default `false`). */
  includeLastOffset?: boolean
}
/** Sums, means or largest values of bags of rows: `input` is `(bags, indices)`, or flat with `offsets`. */
export const embeddingBag: Table<
  [
    offsets: Tensor | null,
    maxNorm: number | null,
    normType: number,
    scaleGradByFreq: boolean,
    mode: 'sum' | 'mean' | 'max',
    sparse: boolean,
    perSampleWeights: Tensor | null,
    includeLastOffset: boolean,
    paddingIdx: number | null,
  ],
  EmbeddingBagOptions
> = define(
  'embeddingBag',
  {
    input: tensor,
    weight: tensor,
    offsets: optionalTensor,
    maxNorm: optionalNumber,
    normType: number(2),
    scaleGradByFreq: bool(false),
    mode: text('mean'),
    sparse: bool(false),
    perSampleWeights: optionalTensor,
    includeLastOffset: bool(false),
    paddingIdx: optionalNumber,
  },
  (
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | null,
    maxNorm: number | null,
    normType,
    byFrequency: boolean,
    mode: string,
    sparse: boolean,
    factors: Tensor | null,
    lastOffset: boolean,
    paddingIdx,
  ) => {
    if (weight.dtype === 'int64' && input.isFloatingPoint()) {
      warn(
        'Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`.',
      )
      ;[weight, input] = [input, weight]
    }
    if (factors && String(factors.shape) !== String(input.shape)) {
      throw new ShapeError(
        `embedding_bag: If per_sample_weights (${sizeText(factors.shape)}) is not None, then it must have the same shape as the input (${sizeText(input.shape)})`,
      )
    }
    if (weight.ndim !== 2)
      throw new ShapeError(`weight has to be a 2D Tensor, but got Tensor of dimension ${weight.ndim}`)
    if (input.ndim === 2) {
      if (offsets) {
        throw new ArgumentError(
          "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. However, found offsets of type <class 'torch.Tensor'>",
        )
      }
      const { dtype, device } = input
      offsets = functions.arange(0, input.numel(), input.size(1), { dtype, device })
      lastOffset = false
      input = input.reshape(-1)
      factors = factors?.reshape(-1) ?? null
    } else if (input.ndim !== 1) {
      throw new ShapeError(`input has to be 1D or 2D Tensor, but got Tensor of dimension ${input.ndim}`)
    } else if (!offsets) {
      throw new ArgumentError('offsets has to be a 1D Tensor but got None')
    } else if (offsets.ndim !== 1) {
      throw new ShapeError('offsets has to be a 1D Tensor')
    }
    if (!modes.includes(mode)) throw new ArgumentError('mode has to be one of sum, mean or max')
    if (mode === 'max' && byFrequency)
      throw new ArgumentError('max mode does not support scaling the gradient by the frequency')
    if (mode === 'max' && sparse) throw new ArgumentError('max mode does not support sparse weights')
    if (maxNorm !== null) functions.embeddingRenorm_(weight.detach(), input, maxNorm, normType)
    if (factors && mode !== 'sum') {
      throw new TorchError(
        `embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='${mode}'). Please open a feature request on GitHub.`,
      )
    }
    const kind = modes.indexOf(mode)
    return functions.embeddingBag(weight, input, offsets, byFrequency, kind, sparse, factors, lastOffset, paddingIdx)[0]
  },
)
