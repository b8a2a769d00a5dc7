/** `torch.func`, as far as it is about modules. Rules and messages: torch/_functorch/functional_call.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { describe, isOptions } from '../tensor/operator.js'
import { pythonText } from '../tensor/python-text.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'
import { call, type FunctionalCallOptions, optionsOf } from './utils/reparametrize.js'

export type { FunctionalCallOptions }

/**
 * Calls a module with other parameters and buffers in the place of its own, which it has back afterwards: gradients flow into
 * those given. What the module does to them in place, or puts in their place, is seen in the object given.
 * @param parameterAndBufferDicts - tensors by dotted name, or several such objects without a name in common
 * @param args - of `forward`: an array, or one argument
 * @param kwargs - options for `forward`, as its last argument
 * @example
 * const parameters = Object.fromEntries(model.namedParameters())
 * const output = torch.func.functionalCall(model, { ...parameters, bias: torch.zeros(3) }, input)
 */
export function functionalCall(
  module: Module,
  parameterAndBufferDicts: Record<string, Tensor> | readonly Record<string, Tensor>[],
  args?: unknown,
  kwargs?: Record<string, unknown> | null,
  options?: FunctionalCallOptions,
): any {
  return call(module, merged(parameterAndBufferDicts), args, kwargs, optionsOf(options))
}

function merged(dicts: unknown): Record<string, Tensor> {
  if (isOptions(dicts)) return dicts as Record<string, Tensor>
  if (!Array.isArray(dicts)) {
    throw new ArgumentError(
      `Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got ${describe(dicts)}`,
    )
  }
  if (!dicts.every(isOptions)) {
    throw new ArgumentError('Expected all elements of parameter_and_buffer_dicts to be dictionaries')
  }
  const keys = dicts.flatMap(Object.keys)
  const repeated = [...new Set(keys.filter((key, i) => keys.indexOf(key) !== i))]
  if (repeated.length > 0) {
    throw new ArgumentError(
      `${pythonText(repeated)} appeared in multiple dictionaries; behavior of functional call is ambiguous`,
    )
  }
  return Object.assign({}, ...dicts)
}

/**
 * The parameters of several models of one class as one set: each stacked along a new first dimension, as leaves of their own;
 * and their buffers.
 */
export function stackModuleState(
  models: Iterable<Module>,
): [parameters: Record<string, Tensor>, buffers: Record<string, Tensor>] {
  const list = [...models]
  const [first] = list
  if (first === undefined) throw new TorchError('stack_module_state: Expected at least one model, got 0.')
  if (!list.every((model) => model.training === first.training)) {
    throw new TorchError('stack_module_state: Expected all models to have the same training/eval mode.')
  }
  if (!list.every((model) => model.constructor === first.constructor)) {
    throw new TorchError('stack_module_state: Expected all models to be of the same class.')
  }
  const stackAll = (each: Record<string, Tensor>[]): Record<string, Tensor> =>
    Object.fromEntries(
      Object.keys(each[0]!).map((name) => [
        name,
        stacked(
          each.map((of) => need(of, name)),
          name,
        ),
      ]),
    )
  return [
    stackAll(list.map((model) => Object.fromEntries(model.namedParameters()))),
    stackAll(list.map((model) => Object.fromEntries(model.namedBuffers()))),
  ]
}

function need(tensors: Record<string, Tensor>, name: string): Tensor {
  const tensor = tensors[name]
  if (tensor === undefined) throw new ArgumentError(`'${name}'`)
  return tensor
}

/** A stack that is a leaf; all of the tensors require gradients, or none. */
function stacked(tensors: Tensor[], name: string): Tensor {
  const { requiresGrad } = tensors[0]!
  if (tensors.some((tensor) => tensor.requiresGrad !== requiresGrad)) {
    throw new TorchError(`Expected ${name} from each model to have the same .requires_grad`)
  }
  const stack = functions.stack(tensors)
  return requiresGrad ? stack.detach().requiresGrad_() : stack
}
