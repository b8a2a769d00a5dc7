/** Downloads over HTTP(S): proxies, redirects, a cut connection taken up where it broke, and the sha256 at the end. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from 'undici'
import { LibTorchError } from '../errors.js'
import { diskFull, ensureSpace, isDiskFull } from './disk.js'
import type { Reporter } from './report.js'

export interface DownloadOptions {
  /** Hexadecimal; the file is deleted when it has another. */
  sha256: string
  report: Reporter
  /** Tries in a row that bring not one byte before it is given up. */
  retries?: number
  /** Milliseconds before the first such try; doubled each time. */
  backoff?: number
}

/** Requests go through HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they are at the time of the call. */
export async function request(url: string, headers: Record<string, string> = {}): Promise<Response> {
  // Node's own fetch reads no proxy variables before version 24; loaded here, as most commands make no request
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  const dispatcher = new EnvHttpProxyAgent({ bodyTimeout: 60_000, headersTimeout: 60_000 })
  try {
    return await fetch(url, { dispatcher, headers: { 'user-agent': 'libtorch-node', ...headers } })
  } catch (error) {
    const cause = (error as Error).cause ?? error
    throw new LibTorchError('ERR_LIBTORCH_INSTALL', `${url} could not be reached: ${reason(cause)}`, { cause })
  }
}

/**
 * Downloads `url` to `file`. What an earlier, broken attempt left in `file.part` is continued.
 * @throws {@link LibTorchError} `ERR_LIBTORCH_INSTALL`; on a wrong hash and on a full disk nothing is left behind
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const part = `${file}.part`
  mkdirSync(dirname(file), { recursive: true })
  try {
    await fetchAll(url, part, options)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    rmSync(part, { force: true })
    throw diskFull(dirname(file), 'while downloading', error)
  }
  options.report.step('checking the sha256')
  const found = await sha256Of(part)
  if (found !== options.sha256.toLowerCase()) {
    rmSync(part, { force: true })
    throw new LibTorchError(
      'ERR_LIBTORCH_INSTALL',
      `${url} has the sha256 ${found}, but its index says ${options.sha256}. The file was deleted: ` +
        'run the command again; if it happens again, a proxy or mirror changes the file.',
    )
  }
  renameSync(part, file)
}

async function fetchAll(
  url: string,
  part: string,
  { report, retries = 5, backoff = 500 }: DownloadOptions,
): Promise<void> {
  for (let failures = 0; ; ) {
    const before = sizeOf(part)
    try {
      if (await fetchRest(url, part, report)) return
    } catch (error) {
      if (isDiskFull(error) || (error instanceof LibTorchError && !isTransient(error))) throw error
      failures = sizeOf(part) > before ? 1 : failures + 1
      if (failures > retries) {
        throw new LibTorchError(
          'ERR_LIBTORCH_INSTALL',
          `${url} could not be downloaded: ${reason(error)}. ${sizeOf(part)} bytes are kept; the next run continues there.`,
          { cause: error },
        )
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
    throw new HttpError(url, response.status)
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

class HttpError extends LibTorchError {
  readonly status: number
  constructor(url: string, status: number) {
    super('ERR_LIBTORCH_INSTALL', `${url} answered with HTTP status ${status}`)
    this.status = status
  }
}

/** The server may answer otherwise next time: it is overloaded, or it was not reached at all. */
function isTransient(error: LibTorchError): boolean {
  return !(error instanceof HttpError) || error.status >= 500 || error.status === 429 || error.status === 408
}

/** The text of an index page. */
export async function fetchText(url: string): Promise<{ text: string; url: string }> {
  const response = await request(url, { accept: 'text/html' })
  if (!response.ok) {
    await response.body?.cancel()
    throw new HttpError(url, response.status)
  }
  return { text: await response.text(), url: response.url || url }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0
}

function reason(error: unknown): string {
  const { message, code, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  if (message === 'terminated' && cause) return reason(cause)
  return message || code || String(error)
}
