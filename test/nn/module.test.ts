import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

class Net extends nn.Module {
  first = new nn.Linear(2, 3)
  scale = new nn.Parameter(torch.ones(3))
  steps = new nn.Buffer(torch.zeros(1))
  note = 'text'
  unset: torch.nn.Module | undefined
  nothing = null
  plain = torch.ones(2)
  second = new nn.Linear(3, 1, { bias: false })
  override forward(x: torch.Tensor): torch.Tensor {
    return this.second.forward(this.first.forward(x).mul(this.scale))
  }
}

const names = (pairs: [string, unknown][]): string[] => pairs.map(([name]) => name)

test('own parameters come before those of children, in the order of the fields', () => {
  const net = new Net()
  assert.deepEqual(names(net.namedParameters()), ['scale', 'first.weight', 'first.bias', 'second.weight'])
  assert.deepEqual(Object.keys(net.stateDict()), ['scale', 'steps', 'first.weight', 'first.bias', 'second.weight'])
  assert.deepEqual(names(net.namedModules()), ['', 'first', 'second'])
  assert.deepEqual(names(net.namedParameters({ recurse: false, prefix: 'net' })), ['net.scale'])
  assert.deepEqual(names(net.namedBuffers()), ['steps'])
  assert.equal(net.second.bias, null)
})

test('a module and a parameter used twice count once, but have all their keys', () => {
  class Twice extends nn.Module {
    a = new nn.Linear(2, 2)
    b = this.a
    tied = new nn.Linear(2, 2)
  }
  const twice = new Twice()
  twice.tied.weight = twice.a.weight
  assert.deepEqual(names(twice.namedParameters()), ['a.weight', 'a.bias', 'tied.bias'])
  assert.equal(twice.parameters().length, 3)
  assert.equal(twice.modules().length, 3)
  assert.equal(twice.children().length, 2)
  assert.equal(Object.keys(twice.stateDict()).length, 6)
  assert.equal(names(twice.namedParameters({ removeDuplicate: false })).length, 6)
})

test('replacing a layer replaces it in the tree', () => {
  const net = new Net()
  const before = net.second
  net.second = new nn.Linear(3, 5)
  assert.ok(!net.modules().includes(before))
  assert.deepEqual(net.forward(torch.ones(1, 2)).shape, [1, 5])
  assert.ok('second.bias' in net.stateDict())
})

test('a parameter set on a native layer takes effect, and the getter gives it back', () => {
  const layer = new nn.Linear(2, 1)
  const weight = new nn.Parameter(torch.tensor([[2, 3]]))
  layer.weight = weight
  layer.bias = null as unknown as torch.nn.Parameter
  assert.equal(layer.weight, weight)
  assert.equal(layer.forward(torch.ones(1, 2)).item(), 5)
  assert.equal(String(layer), 'Linear(in_features=2, out_features=1, bias=False)')
  layer.forward(torch.ones(1, 2)).sum().backward()
  assert.deepEqual(weight.grad!.tolist(), [[1, 1]])
  assert.throws(
    () => {
      layer.weight = torch.ones(1, 2) as torch.nn.Parameter
    },
    { code: 'ERR_ARGUMENT', message: /as parameter 'weight' \(torch.nn.Parameter or None expected\)/ },
  )
})

test('options are live', () => {
  const conv = new nn.Conv2d(1, 1, 3)
  assert.deepEqual(conv.stride, [1, 1])
  conv.stride = 2
  assert.deepEqual(conv.forward(torch.ones(1, 1, 7, 7)).shape, [1, 1, 3, 3])
  const pool = new nn.MaxPool2d([3, 2])
  assert.deepEqual(pool.stride, [3, 2])
  const drop = new nn.Dropout()
  drop.p = 1
  assert.equal(drop.forward(torch.ones(4)).sum().item(), 0)
  assert.throws(() => Object.assign(drop, { p: 'much' }), {
    code: 'ERR_ARGUMENT',
    message: /^Dropout: expected p to be a number/,
  })
})

test('train and eval reach native layers', () => {
  const net = new nn.Sequential(new nn.Dropout(1), new nn.Sequential(new nn.Dropout(1)))
  assert.equal(net.training, true)
  assert.equal(net.forward(torch.ones(2)).sum().item(), 0)
  assert.equal(net.eval(), net)
  assert.equal(net.at(1).training, false)
  assert.equal(net.forward(torch.ones(2)).sum().item(), 2)
  net.at(0).training = true
  assert.equal(net.forward(torch.ones(2)).sum().item(), 0)
})

