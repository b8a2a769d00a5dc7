/** Save and resume: the output of Python's program to the digest, and each side resumes from the file of the other. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, python, pythonFile, requirePython } from '../support/python.js'

function node(...args: string[]): string {
  const run = child('examples/save-resume/save-resume.js', args, pinnedCpu)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}
const reference = (...args: string[]) => pythonFile(join(root, 'examples/save-resume/reference.py'), args, pinnedCpu)

test('examples/save-resume: prints what Python prints, and each resumes from the file of the other', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [ours, theirs] = [join(dir, 'node.pth'), join(dir, 'python.pth')]
  const output = node('--out', ours)
  assert.match(output, /^epoch 20 {2}loss 0\.[0-9]{6}\nsha256 of the parameters: [0-9a-f]{64}$/m)
  assert.equal(output, reference('--out', theirs))

  const resumed = output.slice(output.indexOf('saved\n') + 'saved\n'.length)
  assert.equal(node('--resume', theirs), resumed)
  assert.equal(reference('--resume', ours), resumed)

  // nothing in our file is an object of a class, and the weights of the criterion are there
  const code = `
import sys, torch
checkpoint = torch.load(sys.argv[1], weights_only=True)
print(list(checkpoint), checkpoint['epoch'], checkpoint['loss']['weight'].tolist())`
  assert.equal(
    python(code, [ours]),
    "['epoch', 'model_state_dict', 'optimizer_state_dict', 'loss'] 10 [1.0, 2.0, 0.5]\n",
  )
})
