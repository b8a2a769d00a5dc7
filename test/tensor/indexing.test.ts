import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const grid = (): torch.Tensor => torch.arange(12).reshape(3, 4)

test('a view shares memory, an advanced index copies', () => {
  const t = grid()
  t.index(0, '1:3').fill_(-1)
  t.index([1, 2]).fill_(-2)
  assert.deepEqual(t.tolist(), [
    [0, -1, -1, 3],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ])
})

test('-0 is the position 0', () => {
  assert.deepEqual(grid().index(-0, '-0:-3').tolist(), [0])
  assert.deepEqual(grid().index(-0).tolist(), [0, 1, 2, 3])
  assert.deepEqual(grid().index([-0], 0).tolist(), [0])
})

test('a nested array is one index', () => {
  assert.deepEqual(
    grid().index([
      [0, 1],
      [1, 2],
    ]).shape,
    [2, 2, 4],
  )
})

test('accumulate adds, and adds again for a position named twice', () => {
  const t = torch.zeros(3)
  t.indexPut_([[0, 0, 2]], torch.ones(3), { accumulate: true })
  t.indexPut_(['1:'], 5, { accumulate: true })
  t.indexPut_([1], torch.ones(1, 1), { accumulate: true })
  assert.deepEqual(t.tolist(), [2, 6, 6])
  t.indexPut_([[0, 0]], torch.ones(2), true as never)
  assert.deepEqual(t.tolist(), [4, 6, 6])
  assert.throws(() => t.indexPut_([0], 1, { acumulate: true } as never), { message: /did you mean 'accumulate'/ })
})

test('gradients flow through an index and an assignment', () => {
  const x = torch.ones(3, { requiresGrad: true })
  x.index([0, 0, 2]).sum().backward()
  assert.deepEqual(x.grad!.tolist(), [2, 0, 1])
  const y = torch.ones(2, { requiresGrad: true })
  const t = torch.zeros(4)
  t.indexPut_(['1:3'], y.mul(3))
  t.indexPut_([[0]], y.index('1:'))
  t.sum().backward()
  assert.deepEqual(y.grad!.tolist(), [3, 4])
})

test("an index out of range says so in Python's words", () => {
  assert.throws(() => grid().index(5), {
    code: 'ERR_INDEX',
    message: 'index 5 is out of bounds for dimension 0 with size 3',
  })
  assert.throws(() => grid().index(0, 0, 0), {
    code: 'ERR_INDEX',
    message: 'too many indices for tensor of dimension 2',
  })
  assert.throws(() => grid().index('::-1'), { code: 'ERR_ARGUMENT', message: 'step must be greater than zero' })
  assert.throws(() => torch.tensor(1).index(0), { code: 'ERR_INDEX', message: /^invalid index of a 0-dim tensor/ })
})

test('what is no index is refused by name', () => {
  for (const item of [
    1.5,
    Number.NaN,
    undefined,
    {},
    '1',
    'a:b',
    '1:2:3:4',
    [0.5],
    [[0], ['x']],
    new Float32Array(2),
  ]) {
    assert.throws(() => grid().index(item as never), { code: 'ERR_ARGUMENT' }, String(item))
  }
  assert.throws(() => grid().index('1-3'), { message: /received '1-3'/ })
})

test('an array is not assigned silently', () => {
  assert.throws(() => grid().indexPut_([0], [1, 2, 3, 4] as never), { code: 'ERR_ARGUMENT', message: /torch\.tensor/ })
})

test('slice objects print as slices and take null', () => {
  assert.equal(String(torch.slice(1, null, 2)), '1::2')
  assert.equal(String(torch.slice(3)), ':3')
  assert.deepEqual(
    torch
      .arange(5)
      .index(torch.slice(null, null, 2))
      .tolist(),
    [0, 2, 4],
  )
})
