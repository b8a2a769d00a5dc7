import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { collectGarbage } from '../lifetime/gc.js'
import { child } from '../support/child.js'
import { dataset, everyDraw, type Wanted } from './worker-dataset.js'

const { ConcatDataset, DataLoader, Dataset, StackDataset, Subset, TensorDataset } = torch.utils.data
const workerModule = new URL('./worker-dataset.js', import.meta.url)

const made = (workerData: Wanted, options: object = {}) =>
  new DataLoader<any, any>(dataset(workerData) as any, {
    batchSize: 2,
    numWorkers: 2,
    workerModule,
    workerData,
    ...options,
  })

async function lists(loader: AsyncIterable<any>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const batch of loader) seen.push(batch.tolist())
  return seen
}

test('data alone goes to workers as it is: arrays, tensors, and what is put together from them', async () => {
  const numbers = new ConcatDataset([new Subset([5, 6, 7, 8], [3, 0]), [9]])
  assert.deepEqual(await lists(new DataLoader(numbers, { batchSize: 2, numWorkers: 2 })), [[8, 5], [9]])
  const x = torch.arange(6).reshape([3, 2])
  const pairs = new StackDataset({
    row: new TensorDataset(x),
    at: [{ t: torch.tensor(1) }, { t: torch.tensor(2) }, { t: torch.tensor(3) }],
  })
  const seen: any[] = []
  for await (const { row, at } of new DataLoader(pairs, { numWorkers: 1, batchSize: 3 }) as AsyncIterable<any>)
    seen.push(row[0].tolist(), at.t.tolist())
  assert.deepEqual(seen, [x.tolist(), [1, 2, 3]])
})

test('tensors inside of lists, Maps and objects come back without a copy; tensors go along in workerData', async () => {
  const [many] = await (async () => {
    const out: any[] = []
    for await (const batch of made({ kind: 'many', n: 2 })) out.push(batch)
    return out
  })()
  assert.deepEqual(
    [many.list[0].tolist(), many.map.get('t').tolist(), many.name],
    [
      [0, 1],
      [
        [0, 0],
        [1, 1],
      ],
      ['n0', 'n1'],
    ],
  )
  const scaled = await lists(made({ kind: 'many', n: 3, scale: torch.tensor([2, 3]) }, { batchSize: 3, numWorkers: 1 }))
  assert.deepEqual(scaled, [
    [
      [0, 0],
      [2, 3],
      [4, 6],
    ],
  ])
})

test('a module may export a default, a collateFn and a workerInitFn', async () => {
  const loader = new DataLoader<number, any>([...Array(7).keys()], {
    batchSize: 4,
    numWorkers: 2,
    workerModule: new URL('./worker-collate.js', import.meta.url),
    collateFn: () => assert.fail('this thread collates nothing'),
  })
  const seen: unknown[] = []
  for await (const { sum, started } of loader) seen.push([sum.item(), started])
  assert.deepEqual(seen, [
    [6, 0],
    [15, 1],
  ])
})

test('no more batches are made beforehand than prefetchFactor says', async () => {
  const shares = new Int32Array(new SharedArrayBuffer(4))
  const loader = made({ kind: 'counted', n: 100, shares }, { prefetchFactor: 2 })
  const iterator = loader[Symbol.asyncIterator]()
  await iterator.next()
  // one delivered, and two for each of two workers
  while (Atomics.load(shares, 0) < 2 * (1 + 4)) await new Promise((resolve) => setTimeout(resolve, 10))
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(Atomics.load(shares, 0), 2 * (1 + 4))
  await iterator.return!()
})

