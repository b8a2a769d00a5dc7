import assert from 'node:assert/strict'
import fs, {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn, CheckpointManager } = torch
const top = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(top, { recursive: true, force: true }))
let count = 0
const fresh = (): string => join(top, String(count++))
const best = { metric: 'loss', mode: 'min' } as const
const model = new nn.Linear(2, 2)
const pthOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.pth'))
    .sort()
const epochsOf = (manager: torch.CheckpointManager): number[] => manager.list().map(({ epoch }) => epoch)

test('NaN is never best, 0 is, and ties keep the older; also after a new start', async () => {
  const folder = fresh()
  let manager = new CheckpointManager(folder, { keep: { last: 1, best: 2 }, best: { metric: 'score', mode: 'max' } })
  const scores = [Number.NaN, -1, 0, 0, -0, -5, Number.NaN]
  for (const [epoch, score] of scores.entries()) {
    if (epoch === 4) {
      await manager.close()
      manager = new CheckpointManager(folder, { keep: { last: 1, best: 2 }, best: { metric: 'score', mode: 'max' } })
      assert.equal(manager.best()?.epoch, 2)
      assert.equal(manager.resume({ model }, { from: 'best' })?.epoch, 2)
      // and on with the latest
      manager.resume({ model }, { from: 3 })
    }
    await manager.save({ epoch, model }, { metrics: { score } })
  }
  assert.equal(manager.best()?.epoch, 2)
  assert.equal(manager.best()?.metrics.score, 0)
  assert.deepEqual(epochsOf(manager), [2, 3, 6])
  assert.equal(torch.loadSync(join(folder, 'best.pth')).epoch, 2)
  assert.equal(statSync(join(folder, 'best.pth')).ino, statSync(manager.best()!.path).ino)
  await manager.close()
  // the cache knows NaN, too
  assert.ok(Number.isNaN(new CheckpointManager(folder).list().at(-1)!.metrics.score))
})

test('the cache is made anew from the files', async () => {
  const folder = fresh()
  const options = { keep: 4, best, layout: 'split' } as const
  const manager = new CheckpointManager(folder, options)
  for (const epoch of [0, 1, 9, 10]) await manager.save({ epoch, model }, { metrics: { loss: 1 / (epoch + 1) } })
  await manager.save({ epoch: 11, step: 5, model })
  await manager.close()
  const before = new CheckpointManager(folder, options).list()
  assert.deepEqual(
    before.map(({ epoch, step }) => [epoch, step]),
    [
      [1, undefined],
      [9, undefined],
      [10, undefined],
      [11, 5],
    ],
  )
  const manifest = join(folder, 'checkpoints.json')
  const { latest, best: top } = JSON.parse(readFileSync(manifest, 'utf8'))
  assert.deepEqual([latest, top], ['checkpoint_epoch_11_step_5.pth', 'checkpoint_epoch_10.pth'])
  for (const damage of [
    undefined,
    '',
    '{"version":1,"checkpoints":[{}]}',
    '[]',
    'null',
    '{"version":1,"checkpoints":[{"file":"../x.pth"}]}',
  ]) {
    if (damage === undefined) rmSync(manifest)
    else writeFileSync(manifest, damage)
    assert.deepEqual(new CheckpointManager(folder, options).list(), before)
  }
})

test('a folder that cannot be made, or names what is outside of it, does no harm', async () => {
  const folder = fresh()
  writeFileSync(folder, '')
  const manager = new CheckpointManager(join(folder, 'run'))
  assert.throws(
    () => manager.resume({ model }),
    (error: any) => {
      assert.equal(error.code, 'ERR_CHECKPOINT_WRITE')
      return error.cause.code === 'ENOTDIR'
    },
  )
  const other = fresh()
  const first = new CheckpointManager(other)
  await first.save({ epoch: 0, model })
  await first.save({ epoch: 1, model })
  await first.close()
  const outside = join(other, '..', 'outside.pth')
  linkSync(join(other, 'checkpoint_epoch_0.pth'), outside)
  const manifest = join(other, 'checkpoints.json')
  const text = readFileSync(manifest, 'utf8')
  writeFileSync(manifest, text.replace('"checkpoint_epoch_0.pth"\n', '"checkpoint_epoch_0.pth", "../outside.pth"\n'))
  assert.notEqual(readFileSync(manifest, 'utf8'), text)
  const again = new CheckpointManager(other, { keep: 1 })
  assert.deepEqual(again.prune(), [join(other, 'checkpoint_epoch_0.pth')])
  assert.ok(existsSync(outside))
  await again.close()
})

