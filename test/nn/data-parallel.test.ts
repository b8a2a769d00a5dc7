import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
const { parallel } = nn

class Net extends nn.Module {
  a = new nn.Linear(4, 6)
  b = new nn.ModuleDict({ act: new nn.Tanh(), out: new nn.Linear(6, 3) })
  scale = new nn.Parameter(torch.randn(3))
  list = new nn.ParameterList([torch.randn(3)])
  own = new nn.ParameterDict({ shift: torch.randn(3) })
  tied = this.a
  steps = new nn.Buffer(torch.zeros(1))
  override forward(x: torch.Tensor): torch.Tensor {
    const y = this.b.get('out').forward(this.b.get('act').forward(this.tied.forward(x)))
    return y.mul(this.scale).add(this.list[0]!).sub(this.own.get('shift'))
  }
}

/** Without a GPU the way over replicas runs on the CPU several times over. */
const cpus = (n: number): string[] => Array(n).fill('cpu')

test('replicas give the result and the gradients of the module itself', () => {
  torch.manualSeed(1)
  const net = new Net().double()
  const x = torch.randn(7, 4, { dtype: 'float64' })
  for (const n of [1, 2, 3, 9]) {
    const weights = torch.randn(7, 3, { dtype: 'float64' })
    const backward = (forward: (x: torch.Tensor) => torch.Tensor): torch.Tensor[] => {
      net.zeroGrad()
      const input = x.detach().clone().requiresGrad_()
      const out = forward(input)
      out.mul(weights).sum().backward()
      return [out.detach(), input.grad!, ...net.parameters().map((p) => p.grad!)]
    }
    const alone = backward((input) => net.forward(input))
    const together = backward((input) => parallel.dataParallel(net, input, cpus(n)))
    assert.equal(alone.length, together.length)
    // Sums over the batch are added in parts, which rounds otherwise: 1e-12 at values below 10.
    for (const [i, value] of alone.entries()) {
      assert.ok(torch.allclose(value, together[i]!, { rtol: 1e-12, atol: 1e-12 }), `${i} with ${n}`)
    }
  }
})

test('a replica has tensors that come from the module’s, and no parameters', () => {
  const net = new Net()
  const [one, two] = parallel.replicate(net, cpus(2))
  assert.ok(one instanceof Net && one !== two)
  assert.equal(one.parameters().length, 0)
  assert.equal(one.a.weight.gradFn, 'ViewBackward0')
  assert.equal(one.a.weight.dataPtr(), net.a.weight.dataPtr())
  assert.equal(one.tied, one.a)
  assert.notEqual(one.a, two!.a)
  assert.equal(parallel.replicate(net, cpus(1), true)[0]!.a.weight.requiresGrad, false)
  assert.equal(parallel.replicate(net, []).length, 0)
  assert.equal(net.parameters().length, 7)
  // in Python, too, the containers of parameters say what became of them
  assert.equal(String(one), String(net).replaceAll('Parameter containing', 'Tensor containing'))
})

test('replicas have the mode, the options and the hooks of the module; the first shares its buffers', () => {
  const net = new nn.Sequential(new nn.BatchNorm1d(2, { affine: false }), new nn.Dropout(1))
  let calls = 0
  net.at(0).registerForwardHook(() => void calls++)
  net.at(1).eval()
  const out = parallel.dataParallel(
    net,
    torch.tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
    cpus(2),
  ) as torch.Tensor
  assert.equal(calls, 2)
  assert.deepEqual(out.abs().gt(0.9).all().item(), true)
  // of the first half of the batch alone
  assert.equal(net.at(0).num_batches_tracked.item(), 1)
  assert.ok(torch.allclose(net.at(0).running_mean!, torch.tensor([0.2, 0.3])))
})

