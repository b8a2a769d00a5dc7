/** Source: torch/amp/grad_scaler.py, _unscale_grads_, PyTorch 2.13 (cf30153c). */
import { ArgumentError } from '../errors.js'
import type { Optimizer } from '../optim/optimizer.js'
import { noGrad } from '../tensor/autograd.js'
import { tensor } from '../tensor/creation.js'
import { operatorFunction } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'

const checkAndUnscale = operatorFunction('aten::_amp_foreach_non_finite_check_and_unscale_')
const onesLike = operatorFunction('aten::ones_like')
const valuesOf = operatorFunction('aten::_values')

/** For each device a float32 tensor: 1 where a gradient there is not finite. */
export type FoundInf = Map<string, Tensor>

/** Looks for gradients that are not finite, and changes none. */
export function checkGradients(optimizer: Optimizer<any>, scale: Tensor): FoundInf {
  return unscaleGradients(optimizer, onesLike(scale), true)
}

/** Divides all gradients by the scale, in place. */
export function unscaleGradients(optimizer: Optimizer<any>, scale: Tensor, allowHalf = false): FoundInf {
  const found: FoundInf = new Map()
  noGrad(() => {
    // in float64, as a reciprocal in float32 can be imprecise
    const inverse = scale.to('float64').reciprocal().to('float32')
    for (const [device, byDtype] of gradientsOf(optimizer, allowHalf)) {
      const inf = tensor(0, { dtype: 'float32', device: scale.device }).to(device)
      found.set(device, inf)
      const factor = inverse.to(device)
      for (const gradients of byDtype.values()) checkAndUnscale(gradients, inf, factor)
    }
  })
  return found
}

function gradientsOf(optimizer: Optimizer<any>, allowHalf: boolean): Map<string, Map<string, Tensor[]>> {
  const all = new Map<string, Map<string, Tensor[]>>()
  for (const parameter of optimizer.paramGroups.flatMap((group) => group.params as Tensor[])) {
    const { grad } = parameter
    if (!grad) continue
    if (grad.dtype === 'float16' && !allowHalf) throw new ArgumentError('Attempting to unscale FP16 gradients.')
    const values: Tensor = grad.isSparse ? valuesOf(grad) : grad
    let byDtype = all.get(values.device)
    if (!byDtype) all.set(values.device, (byDtype = new Map()))
    const list = byDtype.get(values.dtype)
    if (list) list.push(values)
    else byDtype.set(values.dtype, [values])
  }
  return all
}
