/** What installations need of the file system: room, and clear words when there is none. */
import { statfs } from 'node:fs/promises'
import { LibTorchError } from '../errors.js'
import { megabytes } from './report.js'

const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Fails before anything is written when `folder` has no room for `bytes`. */
export async function ensureSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < bytes)
    throw diskFull(folder, `${megabytes(bytes)} are needed, ${megabytes(bavail * bsize)} are free`)
}

/** True for the errors of a full disk, a used-up quota and a file size limit. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof DiskFullError || fullDisk.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}

class DiskFullError extends LibTorchError {}

/** The error of a full disk; one that is that already stays as it is. */
export function diskFull(folder: string, why: string, cause?: unknown): LibTorchError {
  if (cause instanceof DiskFullError) return cause
  return new DiskFullError(
    'ERR_LIBTORCH_INSTALL',
    `The disk is full: ${folder} has no room (${why}). Nothing of the attempt was left there; free some space, or choose another folder with --dir.`,
    cause === undefined ? {} : { cause },
  )
}
