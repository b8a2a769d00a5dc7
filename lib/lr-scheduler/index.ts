/** `torch.optim.lrScheduler` */
export * from '../generated/lr-scheduler.js'
export { LRScheduler } from './scheduler.js'
