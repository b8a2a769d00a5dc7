/** Misuse that never reaches LibTorch: names, kinds, receivers. The message says what was expected and what to do. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

const { nn, optim } = torch
const x = torch.ones(2, 3)

/** Calls, and what their messages must contain; all are ERR_ARGUMENT. */
const wrong: [() => unknown, RegExp][] = [
  // names
  [() => x.sum({ dimm: 0 } as never), /unknown option 'dimm'; did you mean 'dim'\?/],
  [() => torch.zeros(2, { dytpe: 'int64' } as never), /unknown option 'dytpe'; did you mean 'dtype'\?/],
  [() => torch.add(x, x, { alhpa: 2 } as never), /did you mean 'alpha'/],
  [() => x.add(x, { out: x } as never), /no option 'out'; assign the result/],
  [() => (x.relu as (options: object) => unknown)({ inplace: true }), /unknown option 'inplace'/],
  [
    () => torch.tensor([1], { requires_grad: true } as never),
    /unknown option 'requires_grad'; did you mean 'requiresGrad'/,
  ],
  [() => new nn.Linear(2, 3, { bais: false } as never), /'bais'.*did you mean 'bias'/],
  [() => new nn.Conv2d(1, 1, 3, { strides: 2 } as never), /'strides'.*did you mean 'stride'/],
  [() => new optim.SGD([x], { learningRate: 1 } as never), /'learningRate'/],
  [() => new optim.Adam([x], { weigthDecay: 1 } as never), /did you mean 'weightDecay'/],
  // kinds
  [
    () => x.add('1' as never),
    /add\(\): no signature takes \(a Tensor of float32 \[2, 3\], the string '1'\)[\s\S]*signatures/,
  ],
  [() => x.add({} as never), /add\(\)/],
  [() => x.view(1.5), /view\(\)/],
  [() => x.reshape('2,3' as never), /shape' must be SymInt\[\], received the string/],
  [() => x.sum(true as never), /sum\(\)/],
  [() => torch.cat(x as never), /cat\(\)/],
  [() => torch.cat([x, 3] as never), /cat\(\)/],
  [() => x.to('float33' as never), /unknown device 'float33'; did you mean 'float32'/],
  [() => x.to({ dtype: 'flaot64' as never }), /unknown dtype 'flaot64'; did you mean 'float64'/],
  [() => torch.ones(2, { dtype: 'flot' } as never), /'flot' is no dtype; dtypes are 'float32'/],
  [() => torch.ones(2, { device: 'cudda' }), /'cudda' is no device; devices are 'cpu'/],
  [() => torch.tensor('text' as never), /expected a number.*received/],
  [() => torch.tensor([1, undefined] as never), /data\[1\]: expected a number.*received undefined/],
  [() => torch.tensor([x] as never), /stack/],
  [() => torch.manualSeed('one' as never), /seed|bigint|number/i],
  [() => torch.setNumThreads(0), /positive integer/],
  [() => torch.setNumThreads('2' as never), /integer/],
  [() => new nn.Linear(2 as never, 'x' as never), /Linear.*'x'|outFeatures|out_features/],
  [() => new nn.Linear(2 as never), /Linear|missing/],
  [() => x.index('1;2'), /index|slice/i],
  [() => x.indexPut_([0], 'x' as never), /received|number/],
  // integers that a double does not hold
  [() => x.sum(2 ** 53 + 2), /sum\(\)|2\^53/],
  [() => x.add(2n ** 64n), /64 bits/],
  // optimizers
  [() => new optim.SGD([], { lr: 0.1 }), /optimizer got an empty parameter list/],
  [() => new optim.SGD([3] as never, { lr: 0.1 }), /Tensor/],
  [() => new optim.SGD(x as never, { lr: 0.1 }), /Tensor/],
  [() => new optim.SGD([x.requiresGrad_(true).mul(2)], { lr: 0.1 }), /leaf/],
]

for (const [call, message] of wrong) {
  test(`${String(call)
    .replace(/^\(\) => /, '')
    .replace(/ as never/g, '')}`, () => {
    assert.throws(call, (error: torch.TorchError) => {
      assert.equal(error.code, 'ERR_ARGUMENT', error.stack)
      assert.match(error.message, message)
      assert.ok(error instanceof torch.ArgumentError)
      return true
    })
  })
}

test('an optimizer over frozen parameters alone says that everything is frozen', () => {
  const model = new nn.Linear(2, 2)
  model.requiresGrad_(false)
  assert.throws(() => new optim.Adam(model.parameters(), { lr: 0.1 }), {
    code: 'ERR_ARGUMENT',
    message: /frozen/,
  })
})

test('wrong receivers are errors, whatever they are', () => {
  const { add, sum, item, view, index } = torch.Tensor.prototype
  const { port1: port } = new MessageChannel()
  const shape = Object.getOwnPropertyDescriptor(torch.Tensor.prototype, 'shape')!.get!
  const generator = new torch.Generator()
  const receivers = [
    {},
    [],
    null,
    undefined,
    'text',
    Symbol('s'),
    () => {},
    new Float32Array(4),
    new Proxy({}, {}),
    Object.create(torch.Tensor.prototype),
    new torch.Tensor(),
    generator,
    new nn.Linear(1, 1),
    new optim.SGD([torch.ones(1).requiresGrad_()], { lr: 1 }),
    // objects of Node that wrap native pointers
    new URL('file:///x'),
    port,
    process.stdin,
  ]
  for (const receiver of receivers) {
    const calls = [
      () => Reflect.apply(add, receiver, [1]),
      () => Reflect.apply(sum, receiver, []),
      () => Reflect.apply(view, receiver, [1]),
      () => Reflect.apply(index, receiver, [0, '...']),
      () => Reflect.apply(item, receiver, []),
      () => Reflect.apply(shape, receiver, []),
    ]
    for (const call of calls) assert.throws(call, { code: 'ERR_ARGUMENT' })
    assert.equal(torch.isTensor(receiver), false)
  }
  port.close()
})

test('an object in front of a Tensor is that Tensor', () => {
  for (const receiver of [new Proxy(torch.ones(1), {}), Object.create(torch.ones(1)) as torch.Tensor]) {
    assert.equal(torch.isTensor(receiver), true)
    assert.deepEqual(torch.add(receiver, receiver).tolist(), [2])
  }
})

test('native objects are not taken for one another', () => {
  const generator = new torch.Generator()
  const linear = new nn.Linear(2, 2)
  assert.throws(() => torch.randn(2, { generator: x as never }), { code: 'ERR_ARGUMENT' })
  assert.throws(() => torch.randn(2, { generator: linear as never }), { code: 'ERR_ARGUMENT' })
  assert.throws(() => x.add(generator as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => x.add(linear as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => linear.forward(generator as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => Reflect.apply(torch.Generator.prototype.manualSeed, x, [1]), { code: 'ERR_ARGUMENT' })
  assert.throws(
    () => Reflect.apply(nn.Linear.prototype.forward, x, [x]),
    (error) => error instanceof Error,
  )
  assert.throws(
    () => Reflect.apply(optim.SGD.prototype.step, linear, []),
    (error) => error instanceof Error,
  )
})

test('instanceof goes by brand: it holds for the classes of another copy of the package', async () => {
  const other = (await import(`${pathToFileURL(join(root, 'dist', 'errors.js'))}?copy`)) as typeof torch
  assert.notEqual(other.ShapeError, torch.ShapeError)
  const error = new other.ShapeError('x')
  assert.ok(error instanceof torch.ShapeError)
  assert.ok(error instanceof torch.TorchError)
  assert.equal((error as unknown) instanceof torch.DtypeError, false)
  assert.equal((new Error('x') as unknown) instanceof torch.TorchError, false)
  assert.equal(Reflect.apply(Function.prototype[Symbol.hasInstance], Error, [error]), true)
  assert.equal(error.name, 'ShapeError')
})
