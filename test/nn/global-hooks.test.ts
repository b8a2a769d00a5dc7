/** Hooks of all modules: what they do to classes and chains while they are there, and that nothing is left of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { made } from './made.js'

const { nn } = torch
const { module: M } = nn.modules
type Tensor = torch.Tensor

class Scale extends nn.Module {
  override forward(x: Tensor, { by = 2 }: { by?: number } = {}): Tensor {
    return x.mul(by)
  }
}
/** Takes a batch that is a plain object, as data loaders make them. */
class OfBatch extends nn.Module {
  override forward(batch: { x: Tensor }): Tensor {
    return batch.x
  }
}

test('a chain is one native call again when the last of them is gone', () => {
  const model = new nn.Sequential(
    new nn.Linear(4, 4),
    new nn.Sequential(new nn.ReLU(), new nn.Tanh()),
    new nn.Linear(4, 1),
  )
  const x = torch.randn(2, 4)
  const expected = model.forward(x)
  assert.equal(
    made(() => model.forward(x)),
    1,
  )
  let calls = 0
  const handles = [
    M.registerModuleForwardHook(() => void calls++),
    M.registerModuleFullBackwardHook(() => {
      calls += 100
      return null
    }),
  ]
  assert.ok(torch.equal(model.forward(x), expected))
  assert.equal(calls, 6)
  handles[0]!.remove()
  model.forward(x).sum().backward()
  assert.equal(calls, 606)
  handles[1]!.remove()
  handles[1]!.remove()
  assert.equal(
    made(() => model.forward(x)),
    1,
  )
  assert.equal(calls, 606)
})

test('classes are as they were written before and after', () => {
  class Net extends nn.Module {
    override forward(x: Tensor): Tensor {
      return x
    }
  }
  const net = new Net()
  const before = [Net, nn.Layer, nn.Module, nn.Sequential].map((type) =>
    Object.getOwnPropertyDescriptor(type.prototype, 'forward'),
  )
  const handle = M.registerModuleForwardPreHook(() => {})
  assert.notEqual(Object.getOwnPropertyDescriptor(Net.prototype, 'forward')?.value, before[0]?.value)
  handle.remove()
  for (const [i, type] of [Net, nn.Layer, nn.Module, nn.Sequential].entries())
    assert.deepEqual(Object.getOwnPropertyDescriptor(type.prototype, 'forward'), before[i])
  assert.equal(Object.hasOwn(net, 'forward'), false)
})

test('a forward that is replaced meanwhile is called, on a class and on an object', () => {
  class Base extends nn.Module {
    override forward(x: Tensor): Tensor {
      return x.add(1)
    }
  }
  class Sub extends Base {}
  const [base, sub, old, x] = [new Base(), new Sub(), new Base(), torch.zeros(1)]
  old.forward = (y) => y.add(50)
  const parent = new nn.Sequential(old)
  const seen: string[] = []
  const handle = M.registerModuleForwardHook(
    (module, _, out) => void seen.push(`${module.constructor.name} ${out.item()}`),
  )
  parent.forward(x)
  Base.prototype.forward = (y) => y.add(7)
  base.forward(x)
  Sub.prototype.forward = (y) => y.add(8)
  sub.forward(x)
  base.forward = (y) => y.add(9)
  base.forward(x)
  const own = base.registerForwardHook((_, __, out) => out.add(100))
  base.forward(x)
  own.remove()
  base.forward(x)
  assert.deepEqual(seen, ['Base 50', 'Sequential 50', 'Base 7', 'Sub 8', 'Base 9', 'Base 9', 'Base 9'])
  handle.remove()
  assert.deepEqual(
    [base, sub, new Base(), old].map((module) => module.forward(x).item()),
    [9, 8, 7, 50],
  )
  assert.equal(seen.length, 7)
})

test('many classes, made one for each module, are known as long as they live', () => {
  const modules = Array.from({ length: 300 }, () => new (class extends Scale {})())
  let calls = 0
  const handle = M.registerModuleForwardHook(() => void calls++)
  for (const module of modules) module.forward(torch.ones(1))
  handle.remove()
  assert.equal(calls, 300)
})

