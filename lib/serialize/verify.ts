/** Compares an archive with its checksums, which neither Python nor LibTorch do when they read one. */
import { FileWindow } from './inspect/window.js'
import { ZipDirectory } from './inspect/zip.js'

/**
 * Reads a whole zip archive once, and compares each record with its checksum.
 * @throws the file system's own error; {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` that names the record
 * @internal
 */
export function verifyChecksums(path: string): void {
  const file = new FileWindow(path)
  try {
    const directory = new ZipDirectory(file)
    for (const name of directory.records.keys()) directory.verify(name)
  } finally {
    file.close()
  }
}

/** A record of a zip archive of at most `most` bytes; undefined where there is none of that name. @internal */
export function readArchiveRecord(path: string, name: string, most: number): Uint8Array | undefined {
  const file = new FileWindow(path)
  try {
    const directory = new ZipDirectory(file)
    return directory.has(name) ? directory.read(name, most) : undefined
  } finally {
    file.close()
  }
}
