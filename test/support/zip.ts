/** Small zip archives written byte by byte, wrong ones included. */
import { createHash } from 'node:crypto'
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  name: string
  data: string | Uint8Array
  /** Default: as it is. */
  deflate?: boolean
  /** Unix mode; 0o120777 is a symbolic link. */
  mode?: number
  /** A checksum that may be wrong. */
  crc?: number
}

/** The bytes of a zip archive. */
export function zip(entries: ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const data = Buffer.from(entry.data as string)
    const packed = entry.deflate ? deflateRawSync(data) : data
    const name = Buffer.from(entry.name)
    const crc = entry.crc ?? crc32(data)
    // version needed to flags to method to time to date, then checksum, sizes and lengths: the part that both headers share
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(0x800, 2)
    shared.writeUInt16LE(entry.deflate ? 8 : 0, 4)
    shared.writeUInt16LE(0x21, 8)
    shared.writeUInt32LE(crc >>> 0, 10)
    shared.writeUInt32LE(packed.length, 14)
    shared.writeUInt32LE(data.length, 18)
    shared.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, name, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6)
    rest.writeUInt32LE(offset, 10)
    central.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), shared, rest, name)
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end])
}

/** The entries of a small wheel of torch, with what an installation must leave out. */
export function wheelEntries(version: string, library: string | Uint8Array = 'cpu library'): ZipEntry[] {
  return [
    { name: 'torch/__init__.py', data: 'import nothing' },
    { name: 'torch/lib/libtorch_cpu.so', data: library, deflate: true },
    { name: 'torch/lib/libc10.so', data: 'c10' },
    { name: 'torch/lib/libtorch.so', data: 'torch' },
    { name: 'torch/lib/libgomp.so.1', data: 'openmp' },
    { name: 'torch/lib/libtorch_python.so', data: 'for Python' },
    { name: 'torch/lib/libtorchbind_test.so', data: 'for tests' },
    { name: 'torch/lib/libsomething.a', data: 'static' },
    { name: 'torch/lib/libshm/libshm.cpp', data: 'source' },
    { name: 'torch/include/ATen/ATen.h', data: '#pragma once\n', deflate: true },
    {
      name: 'torch/include/torch/headeronly/version.h',
      data: `#define TORCH_VERSION \\\n  "${version.split('+')[0]}"\n`,
    },
    { name: `torch-${version}.dist-info/licenses/LICENSE`, data: 'the licence' },
    { name: `torch-${version}.dist-info/METADATA`, data: 'Name: torch' },
  ]
}

/** The file name of a wheel for this machine. */
export function wheelName(version: string): string {
  return `torch-${version}-cp311-cp311-manylinux_2_28_${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.whl`
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
