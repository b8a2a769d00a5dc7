/** Layers with one thing wrong: a typed error or a result, never a crash; see hostile-cases.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { child } from '../support/child.js'

test('no size, option or input of a layer ends the process, and every refusal has a code', () => {
  const { stdout, stderr, status } = child('test/nn/hostile-program.js')
  const last = stderr.trimEnd().split('\n').at(-1)
  assert.equal(status, 0, `the last case was ${last}`)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.pop(), 'end')
  assert.ok(lines.length > 1000, `${lines.length} refusals`)
  assert.deepEqual(
    lines.filter((line) => !/^ERR_/.test((JSON.parse(line) as [number, string])[1])),
    [],
  )
})
