/** The embeddings of `native/nn`, with what a constructor cannot say. Source: torch/nn/modules/sparse.py, PyTorch 2.13. */
import { ArgumentError, ShapeError } from '../errors.js'
import { EmbeddingBag as EmbeddingBagBase, Embedding as EmbeddingBase } from '../generated/nn.js'
import { describe } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'

/** Arguments of {@link Embedding.fromPretrained} by name. */
export interface EmbeddingFromPretrainedOptions {
  /** whether the weight does not learn (default `true`) */
  freeze?: boolean
  /** index whose vector does not learn; negative counts from the end; null: none (default `null`) */
  paddingIdx?: number | null
  /** vectors that are longer are shortened to it, in the weight itself; null: none (default `null`) */
  maxNorm?: number | null
  /** the p of the p-norm that `maxNorm` limits (default `2`) */
  normType?: number
  /** divides gradients by how often the index occurs in the batch (default `false`) */
  scaleGradByFreq?: boolean
  /** makes the gradient of the weight a sparse tensor (default `false`) */
  sparse?: boolean
}
/** Arguments of {@link EmbeddingBag.fromPretrained} by name. */
export interface EmbeddingBagFromPretrainedOptions extends EmbeddingFromPretrainedOptions {
  /** what is made of the vectors of a bag (default `'mean'`) */
  mode?: 'sum' | 'mean' | 'max'
  /** whether `offsets` ends with the number of indices (default `false`) */
  includeLastOffset?: boolean
}
/** The optional tensors of {@link EmbeddingBag.forward} by name. */
export interface EmbeddingBagForwardOptions {
  /** where bags start, for an input of one dimension */
  offsets?: Tensor | null
  /** a factor for each vector, in the shape of the input; only for the mode 'sum' */
  perSampleWeights?: Tensor | null
}

const names = ['embeddings', 'freeze', 'paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq', 'sparse']
const bagNames = [
  ...['embeddings', 'freeze', 'maxNorm', 'normType', 'scaleGradByFreq', 'mode', 'sparse', 'includeLastOffset'],
  'paddingIdx',
]

/** Options of the constructor for a table that is there. */
function around(what: string, names: readonly string[], args: readonly unknown[]) {
  const [embeddings, freeze, ...values] = takeArguments(what, names, args)
  if (!(embeddings instanceof Tensor)) {
    throw new ArgumentError(`${what}: expected embeddings to be a Tensor, received ${describe(embeddings)}`)
  }
  if (embeddings.ndim !== 2) throw new ShapeError('Embeddings parameter is expected to be 2-dimensional')
  const [numEmbeddings, embeddingDim] = embeddings.shape as [number, number]
  const rest = Object.fromEntries(names.slice(2).map((name, i) => [name, values[i]]))
  const options = { ...rest, numEmbeddings, embeddingDim, _weight: embeddings }
  return { options, freeze: flag(what, 'freeze', freeze, true) }
}

/**
 * Looks up vectors by their indices.
 * Shape: integers `(*)` → `(*, embeddingDim)`; `weight` `(numEmbeddings, embeddingDim)`.
 * @param numEmbeddings - number of vectors, >= 0; indices are below it
 * @param embeddingDim - size of each vector, >= 0
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.Embedding.html
 */
export class Embedding extends EmbeddingBase {
  /**
   * A layer with the vectors of `embeddings`, `(numEmbeddings, embeddingDim)`, of which it shares the memory. They do not learn,
   * unless `freeze` is false.
   */
  static fromPretrained(embeddings: Tensor, options?: EmbeddingFromPretrainedOptions): Embedding
  static fromPretrained(
    embeddings: Tensor,
    freeze: boolean | undefined,
    options?: Omit<EmbeddingFromPretrainedOptions, 'freeze'>,
  ): Embedding
  static fromPretrained(
    embeddings: Tensor,
    freeze: boolean | undefined,
    paddingIdx: number | null | undefined,
    maxNorm?: number | null,
    normType?: number,
    scaleGradByFreq?: boolean,
    sparse?: boolean,
  ): Embedding
  static fromPretrained(options: EmbeddingFromPretrainedOptions & { embeddings: Tensor }): Embedding
  static fromPretrained(...args: unknown[]): Embedding {
    const { options, freeze } = around('Embedding.fromPretrained', names, args)
    return new this({ ...options, _freeze: freeze })
  }
}

/**
 * Looks up vectors by their indices and gives the sum, the mean or the maximum of each bag of them.
 * Shape: integers `(B, N)`, or `(N)` with the `offsets` `(B)` at which bags start → `(B, embeddingDim)`; `perSampleWeights`, for
 * 'sum', in the shape of the input; `weight` `(numEmbeddings, embeddingDim)`.
 * @param numEmbeddings - number of vectors, >= 0; indices are below it
 * @param embeddingDim - size of each vector, >= 0
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.EmbeddingBag.html
 */
export class EmbeddingBag extends EmbeddingBagBase {
  override forward(input: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor
  override forward(input: Tensor, options: EmbeddingBagForwardOptions): Tensor
  override forward(input: Tensor, offsets: Tensor | null, options: Omit<EmbeddingBagForwardOptions, 'offsets'>): Tensor
  override forward(...args: unknown[]): Tensor {
    const [input, offsets, factors] = takeArguments('EmbeddingBag.forward', forwardNames, args)
    return super.forward(input as Tensor, offsets as Tensor | null, factors as Tensor | null)
  }

  /**
   * A layer with the vectors of `embeddings`, `(numEmbeddings, embeddingDim)`, of which it shares the memory. They do not learn,
   * unless `freeze` is false.
   */
  static fromPretrained(embeddings: Tensor, options?: EmbeddingBagFromPretrainedOptions): EmbeddingBag
  static fromPretrained(
    embeddings: Tensor,
    freeze: boolean | undefined,
    options?: Omit<EmbeddingBagFromPretrainedOptions, 'freeze'>,
  ): EmbeddingBag
  static fromPretrained(
    embeddings: Tensor,
    freeze: boolean | undefined,
    maxNorm: number | null | undefined,
    normType?: number,
    scaleGradByFreq?: boolean,
    mode?: 'sum' | 'mean' | 'max',
    sparse?: boolean,
    includeLastOffset?: boolean,
    paddingIdx?: number | null,
  ): EmbeddingBag
  static fromPretrained(options: EmbeddingBagFromPretrainedOptions & { embeddings: Tensor }): EmbeddingBag
  static fromPretrained(...args: unknown[]): EmbeddingBag {
    const { options, freeze } = around('EmbeddingBag.fromPretrained', bagNames, args)
    const bag = new this(options)
    bag.weight.requiresGrad = !freeze
    return bag
  }
}

const forwardNames = ['input', 'offsets', 'perSampleWeights']
