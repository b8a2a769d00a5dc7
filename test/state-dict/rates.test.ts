/** What only shows in numbers: the last bits of learning rates, statistics that a small checkpoint must have, training beside Python. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { nn, optim } = torch
torch.setNumThreads(1) // as Python has in tests

test('layerDecay: the rates of a Python loop to the last bit', (t) => {
  if (!requirePython(t)) return
  // V8's own power differs from Python's in a tenth of these
  const decays = Array.from({ length: 70 }, (_, i) => (30 + i) / 100)
  const expected = pythonJson<number[][]>(
    'import json, sys\nprint(json.dumps([[3e-4 * d ** (11 - i) for i in range(12)] for d in json.loads(sys.argv[1])]))',
    [JSON.stringify(decays)],
  )
  const deep = new nn.Sequential(...Array.from({ length: 12 }, () => new nn.Linear(1, 1)))
  const rates = decays.map((layerDecay) =>
    torch.paramGroups(deep, [{ match: '**' }], { lr: 3e-4, layerDecay }).map(({ lr }) => lr),
  )
  assert.deepEqual(rates, expected)
})

test('a rule that the ones before it leave nothing is an error', () => {
  const net = new nn.Sequential(new nn.Linear(1, 1), new nn.Linear(1, 1))
  assert.throws(
    () =>
      torch.paramGroups(net, [
        { match: '**', lr: 1 },
        { match: '1.*', lr: 2 },
      ]),
    {
      code: 'ERR_ARGUMENT',
      message: /rule 1, '1\.\*', has nothing.*narrower one first/,
    },
  )
  torch.freeze(net, '1.*')
  assert.equal(
    torch.paramGroups(net, [
      { match: '1.*', lr: 2 },
      { match: '**', lr: 1 },
    ]).length,
    1,
  )
})

test('a small checkpoint has the statistics that training changes, and not those that are kept', () => {
  const make = () =>
    new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2), new nn.BatchNorm1d(2, { affine: false }))
  const statistics = (i: number) => ['running_mean', 'running_var', 'num_batches_tracked'].map((name) => `${i}.${name}`)
  const net = make()
  torch.freeze(net, '1.*', { stats: 'update' })
  const own = ['0.weight', '0.bias']
  assert.deepEqual(Object.keys(torch.trainableStateDict(net)), [...own, ...statistics(1), ...statistics(2)])
  torch.freeze(net, '1.*', '2.*')
  assert.deepEqual(Object.keys(torch.trainableStateDict(net)), own)
})

test('training beside a frozen BatchNorm gives the numbers of Python with bn.eval() after each train()', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson(`
import json, torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2), nn.BatchNorm1d(2))
for p in [*net[0].parameters(), *net[1].parameters()]: p.requires_grad = False
o = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
x = torch.arange(12.).reshape(6, 2)
for _ in range(3):
    net.train(); net[1].eval()
    o.zero_grad(); (net(x) - 1).pow(2).sum().backward(); o.step()
print(json.dumps({k: v.tolist() for k, v in net.state_dict().items()}))`)
  torch.manualSeed(0)
  const net = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 2), new nn.BatchNorm1d(2))
  torch.freeze(net, '0.*', '1.*')
  const optimizer = new optim.SGD(torch.trainable(net), { lr: 0.1, momentum: 0.9 })
  const x = torch.arange(12).float().reshape([6, 2])
  for (let i = 0; i < 3; i++) {
    net.train()
    optimizer.zeroGrad()
    net.forward(x).sub(1).pow(2).sum().backward()
    optimizer.step()
  }
  const state = Object.entries(net.stateDict()).map(([key, value]) => [key, value.tolist()])
  assert.deepEqual(Object.fromEntries(state), expected)
})

test('a shared parameter is found by any of its names, and is in one group', () => {
  class Tied extends nn.Module {
    embedding = new nn.Embedding(4, 2)
    out = new nn.Linear(2, 4)
    constructor() {
      super()
      this.out.weight = this.embedding.weight
    }
  }
  const net = new Tied()
  const [out, rest] = torch.paramGroups(net, [
    { match: 'out.weight', lr: 1 },
    { match: '**', lr: 2 },
  ])
  assert.deepEqual([out!.params, rest!.params], [[net.embedding.weight], [net.out.bias]])
  const layers = ['embedding.*', 'out.*']
  const layered = torch.paramGroups(net, [{ match: '**' }], { lr: 1, layerDecay: 0.5, layers, noDecay: ['out.weight'] })
  assert.deepEqual(
    layered.map(({ lr, weightDecay, params }) => [lr, weightDecay, params.length]),
    [
      [0.5, 0, 1],
      [1, undefined, 1],
    ],
  )
})

test('an optimizer of the trainable parameters of a frozen model says that everything is frozen', () => {
  const net = new nn.Linear(1, 1)
  torch.freeze(net)
  assert.throws(() => new optim.SGD(torch.trainable(net), { lr: 1 }), {
    code: 'ERR_ARGUMENT',
    message: /empty parameter list.*everything is frozen.*unfreeze\(model/,
  })
})