test('to() keeps the parameters, so that an optimizer stays valid, and leaves counters alone', () => {
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2))
  const before = net.parameters()
  const [weight] = before
  net.forward(torch.ones(3, 2)).sum().backward()
  assert.equal(net.to('float64'), net)
  assert.deepEqual(net.parameters(), before)
  assert.equal(net.at(0).weight, weight)
  assert.equal(weight!.dtype, 'float64')
  assert.equal(weight!.grad!.dtype, 'float64')
  assert.equal(weight!.requiresGrad, true)
  assert.equal(net.at(1).num_batches_tracked.dtype, 'int64')
  assert.equal(net.at(1).running_mean.dtype, 'float64')
  assert.equal(net.forward(torch.ones(3, 2, { dtype: 'float64' })).dtype, 'float64')
  assert.equal(net.half().parameters()[0]!.dtype, 'float16')
  assert.equal(net.to({ dtype: 'float32', device: 'cpu' }).parameters()[0]!.dtype, 'float32')
  assert.throws(() => net.to('int64'), {
    code: 'ERR_ARGUMENT',
    message: 'nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64',
  })
})

test('parts can be frozen, and gradients cleared', () => {
  const net = new Net()
  net.first.requiresGrad_(false)
  net.forward(torch.ones(1, 2)).sum().backward()
  assert.equal(net.first.weight.grad, null)
  assert.deepEqual(net.scale.grad!.shape, [3])
  net.zeroGrad({ setToNone: false })
  assert.equal(net.scale.grad!.abs().sum().item(), 0)
  net.zeroGrad()
  assert.equal(net.scale.grad, null)
})

test('hooks fire on forward, in order, may replace arguments and result, and can be removed', () => {
  const layer = new nn.Linear(1, 1)
  torch.noGrad(() => {
    layer.weight.fill_(2)
    layer.bias.fill_(0)
  })
  const calls: string[] = []
  const handles = [
    layer.registerForwardHook((module, args, output) => {
      assert.equal(module, layer)
      assert.equal(args.length, 1)
      calls.push('after')
      return output.add(100)
    }),
    layer.registerForwardPreHook((_, [x]) => {
      calls.push('before')
      return x.mul(10)
    }),
    layer.registerForwardHook(() => void calls.push('first'), { prepend: true }),
  ]
  assert.equal(layer.forward(torch.ones(1)).item(), 120)
  assert.deepEqual(calls, ['before', 'first', 'after'])
  assert.deepEqual(Object.keys(layer), ['weight', 'bias'])
  for (const handle of handles) handle.remove()
  handles[0]!.remove()
  assert.equal(layer.forward(torch.ones(1)).item(), 2)
  assert.equal(Object.hasOwn(layer, 'forward'), false)
})

test('a Sequential notices hooks, replaced and added layers, and layers with a forward of their own', () => {
  const seq = new nn.Sequential(new nn.ReLU(), new nn.Identity(), new nn.Sequential(new nn.ReLU()))
  const x = torch.tensor([-1, 2])
  assert.deepEqual(seq.forward(x).tolist(), [0, 2])
  let seen = 0
  const handle = seq.at(1).registerForwardHook(() => void seen++)
  seq.forward(x)
  handle.remove()
  seq.forward(x)
  assert.equal(seen, 1)
  seq[0] = new nn.Sigmoid()
  assert.ok(Number((seq.forward(x).tolist() as number[])[0]) > 0.2)
  class Double extends nn.ReLU {
    override forward(input: torch.Tensor): torch.Tensor {
      return super.forward(input).mul(2)
    }
  }
  seq[0] = new Double()
  assert.deepEqual(seq.forward(x).tolist(), [0, 4])
  seq.append(new Double())
  assert.deepEqual(seq.forward(x).tolist(), [0, 8])
  assert.equal(seq.length, 4)
  assert.deepEqual(new nn.Sequential().forward(x).tolist(), [-1, 2])
})

test('a Sequential of named layers has their names as keys', () => {
  const seq = new nn.Sequential({ fc: new nn.Linear(2, 2), act: new nn.ReLU() })
  assert.deepEqual(Object.keys(seq.stateDict()), ['fc.weight', 'fc.bias'])
  const fromPairs = new nn.Sequential([
    ['b', new nn.ReLU()],
    ['a', new nn.Tanh()],
  ])
  assert.deepEqual(names(fromPairs.namedChildren()), ['b', 'a'])
  assert.throws(
    () =>
      new nn.Sequential(
        new Map([
          ['2', new nn.ReLU()],
          ['0', new nn.Tanh()],
        ]),
      ),
    { code: 'ERR_ARGUMENT' },
  )
  assert.throws(() => new nn.Sequential('relu' as never), { code: 'ERR_ARGUMENT' })
})

