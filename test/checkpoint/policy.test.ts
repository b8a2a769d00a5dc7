/** When to save, which checkpoints stay, which is best: for all histories. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, nameOf, readName } from '../../lib/checkpoint/entry.js'
import { isBetter, kept, latestOf, markSuperseded, ranked, Triggers } from '../../lib/checkpoint/policy.js'

function entry(epoch: number, serial: number, fields: Partial<Entry> = {}): Entry {
  const file = nameOf('checkpoint', epoch, fields.step)
  const metrics = Object.create(null)
  const plain = { runId: 'r', saveId: `s${serial}`, step: undefined, pinned: false, superseded: false }
  return { file, epoch, serial, metrics, files: [file], ...plain, ...fields }
}

const metric = fc.oneof(fc.constantFrom(Number.NaN, 0, -0, 1, Number.POSITIVE_INFINITY), fc.double({ noNaN: true }))
const histories = fc.array(fc.record({ loss: metric, pinned: fc.boolean(), damaged: fc.boolean() }), { maxLength: 20 })
const modes = fc.constantFrom('min', 'max')

test('the best is better than all before it, and not worse than all after it; NaN never is', () => {
  fc.assert(
    fc.property(histories, modes, (history, mode) => {
      const entries = history.map(({ loss }, i) => entry(i, i + 1, { metrics: { loss } }))
      const order = ranked(entries, { metric: 'loss', mode: mode as 'min' })
      assert.equal(order.length, history.filter(({ loss }) => !Number.isNaN(loss)).length)
      const top = order[0]
      for (const other of order.slice(1)) {
        assert.ok(!isBetter(other.metrics.loss!, top!.metrics.loss, mode as 'min'))
        if (other.epoch < top!.epoch) assert.ok(isBetter(top!.metrics.loss!, other.metrics.loss, mode as 'min'))
      }
    }),
  )
})

test('what stays is the union of the policies, and neither more', () => {
  const keeps = fc.record({ last: fc.integer({ min: 1, max: 5 }), best: fc.nat(4), everyEpochs: fc.nat(4) })
  fc.assert(
    fc.property(histories, keeps, fc.nat(20), (history, keep, source) => {
      const entries = history.map(({ loss, pinned, damaged }, i) =>
        entry(i, i + 1, { metrics: { loss }, pinned, ...(damaged && { damaged: 'cut off' }) }),
      )
      const stay = kept(entries, keep, { metric: 'loss', mode: 'min' }, `s${source}`)
      const good = entries.filter(({ damaged }) => damaged === undefined)
      const best = ranked(entries, { metric: 'loss', mode: 'min' }).slice(0, keep.best)
      for (const each of entries) {
        const last = good.indexOf(each) >= good.length - keep.last && good.includes(each)
        const every = keep.everyEpochs > 0 && good.includes(each) && each.epoch % keep.everyEpochs === 0
        const own = each.pinned || each.damaged !== undefined || each.serial === source
        assert.equal(stay.has(each), last || every || own || best.includes(each), each.file)
      }
      const latest = latestOf(entries)
      assert.equal(latest, good.at(-1))
      if (latest) assert.ok(stay.has(latest))
    }),
  )
})

test('after a return to an earlier epoch only what belongs to the run counts', () => {
  // epochs are saved one after another, and now and then the run goes back
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(10), { nil: undefined, freq: 4 }), { maxLength: 25 }), (moves) => {
      let run: Entry[] = []
      const files = new Map<string, Entry>()
      let [epoch, serial] = [0, 0]
      for (const back of moves) {
        if (back !== undefined && back < epoch) epoch = back
        const made = entry(epoch, ++serial)
        run = [...run.filter((each) => each.epoch < epoch), made]
        files.set(made.file, made)
        epoch++
      }
      const entries = [...files.values()]
      markSuperseded(entries)
      assert.deepEqual(
        entries
          .filter(({ superseded }) => !superseded)
          .map(({ serial }) => serial)
          .sort((a, b) => a - b),
        run.map(({ serial }) => serial),
      )
      assert.equal(latestOf(entries), run.at(-1))
    }),
  )
})

test('names are numbers, in the order of training', () => {
  assert.deepEqual(readName('checkpoint_epoch_12.pth'), { epoch: 12, step: undefined })
  assert.deepEqual(readName('checkpoint_epoch_12_step_7.pth'), { epoch: 12, step: 7 })
  for (const other of ['checkpoint_epoch_1.pth.pin', 'model_epoch_1.pth', 'checkpoint_epoch_.pth', 'best.pth'])
    assert.equal(readName(other), undefined)
  const entries = [entry(10, 1), entry(9, 2, { step: 50 }), entry(9, 3), entry(2, 4), entry(9, 5, { step: 7 })]
  for (const each of entries) each.serial = 1
  assert.equal(latestOf(entries)?.file, 'checkpoint_epoch_10.pth')
  const stay = kept(entries, { last: 3 }, undefined, undefined)
  assert.deepEqual(
    entries.filter((each) => stay.has(each)).map(({ file }) => file),
    ['checkpoint_epoch_10.pth', 'checkpoint_epoch_9_step_50.pth', 'checkpoint_epoch_9.pth'],
  )
})

test('triggers: epochs, steps and minutes, any of them', () => {
  let now = 0
  const reasons = (every: object, calls: [number, number?][]) => {
    const triggers = new Triggers(every, () => now)
    return calls.map(([epoch, step]) => triggers.due(epoch, step))
  }
  const none = undefined
  assert.deepEqual(reasons({ epochs: 2 }, [[0], [1], [2], [3], [4]]), ['epochs', none, 'epochs', none, 'epochs'])
  // a multiple that was passed over counts
  assert.deepEqual(reasons({ epochs: 5 }, [[1], [4], [7], [9], [11]]), [none, none, 'epochs', none, 'epochs'])
  const steps: [number, number?][] = [[0, 1], [0, 2], [0, 3], [0], [1, 1], [1, 2], [1, 3]]
  assert.deepEqual(reasons({ steps: 2 }, steps), [none, 'steps', none, none, none, 'steps', none])
  // counted over the whole run
  assert.deepEqual(
    reasons({ steps: 4 }, [
      [0, 3],
      [1, 5],
      [1, 6],
      [2, 8],
    ]),
    [none, 'steps', none, 'steps'],
  )
  const triggers = new Triggers({ minutes: 1, epochs: 100 }, () => now)
  assert.equal(triggers.due(1, undefined), none)
  now = 59_999
  assert.equal(triggers.due(2, undefined), none)
  now = 60_000
  assert.equal(triggers.due(3, 5), 'minutes')
  triggers.saved()
  assert.equal(triggers.due(3, 6), none)
  triggers.startAt(99, undefined)
  assert.equal(triggers.due(100, undefined), 'epochs')
})
