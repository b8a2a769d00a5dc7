/** All of `torch.*` that makes or takes tensors. */
export * from '../generated/functions.js'
export { fft, linalg, special } from '../generated/namespaces.js'
export { asTensor, frombuffer, isTensor, tensor } from './creation.js'
export { Generator, getRngState, initialSeed, manualSeed, seed, setRngState } from './generator.js'
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
export { canCast, isComplex, isConj, isFloatingPoint, isInference, isNeg, isSigned, promoteTypes, resultType } from './facts.js'
