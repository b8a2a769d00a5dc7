/**
 * `torch.nn.functional`: what layers compute, as functions. Arguments come in Python's order, or by name in a trailing options
 * object. Rules, defaults and messages: torch/nn/functional.py, PyTorch 2.13.
 */
export {
  type MultiHeadAttentionForwardOptions,
  multiHeadAttentionForward,
  scaledDotProductAttention,
} from '../attention.js'
export * from './activation.js'
export * from './adaptive.js'
export * from './classification.js'
export * from './convolution.js'
export * from './distance.js'
export * from './dropout.js'
export * from './embedding.js'
export * from './fold.js'
export * from './grid.js'
export * from './interpolate.js'
export * from './linear-cross-entropy.js'
export * from './matmul.js'
export * from './normalization.js'
export * from './padding.js'
export * from './pooling.js'
export * from './ranking.js'
export type { LossOptions, Reduction, ReductionOptions } from './reduction.js'
export * from './regression.js'
export * from './unpooling.js'
