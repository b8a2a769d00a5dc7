// Promise: of two installations at once one works and the other waits for it; a process that died blocks nobody.
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { indexServer, sendRange } from '../support/index-server.js'
import { packageCopy } from '../support/package-copy.js'
import { wheelEntries, wheelName, zip } from '../support/zip.js'

const version = '2.13.0+cpu'
const wheel = zip(wheelEntries(version))

test('the second of two installations waits and downloads nothing', async (t) => {
  const copy = packageCopy(t)
  const server = await indexServer(t, {
    files: { [wheelName(version)]: wheel },
    answer(_, response, file) {
      setTimeout(() => sendRange(response, file, undefined), 1500)
      return true
    },
  })
  const args = ['install', '--no-pip', '--index-url', server.url]
  const [first, second] = await Promise.all([copy.cli(args), copy.cli(args)])
  for (const { status, stderr } of [first, second]) assert.equal(status, 0, stderr)
  assert.match(first.stderr + second.stderr, /another installation is running \(process \d+\): waiting for it/)
  assert.match(first.stdout + second.stdout, /is there already/)
  assert.equal(server.requests.filter((line) => line.includes('/files/')).length, 1)
  assert.ok(!existsSync(join(copy.home, '.cache', 'libtorch-node', '2.13.0.lock')))
})

test('the lock of a process that died is taken over', async (t) => {
  const copy = packageCopy(t)
  const file = join(copy.home, wheelName(version))
  writeFileSync(file, wheel)
  // a process id that the system never gives
  writeFileSync(join(copy.home, 'libtorch.lock'), JSON.stringify({ pid: 2 ** 30, host: hostname() }))
  const { status, stderr } = await copy.cli(['install', '--from', file, '--dir', join(copy.home, 'libtorch')])
  assert.equal(status, 0, stderr)
  assert.ok(!existsSync(join(copy.home, 'libtorch.lock')))
})
