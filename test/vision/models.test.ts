// Promise: the models are torchvision's: names and order of their tensors, printout, starting bytes, results and gradients.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { models } from 'libtorch-node/vision'
import { child } from '../support/child.js'
import { root } from '../support/paths.js'
import { pinnedCpu } from '../support/python.js'
import type { Row } from './facts.js'

const golden: { models: string[]; rows: Row[] } = JSON.parse(
  readFileSync(join(root, 'test', 'fixtures', 'vision', 'golden.json'), 'utf8'),
)
const threads = { OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }

test('every classifier of torchvision is there, and compared', () => {
  assert.deepEqual(models.listModels(), golden.models)
  assert.deepEqual([...new Set(golden.rows.map(({ model }) => model))].sort(), models.listModels())
})

/** Bytes are those of the machine on which they were written: elsewhere names, sizes and printouts alone are compared. */
function comparable(row: Row): unknown {
  if (process.platform === 'linux' && process.arch === 'x64') return row
  const { model, options, size, keys, text, parameters } = row
  return { model, options, size, keys, text, parameters }
}

// one process for all models of a family
const families = new Map<string, number[]>()
for (const [i, { model }] of golden.rows.entries()) {
  const family = /^[a-z]+/.exec(model)![0]
  families.set(family, [...(families.get(family) ?? []), i])
}
for (const [family, indices] of families) {
  test(family, async (t) => {
    const run = child('test/vision/facts.js', indices.map(String), { ...pinnedCpu, ...threads })
    assert.equal(run.status, 0, run.stderr)
    const found = run.stdout.trim().split('\n')
    assert.equal(found.length, indices.length)
    for (const [j, index] of indices.entries()) {
      const row = golden.rows[index]!
      const name = `${row.model} ${JSON.stringify(row.options)}`
      await t.test(name, () => assert.deepEqual(comparable(JSON.parse(found[j]!)), comparable(row)))
    }
  })
}
