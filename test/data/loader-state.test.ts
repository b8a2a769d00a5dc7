import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { DataLoader } = torch.utils.data

const ten = [...Array(10).keys()]
const shuffled = () => new DataLoader(ten, { batchSize: 3, shuffle: true })
const lists = (batches: Iterable<torch.Tensor>) => [...batches].map((batch) => batch.tolist())

/** The state after one batch, and the batches that were still to come. */
function stopped(loader = shuffled()) {
  torch.manualSeed(1)
  const iterator = loader[Symbol.iterator]()
  iterator.next()
  const state = loader.stateDict()
  return { state, rest: lists(iterator) }
}

test('the state may be taken and loaded in one process, and twice', () => {
  const { state, rest } = stopped()
  const loader = shuffled()
  for (let i = 0; i < 2; i++) {
    loader.loadStateDict(state)
    const seen = torch.random.forkRng(() => lists(loader))
    assert.deepEqual(seen, rest)
  }
})

test('making the iterator of a resumed loader leaves the default generator alone', () => {
  const loader = shuffled()
  loader.loadStateDict(stopped().state)
  torch.manualSeed(8)
  const before = torch.getRngState()
  loader[Symbol.iterator]()
  assert.ok(torch.getRngState().equal(before))
})

test('a loader that was resumed may be saved again, before and after its first batch', () => {
  const { state, rest } = stopped()
  const second = shuffled()
  second.loadStateDict(state)
  const third = shuffled()
  third.loadStateDict(second.stateDict())
  const iterator = third[Symbol.iterator]()
  assert.deepEqual(iterator.next().value!.tolist(), rest[0])
  const again = shuffled()
  again.loadStateDict(third.stateDict())
  assert.deepEqual(lists(again), rest.slice(1))
})

test('after the end of an epoch, and after a loop that was left, the next epoch is to come', () => {
  const loader = shuffled()
  const fresh = loader.stateDict()
  assert.deepEqual([fresh.batches, fresh.rng_state], [0, null])
  for (const _ of loader) assert.ok(loader.stateDict().batches > 0)
  assert.deepEqual([loader.stateDict().batches, loader.stateDict().rng_state], [0, null])
  for (const _ of loader) break
  assert.equal(loader.stateDict().rng_state, null)
})

test('a for-await loop has a state too', async () => {
  const { state, rest } = stopped()
  const loader = shuffled()
  loader.loadStateDict(state)
  const seen: unknown[] = []
  for await (const batch of loader) {
    seen.push(batch.tolist())
    assert.equal(loader.stateDict().batches, 1 + seen.length)
  }
  assert.deepEqual(seen, rest)
})

test('a state that does not fit is refused, and nothing is changed', () => {
  const { state } = stopped()
  const generator = new torch.Generator().manualSeed(5)
  const refused = (loader: { loadStateDict(state: any): void }, given: unknown, code: string, message: RegExp) =>
    assert.throws(() => loader.loadStateDict(given), { code, message })
  refused(new DataLoader(ten, { batchSize: 4 }), state, 'ERR_STATE_DICT', /batchSize 3, but this one has 4/)
  refused(new DataLoader([...ten, 1], { batchSize: 3 }), state, 'ERR_STATE_DICT', /length 10, but this one has 11/)
  const owning = new DataLoader(ten, { batchSize: 3, generator })
  const before = generator.getState()
  refused(owning, state, 'ERR_STATE_DICT', /generators in number 0, but this one has 1/)
  assert.ok(generator.getState().equal(before))
  for (const given of [null, 7, {}, { model: 1 }, []]) refused(shuffled(), given, 'ERR_ARGUMENT', /stateDict\(\)/)
  refused(shuffled(), { ...state, version: 2 }, 'ERR_STATE_DICT', /version 2/)
  for (const batches of [-1, 1.5, '1', null]) refused(shuffled(), { ...state, batches }, 'ERR_STATE_DICT', /damaged/)
  refused(shuffled(), { ...state, rng_state: null }, 'ERR_STATE_DICT', /damaged/)
})

test('an iterator that cannot be made leaves the generator and the loaded state as they were', () => {
  const { state, rest } = stopped()
  const sampler = {
    broken: true,
    generator: null,
    [Symbol.iterator]() {
      if (this.broken) throw new Error('no order yet')
      return new torch.utils.data.RandomSampler(ten)[Symbol.iterator]()
    },
  }
  const loader = new DataLoader(ten, { batchSize: 3, sampler })
  loader.loadStateDict(state)
  const before = torch.getRngState()
  assert.throws(() => loader[Symbol.iterator](), new Error('no order yet'))
  assert.ok(torch.getRngState().equal(before))
  sampler.broken = false
  assert.deepEqual(lists(loader), rest)
})
