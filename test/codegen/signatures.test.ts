/** Generated signatures are callable as one would write the calls; a type error here fails the build of the tests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { mergeSignatures, type Signature } from '../../lib/codegen/merge.js'

const { Tensor } = torch
type Tensor = torch.Tensor
const tensorOrNumber = (choice: boolean): Tensor | number => (choice ? torch.ones(3) : 2)

test('sizes come one by one or as a list, with options behind', () => {
  assert.deepEqual(torch.zeros(2, 3, { dtype: 'float64' }).shape, [2, 3])
  assert.deepEqual(torch.zeros([2, 3], { requiresGrad: true }).shape, [2, 3])
  assert.deepEqual(torch.randn(2, 2, 2, { generator: new torch.Generator() }).shape, [2, 2, 2])
  assert.deepEqual(torch.arange(0, 3, 0.5, { dtype: 'float64' }).shape, [6])
  const x = torch.zeros(2, 3)
  assert.deepEqual(x.view(-1).shape, [6])
  assert.deepEqual(x.reshape(3, -1).shape, [3, 2])
  assert.deepEqual(x.permute(1, 0).shape, [3, 2])
  assert.deepEqual(x.permute([1, 0]).shape, [3, 2])
  assert.deepEqual(x.newZeros(4, 5).shape, [4, 5])
  assert.deepEqual(x.repeat(2, 2).shape, [4, 6])
  assert.deepEqual(torch.randint(10, [2]).shape, [2])
  assert.deepEqual(torch.randint(0, 10, [2, 3]).shape, [2, 3])
})

test('optional arguments come by position or by name', () => {
  const x = torch.rand(2, 3)
  assert.deepEqual(x.sum(1, { keepdim: true }).shape, [2, 1])
  assert.deepEqual(x.sum({ dim: 1, keepdim: true }).shape, [2, 1])
  assert.deepEqual(x.mean([0, 1], true).shape, [1, 1])
  assert.deepEqual(x.std({ dim: 0, correction: 0 }).shape, [3])
  assert.deepEqual(torch.cat([x, x], 1).shape, [2, 6])
  assert.deepEqual(torch.cat([x, x], { dim: 1 }).shape, [2, 6])
  assert.deepEqual(
    torch.conv2d(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 2, 2), null, { stride: 2 }).shape,
    [1, 1, 2, 2],
  )
  assert.deepEqual(torch.argsort(x, { stable: true }).shape, [2, 3])
  assert.deepEqual(x.sort({ stable: true, dim: 0 }).values.shape, [2, 3])
})

test('results of several tensors have names', () => {
  const x = torch.rand(3, 3)
  const largest: Tensor = x.max(1).values
  const { values, indices } = x.topk(2)
  const [u, s] = torch.linalg.svd(x)
  assert.deepEqual(
    [largest, values, indices, u, s, torch.linalg.svd(x).Vh].map((t) => t.shape.length),
    [1, 2, 2, 2, 1, 2],
  )
})

test('what is a tensor or a number may be either at once', () => {
  const x = torch.rand(3)
  for (const choice of [true, false]) {
    const y = tensorOrNumber(choice)
    const chain = x.add(y, { alpha: 2 }).mul(y).sub(y).div(y, { roundingMode: 'floor' }).pow(y).remainder(y)
    assert.ok(chain instanceof Tensor)
    assert.ok(x.lerp(x, y).equal(torch.lerp(x, x, y)))
    assert.equal(torch.where(x.gt(y), x, y).shape[0], 3)
    assert.equal(torch.where(x.gt(0), x, 0).shape[0], 3)
    assert.equal(x.maskedFill(x.gt(0), y instanceof Tensor ? y.sum() : y).shape[0], 3)
    assert.equal(torch.floorDivide(x, y).shape[0], 3)
    assert.equal(torch.isin(x, y).shape[0], 3)
    const same: typeof x = x.clone().add_(y)
    assert.ok(same instanceof Tensor)
  }
  assert.deepEqual(torch.sub(1, torch.tensor([0.25])).tolist(), [0.75])
  assert.deepEqual(torch.pow(2, torch.tensor([3])).tolist(), [8])
})

test('wrong types do not compile', () => {
  const x = torch.rand(2, 3)
  // @ts-expect-error a dtype is one of a list
  assert.throws(() => torch.zeros(2, { dtype: 'float33' }))
  // @ts-expect-error an option that nothing has
  assert.throws(() => x.sum(1, { keepDim: true }), /did you mean 'keepdim'/)
  // @ts-expect-error a string is no dimension
  assert.throws(() => x.sum('rows'))
})

const signature = (types: string[][], fields: Signature['fields'] = []): Signature => ({
  parameters: types.map((t, i) => ({ name: `p${i}`, types: t })),
  fields,
  result: 'Tensor',
})
const field = (name: string, required = false, ...types: string[]) => ({
  name,
  required,
  types: types.length ? types : ['number'],
})

test('signatures merge where one place differs, and stay apart elsewhere', () => {
  const T = ['Tensor']
  const S = ['Scalar']
  const both = ['Tensor', 'Scalar']
  assert.deepEqual(mergeSignatures([signature([T, T]), signature([T, S])]), [signature([T, both])])
  assert.deepEqual(mergeSignatures([signature([T, T]), signature([S, S])]).length, 2)
  // where(): all four make one
  assert.deepEqual(mergeSignatures([signature([T, T]), signature([S, T]), signature([T, S]), signature([S, S])]), [
    signature([both, both]),
  ])
  // an option that one requires and the other does not have
  const merged = mergeSignatures([
    signature([T], [field('dim'), field('generator', true)]),
    signature([T], [field('dim')]),
  ])
  assert.deepEqual(merged, [signature([T], [field('dim'), field('generator')])])
  // two options that only one has together
  const apart = [signature([T], [field('a', true), field('b', true)]), signature([T])]
  assert.equal(mergeSignatures(apart).length, 2)
  // what says nothing new goes
  assert.deepEqual(mergeSignatures([signature([T], [field('a')]), signature([T])]), [signature([T], [field('a')])])
  assert.deepEqual(mergeSignatures([signature([['number', 'null']]), signature([['number']])]), [
    signature([['number', 'null']]),
  ])
})
