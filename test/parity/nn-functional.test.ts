/** Every function of nn.functional against live Python: outputs, gradients, what is written in place, the generator, warnings. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import * as torch from 'libtorch-node'
import { camelCase } from '../../lib/tensor/names.js'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'
import { type Case, inputs, losses } from './nn-functional-cases.js'
import { layers } from './nn-functional-layers.js'
import { warned, wrong } from './nn-functional-wrong.js'

const { Tensor } = torch
type Tensor = torch.Tensor
type Value = [dtype: string, shape: number[], hash: string] | number | boolean | null
interface Result {
  error?: string
  warnings: string[]
  outputs?: Value[]
  gradients?: Value[]
  rng?: string
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

function asValue(x: unknown): Value {
  if (!(x instanceof Tensor)) return x as Value
  const flat = (x.layout === 'sparse_coo' ? x.toDense() : x).detach().contiguous().flatten()
  const raw = x.numel() ? new Uint8Array(flat.view('uint8').typedArray().buffer) : new Uint8Array()
  return [x.dtype, x.shape, md5(raw)]
}

function makeInputs(): Map<string, Tensor> {
  torch.manualSeed(0)
  return new Map(inputs.map(([name, factory, args, kwargs = {}]) => [name, (torch as any)[factory](...args, kwargs)]))
}

const distances: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  l1: (a, b) => a.sub(b).abs().sum(-1),
  squared: (a, b) => a.sub(b).pow(2).sum(-1),
}
const special: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: Number.NaN }

function run([name, args, kwargs = {}]: Case, made: Map<string, Tensor>): Result {
  const leaves: Tensor[] = []
  const written: Tensor[] = []
  const argument = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(argument)
    if (typeof value !== 'string') return value
    if (value.startsWith('@')) return special[value.slice(1)]
    if (value.startsWith('%')) return (torch.nn.functional.ScalingType as Record<string, number>)[value.slice(1)]
    if (value.startsWith('&')) return distances[value.slice(1)]
    if (!/^[$!~=]/.test(value)) return value
    const [key, ...then] = value.slice(1).split('.')
    let input = made.get(key!)!.detach().clone()
    for (const step of then) input = step in Tensor.prototype ? (input as any)[step]() : input.to(step as torch.Dtype)
    if (/^[$!]/.test(value) && input.isFloatingPoint() && input.dtype !== 'float8_e4m3fn')
      leaves.push(input.requiresGrad_())
    if (!/^[!=]/.test(value)) return input
    written.push((input = input.clone()))
    return input
  }
  const values = args.map(argument)
  const options = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [camelCase(key), argument(value)]))
  if (Object.keys(options).length) values.push(options)
  torch.manualSeed(123)
  const outputs = [(torch.nn.functional as any)[camelCase(name)](...values)].flat()
  const result: Result = {
    outputs: [...outputs, ...written].map(asValue),
    rng: md5(torch.getRngState().typedArray() as Uint8Array),
    gradients: [],
    warnings: [],
  }
  const sums = outputs
    .filter((x) => x instanceof Tensor && x.requiresGrad)
    .map((x: Tensor) => {
      const ramp = torch.arange(1, x.numel() + 1, { dtype: 'float64' }).reshape(x.shape)
      return x.to('float64').mul(ramp).sum()
    })
  if (sums.length) {
    torch.stack(sums).sum().backward()
    result.gradients = leaves.map((x) => (x.grad ? asValue(x.grad) : null))
  }
  return result
}

function python(t: TestContext, cases: Case[]): Result[] {
  const table = join(tempDir(t), 'cases.json')
  writeFileSync(table, JSON.stringify({ inputs, cases }))
  return JSON.parse(pythonFile(join(root, 'test/parity/nn_functional_oracle.py'), [table]))
}
const title = (item: Case) => `${item[0]}(${JSON.stringify(item.slice(1)).slice(1, -1)})`

const cases = [...layers, ...losses]
/** Not functions of tensors, and those of lib/nn/attention.ts. */
const elsewhere =
  /^(assert_int_or_pair|boolean_dispatch|handle_torch_function|has_torch_function.*|multi_head_attention_forward|scaled_dot_product_attention|scaled_grouped_mm)$/

test('the tables have every function of Python, and are as long as promised', () => {
  const api = JSON.parse(readFileSync(join(root, 'lib/codegen/python-api.json'), 'utf8'))
  const called = new Set(cases.map(([name]) => name))
  const names = Object.keys(api.functional).filter((name) => !elsewhere.test(name))
  assert.ok(names.length > 120)
  assert.deepEqual(
    names.filter((name) => !called.has(name)),
    [],
  )
  assert.ok(cases.length >= 250, `${cases.length}`)
})

// first in this process: a text is heard once
test(`${warned.length} calls of nn.functional warn as in Python, each text once`, async (t) => {
  if (!requirePython(t)) return
  const expected = python(t, warned)
  const made = makeInputs()
  const heard: string[] = []
  const listen = (warning: Error) => warning.name === 'UserWarning' && heard.push(warning.message)
  process.on('warning', listen)
  t.after(() => process.off('warning', listen))
  const seen = new Set<string>()
  for (const [i, item] of warned.entries()) {
    assert.equal(expected[i]!.error, undefined, title(item))
    assert.ok(expected[i]!.warnings.length, `${title(item)}: no warning in Python`)
    for (const text of expected[i]!.warnings) seen.add(text)
    run(item, made)
  }
  await new Promise(setImmediate)
  assert.deepEqual(heard, [...seen])
})

test(`${cases.length} calls of nn.functional give Python's bytes`, async (t) => {
  if (!requirePython(t)) return
  const expected = python(t, cases)
  torch.setNumThreads(1)
  const made = makeInputs()
  for (const [i, item] of cases.entries()) {
    await t.test(title(item), () => {
      const { warnings: _, ...result } = expected[i]!
      assert.equal(result.error, undefined)
      const { warnings: __, ...actual } = run(item, made)
      assert.deepEqual(actual, result)
    })
  }
})

test(`${wrong.length} wrong calls of nn.functional have Python's messages`, async (t) => {
  if (!requirePython(t)) return
  const expected = python(t, wrong)
  const made = makeInputs()
  for (const [i, item] of wrong.entries()) {
    await t.test(title(item), () => {
      const { error } = expected[i]!
      assert.ok(error !== undefined, 'Python takes it')
      assert.throws(
        () => run(item, made),
        (e: Error) => e instanceof torch.TorchError && e.message.split('\n')[0] === error,
        error,
      )
    })
  }
})
