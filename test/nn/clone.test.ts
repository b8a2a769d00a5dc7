import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

class Net extends nn.Module {
  lin = new nn.Linear(2, 2)
  same = this.lin
  weight = this.lin.weight
  note = { text: 'x', inner: [this.lin, new Map([['k', this.lin]])] as const }
  when = new Date(5)
  bytes = new Uint8Array([1, 2, 3])
  view = new Uint8Array(this.bytes.buffer, 1)
  pattern = /a/g
  set = new Set([this.lin])
  generator = new torch.Generator().manualSeed(3)
  plain = torch.ones(2)
  twice = this.plain
  act = (x: torch.Tensor): torch.Tensor => x
  private secret = 1
  get size(): number {
    return this.secret + 1
  }
  override forward(x: torch.Tensor): torch.Tensor {
    return this.lin.forward(x)
  }
}

test('a copy has everything of its own, and what was shared is shared in it', () => {
  const net = new Net()
  const copy = net.clone()
  assert.ok(copy instanceof Net)
  assert.notEqual(copy.lin, net.lin)
  assert.equal(copy.same, copy.lin)
  assert.equal(copy.weight, copy.lin.weight)
  assert.notEqual(copy.weight, net.weight)
  assert.equal(copy.note.inner[0], copy.lin)
  assert.equal(copy.note.inner[1].get('k'), copy.lin)
  assert.ok(copy.set.has(copy.lin) && !copy.set.has(net.lin))
  assert.ok(copy.when instanceof Date && copy.when !== net.when && copy.when.getTime() === 5)
  assert.ok(copy.pattern instanceof RegExp && copy.pattern !== net.pattern)
  copy.bytes[1] = 9
  assert.deepEqual([...net.bytes, ...copy.view], [1, 2, 3, 9, 3])
  assert.equal(copy.plain, copy.twice)
  assert.notEqual(copy.plain, net.plain)
  assert.equal(copy.act, net.act)
  assert.equal(copy.size, 2)
  assert.deepEqual(Object.keys(copy), Object.keys(net))
  assert.deepEqual(
    torch.rand(2, { generator: copy.generator }).tolist(),
    torch.rand(2, { generator: net.generator }).tolist(),
  )
})

test('a copy draws nothing, is trained apart, and keeps flags but no gradients of parameters', () => {
  const net = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Dropout(0.5), new nn.Linear(3, 1))
  net.at(1).eval()
  net.at(3).requiresGrad_(false)
  net.forward(torch.randn(4, 2)).sum().backward()
  const before = torch.getRngState()
  const copy = net.clone()
  assert.ok(torch.equal(before, torch.getRngState()))
  assert.deepEqual(
    copy.modules().map((module) => module.training),
    [true, true, false, true, true],
  )
  assert.equal(copy.at(3).weight.requiresGrad, false)
  assert.equal(copy.at(0).weight.grad, null)
  assert.ok(net.at(0).weight.grad)
  const x = torch.randn(4, 2)
  assert.ok(torch.equal(net.eval().forward(x), copy.eval().forward(x)))
  const optimizer = new torch.optim.SGD(
    copy.parameters().filter((p) => p.requiresGrad),
    { lr: 1 },
  )
  copy.forward(x).sum().backward()
  optimizer.step()
  assert.ok(!torch.equal(net.at(0).weight, copy.at(0).weight))
  assert.equal(net.at(0).weight.grad === copy.at(0).weight.grad, false)
})

test('options of layers are copied, and then are the copy’s own', () => {
  const conv = new nn.Conv2d(1, 1, 3, { bias: false, dtype: 'float64' })
  conv.stride = 2
  const copy = conv.clone()
  assert.deepEqual(copy.stride, [2, 2])
  copy.stride = 1
  assert.deepEqual(conv.stride, [2, 2])
  assert.equal(copy.bias, null)
  assert.equal(copy.weight.dtype, 'float64')
  const onMeta = new nn.Linear(2, 2, { device: 'meta' }).clone()
  assert.equal(onMeta.weight.device, 'meta')
})

test('a copy outlives the original', () => {
  let net: torch.nn.Module | undefined = new nn.Sequential(new nn.Linear(8, 8), new nn.ReLU())
  const x = torch.ones(1, 8)
  const expected = net.forward(x)
  const copy = net.clone()
  for (const parameter of net.parameters()) parameter.dispose()
  net = undefined
  assert.ok(torch.equal(copy.forward(x), expected))
})

test('hooks come along, and are removed apart', () => {
  const layer = new nn.Linear(1, 1)
  const seen: torch.nn.Module[] = []
  const handle = layer.registerForwardHook((module) => void seen.push(module))
  layer.registerStateDictPreHook((module) => void seen.push(module))
  const copy = layer.clone()
  copy.forward(torch.ones(1))
  handle.remove()
  layer.forward(torch.ones(1))
  copy.forward(torch.ones(1))
  copy.stateDict()
  assert.deepEqual(seen, [copy, copy, copy])
})

test('containers are copied with their members', () => {
  const lin = new nn.Linear(1, 1)
  const net = new nn.ModuleDict({
    list: new nn.ModuleList([lin, lin]),
    dict: new nn.ParameterDict({ w: lin.weight, own: torch.ones(1) }),
    params: new nn.ParameterList([lin.weight, 'text']),
  })
  const copy = net.clone()
  assert.equal(String(copy), String(net))
  const first = copy.get('list').at(0)
  assert.notEqual(first, lin)
  assert.equal(copy.get('list').at(1), first)
  assert.equal(copy.get('dict').get('w'), first.weight)
  assert.equal(copy.get('params')[0], first.weight)
  copy.get('params').append(torch.ones(1))
  assert.equal(net.get('params').length, 2)
  copy.get('dict').delete('own')
  assert.equal(net.get('dict').length, 2)
})

test('a module that refers to itself can be copied, one with a computed tensor cannot', () => {
  const module = Object.assign(new nn.Module(), { self: {} as object })
  module.self = [module]
  const copy = module.clone()
  assert.equal((copy.self as object[])[0], copy)
  const computed = Object.assign(new nn.Module(), { w: torch.ones(1, { requiresGrad: true }).mul(2) })
  assert.throws(() => computed.clone(), { message: /^Only Tensors created explicitly by the user/ })
})
