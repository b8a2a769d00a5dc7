import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
const table = (): torch.Tensor =>
  torch.tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])

test('fromPretrained() shares the memory of the table, and a subclass makes its own', () => {
  const values = table()
  const embedding = nn.Embedding.fromPretrained(values)
  values.fill_(7)
  assert.deepEqual(embedding.forward(torch.tensor(1n)).tolist(), [7, 7])
  assert.equal(embedding.weight.requiresGrad, false)
  assert.ok(embedding.weight instanceof nn.Parameter)
  // a parameter as table: another object
  const parameter = new nn.Parameter(table())
  const learning = nn.EmbeddingBag.fromPretrained(parameter, { freeze: false })
  assert.notEqual(learning.weight, parameter)
  assert.deepEqual([learning.weight.requiresGrad, learning.weight.isLeaf, parameter.requiresGrad], [true, true, true])

  class Words extends nn.Embedding {}
  const words = Words.fromPretrained(table(), { paddingIdx: -1 })
  assert.ok(words instanceof Words)
  assert.equal(String(words), 'Words(3, 2, padding_idx=2)')
  assert.deepEqual(words.weight.tolist(), table().tolist())
})

test('options of a live embedding take effect', () => {
  const embedding = nn.Embedding.fromPretrained(table(), { freeze: false })
  const grad = (): unknown => {
    embedding.zeroGrad()
    embedding
      .forward(torch.tensor([0n, 0n, 2n]))
      .sum()
      .backward()
    return embedding.weight.grad!.toDense().tolist()
  }
  assert.deepEqual(grad(), [
    [2, 2],
    [0, 0],
    [1, 1],
  ])
  embedding.scaleGradByFreq = true
  embedding.paddingIdx = -1
  assert.deepEqual(grad(), [
    [1, 1],
    [0, 0],
    [0, 0],
  ])
  embedding.scaleGradByFreq = false
  embedding.sparse = true
  grad()
  assert.equal(embedding.weight.grad!.isSparse, true)
  embedding.maxNorm = 1
  embedding.normType = Number.POSITIVE_INFINITY
  embedding.forward(torch.tensor([1n]))
  assert.ok(Math.abs(Number(embedding.weight.index(1, 1).item()) - 1) < 1e-5)
  embedding.paddingIdx = 3
  assert.throws(() => embedding.forward(torch.tensor([1n])), {
    code: 'ERR_ARGUMENT',
    message: 'Padding_idx must be within num_embeddings',
  })
  const bag = nn.EmbeddingBag.fromPretrained(table())
  bag.mode = 'max'
  assert.deepEqual(bag.forward(torch.tensor([[0n, 2n]])).tolist(), [[5, 6]])
  bag.mode = 'sum'
  bag.includeLastOffset = true
  const offsets = torch.tensor([0n, 1n, 3n])
  const sums = [
    [1, 2],
    [8, 10],
  ]
  assert.deepEqual(bag.forward(torch.tensor([0n, 1n, 2n]), offsets).tolist(), sums)
})

test('forward() of EmbeddingBag takes its tensors by position and by name', () => {
  const bag = nn.EmbeddingBag.fromPretrained(table(), { mode: 'sum' })
  const [input, offsets, perSampleWeights] = [torch.tensor([0n, 1n]), torch.tensor([0n]), torch.tensor([1, 10])]
  const expected = [[31, 42]]
  assert.deepEqual(bag.forward(input, offsets, perSampleWeights).tolist(), expected)
  assert.deepEqual(bag.forward(input, offsets, { perSampleWeights }).tolist(), expected)
  assert.deepEqual(bag.forward(input, { offsets, perSampleWeights }).tolist(), expected)
  assert.deepEqual(
    bag.forward(input.unsqueeze(0), { perSampleWeights: perSampleWeights.unsqueeze(0) }).tolist(),
    expected,
  )
  assert.deepEqual(bag.forward(input.unsqueeze(0)).tolist(), [[4, 6]])
  assert.throws(() => bag.forward(input, { offset: offsets } as never), {
    code: 'ERR_ARGUMENT',
    message: /unknown option 'offset'; did you mean 'offsets'\?/,
  })
  assert.throws(() => bag.forward(input, 3 as never), {
    code: 'ERR_ARGUMENT',
    message: /expected offsets to be a Tensor/,
  })
  const chain = new nn.Sequential(bag, new nn.Linear(2, 1))
  assert.deepEqual(chain.forward(input.unsqueeze(0)).shape, [1, 1])
})

test('a table learns: sparse and dense gradients give the same values after a step', () => {
  const after = (sparse: boolean): unknown => {
    const embedding = nn.Embedding.fromPretrained(table(), { freeze: false, sparse })
    embedding
      .forward(torch.tensor([2n, 0n, 2n]))
      .pow(2)
      .sum()
      .backward()
    torch.noGrad(() => embedding.weight.sub_(embedding.weight.grad!.toDense().mul(0.5)))
    return embedding.weight.tolist()
  }
  assert.deepEqual(after(true), after(false))
})

test('wrong tables and options are typed errors', () => {
  const code = 'ERR_ARGUMENT'
  assert.throws(() => nn.Embedding.fromPretrained(torch.ones(3)), {
    code: 'ERR_SHAPE',
    message: 'Embeddings parameter is expected to be 2-dimensional',
  })
  assert.throws(() => nn.Embedding.fromPretrained([[1]] as never), {
    code,
    message: /expected embeddings to be a Tensor/,
  })
  assert.throws(() => nn.Embedding.fromPretrained(table(), 1 as never), { code, message: /freeze to be a boolean/ })
  assert.throws(() => nn.Embedding.fromPretrained(table(), { mode: 'sum' } as never), {
    code,
    message: /unknown option/,
  })
  assert.throws(() => nn.EmbeddingBag.fromPretrained(table(), { paddingIdx: 3 }), {
    code,
    message: /within num_embeddings/,
  })
  assert.throws(() => new nn.Embedding(3, 2, { paddingIdx: 1.5 }), {
    code,
    message: /paddingIdx to be an integer or null/,
  })
  assert.throws(() => new nn.Embedding(3, 2, { _weight: 1 as never }), {
    code,
    message: /_weight to be a Tensor or null/,
  })
  assert.throws(() => new nn.Embedding(2 ** 40, 2 ** 40), /./)
  assert.equal(new nn.Embedding(2 ** 30, 2 ** 10, { device: 'meta' }).weight.device, 'meta')
  const embedding = new nn.Embedding(3, 2)
  embedding.weight = null as never
  assert.throws(() => embedding.forward(torch.tensor([1n])), /./)
})
