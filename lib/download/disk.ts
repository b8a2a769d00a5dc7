/** What downloads and installations need of the file system: room, and clear words when there is none. */
import { statfs } from 'node:fs/promises'
import { DownloadError } from '../errors.js'
import { megabytes } from './report.js'

const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The disk of `folder` has no room. */
export class DiskFullError extends DownloadError {
  readonly folder: string
  readonly why: string
  constructor(folder: string, why: string, options: { cause?: unknown } = {}) {
    super(`The disk is full: ${folder} has no room (${why}). Nothing of the attempt was left there.`, options)
    this.folder = folder
    this.why = why
  }
}

/** Fails before anything is written when `folder` has no room for `bytes`. @throws {@link DiskFullError} */
export async function ensureSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < bytes)
    throw new DiskFullError(folder, `${megabytes(bytes)} are needed, ${megabytes(bavail * bsize)} are free`)
}

/** True for the errors of a full disk, a used-up quota and a file size limit. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof DiskFullError || fullDisk.has((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
