/** Parameters as one vector. Rules: torch/nn/utils/convert_parameters.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { Tensor } from '../../tensor/tensor.js'
import { needTensor } from '../call.js'
import { typeName } from '../python-type.js'

/** Refuses parameters that are not all on one CUDA device, or all elsewhere. */
function checkDevice(parameter: Tensor, before: string | undefined): string {
  const device = parameter.isCuda ? parameter.device : 'other'
  if (before !== undefined && device !== before) {
    throw new ArgumentError('Found two parameters on different devices, this is currently not supported.')
  }
  return device
}

/** All values of the parameters, one after the other, in a new vector; gradients flow back into the parameters. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  let device: string | undefined
  const parts: Tensor[] = []
  for (const parameter of parameters) {
    device = checkDevice(needTensor('parametersToVector', 'parameters', parameter), device)
    parts.push(parameter.view(-1))
  }
  return functions.cat(parts)
}

/** Gives the parameters the values of a vector, in the order of {@link parametersToVector}; they share its memory afterwards. */
export function vectorToParameters(vec: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vec instanceof Tensor)) throw new ArgumentError(`expected torch.Tensor, but got: ${typeName(vec)}`)
  let device: string | undefined
  let at = 0
  for (const parameter of parameters) {
    device = checkDevice(needTensor('vectorToParameters', 'parameters', parameter), device)
    const size = parameter.numel()
    parameter.data = vec
      .index(`${at}:${at + size}`)
      .viewAs(parameter)
      .detach()
    at += size
  }
}
