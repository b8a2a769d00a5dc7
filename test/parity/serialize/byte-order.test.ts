/** The files by which PyTorch proves that it obeys the byte order of a file, read as live Python reads them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root } from '../../support/paths.js'
import { pythonJson, requirePython } from '../../support/python.js'
import { asRead, describe } from './description.js'

const path = join(root, 'test', 'fixtures', 'byte-order', 'files.json')
const program = `
import base64, io, json, sys, torch
sys.path.insert(0, sys.argv[2])
from describe import describe
files = json.load(open(sys.argv[1]))
print(json.dumps({name: describe(torch.load(io.BytesIO(base64.b64decode(file)))) for name, file in files.items()}))
`

test('files of little-endian and big-endian machines, with and without a word on it', async (t) => {
  if (!requirePython(t)) return
  const files = Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>)
  assert.equal(files.length, 52)
  const told = pythonJson<Record<string, unknown>>(program, [path, join(root, 'test', 'parity', 'serialize')])
  for (const [name, file] of files) {
    await t.test(name, async () => {
      const bytes = Buffer.from(file, 'base64')
      assert.deepEqual(asRead(describe(torch.loadSync(bytes))), asRead(told[name]))
      assert.deepEqual(describe(await torch.load(bytes)), describe(torch.loadSync(bytes)))
    })
  }
  // what a machine of the other order wrote says the same, where the file says which
  assert.deepEqual(told['float be bom'], told['float le bom'])
  assert.notDeepEqual(told['float be no bom'], told['float le no bom'])
})
