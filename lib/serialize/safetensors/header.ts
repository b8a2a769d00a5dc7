/**
 * The header of a safetensors file: 8 bytes of length, then JSON that says where which tensor is. Rules and order of dtypes:
 * safetensors/src/tensor.rs, safetensors 0.8.
 */
import { badFormat, unsafe, type Where } from '../where.js'
import { JsonText } from './json.js'

/** The library reads no header beyond this. */
export const maxHeader = 100_000_000
/** What one file may have; the largest models have some thousands of tensors in each of theirs. */
const [maxTensors, maxTexts, maxDimensions] = [200_000, 100_000, 1_000]

interface DtypeRow {
  code: string
  bits: number
  /** PyTorch's name, where it has that dtype */
  dtype?: string
}

/** In the order of the format's alignment: files are written from the last row to the first. */
const rows: DtypeRow[] = [
  { code: 'BOOL', bits: 8, dtype: 'bool' },
  { code: 'F4', bits: 4, dtype: 'float4_e2m1fn_x2' },
  { code: 'F6_E2M3', bits: 6 },
  { code: 'F6_E3M2', bits: 6 },
  { code: 'U8', bits: 8, dtype: 'uint8' },
  { code: 'I8', bits: 8, dtype: 'int8' },
  { code: 'F8_E5M2', bits: 8, dtype: 'float8_e5m2' },
  { code: 'F8_E4M3', bits: 8, dtype: 'float8_e4m3fn' },
  { code: 'F8_E8M0', bits: 8, dtype: 'float8_e8m0fnu' },
  { code: 'F8_E4M3FNUZ', bits: 8, dtype: 'float8_e4m3fnuz' },
  { code: 'F8_E5M2FNUZ', bits: 8, dtype: 'float8_e5m2fnuz' },
  { code: 'I16', bits: 16, dtype: 'int16' },
  { code: 'U16', bits: 16, dtype: 'uint16' },
  { code: 'F16', bits: 16, dtype: 'float16' },
  { code: 'BF16', bits: 16, dtype: 'bfloat16' },
  { code: 'I32', bits: 32, dtype: 'int32' },
  { code: 'U32', bits: 32, dtype: 'uint32' },
  { code: 'F32', bits: 32, dtype: 'float32' },
  { code: 'C64', bits: 64, dtype: 'complex64' },
  { code: 'F64', bits: 64, dtype: 'float64' },
  { code: 'I64', bits: 64, dtype: 'int64' },
  { code: 'U64', bits: 64, dtype: 'uint64' },
]
const rowOfCode = new Map(rows.map((row) => [row.code, row]))
const rowOfDtype = new Map(rows.flatMap((row) => (row.dtype ? [[row.dtype, row]] : [])))
/** Two elements of a byte; PyTorch counts the bytes, the format the elements. */
const packed = 'F4'

/** A tensor of a file; `begin` and `end` are bytes after the header. */
export interface Entry {
  name: string
  dtype: string
  shape: number[]
  begin: number
  end: number
}
export interface Header {
  /** in the order of their bytes */
  entries: Entry[]
  metadata?: Record<string, string>
}

/** The length of the header, from the first 8 bytes of a file of `size` bytes. */
export function headerLength(head: Uint8Array, size: number, where: Where): number {
  if (head.byteLength < 8) throw badFormat({ ...where, offset: 0 }, `a safetensors file of ${size} bytes is truncated`)
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  if (length > BigInt(maxHeader)) {
    throw badFormat({ ...where, offset: 0 }, `the safetensors header has ${length} bytes; ${maxHeader} are allowed`)
  }
  if (Number(length) > size - 8) {
    throw badFormat(
      { ...where, offset: 0 },
      `the safetensors header has ${length} bytes, and the file ends after ${size - 8} of them: it is truncated`,
    )
  }
  return Number(length)
}

/** Reads the JSON and checks it: every byte of a file of `size` bytes belongs to one tensor. */
export function readHeader(bytes: Uint8Array, size: number, where: Where): Header {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw badFormat({ ...where, offset: 8 }, 'the safetensors header is not UTF-8')
  }
  const json = new JsonText(text, 8, where, 'safetensors header')
  const found: (Omit<Entry, 'dtype'> & { row: DtypeRow; at: number })[] = []
  let metadata: Record<string, string> | undefined
  json.object('it', (key, at) => {
    if (key === '__metadata__') {
      metadata = readMetadata(json, where)
      return
    }
    if (found.length >= maxTensors) throw unsafe(where, `more than ${maxTensors} tensors in one safetensors file`)
    found.push({ name: key, at, ...readEntry(json, key, at) })
  })
  json.end()
  found.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  const entries: Entry[] = []
  for (const { name, row, at, shape, begin, end: stop } of found) {
    if (begin !== end || stop < begin) {
      const wrong = stop < begin ? 'end before they begin' : begin < end ? 'overlap others' : `leave a hole at ${end}`
      json.fail(`the data_offsets [${begin}, ${stop}] of ${JSON.stringify(name)} ${wrong}`, at, name)
    }
    const nbytes = bytesOf(row, shape)
    if (nbytes === undefined) json.fail(`the size of ${JSON.stringify(name)} overflows`, at, name)
    if (!Number.isInteger(nbytes)) json.fail(`${JSON.stringify(name)} ends inside of a byte`, at, name)
    if (stop - begin !== nbytes) {
      const takes = `${row.code} of shape [${shape.slice(0, 16)}] takes ${nbytes} bytes`
      json.fail(`${JSON.stringify(name)} has ${stop - begin} bytes, and ${takes}`, at, name)
    }
    if (row.dtype === undefined) json.fail(`PyTorch has no dtype for ${row.code} of ${JSON.stringify(name)}`, at, name)
    if (row.code === packed) {
      const last = shape.at(-1)! / 2
      if (!Number.isInteger(last)) json.fail(`the last size of ${JSON.stringify(name)}, ${packed}, is odd`, at, name)
      shape[shape.length - 1] = last
    }
    entries.push({ name, dtype: row.dtype!, shape, begin, end: stop })
    end = stop
  }
  const there = size - 8 - bytes.byteLength
  if (end > there) {
    const message = `the tensors take ${end} bytes, and ${there} are there: the file is truncated`
    throw badFormat({ ...where, offset: size }, `${message} (a download or a save was cut off)`)
  }
  if (end < there) {
    throw badFormat({ ...where, offset: 8 + bytes.byteLength + end }, `${there - end} bytes belong to no tensor`)
  }
  return { entries, ...(metadata && { metadata }) }
}

