import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

test('a module below two parents is one module: counted, trained and moved once', () => {
  const shared = new nn.Linear(2, 2)
  class Half extends nn.Module {
    inner = shared
    own = new nn.Linear(2, 2)
  }
  class Whole extends nn.Module {
    left = new Half()
    right = new Half()
    override forward(x: torch.Tensor): torch.Tensor {
      return this.right.inner.forward(this.left.inner.forward(x))
    }
  }
  const net = new Whole()
  assert.equal(net.parameters().length, 6)
  assert.equal(net.modules().length, 6)
  assert.equal(net.modules(false).length, 7)
  assert.equal(Object.keys(net.stateDict()).length, 8)
  const optimizer = new torch.optim.SGD(net.parameters(), { lr: 0.5 })
  net.double()
  net
    .forward(torch.ones(1, 2, { dtype: 'float64' }))
    .sum()
    .backward()
  const before = shared.weight.detach().clone()
  optimizer.step()
  assert.equal(shared.weight.dtype, 'float64')
  assert.ok(torch.allclose(before.sub(shared.weight.grad!.mul(0.5)), shared.weight))
  // by another name the values are the same ones
  const state = net.stateDict() as Record<string, torch.Tensor>
  assert.equal(state['left.inner.weight']!.dataPtr(), state['right.inner.weight']!.dataPtr())
})

test('tied weights stay tied through to, clone and load', () => {
  class Tied extends nn.Module {
    embed = new nn.Linear(3, 3, { bias: false })
    head = new nn.Linear(3, 3, { bias: false })
    constructor() {
      super()
      this.head.weight = this.embed.weight
    }
  }
  for (const net of [new Tied().double(), new Tied().clone()]) {
    assert.equal(net.head.weight, net.embed.weight)
    assert.deepEqual(Object.keys(net.stateDict()), ['embed.weight', 'head.weight'])
    assert.deepEqual(
      net.namedParameters().map(([name]) => name),
      ['embed.weight'],
    )
    net.loadStateDict({ 'embed.weight': torch.zeros(3, 3), 'head.weight': torch.ones(3, 3) })
    assert.deepEqual(net.embed.weight.sum().item(), 9)
  }
  const assigned = new Tied()
  assigned.loadStateDict(new Tied().stateDict(), { assign: true })
  assert.notEqual(assigned.head.weight, assigned.embed.weight)
})

test('namedModules leaves out what is in memo, and adds what it found', () => {
  const net = new nn.Sequential(new nn.ReLU(), new nn.Tanh())
  const memo = new Set<torch.nn.Module>([net.at(0)])
  assert.deepEqual(
    net.namedModules(memo, 'net').map(([name]) => name),
    ['net', 'net.1'],
  )
  assert.equal(memo.size, 3)
  assert.deepEqual(net.namedModules({ memo }), [])
  assert.throws(() => net.namedModules([] as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => net.namedModules({ prefx: '' } as never), { message: /did you mean 'prefix'/ })
})

test('setSubmodule replaces and adds', () => {
  const net = new nn.Sequential(new nn.Linear(1, 1), new nn.Sequential(new nn.ReLU())) as unknown as torch.nn.Sequential
  net.setSubmodule('1.0', new nn.Tanh())
  net.setSubmodule('1.1', new nn.Sigmoid())
  assert.match(String(net), /\(0\): Tanh\(\)\n {4}\(1\): Sigmoid\(\)/)
  assert.ok(Number(net.forward(torch.ones(1, 1)).item()) > 0)
  assert.throws(() => net.setSubmodule('1.2', new nn.ReLU(), true), { message: 'Sequential has no attribute `2`' })
  assert.throws(() => net.setSubmodule('1', torch.ones(1) as never), {
    message: /^`module` is not an nn.Module, found/,
  })
})

test('toEmpty, type, and meta', () => {
  const net = new nn.Sequential(new nn.Linear(2, 2, { device: 'meta' }), new nn.BatchNorm1d(2))
  const { weight } = net.at(0)
  assert.throws(() => net.to('cpu'), {
    message: /^Cannot copy out of meta tensor; no data! Please use torch.nn.Module/,
  })
  net.at(0).toEmpty({ device: 'cpu' })
  // what was on meta cannot be the same tensor, as in Python
  assert.notEqual(net.at(0).weight, weight)
  assert.equal(net.at(0).weight.requiresGrad, true)
  net.loadStateDict({ ...net.stateDict(), '0.weight': torch.ones(2, 2), '0.bias': torch.zeros(2) })
  assert.deepEqual(net.at(0).forward(torch.ones(1, 2)).tolist(), [[2, 2]])
  net.toEmpty({ device: 'meta', recurse: false })
  assert.equal(net.at(0).weight.device, 'cpu')
  assert.throws(() => net.toEmpty({} as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => net.toEmpty({ device: 'cpu', recurs: true } as never), { message: /did you mean 'recurse'/ })
  const norm = new nn.BatchNorm1d(2).type('float64')
  assert.deepEqual(
    norm.buffers().map((buffer) => buffer.dtype),
    ['float64', 'float64', 'float64'],
  )
  assert.throws(() => norm.type('int64'), { code: 'ERR_DTYPE' })
})

test('what has no meaning here says so', () => {
  const layer = new nn.Linear(1, 1)
  assert.throws(() => layer.compile(), { code: 'ERR_TORCH', message: /^compile\(\) is not offered/ })
  assert.throws(() => layer.shareMemory(), { code: 'ERR_TORCH', message: /^shareMemory\(\) is not offered/ })
  assert.throws(() => layer.getExtraState(), { code: 'ERR_TORCH', message: /^Linear has no extra state/ })
  assert.throws(() => layer.xpu(), { code: 'ERR_DEVICE' })
  assert.throws(() => layer.registerForwardHook(() => {}, { withKwarg: true } as never), {
    message: /did you mean 'withKwargs'/,
  })
  assert.throws(() => layer.registerForwardPreHook(() => {}, { alwaysCall: true } as never), { code: 'ERR_ARGUMENT' })
})

test('buffers that do not persist stay out of state dicts, also after a load that assigns', () => {
  class Net extends nn.Module {
    kept = new nn.Buffer(torch.zeros(1))
    scratch = new nn.Buffer(torch.zeros(1), { persistent: false })
  }
  const net = new Net()
  net.registerBuffer('none', null)
  assert.deepEqual(Object.keys(net.stateDict()), ['kept'])
  assert.throws(() => net.loadStateDict({ kept: torch.ones(1), scratch: torch.ones(1) } as never), {
    message: /Unexpected key\(s\) in state_dict: "scratch"/,
  })
  net.loadStateDict({ kept: torch.ones(1) }, { assign: true })
  net.to('float64')
  assert.deepEqual(Object.keys(net.clone().stateDict()), ['kept'])
  assert.deepEqual(
    net
      .clone()
      .buffers()
      .map((buffer) => buffer.dtype),
    ['float64', 'float64'],
  )
})

test('a state dict can be collected into one that is there', () => {
  const destination: Record<string, torch.Tensor> = {}
  const one = new nn.Linear(1, 1).stateDict({ destination, prefix: 'a.' })
  new nn.Linear(1, 1, { bias: false }).stateDict({ destination, prefix: 'b.', keepVars: true })
  assert.equal(one, destination)
  assert.deepEqual(Object.keys(destination), ['a.weight', 'a.bias', 'b.weight'])
  assert.ok(destination['b.weight'] instanceof nn.Parameter)
})
