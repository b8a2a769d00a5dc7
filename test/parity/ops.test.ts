import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import * as torch from 'libtorch-node'
import { camelCase } from '../../lib/tensor/names.js'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'
import { type Case, cases, inputs, random } from './ops-cases.js'

type Value = { dtype: string; shape: number[]; bytes: string } | number | boolean
interface Result {
  error?: string
  outputs: Value[]
  gradients: (Value | null)[]
  rng?: string
}

const { Tensor } = torch
type Tensor = torch.Tensor

function asValue(x: unknown): Value[] {
  if (x instanceof Tensor) {
    const bytes = x.detach().resolveConj().contiguous().flatten()
    const raw =
      x.numel() === 0
        ? ''
        : Buffer.from(
            (bytes.isComplex() ? torch.viewAsReal(bytes).contiguous() : bytes).view('uint8').typedArray().buffer,
          ).toString('base64')
    return [{ dtype: x.dtype, shape: x.shape, bytes: raw }]
  }
  if (Array.isArray(x)) return x.flatMap(asValue)
  return [x as number | boolean]
}

function makeInputs(): Map<string, Tensor> {
  torch.manualSeed(0)
  const made = new Map<string, Tensor>()
  for (const [name, factory, args, kwargs = {}] of inputs) made.set(name, (torch as any)[factory](...args, kwargs))
  made.set('M', made.get('A')!.gt(0))
  made.set('Y2', torch.tensor([0n, 2n, 1n]))
  made.set('sorted', torch.tensor([0.1, 0.3, 0.7]))
  made.set('one', torch.tensor([0.3]))
  made.set('BW', made.get('T')!.index(':', ':', ':').repeat(1, 2, 1).index(':', ':4', ':'))
  made.set('sign', torch.tensor([1, -1, 1]))
  made.set('U35', torch.bmm(made.get('T')!, made.get('U')!))
  made.set('J2', made.get('P')!.add(3))
  made.set('long', made.get('X')!.flatten().index(':64'))
  made.set('I1', made.get('I')!.flatten())
  made.set('window', torch.hannWindow(16))
  return made
}

function run([name, args, kwargs = {}]: Case, made: Map<string, Tensor>, seeded: boolean): Result {
  const used: Tensor[] = []
  const argument = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(argument)
    if (typeof value !== 'string' || !value.startsWith('$')) return value
    const input = made.get(value.slice(1))!.detach().clone()
    if (input.isFloatingPoint() || input.isComplex()) used.push(input.requiresGrad_())
    return input
  }
  const options = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [camelCase(key), argument(value)]))
  const values = args.map(argument)
  if (Object.keys(options).length) values.push(options)
  const path = name.split('.').map(camelCase)
  const home = path.slice(0, -1).reduce<any>((at, key) => at[key], torch)
  const fn = home[path.at(-1)!] ?? ((self: any, ...rest: unknown[]) => self[path.at(-1)!](...rest))
  if (seeded) torch.manualSeed(123)
  const outputs = [fn(...values)].flat(2)
  const result: Result = { outputs: asValue(outputs), gradients: [] }
  if (seeded) result.rng = Buffer.from(torch.getRngState().typedArray().buffer).toString('base64')
  const tensors = outputs.filter((x): x is Tensor => x instanceof Tensor && x.requiresGrad)
  if (tensors.length) {
    const reals = tensors.map((x) => (x.isComplex() ? torch.viewAsReal(x).sum() : x.sum()).to('float64'))
    reals.reduce((a, b) => a.add(b)).backward()
    result.gradients = used.map((x) => (x.grad ? asValue(x.grad)[0]! : null))
  }
  return result
}

function compare(kind: string, list: Case[], seeded: boolean): void {
  test(`${list.length} ${kind} calls give Python's bytes`, async (t) => {
    if (!requirePython(t)) return
    const table = join(tempDir(t), 'cases.json')
    writeFileSync(table, JSON.stringify({ inputs, cases: list, seeded }))
    const expected = JSON.parse(pythonFile(join(root, 'test/parity/ops_oracle.py'), [table])) as Result[]
    torch.setNumThreads(1)
    const made = makeInputs()
    for (const [i, item] of list.entries()) {
      await t.test(`${item[0]}(${JSON.stringify(item.slice(1)).slice(1, -1)})`, () => {
        assert.equal(expected[i]!.error, undefined)
        const actual = run(item, made, seeded)
        assert.deepEqual(
          { outputs: actual.outputs, gradients: actual.gradients, rng: actual.rng },
          { rng: undefined, ...expected[i] },
        )
      })
    }
  })
}

test('the table is as long as promised', () =>
  assert.ok(cases.length + random.length >= 350, `${cases.length + random.length}`))
compare('operator', cases, false)
compare('random', random, true)
