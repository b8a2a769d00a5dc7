// Promise: toModule refuses what it cannot carry over, names it, and builds nothing that Python would not have.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn, PyObject, Tuple } = torch

type State = Record<string, unknown>
type Pickled = torch.PyObject & { state: State }

/** A module as a pickle holds it. */
function pickled(path: string, state: State = {}): Pickled {
  const dot = path.lastIndexOf('.')
  const object = new PyObject(path.slice(0, dot), path.slice(dot + 1), Tuple.of(), 'new')
  object.state = { training: true, _parameters: {}, _buffers: {}, _modules: {}, ...state }
  return object as Pickled
}
const container = (name: string, modules: State, state: State = {}): Pickled =>
  pickled(`torch.nn.modules.container.${name}`, { ...state, _modules: modules })
const relu = (state: State = {}): Pickled => pickled('torch.nn.modules.activation.ReLU', { inplace: false, ...state })
const linear = (state: State = {}): Pickled =>
  pickled('torch.nn.modules.linear.Linear', {
    in_features: 2,
    out_features: 3,
    _parameters: { weight: new nn.Parameter(torch.ones(3, 2)), bias: null },
    ...state,
  })
const refused = (message: RegExp) => ({ name: 'CheckpointError', code: 'ERR_CHECKPOINT_FORMAT', message })

test('classes that are not of torch.nn are named, all at once', () => {
  const model = container('Sequential', { 0: linear(), 1: pickled('__main__.Net'), 2: pickled('timm.layers.Norm') })
  assert.throws(() => torch.toModule(model), refused(/has __main__\.Net, timm\.layers\.Norm: .*toStateDict/))
  for (const path of [
    'torch.nn.modules.linear.Nothing',
    'torch.nn.modules.linear.functional',
    'torch.nn.modules.linear.Parameter',
    'torch.nn.modules.linear.constructor',
    'torch.nn.modules.linear.__proto__',
    'evil.Linear',
  ]) {
    assert.throws(() => torch.toModule(pickled(path)), refused(new RegExp(`has ${path.replaceAll('.', '\\.')}:`)), path)
  }
})

test('a module is found like a state dict is', () => {
  const model = linear()
  const bound = new PyObject('builtins', 'getattr', Tuple.of<unknown>(model, 'state_dict'))
  const criterion = pickled('torch.nn.modules.loss.MSELoss', { reduction: 'sum' })
  for (const loaded of [model, bound, { epoch: 1, model }, { any: model, criterion }, new Map([['net', model]])]) {
    assert.equal(String(torch.toModule(loaded)), 'Linear(in_features=2, out_features=3, bias=False)')
  }
  assert.equal((torch.toModule({ criterion }) as torch.nn.MSELoss).reduction, 'sum')
  assert.ok(torch.toModule({ a: model, criterion }, { key: 'criterion' }) instanceof nn.MSELoss)
  assert.throws(() => torch.toModule({ a: model, b: linear() }), refused(/several could be meant: 'a', 'b'/))
  assert.throws(() => torch.toModule({ epoch: 1 }), refused(/no pickled module found.*holds 'epoch'/))
  assert.throws(() => torch.toModule(new nn.Linear(2, 2).stateDict()), refused(/no pickled module found/))
  assert.throws(() => torch.toModule(model, { keys: 'a' } as object), { code: 'ERR_ARGUMENT' })
})

test('the module has the tensors of the file, and shared modules are shared', () => {
  const one = linear()
  const model = torch.toModule(container('Sequential', { 0: one, 1: relu(), 2: one })) as torch.nn.Sequential
  assert.equal(model[0], model[2])
  const { weight } = one.state._parameters as { weight: torch.nn.Parameter }
  assert.equal((model[0] as torch.nn.Linear).weight, weight)
  assert.deepEqual(
    model.namedParameters().map(([name]) => name),
    ['0.weight'],
  )
})

test('hooks and attributes that could change what a module does are refused, data is kept', () => {
  const hook = new PyObject('__main__', 'hook')
  for (const name of ['_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_state_dict_hooks']) {
    const model = container('Sequential', { act: relu({ [name]: new Map([[1, hook]]) }) })
    assert.throws(
      () => torch.toModule(model),
      refused(new RegExp(`'act' \\(ReLU\\) has hooks in ${name} \\(__main__.hook`)),
    )
  }
  for (const [name, value] of Object.entries({
    forward: hook,
    note: { deep: [hook] },
    _odd: 1,
    toString: 1,
    parameters: 1,
  })) {
    assert.throws(
      () => torch.toModule(relu({ [name]: value })),
      refused(new RegExp(`ReLU\\) has an attribute '${name}'`)),
    )
  }
  const loop: unknown[] = []
  loop.push(loop)
  const kept = torch.toModule(relu({ note: 'by hand', sizes: [1, 2], loop }))
  assert.deepEqual([(kept as any).note, (kept as any).sizes], ['by hand', [1, 2]])
  const six = pickled('torch.nn.modules.activation.ReLU6', { inplace: false, min_val: 0, max_val: 7 })
  assert.throws(() => torch.toModule(six), refused(/'max_val' changed to 7/))
})

test('what does not fit together is an error that says where', () => {
  const attention = 'torch.nn.modules.activation.MultiheadAttention'
  assert.throws(() => torch.toModule(pickled(attention)), refused(/has no attribute 'embed_dim'/))
  assert.throws(() => torch.toModule(linear({ in_features: 'x' })), refused(/\(Linear\) cannot be made: /))
  assert.throws(
    () => torch.toModule(linear({ _parameters: { weight: 7 } })),
    refused(/parameter 'weight' that is none/),
  )
  assert.throws(() => torch.toModule(linear({ _buffers: { b: 7 } })), refused(/buffer 'b' that is no tensor/))
  assert.throws(() => torch.toModule(container('Sequential', { 0: 7 })), refused(/child '0' that is no module/))
  const lstm = { mode: 'LSTM', input_size: 2, hidden_size: 3, bias: true, batch_first: false, dropout: 0 }
  for (const num_layers of [1, 1e9, -1, 'x']) {
    const state = { ...lstm, num_layers, bidirectional: false }
    assert.throws(() => torch.toModule(pickled('torch.nn.modules.rnn.LSTM', state)), refused(/LSTM/))
  }
  const odd = { reduction: 'mean', margin: 1, swap: false, distance_function: new PyObject('os', 'system') }
  assert.throws(
    () => torch.toModule(pickled('torch.nn.modules.loss.TripletMarginWithDistanceLoss', odd)),
    refused(/attribute 'distance_function', a Python object \(os.system\)/),
  )
  const wrapper = pickled('torch.nn.parallel.data_parallel.DataParallel', {
    device_ids: [],
    _modules: { module: null },
  })
  assert.throws(() => torch.toModule(wrapper), refused(/has no child 'module'/))
  const self = container('Sequential', {})
  ;(self.state._modules as State)['0'] = self
  assert.throws(() => torch.toModule(self), refused(/contains itself/))
  assert.throws(() => torch.toStateDict(self), refused(/contains itself/))
})

test('a small file of modules inside of one another does not take all memory', () => {
  let model = linear()
  for (let i = 0; i < 40; i++) model = container('Sequential', { 0: model, 1: model })
  assert.throws(() => torch.toStateDict(model), { code: 'ERR_CHECKPOINT_UNSAFE', message: /more than 1000000 modules/ })
  assert.equal(torch.toModule(model).modules().length, 41)
  let deep = linear()
  for (let i = 0; i < 400; i++) deep = container('Sequential', { 0: deep })
  assert.throws(() => torch.toModule(deep), refused(/more than 333 modules deep/))
})
