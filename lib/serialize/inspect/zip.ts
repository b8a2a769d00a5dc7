/** The directory of a zip archive, and single records of it: no record is read that nobody asks for. Rules: APPNOTE.TXT 6.3.10. */
import { crc32, inflateRawSync } from 'node:zlib'
import { limits } from '../limits.js'
import { badFormat, unsafe, type Where } from '../where.js'
import type { FileWindow } from './window.js'

export interface ZipRecord {
  /** name below the top folder of the archive */
  name: string
  size: number
  /** bytes that it takes in the file; less than `size` where it is compressed */
  stored: number
  /** 0: as it is, 8: deflated */
  method: number
  /** byte of the file at which its local header begins */
  at: number
  /** checksum of its bytes */
  crc: number
}

const [endMark, end64Mark, locatorMark, entryMark, localMark] = [
  0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50,
]
/** A directory has 46 bytes and a name for each record; the largest checkpoints have some hundred thousand. */
const maxDirectory = 2 ** 28
const wide = 0xffffffff

/** The records of an archive by name. */
export class ZipDirectory {
  readonly records = new Map<string, ZipRecord>()
  /** the folder that all records are in, as PyTorch takes it: that of the first one */
  top = ''
  /** names that are there more than once; the first one counts */
  readonly repeated: string[] = []

  /** @throws {@link CheckpointError} where the file is cut off or its directory is damaged */
  constructor(private readonly file: FileWindow) {
    const { at, size, count } = this.findDirectory()
    if (size > maxDirectory) throw unsafe(file.where, `the directory has ${size} bytes; ${maxDirectory} are allowed`)
    const bytes = Buffer.from(file.read(at, size).buffer)
    let offset = 0
    for (let i = 0; i < count; i++) offset += this.entry(bytes, offset, at)
  }

  has(name: string): boolean {
    return this.records.has(name)
  }

  /** The bytes of a record of at most `most` bytes. */
  read(name: string, most: number): Uint8Array {
    const where = { ...this.file.where, record: name }
    const record = this.records.get(name)
    if (record === undefined) throw badFormat(where, 'the record is missing')
    const largest = Math.max(record.size, record.stored)
    if (largest > most) throw unsafe(where, `the record has ${largest} bytes; ${most} are allowed`)
    const start = this.start(record, where)
    if (record.method === 0) {
      if (record.stored !== record.size) throw badFormat(where, 'its two sizes differ, and it is not compressed')
      return this.file.read(start, record.size, where)
    }
    if (record.method !== 8) throw badFormat(where, `compressed by method ${record.method}; 0 and 8 are known`)
    let bytes: Uint8Array
    try {
      bytes = inflateRawSync(this.file.read(start, record.stored, where), { maxOutputLength: Math.max(record.size, 1) })
    } catch (error) {
      throw badFormat(where, `it cannot be unpacked: ${(error as Error).message}`, error)
    }
    if (bytes.length !== record.size) throw badFormat(where, `it unpacks to ${bytes.length} bytes, not ${record.size}`)
    return bytes
  }

  /** Compares a record of any size with its checksum, piece by piece where it is not compressed. */
  verify(name: string): void {
    const record = this.records.get(name)!
    const where = { ...this.file.where, record: name }
    let sum = 0
    if (record.method !== 0) sum = crc32(this.read(name, this.file.size * limits.expansion))
    else {
      const start = this.start(record, where)
      const piece = 2 ** 24
      for (let at = 0; at < record.size; at += piece)
        sum = crc32(this.file.read(start + at, Math.min(piece, record.size - at), where), sum)
    }
    if (sum >>> 0 !== record.crc)
      throw badFormat(where, 'its checksum is wrong: the file was damaged after it was written')
  }

  /** Where the bytes of a record begin. */
  private start(record: ZipRecord, where: Where): number {
    const header = Buffer.from(this.file.read(record.at, 30, where).buffer)
    if (header.readUInt32LE(0) !== localMark) throw badFormat({ ...where, offset: record.at }, 'there is no record')
    return record.at + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  }

