// Promise: the wheel that arrives is the one that the index named, whatever the network does on the way.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { indexServer, proxyServer } from '../support/index-server.js'
import { type PackageCopy, packageCopy, type RunOptions } from '../support/package-copy.js'
import { wheelEntries, wheelName, zip } from '../support/zip.js'

const version = '2.13.0+cpu'
const name = wheelName(version)
// does not compress, so that the archive has a size to cut
const noise = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => createHash('sha256').update(String(i)).digest()))
const wheel = zip(wheelEntries(version, noise))

const installFrom = (copy: PackageCopy, url: string, options: RunOptions = {}) =>
  copy.cli(['install', '--no-pip', '--index-url', url, '--dir', join(copy.home, 'libtorch')], options)

const installedLibrary = (copy: PackageCopy) => readFileSync(join(copy.home, 'libtorch', 'lib', 'libtorch_cpu.so'))

test('a wheel is found in the index, verified and unpacked', async (t) => {
  const copy = packageCopy(t)
  const others = Object.fromEntries(
    [wheelName('2.12.0+cpu'), wheelName('2.13.0+cu130'), 'torch-2.13.0+cpu.tar.gz'].map((key) => [
      key,
      Buffer.from('no'),
    ]),
  )
  const server = await indexServer(t, { files: { ...others, [name]: wheel } })
  const { status, stdout, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /LibTorch 2\.13\.0\+cpu is installed: /)
  assert.deepEqual(installedLibrary(copy), noise)
  assert.deepEqual(server.requests, ['GET /simple/torch/', `GET /files/${name}`])
  // plain lines, as nobody sees a bar in a file, and nothing left beside the result
  assert.ok(!stderr.includes('\r'))
  assert.deepEqual(readdirSync(copy.home), ['libtorch'])
})

test('redirects are followed, for the page and for the file', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(request, response) {
      if (request.url?.startsWith('/moved/')) return false
      response.writeHead(302, { location: `/moved/${encodeURIComponent(name)}` }).end()
      return true
    },
  })
  assert.equal((await installFrom(copy, server.url)).status, 0)
  assert.deepEqual(server.requests.slice(1), [`GET /files/${name}`, `GET /moved/${name}`])
})

test('HTTP_PROXY is used, and NO_PROXY respected', async (t) => {
  const server = await indexServer(t, { files: { [name]: wheel } })
  const proxy = await proxyServer(t)
  const through = packageCopy(t)
  assert.equal((await installFrom(through, server.url, { env: { HTTP_PROXY: proxy.url } })).status, 0)
  assert.ok(proxy.seen.length > 0 && proxy.seen.every((host) => host === server.host), proxy.seen.join())
  const count = proxy.seen.length
  const past = packageCopy(t)
  assert.equal(
    (await installFrom(past, server.url, { env: { http_proxy: proxy.url, NO_PROXY: '127.0.0.1' } })).status,
    0,
  )
  assert.equal(proxy.seen.length, count)
})

test('a cut connection is continued where it broke', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(_, response, file, count) {
      if (count > 1) return false
      response.writeHead(200, { 'content-length': file.length })
      response.write(file.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50))
      return true
    },
  })
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 0, stderr)
  assert.deepEqual(server.requests.slice(1), [`GET /files/${name}`, `GET /files/${name} bytes=100000-`])
  assert.deepEqual(installedLibrary(copy), noise)
})

test('what a killed installation downloaded is used by the next one', async (t) => {
  const copy = packageCopy(t)
  const part = join(copy.home, 'libtorch.download', `${name}.part`)
  const kill = new AbortController()
  let cut = true
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(_, response, file) {
      if (!cut) return false
      response.writeHead(200, { 'content-length': file.length }).write(file.subarray(0, 50_000))
      const poll = setInterval(() => {
        if (statSync(part, { throwIfNoEntry: false })?.size !== 50_000) return
        clearInterval(poll)
        kill.abort()
      }, 20)
      return true
    },
  })
  const killed = await installFrom(copy, server.url, { abort: kill.signal })
  assert.equal(killed.status, null)
  assert.equal(readFileSync(part).length, 50_000)
  cut = false
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 0, stderr)
  assert.equal(server.requests.at(-1), `GET /files/${name} bytes=50000-`)
  assert.deepEqual(installedLibrary(copy), noise)
  assert.deepEqual(readdirSync(copy.home), ['libtorch'])
})

test('a server that knows no ranges sends all of it again', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(_, response, file, count) {
      response.writeHead(200, { 'content-length': file.length })
      if (count === 1) response.write(file.subarray(0, 10_000), () => setTimeout(() => response.destroy(), 50))
      else response.end(file)
      return true
    },
  })
  assert.equal((await installFrom(copy, server.url)).status, 0)
  assert.deepEqual(installedLibrary(copy), noise)
})

test('a server that is overloaded for a moment is asked again', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(_, response, _file, count) {
      if (count > 1) return false
      response.writeHead(503).end()
      return true
    },
  })
  assert.equal((await installFrom(copy, server.url)).status, 0)
})

test('a wrong hash is an error, and the file is deleted', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, { files: { [name]: wheel }, hash: '0'.repeat(64) })
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 1)
  assert.match(stderr, /has the sha256 [0-9a-f]{64}, but its index says 0{64}/)
  assert.match(stderr, /ERR_LIBTORCH_INSTALL/)
  assert.deepEqual(readdirSync(copy.home), [])
})

test('a link without a hash is refused before anything is downloaded', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, { files: { [name]: wheel }, hash: '' })
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 1)
  assert.match(stderr, /gives no sha256/)
  assert.equal(server.requests.length, 1)
})

test('an index without this version says which versions it has', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, { files: { [wheelName('2.12.1+cpu')]: wheel } })
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 1)
  assert.match(stderr, /lists no wheel of torch 2\.13\.0\+cpu for linux-\w+ \(its versions: 2\.12\.1\+cpu\)/)
  assert.match(stderr, /--from FILE/)
})

test('an index that cannot be reached is named', async (t) => {
  const copy = packageCopy(t)
  const { status, stderr } = await installFrom(copy, 'http://127.0.0.1:9/simple')
  assert.equal(status, 1)
  assert.match(stderr, /http:\/\/127\.0\.0\.1:9\/simple\/torch\/ could not be reached/)
})

test('a full disk while downloading leaves nothing behind', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, { files: { [name]: wheel } })
  // a limit of the size of files: the system refuses the write as it does on a full disk
  const { status, stderr } = await installFrom(copy, server.url, { shell: 'ulimit -f 100' })
  assert.equal(status, 1)
  assert.match(stderr, /The disk is full/)
  assert.match(stderr, /ERR_LIBTORCH_INSTALL/)
  assert.deepEqual(readdirSync(copy.home), [])
})

test('a file that cannot fit on the disk is not begun', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [name]: wheel },
    answer(_, response) {
      response.writeHead(200, { 'content-length': 2 ** 52 }).write('PK')
      return true
    },
  })
  const { status, stderr } = await installFrom(copy, server.url)
  assert.equal(status, 1)
  assert.match(stderr, /The disk is full.* are needed, .* are free/)
  assert.ok(!existsSync(join(copy.home, 'libtorch.download')))
})
