/** `torchvision.transforms` on tensors: the same draws from the default generator in the same order, and the same pixels. */

export * from './deterministic.js'
export * as functional from './functional.js'
export * from './random.js'