  private damaged(offset: number, message: string): Error {
    return badFormat({ ...this.file.where, offset }, message)
  }

  /** Where the directory is: its end is in the last bytes, before a comment of up to 65,535. */
  private findDirectory(): { at: number; size: number; count: number } {
    const { file } = this
    const from = Math.max(0, file.size - 22 - 65_535 - 20)
    const tail = Buffer.from(file.read(from, file.size - from).buffer)
    let end = tail.length - 22
    while (end >= 0 && tail.readUInt32LE(end) !== endMark) end--
    if (end < 0) {
      const cut = 'the zip archive has no directory at its end: the file is truncated'
      throw badFormat(file.where, `${cut} (a download or a save was cut off)`)
    }
    const count = tail.readUInt16LE(end + 10)
    const size = tail.readUInt32LE(end + 12)
    const at = tail.readUInt32LE(end + 16)
    const isWide = end >= 20 && tail.readUInt32LE(end - 20) === locatorMark
    if (!isWide) return { at, size, count }
    const offset = safe(tail.readBigUInt64LE(end - 20 + 8))
    const record = Buffer.from(file.read(offset, 56).buffer)
    if (record.readUInt32LE(0) !== end64Mark) throw this.damaged(offset, 'the end of the zip directory is damaged')
    const [count64, size64, at64] = [32, 40, 48].map((place) => safe(record.readBigUInt64LE(place)))
    return { at: at64!, size: size64!, count: count64! }
  }

  /** Reads one entry; returns its length. */
  private entry(bytes: Buffer, offset: number, directory: number): number {
    if (offset + 46 > bytes.length || bytes.readUInt32LE(offset) !== entryMark) {
      throw this.damaged(directory + offset, 'the zip directory is damaged')
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => bytes.readUInt16LE(offset + place))
    const length = 46 + nameLength! + extraLength! + commentLength!
    if (offset + length > bytes.length) throw this.damaged(directory + offset, 'the zip directory is cut off')
    const path = bytes.toString('utf8', offset + 46, offset + 46 + nameLength!)
    if (this.records.size === 0 && this.top === '')
      this.top = path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
    const sizes = [bytes.readUInt32LE(offset + 24), bytes.readUInt32LE(offset + 20), bytes.readUInt32LE(offset + 42)]
    const extra = bytes.subarray(offset + 46 + nameLength!, offset + 46 + nameLength! + extraLength!)
    if (sizes.includes(wide)) widen(sizes, extra)
    const [size, stored, at] = sizes as [number, number, number]
    if (stored > this.file.size || at > this.file.size) {
      throw this.damaged(directory + offset, `a record reaches beyond the file of ${this.file.size} bytes`)
    }
    const inTop = this.top !== '' && path.startsWith(`${this.top}/`)
    const name = inTop ? path.slice(this.top.length + 1) : path
    if (this.records.has(name)) this.repeated.push(name)
    else {
      const [method, crc] = [bytes.readUInt16LE(offset + 10), bytes.readUInt32LE(offset + 16)]
      this.records.set(name, { name, size, stored, method, at, crc })
    }
    return length
  }
}

/** Takes the sizes that do not fit in 32 bits from the extra field, in their order. */
function widen(sizes: number[], extra: Buffer): void {
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)]
    if (id === 1) {
      let place = at + 4
      for (let i = 0; i < sizes.length; i++) {
        if (sizes[i] !== wide || place + 8 > Math.min(at + 4 + length, extra.length)) continue
        sizes[i] = safe(extra.readBigUInt64LE(place))
        place += 8
      }
      return
    }
    at += 4 + length
  }
}

/** A length as a number; what is beyond 2^53 is beyond every file, and so is infinity. */
function safe(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value)
}
