/** Files made to do harm: none runs anything, ends the process, takes long or takes much. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'

interface Report {
  outcomes: { name: string; outcome: string; seconds: number }[]
  faults: string[]
}

test('at least 300 hostile files: data or a typed error, within 5 s and 1 GB, and nothing is run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'))
  try {
    assert.equal(child('test/hostile/write.js', [folder]).status, 0)
    // with less room V8 looks for garbage sooner; one file that needed more would end the process
    const execArgv = ['--max-old-space-size=600']
    const run = child('test/hostile/program.js', [folder], {}, { timeout: 900_000, execArgv })
    assert.equal(
      run.status,
      0,
      `ended with ${run.signal ?? run.status} at: ${run.stderr.trimEnd().split('\n').slice(-30).join('\n')}`,
    )
    const { outcomes, faults } = JSON.parse(run.stdout) as Report
    assert.deepEqual(faults, [])
    assert.ok(!existsSync(join(folder, 'marker')))
    const files = outcomes.filter(({ name }) => name.endsWith(', mapped')).length
    assert.ok(files >= 300, `${files} files`)
    // AddressSanitizer's own books are an eighth of the memory and more (npm run test:asan)
    const most = process.env.ASAN_OPTIONS === undefined ? 2 ** 30 : 1.5 * 2 ** 30
    assert.ok(run.peakRss < most, `${(run.peakRss / 2 ** 20).toFixed(0)} MB`)
    // a reader that refused everything, or nothing, would pass all of the above
    const count = (outcome: string): number => outcomes.filter((one) => one.outcome === outcome).length
    assert.ok(count('read') > 100 && count('ERR_CHECKPOINT_FORMAT') > 100 && count('ERR_CHECKPOINT_UNSAFE') > 10)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
