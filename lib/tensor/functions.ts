/** All of `torch.*` that makes or takes tensors. */
export * from '../generated/functions.js'
export { fft, linalg, special } from '../generated/namespaces.js'
export {
  areDeterministicAlgorithmsEnabled,
  backends,
  getDeterministicDebugMode,
  getFloat32MatmulPrecision,
  getNumInteropThreads,
  isAnomalyCheckNanEnabled,
  isAnomalyEnabled,
  isDeterministicAlgorithmsWarnOnlyEnabled,
  isWarnAlwaysEnabled,
  setAnomalyEnabled,
  setDeterministicDebugMode,
  setFloat32MatmulPrecision,
  setFlushDenormal,
  setNumInteropThreads,
  setWarnAlways,
  useDeterministicAlgorithms,
} from './context.js'
export { asarray, asTensor, frombuffer, isTensor, tensor } from './creation.js'
export {
  canCast,
  isComplex,
  isConj,
  isFloatingPoint,
  isInference,
  isNeg,
  isSigned,
  promoteTypes,
  resultType,
} from './facts.js'
export { Generator, getRngState, initialSeed, manualSeed, seed, setRngState } from './generator.js'
export { e, type Finfo, finfo, type Iinfo, iinfo, inf, nan, newaxis, pi } from './limits.js'
export { lu, pcaLowrank, svdLowrank } from './lowrank.js'
export {
  atleast1d,
  atleast2d,
  atleast3d,
  blockDiag,
  broadcastShapes,
  broadcastTensors,
  cartesianProd,
  cdist,
  chainMatmul,
  einsum,
  istft,
  meshgrid,
  norm,
  split,
  stft,
  tensordot,
  unique,
  uniqueConsecutive,
  unravelIndex,
} from './python-functions.js'
export { random } from './random.js'
export {
  type SparseOptions,
  sparseBscTensor,
  sparseBsrTensor,
  sparseCompressedTensor,
  sparseCooTensor,
  sparseCscTensor,
  sparseCsrTensor,
} from './sparse.js'
