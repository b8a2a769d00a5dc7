/** The words of an installation for a disk without room. */
import { DiskFullError, isDiskFull } from '../download/disk.js'
import { LibTorchError } from '../errors.js'

/** True for {@link diskFull}'s own errors, too. */
export const isFull = (error: unknown): boolean => error instanceof InstallDiskFullError || isDiskFull(error)

class InstallDiskFullError extends LibTorchError {}

/** The error of a full disk; one that is that already stays as it is. */
export function diskFull(folder: string, why: string, cause?: unknown): LibTorchError {
  if (cause instanceof InstallDiskFullError) return cause
  if (cause instanceof DiskFullError) return diskFull(cause.folder, cause.why)
  return new InstallDiskFullError(
    'ERR_LIBTORCH_INSTALL',
    `The disk is full: ${folder} has no room (${why}). Nothing of the attempt was left there; free some space, or choose another folder with --dir.`,
    cause === undefined ? {} : { cause },
  )
}
