import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { madeUpLibTorch, packageCopy } from '../support/package-copy.js'

test('build configures for the LibTorch that is found, then builds; --fresh starts from nothing', async (t) => {
  const copy = packageCopy(t)
  const libtorch = join(copy.home, 'libtorch')
  madeUpLibTorch(libtorch, '2.12.1', 'header')
  mkdirSync(join(libtorch, 'include', 'ATen'))
  writeFileSync(join(libtorch, 'include', 'ATen', 'ATen.h'), '')
  const log = join(copy.home, 'log')
  writeFileSync(join(copy.bin, 'cmake'), `#!/bin/sh\necho "$@" >> ${log}\n`, { mode: 0o755 })
  mkdirSync(join(copy.dir, 'build'))
  writeFileSync(join(copy.dir, 'build', 'old'), '')
  const { status, stdout, stderr } = await copy.cli(['build', '--fresh'], { env: { LIBTORCH: libtorch } })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /addons for LibTorch 2\.12\.1 are built: .*build.Release/)
  const [configured, built] = readFileSync(log, 'utf8').split('\n')
  assert.equal(configured, `-S ${copy.dir} -B ${join(copy.dir, 'build')} -DLIBTORCH=${libtorch}`)
  assert.match(built!, /^--build \S+build --parallel \d+$/)
  assert.throws(() => readFileSync(join(copy.dir, 'build', 'old')), { code: 'ENOENT' })
})

test('build without CMake, with one that fails, and with a LibTorch without headers says what is wrong', async (t) => {
  const copy = packageCopy(t)
  const libtorch = join(copy.home, 'libtorch')
  madeUpLibTorch(libtorch, '2.13.0')
  const build = () => copy.cli(['build'], { env: { LIBTORCH: libtorch } })
  assert.match((await build()).stderr, /version 2\.13\.0, but without headers/)
  mkdirSync(join(libtorch, 'include', 'ATen'), { recursive: true })
  writeFileSync(join(libtorch, 'include', 'ATen', 'ATen.h'), '')
  const missing = await build()
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /CMake >= 3\.18 is needed[\s\S]*ERR_PLATFORM/)
  writeFileSync(join(copy.bin, 'cmake'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const failed = await build()
  assert.equal(failed.status, 1)
  assert.match(failed.stderr, /The build failed; its messages are above/)
})
