import { badFormat, unsafe, type Where } from './where.js'

/** Reads a record from front to back; every read is checked against its end. */
export class ByteReader {
  at = 0
  readonly end: number
  private readonly buffer: Buffer
  private readonly view: DataView

  constructor(
    bytes: Uint8Array,
    readonly where: Where,
    /** said where the bytes end too early */
    private readonly advice = '',
  ) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.end = bytes.byteLength
  }

  /** Moves over `count` bytes and returns where they begin. */
  skip(count: number): number {
    const start = this.at
    if (count < 0 || count > this.end - start) {
      throw badFormat(
        { ...this.where, offset: start },
        `truncated: ${count} bytes wanted, ${this.end - start} left${this.advice}`,
      )
    }
    this.at = start + count
    return start
  }

  uint8(): number {
    if (this.at >= this.end)
      throw badFormat({ ...this.where, offset: this.at }, `truncated: the pickle does not end${this.advice}`)
    return this.buffer[this.at++]!
  }
  uint16(): number {
    return this.view.getUint16(this.skip(2), true)
  }
  uint32(): number {
    return this.view.getUint32(this.skip(4), true)
  }
  int32(): number {
    return this.view.getInt32(this.skip(4), true)
  }
  /** A length of 8 bytes. */
  uint64(): number {
    const start = this.at
    const value = this.view.getBigUint64(this.skip(8), true)
    if (value > BigInt(this.end)) {
      throw unsafe({ ...this.where, offset: start }, `a length of ${value} bytes in a record of ${this.end}`)
    }
    return Number(value)
  }
  float64(): number {
    return this.view.getFloat64(this.skip(8), false)
  }

  /** A copy of the next bytes. */
  bytes(count: number): Uint8Array {
    const start = this.skip(count)
    return new Uint8Array(this.buffer.subarray(start, start + count))
  }

  /** Bytes that {@link skip} went over, which are those of the record itself. */
  slice(start: number, count: number): Uint8Array {
    return this.buffer.subarray(start, start + count)
  }

  /** UTF-8 in which Python also writes lone surrogates; undefined when the bytes are not that. */
  utf8(count: number): string | undefined {
    const start = this.skip(count)
    const text = this.buffer.toString('utf8', start, start + count)
    // U+FFFD stands for what the decoder could not read, or for itself
    return text.includes('\ufffd') ? decodeSurrogates(this.buffer.subarray(start, start + count)) : text
  }

  latin1(count: number): string {
    const start = this.skip(count)
    return this.buffer.toString('latin1', start, start + count)
  }

  /** The text up to the next line feed, without it. */
  line(): string {
    const start = this.at
    const feed = this.buffer.indexOf(10, start)
    if (feed < 0) throw badFormat({ ...this.where, offset: start }, `truncated: a line does not end${this.advice}`)
    this.at = feed + 1
    return this.buffer.toString('latin1', start, feed)
  }

  /** A little-endian int in two's complement. */
  int(count: number): number | bigint {
    const start = this.skip(count)
    if (count === 0) return 0
    if (count <= 6) return this.buffer.readIntLE(start, count)
    const hex = Buffer.from(this.buffer.subarray(start, start + count))
      .reverse()
      .toString('hex')
    const value = BigInt.asIntN(count * 8, BigInt(`0x${hex}`))
    return shrink(value)
  }
}

/** A number where it is exact. */
export function shrink(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function decodeSurrogates(bytes: Buffer): string | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  let start = 0
  try {
    for (let i = 0; i + 2 < bytes.length; i++) {
      if (bytes[i] === 0xed && bytes[i + 1]! >= 0xa0 && bytes[i + 1]! < 0xc0 && (bytes[i + 2]! & 0xc0) === 0x80) {
        text += decoder.decode(bytes.subarray(start, i))
        text += String.fromCharCode(0xd000 | ((bytes[i + 1]! & 0x3f) << 6) | (bytes[i + 2]! & 0x3f))
        start = i + 3
        i += 2
      }
    }
    return text + decoder.decode(bytes.subarray(start))
  } catch {
    return undefined
  }
}
