/** Downloads over HTTP(S): proxies, redirects, a cut connection taken up where it broke, and the sha256 at the end. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { DownloadError } from '../errors.js'
import { DiskFullError, ensureSpace, isDiskFull } from './disk.js'
import { isTransient, reason, request, statusError } from './http.js'
import type { Reporter } from './report.js'

export interface DownloadOptions {
  /** How the sha256 begins, in hexadecimal: the file is deleted when it has another. Without it nothing is checked. */
  hashPrefix?: string
  /** What says the hash, for the message: `'name'` (default), `'index'` */
  hashOf?: string
  /** Where the bytes go until all are there: what is in it is continued. */
  part: string
  /** Whether an attempt that failed leaves it for the next one (default `false`). */
  keepPart?: boolean
  report: Reporter
  /** Tries in a row that bring not one byte before it is given up. */
  retries?: number
  /** Milliseconds before the first such try; doubled each time. */
  backoff?: number
}

/**
 * Downloads `url` to `file`, which appears when it is complete and checked.
 * @throws {@link DownloadError}; on a wrong hash and on a full disk nothing is left behind
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const { part, hashPrefix, hashOf = 'name', keepPart = false, report } = options
  mkdirSync(dirname(file), { recursive: true })
  try {
    await fetchAll(url, part, options)
  } catch (error) {
    if (!keepPart || isDiskFull(error)) rmSync(part, { force: true })
    if (!isDiskFull(error)) throw error
    throw error instanceof DiskFullError
      ? error
      : new DiskFullError(dirname(file), 'while downloading', { cause: error })
  }
  if (hashPrefix !== undefined) {
    report.step('checking the sha256')
    const found = await sha256Of(part)
    if (!found.startsWith(hashPrefix)) {
      rmSync(part, { force: true })
      throw new DownloadError(
        `${url} has the sha256 ${found}, but its ${hashOf} says ${hashPrefix}. The file was deleted: ` +
          'try it again; if it happens again, a proxy or mirror changes the file.',
      )
    }
  }
  renameSync(part, file)
}

async function fetchAll(
  url: string,
  part: string,
  { report, retries = 5, backoff = 500, keepPart }: DownloadOptions,
): Promise<void> {
  for (let failures = 0; ; ) {
    const before = sizeOf(part)
    try {
      if (await fetchRest(url, part, report)) return
    } catch (error) {
      // what the file system refuses has a path, and another try would not help
      if (isDiskFull(error) || (error as NodeJS.ErrnoException).path !== undefined) throw error
      if (error instanceof DownloadError && !isTransient(error)) throw error
      failures = sizeOf(part) > before ? 1 : failures + 1
      if (failures > retries) {
        const kept = keepPart ? `. ${sizeOf(part)} bytes are kept; the next run continues there.` : ''
        throw new DownloadError(`${url} could not be downloaded: ${reason(error)}${kept}`, { cause: error })
      }
      report.step(`the connection broke (${reason(error)}): continuing at byte ${sizeOf(part)}`)
      await sleep(backoff * 2 ** (failures - 1))
    }
  }
}

/** One request for what is missing; true when the file is complete. */
async function fetchRest(url: string, part: string, report: Reporter): Promise<boolean> {
  const have = sizeOf(part)
  // without encoding, as a range counts bytes of what is sent
  const response = await request(url, {
    'accept-encoding': 'identity',
    ...(have > 0 ? { range: `bytes=${have}-` } : {}),
  })
  if (response.status === 416) {
    // the file is complete already, or what we have is of another file: the sha256 cannot tell before the end, the size can
    const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1])
    await response.body?.cancel()
    if (total === have) return true
    rmSync(part)
    return false
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw statusError(url, response.status)
  }
  const start = response.status === 206 ? have : 0
  const length = response.headers.get('content-length')
  const total = length === null ? undefined : start + Number(length)
  const body = Readable.fromWeb(response.body as import('node:stream/web').ReadableStream)
  try {
    if (total !== undefined) await ensureSpace(dirname(part), total - start)
  } catch (error) {
    // an open connection would keep the process alive
    body.destroy()
    throw error
  }
  let done = start
  body.on('data', (chunk: Uint8Array) => report.progress((done += chunk.length), total))
  await pipeline(body, createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }))
  if (total !== undefined && done < total) throw new Error(`${total - done} bytes are missing`)
  return true
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0
}
