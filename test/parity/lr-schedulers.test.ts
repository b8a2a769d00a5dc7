/** All schedulers against live Python: a hundred rates and momenta as bits, resumed at three points in both directions. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'
import { type Case, cases, lambdas } from './lr-schedulers-cases.js'

const epochs = 100
const points = [1, 30, 63]
const oracle = join(root, 'test/parity/lr_schedulers_oracle.py')
const { lrScheduler } = torch.optim

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

function build(optimizer: torch.optim.Optimizer<any>, [name, options]: Case['scheduler']): any {
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    const list = Array.isArray(value) ? value : [value]
    const read = list.map((item) => (typeof item === 'string' && item in lambdas ? lambdas[item] : item))
    given[camel(key)] =
      key === 'schedulers' ? list.map((spec) => build(optimizer, spec)) : Array.isArray(value) ? read : read[0]
  }
  const type = (lrScheduler as any)[name]
  return name === 'ChainedScheduler' ? new type(given) : new type(optimizer, given)
}

function make(spec: Case): [torch.optim.Optimizer<any>, any] {
  const params = spec.lrs.map(() => [torch.zeros(1).requiresGrad_()])
  const lrOf = (lr: number) => (spec.tensorLr ? torch.tensor(lr, { dtype: spec.tensorLr }) : lr)
  const groups = spec.lrs.map((lr, i) => ({ params: params[i]!, lr: lrOf(lr) }))
  const optimizer: torch.optim.Optimizer<any> = spec.adam
    ? new torch.optim.Adam(groups as any)
    : new torch.optim.SGD(groups as any, { momentum: 0.5 })
  return [optimizer, build(optimizer, spec.scheduler)]
}

/** A number, or numbers, as bits. */
function bits(value: any): any {
  if (Array.isArray(value)) return Array.from(value, bits)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value instanceof torch.Tensor ? Number(value.item()) : Number(value))
  return view.getBigUint64(0).toString(16)
}

function advance(spec: Case, optimizer: torch.optim.Optimizer<any>, scheduler: any, start: number, end: number): any[] {
  const seen = []
  for (let i = start; i < end; i++) {
    optimizer.step()
    if (spec.fractions) scheduler.step(i / spec.fractions)
    else if (spec.metrics) scheduler.step(spec.metrics[i])
    else scheduler.step()
    const groups = optimizer.paramGroups.map((group: any) =>
      ['lr', 'momentum', 'betas'].filter((key) => key in group).map((key) => bits(group[key])),
    )
    seen.push([...groups, bits([...scheduler.getLastLr()])])
  }
  return seen
}

let folder: string
let expected: Record<string, any[]>

function run(t: any): void {
  if (expected) return
  folder = tempDir(t)
  expected = JSON.parse(pythonFile(oracle, [JSON.stringify([cases, epochs, points]), 'run', folder]))
}

test('a hundred epochs; those after each point once more, from the state that Python saved there', async (t) => {
  if (!requirePython(t)) return
  process.on('warning', () => {}) // those of a scheduler's step before the optimizer's are not the matter here
  run(t)
  const names = Object.keys(cases)
  for (const [i, name] of names.entries()) {
    await t.test(name, () => {
      const spec = cases[name]!
      const [optimizer, scheduler] = make(spec)
      const found: any[] = []
      let done = 0
      for (const point of points) {
        found.push(...advance(spec, optimizer, scheduler, done, point))
        done = point
        const states = { optimizer: optimizer.stateDict(), scheduler: scheduler.stateDict() }
        torch.saveSync(states, join(folder, `node-${i}-${point}.pt`))

        const loaded = torch.loadSync(join(folder, `python-${i}-${point}.pt`))
        const [second, resumed] = make(spec)
        second.loadStateDict(loaded.optimizer)
        resumed.loadStateDict(loaded.scheduler)
        assert.deepEqual(
          advance(spec, second, resumed, point, epochs),
          expected[name]!.slice(point),
          `from Python at ${point}`,
        )
      }
      found.push(...advance(spec, optimizer, scheduler, done, epochs))
      assert.deepEqual(found, expected[name])
    })
  }
  const input = JSON.stringify([cases, epochs, points])
  const continued = JSON.parse(pythonFile(oracle, [input, 'continue', folder])) as Record<
    string,
    [string, string, any[]][]
  >
  for (const [name, results] of Object.entries(continued)) {
    await t.test(`${name}: Python goes on from the state that Node saved`, () => {
      assert.equal(results.length, points.length)
      for (const [i, [own, node, after]] of results.entries()) {
        assert.equal(node, own, `state at ${points[i]}`)
        assert.deepEqual(after, expected[name]!.slice(points[i]))
      }
    })
  }
})
