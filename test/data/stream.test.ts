import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { ChainDataset, DataLoader, IterableDataset, StackDataset } = torch.utils.data

class Count extends IterableDataset<number> {
  returned = false
  constructor(readonly length: number) {
    super()
  }
  override *[Symbol.iterator]() {
    try {
      for (let i = 0; i < this.length; i++) yield i
    } finally {
      this.returned = true
    }
  }
}
class Later extends IterableDataset<number> {
  override async *[Symbol.asyncIterator]() {
    for (const i of [7, 8, 9]) yield i
  }
}
const lists = (batches: Iterable<torch.Tensor>) => [...batches].map((batch) => batch.tolist())

test('a stream comes in batches, the last smaller or dropped, or without batches', () => {
  assert.deepEqual(lists(new DataLoader(new Count(5), { batchSize: 2 })), [[0, 1], [2, 3], [4]])
  assert.deepEqual(lists(new DataLoader(new Count(5), { batchSize: 2, dropLast: true })), [
    [0, 1],
    [2, 3],
  ])
  assert.deepEqual([...new DataLoader(new Count(3), { batchSize: null })], [0, 1, 2])
  assert.deepEqual([new DataLoader(new Count(5), { batchSize: 2 }).length, new DataLoader(new Count(5)).length], [3, 5])
  assert.throws(() => new DataLoader(new Later()).length, { code: 'ERR_ARGUMENT', message: /without a length/ })
  assert.deepEqual(lists(new DataLoader(new Set([1, 2]))), [[1], [2]])
})

test('an asynchronous stream needs for await', async () => {
  const seen: unknown[] = []
  for await (const batch of new DataLoader(new Later(), { batchSize: 2 })) seen.push(batch.tolist())
  assert.deepEqual(seen, [[7, 8], [9]])
  assert.throws(() => [...new DataLoader(new Later())], { code: 'ERR_ARGUMENT', message: /for await/ })
})

test('a loop that is left closes the stream', () => {
  const stream = new Count(9)
  for (const _ of new DataLoader(stream)) break
  assert.equal(stream.returned, true)
})

test('streams have no order to choose', () => {
  for (const options of [{ shuffle: true }, { sampler: [1] }, { batchSampler: [[1]] }])
    assert.throws(() => new DataLoader(new Count(2), options), { code: 'ERR_ARGUMENT', message: /is a stream/ })
})

test('chained streams follow each other', async () => {
  const chain = new ChainDataset([new Count(2), new Count(3)])
  assert.deepEqual([[...new DataLoader(chain, { batchSize: null })], chain.length], [[0, 1, 0, 1, 2], 5])
  const mixed: number[] = []
  for await (const item of new DataLoader<number, number>(new ChainDataset<number>([new Count(2), new Later()]), {
    batchSize: null,
  }))
    mixed.push(item)
  assert.deepEqual(mixed, [0, 1, 7, 8, 9])
  assert.throws(() => new ChainDataset([[1] as never]), { code: 'ERR_ARGUMENT', message: /ConcatDataset/ })
})

test('stacked datasets give lists or objects', async () => {
  const pair = new StackDataset([1, 2], ['a', 'b'])
  assert.deepEqual([pair.length, pair.get(1)], [2, [2, 'b']])
  const named = new StackDataset({ x: [1, 2], name: ['a', 'b'] })
  assert.deepEqual(named.get(0), { x: 1, name: 'a' })
  const later = new StackDataset([1], { length: 1, get: async () => 2 })
  assert.deepEqual(await later.get(0), [1, 2])
  assert.throws(() => new StackDataset([1], [1, 2]), { code: 'ERR_SHAPE', message: /have 1, 2/ })
  assert.throws(() => new StackDataset(), { code: 'ERR_ARGUMENT' })
})
