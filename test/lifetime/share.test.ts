/** Tensors handed from thread to thread: the same memory, one receiver, nothing left behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { collectNow } from './gc.js'

const entry = JSON.stringify(import.meta.resolve('libtorch-node'))

function worker(lines: string, workerData?: unknown): Worker {
  return new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     import(${entry}).then((torch) => { ${lines} })`,
    { eval: true, workerData },
  )
}

async function answer(lines: string, workerData?: unknown): Promise<unknown> {
  const thread = worker(lines, workerData)
  try {
    const [message] = await once(thread, 'message')
    return message
  } finally {
    await thread.terminate()
  }
}

test('both threads see what either writes, views and dtypes included', async () => {
  const whole = torch.arange(12, { dtype: 'int16' }).view(3, 4)
  const view = whole.t().index(':', '1:')
  const seen = await answer(
    `const t = torch.receive(workerData)
     const got = [t.tolist(), t.shape, t.stride(), t.dtype, t.storageOffset(), String(t.dataPtr())]
     t.fill_(7)
     parentPort.postMessage(got)`,
    view.share(),
  )
  assert.deepEqual(seen, [
    [
      [4, 8],
      [5, 9],
      [6, 10],
      [7, 11],
    ],
    [4, 2],
    [1, 4],
    'int16',
    4,
    String(view.dataPtr()),
  ])
  assert.deepEqual(whole.tolist(), [
    [0, 1, 2, 3],
    [7, 7, 7, 7],
    [7, 7, 7, 7],
  ])
})

test('a tensor outlives the thread that made it', async () => {
  const handle = (await answer(`parentPort.postMessage(torch.full([1000, 10], 3).share())`)) as torch.SharedTensor
  const t = torch.receive(handle)
  assert.deepEqual(t.shape, [1000, 10])
  assert.equal(t.sum().item(), 30_000)
})

test('what is shared has left autograd', () => {
  const x = torch.ones(2).requiresGrad_()
  const t = torch.receive(x.mul(2).share())
  assert.equal(t.requiresGrad, false)
  assert.equal(t.gradFn, null)
})

test('one receiver, and clear errors for everything else', () => {
  const handle = torch.ones(2).share()
  torch.receive(handle)
  const wrong = (code: string, message: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
  assert.throws(() => torch.receive(handle), wrong('ERR_ARGUMENT', /received or released before/))
  const other = torch.ones(2).share()
  assert.equal(torch.releaseShared(other), true)
  assert.equal(torch.releaseShared(other), false)
  assert.throws(() => torch.receive(other), wrong('ERR_ARGUMENT', /received or released before/))
  for (const value of [undefined, null, 3, {}, { sharedTensor: 'a' }, torch.ones(1)])
    assert.throws(() => torch.receive(value as never), wrong('ERR_ARGUMENT', /what tensor\.share\(\) returned/))
  const own = torch.ones(1).share()
  assert.throws(() => torch.receive({ ...own, process: 1 }), wrong('ERR_ARGUMENT', /memory of process 1;/))
  torch.releaseShared(own)
  const gone = torch.ones(2)
  gone.dispose()
  assert.throws(() => gone.share(), wrong('ERR_DISPOSED', /./))
})

test('10,000 tensors there and back leave none behind', async () => {
  collectNow()
  const before = torch.memoryStats().tensors
  const thread = worker(
    `parentPort.on('message', (handles) => {
       parentPort.postMessage(handles.map((handle) => torch.receive(handle).add(1).share()))
     })`,
  )
  let sum = 0
  for (let round = 0; round < 100; round++) {
    thread.postMessage(Array.from({ length: 100 }, (_, i) => torch.full([64], i).share()))
    const [handles] = (await once(thread, 'message')) as [torch.SharedTensor[]]
    for (const handle of handles) {
      const t = torch.receive(handle)
      sum += t.index(0).item() as number
      t.dispose()
    }
  }
  assert.equal(sum, 100 * (4950 + 100))
  await thread.terminate()
  collectNow()
  assert.ok(torch.memoryStats().tensors <= before + 2, `${torch.memoryStats().tensors} tensors, ${before} before`)
})

test('a process that ends with tensors on their way ends well', () => {
  const { status, stderr } = child('test/lifetime/share-exit.js')
  assert.equal(status, 0, stderr)
})
