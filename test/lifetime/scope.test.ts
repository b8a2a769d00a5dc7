/** Freeing at once: `scope`, `dispose`, `using`. Holds for a build against the stable Node-API, too. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { collectGarbage } from './gc.js'

const { nn, optim } = torch
const MB = 2 ** 20
const count = () => torch.memoryStats().tensors
const bytes = () => torch.memoryStats().bytes

// what an earlier test has left for the collector is not to change the counts of the next one
beforeEach(collectGarbage)

test('a scope frees at its end what was made inside and is not returned', () => {
  const x = torch.ones(1024, 256)
  const before = torch.memoryStats()
  const kept = torch.scope(() => {
    const a = x.add(1)
    const b = a.mul(2)
    assert.ok(bytes() >= before.bytes + 2 * MB)
    return b.sum()
  })
  assert.equal(count(), before.tensors + 1)
  assert.ok(bytes() < before.bytes + MB)
  assert.equal(kept.item(), 1024 * 256 * 4)
  kept.dispose()
  assert.equal(count(), before.tensors)
})

test('what is returned in arrays, objects, Maps, Sets and modules stays', () => {
  const made = torch.scope(() => ({
    list: [torch.ones(1), [torch.ones(2)]],
    map: new Map([['a', torch.ones(3)]]),
    set: new Set([torch.ones(4)]),
    model: new nn.Linear(2, 2),
    none: null,
  }))
  const found = [made.list[0], (made.list[1] as torch.Tensor[])[0], made.map.get('a'), ...made.set]
  for (const t of found) assert.equal((t as torch.Tensor).isDisposed, false)
  assert.deepEqual(made.model.forward(torch.ones(1, 2)).shape, [1, 2])
  assert.equal(
    torch.scope(() => 'text'),
    'text',
  )
})

test('scopes nest: what an inner one returns belongs to the outer one', () => {
  const before = count()
  let inner: torch.Tensor | undefined
  const outer = torch.scope(() => {
    inner = torch.scope(() => torch.ones(3).add(1))
    assert.equal(inner.isDisposed, false)
    return inner.mul(2)
  })
  assert.equal(inner!.isDisposed, true)
  assert.equal(count(), before + 1)
  assert.deepEqual(outer.tolist(), [4, 4, 4])
})

test('an exception frees everything, ends the scope, and comes out as it is', () => {
  const before = count()
  const error = new Error('mine')
  let made: torch.Tensor | undefined
  const fail = () =>
    torch.scope(() => {
      made = torch.ones(3)
      torch.scope(() => {
        made!.add(1)
        throw error
      })
    })
  assert.throws(fail, (thrown) => thrown === error)
  assert.equal(made!.isDisposed, true)
  assert.equal(count(), before)
  const after = torch.ones(2)
  assert.equal(after.isDisposed, false)
  after.dispose()
})

test('a function that returns a Promise is a TypeError', () => {
  assert.throws(() => torch.scope(async () => torch.ones(1)), { name: 'TypeError', message: /Promise/ })
  assert.equal(torch.ones(2).isDisposed, false)
})

test('training inside scopes: parameters, gradients and optimizer state stay', async () => {
  torch.manualSeed(0)
  const model = new nn.Linear(4, 1)
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 })
  const x = torch.randn(16, 4)
  const y = torch.randn(16, 1)
  const loss = () => nn.functional.mseLoss(model.forward(x), y)
  const step = () =>
    torch.scope(() => {
      optimizer.zeroGrad()
      const value = loss()
      value.backward()
      optimizer.step()
      return Number(value.item())
    })
  const first = step()
  await collectGarbage()
  const settled = count()
  let last = first
  for (let i = 0; i < 50; i++) last = step()
  assert.ok(last < first)
  assert.equal(count(), settled)
  assert.equal(model.weight.grad!.shape[1], 4)
})

test('dispose frees at once; twice is fine; later use is ERR_DISPOSED and says what to do', () => {
  const before = torch.memoryStats()
  const t = torch.ones(1024, 256)
  const view = t.view(256, 1024)
  t.dispose()
  assert.equal(t.isDisposed, true)
  assert.ok(bytes() >= before.bytes + MB, 'the view still holds the memory')
  view.dispose()
  assert.ok(bytes() < before.bytes + MB / 2)
  t.dispose()
  const uses: (() => unknown)[] = [
    () => t.add(1),
    () => torch.ones(2).add(t),
    () => t.shape,
    () => t.item(),
    () => t.typedArray(),
    () => torch.cat([torch.ones(2), t]),
    () => t.index(0),
    () => (t.requiresGrad = true),
    () => String(t),
    () => new nn.Linear(4, 1).forward(t),
    () => new nn.Parameter(t),
    () => torch.ones(1, { requiresGrad: true }).mul(2).backward({ gradient: t }),
  ]
  for (const use of uses) {
    assert.throws(use, { code: 'ERR_DISPOSED', message: /disposed of[\s\S]*(scope|clone)/ }, String(use))
  }
  assert.equal(torch.isTensor(t), true)
})

test('Symbol.dispose is what `using` calls', () => {
  const before = count()
  {
    using t = torch.ones(3)
    assert.equal(count(), before + 1)
    assert.equal(t.isDisposed, false)
  }
  assert.equal(count(), before)
  assert.equal(typeof torch.Tensor.prototype[Symbol.dispose], 'function')
})

test('tensors, graphs and their bytes are gone after a collection', async () => {
  await collectGarbage()
  const before = torch.memoryStats()
  const leak = () => {
    const w = torch.ones(512, 512).requiresGrad_()
    for (let i = 0; i < 50; i++) w.mul(2).exp().mul(w).sum()
    w.mul(3).sum().backward()
    assert.notEqual(w.grad, null)
    const [a, b] = torch.ones(4, 4).split(2)
    return a!.add(b!).max(0).values.tolist()
  }
  leak()
  await collectGarbage()
  const after = torch.memoryStats()
  assert.equal(after.tensors, before.tensors)
  assert.ok(after.bytes <= before.bytes + 4096, `${after.bytes - before.bytes} bytes are left`)
})

for (const name of ['loop in scopes', 'loop with dispose']) {
  test(`${name}: 20,000 operators on 1-MB tensors stay below 300 MB`, () => {
    const run = child('test/lifetime/programs.js', [name])
    assert.equal(run.status, 0, run.stderr)
    // a LibTorch for the CPU takes 180 MB of them; what one for CUDA takes beyond that does not count
    const forCuda = existsSync(join(process.env.LIBTORCH ?? '', 'lib', 'libtorch_cuda.so'))
    const more = forCuda ? child('test/lifetime/programs.js', ['one operator']).peakRss - 180 * MB : 0
    const most = 300 * MB + more
    assert.ok(run.peakRss < most, `${(run.peakRss / MB).toFixed(0)} MB of ${(most / MB).toFixed(0)}`)
  })
}

test('2,000 training steps in scopes: memory grows by less than 50 MB after the warm-up', () => {
  const run = child('test/lifetime/programs.js', ['steps in scopes'], {}, { timeout: 600_000 })
  assert.equal(run.status, 0, run.stderr)
  const { growth } = JSON.parse(run.stdout) as { growth: number }
  assert.ok(growth < 50 * MB, `grew by ${(growth / MB).toFixed(1)} MB`)
})
