/** Memory of the device: pinned memory, statistics, long loops, and a device that is full. Needs the device for itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as torch from 'libtorch-node'
import { device, setUp, testBoth } from './harness.js'
import { begin, train } from './nets.js'

const MB = 2 ** 20

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Frees what nobody refers to any more, so that a difference of two figures is that of what lies between. */
function collect(): void {
  gc()
  gc()
  torch.cuda.emptyCache()
}

testBoth('memory as Python sees it', [
  {
    title: 'bytes of tensors, kept memory, and memory that is given back',
    python: `
import gc
torch.cuda.empty_cache()
at = torch.cuda.memory_allocated()
seen = lambda: [torch.cuda.memory_allocated() - at, torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()]
o['seen'] = [seen()]
a = torch.empty(1, device='cuda')
b = torch.empty(1000, 1000, device='cuda')
c = torch.empty(40 * 2 ** 20, dtype=torch.uint8, device='cuda')
o['seen'].append(seen())
v = b.view(-1)
del b
o['seen'].append(seen())
del v, c
before = torch.cuda.memory_reserved()
torch.cuda.empty_cache()
o['seen'].append([*seen(), before - torch.cuda.memory_reserved() >= 40 * 2 ** 20])`,
    node: (o) => {
      collect()
      const at = torch.cuda.memoryAllocated()
      const look = () => [
        torch.cuda.memoryAllocated() - at,
        torch.cuda.memoryReserved() >= torch.cuda.memoryAllocated(),
      ]
      const list: unknown[] = [look()]
      const a = torch.empty(1, { device })
      const b = torch.empty(1000, 1000, { device })
      const c = torch.empty(40 * MB, { dtype: 'uint8', device })
      list.push(look())
      const v = b.view(-1)
      b.dispose()
      list.push(look())
      v.dispose()
      c.dispose()
      const before = torch.cuda.memoryReserved()
      torch.cuda.emptyCache()
      list.push([...look(), before - torch.cuda.memoryReserved() >= 40 * MB])
      a.dispose()
      o.seen = list
    },
    cuda: true,
  },
  {
    title: 'pinned memory',
    python: `
x = torch.arange(1000.)
p = x.pin_memory()
o['pinned'] = [x.is_pinned(), p.is_pinned(), torch.empty(3, pin_memory=True).is_pinned(), p.to('cuda').is_pinned()]
there = p.to('cuda', non_blocking=True) * 2
back = torch.empty(1000, pin_memory=True)
back.copy_(there, non_blocking=True)
torch.cuda.synchronize()
o['values'] = [p, there, back]`,
    node: (o) => {
      const x = torch.arange(1000, { dtype: 'float32' })
      const p = x.pinMemory()
      o.pinned = [
        x.isPinned(),
        p.isPinned(),
        torch.empty(3, { pinMemory: true } as object).isPinned(),
        p.to(device).isPinned(),
      ]
      const there = p.to({ device, nonBlocking: true }).mul(2)
      const back = torch.empty(1000, { pinMemory: true } as object)
      back.copy_(there, { nonBlocking: true })
      torch.cuda.synchronize()
      o.values = [p, there, back]
    },
    cuda: true,
  },
])

const onDevice = (name: string, run: () => void | Promise<void>) =>
  test(name, (t) => (device === 'cuda' ? run() : t.skip('needs a CUDA device')))

onDevice('statistics count what is alive on the device', () => {
  setUp()
  collect()
  const before = torch.cuda.memoryAllocated(0)
  const x = torch.empty(4 * MB, { dtype: 'uint8', device })
  assert.equal(torch.cuda.memoryAllocated() - before, 4 * MB)
  assert.ok(torch.memoryStats().acceleratorBytes >= 4 * MB)
  torch.scope(() =>
    torch
      .empty(64 * MB, { dtype: 'uint8', device })
      .add(1)
      .sum()
      .item(),
  )
  assert.equal(torch.cuda.memoryAllocated('cuda:0') - before, 4 * MB)
  x.dispose()
  assert.equal(torch.cuda.memoryAllocated() - before, 0)
})

onDevice('a synchronous loop of 20,000 operators on 1-MB tensors stays below 600 MB of the device', () => {
  torch.useDeterministicAlgorithms(false)
  const a = torch.ones(512, 512, { device })
  let most = 0
  for (let i = 0; i < 20_000; i++) {
    a.add(1)
    if (i % 64 === 0) most = Math.max(most, torch.cuda.memoryAllocated())
  }
  assert.ok(most < 600 * MB, `${(most / MB).toFixed(0)} MB`)
})

onDevice('300 training steps do not grow', () => {
  setUp()
  const training = begin()
  train(training, 20)
  const before = torch.cuda.memoryReserved()
  for (let i = 0; i < 10; i++) train(training, 30)
  const grown = torch.cuda.memoryReserved() - before
  assert.ok(grown < 300 * MB, `${(grown / MB).toFixed(0)} MB`)
})

onDevice('when the device is full, garbage is collected before the error', () => {
  torch.useDeterministicAlgorithms(false)
  // 40 results of 8 GB, of which no device holds all
  for (let i = 0; i < 40; i++) torch.empty(2 ** 31, { device })
  assert.throws(() => torch.empty(2 ** 45, { device }), { code: 'ERR_OUT_OF_MEMORY' })
  assert.deepEqual(torch.ones(3, { device }).add(1).tolist(), [2, 2, 2])
  torch.cuda.emptyCache()
})

onDevice('an operator whose result does not fit fails alone, and what it needed is free again', () => {
  torch.useDeterministicAlgorithms(false)
  const held: torch.Tensor[] = []
  assert.throws(() => {
    for (let i = 0; i < 1000; i++) held.push(torch.empty(2 ** 31, { device }))
  }, torch.OutOfMemoryError)
  assert.ok(held.length > 0 && held.length < 1000)
  for (const t of held.splice(0)) t.dispose()
  torch.cuda.emptyCache()
  const again = torch.empty(2 ** 31, { device })
  assert.equal(again.numel(), 2 ** 31)
  again.dispose()
  torch.cuda.emptyCache()
})
