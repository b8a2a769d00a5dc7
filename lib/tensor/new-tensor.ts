/** Makes empty Tensor objects for native results, in files that the class itself imports. */
import type { Tensor } from './tensor.js'

let tensorClass: new () => Tensor

/** Called once, where the class is defined. */
export function registerTensorClass(type: new () => Tensor): void {
  tensorClass = type
}

export function newTensor(): Tensor {
  return new tensorClass()
}