function readMetadata(json: JsonText, where: Where): Record<string, string> | undefined {
  if (json.null()) return undefined
  const metadata: Record<string, string> = Object.create(null)
  let count = 0
  json.object('__metadata__', (key) => {
    if (++count > maxTexts) throw unsafe(where, `more than ${maxTexts} texts in the metadata of a safetensors file`)
    if (json.peek() !== '"') json.fail(`__metadata__ has ${JSON.stringify(key)}, which is no text`)
    metadata[key] = json.string()
  })
  return metadata
}

function readEntry(json: JsonText, name: string, at: number): Omit<Entry, 'name' | 'dtype'> & { row: DtypeRow } {
  const title = JSON.stringify(name)
  let row: DtypeRow | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  json.object(title, (key) => {
    if (key === 'dtype') {
      const code = json.peek() === '"' ? json.string() : undefined
      row = rowOfCode.get(code ?? '')
      if (!row) json.fail(`${title} has the unknown dtype ${JSON.stringify(code)}`, at, name)
    } else if (key === 'shape') {
      shape = integers(json, `shape of ${title}`, maxDimensions)
    } else if (key === 'data_offsets') {
      offsets = integers(json, `data_offsets of ${title}`, 2)
    } else json.skip()
  })
  if (!row || !shape || !offsets) {
    json.fail(`${title} has no ${!row ? 'dtype' : !shape ? 'shape' : 'data_offsets'}`, at, name)
  }
  if (offsets!.length !== 2) json.fail(`data_offsets of ${title} has not two numbers`, at, name)
  return { row: row!, shape: shape!, begin: offsets![0]!, end: offsets![1]! }
}

function integers(json: JsonText, what: string, most: number): number[] {
  const out: number[] = []
  json.array(what, () => {
    if (out.length >= most) json.fail(`${what} has more than ${most} numbers`)
    out.push(json.integer(what))
  })
  return out
}

/** Bytes of a tensor, with a fraction where it ends inside of one; undefined beyond what a number says exactly. */
function bytesOf(row: DtypeRow, shape: number[]): number | undefined {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!Number.isSafeInteger(count)) return undefined
  }
  return Number.isSafeInteger(count * row.bits) ? (count * row.bits) / 8 : undefined
}

/** A tensor to write. */
export interface Piece {
  name: string
  dtype: string
  shape: readonly number[]
  nbytes: number
}

/** Whether the format has a dtype. */
export function canWrite(dtype: string): boolean {
  return rowOfDtype.has(dtype)
}

/** Puts tensors into the order of the format's library: the widest dtypes first, then by the bytes of the name. */
export function inFileOrder<T extends Piece>(pieces: readonly T[]): T[] {
  return pieces
    .map((piece) => ({ piece, rank: rows.indexOf(rowOfDtype.get(piece.dtype)!), name: Buffer.from(piece.name) }))
    .sort((a, b) => b.rank - a.rank || Buffer.compare(a.name, b.name))
    .map(({ piece }) => piece)
}

/** The beginning of a file with these tensors, which are in order: length, JSON, spaces up to a multiple of 8. */
export function writeHeader(pieces: readonly Piece[], metadata: Record<string, string> | undefined): Uint8Array {
  const parts: string[] = metadata ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let offset = 0
  for (const { name, dtype, shape, nbytes } of pieces) {
    const { code } = rowOfDtype.get(dtype)!
    const sizes = code === packed ? [...shape.slice(0, -1), shape.at(-1)! * 2] : shape
    const info = { dtype: code, shape: sizes, data_offsets: [offset, offset + nbytes] }
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`)
    offset += nbytes
  }
  const json = Buffer.from(`{${parts.join(',')}}`)
  const length = Math.ceil(json.byteLength / 8) * 8
  const bytes = new Uint8Array(8 + length).fill(32, 8 + json.byteLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, 8)
  return bytes
}
