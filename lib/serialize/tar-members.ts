/** The directory of a tar archive: old, ustar, pax and GNU headers; only regular files are looked at. */
import { badFormat, unsafe, type Where } from './where.js'

export interface TarMember {
  /** byte of the archive */
  start: number
  size: number
}

const block = 512
const maxMembers = 100_000
/** Bytes of a record that holds a long name. */
const maxText = 65_536

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** True where a file begins with the header of a tar archive, whose sum is right. */
export function isTar(head: Uint8Array): boolean {
  if (head.byteLength < block || head[0] === 0) return false
  const wanted = number(head, 148, 8)
  if (wanted === undefined) return false
  let sum = 0
  let signed = 0
  for (let i = 0; i < block; i++) {
    const byte = i >= 148 && i < 156 ? 32 : head[i]!
    sum += byte
    signed += byte < 128 ? byte : byte - 256
  }
  // some old programs added bytes up as signed ones
  return wanted === sum || wanted === signed
}

/** A number of a header, in octal digits or, where those do not suffice, in bytes. */
function number(header: Uint8Array, at: number, length: number): number | undefined {
  if (header[at] === 0x80) {
    const value = BigInt(`0x${Buffer.from(header.subarray(at + 1, at + length)).toString('hex')}`)
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
  }
  const digits = /^ *([0-7]+)[ \0]*$/.exec(latin1(header.subarray(at, at + length)))?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 8)
}

function text(header: Uint8Array, at: number, length: number): string {
  const bytes = header.subarray(at, at + length)
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}

/** The values of a pax record, lines of `<length> <key>=<value>`. */
function pax(bytes: Uint8Array): Map<string, string> {
  const values = new Map<string, string>()
  for (let at = 0; at < bytes.byteLength; ) {
    const [head, digits] = /^(\d{1,6}) /.exec(latin1(bytes.subarray(at, at + 8))) ?? []
    const length = Number(digits)
    if (head === undefined || length <= head.length) break
    const line = Buffer.from(bytes.subarray(at + head.length, at + length - 1)).toString('utf8')
    const equals = line.indexOf('=')
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1))
    at += length
  }
  return values
}

/**
 * The regular files of an archive by name; of several with one name the last counts, as in Python.
 * @param read - up to `count` bytes of the archive from byte `at` on
 * @throws {@link CheckpointError} where it is damaged or cut off
 */
export function findMembers(
  read: (at: number, count: number) => Uint8Array,
  size: number,
  where: Where,
): Map<string, TarMember> {
  const members = new Map<string, TarMember>()
  let longName: string | undefined
  let longSize: number | undefined
  let count = 0
  for (let at = 0; at + block <= size; ) {
    const header = read(at, block)
    if (header.every((byte) => byte === 0)) break
    const offset = { ...where, offset: at }
    if (!isTar(header)) throw badFormat(offset, 'the header of a file in the tar archive is damaged')
    if (++count > maxMembers) throw unsafe(where, `a tar archive of more than ${maxMembers} files`)
    const stored = number(header, 124, 12)
    const length = longSize ?? stored
    const start = at + block
    if (length === undefined || !Number.isSafeInteger(start + length)) {
      throw badFormat(offset, 'a file in the tar archive has no size')
    }
    const kind = String.fromCharCode(header[156]!)
    // links, devices and folders have no bytes
    const bytes = /[1-6]/.test(kind) ? 0 : length
    if (start + bytes > size) {
      const name = longName ?? text(header, 0, 100)
      throw badFormat(
        offset,
        `the tar archive is truncated: ${JSON.stringify(name)} has ${bytes} bytes, ${size - start} are left`,
      )
    }
    at = start + Math.ceil(bytes / block) * block
    if (kind === 'L' || kind === 'x') {
      if (bytes > maxText) throw unsafe(offset, `a name of ${bytes} bytes in a tar archive`)
      const record = read(start, bytes)
      if (kind === 'L') longName = text(record, 0, bytes)
      else {
        const values = pax(record)
        longName = values.get('path') ?? longName
        const given = values.get('size')
        if (given !== undefined) longSize = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
      }
      continue
    }
    if (kind === 'g' || kind === 'K') continue
    const prefix = latin1(header.subarray(257, 262)) === 'ustar' && header[262] === 0 ? text(header, 345, 155) : ''
    const name = longName ?? (prefix && `${prefix}/`) + text(header, 0, 100)
    longName = longSize = undefined
    if (kind === '0' || kind === '\0' || kind === '7') members.set(name, { start, size: bytes })
  }
  return members
}
