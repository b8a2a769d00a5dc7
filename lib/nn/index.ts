/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export {
  type AdaptiveLogSoftmaxOutput,
  AdaptiveLogSoftmaxWithLoss,
  type AdaptiveLogSoftmaxWithLossOptions,
} from './adaptive.js'
export { PairwiseDistance } from './distance.js'
export * as functional from './functional.js'
export type { ForwardHook, ForwardPreHook } from './hooks.js'
export { Layer } from './layer.js'
export { LinearCrossEntropyLoss, type LinearCrossEntropyLossOptions } from './linear-cross-entropy.js'
export {
  type AccPolicy,
  LinearCrossEntropyOptions,
  type LinearCrossEntropySettings,
} from './linear-cross-entropy-options.js'
export { CTCLoss, GaussianNLLLoss, NLLLoss2d } from './losses.js'
export { Module } from './module.js'
export { ModuleList } from './module-list.js'
export { Sequential, type SequentialArguments } from './sequential.js'
export type { ModuleToOptions } from './to.js'
export {
  type DistanceFunction,
  TripletMarginWithDistanceLoss,
  type TripletMarginWithDistanceLossOptions,
} from './triplet.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
