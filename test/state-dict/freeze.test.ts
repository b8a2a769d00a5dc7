/** Freezing: names, statistics of BatchNorm, stale gradients, and what live Python does without these rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { nn, optim } = torch

class Block extends nn.Module {
  conv = new nn.Conv2d(2, 2, 1)
  bn1 = new nn.BatchNorm2d(2)
}
class Net extends nn.Module {
  backbone = new nn.Sequential({ first: new Block(), second: new Block() })
  norm = new nn.BatchNorm1d(2, { affine: false })
  head = new nn.Linear(2, 3)
  override forward(x: torch.Tensor): torch.Tensor {
    let out = x
    for (const block of this.backbone.children() as Block[]) out = block.bn1.forward(block.conv.forward(out))
    return this.head.forward(this.norm.forward(out.mean([2, 3])))
  }
}

const trainableNames = (model: torch.nn.Module) => torch.trainable(model).map(([name]) => name)
const wrong = (message: RegExp) => ({ code: 'ERR_ARGUMENT', message })

test('patterns', () => {
  const model = new Net()
  assert.deepEqual(torch.freeze(model, 'backbone.first.*'), [
    'backbone.first.conv.weight',
    'backbone.first.conv.bias',
    'backbone.first.bn1.weight',
    'backbone.first.bn1.bias',
  ])
  assert.deepEqual(torch.freeze(model, '**.bn?.*'), ['backbone.second.bn1.weight', 'backbone.second.bn1.bias'])
  assert.deepEqual(torch.freeze(model, '*.*.conv.bias', 'head.w*'), ['backbone.second.conv.bias', 'head.weight'])
  assert.deepEqual(trainableNames(model), ['backbone.second.conv.weight', 'head.bias'])
  assert.equal(torch.unfreeze(model).length, 8)
  assert.equal(torch.freeze(model).length, 10)
  assert.deepEqual(trainableNames(model), [])
})

test('a pattern that matches nothing is an error that says what was meant', () => {
  const model = new Net() as torch.nn.Module
  assert.throws(() => torch.freeze(model, 'backbone'), wrong(/'backbone' is a module.*'backbone\.\*'/))
  assert.throws(() => torch.freeze(model, 'backbon.*'), wrong(/did you mean 'backbone\.\*'/))
  assert.throws(() => torch.freeze(model, 'head.wieght'), wrong(/did you mean 'head\.weight'/))
  assert.throws(() => torch.freeze(model, 'head.*', 'neck.*'), wrong(/no parameter of Net matches 'neck\.\*'/))
  assert.equal(trainableNames(model).length, 10, 'nothing was frozen')
  assert.throws(() => torch.freeze(model, ['head.*'] as never), wrong(/patterns are arguments of their own/))
  assert.throws(() => torch.freeze(model, 'head.*', { stat: 'freeze' } as never), wrong(/'stats'/))
  assert.throws(() => torch.freeze({} as never), wrong(/expected a model/))
  assert.throws(() => torch.freeze(model, 3 as never), wrong(/a pattern should be a text/))
})

test('a frozen BatchNorm keeps its statistics through train(); stats: update is Python', (t) => {
  const x = torch.arange(32, { dtype: 'float32' }).view(4, 2, 2, 2)
  const run = (stats: 'freeze' | 'update') => {
    const model = new Net()
    torch.freeze(model, 'backbone.*', { stats })
    model.train()
    model.forward(x)
    const { first } = Object.fromEntries(model.backbone.namedChildren()) as unknown as { first: Block }
    return { model, block: first, moved: first.bn1.num_batches_tracked!.item() }
  }
  const kept = run('freeze')
  assert.equal(kept.moved, 0)
  assert.equal(kept.block.bn1.training, false)
  assert.equal(kept.block.training, true, 'only the norm stays')
  assert.equal(kept.model.norm.training, true, 'one that was not matched follows')
  assert.equal(kept.model.norm.num_batches_tracked!.item(), 1)
  kept.model.eval()
  kept.model.train()
  assert.equal(kept.block.bn1.training, false)
  torch.unfreeze(kept.model, 'backbone.*')
  assert.equal(kept.block.bn1.training, true, 'unfrozen, it is in the mode of the last train()')

  if (!requirePython(t)) return
  const python = pythonJson<number>(`
import torch, json
bn = torch.nn.BatchNorm2d(2).requires_grad_(False); bn.train(); bn(torch.arange(32.).view(4, 2, 2, 2))
print(bn.num_batches_tracked.item())`)
  assert.equal(run('update').moved, python)
})

test('a norm without parameters is chosen by its statistics, and one that is half frozen follows train()', () => {
  const model = new Net()
  torch.freeze(model, 'norm.*')
  assert.equal(model.train().norm.training, false)
  const block = new Block()
  torch.freeze(block, 'bn1.weight')
  assert.equal(block.train().bn1.training, true)
  torch.freeze(block, 'bn1.bias')
  assert.equal(block.train().bn1.training, false)
  block.bn1.bias!.requiresGrad = true
  assert.equal(block.train().bn1.training, true, 'thawed by hand')
})

test('a stale gradient would keep moving frozen weights, as in Python; freeze() forgets it', (t) => {
  const moved = (freeze: (model: torch.nn.Linear) => void) => {
    const model = new nn.Linear(1, 1)
    torch.noGrad(() => model.weight.fill_(1))
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.1 })
    model.forward(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    const before = model.weight.item() as number
    freeze(model)
    optimizer.step()
    return Math.abs((model.weight.item() as number) - before)
  }
  const plain = moved((model) => void model.weight.requiresGrad_(false))
  assert.equal(
    moved((model) => void torch.freeze(model, 'weight')),
    0,
  )
  assert.ok(plain > 0.01)
  if (!requirePython(t)) return
  const python = pythonJson<number>(`
import torch, json
m = torch.nn.Linear(1, 1)
torch.nn.init.ones_(m.weight)
o = torch.optim.SGD(m.parameters(), lr=.1, momentum=.9, weight_decay=.1)
m(torch.ones(1, 1)).sum().backward(); o.step(); before = m.weight.item()
m.weight.requires_grad_(False); o.step()
print(abs(m.weight.item() - before))`)
  assert.equal(plain, python)
})

test('unfreezing for an optimizer', () => {
  const model = new Net()
  torch.freeze(model, 'backbone.*')
  const optimizer = new optim.Adam(
    torch.trainable(model).map(([, p]) => p),
    { lr: 0.1 },
  )
  assert.throws(
    () => torch.unfreeze(model, 'backbone.first.*', { optimizer }),
    wrong(
      /'backbone\.first\.conv\.weight'.* in no group of the optimizer, and would never change.*\{optimizer, lr: 1e-4\}/,
    ),
  )
  assert.equal(trainableNames(model).length, 2, 'nothing was unfrozen')
  torch.unfreeze(model, 'backbone.first.*', { optimizer, lr: 0.01 })
  assert.deepEqual(
    optimizer.paramGroups.map((group) => [group.lr, group.params.length]),
    [
      [0.1, 2],
      [0.01, 4],
    ],
  )
  const x = torch.randn(4, 2, 2, 2)
  const step = () => {
    optimizer.zeroGrad()
    model.forward(x).square().sum().backward()
    optimizer.step()
  }
  step()
  torch.freeze(model, 'head.*')
  const head = model.head.weight.clone()
  step()
  assert.ok(torch.equal(model.head.weight, head))
  assert.ok(optimizer.state.has(model.head.weight))
  torch.unfreeze(model, 'head.*', { optimizer, resetState: true })
  assert.ok(!optimizer.state.has(model.head.weight), 'its moments start anew')
  // part of a group moves to one of its own, with the other options
  torch.unfreeze(model, 'head.bias', { optimizer, lr: 1 })
  assert.deepEqual(
    optimizer.paramGroups.map((group) => [group.lr, group.params.length]),
    [
      [0.1, 1],
      [0.01, 4],
      [1, 1],
    ],
  )
  assert.throws(() => torch.unfreeze(model, 'head.*', { lr: 1 } as never), wrong(/lr is about an optimizer/))
  assert.throws(() => torch.unfreeze(model, 'head.*', { optimizer: {} as never }), wrong(/one of torch\.optim/))
})

test('everything frozen is told where it matters', () => {
  const model = new Net()
  torch.freeze(model)
  assert.throws(() => new optim.SGD(model.parameters(), { lr: 1 }), wrong(/everything is frozen/))
  assert.throws(() => torch.paramGroups(model, [{ match: '**', lr: 1 }]), wrong(/everything in Net is frozen/))
  assert.throws(
    () =>
      model
        .forward(torch.ones(2, 2, 1, 1))
        .sum()
        .backward(),
    {
      message: /does not require grad and does not have a grad_fn.*trainable/s,
    },
  )
})

test('the report counts each parameter once and prints a table', () => {
  const model = new Net()
  torch.freeze(model, 'backbone.*')
  const report = torch.frozenReport(model)
  assert.deepEqual(report.trainable, ['head.weight', 'head.bias'])
  assert.equal(report.frozen.length, 8)
  assert.deepEqual(report.numbers, { trainable: 9, frozen: 20, total: 29 })
  assert.deepEqual(report.keptInEval, ['backbone.first.bn1', 'backbone.second.bn1'])
  assert.equal(
    String(report),
    [
      'module                kind         numbers  state',
      'backbone.first.conv   Conv2d             6  frozen',
      'backbone.first.bn1    BatchNorm2d        4  frozen, kept in eval',
      'backbone.second.conv  Conv2d             6  frozen',
      'backbone.second.bn1   BatchNorm2d        4  frozen, kept in eval',
      'head                  Linear             9  trainable',
      '9 of 29 numbers are trainable (31.0 %)',
    ].join('\n'),
  )
  // training changes the statistics of a norm that is not frozen, also where it has no parameters
  const statistics = ['norm.running_mean', 'norm.running_var', 'norm.num_batches_tracked']
  assert.deepEqual(Object.keys(torch.trainableStateDict(model)), [...statistics, 'head.weight', 'head.bias'])
  torch.unfreeze(model, 'backbone.first.bn1.weight')
  assert.deepEqual(Object.keys(torch.trainableStateDict(model)).slice(0, 4), [
    'backbone.first.bn1.weight',
    'backbone.first.bn1.running_mean',
    'backbone.first.bn1.running_var',
    'backbone.first.bn1.num_batches_tracked',
  ])
})

test('a small checkpoint over the pretrained weights gives the fine-tuned model', () => {
  const pretrained = new Net()
  const tuned = new Net()
  tuned.loadStateDict(pretrained.stateDict())
  torch.freeze(tuned, 'backbone.*')
  const optimizer = new optim.SGD(
    torch.trainable(tuned).map(([, p]) => p),
    { lr: 0.1 },
  )
  for (let i = 0; i < 3; i++) {
    optimizer.zeroGrad()
    tuned
      .train()
      .forward(torch.randn(4, 2, 3, 3))
      .square()
      .sum()
      .backward()
    optimizer.step()
  }
  const { head, norm } = { head: torch.trainableStateDict(tuned), norm: tuned.norm.stateDict() }
  const again = new Net()
  again.loadStateDict({ ...pretrained.stateDict(), ...torch.addPrefix(norm, 'norm.') } as never)
  again.loadStateDict(head as never, { strict: false })
  const x = torch.randn(2, 2, 3, 3)
  assert.ok(torch.equal(again.eval().forward(x), tuned.eval().forward(x)))
})
