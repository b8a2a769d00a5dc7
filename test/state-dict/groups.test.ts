/** Parameter groups against a plain Python loop, and unfreezing by epochs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { nn, optim } = torch

class Net extends nn.Module {
  stem = new nn.Conv2d(1, 2, 3)
  norm = new nn.BatchNorm2d(2)
  body = new nn.Sequential(new nn.Linear(2, 2), new nn.LayerNorm(2))
  head = new nn.Linear(2, 3)
}

const wrong = (message: RegExp) => ({ code: 'ERR_ARGUMENT', message })
const namesOf = (model: torch.nn.Module, groups: torch.NamedGroup[]) => {
  const names = new Map(model.namedParameters().map(([name, parameter]) => [parameter, name]))
  return groups.map(({ params, ...rest }) => [params.map((p) => names.get(p)), rest])
}

test('the first rule that matches has a parameter; frozen ones are left out', () => {
  const model = new Net()
  torch.freeze(model, 'stem.*')
  const groups = torch.paramGroups(
    model,
    [
      { match: 'head.*', lr: 1e-3 },
      { match: '**', lr: 1e-4 },
    ],
    { weightDecay: 0.1 },
  )
  assert.deepEqual(namesOf(model, groups), [
    [['head.weight', 'head.bias'], { weightDecay: 0.1, lr: 1e-3 }],
    [
      ['norm.weight', 'norm.bias', 'body.0.weight', 'body.0.bias', 'body.1.weight', 'body.1.bias'],
      { weightDecay: 0.1, lr: 1e-4 },
    ],
  ])
})

test('layer-wise decay and no decay are those of a Python loop', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson(`
import json, torch.nn as nn
from collections import OrderedDict
model = nn.Sequential(OrderedDict(stem=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm2d(2), body=nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), head=nn.Linear(2, 3)))
layers = ['stem', 'norm', 'body', 'head']
groups = {}
for name, p in model.named_parameters():
    layer = layers.index(name.split('.')[0])
    no_decay = p.ndim <= 1 or name.endswith('.bias')
    groups.setdefault((layer, no_decay), []).append(name)
print(json.dumps([[groups[k], {'weightDecay': 0 if k[1] else 0.05, 'lr': 0.01 * 0.7 ** (len(layers) - 1 - k[0])}] for k in sorted(groups)]))`)
  const model = new Net()
  const groups = torch.paramGroups(model, [{ match: '**' }], {
    noDecay: true,
    layerDecay: 0.7,
    lr: 0.01,
    weightDecay: 0.05,
  })
  assert.deepEqual(
    namesOf(model, groups).map(([names, { weightDecay, lr }]: any) => [names, { weightDecay, lr }]),
    expected,
  )
  const optimizer = new optim.AdamW(groups)
  const scheduler = new optim.lrScheduler.ExponentialLR(optimizer, 0.5)
  optimizer.step()
  scheduler.step()
  assert.deepEqual(
    optimizer.paramGroups.map((group) => group.lr),
    (expected as any).map(([, { lr }]: any) => lr * 0.5),
  )
})

test('layers of one’s own, and patterns without decay', () => {
  const model = new Net()
  const groups = torch.paramGroups(model, [{ match: '**', lr: 1 }], {
    noDecay: ['norm.*', '**.bias'],
    layerDecay: 0.5,
    layers: [['stem.*', 'norm.*'], 'body.*', 'head.*'],
  })
  assert.deepEqual(
    namesOf(model, groups).map(([names, { lr, weightDecay }]: any) => [names.length, lr, weightDecay]),
    [
      [1, 0.25, undefined],
      [3, 0.25, 0],
      [2, 0.5, undefined],
      [2, 0.5, 0],
      [1, 1, undefined],
      [1, 1, 0],
    ],
  )
})

test('mistakes', () => {
  const model = new Net() as torch.nn.Module
  const groups = (rules: unknown, options?: object) => () => torch.paramGroups(model, rules as never, options as never)
  assert.throws(
    groups([{ match: 'head.*', lr: 1 }]),
    wrong(/no rule matches 'stem\.weight'.*end with \{match: '\*\*'\}/),
  )
  assert.throws(groups([{ match: 'haed.*', lr: 1 }]), wrong(/did you mean 'head\.\*'/))
  assert.throws(groups([]), wrong(/rules should be a list/))
  assert.throws(groups([{ lr: 1 }]), wrong(/a rule should be an object such as/))
  assert.throws(groups([{ match: '**' }], { layerDecay: 0.5 }), wrong(/layerDecay needs lr/))
  assert.throws(groups([{ match: '**' }], { layerDecay: 1.5, lr: 1 }), wrong(/in \(0, 1\]/))
  assert.throws(groups([{ match: '**' }], { layerDecay: 0.5, lr: 1, layers: ['stem.*'] }), wrong(/no layer of layers/))
  assert.throws(groups([{ match: '**' }], { layers: ['stem.*'] }), wrong(/layers is about layerDecay/))
  assert.throws(groups([{ match: '**' }], { noDecay: 'bias' }), wrong(/noDecay should be true/))
})

test('freeze → resume → unfreeze: a run that was resumed goes on with the same bytes', () => {
  const make = () => {
    torch.manualSeed(3)
    const model = new Net()
    torch.freeze(model, 'stem.*', 'body.*')
    const optimizer = new optim.SGD(
      torch.trainable(model).map(([, p]) => p),
      { lr: 0.1, momentum: 0.9 },
    )
    const plan = new torch.GradualUnfreeze(model, optimizer, [
      { epoch: 4, match: 'stem.*', lr: 0.001 },
      { epoch: 2, match: 'body.*', lr: 0.01 },
    ])
    return { model, optimizer, plan }
  }
  type Run = ReturnType<typeof make>
  const x = torch.randn(4, 1, 3, 3)
  const epoch = ({ model, optimizer, plan }: Run, i: number) => {
    const names = plan.step(i)
    optimizer.zeroGrad()
    const features = model.norm.forward(model.stem.forward(x)).flatten(1)
    model.head.forward(model.body.forward(features)).square().sum().backward()
    optimizer.step()
    return names
  }
  const straight = make()
  const seen = Array.from({ length: 6 }, (_, i) => epoch(straight, i).length)
  assert.deepEqual(seen, [0, 0, 4, 0, 2, 0])
  for (const stop of [1, 3, 5]) {
    const first = make()
    for (let i = 0; i < stop; i++) epoch(first, i)
    const saved = {
      model: torch.cloneStateDict(first.model.stateDict()),
      plan: first.plan.stateDict(),
      optimizer: first.optimizer.stateDict(),
    }
    const second = make()
    second.plan.loadStateDict(saved.plan)
    second.model.loadStateDict(saved.model)
    second.optimizer.loadStateDict(saved.optimizer)
    for (let i = stop; i < 6; i++) epoch(second, i)
    for (const [name, parameter] of second.model.namedParameters())
      assert.ok(torch.equal(parameter, straight.model.getParameter(name)), `stopped before ${stop}: ${name}`)
  }
  assert.throws(() => make().plan.loadStateDict({ epoch: 3, done: 2 }), { code: 'ERR_STATE_DICT' })
  const { model, optimizer } = make()
  assert.throws(
    () => new torch.GradualUnfreeze(model, optimizer, [{ epoch: 1, match: 'body.*' }]),
    wrong(/in no group/),
  )
  assert.throws(
    () => new torch.GradualUnfreeze(model, optimizer, [{ epoch: -1, match: 'body.*', lr: 1 }]),
    wrong(/epoch/),
  )
})
