import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { cli, output, steering } from './cli.js'

test('verify compares the checkpoints of a folder, and other files in it, with their checksums', async (t) => {
  const dir = tempDir(t)
  const folder = join(dir, 'run')
  const model = new torch.nn.Linear(40, 40)
  const manager = new torch.CheckpointManager(folder, { keep: 5, layout: 'split' })
  for (let epoch = 0; epoch < 3; epoch++)
    await manager.save({ epoch, model }, { metrics: { loss: 0.5 }, pin: epoch === 0 })
  await manager.close()
  torch.saveSync(model.stateDict(), join(folder, 'mine.pt'))
  torch.saveSync(model.stateDict(), join(folder, 'old.pth'), { format: 'legacy' })
  const lines = output(['verify', folder]).split('\n')
  assert.match(lines[0]!, /^ok {7}checkpoint_epoch_0.pth {2}epoch 0 {2}loss 0.5 {2}2 files {2}.* pinned$/)
  assert.match(lines[2]!, /^ok {7}checkpoint_epoch_2.pth .* latest$/)
  assert.match(lines[3]!, /^ok {7}mine.pt /)
  assert.match(lines[4]!, /^ok {7}old.pth .* without checksums$/)
  assert.match(lines[6]!, /^5 checkpoints: all whole$/)

  const part = join(folder, 'model_epoch_1.pth')
  const bytes = readFileSync(part)
  bytes[bytes.indexOf(Buffer.from(model.weight.typedArray().buffer)) + 9]! ^= 4
  writeFileSync(part, bytes)
  const run = cli(['verify', folder])
  assert.equal(run.status, 1)
  assert.match(
    run.stdout,
    /^DAMAGED {2}checkpoint_epoch_1.pth .*\n.*model_epoch_1.pth, record data\/0: its checksum is wrong/m,
  )
  assert.match(run.stdout, /5 checkpoints: 1 damaged/)
  assert.deepEqual(steering(run.stdout), [])
  const found = JSON.parse(cli(['verify', folder, '--json']).stdout)
  assert.deepEqual(
    found.map(({ problem }: { problem?: string }) => problem !== undefined),
    [false, true, false, false, false],
  )
  assert.equal(cli(['verify', part]).status, 1)
  assert.equal(cli(['verify', join(folder, 'mine.pt')]).status, 0)
  const empty = cli(['verify', dir])
  assert.equal(empty.status, 1)
  assert.match(empty.stderr, /has no checkpoints/)
  assert.match(cli(['verify', join(dir, 'none')]).stderr, /ENOENT/)
})
