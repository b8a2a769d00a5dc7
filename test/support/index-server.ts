/** A package index on this machine that misbehaves as it is told, and a proxy in front of it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { sha256 } from './zip.js'

type After = { after(fn: () => void): void }

export interface IndexServer {
  /** To be given as `--index-url`. */
  url: string
  host: string
  /** Method, path and Range of every request, in order. */
  requests: string[]
}

export interface IndexOptions {
  /** File name to bytes. */
  files: Record<string, Buffer>
  /** The sha256 that the page gives for every file; `''`: none at all. */
  hash?: string
  /** Answers a request for a file itself when it returns true. */
  answer?: (request: IncomingMessage, response: ServerResponse, file: Buffer, count: number) => boolean
}

/** Serves `/simple/torch/` and `/files/NAME`, ranges included. */
export async function indexServer(t: After, { files, hash, answer }: IndexOptions): Promise<IndexServer> {
  const requests: string[] = []
  let downloads = 0
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    const range = request.headers.range
    requests.push(`${request.method} ${path}${range ? ` ${range}` : ''}`)
    if (path === '/simple/torch/') {
      response.setHeader('content-type', 'text/html')
      const link = (name: string) => {
        const digest = hash ?? sha256(files[name]!)
        return `<a href="../../files/${encodeURIComponent(name)}${digest ? `#sha256=${digest}` : ''}">${name}</a><br/>`
      }
      return void response.end(`<!DOCTYPE html><html><body>${Object.keys(files).map(link).join('\n')}</body></html>`)
    }
    const file = files[path.replace(/^\/(files|moved)\//, '')]
    if (!file) return void response.writeHead(404).end()
    if (answer?.(request, response, file, ++downloads)) return
    sendRange(response, file, range)
  })
  const port = await listen(t, server)
  return { url: `http://127.0.0.1:${port}/simple`, host: `127.0.0.1:${port}`, requests }
}

/** Sends the file, or the rest of it that `range` asks for. */
export function sendRange(response: ServerResponse, file: Buffer, range: string | undefined): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
  if (range === undefined) return void response.writeHead(200, { 'content-length': file.length }).end(file)
  if (start >= file.length) return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
  const headers = {
    'content-length': file.length - start,
    'content-range': `bytes ${start}-${file.length - 1}/${file.length}`,
  }
  response.writeHead(206, headers).end(file.subarray(start))
}

/** An HTTP proxy that knows tunnels; `seen` gets the hosts it was asked for. */
export async function proxyServer(t: After): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((_, response) => response.writeHead(501).end())
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    seen.push(request.url!)
    const [host, port] = request.url!.split(':')
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [upstream, client]) socket.on('error', () => socket.destroy())
  })
  return { url: `http://127.0.0.1:${await listen(t, server)}`, seen }
}

async function listen(t: After, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
