/**
 * libtorch-node/vision: torchvision's image classifiers.
 * @module libtorch-node/vision
 */
export * from './models/index.js'
export * as models from './models/index.js'
export * as ops from './ops/index.js'
