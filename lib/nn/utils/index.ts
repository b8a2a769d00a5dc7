/** What `torch.nn.utils` offers. */
export {
  clipGradNorm,
  clipGradNorm_,
  clipGradsWithNorm_,
  clipGradValue_,
  type ForeachOptions,
  getTotalNorm,
  type TensorOrTensors,
  type TotalNormOptions,
} from './clip-grad.js'
export { parametersToVector, vectorToParameters } from './convert-parameters.js'
export { fuseConvBnEval, fuseConvBnWeights, fuseLinearBnEval, fuseLinearBnWeights } from './fusion.js'
export { convertConv2dWeightMemoryFormat, convertConv3dWeightMemoryFormat } from './memory-format.js'
export * as parametrizations from './parametrizations.js'
export * as parametrize from './parametrize.js'
export * as prune from './prune.js'
export * as rnn from './rnn.js'
export { skipInit } from './skip-init.js'
export { removeSpectralNorm, spectralNorm } from './spectral-norm.js'
export { consumePrefixInStateDictIfPresent } from './state-dict-prefix.js'
export * as stateless from './stateless.js'
export { removeWeightNorm, weightNorm } from './weight-norm.js'
