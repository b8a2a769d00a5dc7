/** Files that are no checkpoints, or no longer: the error names the file and what is wrong with it; system errors keep their codes. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'

/** What loading throws, the same with and without Sync. */
async function refusal(source: string | Uint8Array | URL): Promise<torch.CheckpointError> {
  const errors: unknown[] = []
  try {
    torch.loadSync(source)
  } catch (error) {
    errors.push(error)
  }
  await torch.load(source).catch((error) => errors.push(error))
  assert.equal(errors.length, 2, 'both must refuse')
  const [sync, async] = errors as torch.CheckpointError[]
  assert.equal(sync!.code, async!.code)
  assert.equal(sync!.message, async!.message)
  return async!
}

function saved(dir: string): Buffer {
  const file = join(dir, 'good.pth')
  torch.saveSync({ w: torch.ones(100), b: [1, 'two'] }, file)
  return readFileSync(file)
}

test('a missing file is ENOENT with its path, a folder EISDIR', async (t) => {
  const dir = tempDir(t)
  for (const source of [join(dir, 'none.pth'), pathToFileURL(join(dir, 'none.pth'))]) {
    const error = await refusal(source)
    assert.equal(error.code as string, 'ENOENT')
    assert.match(error.message, /none\.pth/)
  }
  mkdirSync(join(dir, 'folder'))
  assert.equal((await refusal(join(dir, 'folder'))).code as string, 'EISDIR')
})

const junk: Record<string, (good: Buffer) => Uint8Array> = {
  'an empty file': () => new Uint8Array(0),
  'one byte': () => new Uint8Array(1),
  text: () => Buffer.from('hello, this is not a checkpoint at all\n'.repeat(20)),
  'an HTML page': () => Buffer.from('<!DOCTYPE html><html><body>Not Found</body></html>'),
  'a pointer file of git lfs': () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
  'a PNG': () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  zeros: () => new Uint8Array(5000),
  'an empty zip': () => Buffer.concat([Buffer.from('504b0506', 'hex'), new Uint8Array(18)]),
  'a zip cut in half': (good) => good.subarray(0, good.length >> 1),
  'a zip without its last byte': (good) => good.subarray(0, good.length - 1),
  'a zip without its first kilobyte': (good) => good.subarray(1024),
  'the first bytes of a zip': (good) => good.subarray(0, 30),
  'a pickle cut short': () => Buffer.from('80027d71', 'hex'),
}

for (const [name, make] of Object.entries(junk)) {
  test(`${name} is ERR_CHECKPOINT_FORMAT, from a file and from bytes`, async (t) => {
    const dir = tempDir(t)
    const bytes = make(saved(dir))
    const file = join(dir, 'broken.pth')
    writeFileSync(file, bytes)
    const fromFile = await refusal(file)
    assert.equal(fromFile.code, 'ERR_CHECKPOINT_FORMAT', fromFile.stack)
    assert.match(fromFile.message, /broken\.pth/)
    assert.equal(fromFile.file, file)
    assert.ok(fromFile instanceof torch.CheckpointError)
    const fromBytes = await refusal(new Uint8Array(bytes))
    assert.equal(fromBytes.code, 'ERR_CHECKPOINT_FORMAT', fromBytes.stack)
  })
}

test('every truncation of a checkpoint, and every changed byte of its head, is an error or a checkpoint, never a crash', (t) => {
  const good = saved(tempDir(t))
  const load = (bytes: Uint8Array) => {
    try {
      torch.loadSync(bytes)
    } catch (error) {
      assert.match(String((error as torch.TorchError).code), /^ERR_CHECKPOINT_/, (error as Error).stack)
    }
  }
  for (let length = 0; length < good.length; length += 7) load(new Uint8Array(good.subarray(0, length)))
  for (let at = 0; at < good.length; at += 3) {
    const bytes = new Uint8Array(good)
    bytes[at]! ^= 0xff
    load(bytes)
  }
})

test('what is no source at all is ERR_ARGUMENT', async () => {
  for (const source of [undefined, null, 3, {}, [], Symbol('s'), () => {}]) {
    assert.throws(() => torch.loadSync(source as never), { code: 'ERR_ARGUMENT' }, String(source))
    await assert.rejects(torch.load(source as never), { code: 'ERR_ARGUMENT' })
  }
})

test('a place that cannot be written is ERR_CHECKPOINT_WRITE with the cause, and a function is refused before anything is written', async (t) => {
  const dir = tempDir(t)
  const target = join(dir, 'none', 'x.pth')
  const isWriteError = (error: torch.CheckpointError) => {
    assert.equal(error.code, 'ERR_CHECKPOINT_WRITE')
    assert.match(error.message, /x\.pth/)
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ENOENT')
    return true
  }
  assert.throws(() => torch.saveSync({ a: 1 }, target), isWriteError)
  await assert.rejects(torch.save({ a: 1 }, target), isWriteError)
  const file = join(dir, 'kept.pth')
  torch.saveSync({ a: 1 }, file)
  const before = readFileSync(file)
  const refused = (error: torch.TorchError) => /^ERR_/.test(error.code) && /f/.test(error.message)
  assert.throws(() => torch.saveSync({ f: () => 1 }, file), refused)
  assert.deepEqual(readFileSync(file), before)
})
