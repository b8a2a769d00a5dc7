import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { python, requirePython } from '../support/python.js'
import { bytesOf, Net, newRun, type Run, step, trainEpoch } from './nets.js'

const { nn, optim, CheckpointManager } = torch
const top = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(top, { recursive: true, force: true }))
let count = 0
const fresh = (): string => join(top, String(count++))
const best = { metric: 'loss', mode: 'min' } as const

/** Trains epochs and saves each. */
function train(manager: torch.CheckpointManager, run: Run, from: number, to: number): number[] {
  const losses: number[] = []
  for (let epoch = from; epoch < to; epoch++) {
    const loss = trainEpoch(run)
    manager.maybeSave({ epoch, ...run }, { metrics: { loss } })
    losses.push(loss)
  }
  return losses
}

test('a run that was stopped and resumed ends in the same bytes as one that was not', async () => {
  const whole = newRun()
  for (let epoch = 0; epoch < 8; epoch++) trainEpoch(whole)
  const wanted = bytesOf(whole)
  for (const layout of ['single', 'split'] as const) {
    const folder = fresh()
    let at = 0
    for (const end of [3, 4, 8]) {
      const manager = new CheckpointManager(folder, { keep: 2, layout })
      const run = newRun(99 + end)
      if (at === 0) run.model.loadStateDict(newRun().model.stateDict())
      if (at === 0) newRun()
      const resumed = manager.resume(at === 0 ? {} : { ...run })
      assert.equal(resumed?.nextEpoch ?? 0, at)
      if (resumed) assert.deepEqual(resumed.restored, ['model', 'optimizer', 'scheduler', 'rng'])
      if (resumed) assert.ok(resumed.exact, resumed.notRestored.join())
      train(manager, run, at, end)
      await manager.close()
      at = end
      if (end === 8) assert.equal(bytesOf(run), wanted)
    }
    const names = readdirSync(folder).filter((name) => name.endsWith('.pth'))
    const parts = layout === 'single' ? ['checkpoint'] : ['checkpoint', 'model', 'optimizer']
    // 3 was resumed from and stays
    assert.deepEqual(names.sort(), parts.flatMap((part) => [3, 6, 7].map((n) => `${part}_epoch_${n}.pth`)).sort())
  }
})

test('Python reads every file with weights_only=True', async (t) => {
  if (!requirePython(t)) return
  const folder = fresh()
  const run = newRun()
  const generator = new torch.Generator().manualSeed(3)
  for (const layout of ['single', 'split'] as const) {
    const manager = new CheckpointManager(join(folder, layout), { layout, best })
    train(manager, run, 0, 2)
    const contents = {
      epoch: 2,
      ...run,
      generator,
      criterion: new nn.CrossEntropyLoss(),
      args: { name: 'x', sizes: [1, 2] },
    }
    await manager.save(contents, { metrics: { loss: 1, accuracy: 0 } })
    await manager.close()
  }
  const program = `
import sys, os, json, torch
folder = sys.argv[1]
for layout in ['single', 'split']:
    for name in sorted(os.listdir(os.path.join(folder, layout))):
        if name.endswith('.pth'): torch.load(os.path.join(folder, layout, name), weights_only=True)
d = torch.load(os.path.join(folder, 'single', 'checkpoint_epoch_2.pth'), weights_only=True)
m = torch.nn.ModuleDict({'first': torch.nn.Linear(4, 8), 'norm': torch.nn.BatchNorm1d(8), 'last': torch.nn.Linear(8, 2)})
m.load_state_dict(d['model_state_dict'])
o = torch.optim.Adam(m.parameters()); o.load_state_dict(d['optimizer_state_dict'])
torch.optim.lr_scheduler.StepLR(o, 2).load_state_dict(d['scheduler_state_dict'])
torch.set_rng_state(d['rng']['cpu'])
g = torch.Generator(); g.set_state(d['rng']['generators']['generator'])
m2 = torch.load(os.path.join(folder, 'split', 'model_epoch_2.pth'), weights_only=True)
o2 = torch.load(os.path.join(folder, 'split', 'optimizer_epoch_2.pth'), weights_only=True)
m.load_state_dict(m2); o.load_state_dict(o2)
print(json.dumps([list(d), d['epoch'], d['metrics'], d['args'], d['checkpoint_manager']['parameter_names'], repr(d['metrics']['loss'])]))`
  const [keys, epoch, metrics, args, names, loss] = JSON.parse(python(program, [folder]))
  assert.deepEqual(keys, [
    'epoch',
    'model_state_dict',
    'criterion_state_dict',
    'optimizer_state_dict',
    'scheduler_state_dict',
    'rng',
    'metrics',
    'args',
    'checkpoint_manager',
  ])
  assert.deepEqual([epoch, metrics, args, loss], [2, { loss: 1, accuracy: 0 }, { name: 'x', sizes: [1, 2] }, '1.0'])
  assert.deepEqual(names.optimizer[0].slice(0, 2), ['first.weight', 'first.bias'])
})

