// Promise: the LibTorch in use is the first that fits in the documented order; where none does, the error says all there is to know.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  madeUpAddons,
  madeUpLibTorch,
  type PackageCopy,
  packageCopy,
  type RunOptions,
} from '../support/package-copy.js'

interface Doctor {
  libtorch: { version: string; dir: string; source: string } | null
  places: { source: string; path: string; version?: string; reason?: string; used: boolean }[]
}

async function doctor(copy: PackageCopy, options: RunOptions = {}): Promise<Doctor> {
  return JSON.parse((await copy.cli(['doctor', '--json'], options)).stdout) as Doctor
}

const useTensor = `
  const torch = await import('libtorch-node')
  try { torch.ones(1); console.log('loaded') }
  catch (error) { console.log(JSON.stringify({ code: error.code, name: error.name, message: error.message })) }`

async function failure(
  copy: PackageCopy,
  options: RunOptions = {},
): Promise<{ code: string; name: string; message: string }> {
  const { stdout, stderr } = await copy.script(useTensor, options)
  assert.match(stdout, /^\{/, stderr)
  return JSON.parse(stdout)
}

test('the order is LIBTORCH, the package, the user cache, an active environment, .venv, Python on PATH', async (t) => {
  const copy = packageCopy(t)
  const python = (prefix: string) => join(prefix, 'lib', 'python3.12', 'site-packages', 'torch')
  const own = join(copy.home, 'own')
  const active = join(copy.home, 'active')
  const system = join(copy.home, 'system')
  mkdirSync(join(system, 'bin'), { recursive: true })
  writeFileSync(join(system, 'bin', 'python3'), '')
  symlinkSync(join(system, 'bin', 'python3'), join(copy.bin, 'python3'))
  const inOrder = [
    own,
    join(copy.dir, '.libtorch', '2.13.0'),
    join(copy.home, '.cache', 'libtorch-node', '2.13.0'),
    python(active),
    python(join(copy.home, '.venv')),
    python(system),
  ]
  for (const dir of inOrder) madeUpLibTorch(dir, '2.13.0+cpu', dir.endsWith('torch') ? 'version.py' : 'build-version')
  let env: Record<string, string> = { LIBTORCH: own, VIRTUAL_ENV: active }
  for (const dir of inOrder) {
    const { libtorch, places } = await doctor(copy, { env })
    assert.equal(libtorch?.dir, dir)
    assert.deepEqual(
      places.filter((place) => place.used).map((place) => place.path),
      [dir],
    )
    rmSync(dir, { recursive: true })
    if (dir === own) env = { VIRTUAL_ENV: active }
  }
  assert.equal((await doctor(copy, { env })).libtorch, null)
})

test('XDG_CACHE_HOME moves the cache', async (t) => {
  const copy = packageCopy(t)
  madeUpLibTorch(join(copy.home, 'elsewhere', 'libtorch-node', '2.13.0'), '2.13.0+cpu')
  const { libtorch } = await doctor(copy, { env: { XDG_CACHE_HOME: join(copy.home, 'elsewhere') } })
  assert.equal(libtorch?.source, 'cache')
})

test('a virtual environment is found through the Python on PATH, a pyenv version through its file', async (t) => {
  const copy = packageCopy(t)
  const environment = join(copy.home, 'env')
  mkdirSync(join(environment, 'bin'), { recursive: true })
  writeFileSync(join(environment, 'pyvenv.cfg'), '')
  writeFileSync(join(environment, 'bin', 'python3'), '')
  madeUpLibTorch(join(environment, 'lib', 'python3.11', 'site-packages', 'torch'), '2.13.0+cpu', 'version.py')
  const first = await doctor(copy, { env: { PATH: join(environment, 'bin') } })
  assert.equal(first.libtorch?.source, 'python')

  const pyenv = join(copy.home, '.pyenv')
  mkdirSync(join(pyenv, 'shims'), { recursive: true })
  writeFileSync(join(pyenv, 'shims', 'python3'), '#!/bin/sh')
  writeFileSync(join(pyenv, 'version'), '3.11.7\n')
  const torch = join(pyenv, 'versions', '3.11.7', 'lib', 'python3.11', 'site-packages', 'torch')
  madeUpLibTorch(torch, '2.13.0+cpu', 'version.py')
  const second = await doctor(copy, { env: { PATH: join(pyenv, 'shims') } })
  assert.equal(second.libtorch?.dir, torch)
})

for (const from of ['build-version', 'header', 'version.py'] as const) {
  test(`the version is read from ${from}`, async (t) => {
    const copy = packageCopy(t)
    const dir = join(copy.home, 'libtorch')
    madeUpLibTorch(dir, '2.13.1', from)
    assert.equal((await doctor(copy, { env: { LIBTORCH: dir } })).libtorch?.version, '2.13.1')
  })
}

test('an addon for another minor version changes what fits', async (t) => {
  const copy = packageCopy(t)
  madeUpAddons(copy.dir, '2.14.1')
  madeUpLibTorch(join(copy.dir, '.libtorch', '2.13.0'), '2.13.0+cpu')
  madeUpLibTorch(join(copy.home, '.cache', 'libtorch-node', '2.14.1'), '2.14.1+cpu')
  const { libtorch, places } = await doctor(copy)
  assert.equal(libtorch?.version, '2.14.1+cpu')
  assert.equal(places[0]?.reason, 'version 2.13.0+cpu, needed 2.14')
})

test('without LibTorch the error lists every place and the three ways out', async (t) => {
  const copy = packageCopy(t)
  madeUpAddons(copy.dir, '2.13.0')
  mkdirSync(join(copy.home, '.venv', 'lib', 'python3.11', 'site-packages'), { recursive: true })
  const { code, name, message } = await failure(copy)
  assert.equal(code, 'ERR_LIBTORCH_NOT_FOUND')
  assert.equal(name, 'LibTorchError')
  for (const place of [
    join(copy.dir, '.libtorch', '2.13.0'),
    join(copy.home, '.cache', 'libtorch-node', '2.13.0'),
    join(copy.home, '.venv'),
  ]) {
    assert.ok(message.includes(place), place)
  }
  assert.match(message, /\.venv \(this Python has no torch\)/)
  assert.match(message, /npx libtorch-node install --cpu/)
  assert.match(message, /pip install torch==2\.13\.0/)
  assert.match(message, /LIBTORCH=/)
})

test('LIBTORCH that does not fit is an error, whatever else is there', async (t) => {
  const copy = packageCopy(t)
  madeUpAddons(copy.dir, '2.13.0')
  madeUpLibTorch(join(copy.dir, '.libtorch', '2.13.0'), '2.13.0+cpu')
  const missing = await failure(copy, { env: { LIBTORCH: '/nowhere' } })
  assert.equal(missing.code, 'ERR_LIBTORCH_NOT_FOUND')
  assert.match(missing.message, /LIBTORCH: \/nowhere \(no such folder\)/)
  assert.match(missing.message, /\.libtorch\/2\.13\.0 \(not used, as LIBTORCH is set\)/)
})

test('a LibTorch of another minor version is named with what is needed', async (t) => {
  const copy = packageCopy(t)
  madeUpAddons(copy.dir, '2.13.0')
  const dir = join(copy.home, 'libtorch')
  madeUpLibTorch(dir, '2.12.1+cpu')
  const { code, message } = await failure(copy, { env: { LIBTORCH: dir } })
  assert.equal(code, 'ERR_LIBTORCH_VERSION')
  assert.match(message, /this package needs 2\.13\.x/)
  assert.match(message, /version 2\.12\.1\+cpu, needed 2\.13/)
  assert.match(message, /npx libtorch-node install --cpu/)
})

test('without an addon the error says for which platform, and how to build it', async (t) => {
  const { code, message } = await failure(packageCopy(t))
  assert.equal(code, 'ERR_PLATFORM')
  assert.ok(message.includes(`${process.platform}-${process.arch}`))
  assert.match(message, /npx libtorch-node build/)
})

test('an addon that cannot be loaded gives the reason of the system', async (t) => {
  const copy = packageCopy(t)
  madeUpAddons(copy.dir, '2.13.0')
  madeUpLibTorch(join(copy.dir, '.libtorch', '2.13.0'), '2.13.0+cpu')
  const { code, message } = await failure(copy)
  assert.equal(code, 'ERR_LIBTORCH_NOT_FOUND')
  assert.match(message, /loader\.node could not be loaded/)
  assert.match(message, /ELF|file too short|not a mach-o/i)
})
