/** Partial loading: Python's output to the digest, from either side's file. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, pythonFile, requirePython } from '../support/python.js'

function node(...args: string[]): string {
  const run = child('examples/partial-loading/partial-loading.js', args, pinnedCpu)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}
const reference = (...args: string[]) =>
  pythonFile(join(root, 'examples/partial-loading/reference.py'), args, pinnedCpu)

test('examples/partial-loading: prints what Python prints, from the weights of either', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [ours, theirs] = [join(dir, 'node.pth'), join(dir, 'python.pth')]
  const output = node('--out', ours)
  assert.match(output, /^adapted: conv1\.weight\nnew: conv2\.weight, conv2\.bias, fc\.weight, fc\.bias$/m)
  assert.match(output, /^sha256 of the parameters: [0-9a-f]{64}, 2 of them in the new head$/m)
  assert.equal(output, reference('--out', theirs))
  assert.equal(node('--weights', theirs), output)
  assert.equal(reference('--weights', ours), output)
})
