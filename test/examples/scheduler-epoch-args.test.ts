/** Checkpoints with schedule, epoch and arguments: the output of Python's program, and each side resumes from the file of the other. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, python, pythonFile, requirePython } from '../support/python.js'

function node(...args: string[]): string {
  const run = child('examples/scheduler-epoch-args/scheduler-epoch-args.js', args, pinnedCpu)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}
const reference = (...args: string[]) =>
  pythonFile(join(root, 'examples/scheduler-epoch-args/reference.py'), args, pinnedCpu)

test('examples/scheduler-epoch-args: prints what Python prints, and each resumes from the file of the other', (t) => {
  if (!requirePython(t)) return
  const [ours, theirs] = ['node', 'python'].map((name) => join(tempDir(t), name))
  mkdirSync(ours!)
  mkdirSync(theirs!)
  const output = node('--output-dir', ours!)
  assert.equal(output, reference('--output-dir', theirs!))
  assert.match(output, /^epoch 5 {2}lr 0\.025000 {2}loss 0\.\d{6}\nsha256 of the parameters: [0-9a-f]{64}$/m)
  assert.deepEqual(readdirSync(ours!).sort(), readdirSync(theirs!).sort())

  const rest = output.slice(output.indexOf('epoch 3'))
  const expected = `resumed after epoch 2, made with { lr: 0.1, lr_gamma: 0.5, batch_size: 64, seed: 0 }\n${rest}`
  const again = tempDir(t)
  assert.equal(node('--resume', join(theirs!, 'model_2.pth'), '--output-dir', again), expected)
  assert.equal(reference('--resume', join(ours!, 'model_2.pth'), '--output-dir', again), expected)

  // what Python wrote and what we wrote are the same but for the folder: values, types, order
  const code = `
import argparse, sys, torch
def show(value):
    if isinstance(value, torch.Tensor): return [str(value.dtype), list(value.shape), value.flatten().tolist()]
    if isinstance(value, dict): return [type(value).__name__, [[key, show(item)] for key, item in value.items()]]
    if isinstance(value, (list, tuple)): return [type(value).__name__, [show(item) for item in value]]
    if isinstance(value, argparse.Namespace): return ['Namespace', show({**vars(value), 'output_dir': ''})]
    return [type(value).__name__, value]
with torch.serialization.safe_globals([argparse.Namespace]):
    ours, theirs = (show(torch.load(file, weights_only=True)) for file in sys.argv[1:])
print('same' if ours == theirs else [ours, theirs])`
  assert.equal(python(code, [join(ours!, 'checkpoint.pth'), join(theirs!, 'checkpoint.pth')]), 'same\n')
})