test('what Python saved is resumed, and foreign random states travel on', async (t) => {
  if (!requirePython(t)) return
  const folder = fresh()
  const program = `
import sys, os, random, torch
os.makedirs(sys.argv[1])
torch.manual_seed(5)
m = torch.nn.ModuleDict({'first': torch.nn.Linear(4, 8), 'norm': torch.nn.BatchNorm1d(8), 'last': torch.nn.Linear(8, 2)})
o = torch.optim.Adam(m.parameters(), lr=0.1)
s = torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5)
for _ in range(3):
    o.zero_grad(); m.last(m.norm(m.first(torch.randn(8, 4)))).sum().backward(); o.step(); s.step()
torch.save({'epoch': 7, 'state_dict': m.state_dict(), 'optimizer': o.state_dict(), 'lr_scheduler': s.state_dict(), 'loss': 0.25,
  'metrics': {'loss': 0.25}, 'rng': {'cpu': torch.get_rng_state(), 'python': random.getstate()}},
  os.path.join(sys.argv[1], 'checkpoint_epoch_7.pth'))
print(torch.randn(3).tolist())`
  const drawn = JSON.parse(python(program, [folder]))
  const run = newRun(4)
  const manager = new CheckpointManager(folder, { best })
  assert.equal(manager.best()?.epoch, 7)
  const resumed = manager.resume(run, { from: 'best' })!
  assert.deepEqual([resumed.epoch, resumed.nextEpoch, resumed.extras.loss, resumed.exact], [7, 8, 0.25, true])
  assert.deepEqual(torch.randn(3).tolist(), drawn)
  assert.equal(run.optimizer.paramGroups[0]!.lr, 0.05)
  await manager.save({ epoch: 8, ...run }, { metrics: { loss: 1 } })
  await manager.close()
  const check = `
import sys, random, torch
random.setstate(torch.load(sys.argv[1], weights_only=True)['rng']['python'])
print('restored')`
  assert.equal(python(check, [join(folder, 'checkpoint_epoch_8.pth')]).trim(), 'restored')
})

test('what is saved is the state at the call, also when it is changed before the promise resolves', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  const weight = new nn.Parameter(torch.zeros(300_000))
  class One extends nn.Module {
    weight = weight
  }
  const model = new One()
  for (let epoch = 0; epoch < 6; epoch++) {
    torch.noGrad(() => weight.fill_(epoch))
    const saved = manager.save({ epoch, model }, { pin: true })
    torch.noGrad(() => weight.fill_(-1))
    if (epoch % 2 === 0) await saved
  }
  await manager.close()
  for (let epoch = 0; epoch < 6; epoch++) {
    const { model_state_dict } = torch.loadSync(join(folder, `checkpoint_epoch_${epoch}.pth`))
    assert.equal(model_state_dict.weight.min().item(), epoch)
    assert.equal(model_state_dict.weight.max().item(), epoch)
  }
})

test('optimizer state follows the names of parameters when the fields of the model were reordered', async () => {
  class Turned extends nn.Module {
    last = new nn.Linear(4, 4)
    first = new nn.Linear(4, 4)
  }
  class Straight extends nn.Module {
    first = new nn.Linear(4, 4)
    last = new nn.Linear(4, 4)
  }
  const folder = fresh()
  const model = new Straight()
  const optimizer = new optim.Adam([
    { params: [model.first.weight, model.first.bias], lr: 1 },
    { params: model.last.parameters() },
  ])
  model.last
    .forward(model.first.forward(torch.randn(5, 4)))
    .pow(2)
    .sum()
    .backward()
  optimizer.step()
  const manager = new CheckpointManager(folder)
  await manager.save({ epoch: 0, model, optimizer })

  const turned = new Turned()
  const other = new optim.Adam([
    { params: turned.last.parameters() },
    { params: [turned.first.bias, turned.first.weight] },
  ])
  assert.ok(manager.resume({ model: turned, optimizer: other })!.exact)
  for (const [name, parameter] of turned.namedParameters()) {
    const [, source] = model.namedParameters().find(([each]) => each === name)!
    assert.ok(torch.equal(parameter, source))
    const [here, there] = [other.state.get(parameter)!, optimizer.state.get(source)!]
    assert.ok(torch.equal(here.exp_avg as torch.Tensor, there.exp_avg as torch.Tensor), name)
    assert.ok(torch.equal(here.exp_avg_sq as torch.Tensor, there.exp_avg_sq as torch.Tensor), name)
  }
  assert.deepEqual(
    other.paramGroups.map(({ lr }) => lr),
    [0.001, 1],
  )
  await manager.close()
})

