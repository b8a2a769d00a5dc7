/** The checksums of archives, which are computed with what the processor has for them, against zlib's. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { directory } from './zip.js'

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, i) => i)

test('the directory of a file has the CRC of each record', (t) => {
  const path = join(tempDir(t), 'sizes.pt')
  const sizes = [...upTo(300), 2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20 + 17]
  const bytes = sizes.map((size) => randomBytes(size))
  torch.saveSync(
    bytes.map((data) => torch.tensor(data)),
    path,
  )
  const file = readFileSync(path)
  const records = directory(file)
  for (const { name, crc, data } of records) assert.equal(crc, crc32(data), name)
  for (const [i, expected] of bytes.entries())
    assert.ok(
      records.find(({ name }) => name === `archive/data/${i}`)!.data.equals(expected),
      `${expected.length} bytes`,
    )
})

test('every way to compute a CRC gives that of zlib, whatever the size and the place in memory', (t) => {
  if (spawnSync('g++', ['--version']).error) return t.skip('needs g++')
  const dir = tempDir(t)
  const program = join(dir, 'crc32')
  const sources = [join(root, 'test', 'serialize', 'crc32.cpp'), join(root, 'native', 'serialize', 'crc32.cpp')]
  const flags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-I', join(root, 'native')]
  const built = spawnSync('g++', [...flags, ...sources, '-o', program], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)

  const bytes = randomBytes(3 * 2 ** 20)
  const file = join(dir, 'bytes')
  writeFileSync(file, bytes)
  const parts = upTo(15).flatMap((place) => upTo(300).map((size): [number, number] => [place, size]))
  for (const size of [1023, 4096, 65_537, 2 ** 20, 2 ** 21 + 63]) parts.push([0, size], [5, size])
  const run = spawnSync(program, [file], { input: parts.map((part) => part.join(' ')).join('\n'), encoding: 'utf8' })
  const lines = run.stdout.trimEnd().split('\n')
  assert.equal(lines.length, parts.length)
  for (const [i, [place, size]] of parts.entries()) {
    const expected = crc32(bytes.subarray(place, place + size))
    assert.equal(lines[i], `${expected} ${expected} ${expected}`, `${size} bytes at ${place}`)
  }
})
