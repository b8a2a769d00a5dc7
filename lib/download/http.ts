/** Requests over HTTP(S), through the proxies of the environment. */
import type { Response } from 'undici'
import { DownloadError } from '../errors.js'

/** Requests go through HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they are at the time of the call. */
export async function request(url: string, headers: Record<string, string> = {}): Promise<Response> {
  // Node's own fetch reads no proxy variables before version 24; loaded here, as most commands make no request
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  const dispatcher = new EnvHttpProxyAgent({ bodyTimeout: 60_000, headersTimeout: 60_000 })
  try {
    return await fetch(url, { dispatcher, headers: { 'user-agent': 'libtorch-node', ...headers } })
  } catch (error) {
    const cause = (error as Error).cause ?? error
    throw new DownloadError(`${url} could not be reached: ${reason(cause)}`, { cause })
  }
}

/** The text of a page, and where redirects led to. */
export async function fetchText(url: string): Promise<{ text: string; url: string }> {
  const response = await request(url, { accept: 'text/html' })
  if (!response.ok) {
    await response.body?.cancel()
    throw statusError(url, response.status)
  }
  return { text: await response.text(), url: response.url || url }
}

/** The server answered, but not with the file. */
export function statusError(url: string, status: number): DownloadError {
  return new DownloadError(`${url} answered with HTTP status ${status}`, { status })
}

/** The server may answer otherwise next time: it is overloaded, or it was not reached at all. */
export function isTransient({ status }: DownloadError): boolean {
  return status === undefined || status >= 500 || status === 429 || status === 408
}

/** The words of an error that say what happened. */
export function reason(error: unknown): string {
  const { message, code, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  if (message === 'terminated' && cause) return reason(cause)
  return message || code || String(error)
}
