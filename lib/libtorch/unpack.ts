/**
 * Takes LibTorch out of a wheel of torch, or out of PyTorch's own LibTorch zip: libraries, headers and licences, no Python.
 * The archive is not trusted: a name that leaves the folder, a link, and a wrong checksum are errors.
 */
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import { ensureSpace } from '../download/disk.js'
import type { Reporter } from '../download/report.js'
import { LibTorchError } from '../errors.js'

/** For Python only, or for PyTorch's own tests. */
const unwanted = /^(lib)?(torch_python|shm|torchbind_test|jitbackend_test|backend_with_compiler|aoti_custom_ops)\./

/** Where an entry of the archive goes in the LibTorch folder; undefined for what is not needed. */
export function destination(name: string): string | undefined {
  const [top, ...path] = name.split('/')
  if (top === 'torch' || top === 'libtorch') {
    if (path[0] === 'include' && path.length > 1) return path.join('/')
    if (path[0] === 'lib' && path.length === 2) {
      return /\.(so(\.\d+)*|dylib|dll|lib)$/.test(path[1]!) && !unwanted.test(path[1]!) ? path.join('/') : undefined
    }
    return path.length === 1 && /^(LICENSE|NOTICE|build-version)$/.test(path[0]!) ? path[0] : undefined
  }
  // NVIDIA's wheels: libraries only
  if (top === 'nvidia') return /\.so(\.\d+)*$/.test(name) ? name : undefined
  if (!/^torch-[^/]*\.dist-info$/.test(top!)) return undefined
  if (path[0] !== 'licenses') return /^(LICENSE|NOTICE)$/.test(path.join('/')) ? path[0] : undefined
  return path.length === 2 ? path[1] : path.join('/')
}

/**
 * Unpacks `archive` into `folder`.
 * @returns the number of files written
 */
export async function unpack(archive: string, folder: string, report: Reporter): Promise<number> {
  const zip = await open(archive)
  try {
    const entries = await wantedEntries(zip, archive, folder)
    const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0)
    mkdirSync(folder, { recursive: true })
    await ensureSpace(folder, total)
    let done = 0
    for (const { entry, target } of entries) {
      mkdirSync(dirname(target), { recursive: true })
      await writeEntry(zip, entry, target, (bytes) => report.progress((done += bytes), total))
    }
    return entries.length
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw error
    throw damaged(archive, error)
  } finally {
    zip.close()
  }
}

async function open(archive: string): Promise<ZipFile> {
  try {
    return await yauzl.openPromise(archive, { autoClose: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw error
    throw damaged(archive, error)
  }
}

async function wantedEntries(
  zip: ZipFile,
  archive: string,
  folder: string,
): Promise<{ entry: Entry; target: string }[]> {
  const wanted: { entry: Entry; target: string }[] = []
  for await (const entry of zip.eachEntry()) {
    const place = entry.fileName.endsWith('/') ? undefined : destination(entry.fileName)
    if (place === undefined) continue
    const target = resolve(folder, place)
    // yauzl refuses such names itself; this does not depend on it
    if (relative(folder, target).split(sep)[0] === '..')
      throw damaged(archive, new Error(`${entry.fileName} leaves the folder`))
    const mode = entry.externalFileAttributes >>> 16
    if ((mode & 0o170000) === 0o120000) throw damaged(archive, new Error(`${entry.fileName} is a link`))
    wanted.push({ entry, target })
  }
  if (wanted.length === 0) throw damaged(archive, new Error('it holds no LibTorch'))
  return wanted
}

async function writeEntry(zip: ZipFile, entry: Entry, target: string, onBytes: (bytes: number) => void): Promise<void> {
  let checksum = 0
  const check = (chunk: Buffer) => {
    checksum = crc32(chunk, checksum)
    onBytes(chunk.length)
  }
  const source = await zip.openReadStreamPromise(entry)
  if (entry.uncompressedSize < 1 << 20) {
    // thousands of headers: a write stream for each would take longer than their bytes
    const chunks: Buffer[] = []
    for await (const chunk of source as AsyncIterable<Buffer>) {
      check(chunk)
      chunks.push(chunk)
    }
    writeFileSync(target, Buffer.concat(chunks))
  } else {
    const checking = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        check(chunk)
        next(null, chunk)
      },
    })
    await pipeline(source, checking, createWriteStream(target))
  }
  if (checksum >>> 0 !== entry.crc32) throw new Error(`${entry.fileName} has a wrong checksum`)
}

/** The version of the torch in a wheel, from its name: `'2.13.0+cpu'`. */
export function wheelFileVersion(file: string): string | undefined {
  return /(?:^|[/\\])(?:torch|libtorch[\w-]*)-(\d+\.\d+\.\d+[^-/\\]*?)(?:-[^/\\]*\.whl|\.zip)$/.exec(
    decodeURIComponent(file),
  )?.[1]
}

function damaged(archive: string, cause: unknown): LibTorchError {
  if (cause instanceof LibTorchError) return cause
  return new LibTorchError(
    'ERR_LIBTORCH_INSTALL',
    `${join(archive)} is not a usable archive of LibTorch: ${(cause as Error).message}`,
    { cause },
  )
}
