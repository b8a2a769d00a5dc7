/** Makes Tensor objects for native results, in files that the class itself imports. */
import type { TensorHandle } from '../../binding.js'
import type { Tensor } from './tensor.js'

/** The key under which a Tensor object has its handle. A symbol, so that it is no part of what users list or copy. */
export const tensorHandle = Symbol('libtorch-node.handle')

let tensorClass: new () => Tensor

/** Called once, where the class is defined. */
export function registerTensorClass(type: new () => Tensor): void {
  tensorClass = type
}

/** An empty Tensor object, for native code to fill. */
export function newTensor(): Tensor {
  return new tensorClass()
}

/** The handle of a Tensor that has one; undefined for any other value. */
export function handleOf(value: unknown): TensorHandle | undefined {
  return typeof value === 'object' && value !== null
    ? (value as { [tensorHandle]?: TensorHandle })[tensorHandle]
    : undefined
}
