/** The training class: the output of Python's, the same files stay, and each side goes on in the folder of the other. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { root, tempDir } from '../support/paths.js'
import { pinnedCpu, pythonFile, requirePython } from '../support/python.js'

function node(...args: string[]): string {
  const run = child('examples/training-class/training-class.js', args, pinnedCpu)
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  return run.stdout
}
const reference = (...args: string[]) => pythonFile(join(root, 'examples/training-class/reference.py'), args, pinnedCpu)
const checkpoints = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.startsWith('checkpoint_'))
    .sort()

test('examples/training-class: prints what Python prints, and keeps the same checkpoints', (t) => {
  if (!requirePython(t)) return
  const [ours, theirs] = [tempDir(t), tempDir(t)]
  const output = node('--folder', ours)
  assert.equal(output, reference('--folder', theirs))
  // the best one is not among the last two, so that it is there for its own sake
  assert.match(output, /^best: epoch 12 {2}loss 0\.\d{6} {2}accuracy 0\.9\d+ {2}sha256 [0-9a-f]{64}$/m)
  assert.deepEqual(
    checkpoints(ours),
    [12, 14, 16].map((epoch) => `checkpoint_epoch_${epoch}.pth`),
  )
  assert.deepEqual(checkpoints(theirs), checkpoints(ours))

  // a run that ends after 7 epochs has saved 6, from which the other side goes on
  const rest = output.slice(output.indexOf('epoch 7'))
  const [loss] = /(?<=^epoch 6 .*loss )\S+/m.exec(output)!
  const resumed = `resumed after epoch 6, loss ${loss}\n${rest}`
  const [begunHere, begunThere] = [tempDir(t), tempDir(t)]
  assert.equal(node('--folder', begunHere, '--epochs', '7'), reference('--folder', begunThere, '--epochs', '7'))
  // the manager deletes no file that it did not write, and Python's class all but the best and the last
  const own = checkpoints(begunThere)
  assert.deepEqual(own, ['checkpoint_epoch_4.pth', 'checkpoint_epoch_6.pth'])
  assert.equal(node('--folder', begunThere), resumed.replace('kept: ', `kept: ${own.join(', ')}, `))
  assert.equal(reference('--folder', begunHere), resumed)
  assert.deepEqual(checkpoints(begunThere), [...own, ...checkpoints(ours)].sort())
  assert.deepEqual(checkpoints(begunHere), checkpoints(ours))
})