test('containers can be indexed, iterated, extended and cut', () => {
  const [a, b, c] = [new nn.ReLU(), new nn.Tanh(), new nn.Sigmoid()] as const
  const list = new nn.ModuleList<torch.nn.Module>([a])
  list.append(b).extend([c])
  assert.deepEqual([...list], [a, b, c])
  assert.equal(list[1], b)
  assert.equal(list.at(-1), c)
  assert.equal(list.pop(), c)
  list.insert(0, c)
  assert.deepEqual([...list], [c, a, b])
  assert.deepEqual([...list.slice(1)], [a, b])
  assert.equal(list.pop(0), c)
  assert.equal(list.length, 2)
  assert.throws(() => list.at(5), { code: 'ERR_INDEX' })
  assert.throws(() => list.forward(torch.ones(1)), {
    message: 'Module [ModuleList] is missing the required "forward" function',
  })
  const seq = new nn.Sequential(a, b, c).slice(1, 3)
  assert.deepEqual([...seq], [b, c])
})

test('members registered by name', () => {
  const module = new nn.Module()
  module.registerBuffer('count', torch.zeros(1))
  module.registerBuffer('scratch', torch.zeros(1), { persistent: false })
  module.registerParameter('w', new nn.Parameter(torch.ones(1)))
  module.addModule('act', new nn.ReLU())
  assert.deepEqual(Object.keys(module.stateDict()), ['w', 'count'])
  assert.deepEqual(names(module.namedBuffers()), ['count', 'scratch'])
  const fields = module as unknown as Record<string, unknown>
  fields.count = torch.ones(1) // stays a buffer, as in Python
  assert.equal((module.stateDict() as Record<string, torch.Tensor>).count!.item(), 1)
  assert.throws(() => module.registerBuffer('a.b', torch.ones(1)), { message: 'buffer name can\'t contain "."' })
  assert.throws(() => module.registerBuffer('act', torch.ones(1)), { message: "attribute 'act' already exists" })
  assert.throws(() => module.registerParameter('', null), { code: 'ERR_ARGUMENT' })
  assert.throws(() => module.addModule('x', torch.ones(1) as never), { message: /is not a Module subclass$/ })
})

test('modules, parameters and buffers are found by dotted names', () => {
  const net = new Net()
  assert.equal(net.getSubmodule(''), net)
  assert.equal(net.getSubmodule('first'), net.first)
  assert.equal(net.getParameter('first.weight'), net.first.weight)
  assert.equal(net.getBuffer('steps'), net.steps)
  assert.throws(() => net.getSubmodule('third.x'), { code: 'ERR_ARGUMENT', message: 'Net has no attribute `third`' })
  assert.throws(() => net.getSubmodule('note'), { message: '`note` is not an nn.Module' })
  assert.throws(() => net.getParameter('steps'), { message: '`steps` is not an nn.Parameter' })
  assert.throws(() => net.getBuffer('scale'), { message: '`scale` is not a buffer' })
})

test('apply goes from the leaves to the root', () => {
  const seen: string[] = []
  new nn.Sequential(new nn.ReLU(), new nn.ModuleList([new nn.Tanh()])).apply(
    (module) => void seen.push(module.constructor.name),
  )
  assert.deepEqual(seen, ['ReLU', 'Tanh', 'ModuleList', 'Sequential'])
})

test('Parameter shares the data of its tensor, and refuses what has no gradient', () => {
  const data = torch.zeros(2)
  const parameter = new nn.Parameter(data)
  data.fill_(3)
  assert.deepEqual(parameter.tolist(), [3, 3])
  assert.equal(parameter.requiresGrad, true)
  assert.equal(data.requiresGrad, false)
  assert.equal(String(parameter), 'Parameter containing:\ntensor([3., 3.], requires_grad=True)')
  assert.equal(torch.noGrad(() => new nn.Parameter(data)).requiresGrad, true)
  assert.equal(new nn.Parameter(data, { requiresGrad: false }).requiresGrad, false)
  assert.ok(parameter instanceof torch.Tensor && !(parameter.mul(1) instanceof nn.Parameter))
  assert.throws(() => new nn.Parameter(torch.tensor([1n])), { code: 'ERR_DTYPE' })
  assert.equal(new nn.Parameter(torch.tensor([1n]), { requiresGrad: false }).dtype, 'int64')
  assert.throws(() => new nn.Parameter([1] as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new nn.Parameter(data, { requireGrad: true } as never), {
    message: /did you mean 'requiresGrad'/,
  })
})