test('a LambdaLR that was made before resuming goes on from its rate, and lr overrides it', async () => {
  const folder = fresh()
  const make = () => {
    const model = new nn.Linear(2, 2)
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
    const scheduler = new optim.lrScheduler.LambdaLR(optimizer, (epoch: number) => 1 / (1 + epoch))
    return { model, optimizer, scheduler }
  }
  const rate = ({ optimizer }: ReturnType<typeof make>) => Number(optimizer.paramGroups[0]!.lr)
  const run = make()
  const manager = new CheckpointManager(folder)
  for (let epoch = 0; epoch < 5; epoch++) {
    run.model.forward(torch.ones(1, 2)).sum().backward()
    run.optimizer.step()
    run.scheduler.step()
  }
  await manager.save({ epoch: 4, ...run })
  const again = make()
  manager.resume({ ...again })
  assert.equal(rate(again), rate(run))
  for (const { optimizer, scheduler } of [run, again]) {
    optimizer.step()
    scheduler.step()
  }
  assert.equal(rate(again), rate(run))

  const other = make()
  const resumed = manager.resume({ ...other }, { lr: rate(run) * 10 })!
  assert.equal(resumed.exact, false)
  assert.equal(rate(other), rate(run) * 10)
  other.optimizer.step()
  other.scheduler.step()
  // the schedule goes on in proportion: from 1/6 to 1/7
  assert.ok(Math.abs(rate(other) - (rate(run) * 10 * 6) / 7) < 1e-12)
  const grouped = make()
  manager.resume({ ...grouped }, { lr: (lr) => lr / 2 })
  assert.ok(Math.abs(rate(grouped) - 0.1 / 6 / 2) < 1e-12)
  await manager.close()
})

test('what does not fit is all listed, and nothing is changed', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  const saved = newRun()
  trainEpoch(saved)
  await manager.save({ epoch: 0, ...saved })
  const before = newRun(7)
  class Wide extends Net {
    override last = new nn.Linear(8, 3)
  }
  const model = new Wide()
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.3, momentum: 0.9 })
  const scheduler = new optim.lrScheduler.ExponentialLR(optimizer, 0.9)
  const ema = new torch.optim.swaUtils.AveragedModel(new Net())
  const [weights, random] = [Object.values(model.stateDict()).map((each) => each.clone()), torch.getRngState()]
  assert.throws(
    () => manager.resume({ model, optimizer, scheduler, ema }),
    (error: torch.CheckpointError) => {
      assert.equal(error.code, 'ERR_CHECKPOINT_MISMATCH')
      for (const part of [
        /size mismatch for last.weight/,
        /optimizer: .*another optimizer than SGD/,
        /scheduler: .*another scheduler than ExponentialLR/,
        /ema: the file has no 'ema_state_dict'/,
      ])
        assert.match(error.message, part)
      return true
    },
  )
  assert.ok(Object.values(model.stateDict()).every((each, i) => torch.equal(each, weights[i]!)))
  assert.ok(torch.equal(torch.getRngState(), random))
  assert.equal(optimizer.state.size, 0)
  // a part of the optimizer's parameters is not what was saved
  const part = new optim.Adam(before.model.first.parameters())
  assert.throws(
    () => manager.resume({ model: before.model, optimizer: part }),
    /state of 'norm.weight'.* does not have/,
  )
  assert.throws(() => manager.resume({ model: new nn.ModuleList([before.model]) }), /model: no "0.first.weight"/)
  // shapes of an optimizer's state are compared, too, where it is restored without its model
  const thin = new optim.Adam([...new nn.Linear(4, 9).parameters(), ...new Net().parameters().slice(2)])
  assert.throws(() => manager.resume({ optimizer: thin }), /exp_avg|groups of/)
  await manager.close()
})

