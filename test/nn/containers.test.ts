import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

test('a ModuleDict keeps its order, replaces in place, and refuses what is no module', () => {
  const dict = new nn.ModuleDict<Record<string, torch.nn.Module>>({ b: new nn.ReLU(), a: new nn.Tanh() })
  dict.set('b', new nn.Sigmoid())
  assert.deepEqual([...dict], ['b', 'a'])
  assert.equal(String(dict.get('b')), 'Sigmoid()')
  assert.equal(dict.has('a') && dict.length === 2 && dict.size === 2, true)
  assert.deepEqual(
    dict.namedChildren().map(([name]) => name),
    ['b', 'a'],
  )
  const tanh = dict.pop('a')
  assert.equal(String(tanh), 'Tanh()')
  assert.throws(() => dict.get('a'), { code: 'ERR_ARGUMENT', message: "ModuleDict has no member 'a'" })
  assert.throws(() => dict.set('x', torch.ones(1) as never), { message: /is not a Module subclass$/ })
  assert.throws(() => new nn.ModuleDict({ '': new nn.ReLU() }), { message: 'module name can\'t be empty string ""' })
  assert.equal(dict.delete('nothing'), false)
  dict.clear()
  assert.equal(String(dict), 'ModuleDict()')
  assert.throws(() => dict.forward(torch.ones(1)), { message: /missing the required "forward"/ })
})

test('names of methods are names of members like any other', () => {
  const dict = new nn.ModuleDict({ keys: new nn.Linear(1, 1), forward: new nn.ReLU(), constructor: new nn.ReLU() })
  assert.deepEqual([...dict.keys()], ['keys', 'forward', 'constructor'])
  assert.deepEqual(Object.keys(dict.stateDict()), ['keys.weight', 'keys.bias'])
  assert.equal(dict.getParameter('keys.weight'), dict.get('keys').weight)
})

test('a module in a ModuleDict is trained, moved, loaded and found by name', () => {
  class Net extends nn.Module {
    parts = new nn.ModuleDict({ norm: new nn.BatchNorm1d(2), lin: new nn.Linear(2, 2) })
    override forward(x: torch.Tensor): torch.Tensor {
      return this.parts.get('lin').forward(this.parts.get('norm').forward(x))
    }
  }
  const net = new Net().double().eval()
  assert.equal(net.parts.get('norm').training, false)
  assert.equal(net.getSubmodule('parts.lin'), net.parts.get('lin'))
  assert.equal(net.forward(torch.ones(1, 2, { dtype: 'float64' })).dtype, 'float64')
  const state = net.stateDict()
  assert.deepEqual(Object.keys(new Net().loadStateDict(state)), ['missingKeys', 'unexpectedKeys'])
  net.setSubmodule('parts.lin', new nn.Identity())
  assert.equal(net.parameters().length, 2)
  net.loadStateDict({ ...net.stateDict(), 'parts.norm.weight': torch.zeros(2) }, { assign: true })
  assert.deepEqual(net.parts.get('norm').weight.tolist(), [0, 0])
})

test('a ParameterDict makes Parameters of tensors and keeps other values', () => {
  const data = torch.zeros(2)
  const dict = new nn.ParameterDict({ w: data, note: 'text' })
  data.fill_(5)
  assert.ok(dict.get('w') instanceof nn.Parameter)
  assert.deepEqual(dict.get('w').tolist(), [5, 5])
  assert.equal(dict.get('note'), 'text')
  assert.equal(dict.get('w'), dict.parameters()[0])
  assert.throws(() => new nn.ParameterDict({ n: torch.tensor([1n]) }), { code: 'ERR_DTYPE' })
  assert.throws(() => dict.set(3 as never, data), { message: /^Index given to ParameterDict cannot be used as a key/ })
  assert.throws(() => new nn.ParameterDict().popitem(), { code: 'ERR_ARGUMENT' })
  dict.loadStateDict({ w: torch.ones(2) }, { assign: true })
  assert.deepEqual(dict.get('w').tolist(), [1, 1])
  assert.equal(dict.get('w').requiresGrad, true)
})

test('a ParameterList is an array of parameters, also when its places are set', () => {
  const list = new nn.ParameterList([torch.zeros(1)])
  list[0] = torch.ones(2) as torch.nn.Parameter
  assert.ok(list[0] instanceof nn.Parameter)
  assert.equal(list.parameters().length, 1)
  assert.deepEqual([...list], [list[0]])
  assert.equal(list.at(-1), list[0])
  assert.deepEqual(Object.keys(list.stateDict()), ['0'])
  list.double()
  assert.equal(list[0].dtype, 'float64')
  assert.throws(() => list.extend(torch.ones(2) as never), { message: /^ParameterList.extend should be called with/ })
  assert.throws(() => list.at(1), { code: 'ERR_INDEX' })
  list.loadStateDict({ 0: torch.tensor([3, 3]) }, { assign: true })
  assert.deepEqual(list[0].tolist(), [3, 3])
})

test('Sequential and ModuleList: operators and what they refuse', () => {
  const relu = new nn.ReLU()
  const seq: torch.nn.Sequential = new nn.Sequential<torch.nn.Module[]>(relu)
  assert.equal(seq.add_(new nn.Sequential(new nn.Tanh())), seq)
  assert.equal(seq.mul_(2).length, 4)
  assert.equal(seq[2], relu)
  assert.equal(seq.modules().length, 3)
  seq.delete(-1)
  assert.equal(seq.length, 3)
  assert.throws(() => seq.add([relu] as never), { message: /^add operator supports only objects of Sequential class/ })
  assert.throws(() => seq.mul(1.5), { code: 'ERR_ARGUMENT' })
  assert.throws(() => seq.delete(7), { code: 'ERR_INDEX' })
  const list = new nn.ModuleList<torch.nn.Module>([relu])
  assert.equal(list.add_([new nn.Tanh()]).length, 2)
  assert.equal(list.add(list).length, 4)
})

test('Container is there and says that it is deprecated', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const container = new nn.Container({ a: new nn.Linear(1, 1) })
  assert.deepEqual(Object.keys(container.stateDict()), ['a.weight', 'a.bias'])
  assert.equal((await warned).name, 'FutureWarning')
})