test('an error of a sample names the worker, the samples and has its stack; the loop may go on after it', async () => {
  const iterator = made({ kind: 'fails', n: 8 })[Symbol.asyncIterator]()
  assert.deepEqual((await iterator.next()).value.tolist(), [0, 1])
  assert.deepEqual((await iterator.next()).value.tolist(), [2, 3])
  await assert.rejects(iterator.next(), (error: any) => {
    assert.ok(error instanceof torch.DataWorkerError)
    assert.deepEqual([error.code, error.worker, error.batch], ['ERR_DATA_WORKER', 0, 2])
    assert.match(
      error.message,
      /^RangeError in DataLoader worker 0, making the batch of the samples 4, 5: picture 5 is broken$/,
    )
    assert.match(error.stack!, /in the worker: RangeError: picture 5 is broken\n.*worker-dataset/)
    assert.deepEqual([(error.cause as any).name, (error.cause as any).code], ['RangeError', 'EBROKEN'])
    return true
  })
  assert.deepEqual((await iterator.next()).value.tolist(), [6, 7])
  assert.equal((await iterator.next()).done, true)
})

test('a loop that failed and that nobody goes on with ends its workers', { timeout: 60_000 }, async () => {
  const shares = new Int32Array(new SharedArrayBuffer(8))
  await assert.rejects(lists(made({ kind: 'fails', n: 100, shares })), { code: 'ERR_DATA_WORKER' })
  for (let i = 0; i < 100 && Atomics.load(shares, 1) < 2; i++) await collectGarbage()
  assert.equal(Atomics.load(shares, 1), 2)
})

test('a sampler that fails ends the workers, and an error of a stream says so', { timeout: 60_000 }, async () => {
  const sampler = {
    *[Symbol.iterator]() {
      yield 0
      throw new Error('no more order')
    },
  }
  const loader = new DataLoader([1, 2, 3], { numWorkers: 2, sampler })
  assert.throws(() => loader[Symbol.asyncIterator](), new Error('no more order'))
  const broken = made({ kind: 'broken', n: 9 })[Symbol.asyncIterator]()
  const toTheEnd = async () => {
    while (!(await broken.next()).done);
  }
  await assert.rejects(toTheEnd(), {
    message: /^Error in DataLoader worker 0, reading the stream: line 3 is broken$/,
  })
  // it could go on: what the workers have ready waits until then
  await broken.return!()
})

const failures: [Wanted['kind'], object, RegExp][] = [
  ['throws', {}, /worker \d could not begin: no such folder/],
  ['exits', {}, /worker 0 exited unexpectedly with code 3/],
  ['uncaught', {}, /worker 0 failed: out of the blue/],
  ['hangs', { timeout: 2 }, /worker 0 gave no batch in 2 seconds/],
  ['function', { batchSize: null }, /cannot be sent from the worker: .*could not be cloned/],
]
for (const [kind, options, message] of failures) {
  test(`what goes wrong in a worker ends the loop with an error, and the workers: ${kind}`, {
    timeout: 60_000,
  }, async () => {
    const loader = made(kind === 'throws' ? { kind: 'many', n: 8 } : { kind, n: 8 }, {
      ...options,
      workerData: { kind, n: 8 },
    })
    const iterator = loader[Symbol.asyncIterator]()
    const run = async () => {
      while (!(await iterator.next()).done);
    }
    await assert.rejects(run(), { code: 'ERR_DATA_WORKER', message })
    // an error of a batch alone leaves the others
    await iterator.return!()
  })
}

test('a loop that is left ends its workers at once, and a signal fails it with its reason', async () => {
  for await (const _ of made({ kind: 'slow', n: 1000 })) break
  const controller = new AbortController()
  const loader = made({ kind: 'slow', n: 1000 }, { signal: controller.signal })
  let count = 0
  const run = async () => {
    for await (const _ of loader) if (++count === 2) controller.abort(new Error('enough'))
  }
  await assert.rejects(run(), new Error('enough'))
  assert.equal(count, 2)
  assert.equal(loader.stateDict().batches, 2)
  await assert.rejects(run(), new Error('enough'))
  const sync = new DataLoader([1, 2], { signal: controller.signal })
  assert.throws(() => [...sync], new Error('enough'))
})

