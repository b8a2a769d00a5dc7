/** What `torch.nn` offers. */
export * from '../generated/nn.js'
export { Buffer, Parameter } from '../tensor/parameter.js'
export { UninitializedBuffer, type UninitializedOptions, UninitializedParameter } from '../tensor/uninitialized.js'
export {
  type AdaptiveLogSoftmaxOutput,
  AdaptiveLogSoftmaxWithLoss,
  type AdaptiveLogSoftmaxWithLossOptions,
} from './adaptive.js'
export { Container } from './container.js'
export { PairwiseDistance } from './distance.js'
export {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagForwardOptions,
  type EmbeddingBagFromPretrainedOptions,
  type EmbeddingFromPretrainedOptions,
} from './embedding.js'
export {
  Transformer,
  type TransformerArguments,
  type TransformerForwardOptions,
  type TransformerOptions,
} from './encoder-decoder.js'
export * as functional from './functional/index.js'
export type {
  BackwardHook,
  ForwardHook,
  ForwardHookOptions,
  ForwardHookWithKwargs,
  ForwardKwargs,
  ForwardPreHook,
  ForwardPreHookOptions,
  ForwardPreHookWithKwargs,
  FullBackwardHook,
  FullBackwardPreHook,
  GlobalForwardHookOptions,
  ModuleGradients,
} from './hook-types.js'
export { Identity } from './identity.js'
export * as init from './init.js'
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './instance-norm.js'
export { Layer } from './layer.js'
export * from './lazy-conv.js'
export { LazyLinear, type LazyLinearOptions } from './lazy-linear.js'
export type { LazyLayer } from './lazy-module.js'
export * from './lazy-norm.js'
export { LinearCrossEntropyLoss, type LinearCrossEntropyLossOptions } from './linear-cross-entropy.js'
export {
  type AccPolicy,
  LinearCrossEntropyOptions,
  type LinearCrossEntropySettings,
} from './linear-cross-entropy-options.js'
export { CTCLoss, GaussianNLLLoss, NLLLoss2d } from './losses.js'
export { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type UnpoolOutputSize } from './max-unpool.js'
export { Module } from './module.js'
export { ModuleDict } from './module-dict.js'
export { ModuleList } from './module-list.js'
export * as modules from './modules/index.js'
export { type AttentionOptions, MultiheadAttention, type MultiheadAttentionOptions } from './multihead-attention.js'
export { DataParallel, type DataParallelOptions, type DeviceId } from './parallel/data-parallel.js'
export * as parallel from './parallel/index.js'
export * as parameter from './parameter.js'
export { ParameterDict } from './parameter-dict.js'
export { ParameterList } from './parameter-list.js'
export type { BufferRegistrationHook, ModuleRegistrationHook, ParameterRegistrationHook } from './registration-hooks.js'
export { ReLU6, type ReLU6Options } from './relu6.js'
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
export type {
  LoadStateDictPostHook,
  LoadStateDictPreHook,
  LocalMetadata,
  StateDictPostHook,
  StateDictPreHook,
} from './state-hooks.js'
export { SyncBatchNorm } from './sync-batch-norm.js'
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
export {
  type DistanceFunction,
  TripletMarginWithDistanceLoss,
  type TripletMarginWithDistanceLossOptions,
} from './triplet.js'
export type { AnyStateDict, IncompatibleKeys, Keys, RemovableHandle, StateDict, WalkOptions } from './types.js'
export * as utils from './utils/index.js'
