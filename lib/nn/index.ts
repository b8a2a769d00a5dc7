/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export * as functional from './functional.js'
export type { ForwardHook, ForwardPreHook } from './hooks.js'
export { Layer } from './layer.js'
export { Module } from './module.js'
export { ModuleList } from './module-list.js'
export { GRU, type GRUOptions, LSTM, RNN, type RNNOptions } from './rnn.js'
export { type LSTMOptions, RNNBase, type RNNBaseOptions, type RNNMode } from './rnn-base.js'
export {
  GRUCell,
  LSTMCell,
  RNNCell,
  RNNCellBase,
  type RNNCellBaseOptions,
  type RNNCellOptions,
} from './rnn-cell.js'
export { Sequential, type SequentialArguments } from './sequential.js'
export type { ModuleToOptions } from './to.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
export * as utils from './utils/index.js'
