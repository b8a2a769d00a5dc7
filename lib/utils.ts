/** `torch.utils` */
export * as data from './data/index.js'
export * from './report/index.js'
export * as tensorboard from './report/tensorboard/index.js'
