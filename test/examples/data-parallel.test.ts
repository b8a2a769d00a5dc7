/** Checkpoints of one and of several devices: the output of Python's program, and each side loads the files of the other. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, python, pythonFile, requirePython } from '../support/python.js'

function node(...args: string[]): string {
  const run = child('examples/data-parallel/data-parallel.js', args, pinnedCpu)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}
const reference = (...args: string[]) => pythonFile(join(root, 'examples/data-parallel/reference.py'), args, pinnedCpu)

test('examples/data-parallel: prints what Python prints, and each loads the files of the other', (t) => {
  if (!requirePython(t)) return
  const [ours, theirs] = [tempDir(t), tempDir(t)]
  const output = node('--folder', ours)
  assert.equal(output, reference('--folder', theirs))

  // one model came out of all ways, and another one for the other file
  const digests = (start: string) =>
    output
      .split('\n')
      .filter((line) => line.startsWith(start))
      .map((line) => /sha256 ([0-9a-f]{64})$/.exec(line)![1])
  assert.equal(digests('many → ').length, 5)
  assert.equal(new Set(digests('many → ')).size, 1)
  assert.equal(new Set([...digests('one → '), ...digests('many → ')]).size, 2)
  assert.match(output, /Missing key\(s\) in state_dict: "fc1\.weight".*\n.*Unexpected key\(s\).*"module\.fc1\.weight"/)

  const loaded = output.slice(output.indexOf('one → one'))
  assert.equal(node('--folder', theirs, '--load'), loaded)
  assert.equal(reference('--folder', ours, '--load'), loaded)

  // the same file of weights: names, values, and _metadata
  const code = `
import sys, torch
ours, theirs = (torch.load(file, weights_only=True) for file in sys.argv[1:])
same = list(ours) == list(theirs) and all(torch.equal(ours[key], theirs[key]) for key in theirs)
print(same and ours._metadata == theirs._metadata and type(ours).__name__)`
  assert.equal(python(code, [join(ours, 'weights.pth'), join(theirs, 'weights.pth')]), 'OrderedDict\n')
})
