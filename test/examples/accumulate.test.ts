/** Gradient accumulation with clipping, groups, a warm-up and mixed precision: the same output as Python's program, to the digest. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root } from '../support/paths.js'
import { pinnedCpu, pythonFile, requirePython } from '../support/python.js'

for (const args of [[], ['--amp']]) {
  test(`examples/accumulate ${args.join(' ')} prints what Python prints`, (t) => {
    if (!requirePython(t)) return
    const run = child('examples/accumulate/accumulate.js', args, pinnedCpu)
    assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
    assert.match(run.stdout, /sha256 of the parameters: [0-9a-f]{64}/)
    const python = pythonFile(join(root, 'examples/accumulate/accumulate.py'), args, pinnedCpu)
    assert.equal(run.stdout, python)
  })
}
