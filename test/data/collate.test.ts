import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { defaultCollate } = torch.utils.data

test('tensors and typed arrays are stacked', () => {
  assert.deepEqual(defaultCollate([torch.ones(2), torch.zeros(2)]).tolist(), [
    [1, 1],
    [0, 0],
  ])
  const pixels = defaultCollate([new Uint8Array([1, 2]), new Uint8Array([3, 4])])
  assert.deepEqual(
    [pixels.dtype, pixels.tolist()],
    [
      'uint8',
      [
        [1, 2],
        [3, 4],
      ],
    ],
  )
})

test('numbers, bigints and booleans become tensors as in torch.tensor', () => {
  assert.deepEqual([defaultCollate([1, 2]).dtype, defaultCollate([1.5, 2]).tolist()], ['float32', [1.5, 2]])
  assert.equal(defaultCollate([1n, 2n]).dtype, 'int64')
  assert.equal(defaultCollate([true, false]).dtype, 'bool')
})

test('arrays, objects and Maps are gone through, strings stay', () => {
  const batch = defaultCollate([
    { image: torch.ones(2), name: 'a', size: [1, 2] as [number, number], extra: new Map([['k', 1n]]) },
    { image: torch.zeros(2), name: 'b', size: [3, 4] as [number, number], extra: new Map([['k', 2n]]) },
  ])
  assert.deepEqual(batch.image.shape, [2, 2])
  assert.deepEqual(batch.name, ['a', 'b'])
  assert.deepEqual(
    batch.size.map((column) => column.tolist()),
    [
      [1, 3],
      [2, 4],
    ],
  )
  assert.deepEqual(batch.extra.get('k')!.tolist(), [1, 2])
})

test('samples of different form are refused', () => {
  assert.throws(() => defaultCollate([[1], [1, 2]]), { code: 'ERR_SHAPE', message: /1 and 2/ })
  assert.throws(() => defaultCollate([torch.ones(2), torch.ones(3)]), { code: 'ERR_SHAPE' })
  assert.throws(() => defaultCollate([new Date()]), { code: 'ERR_ARGUMENT', message: /Date.*collateFn/s })
  assert.throws(() => defaultCollate([null]), { code: 'ERR_ARGUMENT', message: /null/ })
})

test('a sample without a key of the first one is an error that names it', () => {
  const message = /number 1 of the batch has no 'b'/
  assert.throws(() => defaultCollate([{ a: 1, b: 2 }, { a: 1 } as never]), { code: 'ERR_ARGUMENT', message })
  assert.throws(() => defaultCollate([new Map([['b', 2]]), new Map([['a', 1]])]), { code: 'ERR_ARGUMENT', message })
  assert.throws(() => defaultCollate([[1, 2], 5 as never]), { code: 'ERR_SHAPE', message: /collateFn/ })
})
