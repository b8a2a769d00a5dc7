/** A server of plain files on this machine that misbehaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sendRange } from './index-server.js'

export interface FileServer {
  /** ends with `/` */
  url: string
  /** Method, path and Range of every request, in order. */
  requests: string[]
}

/**
 * Serves `files` by their names, ranges included.
 * @param answer - answers a request itself when it returns true; `count` is 1 for the first request
 */
export async function fileServer(
  t: { after(fn: () => void): void },
  files: Record<string, Buffer>,
  answer?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean,
): Promise<FileServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const { range } = request.headers
    requests.push(`${request.method} ${request.url}${range ? ` ${range}` : ''}`)
    if (answer?.(request, response, requests.length)) return
    const file = files[request.url!.slice(1)]
    if (file) sendRange(response, file, range)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests }
}