test('a plain object is what came by name, unless it is all that a forward with a parameter got', () => {
  const seen: unknown[] = []
  const options = { by: 3 }
  const scale = new Scale()
  scale.registerForwardPreHook(
    (_, args, kwargs) => {
      seen.push([args.length, { ...kwargs }])
      kwargs.by = 5
      return undefined
    },
    { withKwargs: true },
  )
  const x = torch.ones(1)
  assert.equal(scale.forward(x, options).item(), 5)
  assert.deepEqual(options, { by: 3 })
  assert.equal(scale.forward(x).item(), 5)
  const plain = new OfBatch()
  plain.registerForwardPreHook((_, args, kwargs) => void seen.push([args.length, kwargs]), { withKwargs: true })
  plain.registerForwardPreHook((_, [batch]) => ({ ...batch, x: batch.x.add(1) }))
  assert.equal(plain.forward({ x }).item(), 2)
  const attention = new nn.MultiheadAttention(2, 1)
  attention.registerForwardHook((_, args, kwargs) => void seen.push([args.length, Object.keys(kwargs)]), {
    withKwargs: true,
  })
  const q = torch.ones(1, 1, 2)
  const [, weights] = attention.forward(q, q, q, { needWeights: false })
  assert.equal(weights, null)
  ;(attention as torch.nn.Module).forward({ query: q, key: q, value: q })
  assert.deepEqual(seen, [
    [1, { by: 3 }],
    [1, {}],
    [1, {}],
    [3, ['needWeights']],
    [0, ['query', 'key', 'value']],
  ])
})

test('copies have the hooks with their options', () => {
  const scale = new Scale()
  const seen: unknown[] = []
  scale.registerForwardHook((_, args, kwargs, out) => void seen.push([args.length, kwargs, out === null]), {
    withKwargs: true,
    alwaysCall: true,
  })
  const copy = scale.clone()
  copy.forward(torch.ones(1), { by: 4 })
  assert.throws(() => copy.forward(3 as never, { by: 4 }))
  assert.deepEqual(seen, [
    [1, { by: 4 }, false],
    [1, { by: 4 }, true],
  ])
})

test('what makes no sense is refused', () => {
  const scale = new Scale()
  for (const register of Object.values(M).filter((value) => value !== nn.Module) as ((hook: never) => unknown)[]) {
    assert.throws(() => register('no' as never), {
      code: 'ERR_ARGUMENT',
      message: /^registerModule\w+\(\): expected a function/,
    })
  }
  assert.throws(() => M.registerModuleForwardHook(() => {}, { prepend: true } as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => M.registerModuleForwardHook(() => {}, { alwaysCal: true } as never), {
    message: /did you mean 'alwaysCall'/,
  })
  assert.throws(() => scale.registerForwardHook(() => {}, { alwaysCall: 1 } as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => scale.registerForwardHook(() => {}, true as never), { code: 'ERR_ARGUMENT' })
  assert.throws(() => scale.registerForwardPreHook(() => {}, { alwaysCall: true } as never), { code: 'ERR_ARGUMENT' })
  const pair = scale.registerForwardPreHook(() => [3, {}], { withKwargs: true })
  assert.throws(() => scale.forward(torch.ones(1)), { code: 'ERR_ARGUMENT', message: /new arguments as an array/ })
  pair.remove()
  const m = new nn.Module()
  const wrong = [
    [
      M.registerModuleParameterRegistrationHook(() => torch.ones(1)),
      () => new nn.Linear(1, 1),
      /object to parameter 'weight'/,
    ],
    [M.registerModuleBufferRegistrationHook(() => 3), () => m.registerBuffer('b', null), /object to buffer 'b'/],
    [M.registerModuleModuleRegistrationHook(() => ({})), () => m.addModule('c', null), /object to module 'c'/],
  ] as const
  for (const [handle, run, text] of wrong) {
    assert.throws(run, { code: 'ERR_ARGUMENT', message: text })
    handle.remove()
  }
  assert.equal(String(new nn.Linear(1, 1)), 'Linear(in_features=1, out_features=1, bias=True)')
})
