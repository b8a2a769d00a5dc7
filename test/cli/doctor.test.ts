// Promise: `doctor` works where nothing else does, and says what is missing and what to do.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { madeUpAddons, madeUpLibTorch, packageCopy } from '../support/package-copy.js'

test('on a machine with nothing: what is missing, and what to do', async (t) => {
  const { status, stdout, stderr } = await packageCopy(t).cli(['doctor'])
  assert.equal(status, 1)
  assert.equal(stderr, '')
  for (const row of [
    /^platform +\w+-\w+/m,
    /^Node\.js +v\d+/m,
    /^CPU +\w+/m,
    /^addon +none found/m,
    /^LibTorch +none that fits/m,
  ])
    assert.match(stdout, row)
  assert.match(stdout, /no Python on PATH/)
  assert.match(stdout, /^pip +none: install downloads over HTTPS/m)
  assert.match(stdout, /To do:\n.*npx libtorch-node build/)
  assert.match(stdout, /npx libtorch-node install --cpu/)
})

test('--json has the same facts', async (t) => {
  const copy = packageCopy(t)
  madeUpLibTorch(join(copy.dir, '.libtorch', '2.13.0'), '2.13.0+cpu')
  const { status, stdout } = await copy.cli(['doctor', '--json'])
  const report = JSON.parse(stdout)
  assert.equal(status, 1)
  assert.equal(report.ok, false)
  assert.equal(report.node, process.version)
  assert.deepEqual(report.addon, { loader: null, core: [] })
  assert.deepEqual(report.libtorch, {
    version: '2.13.0+cpu',
    dir: join(copy.dir, '.libtorch', '2.13.0'),
    source: 'package',
  })
  assert.equal(report.places[0].used, true)
  assert.equal(report.loaded, null)
  assert.equal(report.advice.length, 1)
})

test('an addon that cannot be loaded is a finding, not a crash', async (t) => {
  const copy = packageCopy(t)
  madeUpLibTorch(join(copy.dir, '.libtorch', '2.13.0'), '2.13.0+cpu')
  madeUpAddons(copy.dir, '2.13.0')
  const { status, stdout } = await copy.cli(['doctor'])
  assert.equal(status, 1)
  assert.match(stdout, /^loaded +no$/m)
  assert.match(stdout, /loader\.node could not be loaded/)
})

test('a user cache that cannot be written is a finding, and there is a way out', async (t) => {
  const copy = packageCopy(t)
  // root may write everywhere, but not below a file
  const env = { HOME: '/dev/null', XDG_CACHE_HOME: '' }
  const { status, stdout } = await copy.cli(['doctor'], { env })
  assert.equal(status, 1)
  assert.match(stdout, /^user cache +\/dev\/null\/\.cache\/libtorch-node\/2\.13\.0 \(cannot be written\)$/m)
  assert.match(stdout, /another folder with --dir FOLDER/)
  const healthy = await copy.cli(['doctor', '--json'])
  assert.equal(JSON.parse(healthy.stdout).cache.writable, true)
  const { stderr } = await copy.cli(['install', '--cpu'], { env })
  assert.match(stderr, /could not be installed in \/dev\/null\/.*ENOTDIR.*\nChoose a folder .*--dir FOLDER/)
})

test('the CPU capability that LibTorch is told to use is shown', async (t) => {
  const { stdout } = await packageCopy(t).cli(['doctor', '--json'], { env: { ATEN_CPU_CAPABILITY: 'default' } })
  assert.equal(JSON.parse(stdout).cpuCapability, 'default')
})
