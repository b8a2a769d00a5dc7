/** Zip archives, legacy streams and safetensors files whose structure lies. */
import { readFileSync } from 'node:fs'
import * as torch from 'libtorch-node'
import { bytes, checkpoint, tensorPickle, type ZipRecord, zip } from '../serialize/zip.js'
import type { HostileFile } from './files.js'

const pickle = tensorPickle()
const data = Buffer.alloc(16)
const version = { name: 'x/version', data: '3\n' }
const good = checkpoint(pickle, { 0: data })

/** The archive with a number of its structures changed. */
function changed(edit: (archive: Buffer, directory: number, end: number) => void): Buffer {
  const archive = Buffer.from(good)
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  edit(archive, archive.readUInt32LE(end + 16), end)
  return archive
}

function archives(): Record<string, Buffer> {
  const record = (name: string, content: Uint8Array | string = data): ZipRecord => ({ name, data: content })
  const deflated = (name: string, content: Uint8Array): ZipRecord => ({ name, data: content, deflate: true })
  const base = [record('x/data.pkl', pickle), version]
  return {
    'a directory that lies behind the end': changed((a, _, end) => a.writeUInt32LE(0x7fffffff, end + 16)),
    'a directory at the beginning': changed((a, _, end) => a.writeUInt32LE(0, end + 16)),
    'a directory of 4 GB': changed((a, _, end) => a.writeUInt32LE(0xfffffffe, end + 12)),
    'a directory of 65,534 entries': changed((a, _, end) => a.writeUInt16LE(0xfffe, end + 8)),
    'a directory of no entries': changed((a, _, end) => {
      a.writeUInt16LE(0, end + 8)
      a.writeUInt16LE(0, end + 10)
    }),
    'a record that lies behind the end': changed((a, at) => a.writeUInt32LE(0x7fffffff, at + 42)),
    'a record inside of the directory': changed((a, at) => a.writeUInt32LE(at, at + 42)),
    'a record whose name is longer than the directory': changed((a, at) => a.writeUInt16LE(0xffff, at + 28)),
    'a record with an extra field longer than the directory': changed((a, at) => a.writeUInt16LE(0xffff, at + 30)),
    'a record with a comment longer than the directory': changed((a, at) => a.writeUInt16LE(0xffff, at + 32)),
    'a record with an unknown method': changed((a, at) => {
      a.writeUInt16LE(99, 8)
      a.writeUInt16LE(99, at + 10)
    }),
    'a stored record that is said to be deflated': changed((a, at) => {
      a.writeUInt16LE(8, 8)
      a.writeUInt16LE(8, at + 10)
    }),
    'an encrypted record': changed((a, at) => {
      a.writeUInt16LE(1, 6)
      a.writeUInt16LE(1, at + 8)
    }),
    'a record of 4 GB': changed((a, at) => {
      a.writeUInt32LE(0xfffffffe, at + 20)
      a.writeUInt32LE(0xfffffffe, at + 24)
    }),
    'a record whose two sizes differ': changed((a, at) => a.writeUInt32LE(5, at + 24)),
    'a zip64 record without its sizes': changed((a, at) => a.writeUInt32LE(0xffffffff, at + 24)),
    'a local header that is none': changed((a) => a.writeUInt32LE(0, 0)),
    'a local header with a name of 65,535': changed((a) => a.writeUInt16LE(0xffff, 26)),
    'a local header with another name': changed((a) => a.write('y', 30)),
    'an end that is cut': good.subarray(0, -5),
    'an end twice': Buffer.concat([good, good.subarray(good.lastIndexOf('PK\x05\x06', undefined, 'latin1'))]),
    'a zip64 end that lies behind the end': Buffer.concat([
      good.subarray(0, good.lastIndexOf('PK\x05\x06', undefined, 'latin1')),
      bytes('PK\x06\x07', Buffer.alloc(4), Buffer.from('ffffffffffffff7f', 'hex'), Buffer.from('01000000', 'hex')),
      changed((a, _, end) => {
        a.writeUInt16LE(0xffff, end + 8)
        a.writeUInt32LE(0xffffffff, end + 16)
      }).subarray(-22),
    ]),
    'a bomb in the pickle': zip([deflated('x/data.pkl', Buffer.alloc(300 * 2 ** 20)), version]),
    'a bomb in a storage': zip([
      record('x/data.pkl', tensorPickle({ numel: 75 * 2 ** 20, size: [4] })),
      version,
      deflated('x/data/0', Buffer.alloc(300 * 2 ** 20)),
    ]),
    'names that leave the folder': zip([record('../data.pkl', pickle), record('../version', '3'), record('../data/0')]),
    'absolute names': zip([record('/data.pkl', pickle), record('/version', '3'), record('/data/0')]),
    'names without a folder': zip([record('data.pkl', pickle), record('version', '3'), record('data/0')]),
    'two top folders': zip([record('x/data.pkl', pickle), version, record('y/data/0')]),
    'a record twice': zip([...base, record('x/data/0'), record('x/data/0', Buffer.alloc(16, 1))]),
    'a pickle twice': zip([...base, record('x/data.pkl', bytes(0x80, 2, 'N.')), record('x/data/0')]),
    'a name of 65,000 letters': zip([...base, record(`x/${'a'.repeat(65_000)}`), record('x/data/0')]),
    'names of control characters': zip([...base, record('x/\0\n\x1b[2J'), record('x/data/0')]),
    'a name of the prototype': zip([...base, record('x/__proto__'), record('__proto__/data.pkl'), record('x/data/0')]),
    '10,000 empty records': zip([
      ...base,
      ...Array.from({ length: 10_000 }, (_, i) => record(`x/e${i}`, '')),
      record('x/data/0'),
    ]),
    'version 0': zip([record('x/data.pkl', pickle), record('x/version', '0'), record('x/data/0')]),
    'version 11': zip([record('x/data.pkl', pickle), record('x/version', '11'), record('x/data/0')]),
    'version 99999999999999999999': zip([
      record('x/data.pkl', pickle),
      record('x/version', '9'.repeat(20)),
      record('x/data/0'),
    ]),
    'a version that is a word': zip([record('x/data.pkl', pickle), record('x/version', 'three'), record('x/data/0')]),
    'no version': zip([record('x/data.pkl', pickle), record('x/data/0')]),
    'a byte order that is a megabyte': zip([...base, record('x/byteorder', 'x'.repeat(2 ** 20)), record('x/data/0')]),
    'an unknown byte order': zip([...base, record('x/byteorder', 'middle'), record('x/data/0')]),
    'a program beside the pickle': zip([...base, record('x/data/0'), record('x/constants.pkl', bytes(0x80, 2, ').'))]),
    'only a folder': zip([record('x/', '')]),
    'an archive inside of an archive': zip([record('x/x.pt', good)]),
  }
}

