/**
 * `torch.toStateDict` of models that Python pickled whole in every way: keys, order, `_metadata`, bytes and shared memory are those
 * of Python's `state_dict()`. Node saves what it found, and Python looks at that as it looks at its own. See whole_model_state.py.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const program = join(root, 'test', 'parity', 'whole_model_state.py')

test("toStateDict of a pickled model is Python's state_dict() of it", async (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  const written = JSON.parse(pythonFile(program, ['write', folder])) as { keys: string[] }[]
  for (const i of written.keys()) {
    const state = torch.toStateDict(torch.loadSync(join(folder, `${i}.pt`)))
    torch.saveSync(state, join(folder, `${i}.out.pt`))
  }
  const read = JSON.parse(pythonFile(program, ['read', folder, String(written.length)])) as object[]
  for (const [i, expected] of written.entries()) {
    await t.test(`${i}: ${expected.keys.slice(0, 3).join(', ')}`, () => assert.deepEqual(read[i], expected))
  }
  assert.ok(written.length >= 40, `${written.length} models`)
})
