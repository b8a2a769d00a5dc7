/** Freezing in three ways: Python's output to the digest, and each side opens the other's file. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, python, pythonFile, requirePython } from '../support/python.js'

test('examples/freezing: prints what Python prints, and both write the same tensors', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [ours, theirs] = [join(dir, 'node.pth'), join(dir, 'python.pth')]
  const { status, stdout, stderr } = child('examples/freezing/freezing.js', ['--out', ours], pinnedCpu)
  assert.equal(status, 0, stderr)
  assert.equal(stdout, pythonFile(join(root, 'examples/freezing/reference.py'), ['--out', theirs], pinnedCpu))
  const changed = [...stdout.matchAll(/changed: (.*)/g)].map((match) => match[1])
  const statistics = ['running_mean', 'running_var', 'num_batches_tracked']
    .map((name) => `features.bn.${name}`)
    .join(', ')
  assert.deepEqual(changed, [
    'head.weight, head.bias',
    `${statistics}, head.weight, head.bias`,
    `${statistics}, head.weight, head.bias`,
  ])

  const [a, b] = [torch.loadSync(ours), torch.loadSync(theirs)] as Record<string, Record<string, torch.Tensor>>[]
  assert.deepEqual(Object.keys(a!), Object.keys(b!))
  for (const [way, stateDict] of Object.entries(a!))
    for (const [key, tensor] of Object.entries(stateDict))
      assert.ok(torch.equal(tensor, b![way]![key]!), `${way} ${key}`)
  const code = `
import sys, torch
a, b = (torch.load(f, weights_only=True) for f in sys.argv[1:])
print(all(torch.equal(a[k][n], b[k][n]) for k in a for n in a[k]))`
  assert.equal(python(code, [ours, theirs]), 'True\n')
})
