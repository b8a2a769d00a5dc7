/** Zip archives and pickles by hand, for files that no Python writes. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipRecord {
  name: string
  data: Uint8Array | string
  deflate?: boolean
  /** the sizes that the directory claims, where they are not the true ones */
  claim?: number
}

/** An archive of these records; names come with their top folder. */
export function zip(records: ZipRecord[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, data, deflate, claim } of records) {
    const raw = Buffer.from(data as Uint8Array)
    const stored = deflate ? deflateRawSync(raw) : raw
    const sum = crc32(raw)
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    header.writeUInt16LE(20, 4)
    header.writeUInt16LE(deflate ? 8 : 0, 8)
    header.writeUInt32LE(sum, 14)
    header.writeUInt32LE(deflate ? stored.length : (claim ?? stored.length), 18)
    header.writeUInt32LE(claim ?? raw.length, 22)
    header.writeUInt16LE(name.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(20, 4)
    header.copy(entry, 6, 4, 30)
    entry.writeUInt32LE(offset, 42)
    parts.push(header, Buffer.from(name, 'latin1'), stored)
    directory.push(entry, Buffer.from(name, 'latin1'))
    offset += 30 + name.length + stored.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(records.length, 8)
  end.writeUInt16LE(records.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}

/** A checkpoint with this pickle and these storages. */
export function checkpoint(
  pickle: Uint8Array,
  storages: Record<string, Uint8Array> = {},
  more: ZipRecord[] = [],
): Buffer {
  return zip([
    { name: 'x/data.pkl', data: pickle },
    { name: 'x/version', data: '3\n' },
    ...Object.entries(storages).map(([key, data]) => ({ name: `x/data/${key}`, data })),
    ...more,
  ])
}

/** Bytes of a pickle from pieces: text stands for its Latin-1 bytes, numbers for themselves. */
export function bytes(...pieces: (string | number | Uint8Array)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) =>
      typeof piece === 'number'
        ? Buffer.from([piece])
        : typeof piece === 'string'
          ? Buffer.from(piece, 'latin1')
          : piece,
    ),
  )
}

export function text(value: string): Buffer {
  const data = Buffer.from(value, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(data.length)
  return bytes('X', length, data)
}

/** An int in its shortest text form, which protocol 2 also reads. */
export function int(value: number | bigint): Buffer {
  return bytes(`L${value}L\n`)
}

export interface TensorParts {
  storage?: Buffer
  type?: string
  key?: string
  location?: string
  numel?: number | bigint
  offset?: number | bigint
  size?: (number | bigint)[]
  stride?: (number | bigint)[]
}

/** The pickle of one tensor over `data/0`. */
export function tensorPickle(parts: TensorParts = {}): Buffer {
  const {
    type = 'torch\nFloatStorage',
    key = '0',
    location = 'cpu',
    numel = 4,
    offset = 0,
    size = [4],
    stride = [1],
  } = parts
  const tuple = (items: (number | bigint)[]): Buffer => bytes('(', ...items.map(int), 't')
  const id = bytes('(', text('storage'), `c${type}\n`, text(key), text(location), int(numel), 't')
  return bytes(
    0x80,
    2,
    'ctorch._utils\n_rebuild_tensor_v2\n(',
    parts.storage ?? bytes(id, 'Q'),
    int(offset),
    tuple(size),
    tuple(stride),
    0x89,
    'ccollections\nOrderedDict\n)RtR.',
  )
}

/** The records of an archive of stored records, by its directory; `header` and `offset` are the places of a record and of its data. */
export function directory(file: Buffer): { name: string; crc: number; data: Buffer; header: number; offset: number }[] {
  const end = file.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  let at = file.readUInt32LE(end + 16)
  return Array.from({ length: file.readUInt16LE(end + 10) }, () => {
    const nameSize = file.readUInt16LE(at + 28)
    const header = file.readUInt32LE(at + 42)
    const offset = header + 30 + nameSize + file.readUInt16LE(header + 28)
    const record = {
      name: file.toString('utf8', at + 46, at + 46 + nameSize),
      crc: file.readUInt32LE(at + 16),
      data: file.subarray(offset, offset + file.readUInt32LE(at + 24)),
      header,
      offset,
    }
    at += 46 + nameSize + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32)
    return record
  })
}
