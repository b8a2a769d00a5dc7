/** Checkpoints: reading and writing what Python's `torch.save` writes and `torch.load` reads. */
export { type LoadOptions, type LoadSyncOptions, load, loadSync, type Source } from './load.js'
export type { MapLocation } from './location.js'
export type { TransferProgress } from './progress.js'
export { PyObject, type PyObjectKind } from './py-object.js'
export { type SaveOptions, save, saveSync } from './save.js'
export { toStateDict } from './state-dict.js'
