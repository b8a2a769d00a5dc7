/** What tests of the built site ask: where its links lead, and how wide its pages are in a browser. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, extname, join, normalize } from 'node:path'

/** The files below a folder that end so, relative to it. */
export function filesOf(dir: string, ending: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending))
}

const unescaped = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")

/** The links of a site to files and anchors of its own that are not there, each as `page -> link`; and how many links there are. */
export function deadLinks(dir: string): { looked: number; dead: string[] } {
  const anchors = new Map<string, Set<string>>()
  const links: [string, string][] = []
  for (const page of filesOf(dir, '.html')) {
    const html = readFileSync(join(dir, page), 'utf8')
    anchors.set(page, new Set([...html.matchAll(/\sid="([^"]*)"/g)].map((match) => unescaped(match[1]!))))
    for (const [, link] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      if (!/^([a-z][a-z+.-]*:|\/\/)/i.test(link!)) links.push([page, unescaped(link!)])
    }
  }
  const dead: string[] = []
  const exists = new Map<string, boolean>()
  for (const [page, link] of links) {
    const [path, anchor] = link.split('#').map(decodeURIComponent)
    const target = path === '' ? page : normalize(join(dirname(page), path!.split('?')[0]!))
    if (!exists.has(target)) exists.set(target, !target.startsWith('..') && existsSync(join(dir, target)))
    const found = exists.get(target) && (!anchor || !anchors.has(target) || anchors.get(target)!.has(anchor))
    if (!found) dead.push(`${page} -> ${link}`)
  }
  return { looked: links.length, dead: [...new Set(dead)] }
}

/** Chromium or Chrome on PATH, undefined where there is none. */
export function findBrowser(): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
      if (folder && existsSync(join(folder, name))) return join(folder, name)
  }
  return undefined
}

const types: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
}

/** A page that opens others in a frame of some width, one after the other, and writes down how wide each became. */
const measuring = (pages: string[], width: number) => `<!DOCTYPE html><body><pre></pre><script type="module">
const widths = {}
for (const page of ${JSON.stringify(pages)}) {
  const frame = document.createElement('iframe')
  frame.width = ${width}
  frame.height = 800
  frame.src = '/' + page
  await new Promise((resolve) => { frame.onload = resolve; document.body.append(frame) })
  widths[page] = frame.contentDocument.documentElement.scrollWidth
  frame.remove()
}
document.querySelector('pre').textContent = 'widths:' + JSON.stringify(widths)
</script></body>`

/** The widths that pages of a site need in a window of this width. */
export async function widthsInBrowser(
  browser: string,
  dir: string,
  pages: string[],
  width: number,
): Promise<Record<string, number>> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.slice(1))
    if (path === 'measure') return void response.setHeader('content-type', 'text/html').end(measuring(pages, width))
    const file = join(dir, normalize(`/${path}`))
    if (!existsSync(file)) return void response.writeHead(404).end()
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream').end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/measure`
    const dom = await output(browser, [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--virtual-time-budget=120000',
      '--dump-dom',
      url,
    ])
    const found = /widths:(\{.*?\})/.exec(dom)
    if (!found) throw new Error(`the browser measured nothing:\n${dom.slice(0, 2000)}`)
    return JSON.parse(unescaped(found[1]!)) as Record<string, number>
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

function output(program: string, args: string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 180_000 })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })
}
