/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export { PairwiseDistance } from './distance.js'
export {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagForwardOptions,
  type EmbeddingBagFromPretrainedOptions,
  type EmbeddingFromPretrainedOptions,
} from './embedding.js'
export * as functional from './functional.js'
export type { ForwardHook, ForwardPreHook } from './hooks.js'
export { Identity } from './identity.js'
export { Layer } from './layer.js'
export { Module } from './module.js'
export { ModuleList } from './module-list.js'
export { ReLU6, type ReLU6Options } from './relu6.js'
export { Sequential, type SequentialArguments } from './sequential.js'
export type { ModuleToOptions } from './to.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
