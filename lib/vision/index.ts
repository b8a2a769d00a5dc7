/**
 * libtorch-node/vision: torchvision's image classifiers.
 * @module
 */
export * from './models/index.js'
export * as models from './models/index.js'
export * as ops from './ops/index.js'