test('frozen parameters, averages, scalers and generators come back', async () => {
  const folder = fresh()
  const make = () => {
    const run = newRun()
    for (const parameter of run.model.first.parameters()) parameter.requiresGrad = false
    return {
      ...run,
      ema: new torch.optim.swaUtils.AveragedModel(run.model),
      noise: new torch.Generator().manualSeed(1),
    }
  }
  const run = make()
  const manager = new CheckpointManager(folder)
  step(run)
  run.ema.updateParameters(run.model)
  torch.randn(5, { generator: run.noise })
  await manager.save({ epoch: 0, ...run })
  const [next, own] = [torch.randn(3).tolist(), torch.randn(3, { generator: run.noise }).tolist()]
  const other = make()
  for (const parameter of other.model.parameters()) parameter.requiresGrad = true
  const resumed = manager.resume({ ...other })!
  assert.deepEqual(resumed.restored, ['model', 'ema', 'optimizer', 'scheduler', 'rng'])
  assert.ok(resumed.exact)
  assert.deepEqual(
    other.model
      .namedParameters()
      .filter(([, parameter]) => !parameter.requiresGrad)
      .map(([name]) => name),
    ['first.weight', 'first.bias'],
  )
  assert.deepEqual(torch.randn(3).tolist(), next)
  assert.deepEqual(torch.randn(3, { generator: other.noise }).tolist(), own)
  // what nobody asks for is told
  const left = manager.resume({ model: other.model })!
  assert.deepEqual(left.notRestored.sort(), ['ema', 'optimizer', 'rng.generators.noise', 'scheduler'])
  assert.equal(left.exact, false)
  await manager.close()
})

test('a flipped byte: the one before is taken, and that is told', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder, { keep: 5 })
  const run = newRun()
  train(manager, run, 0, 3)
  await manager.close()
  const path = join(folder, 'checkpoint_epoch_2.pth')
  const bytes = readFileSync(path)
  const inside = bytes.indexOf(Buffer.from(run.model.first.weight.typedArray().buffer))
  assert.ok(inside > 0)
  bytes[inside + 5]! ^= 1
  writeFileSync(path, bytes)
  // torch.load does not notice
  torch.loadSync(path)
  const again = new CheckpointManager(folder, { keep: 5 })
  assert.match(
    again.list({ verify: true })[2]!.damaged!,
    /checkpoint_epoch_2.pth, record data\/\d+: its checksum is wrong/,
  )
  const resumed = again.resume({ ...newRun() })!
  assert.equal(resumed.epoch, 1)
  assert.deepEqual(
    resumed.skipped.map((each) => each.path),
    [path],
  )
  // the damaged one is no obstacle to saving that epoch anew
  train(again, run, 2, 3)
  await again.close()
  assert.equal(new CheckpointManager(folder).latest()?.epoch, 2)
  for (const name of readdirSync(folder).filter((each) => /epoch/.test(each))) writeFileSync(join(folder, name), 'x')
  const last = new CheckpointManager(folder)
  assert.throws(() => last.resume({ ...newRun() }), { code: 'ERR_CHECKPOINT_FORMAT' })
  await last.close()
})

test('every byte of a checkpoint that matters is noticed when it is cut off or changed', async () => {
  const folder = fresh()
  const manager = new CheckpointManager(folder)
  await manager.save({ epoch: 0, model: new nn.Linear(1, 1) })
  await manager.close()
  const path = join(folder, 'checkpoint_epoch_0.pth')
  const whole = readFileSync(path)
  const reader = new CheckpointManager(folder, { lock: false })
  for (let size = 0; size < whole.length; size += 97) {
    writeFileSync(path, whole.subarray(0, size))
    assert.ok(reader.list({ verify: 'crc' })[0]!.damaged, `cut at ${size}`)
  }
  writeFileSync(path, whole)
  assert.equal(reader.list({ verify: 'crc' })[0]!.damaged, undefined)
  assert.equal(statSync(path).size, whole.length)
})

test('a prefix that all keys of a file have is named, with what takes it off', async () => {
  const manager = new CheckpointManager(fresh())
  await manager.save({ epoch: 0, model: new nn.DataParallel(new nn.Linear(1, 1)) })
  assert.throws(
    () => manager.resume({ model: new nn.Linear(1, 1) }),
    /all keys of the file begin with 'module.': see stripPrefix/,
  )
  await manager.close()
})