test('files of other programs are used and never deleted; a renamed one is not used', async () => {
  const folder = fresh()
  mkdirSync(folder)
  for (const epoch of [3, 4, 5]) {
    const old = { epoch, model_state_dict: model.stateDict(), metrics: { loss: torch.pyFloat(epoch) } }
    torch.saveSync(old, join(folder, `checkpoint_epoch_${epoch}.pth`), { format: epoch === 5 ? 'legacy' : 'pytorch' })
  }
  const manager = new CheckpointManager(folder, { keep: 1, best })
  assert.equal(manager.best()?.epoch, 3)
  const resumed = manager.resume({ model })!
  assert.deepEqual([resumed.epoch, resumed.exact, resumed.notRestored], [5, false, ['rng']])
  await manager.save({ epoch: 6, model }, { metrics: { loss: 9 } })
  assert.deepEqual(epochsOf(manager), [3, 4, 5, 6])
  manager.resume({ model }, { from: 4 })
  await manager.save({ epoch: 5, model }, { metrics: { loss: 8 } })
  assert.equal(manager.latest()?.metrics.loss, 8)
  assert.equal(torch.loadSync(join(folder, 'checkpoint_epoch_5.superseded-0.pth')).metrics.loss, 5)
  await manager.close()
  linkSync(join(folder, 'checkpoint_epoch_5.pth'), join(folder, 'checkpoint_epoch_7.pth'))
  const again = new CheckpointManager(folder, { keep: 1 })
  const message = /checkpoint_epoch_7.pth: was saved as checkpoint_epoch_5.pth and given another name/
  assert.match(again.list().at(-1)!.damaged!, message)
  assert.equal(again.resume({ model })?.epoch, 5)
  assert.deepEqual(again.prune(), [])
  await again.close()
})

test('a set of files of two saves is damaged', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { layout: 'split', keep: 5 })
  for (let epoch = 0; epoch < 3; epoch++) await manager.save({ epoch, model })
  await manager.close()
  rmSync(join(folder, 'model_epoch_2.pth'))
  linkSync(join(folder, 'model_epoch_1.pth'), join(folder, 'model_epoch_2.pth'))
  const again = new CheckpointManager(folder, { layout: 'split' })
  assert.match(again.list()[2]!.damaged!, /model_epoch_2.pth: is of another save/)
  const resumed = again.resume({ model })!
  assert.deepEqual([resumed.epoch, resumed.skipped.length], [1, 1])
  await again.close()
  rmSync(join(folder, 'model_epoch_1.pth'))
  assert.equal(new CheckpointManager(folder).latest()?.epoch, 0)
})

test('of the files of a checkpoint the main one is deleted first: killed in between, nothing is damaged', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { layout: 'split', keep: 2 })
  for (let epoch = 0; epoch < 2; epoch++) await manager.save({ epoch, model })
  await manager.close()
  const again = new CheckpointManager(folder, { layout: 'split', keep: 1 })
  const gone = again.prune({ dryRun: true })
  assert.deepEqual(
    gone,
    ['checkpoint', 'model'].map((part) => join(folder, `${part}_epoch_0.pth`)),
  )
  await again.close()
  rmSync(gone[0]!)
  const left = new CheckpointManager(folder, { layout: 'split' }).list({ verify: true })
  assert.deepEqual(
    left.map(({ epoch, damaged }) => [epoch, damaged]),
    [[1, undefined]],
  )
})

test('after a return to an earlier epoch the later ones are no obstacle, and pinned ones are not lost', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { keep: { last: 2, everyEpochs: 2 }, best })
  for (let epoch = 0; epoch < 6; epoch++)
    await manager.save({ epoch, model }, { metrics: { loss: -epoch }, pin: epoch === 3 })
  await manager.close()
  const again = new CheckpointManager(folder, { keep: { last: 2 }, best })
  assert.deepEqual(epochsOf(again), [0, 2, 3, 4, 5])
  assert.equal(again.resume({ model }, { from: 2 })!.nextEpoch, 3)
  assert.equal(again.latest()?.epoch, 2)
  assert.equal(again.best()?.epoch, 2)
  // the return is known also where nothing was saved after it
  assert.equal(new CheckpointManager(folder, { best }).latest()?.epoch, 2)
  await again.save({ epoch: 3, model }, { metrics: { loss: 7 } })
  assert.deepEqual(epochsOf(again), [2, 3])
  assert.equal(again.latest()?.metrics.loss, 7)
  assert.ok(pthOf(folder).some((name) => /^checkpoint_epoch_3\.superseded-4\.pth$/.test(name)))
  await again.close()
})

