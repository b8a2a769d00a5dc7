/** How averages of weights are updated. Source: torch/optim/swa_utils.py, PyTorch 2.13 (cf30153c). */
import { ArgumentError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { operatorFunction } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

const lerp = operatorFunction('aten::_foreach_lerp_')
const subtract = operatorFunction('aten::_foreach_sub')
const addScaled = operatorFunction('aten::_foreach_add_')
const addQuotients = operatorFunction('aten::_foreach_addcdiv_')

/** The new average of one tensor from the present one, the model's, and the number of models in it. */
export type AvgFn = (averaged: Tensor, current: Tensor, numAveraged: Tensor | number) => Tensor
/** Updates averages in place; all tensors are of one device and dtype. */
export type MultiAvgFn = (averaged: Tensor[], current: Tensor[], numAveraged: Tensor | number) => void

function checkDecay(decay: number): void {
  if (decay >= 0 && decay <= 1) return
  throw new ArgumentError(`Invalid decay value ${decay} provided. Please provide a value in [0,1] range.`)
}

/** foreach lerp is for these only. */
function canLerp(tensor: Tensor): boolean {
  return tensor.isFloatingPoint() || tensor.isComplex()
}

/**
 * An exponential moving average of all tensors at once, for `multiAvgFn`.
 * @param decay - share of the present average, in [0, 1] (default `0.999`)
 * @throws {@link ArgumentError} for a decay out of range
 */
export function getEmaMultiAvgFn(decay = 0.999): MultiAvgFn {
  checkDecay(decay)
  return (averaged, current) =>
    noGrad(() => {
      if (canLerp(averaged[0]!)) lerp(averaged, current, 1 - decay)
      else for (const [i, average] of averaged.entries()) average.copy_(weighted(average, current[i]!, decay))
    })
}

/** The mean of all models, for all tensors at once, for `multiAvgFn`. Integer averages need a plain number of models. */
export function getSwaMultiAvgFn(): MultiAvgFn {
  return (averaged, current, numAveraged) =>
    noGrad(() => {
      const isTensor = numAveraged instanceof Tensor
      if (canLerp(averaged[0]!)) {
        // the quotient of a tensor is rounded to the default dtype
        const share = isTensor ? Number(numAveraged.add(1).reciprocal().item()) : 1 / (numAveraged + 1)
        lerp(averaged, current, share)
        return
      }
      const differences = subtract(current, averaged)
      if (isTensor) {
        const count = numAveraged.add(1)
        addQuotients(
          averaged,
          differences,
          averaged.map(() => count),
        )
      } else addScaled(averaged, differences, { alpha: 1 / (numAveraged + 1) })
    })
}

/**
 * An exponential moving average, for `avgFn`.
 * @param decay - share of the present average, in [0, 1] (default `0.999`)
 * @throws {@link ArgumentError} for a decay out of range
 */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  checkDecay(decay)
  return (averaged, current) => noGrad(() => weighted(averaged, current, decay))
}

/** The mean of all models, for `avgFn`. */
export function getSwaAvgFn(): AvgFn {
  return (averaged, current, numAveraged) =>
    noGrad(() => {
      const count = numAveraged instanceof Tensor ? numAveraged.add(1) : numAveraged + 1
      return averaged.add(current.sub(averaged).div(count as Tensor))
    })
}

function weighted(averaged: Tensor, current: Tensor, decay: number): Tensor {
  return averaged.mul(decay).add(current.mul(1 - decay))
}
