/** Losses that take more than tensors. Source: torch/nn/modules/loss.py, PyTorch 2.13. */
import { ArgumentError } from '../errors.js'
import { onesLike } from '../generated/functions.js'
import {
  CTCLoss as BaseCTCLoss,
  GaussianNLLLoss as BaseGaussianNLLLoss,
  NLLLoss,
  type NLLLossOptions,
} from '../generated/nn.js'
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * The negative log likelihood of targets under normal distributions with means `input`.
 * Shape: `(N, *)`, `(N, *)`, variance `(N, *)`, or with last size 1, or without it → a scalar, or `(N, *)` without reduction.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.GaussianNLLLoss.html
 */
export class GaussianNLLLoss extends BaseGaussianNLLLoss {
  /**
   * @param variance - of each element, or one number for all, ≥ 0
   * @throws {@link ArgumentError} for a negative variance
   */
  override forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    if (typeof variance !== 'number') return super.forward(input, target, variance)
    if (variance < 0) throw new ArgumentError('var has negative entry/entries')
    return super.forward(input, target, onesLike(input).mul(variance))
  }
}

/**
 * The connectionist temporal classification loss: the negative log likelihood of label sequences without alignment.
 * Shape: log probabilities `(T, N, C)` or `(T, C)`; targets `(N, S)` or all in a row `(Σ targetLengths)`; lengths `(N)` or `()` →
 * a scalar, or `(N)` without reduction.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.CTCLoss.html
 */
export class CTCLoss extends BaseCTCLoss {
  /** Lengths, ≥ 0, as tensors of integers or as arrays. */
  override forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ): Tensor {
    return super.forward(
      logProbs,
      targets,
      lengths('inputLengths', inputLengths),
      lengths('targetLengths', targetLengths),
    )
  }
}

function lengths(name: string, value: Tensor | readonly number[]): Tensor {
  if (!Array.isArray(value)) return value as Tensor
  if (!value.every(Number.isSafeInteger)) {
    throw new ArgumentError(`CTCLoss.forward: expected ${name} to be integers, received [${value.join(', ')}]`)
  }
  return tensor(value, { dtype: 'int64' })
}

let warned = false
function warnOfNLLLoss2d(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    '`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement and see ' +
      'https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.',
    'FutureWarning',
  )
}

type Old = NLLLossOptions
/** {@link NLLLoss} under an old name. @deprecated NLLLoss takes images, too */
export class NLLLoss2d extends NLLLoss {
  constructor(
    weight?: Tensor | null | Old,
    sizeAverage?: boolean | null | Old,
    ignoreIndex?: number | Old,
    reduce?: boolean | null | Old,
    reduction?: 'none' | 'mean' | 'sum' | Old,
  )
  constructor(...args: unknown[]) {
    super(...(args as [options?: Old]))
    warnOfNLLLoss2d()
  }
}
