/** Long loops that never free anything themselves: the collector must do it, in time, also when the event loop never runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { pinnedCpu } from '../support/python.js'

const MB = 2 ** 20

interface Report {
  growth: number
  tensors: number
}

/** Runs a program of programs.ts, which must succeed. */
function program(name: string) {
  const run = child('test/lifetime/programs.js', [name], pinnedCpu, { timeout: 600_000 })
  assert.equal(run.status, 0, `'${name}' ended with ${run.signal ?? run.status}\n${run.stderr}`)
  return { ...run, report: JSON.parse(run.stdout) as Report }
}

test('a synchronous loop of 20,000 operators on 1-MB tensors stays below 600 MB', () => {
  const { peakRss } = program('loop')
  assert.ok(peakRss < 600 * MB, `${(peakRss / MB).toFixed(0)} MB`)
})

test('1,500 autograd graphs of 20 MB, dropped without backward, stay below 800 MB', () => {
  const { peakRss } = program('dropped graphs')
  assert.ok(peakRss < 800 * MB, `${(peakRss / MB).toFixed(0)} MB`)
})

for (const [name, title] of [
  ['steps', '2,000 training steps without scope()'],
  ['async steps', '2,000 training steps in an async loop'],
  ['workers', 'training in a worker that is started and stopped 20 times'],
] as const) {
  test(`${title}: memory grows by less than 50 MB after the warm-up`, () => {
    const { report } = program(name)
    assert.ok(report.growth < 50 * MB, `grew by ${(report.growth / MB).toFixed(1)} MB`)
  })
}

test('a checkpoint that is opened ten times takes its own size, and not that of the garbage as well', () => {
  const own = program('one operator').peakRss
  const { peakRss } = program('loading again')
  assert.ok(peakRss < own + 1.3 * 256 * MB, `${(peakRss / MB).toFixed(0)} MB, ${(own / MB).toFixed(0)} without it`)
})

test('when an allocation fails, garbage of any age is collected', () => {
  const { report } = program('old garbage')
  assert.ok(report.growth <= -16 * MB, `changed by ${(report.growth / MB).toFixed(1)} MB`)
})
