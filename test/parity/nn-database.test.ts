/**
 * Every layer of Python's own database of layers and inputs, `torch.testing._internal.common_modules`, which PyTorch's tests
 * run: made from the same arguments, with Python's state dict loaded, forward and backward, in training and in evaluation.
 * `nn_database.py` is the same program in Python. What Python refuses there is refused here, in the same words.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const { nn } = torch

/** Arguments by name; see `Case.text` in nn_database.py. */
type Named = Record<string, unknown>
interface Given {
  name: string
  training: boolean
  args: unknown[]
  kwargs: Named
  /** where its state dict is among the tensors; lazy layers have none yet */
  state?: string
  inputs?: unknown[]
  named?: Named
}
interface Found {
  repr?: string
  keys?: string[]
  bytes: Record<string, string>
  differentiable?: number
  'repr afterwards'?: string
  error?: string
}
type Tensors = Record<string, torch.Tensor & Record<string, torch.Tensor>>

/** Layers of the database that this package does not have, and why: none. */
const absent: Record<string, string> = {}

/** What Python refuses in words that are not ours: its text, the cause, and our text; '' where it is accepted. */
const ownWords: [python: RegExp, cause: string, here: string][] = [
  [/^\w+ should be of type int, got: float$/, 'JavaScript has one kind of numbers: 3.0 is 3', ''],
  [
    /^delta must be a float or int, got: <class 'complex'>$/,
    'the text of all options of a wrong type',
    'HuberLoss: expected delta to be a number, received an object',
  ],
]
/** Cells of which the database gives a nonlinearity as `bias`, which is true in Python: a boolean is needed here. */
const words = new Set(['RNNCell', 'GRUCell'])

/** What must come of a case here, where that is not what came of it in Python. */
function refusedOtherwise({ name, args }: Given, { error }: Found): string | undefined {
  if (words.has(name) && typeof args[2] === 'string')
    return `${name}(): expected bias to be a boolean, received ${args[2]}`
  return ownWords.find(([python]) => error !== undefined && python.test(error))?.[2]
}

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

/** The values of a case; the same tensor twice is one tensor. */
class Values {
  readonly leaves = new Map<string, torch.Tensor>()
  constructor(readonly tensors: Tensors) {}

  of(v: unknown): unknown {
    if (v === null || typeof v !== 'object') return v
    if (Array.isArray(v)) return v.map((each) => this.of(each))
    const [[kind, content]] = Object.entries(v) as [[string, any]]
    switch (kind) {
      case 'tensor':
        return this.#leaf(content[0], content[1])
      case 'float':
        return content === 'inf' ? Infinity : -Infinity
      case 'complex':
        return content
      case 'function':
        return nn.functional[content as 'gelu']
      case 'layer':
        return new (nn.TransformerEncoderLayer as any)(...(this.of(content[0]) as unknown[]), ...this.named(content[1]))
      case 'options':
        return new nn.LinearCrossEntropyOptions(...(this.named(content) as [object]))
      default:
        throw new Error(`no value is called ${kind}`)
    }
  }
  /** A trailing object of options, where there are any. */
  named(options: Named): object[] {
    const entries = Object.entries(options).map(([name, v]) => [camel(name), this.of(v)])
    return entries.length > 0 ? [Object.fromEntries(entries)] : []
  }
  #leaf(name: string, requiresGrad: boolean): torch.Tensor {
    const known = this.leaves.get(name) ?? this.tensors[name]!.detach().requiresGrad_(requiresGrad)
    this.leaves.set(name, known)
    return known
  }
}

function digest(t: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const hash = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength))
  return `${t.dtype} [${t.shape.join(', ')}] ${hash.digest('hex').slice(0, 16)}`
}

function results(out: unknown): torch.Tensor[] {
  if (out instanceof torch.Tensor) return [out]
  return (out as unknown[]).filter((part) => part !== null).flatMap(results)
}

function run({ name, training, args, kwargs, state, inputs, named }: Given, tensors: Tensors): Found {
  const values = new Values(tensors)
  const found: Found = { bytes: {} }
  const { bytes } = found
  try {
    torch.manualSeed(7)
    const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>)[name]!
    const module = new Layer(...(values.of(args) as unknown[]), ...values.named(kwargs))
    module.train(training)
    found.repr = String(module)
    found.keys = Object.keys(module.stateDict())
    if (state) module.loadStateDict(tensors[state]!)
    if (inputs === undefined) return found
    const { input, ...options } = named!
    const first = input === undefined ? [] : [values.of(input)]
    const called = [...first, ...(values.of(inputs) as unknown[]), ...values.named(options)]
    torch.manualSeed(11)
    const out = results(module.forward(...called))
    for (const [i, t] of out.entries()) bytes[`output ${i}`] = digest(t)
    const smooth = out.filter((t) => t.requiresGrad)
    for (const t of smooth)
      t.mul(torch.randn(t.shape, { dtype: t.dtype }))
        .sum()
        .backward({ retainGraph: true })
    found.differentiable = smooth.length
    for (const [leaf, { grad }] of values.leaves) if (grad) bytes[`gradient of ${leaf}`] = digest(grad)
    for (const [parameter, { grad }] of module.namedParameters())
      if (grad) bytes[`gradient of ${parameter}`] = digest(grad)
    for (const [key, t] of Object.entries<torch.Tensor>(module.stateDict())) bytes[`afterwards ${key}`] = digest(t)
    found['repr afterwards'] = String(module)
    bytes['last random numbers'] = digest(torch.rand(3))
  } catch (error) {
    assert.match(String((error as { code?: unknown }).code), /^ERR_/, (error as Error).stack)
    found.error = (error as Error).message
  }
  return found
}

test("every layer of Python's module database is made, runs and differentiates as in Python", async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const file = join(tempDir(t), 'tensors.pt')
  const cases = JSON.parse(pythonFile(join(root, 'test', 'parity', 'nn_database.py'), [file])) as {
    given: Given
    found: Found
  }[]
  const tensors = torch.loadSync(file) as Tensors
  const names = [...new Set(cases.map(({ given }) => given.name))]
  assert.deepEqual(
    names.filter((name) => !(name in nn)),
    Object.keys(absent),
  )
  for (const name of names) {
    await t.test(name, () => {
      for (const { given, found } of cases.filter((one) => one.given.name === name)) {
        const otherwise = refusedOtherwise(given, found)
        const mine = run(given, tensors)
        if (otherwise === undefined) assert.deepEqual(mine, found, JSON.stringify(given))
        else assert.equal(mine.error ?? '', otherwise, JSON.stringify(given))
      }
    })
  }
  const complete = cases.filter(({ found }) => found.error === undefined && found.differentiable! > 0)
  assert.ok(names.length >= 110 && complete.length >= 2700, `${names.length} layers, ${complete.length} cases`)
})