test('what was resumed from is never deleted', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { keep: 1 })
  await manager.save({ epoch: 0, model })
  await manager.close()
  const again = new CheckpointManager(folder, { keep: 1 })
  again.resume({ model })
  for (let epoch = 1; epoch < 5; epoch++) await again.save({ epoch, model })
  assert.deepEqual(epochsOf(again), [0, 4])
  await again.close()
})

test('pin, prune and what they would do', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { keep: 4 })
  for (let epoch = 0; epoch < 4; epoch++) await manager.save({ epoch, model })
  await manager.close()
  const again = new CheckpointManager(folder, { keep: 1 })
  again.pin(1)
  assert.throws(() => again.pin(17), { code: 'ERR_ARGUMENT' })
  const would = again.prune({ dryRun: true })
  assert.deepEqual(
    would,
    [0, 2].map((n) => join(folder, `checkpoint_epoch_${n}.pth`)),
  )
  assert.equal(pthOf(folder).length, 4)
  assert.deepEqual(again.prune(), would)
  assert.deepEqual(
    again.list().map(({ epoch, pinned }) => [epoch, pinned]),
    [
      [1, true],
      [3, false],
    ],
  )
  await again.close()
  const third = new CheckpointManager(folder, { keep: 1 })
  third.pin(third.list()[0]!, false)
  assert.deepEqual(third.prune(), [join(folder, 'checkpoint_epoch_1.pth')])
  await third.close()
})

test('a save without resuming does not begin in the folder of another run', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  await manager.save({ epoch: 4, model })
  await manager.close()
  assert.throws(() => new CheckpointManager(folder, { existing: 'error' }), { code: 'ERR_CHECKPOINT_MISMATCH' })
  const other = new CheckpointManager(folder)
  await assert.rejects(other.save({ epoch: 0, model }), /call resume\(\) first/)
  assert.throws(() => other.resume({ model }, { from: 3 }), /no checkpoint '3'; there are checkpoint_epoch_4.pth/)
  assert.equal(other.resume({ model }, { from: 3, optional: true }), null)
  await other.close()
  const empty = new CheckpointManager(fresh())
  assert.equal(empty.latest(), null)
  assert.equal(empty.resume({ model }), null)
  assert.throws(() => empty.resume({ model }, { optional: false }), { code: 'ERR_ARGUMENT' })
  await empty.close()
})

test('two managers of one folder: the second one is told who has it', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  await manager.save({ epoch: 0, model })
  const other = new CheckpointManager(folder)
  assert.equal(other.latest()?.epoch, 0)
  assert.throws(() => other.resume({ model }), {
    code: 'ERR_CHECKPOINT_LOCKED',
    message: /another CheckpointManager of this process on .* \(run /,
  })
  await manager.close()
  assert.equal(other.resume({ model })?.epoch, 0)
  await other.close()
  assert.throws(() => other.maybeSave({ epoch: 1, model }), /was closed/)
})

test('temporary files of a process that died go with the first call that writes; other files stay', async () => {
  const folder = fresh()
  mkdirSync(folder)
  const dead = [
    '.checkpoint_epoch_3.pth.123-0a1b.tmp',
    '.checkpoints.json.123.tmp',
    '.best.pth.9.tmp',
    '.model_epoch_1_step_2.pth.1-2.tmp',
  ]
  const others = ['.mine.tmp', 'notes.txt', 'checkpoint_epoch_x.pth']
  for (const name of [...dead, ...others, 'checkpoint_epoch_9.pth.pin']) writeFileSync(join(folder, name), '')
  const manager = new CheckpointManager(folder)
  manager.list()
  assert.ok(dead.every((name) => existsSync(join(folder, name))))
  assert.equal(manager.resume({ model }), null)
  assert.deepEqual(readdirSync(folder).sort(), [...others, '.checkpoints.lock'].sort())
  await manager.close()
})

test('a disk without room is noticed before anything is written', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  await manager.save({ epoch: 0, model })
  const before = readdirSync(folder)
  const { statfsSync } = fs
  try {
    fs.statfsSync = ((path: string) => ({ ...statfsSync(path), bavail: 4, bsize: 4096 })) as typeof statfsSync
    syncBuiltinESMExports()
    const failed = {
      code: 'ERR_CHECKPOINT_WRITE',
      cause: { code: 'ENOSPC' },
      message: /are needed and 0.0 MB are free/,
    }
    const check = (error: any) => {
      assert.equal(error.code, failed.code)
      assert.equal(error.cause.code, 'ENOSPC')
      assert.match(error.message, failed.message)
      return true
    }
    await assert.rejects(manager.save({ epoch: 1, model: new nn.Linear(100, 100) }), check)
    assert.throws(() => manager.maybeSave({ epoch: 2, model: new nn.Linear(100, 100) }), check)
  } finally {
    fs.statfsSync = statfsSync
    syncBuiltinESMExports()
  }
  assert.deepEqual(readdirSync(folder), before)
  await manager.save({ epoch: 1, model })
  assert.deepEqual(epochsOf(manager), [0, 1])
  await manager.close()
})

