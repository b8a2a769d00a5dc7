/** State that is loaded by the names of parameters, where their order or number is another one. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, requirePython } from '../support/python.js'

const { nn, optim } = torch

class Net extends nn.Module {
  body = new nn.Linear(3, 4)
  head = new nn.Linear(4, 2)
  override forward(x: torch.Tensor) {
    return this.head.forward(this.body.forward(x).relu())
  }
}

const step = (model: Net, optimizer: torch.optim.Optimizer<any>) => {
  optimizer.zeroGrad()
  model.forward(torch.ones(2, 3)).square().sum().backward()
  optimizer.step()
}
const stateOf = (optimizer: torch.optim.Optimizer<any>, p: torch.Tensor) => optimizer.state.get(p) as any

test('an optimizer of the head alone takes its part of what one of the whole net saved', () => {
  const model = new Net()
  const whole = new optim.Adam(model.namedParameters(), { lr: 0.01 })
  step(model, whole)
  step(model, whole)
  const head = new optim.Adam([...model.namedParameters()].filter(([name]) => name.startsWith('head')).reverse(), {
    lr: 0.5,
    weightDecay: 1,
  })
  assert.throws(() => head.loadStateDict(whole.stateDict()), /doesn't match the size/)
  head.loadStateDict(whole.stateDict(), { by: 'name' })
  for (const p of [model.head.weight, model.head.bias!]) {
    assert.equal(stateOf(head, p).step.item(), 2)
    assert.ok(stateOf(head, p).exp_avg.equal(stateOf(whole, p).exp_avg))
  }
  assert.equal(head.paramGroups[0]!.lr, 0.01, 'options come from the file')
  assert.deepEqual(head.paramGroups[0]!.paramNames, ['head.bias', 'head.weight'])
})

test('parameters that the file does not have start anew, and groups of which it has none keep their options', () => {
  const model = new Net()
  const head = new optim.SGD([...model.namedParameters()].slice(2), { lr: 0.01, momentum: 0.9 })
  step(model, head)
  const [weight, bias, ...others] = [...model.namedParameters()]
  const whole = new optim.SGD(
    [
      { params: [weight, bias], lr: 0.3 },
      { params: others, lr: 0.4 },
    ] as any,
    { lr: 0.01, momentum: 0.5 },
  )
  whole.loadStateDict(head.stateDict(), { by: 'name' })
  assert.equal(stateOf(whole, model.body.weight), undefined)
  assert.ok(stateOf(whole, model.head.weight).momentum_buffer.equal(stateOf(head, model.head.weight).momentum_buffer))
  assert.deepEqual(
    whole.paramGroups.map((group) => [group.lr, group.momentum]),
    [
      [0.3, 0.5],
      [0.01, 0.9],
    ],
  )
})

test('names are needed on both sides, and only once', () => {
  const model = new Net()
  const named = new optim.SGD(model.namedParameters(), { lr: 0.1 })
  const unnamed = new optim.SGD(model.parameters(), { lr: 0.1 })
  const refused = { code: 'ERR_STATE_DICT' }
  assert.throws(() => named.loadStateDict(unnamed.stateDict(), { by: 'name' }), {
    ...refused,
    message: /no 'param_names'/,
  })
  assert.throws(() => unnamed.loadStateDict(named.stateDict(), { by: 'name' }), {
    ...refused,
    message: /namedParameters/,
  })
  const twice = named.stateDict()
  ;(twice.param_groups[0] as any).param_names = ['a', 'a', 'b', 'c']
  assert.throws(() => named.loadStateDict(twice, { by: 'name' }), { ...refused, message: /'a' twice/ })
  assert.throws(() => named.loadStateDict(named.stateDict(), { by: 'order' as any }), /by should be/)
})

test('a file of Python with named parameters', (t) => {
  if (!requirePython(t)) return
  const file = join(tempDir(t), 'named.pt')
  python(
    `
import sys, torch
m = torch.nn.ModuleDict({'head': torch.nn.Linear(4, 2), 'body': torch.nn.Linear(3, 4)})
o = torch.optim.AdamW(m.named_parameters(), lr=0.25)
for p in m.parameters(): p.grad = torch.ones_like(p)
o.step()
torch.save(o.state_dict(), sys.argv[1])`,
    [file],
  )
  const model = new Net()
  const optimizer = new optim.AdamW(model.namedParameters())
  const given = torch.loadSync(file) as any
  optimizer.loadStateDict(given, { by: 'name' })
  assert.equal(optimizer.paramGroups[0]!.lr, 0.25)
  assert.ok(stateOf(optimizer, model.body.weight).exp_avg.equal(given.state.get(2).exp_avg))
  assert.ok(stateOf(optimizer, model.head.bias!).exp_avg.equal(given.state.get(1).exp_avg))
})
