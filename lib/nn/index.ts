/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export {
  Transformer,
  type TransformerArguments,
  type TransformerForwardOptions,
  type TransformerOptions,
} from './encoder-decoder.js'
export * as functional from './functional.js'
export type { ForwardHook, ForwardPreHook } from './hooks.js'
export { Layer } from './layer.js'
export { Module } from './module.js'
export { ModuleList } from './module-list.js'
export { type AttentionOptions, MultiheadAttention, type MultiheadAttentionOptions } from './multihead-attention.js'
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
export {
  type DecoderOptions,
  type EncoderOptions,
  TransformerDecoder,
  TransformerEncoder,
  type TransformerEncoderArguments,
  type TransformerEncoderOptions,
} from './transformer.js'
export {
  type Activation,
  type DecoderLayerOptions,
  type EncoderLayerOptions,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerArguments,
  type TransformerLayerOptions,
} from './transformer-layers.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
export * as utils from './utils/index.js'
