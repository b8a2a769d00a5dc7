/** All of `torch.*` that makes or takes tensors. */
export * from '../generated/functions.js'
export { fft, linalg, special } from '../generated/namespaces.js'
export { asTensor, frombuffer, isTensor, tensor } from './creation.js'
export { Generator, getRngState, initialSeed, manualSeed, seed, setRngState } from './generator.js'
