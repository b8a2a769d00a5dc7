/** The namespace `torch.optim`: optimizers, and the schedulers on top of them. */
export * as lrScheduler from './lr-scheduler/index.js'
export * from './optim/index.js'
export * as swaUtils from './swa/index.js'
