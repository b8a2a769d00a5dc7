/** What layers refuse, when they are made or called: the text of live Python's exception is that of the error here. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'
import { type Case, call } from './layers.js'

/** A test with one subtest for each case; every case must be refused by both. */
export function testRefusals(title: string, cases: Case[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    const file = join(tempDir(t), 'cases.json')
    writeFileSync(file, JSON.stringify(cases))
    const oracle = join(root, 'test', 'parity', 'layers_oracle.py')
    const expected = JSON.parse(pythonFile(oracle, [file, 'refusals'])) as string[]
    assert.equal(expected.length, cases.length)
    for (const [i, one] of cases.entries()) {
      await t.test(JSON.stringify(one), () => {
        assert.throws(
          () => call(one),
          (error: Error & { code?: string }) => {
            assert.match(String(error.code), /^ERR_/)
            assert.equal(error.message, expected[i])
            return true
          },
        )
      })
    }
  })
}
