/** `torch.optim.lrScheduler` */
export * from '../generated/lr-scheduler.js'
export { LambdaLR, type LambdaLROptions, type LrLambda, MultiplicativeLR } from './callbacks.js'
export { ChainedScheduler, type ChainedSchedulerOptions, SequentialLR, type SequentialLROptions } from './composite.js'
export { CyclicLR, type CyclicLROptions } from './cyclic.js'
export { OneCycleLR, type OneCycleLROptions } from './one-cycle.js'
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.js'
export { LRScheduler } from './scheduler.js'
export { CosineAnnealingWarmRestarts, type CosineAnnealingWarmRestartsOptions } from './warm-restarts.js'
