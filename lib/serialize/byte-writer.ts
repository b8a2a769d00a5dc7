/** Bytes that grow at the end. */
export class ByteWriter {
  private buffer = Buffer.allocUnsafe(65536)
  private length = 0

  private room(count: number): void {
    if (this.length + count <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + count))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  byte(value: number): void {
    this.room(1)
    this.buffer[this.length++] = value
  }
  bytes2(first: number, second: number): void {
    this.room(2)
    this.buffer[this.length++] = first
    this.buffer[this.length++] = second
  }
  byteUint32(first: number, value: number): void {
    this.room(5)
    this.buffer[this.length] = first
    this.buffer.writeUInt32LE(value, this.length + 1)
    this.length += 5
  }
  uint16(value: number): void {
    this.room(2)
    this.length = this.buffer.writeUInt16LE(value, this.length)
  }
  float64(value: number): void {
    this.room(8)
    this.length = this.buffer.writeDoubleBE(value, this.length)
  }
  raw(bytes: Uint8Array): void {
    this.room(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** An opcode, a length of four bytes and UTF-8, in which a lone surrogate takes the three bytes that Python gives it. */
  unicode(opcode: number, text: string): void {
    this.room(5 + text.length * 3)
    const start = this.length + 5
    const count = !/\p{Surrogate}/u.test(text) ? this.buffer.write(text, start, 'utf8') : this.surrogates(text, start)
    this.byteUint32(opcode, count)
    this.length = start + count
  }
  private surrogates(text: string, start: number): number {
    let at = start
    for (const character of text) {
      const code = character.codePointAt(0)!
      if (code >= 0xd800 && code < 0xe000) {
        this.buffer[at++] = 0xe0 | (code >> 12)
        this.buffer[at++] = 0x80 | ((code >> 6) & 0x3f)
        this.buffer[at++] = 0x80 | (code & 0x3f)
      } else at += this.buffer.write(character, at, 'utf8')
    }
    return at - start
  }

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}
