import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import * as torch from 'libtorch-node'

test('String and console.log print the same text', () => {
  const t = torch.tensor([
    [1, 2.5],
    [-3, Number.NaN],
  ])
  assert.equal(String(t), 'tensor([[ 1.0000,  2.5000],\n        [-3.0000,     nan]])')
  assert.equal(inspect(t), String(t))
})

test('of a large tensor only the edges are read', () => {
  // 2^40 elements that share one: reading them all could not end
  const t = torch.ones(1).expand(2 ** 20, 2 ** 20)
  assert.match(String(t), /^tensor\(\[\[1\., 1\., 1\., {2}\.\.\., 1\., 1\., 1\.\],\n/)
})

test('a parameter says so, in console.log too', () => {
  const p = new torch.nn.Parameter(torch.ones(2))
  assert.equal(String(p), 'Parameter containing:\ntensor([1., 1.], requires_grad=True)')
  assert.equal(inspect(p), String(p))
})

test('printing leaves no trace in the graph', () => {
  const x = torch.ones(2000, { requiresGrad: true })
  const y = x.mul(2)
  String(y)
  y.sum().backward()
  assert.equal(x.grad!.index(0).item(), 2)
  assert.match(String(y), /grad_fn=<MulBackward0>\)$/)
})

test('print options are kept until they are set again, sciMode only until the next call', () => {
  const before = torch.getPrintoptions()
  try {
    torch.setPrintoptions({ precision: 2, sciMode: true })
    assert.equal(String(torch.tensor([1.5])), 'tensor([1.50e+00])')
    torch.setPrintoptions({ edgeitems: 1, threshold: 2 })
    assert.equal(String(torch.tensor([1.5, 2, 3])), 'tensor([1.50,  ..., 3.00])')
    torch.setPrintoptions({ profile: 'default' })
    assert.deepEqual(torch.getPrintoptions(), before)
  } finally {
    torch.setPrintoptions(before)
  }
})

test('a wrong print option changes nothing', () => {
  const before = torch.getPrintoptions()
  const wrong = [
    { precison: 2 },
    { precision: -1 },
    { precision: 101 },
    { edgeitems: 1.5 },
    { profile: 'long' },
    { sciMode: 1 },
  ]
  for (const options of wrong) {
    assert.throws(() => torch.setPrintoptions({ linewidth: 7, ...options } as never), { code: 'ERR_ARGUMENT' })
  }
  assert.throws(() => torch.setPrintoptions({ precison: 2 } as never), { message: /did you mean 'precision'/ })
  assert.deepEqual(torch.getPrintoptions(), before)
})

test('a tensor that was disposed of still shows in console.log', () => {
  const t = torch.ones(2)
  t.dispose()
  assert.equal(inspect(t), 'Tensor (disposed)')
  assert.throws(() => String(t), { code: 'ERR_DISPOSED' })
})
