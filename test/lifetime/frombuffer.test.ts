/** `frombuffer`: a tensor over memory of JavaScript. Neither may outlive the other's use of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { collectGarbage, collectNow } from './gc.js'

const MB = 2 ** 20
const arrayBuffers = () => process.memoryUsage().arrayBuffers

test('the memory is shared, both ways, at the array’s own offset', () => {
  const all = new Float32Array([9, 1, 2, 3])
  const part = all.subarray(1)
  const t = torch.frombuffer(part)
  assert.deepEqual(t.tolist(), [1, 2, 3])
  part[0] = 7
  assert.equal(t.index(0).item(), 7)
  t.mul_(2)
  assert.deepEqual([...all], [9, 14, 4, 6])
  assert.deepEqual(torch.frombuffer(part, { shape: [3, 1] }).shape, [3, 1])
})

test('the memory may be a SharedArrayBuffer', () => {
  const memory = new SharedArrayBuffer(16)
  torch.frombuffer(new Float32Array(memory, 4, 2)).fill_(3)
  assert.deepEqual([...new Float32Array(memory)], [0, 3, 3, 0])
})

test('it keeps the buffer alive as long as the tensor, or a view, or a graph uses it', async () => {
  const make = () => torch.frombuffer(new Float64Array(MB).fill(3)).narrow(0, 5, 10)
  const view = make()
  const leaf = torch.ones(MB, { dtype: 'float64' }).requiresGrad_()
  const loss = leaf.mul(torch.frombuffer(new Float64Array(MB).fill(4))).sum()
  await collectGarbage()
  // memory that was freed would be used again by these
  const others = Array.from({ length: 8 }, () => new Float64Array(MB).fill(-1))
  assert.deepEqual(view.tolist(), Array(10).fill(3))
  loss.backward()
  assert.equal(leaf.grad!.index(17).item(), 4)
  assert.equal(others.length, 8)
})

test('it lets go of the buffer with the tensor', async () => {
  await collectGarbage()
  const before = arrayBuffers()
  const make = () => {
    for (let i = 0; i < 20; i++) torch.frombuffer(new Uint8Array(4 * MB))
    torch.frombuffer(new Uint8Array(4 * MB)).dispose()
  }
  make()
  await collectGarbage()
  assert.ok(arrayBuffers() < before + 8 * MB, `${(arrayBuffers() - before) / MB} MB are left`)
})

test('it lets go of a buffer whose last use ended on another thread', async () => {
  await collectGarbage()
  const before = arrayBuffers()
  const pass = async () => {
    const leaf = torch.ones(MB, { dtype: 'float32' }).requiresGrad_()
    const loss = leaf.mul(torch.frombuffer(new Float32Array(MB).fill(4))).sum()
    const done = loss.backwardAsync()
    collectNow()
    await done
    assert.equal(leaf.grad!.index(3).item(), 4)
  }
  for (let i = 0; i < 10; i++) await pass()
  await collectGarbage()
  assert.ok(arrayBuffers() < before + 8 * MB, `${(arrayBuffers() - before) / MB} MB are left`)
})

test('wrong buffers are errors', () => {
  assert.throws(() => torch.frombuffer(new Float32Array(3), { shape: [4] }), { code: 'ERR_SHAPE' })
  assert.throws(() => torch.frombuffer(new Float32Array(3), { shape: [-3] }), { code: 'ERR_SHAPE' })
  assert.throws(() => torch.frombuffer(new Uint8Array(16).subarray(1, 9), { dtype: 'float64' }), {
    code: 'ERR_ARGUMENT',
    message: /aligned/,
  })
  for (const wrong of [undefined, null, 'x', [1, 2], {}, new ArrayBuffer(8), new DataView(new ArrayBuffer(8))]) {
    assert.throws(() => torch.frombuffer(wrong as never), { code: 'ERR_ARGUMENT' }, String(wrong))
  }
})

const inWorker = `
const { parentPort, workerData } = require('node:worker_threads')
import(workerData.entry).then(async (torch) => {
  globalThis.kept = torch.frombuffer(new Float32Array(1 << 20).fill(2))
  const leaf = torch.ones(1 << 20).requiresGrad_()
  globalThis.graph = leaf.mul(globalThis.kept).sum()
  if (workerData.pending) globalThis.graph.backwardAsync()
  parentPort.postMessage(Number(globalThis.kept.sum().item()))
  if (workerData.wait) setInterval(() => {}, 1000)
})`

for (const [how, options] of Object.entries({
  'that ends by itself': {},
  'that is terminated': { wait: true },
  'that is terminated during a backwardAsync': { wait: true, pending: true },
})) {
  test(`in a worker ${how}, buffers go with it`, async () => {
    await collectGarbage()
    const before = torch.memoryStats()
    for (let i = 0; i < 6; i++) {
      const worker = new Worker(inWorker, {
        eval: true,
        workerData: { entry: import.meta.resolve('libtorch-node'), ...options },
      })
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      const sum = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      assert.equal(sum, 2 << 20)
      if ('wait' in options) await worker.terminate()
      await ended
    }
    await collectGarbage()
    assert.equal(torch.memoryStats().tensors, before.tensors)
    assert.ok(torch.memoryStats().bytes < before.bytes + 8 * MB)
  })
}