test('scatter and gather go through arrays, Maps and objects', () => {
  const x = torch.arange(6)
  const parts = parallel.scatter({ a: [x, 'text'], m: new Map([['k', x]]), none: null, empty: [] as number[] }, cpus(4))
  assert.equal(parts.length, 3)
  assert.deepEqual(
    parts.map((part) => (part.a[0] as torch.Tensor).tolist()),
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  )
  assert.equal(parts[1]!.a[1], 'text')
  const together = parallel.gather(
    parts.map((part) => ({ a: [part.a[0]], m: part.m })),
    'cpu',
  )
  assert.deepEqual((together.a[0] as torch.Tensor).tolist(), x.tolist())
  assert.deepEqual(together.m.get('k')!.tolist(), x.tolist())
  assert.deepEqual(parallel.gather([torch.ones(2, 1), torch.zeros(2, 2)], 'cpu', 1).shape, [2, 3])
  assert.equal(parallel.gather([null, null], 'cpu'), null)
  assert.throws(() => parallel.gather([{ a: x }, { a: x, b: x }], 'cpu'), {
    message: 'All dicts must have the same number of keys',
  })
  assert.throws(() => parallel.gather([3, 4], 'cpu'), { code: 'ERR_ARGUMENT' })
})

test('scalars are gathered into a vector, with a warning', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  assert.deepEqual(parallel.gather([torch.tensor(1), torch.tensor(2)], 'cpu').tolist(), [1, 2])
  assert.match((await warned).message, /^Was asked to gather along dimension 0, but all input tensors were scalars/)
})

test('parallelApply calls each module with its inputs', () => {
  const [a, b] = [new nn.ReLU(), new nn.Identity()]
  const x = torch.tensor([-1, 1])
  assert.deepEqual(
    parallel.parallelApply([a, b], [[x], x]).map((y) => y.tolist()),
    [
      [0, 1],
      [-1, 1],
    ],
  )
  assert.throws(() => parallel.parallelApply([a, b], [x]), {
    message: 'The number of modules 2 is not equal to the number of inputs 1',
  })
  assert.throws(() => parallel.parallelApply([a], [x], [{}, {}]), { message: /kwargs_tup 2$/ })
  assert.throws(() => parallel.parallelApply([a], [x], null, [0, 1]), { message: /devices 2$/ })
})

test('DataParallel without CUDA calls the module, whose keys begin with module.', (t) => {
  if (torch.cuda.isAvailable()) return t.skip('this is what happens without CUDA')
  const model = new nn.DataParallel(new nn.Linear(2, 1), { deviceIds: [0, 1], dim: 0 })
  assert.deepEqual(Object.keys(model.stateDict()), ['module.weight', 'module.bias'])
  assert.deepEqual(model.deviceIds, [])
  assert.equal(String(model), 'DataParallel(\n  (module): Linear(in_features=2, out_features=1, bias=True)\n)')
  const x = torch.randn(3, 2)
  assert.ok(torch.equal(model.forward(x), model.module.forward(x)))
  assert.equal(model.getParameter('module.weight'), model.module.weight)
  model.loadStateDict(model.clone().stateDict())
})

test('devices that are not there, and tensors elsewhere, are named', () => {
  const net = new nn.Linear(2, 2)
  const x = torch.ones(2, 2)
  assert.throws(() => parallel.dataParallel(net, x, [99]), { code: 'ERR_DEVICE', message: 'Invalid device id' })
  assert.throws(() => parallel.dataParallel(net, x, [-1]), { code: 'ERR_DEVICE' })
  assert.throws(() => parallel.dataParallel(net.clone().to('meta'), x, cpus(2)), {
    code: 'ERR_DEVICE',
    message:
      'module must have its parameters and buffers on device cpu (device_ids[0]) but found one of them on device: meta',
  })
  assert.throws(() => parallel.dataParallel(net, x, []), { message: 'no available devices were found' })
  assert.throws(() => new nn.DataParallel('x' as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new nn.DataParallel(net, { devices: [0] } as never), { message: /did you mean 'deviceIds'/ })
})
