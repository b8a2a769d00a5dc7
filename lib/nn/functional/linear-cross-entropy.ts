/** The linear layer and the cross entropy of its scores in one. Rules: torch/nn/functional.py, linear_cross_entropy, PyTorch 2.13. */
import { ArgumentError, ShapeError } from '../../errors.js'
import { nn as operators } from '../../generated/namespaces.js'
import { operatorFunction } from '../../tensor/operator.js'
import { floatText, tupleText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { LinearCrossEntropyOptions as Chunks } from '../linear-cross-entropy-options.js'
import { warn } from '../warn.js'
import { any, type Call, define, number, optionalTensor, tensor } from './call.js'
import { type Reduction, type ReductionOptions, reductionNumber } from './reduction.js'

const inChunks = operatorFunction('libtorch_node::linear_cross_entropy_chunked')

export interface LinearCrossEntropyOptions extends ReductionOptions {
  linearBias?: Tensor | null
  /** A factor for each class. */
  weight?: Tensor | null
  /** Class index whose samples do not count (default `-100`). */
  ignoreIndex?: number | null
  /** Share of the target that is spread evenly over all classes, in [0, 1] (default `0`). */
  labelSmoothing?: number
  /** Computes in chunks of the batch; null (default): all at once. */
  options?: Chunks | null
}

/**
 * The cross entropy of `linear(input, linearWeight, linearBias)`. `input` is `(N, inFeatures)` or `(inFeatures)`, `linearWeight`
 * `(classes, …, inFeatures)`.
 */
export const linearCrossEntropy: Call<
  [input: Tensor, linearWeight: Tensor, target: Tensor],
  [],
  LinearCrossEntropyOptions,
  { input: Tensor; linearWeight: Tensor; target: Tensor }
> = define(
  'linearCrossEntropy',
  {
    input: tensor,
    linearWeight: tensor,
    target: tensor,
    linearBias: optionalTensor,
    weight: optionalTensor,
    reduction: any('mean'),
    ignoreIndex: any(null),
    labelSmoothing: number(0),
    options: any(null),
  },
  (
    input: Tensor,
    linearWeight: Tensor,
    target: Tensor,
    bias: Tensor | null,
    weight: Tensor | null,
    reduction: Reduction,
    ignored: number | null,
    smoothing: number,
    options: Chunks | null,
  ): Tensor => {
    const { batch, features, scores } = checkShapes(input, linearWeight, bias)
    const shape = [...batch, ...scores]
    if (same(target.shape, shape) && ignored !== null)
      throw new ArgumentError('ignore_index cannot be specified when target contains probabilities')
    const ignoreIndex = ignored ?? -100
    const further = scores.slice(1)
    if (options !== null) {
      if (further.length === 0 && reductions.includes(reduction) && smoothing === 0 && target.dtype === 'int64') {
        const [x, y] = batch.length === 1 ? [input, target] : [input.unsqueeze(0), target.unsqueeze(0)]
        const { size, policy, dtype } = options._chunking(x.shape[0]!, features, scores[0]!, x.dtype, x.device)
        const { allowRetainGraph } = options
        const loss = inChunks(
          x,
          linearWeight,
          y,
          bias,
          weight,
          reduction,
          ignoreIndex,
          size,
          policy,
          dtype,
          allowRetainGraph,
        )
        return batch.length === 1 ? loss : loss.squeeze(0)
      }
      warn(
        "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, label_smoothing == 0, " +
          `target.dtype == int64, out_features == (). Got reduction='${reduction}', label_smoothing=${floatText(smoothing)}, ` +
          `target.dtype=torch.${target.dtype}, out_features=${tupleText(further)}, tracing=False, ` +
          `linear_bias.shape=${bias ? tupleText(bias.shape) : 'None'}.`,
      )
    }
    const flat = further.length > 0
    const count = scores.reduce((product, n) => product * n, 1)
    const logits = operators.linear(
      input,
      flat ? linearWeight.reshape([count, features]) : linearWeight,
      bias && flat ? bias.reshape([count]) : bias,
    )
    const kind = reductionNumber(reduction)
    return operators.crossEntropyLoss(logits.reshape(shape), target, weight, kind, ignoreIndex, smoothing)
  },
  3,
)

const reductions = ['none', 'mean', 'sum']

function checkShapes(
  input: Tensor,
  linearWeight: Tensor,
  bias: Tensor | null,
): { batch: number[]; features: number; scores: number[] } {
  if (input.ndim < 1 || input.ndim > 2)
    throw new ShapeError(`expected input with dimensionality 1 or 2, got ${input.ndim}`)
  if (linearWeight.ndim < 2)
    throw new ShapeError(`expected linear_weight with dimensionality at least 2, got ${linearWeight.ndim}`)
  const batch = input.shape.slice(0, -1)
  const features = input.shape.at(-1)!
  const scores = linearWeight.shape.slice(0, -1)
  if (features !== linearWeight.shape.at(-1)) {
    throw new ShapeError(
      `expected equal input and linear_weight last dimensions (in_features), got ${features} and ${linearWeight.shape.at(-1)}, respectively`,
    )
  }
  if (bias !== null && !same(bias.shape, scores))
    throw new ShapeError(`expected linear_bias shape ${tupleText(scores)}, got ${tupleText(bias.shape)}`)
  if (scores.length > 1 && batch.length === 0) {
    throw new ShapeError(
      `K-dimensional loss defined by linear_weight shape ${tupleText(linearWeight.shape)} requires batched input, (N, ${features}), got unbatched input with shape ${tupleText(input.shape)}`,
    )
  }
  return { batch, features, scores }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
