/** `torch.nn.utils.stateless`. */
import type { Tensor } from '../../tensor/tensor.js'
import type { Module } from '../module.js'
import { call, type FunctionalCallOptions, optionsOf } from './reparametrize.js'

/**
 * Calls a module with other tensors in the place of its own, which it has back afterwards.
 * @deprecated use `torch.func.functionalCall`
 */
export function functionalCall(
  module: Module,
  parametersAndBuffers: Record<string, Tensor>,
  args?: unknown,
  kwargs?: Record<string, unknown> | null,
  options?: FunctionalCallOptions,
): any {
  process.emitWarning(
    '`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.',
    'FutureWarning',
  )
  return call(module, parametersAndBuffers, args, kwargs, optionsOf(options))
}
