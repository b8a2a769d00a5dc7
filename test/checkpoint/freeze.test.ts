/** Freezing, resuming, unfreezing: groups are made anew before the optimizer's state comes back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { bytesOf, Net } from './nets.js'

const top = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(top, { recursive: true, force: true }))

function make() {
  torch.manualSeed(2)
  const model = new Net()
  torch.freeze(model, 'first.*')
  const trainable = torch.trainable(model).map(([, parameter]) => parameter)
  const optimizer = new torch.optim.SGD(trainable, { lr: 0.1, momentum: 0.9 })
  return {
    model,
    optimizer,
    unfreezing: new torch.GradualUnfreeze(model, optimizer, [{ epoch: 3, match: 'first.*', lr: 0.01 }]),
  }
}

function train({ model, optimizer, unfreezing }: ReturnType<typeof make>, epoch: number): void {
  unfreezing.step(epoch)
  optimizer.zeroGrad()
  model.forward(torch.randn(8, 4)).pow(2).mean().backward()
  optimizer.step()
}

test('a run that is broken off before, at and after an unfreezing ends in the same bytes', async () => {
  const whole = make()
  for (let epoch = 0; epoch < 6; epoch++) train(whole, epoch)
  for (const end of [2, 3, 4, 5]) {
    const folder = join(top, String(end))
    const first = make()
    const manager = new torch.CheckpointManager(folder)
    for (let epoch = 0; epoch < end; epoch++) {
      train(first, epoch)
      await manager.save({ epoch, ...first })
    }
    await manager.close()
    const again = make()
    const other = new torch.CheckpointManager(folder)
    const resumed = other.resume({ ...again })!
    assert.deepEqual(resumed.restored, ['unfreezing', 'model', 'optimizer', 'rng'])
    assert.equal(again.model.first.weight.requiresGrad, end > 3)
    for (let epoch = resumed.nextEpoch; epoch < 6; epoch++) train(again, epoch)
    assert.equal(bytesOf(again), bytesOf(whole), `broken off at ${end}`)
    await other.close()
  }
})

test('without its plan a run is told that its groups do not fit', async () => {
  const manager = new torch.CheckpointManager(join(top, 'without'))
  const run = make()
  for (let epoch = 0; epoch < 5; epoch++) train(run, epoch)
  await manager.save({ epoch: 4, ...run })
  const { model, optimizer } = make()
  assert.throws(() => manager.resume({ model, optimizer }), {
    code: 'ERR_CHECKPOINT_MISMATCH',
    message: /'first.weight', 'first.bias', which this optimizer does not have/,
  })
  assert.equal(model.first.weight.requiresGrad, false)
  await manager.close()
})
