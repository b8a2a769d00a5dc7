/** Checkpoints of a run in a folder: when to save, which ones stay, and how to go on from one. */
export { CheckpointManager } from './manager.js'
export type { Stateful } from './objects.js'
export type { Best, CheckpointManagerOptions, Every, Keep } from './options.js'
export type { Reason } from './policy.js'
export type { LrOverride, Resumed } from './resume.js'
export type { RngState } from './rng.js'
export type { CheckpointContents, CheckpointInfo, CheckpointSaveOptions, MaybeSaved, ResumeOptions } from './types.js'
