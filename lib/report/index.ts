/** Showing and recording how a long run is doing. */
export * from './jsonl.js'
export type { JsonValue, LogRecord } from './jsonl-text.js'
export * from './plot/index.js'
export { Progress, type ProgressOptions, progress } from './progress.js'
export * from './tensorboard/index.js'
