import type { StorageFacts } from './storages.js'
import type { Inspection, TensorOutline } from './types.js'

/** What one file has, before it is summed up. */
export interface Parts
  extends Pick<Inspection, 'format' | 'fileBytes' | 'container' | 'root' | 'classes' | 'notes' | 'metadata'> {
  tensors: TensorOutline[]
  storages: StorageFacts[]
}
