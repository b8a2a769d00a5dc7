// Promise: `install` says what it will do, uses pip where pip is there, and its exit code tells how it ended.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { indexServer } from '../support/index-server.js'
import { type PackageCopy, packageCopy } from '../support/package-copy.js'
import { wheelEntries, wheelName, zip } from '../support/zip.js'

const version = '2.13.0+cpu'
const name = wheelName(version)
const wheel = zip(wheelEntries(version))

/** A `python3.11` whose pip writes its arguments to a file and ends as `body` says; DEST is the folder it should fill. */
function madeUpPip(copy: PackageCopy, body: string): () => string[] {
  const log = join(copy.dir, 'pip.log')
  writeFileSync(join(copy.dir, name), wheel)
  writeFileSync(
    join(copy.bin, 'python3.11'),
    `#!/bin/sh
case "$*" in *--version*) exit 0;; esac
echo "$*" >> '${log}'
ARGS="$*"; DEST=; while [ $# -gt 0 ]; do [ "$1" = --dest ] && DEST=$2; shift; done
give() { /bin/cp '${join(copy.dir, name)}' "$DEST"; }
no_such_build() { echo 'ERROR: No matching distribution found for torch' >&2; exit 1; }
${body}\n`,
  )
  chmodSync(join(copy.bin, 'python3.11'), 0o755)
  return () => readFileSync(log, 'utf8').trim().split('\n')
}

test('pip is asked first, with its own indexes', async (t) => {
  const copy = packageCopy(t)
  const calls = madeUpPip(copy, 'give')
  const { status, stderr, stdout } = await copy.cli(['install'])
  assert.equal(status, 0, stderr)
  const dir = join(copy.home, '.cache', 'libtorch-node', '2.13.0')
  assert.ok(stdout.includes(dir))
  assert.ok(existsSync(join(dir, 'lib', 'libtorch_cpu.so')))
  assert.equal(calls().length, 1)
  assert.match(calls()[0]!, /^-m pip download torch==2\.13\.0\+cpu --no-deps /)
  assert.doesNotMatch(calls()[0]!, /--index-url/)
})

test("then pip with PyTorch's index", async (t) => {
  const copy = packageCopy(t)
  const calls = madeUpPip(copy, 'case "$ARGS" in *--index-url*) give;; *) no_such_build;; esac')
  assert.equal((await copy.cli(['install'])).status, 0)
  assert.match(calls()[1]!, /--index-url https:\/\/download\.pytorch\.org\/whl\/cpu/)
})

test('then HTTPS; an index that is named is the only one asked', async (t) => {
  const copy = packageCopy(t)
  const calls = madeUpPip(copy, 'no_such_build')
  const server = await indexServer(t, { files: { [name]: wheel } })
  const { status, stderr } = await copy.cli(['install', '--index-url', server.url])
  assert.equal(status, 0, stderr)
  assert.equal(calls().length, 1)
  assert.ok(calls()[0]!.includes(`--index-url ${server.url}`))
  assert.equal(server.requests.length, 2)
})

test('when every way fails, each reason is told', async (t) => {
  const copy = packageCopy(t)
  madeUpPip(copy, 'no_such_build')
  const { status, stderr } = await copy.cli(['install', '--index-url', 'http://127.0.0.1:9/simple'])
  assert.equal(status, 1)
  assert.match(stderr, /pip: No matching distribution found for torch/)
  assert.match(stderr, /127\.0\.0\.1:9\/simple\/torch\/ could not be reached/)
  assert.match(stderr, /ERR_LIBTORCH_INSTALL/)
})

test('a CUDA build brings the libraries of NVIDIA, and needs pip', async (t) => {
  const copy = packageCopy(t)
  const without = await copy.cli(['install', '--cuda', '--no-pip'])
  assert.equal(without.status, 1)
  assert.match(without.stderr, /needs pip/)
  const calls = madeUpPip(
    copy,
    'give; /bin/cp "$DEST"/*.whl "$DEST/torch-2.13.0+cu130-cp311-cp311-linux_x86_64.whl"; /bin/rm "$DEST"/*+cpu*',
  )
  const { status, stderr } = await copy.cli(['install', '--cuda', '--dir', join(copy.home, 'gpu')])
  assert.equal(status, 0, stderr)
  assert.match(calls()[0]!, /^-m pip download torch==2\.13\.0\+cu130 --dest/)
  assert.equal(readFileSync(join(copy.home, 'gpu', 'build-version'), 'utf8'), '2.13.0+cu130\n')
})

test('a second run does nothing', async (t) => {
  const copy = packageCopy(t)
  const calls = madeUpPip(copy, 'give')
  await copy.cli(['install'])
  const { status, stdout } = await copy.cli(['install'])
  assert.equal(status, 0)
  assert.match(stdout, /is there already/)
  assert.equal(calls().length, 1)
})

test('--dry-run says what would be done and writes nothing', async (t) => {
  const copy = packageCopy(t)
  madeUpPip(copy, 'give')
  const { status, stdout } = await copy.cli(['install', '--dry-run'])
  assert.equal(status, 0)
  assert.match(stdout, /^LibTorch 2\.13\.0\+cpu:\n {2}python3\.11 -m pip download torch==2\.13\.0\+cpu\n/)
  assert.ok(stdout.includes(join(copy.home, '.cache', 'libtorch-node', '2.13.0')))
  assert.deepEqual(readdirSync(copy.home), [])
})

test('--keep-wheel keeps it, and later takes it instead of a download', async (t) => {
  const copy = packageCopy(t)
  const calls = madeUpPip(copy, 'give')
  const args = ['install', '--keep-wheel', join(copy.home, 'wheels'), '--dir']
  assert.equal((await copy.cli([...args, join(copy.home, 'one')])).status, 0)
  assert.deepEqual(readdirSync(join(copy.home, 'wheels')), [name])
  assert.equal((await copy.cli([...args, join(copy.home, 'two')])).status, 0)
  assert.equal(calls().length, 1)
  assert.ok(existsSync(join(copy.home, 'two', 'lib', 'libtorch_cpu.so')))
})

const wrong: [string[], RegExp][] = [
  [['install', '--cpu', '--cuda'], /cannot be used with option/],
  [['install', '--cuda=12'], /named like cu130/],
  [['install', '--form', 'x'], /Did you mean --from/],
  [['instal'], /Did you mean install/],
]
for (const [args, message] of wrong) {
  test(`wrong: ${args.join(' ')}`, async (t) => {
    const { status, stderr } = await packageCopy(t).cli(args)
    assert.equal(status, 2)
    assert.match(stderr, message)
  })
}

test('--help lists the commands, --version is that of the package', async (t) => {
  const copy = packageCopy(t)
  const help = await copy.cli(['--help'])
  assert.equal(help.status, 0)
  for (const command of ['install', 'doctor']) assert.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'))
  const { version: ours } = JSON.parse(readFileSync(join(copy.dir, 'package.json'), 'utf8')) as { version: string }
  assert.equal((await copy.cli(['--version'])).stdout.trim(), ours)
})
