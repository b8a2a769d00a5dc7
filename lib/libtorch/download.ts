/** Downloads of an installation: those of lib/download/, with the errors of an installation. */
import { DiskFullError } from '../download/disk.js'
import { type DownloadOptions as Options, download as plainDownload } from '../download/download.js'
import { fetchText as plainFetchText } from '../download/http.js'
import { DownloadError, LibTorchError } from '../errors.js'
import { diskFull } from './disk.js'

export interface DownloadOptions extends Omit<Options, 'hashPrefix' | 'hashOf' | 'part' | 'keepPart'> {
  /** Hexadecimal; the file is deleted when it has another. */
  sha256: string
}

/**
 * Downloads `url` to `file`. What an earlier, broken attempt left in `file.part` is continued.
 * @throws {@link LibTorchError} `ERR_LIBTORCH_INSTALL`; on a wrong hash and on a full disk nothing is left behind
 */
export function download(url: string, file: string, { sha256, ...options }: DownloadOptions): Promise<void> {
  const own = { hashPrefix: sha256.toLowerCase(), hashOf: 'index', part: `${file}.part`, keepPart: true }
  return ofInstallation(plainDownload(url, file, { ...options, ...own }))
}

/** The text of an index page. */
export function fetchText(url: string): Promise<{ text: string; url: string }> {
  return ofInstallation(plainFetchText(url))
}

async function ofInstallation<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof DiskFullError) throw diskFull(error.folder, error.why, error.cause)
    if (!(error instanceof DownloadError)) throw error
    throw new LibTorchError('ERR_LIBTORCH_INSTALL', error.message, { cause: error.cause })
  }
}