function legacy(): Record<string, Buffer> {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')
  const protocol = bytes(0x80, 2, 'M\xe9\x03.')
  const system = bytes(0x80, 2, '}q\0.')
  const keys = (...pieces: (string | number | Uint8Array)[]): Buffer => bytes(0x80, 2, ...pieces, '.')
  const length = (count: bigint): Buffer => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(count)
    return buffer
  }
  const whole = (...rest: Buffer[]): Buffer => Buffer.concat([magic, protocol, system, pickle, ...rest])
  const key = keys('](X\x01\0\0\x000e')
  return {
    'a legacy file that ends after its magic number': magic,
    'a legacy file of another protocol': Buffer.concat([magic, bytes(0x80, 2, 'K\x07.')]),
    'a legacy file whose protocol is a call': Buffer.concat([magic, bytes(0x80, 2, 'cos\nsystem\n)R.')]),
    'a legacy file without a list of keys': whole(),
    'a legacy file whose list of keys is a number': whole(keys('K\x01')),
    'a legacy file with an unknown key': whole(keys('](X\x01\0\0\x007e'), length(4n), data),
    'a legacy file with no key': whole(keys(']')),
    'a legacy file with a storage of -1': whole(key, length(-1n), data),
    'a legacy file with a storage of 2^62': whole(key, length(2n ** 62n), data),
    'a legacy file with a storage of 5, where 4 are meant': whole(key, length(5n), Buffer.alloc(20)),
    'a legacy file that ends inside of a storage': whole(key, length(4n), data.subarray(0, 7)),
    'a legacy file that has a storage twice': whole(
      keys('](X\x01\0\0\x000X\x01\0\0\x000e'),
      length(4n),
      data,
      length(4n),
      data,
    ),
    'a legacy file with more behind it': Buffer.concat([whole(key, length(4n), data), Buffer.alloc(100, 7)]),
  }
}

function safetensors(folder: string): Record<string, Buffer> {
  const file = (header: string, body = data, length = Buffer.byteLength(header)): Buffer => {
    const head = Buffer.alloc(8)
    head.writeBigUInt64LE(BigInt(length))
    return Buffer.concat([head, Buffer.from(header), body])
  }
  const tensor = (facts: object): string =>
    JSON.stringify({ a: { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...facts } })
  torch.saveSync({ a: torch.zeros(4) }, `${folder}/good.safetensors`)
  const whole = readFileSync(`${folder}/good.safetensors`)
  return {
    'a header longer than the file': file('{}', data, 2 ** 40),
    'a header of 100 MB that is not there': file('{}', data, 10 ** 8),
    'a header of nothing': file('', data),
    'a header that is no JSON': file('{"a":'),
    'a header that is a list': file('[]'),
    'a header 100,000 deep': file(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    'a tensor twice': file(
      `{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`,
    ),
    'offsets behind the end': file(tensor({ data_offsets: [0, 32], shape: [8] })),
    'offsets in the wrong order': file(tensor({ data_offsets: [16, 0] })),
    'negative offsets': file(tensor({ data_offsets: [-16, 0] })),
    'offsets that are not whole': file(tensor({ data_offsets: [0.5, 16.5] })),
    'offsets beyond 2^53': file(tensor({}).replace('16]', '99999999999999999999]')),
    'a shape that is not the size': file(tensor({ shape: [5] })),
    'a negative shape': file(tensor({ shape: [-4] })),
    'a shape that overflows': file(tensor({ shape: [2 ** 32, 2 ** 32, 4] })),
    'a shape of 100,000 dimensions': file(tensor({ shape: Array(100_000).fill(1) })),
    'a dtype that there is not': file(tensor({ dtype: '__proto__' })),
    'a name of the prototype': file(tensor({}).replace('"a"', '"__proto__"')),
    'a hole between tensors': file(JSON.stringify({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } })),
    'tensors over one another': file(
      JSON.stringify({
        a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
        b: { dtype: 'F32', shape: [2], data_offsets: [8, 16] },
      }),
    ),
    'metadata that is no text': file(
      JSON.stringify({ __metadata__: { a: 1 }, b: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }),
    ),
    'a file that is cut': whole.subarray(0, -3),
    'a file with more behind it': Buffer.concat([whole, data]),
  }
}

export function archiveFiles(folder: string): HostileFile[] {
  const of = (files: Record<string, Buffer>, end: string): HostileFile[] =>
    Object.entries(files).map(([name, content]) => ({ name, bytes: content, end }))
  return [...of(archives(), 'pt'), ...of(legacy(), 'pth'), ...of(safetensors(folder), 'safetensors')]
}
