/**
 * A layer against live Python, for the same seed: parameters, generator, outputs, gradients and buffers by their bytes; keys,
 * `_metadata` and printout by their text. `layers_oracle.py` is the same program in Python. A case is one line; its arguments
 * have Python's names.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const { nn } = torch

/** A number that is whole is an int in Python, unless it is `{float: 1}`; an array is a tuple, `{list: […]}` a list. */
export type Argument =
  | null
  | boolean
  | number
  | string
  | Argument[]
  | { float: number | 'Infinity' | '-Infinity' | 'NaN' }
  | { tensor: unknown }
  | { list: number[] }
/**
 * A shape of normal numbers; or 'double:…' (the same in float64), 'classes:C:…' (integers below C), 'rand:…' (uniform numbers),
 * 'signs:…' (-1 and 1), 'binary:…' (0 and 1), 'mask:…' (booleans), 'shares:…' (rows of sum 1); null; values; integers that are
 * no tensor; several of these as a tuple.
 */
export type Input = null | number[] | string | { tensor: unknown } | { list: number[] } | { tuple: Input[] }
/** layer, positional arguments, keyword arguments, inputs */
export type Case = [layer: string, args: Argument[], kwargs: Record<string, Argument>, ...inputs: Input[]]

interface Outcome {
  repr: string
  keys: string[]
  metadata: [string, unknown][]
  bytes: Record<string, string>
}

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

/** Whole numbers of a literal are integers, as in Python. */
function tensorOf(content: unknown): torch.Tensor {
  const whole = [content].flat(9).every(Number.isInteger)
  return torch.tensor(content as number[], whole ? { dtype: 'int64' } : {})
}

function value(v: Argument): unknown {
  if (v === null || typeof v !== 'object') return v
  if (Array.isArray(v)) return v.map(value)
  if ('tensor' in v) return tensorOf(v.tensor)
  return 'float' in v ? Number(v.float) : v.list
}

/** An input, drawn from the generator. */
export function make(what: Input, dtype: torch.Dtype): unknown {
  if (what === null) return null
  if (Array.isArray(what)) return torch.randn(what).to(dtype)
  if (typeof what === 'object' && 'list' in what) return what.list
  if (typeof what === 'object') return 'tensor' in what ? tensorOf(what.tensor) : what.tuple.map((w) => make(w, dtype))
  const [kind, ...texts] = what.split(':')
  const sizes = texts.map(Number)
  switch (kind) {
    case 'double':
      return torch.randn(sizes).to('float64')
    case 'classes':
      return torch.randint(0, sizes[0]!, sizes.slice(1))
    case 'rand':
      return torch.rand(sizes).to(dtype)
    case 'signs':
      return torch.randint(0, 2, sizes).to(dtype).mul(2).sub(1)
    case 'binary':
      return torch.randint(0, 2, sizes).to(dtype)
    case 'mask':
      return torch.randint(0, 2, sizes).gt(0)
    case 'shares':
      return torch.rand(sizes).softmax(1)
    default:
      throw new Error(`no input '${what}'`)
  }
}

function digest(t: torch.Tensor): string {
  if (t.isSparse) {
    const { _indices, _values } = torch.ops.aten as unknown as Record<string, (t: torch.Tensor) => torch.Tensor>
    return `sparse (${t.shape.join(', ')}) ${digest(_indices!(t.detach()))} ${digest(_values!(t.detach()))}`
  }
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const hash = createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
  return `(${t.shape.join(', ')}) ${hash.slice(0, 16)}`
}

function tensors(out: unknown): torch.Tensor[] {
  if (out instanceof torch.Tensor) return [out]
  return (out as unknown[]).filter((part) => part !== null).flatMap(tensors)
}

/** The layer of a case. */
export function construct(layer: string, args: Argument[], kwargs: Record<string, Argument>): torch.nn.Module {
  const options = Object.fromEntries(Object.entries(kwargs).map(([key, v]) => [camel(key), value(v)]))
  const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>)[layer]
  assert.ok(Layer, `nn has no ${layer}`)
  return new Layer(...args.map(value), ...(Object.keys(options).length > 0 ? [options] : []))
}

function outcome([layer, args, kwargs, ...inputs]: Case): Outcome {
  torch.manualSeed(7)
  const module = construct(layer, args, kwargs)
  const state = module.stateDict() as Record<string, torch.Tensor>
  const bytes: Record<string, string> = {}
  for (const [key, tensor] of Object.entries(state)) bytes[`made ${key}`] = digest(tensor)
  bytes['next random numbers'] = digest(torch.rand(3))
  const made = inputs.map((input) => make(input, module.parameters()[0]?.dtype ?? 'float32'))
  const first = made[0]
  const smooth = first instanceof torch.Tensor && first.isFloatingPoint() ? first.requiresGrad_() : undefined
  const run = (x: unknown, layer = module): torch.Tensor[] =>
    tensors(layer.forward(x instanceof torch.Tensor && smooth ? x.mul(1) : x, ...made.slice(1)))
  for (let step = 0; step < 2; step++) {
    const results = run(first)
    for (const [i, result] of results.entries()) bytes[`output ${i} of step ${step}`] = digest(result)
    if (results[0]!.requiresGrad) results[0]!.mul(torch.randn(results[0]!.shape).to(results[0]!.dtype)).sum().backward()
  }
  if (smooth?.grad) bytes['gradient of the input'] = digest(smooth.grad)
  for (const [name, { grad }] of module.namedParameters()) if (grad) bytes[`gradient of ${name}`] = digest(grad)
  module.eval()
  const before = torch.getRngState()
  bytes['output in eval'] = digest(run(smooth ? smooth.detach() : first)[0]!)
  const after = torch.getRngState()
  // A copy is the same layer: it prints, holds and gives the same, and is made without random numbers.
  const copy = module.clone()
  assert.ok(torch.equal(torch.getRngState(), after), 'clone() draws random numbers')
  torch.setRngState(before)
  assert.equal(digest(run(smooth ? smooth.detach() : first, copy)[0]!), bytes['output in eval'], 'output of the copy')
  assert.deepEqual([String(copy), Object.keys(copy.stateDict())], [String(module), Object.keys(state)])
  torch.setRngState(after)
  for (const [name, buffer] of module.namedBuffers()) bytes[`afterwards ${name}`] = digest(buffer)
  bytes['last random numbers'] = digest(torch.rand(3))
  const metadata = Object.entries((state as unknown as { _metadata: object })._metadata)
  return {
    repr: String(module),
    keys: Object.keys(state),
    metadata: metadata.map(([key, entry]) => [key, { ...(entry as object) }]),
    bytes,
  }
}

/** A test with one subtest for each case. */
export function testLayers(title: string, cases: Case[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    torch.setNumThreads(1)
    const file = join(tempDir(t), 'cases.json')
    writeFileSync(file, JSON.stringify(cases))
    const expected = JSON.parse(pythonFile(join(root, 'test', 'parity', 'layers_oracle.py'), [file])) as Outcome[]
    assert.equal(expected.length, cases.length)
    for (const [i, one] of cases.entries()) {
      await t.test(JSON.stringify(one), () => assert.deepEqual(outcome(one), expected[i]))
    }
  })
}
