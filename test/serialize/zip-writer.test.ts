/** What the writer of archives refuses, and what it does after that. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root, tempDir } from '../support/paths.js'
import { directory } from './zip.js'

// the whole of the same modules, which native code has its errors from
const dist = (file: string) => import(pathToFileURL(join(root, 'dist', file)).href)
await dist('index.js')
const { native } = await dist('binding.js')

const text = (value: string): Buffer => Buffer.from(value)

test('a name that is there already, or is too long, is refused, and the others are written', (t) => {
  const path = join(tempDir(t), 'a.pt')
  const binding = native()
  const writer = binding.openWriter(path)
  binding.writeRecord(writer, 'a', text('first'))
  for (const [name, message] of [
    ['a', 'Tried to serialize file twice: a'],
    ['x'.repeat(65_528), `PytorchStreamWriter failed writing file ${'x'.repeat(65_528)}: invalid filename`],
  ])
    assert.throws(() => binding.writeRecord(writer, name, text('second')), { code: 'ERR_CHECKPOINT_WRITE', message })
  binding.writeRecord(writer, 'b', text(''))
  binding.finishWriter(writer)
  assert.deepEqual(
    directory(readFileSync(path))
      .map(({ name, data }) => [name, data.toString()])
      .slice(0, 4),
    [
      ['archive/a', 'first'],
      ['archive/b', ''],
      ['archive/version', '3\n'],
      ['archive/byteorder', 'little'],
    ],
  )
})

test('records that the caller writes himself are not written again', (t) => {
  const path = join(tempDir(t), 'a.pt')
  const binding = native()
  const writer = binding.openWriter(path)
  binding.writeRecord(writer, 'version', text('4\n'))
  binding.writeRecord(writer, 'byteorder', text('big'))
  binding.finishWriter(writer)
  const names = directory(readFileSync(path)).map(({ name }) => name)
  assert.deepEqual(names, ['archive/version', 'archive/byteorder', 'archive/.data/serialization_id'])
})

test('a writer that was finished or given up is closed', async (t) => {
  const dir = tempDir(t)
  const binding = native()
  for (const end of [binding.finishWriter, binding.abortWriter]) {
    const writer = binding.openWriter(join(dir, end.name))
    binding.writeRecord(writer, 'a', text('a'))
    end(writer)
    const closed = { code: 'ERR_DISPOSED', message: 'this zip writer is closed' }
    assert.throws(() => binding.writeRecord(writer, 'b', text('b')), closed)
    assert.throws(() => binding.finishWriter(writer), closed)
    await assert.rejects(binding.finishWriterAsync(writer), closed)
    binding.abortWriter(writer)
  }
})
