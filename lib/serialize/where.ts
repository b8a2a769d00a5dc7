import { CheckpointError } from '../errors.js'

/** The place in a checkpoint that an error is about. */
export interface Where {
  /** path of the file; absent for bytes in memory */
  file?: string
  /** name of the record inside the archive */
  record?: string
  /** byte of the record */
  offset?: number
}

/** What is in the file is not what it should be. */
export function badFormat(where: Where, message: string, cause?: unknown): CheckpointError {
  return new CheckpointError('ERR_CHECKPOINT_FORMAT', describe(where, message), cause ? { ...where, cause } : where)
}

/** What is in the file is more than data, or more of it than is reasonable. */
export function unsafe(where: Where, message: string): CheckpointError {
  return new CheckpointError('ERR_CHECKPOINT_UNSAFE', describe(where, message), where)
}

function describe(where: Where, message: string): string {
  const place = [
    where.file ?? 'checkpoint in memory',
    ...(where.record === undefined ? [] : [`record ${where.record}`]),
    ...(where.offset === undefined ? [] : [`byte ${where.offset}`]),
  ]
  return `${place.join(', ')}: ${message}`
}
