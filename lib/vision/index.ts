/**
 * libtorch-node/vision: torchvision's image classifiers, transforms and folders of images.
 * @module libtorch-node/vision
 */

export * as datasets from './datasets/index.js'
export * from './models/index.js'
export * as models from './models/index.js'
export * as ops from './ops/index.js'
export * as transforms from './transforms/index.js'
