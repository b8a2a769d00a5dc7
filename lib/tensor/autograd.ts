import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import { withHooks } from './backward-hooks.js'
import { operatorFunction } from './operator.js'
import { isPromise } from './scope.js'
import type { Tensor } from './tensor.js'

const zerosLike = operatorFunction('aten::zeros_like')

export interface BackwardOptions {
  /** Gradient of the tensor itself; may be left out for a tensor with one element. Same shape as the tensor. */
  gradient?: Tensor | null
  /** Keeps the graph for another backward pass; default: `createGraph`. */
  retainGraph?: boolean
  /** Records the backward pass, for higher derivatives. Default `false`. */
  createGraph?: boolean
  /** Accumulates into these leaves only. */
  inputs?: Tensor | Tensor[]
}

type Request = [Tensor[], (Tensor | null)[], boolean, boolean, Tensor[]]

function request(tensor: Tensor, options: BackwardOptions): Request {
  const { gradient = null, createGraph = false, retainGraph = createGraph, inputs = [] } = options
  if (!tensor.requiresGrad) {
    throw new TorchError(
      'element 0 of tensors does not require grad and does not have a grad_fn: nothing that it was computed from is trainable. ' +
        'Either every parameter is frozen (requiresGrad = false; see requiresGrad_() or unfreeze()), or it was computed inside noGrad(), or detached',
    )
  }
  const list = Array.isArray(inputs) ? inputs : [inputs]
  if ('inputs' in options && list.length === 0)
    throw new ArgumentError('`inputs` argument to `backward()` cannot be empty.')
  return [[tensor], gradient ? [gradient] : [], retainGraph, createGraph, list]
}

/** @internal */
export function backward(tensor: Tensor, options: BackwardOptions = {}): void {
  const wanted = request(tensor, options)
  withHooks(() => native().backward(...wanted))
}

/** @internal */
export async function backwardAsync(tensor: Tensor, options: BackwardOptions = {}): Promise<void> {
  await native().backwardAsync(...request(tensor, options))
}

function withGradMode<T>(name: string, enabled: boolean, fn: () => T): T {
  const binding = native()
  const before = binding.isGradEnabled()
  binding.setGradEnabled(enabled)
  try {
    const result = fn()
    if (isPromise(result)) {
      throw new TypeError(
        `${name}(fn): fn returned a Promise, but the mode ends when fn returns; await outside, or use setGradEnabled`,
      )
    }
    return result
  } finally {
    binding.setGradEnabled(before)
  }
}

/** Runs a synchronous function without recording gradients and returns its result. */
export function noGrad<T>(fn: () => T): T {
  return withGradMode('noGrad', false, fn)
}

/** Runs a synchronous function that records gradients, also inside {@link noGrad}. */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode('enableGrad', true, fn)
}

/** Runs a synchronous function in inference mode: faster than {@link noGrad}; its tensors can never be used for training. */
export function inferenceMode<T>(fn: () => T): T {
  const result = native().inferenceMode(fn)
  if (isPromise(result))
    throw new TypeError('inferenceMode(fn): fn returned a Promise, but the mode ends when fn returns')
  return result
}

/** Switches recording on or off from here on, for this thread. */
export function setGradEnabled(enabled: boolean): void {
  native().setGradEnabled(enabled)
}
export function isGradEnabled(): boolean {
  return native().isGradEnabled()
}
export function isInferenceModeEnabled(): boolean {
  return native().isInferenceModeEnabled()
}

export interface GradOptions {
  gradOutputs?: Tensor | (Tensor | null)[] | null
  retainGraph?: boolean
  createGraph?: boolean
  /** Gives null for inputs that the outputs do not depend on, instead of an error. Default `false`. */
  allowUnused?: boolean
  /** Gives zeros for them; implies `allowUnused`. Default `false`. */
  materializeGrads?: boolean
}

/** `torch.autograd.grad`: gradients of `outputs` with respect to `inputs`, without touching any `.grad`. */
export function grad(
  outputs: Tensor | Tensor[],
  inputs: Tensor | Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { gradOutputs = null, createGraph = false, retainGraph = createGraph, materializeGrads = false } = options
  const allowUnused = options.allowUnused ?? materializeGrads
  const list = (value: Tensor | (Tensor | null)[]) => (Array.isArray(value) ? value : [value])
  const from = list(outputs) as Tensor[]
  const to = list(inputs) as Tensor[]
  const weights = gradOutputs ? list(gradOutputs) : []
  const gradients = withHooks(() => native().gradient(from, to, weights, retainGraph, createGraph, allowUnused))
  return materializeGrads ? gradients.map((g, i) => g ?? zerosLike(to[i]!)) : gradients
}

/** Sums the gradients of several outputs into the leaves (`torch.autograd.backward`). */
export function backwardAll(
  tensors: Tensor | Tensor[],
  gradTensors?: Tensor | (Tensor | null)[] | null,
  options: Omit<BackwardOptions, 'gradient'> = {},
): void {
  const { createGraph = false, retainGraph = createGraph, inputs = [] } = options
  const gradients = gradTensors ? (Array.isArray(gradTensors) ? gradTensors : [gradTensors]) : []
  const from = Array.isArray(tensors) ? tensors : [tensors]
  const leaves = Array.isArray(inputs) ? inputs : [inputs]
  withHooks(() => native().backward(from, gradients, retainGraph, createGraph, leaves))
}

/** `torch.autograd` */
export const autograd = { grad, backward: backwardAll, noGrad, enableGrad, inferenceMode }
