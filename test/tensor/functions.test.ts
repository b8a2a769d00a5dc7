import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { aten } = torch.ops
const values = (t: unknown) => (t as torch.Tensor).tolist()

test('torch.ops calls operators by their raw names, one overload or whichever fits', () => {
  const one = torch.ones(2)
  assert.deepEqual(values(aten.add!.Tensor!(one, one, { alpha: 2 })), [3, 3])
  assert.deepEqual(values(aten.add!(one, 1)), [2, 2])
  assert.deepEqual(values(aten.mm!.default!(torch.eye(2), torch.ones(2, 2))), [
    [1, 1],
    [1, 1],
  ])
  const out = torch.zeros(2)
  assert.equal(aten.add!.out!(one, one, { out }), out)
  assert.deepEqual(out.tolist(), [2, 2])
  assert.equal(aten.add_!(one, 4), one)
  assert.deepEqual(values(aten._softmax!(torch.zeros(2), 0, false)), [0.5, 0.5])
})

test('x.where(condition, other) takes from x where the condition holds', () => {
  const x = torch.tensor([1, 2, 3])
  assert.deepEqual(values(x.where(x.gt(1), torch.tensor([7, 8, 9]))), [7, 2, 3])
  assert.deepEqual(values(x.where(x.gt(1), 0)), [0, 2, 3])
  assert.deepEqual(values(x.where({ condition: x.gt(1), other: x.neg() })), [-1, 2, 3])
})

test('an operator, overload or library that is not there is an error that names it', () => {
  assert.throws(() => aten.nothing!(1), { code: 'ERR_TORCH', message: /no operator aten::nothing/ })
  assert.throws(() => aten.add!.nothing!(1), { code: 'ERR_TORCH', message: /no overload 'nothing'/ })
  assert.throws(() => torch.ops.nowhere!.f!(1), { code: 'ERR_TORCH', message: /nowhere::f/ })
  assert.throws(() => aten.add!.Tensor!('x', 'y'), { code: 'ERR_ARGUMENT' })
  assert.throws(() => torch.ops.loadLibrary('/nowhere/lib.so'), { code: 'ERR_ARGUMENT', message: /nowhere\/lib\.so/ })
})

test('a wrong option name offers the nearest one', () => {
  const x = torch.ones(2, 2)
  assert.throws(() => torch.split(x, { splitSizes: 1 } as object), /did you mean 'splitSize'/)
  assert.throws(() => torch.split(x, 1, { splitSize: 1 }), /given twice/)
  assert.throws(() => torch.pcaLowrank(x, { qs: 1 } as object), { code: 'ERR_ARGUMENT' })
  assert.throws(() => torch.cdist(x, x, { computeMode: 'fast' as never }), { code: 'ERR_ARGUMENT' })
})

test('asarray shares memory where it can, and says so where it must and cannot', () => {
  const array = new Float32Array([1, 2])
  const shared = torch.asarray(array)
  const copied = torch.asarray(array, { copy: true })
  array[0] = 7
  assert.deepEqual(shared.tolist(), [7, 2])
  assert.deepEqual(copied.tolist(), [1, 2])
  assert.deepEqual(torch.asarray([1, 2], { dtype: 'int32' }).dtype, 'int32')
  assert.throws(() => torch.asarray([1, 2], { copy: false }), { code: 'ERR_ARGUMENT' })
  assert.throws(() => torch.asarray(array, { copy: false, dtype: 'int64' }), { code: 'ERR_ARGUMENT' })
  const leaf = torch.ones(2, { requiresGrad: true })
  assert.equal(torch.asarray(leaf.mul(2)).requiresGrad, false)
  assert.equal(torch.asarray(leaf.detach(), { requiresGrad: true }).requiresGrad, true)
})

test('fromFile maps a file of numbers', async (t) => {
  const { writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { tempDir } = await import('../support/paths.js')
  const path = join(tempDir(t), 'numbers')
  writeFileSync(path, new Uint8Array(new Float32Array([1, 2, 3]).buffer))
  assert.deepEqual(torch.fromFile(path, { size: 3 }).tolist(), [1, 2, 3])
})

test('constants are those of Python', () => {
  assert.deepEqual([torch.e, torch.pi, torch.inf, torch.newaxis], [Math.E, Math.PI, Infinity, null])
  assert.ok(Number.isNaN(torch.nan))
  assert.equal(torch.channelsLast, 'channels_last')
  assert.equal(torch.quint8, 'quint8')
})

test('forkRng puts the random state back', () => {
  torch.manualSeed(3)
  const plain = torch.randn(2).tolist()
  torch.manualSeed(3)
  const inside = torch.random.forkRng(() => torch.randn(2).tolist())
  assert.deepEqual(inside, plain)
  assert.deepEqual(torch.randn(2).tolist(), plain)
  assert.throws(
    () =>
      torch.random.forkRng(() => {
        throw new RangeError('mine')
      }),
    RangeError,
  )
  assert.throws(() => torch.random.forkRng(async () => 1), TypeError)
})

test('deterministic mode fills new memory, and can be asked for', () => {
  try {
    assert.equal(torch.getDeterministicDebugMode(), 0)
    torch.useDeterministicAlgorithms(true)
    assert.ok(torch.areDeterministicAlgorithmsEnabled())
    assert.equal(torch.getDeterministicDebugMode(), 2)
    assert.deepEqual(torch.empty(2).isnan().tolist(), [true, true])
    torch.setDeterministicDebugMode('warn')
    assert.ok(torch.isDeterministicAlgorithmsWarnOnlyEnabled())
    assert.throws(() => torch.setDeterministicDebugMode(3 as never), { code: 'ERR_ARGUMENT' })
  } finally {
    torch.setDeterministicDebugMode(0)
  }
  assert.equal(torch.areDeterministicAlgorithmsEnabled(), false)
})

test('anomaly mode names the function whose gradient is NaN', () => {
  torch.setAnomalyEnabled(true)
  try {
    assert.ok(torch.isAnomalyEnabled() && torch.isAnomalyCheckNanEnabled())
    const x = torch.zeros(1, { requiresGrad: true })
    assert.throws(() => x.sqrt().mul(0).sum().backward(), /SqrtBackward0.*nan/)
  } finally {
    torch.setAnomalyEnabled(false)
  }
})

test('settings of backends are properties', () => {
  const { cudnn, cuda, mkl } = torch.backends
  const before = cudnn.benchmark
  cudnn.benchmark = !before
  assert.equal(cudnn.benchmark, !before)
  cudnn.benchmark = before
  assert.equal(typeof mkl.isAvailable(), 'boolean')
  assert.deepEqual(Object.keys(cuda.matmul), ['allowTf32'])
  assert.throws(
    () => {
      cudnn.enabled = 'yes' as never
    },
    { code: 'ERR_ARGUMENT' },
  )
  assert.equal(torch.getFloat32MatmulPrecision(), 'highest')
  torch.setFloat32MatmulPrecision('high')
  assert.equal(torch.getFloat32MatmulPrecision(), 'high')
  torch.setFloat32MatmulPrecision('highest')
  assert.throws(() => torch.setFloat32MatmulPrecision('low' as never), { code: 'ERR_ARGUMENT' })
  assert.ok(torch.getNumInteropThreads() >= 1)
  assert.throws(() => torch.setNumInteropThreads(0), { code: 'ERR_ARGUMENT' })
})
