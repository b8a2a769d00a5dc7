/** Showing and recording how a long run is doing. */
export { Progress, type ProgressOptions, progress } from './progress.js'
export * from './tensorboard/index.js'
