/** What `torch.nn.parallel` offers. */
export { DataParallel, type DataParallelOptions, type DeviceId, dataParallel } from './data-parallel.js'
export { parallelApply } from './parallel-apply.js'
export { replicate } from './replicate.js'
export { gather, scatter } from './scatter-gather.js'
