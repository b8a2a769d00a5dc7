/**
 * What lazy layers have in common: they learn a size from their first input, and are ordinary layers from then on. Source:
 * torch/nn/modules/lazy.py, LazyModuleMixin, PyTorch 2.13 (cf30153c).
 */
import { ArgumentError, TorchError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import type { Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { fillUninitialized, isLazy } from '../tensor/uninitialized.js'
import type { Layer } from './layer.js'
import type { Module } from './module.js'

/** What a lazy layer has beside the members of the layer that it becomes. */
export interface LazyLayer {
  /** Gives the parameters and buffers their sizes and first values, which the first `forward` does by itself. */
  initializeParameters(input: Tensor): void
  /** Whether a parameter or buffer of its own has no size yet. */
  hasUninitializedParams(): boolean
}

type Prefixes<T extends readonly unknown[]> = T extends readonly [infer Head, ...infer Rest]
  ? [] | [Head | undefined, ...Prefixes<Rest>]
  : []
/** `Needed`, then some of `Optional`, then those left by name in an object; or all of them by name. */
export type LazyArguments<Needed extends unknown[], Optional extends unknown[], O, Names extends keyof O> =
  | [...Needed, ...Prefixes<Optional>, options?: O]
  | [options: O & Required<Pick<O, Names>>]

export type LayerClass<T extends Layer> = new (...args: any[]) => T
/** A class to extend: `T`, and lazy. */
export type LazyClass<T extends Layer> = new (...args: any[]) => T & LazyLayer

/** Whether a module's own parameters and buffers have sizes. */
export function hasUninitialized(module: Module): boolean {
  return [...module._parameters(), ...module._buffers()].some(([, tensor]) => isLazy(tensor))
}

/** Gives the tensors of `module` that have none the sizes and values of those of `made`, a layer drawn just now. */
export function initializeFrom(module: Layer, made: Layer): void {
  const drawn = new Map<string, Tensor>([...made._parameters(), ...made._buffers()])
  for (const [name, tensor] of [...module._parameters(), ...module._buffers()]) {
    const data = drawn.get(name)
    if (isLazy(tensor) && data) fillUninitialized(tensor, data)
  }
}

/** Where the tensors of a lazy layer will be, and their dtype; both may have changed since it was made. */
export function factoryOf(tensor: Parameter | Tensor): { device: string; dtype: Tensor['dtype'] } {
  return { device: tensor.device, dtype: tensor.dtype }
}

/** The first `forward` of `module` initialises it and makes it a `type`, before hooks that users register. */
export function becomesAtForward(module: Layer & LazyLayer, type: LayerClass<Layer>): void {
  const hook = module.registerForwardPreHook((_, [input]) => {
    if (!(input instanceof Tensor))
      throw new ArgumentError(
        `${module._getName()}.forward: expected input to be a Tensor, received ${describe(input)}`,
      )
    module.initializeParameters(input)
    if (module.hasUninitializedParams())
      throw new TorchError(`module ${module._getName()} has not been fully initialized`)
    hook.remove()
    Object.setPrototypeOf(module, type.prototype)
  })
}
