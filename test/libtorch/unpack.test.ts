// Promise: a LibTorch folder is whole or not there, holds libraries, headers and licences only, and no archive writes elsewhere.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { madeUpLibTorch, type PackageCopy, packageCopy, type RunOptions } from '../support/package-copy.js'
import { wheelEntries, wheelName, type ZipEntry, zip } from '../support/zip.js'

const version = '2.13.0+cpu'

function archive(copy: PackageCopy, bytes: Uint8Array, name = wheelName(version)): string {
  const folder = join(copy.dir, 'archives')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

const installFile = (copy: PackageCopy, file: string, options: RunOptions = {}) =>
  copy.cli(['install', '--from', file, '--dir', join(copy.home, 'libtorch')], options)

const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort()

test('of a wheel, libraries, headers and licences are taken', async (t) => {
  const copy = packageCopy(t)
  const { status, stderr } = await installFile(copy, archive(copy, zip(wheelEntries(version))))
  assert.equal(status, 0, stderr)
  assert.deepEqual(filesOf(join(copy.home, 'libtorch')), [
    'LICENSE',
    'build-version',
    'include/ATen/ATen.h',
    'include/torch/headeronly/version.h',
    'lib/libc10.so',
    'lib/libgomp.so.1',
    'lib/libtorch.so',
    'lib/libtorch_cpu.so',
  ])
  assert.equal(readFileSync(join(copy.home, 'libtorch', 'build-version'), 'utf8'), `${version}\n`)
  assert.deepEqual(readdirSync(copy.home), ['libtorch'])
})

test("PyTorch's own LibTorch zip is taken as well", async (t) => {
  const copy = packageCopy(t)
  const file = archive(
    copy,
    zip([
      { name: 'libtorch/', data: '' },
      { name: 'libtorch/lib/libtorch_cpu.so', data: 'cpu' },
      { name: 'libtorch/include/ATen/ATen.h', data: '' },
      { name: 'libtorch/share/cmake/Torch/TorchConfig.cmake', data: '' },
      { name: 'libtorch/build-version', data: '2.13.0+cpu\n' },
    ]),
    'libtorch-shared-with-deps-2.13.0%2Bcpu.zip',
  )
  const { status, stdout, stderr } = await installFile(copy, file)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /LibTorch 2\.13\.0\+cpu is installed/)
  assert.deepEqual(filesOf(join(copy.home, 'libtorch')), [
    'build-version',
    'include/ATen/ATen.h',
    'lib/libtorch_cpu.so',
  ])
})

const refused: [string, (entries: ZipEntry[]) => Uint8Array, RegExp][] = [
  [
    'a name that leaves the folder',
    (all) => zip([...all, { name: 'torch/include/../../../../evil', data: 'x' }]),
    /invalid relative path|leaves the folder/,
  ],
  ['an absolute name', (all) => zip([...all, { name: '/torch/include/evil', data: 'x' }]), /absolute path/],
  [
    'a backslash path',
    (all) => zip([...all, { name: 'torch/include/..\\..\\..\\..\\evil', data: 'x' }]),
    /invalid|leaves the folder/,
  ],
  [
    'a symbolic link',
    (all) => zip([...all, { name: 'torch/include/link', data: '/etc/passwd', mode: 0o120777 }]),
    /is a link/,
  ],
  [
    'a wrong checksum',
    (all) => zip([...all, { name: 'torch/include/a.h', data: 'x', crc: 1 }]),
    /a\.h has a wrong checksum/,
  ],
  ['an archive that was cut', (all) => zip(all).subarray(0, -100), /not a usable archive/],
  ['a file that is no archive', () => Buffer.from('<html>Not found</html>'), /not a usable archive/],
  ['a wheel of something else', () => zip([{ name: 'numpy/__init__.py', data: '' }]), /it holds no LibTorch/],
  [
    'a wheel for another platform',
    () => zip([{ name: 'torch/lib/torch_cpu.dll', data: '' }]),
    /no lib\/libtorch_cpu\.so/,
  ],
]
for (const [what, make, message] of refused) {
  test(`refused, with nothing left behind: ${what}`, async (t) => {
    const copy = packageCopy(t)
    const { status, stderr } = await installFile(copy, archive(copy, make(wheelEntries(version))))
    assert.equal(status, 1)
    assert.match(stderr, message)
    assert.match(stderr, /ERR_LIBTORCH_INSTALL/)
    assert.deepEqual(readdirSync(copy.home), [])
    assert.ok(!existsSync(join(copy.home, '..', 'evil')))
  })
}

test('a full disk while unpacking leaves nothing behind, and the old LibTorch as it was', async (t) => {
  const copy = packageCopy(t)
  madeUpLibTorch(join(copy.home, 'libtorch'), '2.12.0+cpu')
  const before = filesOf(join(copy.home, 'libtorch'))
  for (const size of [300_000, 3_000_000]) {
    const file = archive(copy, zip(wheelEntries(version, Buffer.alloc(size, 1))))
    const { status, stderr } = await installFile(copy, file, { shell: 'ulimit -f 100' })
    assert.equal(status, 1)
    assert.match(stderr, /The disk is full/)
    assert.deepEqual(filesOf(join(copy.home, 'libtorch')), before)
    assert.deepEqual(readdirSync(copy.home), ['libtorch'])
  }
})

test('an older LibTorch is replaced, leftovers of a killed installation are removed', async (t) => {
  const copy = packageCopy(t)
  madeUpLibTorch(join(copy.home, 'libtorch'), '2.12.0+cpu')
  mkdirSync(join(copy.home, 'libtorch.new-123', 'lib'), { recursive: true })
  const { status, stderr } = await installFile(copy, archive(copy, zip(wheelEntries(version))))
  assert.equal(status, 0, stderr)
  assert.equal(readFileSync(join(copy.home, 'libtorch', 'build-version'), 'utf8'), `${version}\n`)
  assert.deepEqual(readdirSync(copy.home), ['libtorch'])
})

test('a folder with other files in it is not replaced', async (t) => {
  const copy = packageCopy(t)
  mkdirSync(join(copy.home, 'libtorch'))
  writeFileSync(join(copy.home, 'libtorch', 'thesis.txt'), 'years of work')
  const { status, stderr } = await installFile(copy, archive(copy, zip(wheelEntries(version))))
  assert.equal(status, 1)
  assert.match(stderr, /holds other files/)
  assert.deepEqual(readdirSync(join(copy.home, 'libtorch')), ['thesis.txt'])
})

test('a file that does not exist is named', async (t) => {
  const copy = packageCopy(t)
  const { status, stderr } = await installFile(copy, '/nowhere/torch.whl')
  assert.equal(status, 1)
  assert.match(stderr, /\/nowhere\/torch\.whl: no such file/)
})
