import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { BatchSampler, ConcatDataset, RandomSampler, SequentialSampler, Subset, SubsetRandomSampler, TensorDataset } =
  torch.utils.data
const { randomSplit, WeightedRandomSampler } = torch.utils.data

test('a TensorDataset gives rows of its tensors', () => {
  const dataset = new TensorDataset(torch.arange(6).reshape([3, 2]), torch.tensor([7n, 8n, 9n]))
  assert.equal(dataset.length, 3)
  const [x, y] = dataset.get(1)
  assert.deepEqual([x.tolist(), y.item()], [[2, 3], 8])
  assert.deepEqual(dataset.get(-1)[0].tolist(), [4, 5])
  assert.throws(() => dataset.get(3), { code: 'ERR_INDEX' })
})

test('tensors with different first sizes, or without one, do not make a dataset', () => {
  const message = /the shapes \[3\], \[2, 5\]/
  assert.throws(() => new TensorDataset(torch.zeros(3), torch.zeros(2, 5)), { code: 'ERR_SHAPE', message })
  assert.throws(() => new TensorDataset(torch.tensor(1)), { code: 'ERR_SHAPE' })
  assert.throws(() => new TensorDataset(), { code: 'ERR_ARGUMENT' })
})

test('a subset keeps its order, and may be one of another subset', () => {
  const subset = new Subset(new Subset(['a', 'b', 'c', 'd'], [3, 2, 1]), [0, 2])
  assert.deepEqual([subset.length, subset.get(0), subset.get(1)], [2, 'd', 'b'])
  assert.throws(() => subset.get(2), { code: 'ERR_INDEX', message: /index 2 is out of range for a subset of 2/ })
})

test('concatenated datasets count through, from the end too', () => {
  const dataset = new ConcatDataset([['a'], [], ['b', 'c']])
  assert.equal(dataset.length, 3)
  assert.deepEqual(dataset.cumulativeSizes, [1, 1, 3])
  assert.deepEqual(
    [0, 1, 2, -1, -3].map((i) => dataset.get(i)),
    ['a', 'b', 'c', 'c', 'a'],
  )
  for (const i of [3, -4]) assert.throws(() => dataset.get(i), { code: 'ERR_INDEX' })
  assert.throws(() => new ConcatDataset([]), { code: 'ERR_ARGUMENT' })
})

test('a random split shares no sample, and what fractions leave over goes to the first parts', () => {
  const ten = [...Array(10).keys()]
  const parts = randomSplit(ten, [0.34, 0.33, 0.33])
  assert.deepEqual(
    parts.map((part) => part.length),
    [4, 3, 3],
  )
  assert.deepEqual(
    parts.flatMap((part) => part.indices).sort((a, b) => a - b),
    ten,
  )
  assert.throws(() => randomSplit(ten, [3, 3]), { code: 'ERR_ARGUMENT', message: /sum to 6, but the dataset has 10/ })
  assert.throws(() => randomSplit(ten, [0.5, 0.6]), { code: 'ERR_ARGUMENT' })
  assert.throws(() => randomSplit(ten, [-1, 11]), { code: 'ERR_ARGUMENT' })
})

test('samplers know how many indices they give', () => {
  const ten = [...Array(10).keys()]
  assert.equal(new SequentialSampler(ten).length, 10)
  assert.equal(new RandomSampler(ten, { numSamples: 4 }).length, 4)
  assert.equal(new SubsetRandomSampler([1, 5]).length, 2)
  assert.equal(new WeightedRandomSampler([1, 2], 7).length, 7)
  assert.equal(new BatchSampler(new SequentialSampler(ten), 4, false).length, 3)
  assert.equal(new BatchSampler(new SequentialSampler(ten), 4, true).length, 2)
  assert.deepEqual([...new BatchSampler([5, 6, 7], 2, false)], [[5, 6], [7]])
})

test('a sampler of one’s own extends Sampler', () => {
  class EverySecond extends torch.utils.data.Sampler {
    constructor(readonly dataset: { length: number }) {
      super()
    }
    override get length(): number {
      return Math.ceil(this.dataset.length / 2)
    }
    override *[Symbol.iterator](): Generator<number, void, undefined> {
      for (let i = 0; i < this.dataset.length; i += 2) yield i
    }
  }
  const loader = new torch.utils.data.DataLoader([5, 6, 7], { sampler: new EverySecond([5, 6, 7]) })
  assert.deepEqual([[...loader].map((batch) => batch.tolist()), loader.length], [[[5], [7]], 2])
})

test('a DistributedSampler wants to know which process it is in', () => {
  const { DistributedSampler } = torch.utils.data
  assert.throws(() => new DistributedSampler([1]), { code: 'ERR_ARGUMENT', message: /numReplicas.*WORLD_SIZE/ })
  assert.throws(() => new DistributedSampler([1], { numReplicas: 2, rank: 2 }), {
    code: 'ERR_ARGUMENT',
    message: /\[0, 1\]/,
  })
  process.env.WORLD_SIZE = '2'
  process.env.RANK = '1'
  try {
    assert.deepEqual([...new DistributedSampler([0, 0, 0], { shuffle: false })], [1, 0])
  } finally {
    delete process.env.WORLD_SIZE
    delete process.env.RANK
  }
})

test('samplers refuse what they cannot sample', () => {
  assert.throws(() => new RandomSampler([1], { numSamples: 0 }), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new RandomSampler([1], { numsamples: 1 } as object), {
    code: 'ERR_ARGUMENT',
    message: /numSamples/,
  })
  assert.throws(() => new WeightedRandomSampler([1], 1.5), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new WeightedRandomSampler(torch.ones(2, 2), 1), { code: 'ERR_SHAPE' })
  assert.throws(() => [...new WeightedRandomSampler([-1, 2], 2)], {
    code: 'ERR_TORCH',
    message: /probability entry < 0/,
  })
})
