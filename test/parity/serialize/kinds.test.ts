// Files of every kind that Python writes or reads: read here as Python reads them, and written again for Python.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root } from '../../support/paths.js'
import { pythonFile, requirePython } from '../../support/python.js'
import { asRead, describe } from './description.js'

const script = join(root, 'test', 'parity', 'serialize', 'files.py')

interface Written {
  /** what Python reads */
  told: unknown
  mapLocation: string | Record<string, string> | null
}

interface Checked {
  /** what Python reads in the file that was written here */
  told: unknown
  /** whether its pickle has the same bytes; null where another one is expected */
  same: boolean | null
  /** what Python reads with weights_only=True in its own file and in the one from here */
  safe: [unknown, unknown] | null
}

test('files of every kind', async (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'kinds-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const written = JSON.parse(pythonFile(script, ['write', folder])) as Record<string, Written>
  const names = Object.keys(written)
  assert.ok(names.length >= 500, `${names.length} files`)
  const again = new Set<string>()
  for (const [i, name] of names.entries()) {
    await t.test(`reads ${name}, and writes it again`, async () => {
      const [path, out] = [join(folder, `${name}.pt`), join(folder, `${name}.out.pt`)]
      const { told, mapLocation } = written[name]!
      const options = mapLocation === null ? {} : { mapLocation: mapLocation as torch.MapLocation }
      const value = torch.loadSync(path, options)
      assert.deepEqual(asRead(describe(value)), asRead(told))
      assert.deepEqual(describe(await torch.load(path, options)), describe(value))
      if (i % 2 === 0) torch.saveSync(value, out)
      else await torch.save(value, out)
      again.add(name)
    })
  }
  const checked = JSON.parse(pythonFile(script, ['check', folder, ...again])) as Record<string, Checked>
  for (const name of again) {
    await t.test(`Python reads ${name} as it was`, () => {
      const { told, same, safe } = checked[name]!
      assert.deepEqual(told, written[name]!.told)
      assert.notEqual(same, false, 'the pickle has other bytes')
      if (safe) assert.deepEqual(safe[1], safe[0], 'weights_only=True')
    })
  }
})
