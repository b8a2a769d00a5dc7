/** Showing how a long run is doing. */
export { Progress, type ProgressOptions, progress } from './progress.js'
