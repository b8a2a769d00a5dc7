/** Copies that let training go on while they are written: their memory is used again, and where there is none it is done without. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { collectGarbage } from '../lifetime/gc.js'
import { child } from '../support/child.js'

const top = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(top, { recursive: true, force: true }))

const bytes = 4_000_000
const make = () => {
  const model = new torch.nn.Linear(1000, 1000)
  const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1 })
  return { model, optimizer }
}

test('the copies of one save take the memory of those of the save before', async () => {
  const manager = new torch.CheckpointManager(join(top, 'memory'), { keep: 1 })
  const run = make()
  await manager.save({ epoch: 0, ...run })
  const first = torch.memoryStats().bytes
  for (let epoch = 1; epoch < 6; epoch++) {
    manager.maybeSave({ epoch, ...run })
    manager.maybeSave({ epoch, step: 1, ...run })
  }
  await manager.flush()
  const more = torch.memoryStats().bytes - first
  assert.ok(more < bytes / 4, `${more} bytes more than after the first save`)
  // a model of another size needs copies of another size, and the old ones go
  await manager.save({ epoch: 9, model: new torch.nn.Linear(10, 10) })
  await collectGarbage()
  assert.ok(torch.memoryStats().bytes < first - bytes / 2)
  await manager.close()
})

test('where there is too little memory for copies, it is on the disk when the call returns', async (t) => {
  const folder = join(top, 'synchronous')
  const manager = new torch.CheckpointManager(folder)
  const run = make()
  t.mock.method(process, 'availableMemory', () => 1000)
  const saved = manager.save({ epoch: 0, ...run })
  assert.ok(existsSync(join(folder, 'checkpoint_epoch_0.pth')))
  torch.noGrad(() => run.model.weight.fill_(7))
  assert.notEqual(torch.loadSync(join(folder, 'checkpoint_epoch_0.pth')).model_state_dict.weight.max().item(), 7)
  await saved
  await manager.close()
})

test('views are written without the memory around them, and shared memory stays shared', async () => {
  const manager = new torch.CheckpointManager(join(top, 'views'))
  const all = torch.arange(1_000_000).float()
  const [part, same] = [all.narrow(0, 5, 3), torch.ones(4)]
  await manager.save({ epoch: 0, part, same, again: same })
  await manager.close()
  const { bytes: size, path } = manager.latest()!
  assert.ok(size < 20_000, `${size} bytes`)
  const loaded = torch.loadSync(path)
  assert.deepEqual(loaded.part.tolist(), [5, 6, 7])
  assert.equal(loaded.same, loaded.again)
})

test('a program that ends without waiting still has its last save on the disk', async () => {
  const folder = join(top, 'exit')
  const run = child('test/checkpoint/exit-run.js', [folder])
  assert.equal(run.status, 5, run.stderr)
  assert.equal(new torch.CheckpointManager(folder).list({ verify: true })[0]?.damaged, undefined)
  assert.equal(new torch.CheckpointManager(folder).latest()?.epoch, 3)
})
