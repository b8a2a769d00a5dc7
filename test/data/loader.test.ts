import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { DataLoader, Dataset, Subset, TensorDataset } = torch.utils.data

const ten = [...Array(10).keys()]
const lists = (batches: Iterable<torch.Tensor>) => [...batches].map((batch) => batch.tolist())

test('batches follow each other in order; the last may be smaller, or is dropped', () => {
  const loader = new DataLoader(ten, { batchSize: 4 })
  assert.equal(loader.length, 3)
  assert.deepEqual(lists(loader), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ])
  const dropping = new DataLoader(ten, { batchSize: 4, dropLast: true })
  assert.equal(dropping.length, 2)
  assert.deepEqual(lists(dropping), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ])
})

test('shuffling gives every sample once, in another order in each epoch, and the same for the same seed', () => {
  const loader = new DataLoader(ten, { batchSize: 3, shuffle: true })
  const epoch = () => lists(loader).flat() as number[]
  torch.manualSeed(1)
  const [first, second] = [epoch(), epoch()]
  assert.deepEqual(
    [...first].sort((a, b) => a - b),
    ten,
  )
  assert.notDeepEqual(first, second)
  torch.manualSeed(1)
  assert.deepEqual(epoch(), first)
})

test('an iterator draws its seed when it is made, before the first batch is asked for', () => {
  const loader = new DataLoader(ten)
  torch.manualSeed(4)
  loader[Symbol.iterator]()
  const after = torch.rand(1).item()
  torch.manualSeed(4)
  assert.notEqual(torch.rand(1).item(), after)
})

test('two iterators of one loader do not disturb each other', () => {
  const loader = new DataLoader(ten, { batchSize: 2 })
  const [a, b] = [loader[Symbol.iterator](), loader[Symbol.iterator]()]
  a.next()
  assert.deepEqual(a.next().value!.tolist(), [2, 3])
  assert.deepEqual(b.next().value!.tolist(), [0, 1])
})

test('batchSize null gives samples one by one as they are, typed arrays as tensors', () => {
  assert.deepEqual([...new DataLoader(['a', 'b'], { batchSize: null })], ['a', 'b'])
  const [sample] = new DataLoader([{ x: new Float32Array([1, 2]), name: 'one' }], { batchSize: null })
  assert.deepEqual([(sample!.x as unknown as torch.Tensor).tolist(), sample!.name], [[1, 2], 'one'])
})

test('samplers and batch samplers may be any iterable', () => {
  assert.deepEqual(lists(new DataLoader(ten, { sampler: [3, 1, 2], batchSize: 2 })), [[3, 1], [2]])
  assert.deepEqual(lists(new DataLoader(ten, { batchSampler: [[9], [0, 5]] })), [[9], [0, 5]])
  const endless = {
    *[Symbol.iterator]() {
      while (true) yield 7
    },
  }
  const loader = new DataLoader(ten, { sampler: endless, batchSize: 2 })
  assert.deepEqual(loader[Symbol.iterator]().next().value!.tolist(), [7, 7])
  assert.throws(() => loader.length, { code: 'ERR_ARGUMENT' })
})

test('collateFn makes the batch from the samples, also of a TensorDataset', () => {
  const dataset = new TensorDataset(torch.arange(6).reshape([3, 2]))
  const loader = new DataLoader(dataset, { batchSize: 2, collateFn: (samples) => samples.map(([row]) => row.tolist()) })
  assert.deepEqual(
    [...loader],
    [
      [
        [0, 1],
        [2, 3],
      ],
      [[4, 5]],
    ],
  )
})

test('a TensorDataset, and a subset of one, gives batches as stacking its rows does', () => {
  const x = torch.rand(7, 3, 2).transpose(1, 2)
  const y = torch.arange(7)
  const rows = [5, 0, 6, 0]
  const dataset = new TensorDataset(x, y)
  const [fast] = new DataLoader(new Subset(dataset, rows), { batchSize: 4 })
  const stacked = dataset.tensors.map((tensor) => torch.stack(rows.map((i) => tensor.select(0, i))))
  for (const i of [0, 1]) {
    assert.ok(fast![i]!.equal(stacked[i]!))
    assert.deepEqual(fast![i]!.stride(), stacked[i]!.stride())
  }
})

test('a subclass of TensorDataset with a get of its own is asked for each sample', () => {
  class Doubled extends TensorDataset<[torch.Tensor]> {
    override get(index: number): [torch.Tensor] {
      return [super.get(index)[0].mul(2)]
    }
  }
  const dataset = new Doubled(torch.arange(4))
  assert.deepEqual([...new DataLoader(dataset, { batchSize: 4 })][0]![0].tolist(), [0, 2, 4, 6])
  const [subset] = new DataLoader(new Subset(dataset, [3, 1]), { batchSize: 4 })
  assert.deepEqual(subset![0].tolist(), [6, 2])
})

test('an asynchronous dataset works in a for-await loop, with its samples asked for together and kept in order', async () => {
  let running = 0
  let most = 0
  class Slow extends Dataset<number> {
    length = 5
    async get(index: number): Promise<number> {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5 * (5 - index)))
      running--
      return index
    }
  }
  const loader = new DataLoader(new Slow(), { batchSize: 3 })
  const seen: unknown[] = []
  for await (const batch of loader) seen.push(batch.tolist())
  assert.deepEqual(seen, [
    [0, 1, 2],
    [3, 4],
  ])
  assert.equal(most, 3)
  assert.throws(() => [...loader], { code: 'ERR_ARGUMENT', message: /for await/ })
})

test('a for-await loop gives the same batches as a synchronous one', async () => {
  const loader = new DataLoader(new TensorDataset(torch.arange(9)), { batchSize: 4, shuffle: true })
  torch.manualSeed(2)
  const sync = [...loader].map(([x]) => x.tolist())
  torch.manualSeed(2)
  const async: unknown[] = []
  for await (const [x] of loader) async.push(x.tolist())
  assert.deepEqual(async, sync)
})

test('an error of a dataset comes out of the loop as it is', () => {
  const dataset = {
    length: 2,
    get(): number {
      throw new RangeError('no such file')
    },
  }
  assert.throws(() => [...new DataLoader(dataset)], new RangeError('no such file'))
})

test('options that do not fit together, or do not exist, are refused', () => {
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => new DataLoader(ten, options), { code: 'ERR_ARGUMENT', message })
  refused({ batchsize: 4 }, /unknown option 'batchsize'; did you mean 'batchSize'\?/)
  refused({ batchSize: 0 }, /positive integer/)
  refused({ batchSize: 2.5 }, /positive integer/)
  refused({ sampler: [1], shuffle: true }, /either sampler or shuffle/)
  refused({ batchSampler: [[1]], batchSize: 2 }, /give it alone/)
  refused({ batchSampler: [[1]], dropLast: true }, /give it alone/)
  refused({ batchSize: null, dropLast: true }, /none to drop/)
  assert.throws(() => new DataLoader([], { shuffle: true }), { code: 'ERR_ARGUMENT', message: /positive integer/ })
  assert.deepEqual([...new DataLoader([])], [])
})
