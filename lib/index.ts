/**
 * libtorch-node: PyTorch for Node.js.
 * @module libtorch-node
 */
import { provideRepository } from './hub/repositories.js'

export {
  autocast,
  clearAutocastCache,
  getAutocastDtype,
  isAutocastCacheEnabled,
  isAutocastEnabled,
  setAutocastCacheEnabled,
  setAutocastDtype,
  setAutocastEnabled,
} from './amp/autocast.js'
export { GradScaler } from './amp/grad-scaler.js'
export * as amp from './amp/index.js'
export * from './checkpoint/index.js'
export * from './errors.js'
export * as hub from './hub/index.js'
/** All of it as one object: `import torch from 'libtorch-node'`. */
export * as default from './index.js'
export * as jit from './jit/index.js'
export * as func from './nn/func.js'
export * as nn from './nn/index.js'
export { functional as F } from './nn/index.js'
export * as optim from './optim.js'
export * from './serialize/index.js'
export * from './state-dict/index.js'
export * from './tensor/index.js'
export * as utils from './utils.js'
export { version } from './version.js'
export { toModule } from './whole-model/index.js'

// The models of torchvision are loaded when torch.hub is asked for them.
provideRepository('pytorch/vision', async () => (await import('./vision/hubconf.js')).hubconf)
