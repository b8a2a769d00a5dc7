/** `torch.utils` */
export * as data from './data/index.js'
export { progress } from './report/index.js'
