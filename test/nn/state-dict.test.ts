import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
type Loose = Record<string, torch.Tensor>

test('a state dict shares the storage of the module, without its graph', () => {
  const layer = new nn.Linear(2, 2)
  const state = layer.stateDict()
  assert.equal(state.weight.requiresGrad, false)
  torch.noGrad(() => layer.weight.fill_(7))
  assert.deepEqual(state.weight.tolist(), [
    [7, 7],
    [7, 7],
  ])
  assert.equal(layer.stateDict({ keepVars: true }).weight, layer.weight)
  assert.deepEqual(Object.keys(layer.stateDict({ prefix: 'head.' })), ['head.weight', 'head.bias'])
  assert.equal(Object.getPrototypeOf(state), null)
})

test('loading copies into the same parameters and casts', () => {
  const layer = new nn.Linear(2, 1)
  const { weight } = layer
  const result = layer.loadStateDict({ weight: torch.ones(1, 2, { dtype: 'float64' }), bias: torch.zeros(1) })
  assert.deepEqual(result, { missingKeys: [], unexpectedKeys: [] })
  assert.equal(String(result), '<All keys matched successfully>')
  assert.equal(layer.weight, weight)
  assert.equal(weight.dtype, 'float32')
  assert.deepEqual(weight.tolist(), [[1, 1]])
})

test('assign takes the tensors themselves and keeps requiresGrad', () => {
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2))
  net.at(0).weight.requiresGrad = false
  const state: Loose = { ...(net.stateDict() as Loose) }
  state['0.weight'] = torch.ones(2, 2, { dtype: 'float64' })
  const mean = torch.full([2], 5)
  state['1.running_mean'] = mean
  net.loadStateDict(state, { assign: true })
  assert.equal(net.at(0).weight.dtype, 'float64')
  assert.equal(net.at(0).weight.requiresGrad, false)
  assert.equal(net.at(0).bias.requiresGrad, true)
  mean.fill_(6)
  assert.deepEqual(net.at(1).running_mean.tolist(), [6, 6])
  assert.ok(net.buffers().includes(net.at(1).running_mean))
})

test('a load that does not fit writes nothing and names every problem', () => {
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2))
  const before = net.at(0).weight.tolist()
  const state = {
    '0.weight': torch.ones(2, 2),
    '0.bias': torch.ones(3),
    '1.weight': torch.ones(2, 2),
    extra: torch.ones(1),
  }
  assert.throws(() => net.loadStateDict(state), {
    code: 'ERR_STATE_DICT',
    message:
      'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "1.bias". \n\t' +
      'Unexpected key(s) in state_dict: "extra". \n\tsize mismatch for 0.bias: copying a param with shape torch.Size([3]) ' +
      'from checkpoint, the shape in current model is torch.Size([2]).',
  })
  assert.deepEqual(net.at(0).weight.tolist(), before)
  assert.throws(() => net.loadStateDict(state, { strict: false }), /size mismatch/)
  assert.deepEqual(net.loadStateDict({ '0.weight': torch.ones(2, 2) }, { strict: false }).missingKeys, [
    '0.bias',
    '1.weight',
    '1.bias',
  ])
})

test('state dicts from before num_batches_tracked load, those after must have it', () => {
  const norm = new nn.BatchNorm2d(2)
  norm.forward(torch.randn(2, 2, 3, 3))
  const full = norm.stateDict() as Loose
  const { num_batches_tracked: _, ...old } = full
  assert.deepEqual(norm.loadStateDict(old).missingKeys, [])
  assert.equal(norm.num_batches_tracked.item(), 1)
  delete full.num_batches_tracked
  assert.throws(() => norm.loadStateDict(full), /Missing key\(s\) in state_dict: "num_batches_tracked"/)
})

test('a Map is a state dict, a list is none', () => {
  const layer = new nn.Linear(1, 1, { bias: false })
  layer.loadStateDict(new Map([['weight', torch.full([1, 1], 4)]]))
  assert.equal(layer.weight.item(), 4)
  assert.throws(() => layer.loadStateDict([] as never), {
    message: "Expected state_dict to be dict-like, got <class 'list'>.",
  })
  assert.throws(() => layer.loadStateDict({}, { strickt: false } as never), { message: /did you mean 'strict'/ })
})

test('a tensor given to a loss is a buffer of it', () => {
  const loss = new nn.CrossEntropyLoss({ weight: torch.ones(3) })
  assert.deepEqual(Object.keys(loss.stateDict()), ['weight'])
  assert.deepEqual(Object.keys(new nn.CrossEntropyLoss().stateDict()), [])
  assert.equal(String(loss), 'CrossEntropyLoss()')
})
