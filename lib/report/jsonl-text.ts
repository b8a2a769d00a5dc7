/** The text of a log: lines of JSON. No tensors are needed to read it. */
import { ArgumentError } from '../errors.js'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }
/** A line of a log. */
export type LogRecord = Record<string, JsonValue>

export interface ParsedLog {
  /** the lines with their bytes, without the end of line */
  lines: { record: LogRecord; bytes: Uint8Array }[]
  /** the whole lines, without what was cut short */
  whole: Uint8Array
}

const newline = 10
/** JSON has no such numbers. */
const names = new Map([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((n) => [String(n), n]))

/**
 * Takes a log apart. What comes after the last end of line is a line only if it is whole.
 * @param options - `all: false` looks at the end alone, for a log that is only continued
 */
export function parseLog(path: string, content: Uint8Array, { all = true }: { all?: boolean } = {}): ParsedLog {
  const lines: ParsedLog['lines'] = []
  let at = 0
  for (let number = 1; at < content.length; number++) {
    const end = content.indexOf(newline, at)
    if (end < 0) {
      const bytes = content.subarray(at)
      const record = parseLine(bytes)
      if (!record) {
        if (isCut(bytes)) break
        throw noRecord(path, number, bytes)
      }
      lines.push({ record, bytes })
      return { lines, whole: Buffer.concat([content, Uint8Array.of(newline)]) }
    }
    const bytes = content.subarray(at, end)
    const isLast = end === content.length - 1
    at = end + 1
    // the first line tells a log from other files
    if (!all && number > 1 && !isLast) continue
    if (isBlank(bytes)) continue
    const record = parseLine(bytes)
    if (!record) throw noRecord(path, number, bytes)
    lines.push({ record, bytes })
  }
  return { lines, whole: content.subarray(0, at) }
}

function parseLine(bytes: Uint8Array): LogRecord | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const value: unknown = JSON.parse(quotedNumbers(text), (_, item) =>
      typeof item === 'string' ? (names.get(item) ?? item) : item,
    )
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as LogRecord) : undefined
  } catch {
    return undefined
  }
}

/** The beginning of a line, or the zeros that a power failure leaves. */
function isCut(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b || bytes.every((byte) => byte === 0)
}

function noRecord(path: string, number: number, bytes: Uint8Array): ArgumentError {
  return new ArgumentError(
    `${path}: line ${number} is no JSON object, as a log has on each line: ${excerpt(bytes)}; take the line away, or use another file`,
  )
}

/** Python's json writes NaN and the infinities without quotes. */
function quotedNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g, (token) => (token[0] === '"' ? token : `"${token}"`))
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13)
}

function excerpt(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 200)).toString()
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

/** One line of JSON for what a program measured. */
export function recordText(values: unknown): string {
  if (!isRecord(values)) {
    throw new ArgumentError(`JsonlLogger.log: expected an object of names and values, received ${kindOf(values)}`)
  }
  return JSON.stringify(plain(values, '', new Set()))
}

function plain(value: unknown, path: string, parents: Set<object>): unknown {
  switch (typeof value) {
    case 'undefined':
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      if (BigInt(Number(value)) === value) return Number(value)
      throw new ArgumentError(
        `JsonlLogger.log: ${path} is ${value}, which a number of JSON does not hold; log it as text`,
      )
    case 'object':
      break
    default:
      throw new ArgumentError(`JsonlLogger.log: ${path} is a ${typeof value}, which JSON does not hold`)
  }
  if (value === null) return null
  if (parents.has(value)) throw new ArgumentError(`JsonlLogger.log: ${path} contains itself`)
  const inside = new Set(parents).add(value)
  if (hasToList(value)) return plain(value.tolist(), path, inside)
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    return Array.from(value as ArrayLike<unknown>, (item, i) => plain(item, `${path}[${i}]`, inside) ?? null)
  }
  if (!isRecord(value)) {
    throw new ArgumentError(`JsonlLogger.log: ${path} is a ${kindOf(value)}, which JSON does not hold`)
  }
  const entries = Object.entries(value).map(([key, item]) => [key, plain(item, path ? `${path}.${key}` : key, inside)])
  return Object.fromEntries(entries)
}

function hasToList(value: object): value is { tolist(): unknown } {
  return 'tolist' in value && typeof value.tolist === 'function'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value)
  return value.constructor?.name ?? 'object'
}