test('what cannot be sent is refused with the way to do it', async () => {
  class Mine extends Dataset<number> {
    length = 3
    get = (index: number) => index
  }
  const begin = (data: any, options: object = {}) =>
    new DataLoader(data, { numWorkers: 1, ...options })[Symbol.asyncIterator]()
  const message = /cannot be sent to a worker.*workerModule: new URL/
  assert.throws(() => begin(new Mine()), { code: 'ERR_ARGUMENT', message })
  assert.throws(() => begin(new Subset(new Mine(), [1])), { code: 'ERR_ARGUMENT', message })
  assert.throws(() => begin([() => 1]), { code: 'ERR_ARGUMENT', message })
  assert.throws(() => begin([1], { collateFn: () => 1 }), { code: 'ERR_ARGUMENT', message: /export it from a module/ })
  assert.throws(() => begin([1], { workerInitFn: () => 1 }), { code: 'ERR_ARGUMENT', message: /export it as/ })
  for (const bad of ['./dataset.js', 'some-package', 7])
    assert.throws(() => begin([1], { workerModule: bad }), { code: 'ERR_ARGUMENT', message: /import.meta.url/ })
  assert.throws(() => [...new DataLoader([1], { numWorkers: 1 })], { code: 'ERR_ARGUMENT', message: /for await/ })
  for (const [options, wrong] of [
    [{ numWorkers: -1 }, /whole number/],
    [{ numWorkers: 1.5 }, /whole number/],
    [{ numWorkers: 1, prefetchFactor: 0 }, /positive integer/],
    [{ prefetchFactor: 2 }, /numWorkers > 0/],
    [{ timeout: -1 }, /≥ 0/],
    [{ signal: 7 }, /AbortSignal/],
  ] as const)
    assert.throws(() => new DataLoader([1], options as object), { code: 'ERR_ARGUMENT', message: wrong })
  const collating = made({ kind: 'many', n: 2 }, { collateFn: () => 1 })
  await assert.rejects(lists(collating), { code: 'ERR_DATA_WORKER', message: /exports no collateFn/ })
})

test('going on in the middle of an epoch, also with what was drawn in the workers', async () => {
  for (const [kind, n] of [
    ['draws', 14],
    ['stream', 14],
  ] as const) {
    const loader = () => made({ kind, n }, kind === 'draws' ? { shuffle: true } : {})
    const text = (batch: any) =>
      JSON.stringify(batch instanceof torch.Tensor ? batch.tolist() : [batch.index.tolist(), batch.x.tolist()])
    torch.manualSeed(4)
    const whole: string[] = []
    let state: any
    const first = loader()
    for await (const batch of first) {
      whole.push(text(batch))
      if (whole.length === 3) state = first.stateDict()
    }
    torch.manualSeed(99)
    const second = loader()
    second.loadStateDict(state)
    const rest: string[] = []
    for await (const batch of second) rest.push(text(batch))
    assert.deepEqual(rest, whole.slice(3), kind)
  }
})

test('every random function draws in a worker what it draws from the same seed here', async () => {
  torch.manualSeed(5)
  const iterator = made({ kind: 'ops', n: 1 }, { batchSize: null, numWorkers: 1 })[Symbol.asyncIterator]()
  const { value: drawn } = await iterator.next()
  await iterator.return!()
  torch.manualSeed(5)
  // the seed is the number that the loader drew
  torch.manualSeed(torch.empty([], { dtype: 'int64' }).random_().item() as bigint)
  const expected = everyDraw()
  for (const [name, tensor] of Object.entries(expected)) assert.deepEqual(drawn[name].tolist(), tensor.tolist(), name)
})

test('a worker’s random numbers leave this thread’s generator alone', async () => {
  torch.manualSeed(1)
  const iterator = made({ kind: 'draws', n: 8 })[Symbol.asyncIterator]()
  const before = torch.getRngState()
  while (!(await iterator.next()).done);
  assert.ok(torch.getRngState().equal(before))
})

test('shared tensors that nobody got are let go of, and the process ends by itself', () => {
  const { status, stdout, stderr } = child('test/data/workers-exit.js', [], {}, { timeout: 90_000 })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^left 0 threads\nabandoned\n$/)
})
