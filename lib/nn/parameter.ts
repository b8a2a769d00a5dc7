/** `torch.nn.parameter`. */
export { Buffer, Parameter } from '../tensor/parameter.js'
export { isLazy, UninitializedBuffer, UninitializedParameter } from '../tensor/uninitialized.js'
