import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { badFormat, type Where } from '../where.js'

/** A file of any size, of which only what is asked for is read. */
export class FileWindow {
  readonly size: number
  readonly where: Where
  private readonly fd: number

  /** @throws the file system's own error */
  constructor(readonly path: string) {
    this.where = { file: path }
    this.fd = openSync(path, 'r')
    this.size = fstatSync(this.fd).size
  }

  /** The bytes from `at` on, `count` of them. */
  read(at: number, count: number, where: Where = this.where): Uint8Array {
    if (at < 0 || count < 0 || at + count > this.size) {
      throw badFormat({ ...where, offset: Math.max(at, 0) }, `truncated: the file ends at byte ${this.size}`)
    }
    const bytes = new Uint8Array(count)
    for (let done = 0; done < count; ) {
      const got = readSync(this.fd, bytes, done, Math.min(count - done, 2 ** 30), at + done)
      if (got === 0) throw badFormat({ ...where, offset: at + done }, 'truncated: the file became shorter')
      done += got
    }
    return bytes
  }

  close(): void {
    closeSync(this.fd)
  }
}