test('a save that failed in the background is told by the next call', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { retries: 0 })
  await manager.save({ epoch: 0, model })
  // a folder is in the way of the file
  mkdirSync(join(folder, 'checkpoint_epoch_1.pth'))
  assert.equal(manager.maybeSave({ epoch: 1, model }).saved, true)
  await assert.rejects(manager.flush(), {
    code: 'ERR_CHECKPOINT_WRITE',
    message: /checkpoint_epoch_1.pth: the checkpoint could not be saved/,
  })
  await manager.flush()
  mkdirSync(join(folder, 'checkpoint_epoch_2.pth'))
  assert.equal(manager.maybeSave({ epoch: 2, model }).saved, true)
  assert.throws(() => manager.maybeSave({ epoch: 3, model }), { code: 'ERR_CHECKPOINT_WRITE' })
  await manager.save({ epoch: 4, model })
  assert.equal(manager.latest()?.epoch, 4)
  assert.ok(!readdirSync(folder).some((name) => name.endsWith('.tmp')))
  await manager.close()
})

test('every mistake has a message with the next step', async () => {
  const wrong = (options: object, message: RegExp) =>
    assert.throws(() => new CheckpointManager(top, options as never), { code: 'ERR_ARGUMENT', message })
  wrong({ kep: 3 }, /unknown option 'kep'; did you mean 'keep'\?/)
  wrong({ every: 0 }, /every.epochs should be a whole number ≥ 1, but is 0/)
  wrong({ every: { step: 3 } }, /unknown option 'step'; did you mean 'steps'\?/)
  wrong({ every: { minutes: -1 } }, /every.minutes should be a number > 0/)
  wrong({ keep: { best: 1 } }, /keep.best needs to know what is best; add best: \{ metric/)
  wrong({ best: { metric: 'loss' } }, /needs mode: 'min' .* 'max'/)
  wrong({ best: { metric: 'loss', mode: 'mim' } }, /did you mean 'min'\?/)
  wrong({ layout: 'splt' }, /should be 'single' or 'split', but is 'splt'; did you mean 'split'\?/)
  wrong({ signals: ['SIGUSR1'] }, /inspector; use SIGUSR2/)
  wrong({ signals: ['SIGKILL'] }, /no program can see SIGKILL/)
  wrong({ signals: ['SIGTERMM'] }, /did you mean 'SIGTERM'\?/)
  assert.throws(() => new CheckpointManager(''), { code: 'ERR_ARGUMENT' })

  const manager = new CheckpointManager(fresh(), { best })
  const save = (contents: object, options: object, message: RegExp) =>
    assert.throws(() => manager.saveSync(contents as never, options), { code: 'ERR_ARGUMENT', message })
  save({ model }, {}, /epoch should be a whole number ≥ 0, but is undefined/)
  save({ epoch: 1, step: 0.5, model }, {}, /step should be a whole number/)
  save({ epoch: 1, model }, {}, /'loss' says which checkpoint is best, but is not among the metrics; pass/)
  save({ epoch: 1, model }, { metrics: { los: 1 } }, /did you mean 'los'\?/)
  save({ epoch: 1, model }, { metrics: { loss: 'x' } }, /metrics.loss should be a number or a tensor of one/)
  save({ epoch: 1, model }, { metric: { loss: 1 } }, /unknown option 'metric'; did you mean 'metrics'\?/)
  save({ epoch: 1, rng: 1 }, { metrics: { loss: 1 } }, /'rng' for its own use/)
  save({ epoch: 1, model, model_state_dict: {} }, { metrics: { loss: 1 } }, /either 'model' or 'model_state_dict'/)
  save({ epoch: 1, model, f: () => 1 }, { metrics: { loss: 1 } }, /a function cannot be saved/)
  save({ epoch: 1, half: { stateDict: () => ({}) } }, { metrics: { loss: 1 } }, /no loadStateDict\(\)/)
  assert.throws(() => manager.resume({ model, lr: 3 } as never), /'lr' is 3, which has no state to restore/)
  assert.throws(() => manager.resume({ model }, { form: 'best' } as never), /did you mean 'from'\?/)
  assert.equal(manager.latest(), null)
  await manager.save({ epoch: 1, model }, { metrics: { loss: torch.tensor(0.5) } })
  assert.equal(manager.latest()?.metrics.loss, 0.5)
  assert.throws(() => manager.resume({ model }, { lr: 0.1 }), /lr is for an optimizer, and none is given/)
  await manager.close()
})
