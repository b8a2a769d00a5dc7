/** `backwardAsync`: the same gradients, computed while the event loop runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

/** A chain of matrix products whose backward pass takes a good part of a second on one thread. */
function slowLoss(x: torch.Tensor, products = 40): torch.Tensor {
  let y = x
  for (let i = 0; i < products; i++) y = y.matmul(x).mul(1 / 24)
  return y.sum()
}

test('backwardAsync keeps a 10-ms timer firing', async () => {
  torch.setNumThreads(1)
  torch.manualSeed(0)
  const x = torch.randn(500, 500, { requiresGrad: true })
  const loss = slowLoss(x)
  const gaps: number[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    gaps.push(performance.now() - last)
    last = performance.now()
  }, 10)
  const started = performance.now()
  await loss.backwardAsync()
  const took = performance.now() - started
  clearInterval(timer)
  assert.ok(took > 50, `too fast to tell anything: ${took} ms`)
  // a synchronous pass would let it fire at its end alone
  assert.ok(gaps.length >= Math.min(took / 40, 5), `${gaps.length} ticks in ${took.toFixed(0)} ms`)
  assert.ok(Math.max(...gaps) < took / 2, `a tick came ${Math.max(...gaps).toFixed(0)} of ${took.toFixed(0)} ms late`)
})

test('backwardAsync gives the gradients of backward', async () => {
  torch.manualSeed(1)
  const data = torch.randn(50, 50)
  const x = data.clone().requiresGrad_()
  const y = data.clone().requiresGrad_()
  slowLoss(x, 5).backward()
  await slowLoss(y, 5).backwardAsync()
  assert.equal(x.grad!.equal(y.grad!), true)
})

test('several at once, options, and the result when the caller has let go of the loss', async () => {
  const leaves = Array.from({ length: 8 }, () => torch.randn(64, 64).requiresGrad_())
  await Promise.all(leaves.map((x) => slowLoss(x, 6).backwardAsync()))
  for (const x of leaves) assert.deepEqual(x.grad!.shape, [64, 64])
  const x = torch.tensor([1, 2], { requiresGrad: true })
  const y = x.mul(3)
  await y.backwardAsync({ gradient: torch.ones(2), retainGraph: true })
  await y.backwardAsync({ gradient: torch.ones(2) })
  assert.deepEqual(x.grad!.tolist(), [6, 6])
})

test('its errors are rejections with the code of the synchronous ones', async () => {
  const x = torch.tensor([1, 2], { requiresGrad: true })
  await assert.rejects(x.mul(2).backwardAsync(), { code: 'ERR_TORCH', message: /scalar outputs/ })
  await assert.rejects(torch.ones(1).backwardAsync(), { code: 'ERR_TORCH', message: /frozen/ })
  const used = x.pow(2).sum()
  await used.backwardAsync()
  await assert.rejects(used.backwardAsync(), { code: 'ERR_TORCH', message: /second time/ })
  const gone = x.mul(2).sum()
  gone.dispose()
  await assert.rejects(gone.backwardAsync(), { code: 'ERR_DISPOSED' })
  await assert.rejects(x.mul(2).backwardAsync({ gradient: torch.ones(5) }), { code: 'ERR_SHAPE' })
})

test('the caller’s grad mode goes with the work, and stays the caller’s', async () => {
  const x = torch.tensor([3], { requiresGrad: true })
  const y = x.pow(3).sum()
  await y.backwardAsync({ createGraph: true })
  assert.equal(x.grad!.requiresGrad, true)
  assert.equal(torch.isGradEnabled(), true)
  // with the graph of a gradient, x and it hold each other for ever
  x.grad = null
})
