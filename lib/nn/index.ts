/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export { Container } from './container.js'
export * as functional from './functional.js'
export type {
  ForwardHook,
  ForwardHookOptions,
  ForwardPreHook,
  FullBackwardHook,
  FullBackwardPreHook,
  ModuleGradients,
} from './hooks.js'
export * as init from './init.js'
export { Layer } from './layer.js'
export { Module } from './module.js'
export { ModuleDict } from './module-dict.js'
export { ModuleList } from './module-list.js'
export { DataParallel, type DataParallelOptions, type DeviceId } from './parallel/data-parallel.js'
export * as parallel from './parallel/index.js'
export { ParameterDict } from './parameter-dict.js'
export { ParameterList } from './parameter-list.js'
export { Sequential, type SequentialArguments } from './sequential.js'
export type {
  LoadStateDictPostHook,
  LoadStateDictPreHook,
  LocalMetadata,
  StateDictPostHook,
  StateDictPreHook,
} from './state-hooks.js'
export type { ModuleToOptions } from './to.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
export * as utils from './utils/index.js'
