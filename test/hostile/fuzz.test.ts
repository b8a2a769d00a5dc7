/** The fuzzer for a quarter of a minute; `npm run fuzz` goes on for ten. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { child } from '../support/child.js'

test('mutated files of every format: data or a typed error', () => {
  const run = child('test/hostile/fuzz.js', ['--minutes', '0.25'])
  assert.equal(run.status, 0, run.stdout + run.stderr)
  const [, files, opened] = /(\d+) files, (\d+) openings/.exec(run.stdout) ?? []
  assert.ok(Number(files) > 1000 && Number(opened) > 50, run.stdout)
})
