/**
 * Attention and transformers against live Python, for the same seed: parameters, generator, outputs in training, in eval and for
 * inference (without gradients, where Python takes other operators), and gradients, all by their bytes. `attention_oracle.py` is
 * the same program in Python.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const { nn, F } = torch

/**
 * Text is 'bool:L:S', 'float:L:S' (masks), 'padded:N:S' (rows that end ever later), 'causal:L', 'later:L' (the same as booleans),
 * 'F:relu', 'nn:ReLU', 'torch:tanh' (activations), or itself.
 */
type Argument = boolean | number | string | null
/** An input's shape, or the number of the input that it is the same object as. */
type Input = number[] | number
/** module, arguments by name (those of the layers and of the stack together), inputs, arguments of forward by name */
export type AttentionCase = [
  module: string,
  options: Record<string, Argument>,
  inputs: Input[],
  forward: Record<string, Argument>,
]

interface Outcome {
  repr: string
  keys: string[]
  bytes: Record<string, string>
}

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

function digest(t: torch.Tensor): string {
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

function value(v: Argument): unknown {
  if (typeof v !== 'string') return v
  const [kind, ...rest] = v.split(':')
  const sizes = rest.map(Number)
  const [rows, columns] = sizes as [number, number]
  switch (kind) {
    case 'F':
      return (F as unknown as Record<string, unknown>)[rest[0]!]
    case 'nn':
      return new (nn as unknown as Record<string, new () => unknown>)[rest[0]!]!()
    case 'torch':
      return (torch as unknown as Record<string, unknown>)[rest[0]!]
    case 'bool':
      return torch.randint(0, 4, sizes).eq(0)
    case 'float':
      return torch.randn(sizes)
    case 'padded':
      return torch
        .arange(columns)
        .expand(rows, -1)
        .ge(torch.arange(columns - rows + 1, columns + 1).view(-1, 1))
    case 'causal':
      return nn.Transformer.generateSquareSubsequentMask(rows)
    case 'later':
      return torch.ones(rows, rows).triu(1).bool()
    default:
      return v
  }
}

function make(name: string, given: Record<string, Argument>): torch.nn.Module {
  const options = Object.fromEntries(Object.entries(given).map(([key, v]) => [camel(key), value(v)])) as any
  if (name !== 'TransformerEncoder' && name !== 'TransformerDecoder') return new (nn as any)[name](options)
  const { norm, numLayers, enableNestedTensor, maskCheck, ...inner } = options
  if (name === 'TransformerDecoder') {
    const layer = new nn.TransformerDecoderLayer(inner)
    return new nn.TransformerDecoder(layer, numLayers, norm ? new nn.LayerNorm(inner.dModel) : null)
  }
  const layer = new nn.TransformerEncoderLayer(inner)
  const last = norm ? new nn.LayerNorm(inner.dModel) : null
  return new nn.TransformerEncoder(layer, numLayers, { norm: last, enableNestedTensor, maskCheck })
}

function outcome([name, options, shapes, forward]: AttentionCase): Outcome {
  torch.manualSeed(11)
  const module = make(name, options)
  const state = module.stateDict() as Record<string, torch.Tensor>
  const bytes: Record<string, string> = {}
  for (const [key, tensor] of Object.entries(state)) bytes[`made ${key}`] = digest(tensor)
  bytes['next random numbers'] = digest(torch.rand(3))
  const { dtype } = module.parameters()[0]!
  const made: torch.Tensor[] = []
  for (const shape of shapes) {
    made.push(typeof shape === 'number' ? made[shape]! : torch.randn(shape).to(dtype).requiresGrad_())
  }
  const kwargs = Object.fromEntries(Object.entries(forward).map(([key, v]) => [camel(key), value(v)]))
  const run = (): torch.Tensor[] => tensors(module.forward(...made, kwargs))
  const results = run()
  for (const [i, result] of results.entries()) bytes[`output ${i}`] = digest(result)
  const sums = results.map((r) => r.mul(torch.randn(r.shape).to(r.dtype)).sum())
  sums.reduce((sum, one) => sum.add(one)).backward()
  for (const [i, { grad }] of made.entries()) if (grad) bytes[`gradient of input ${i}`] = digest(grad)
  for (const [key, { grad }] of module.namedParameters()) if (grad) bytes[`gradient of ${key}`] = digest(grad)
  module.eval()
  for (const [i, result] of run().entries()) bytes[`output ${i} in eval`] = digest(result)
  for (const [i, result] of torch.noGrad(run).entries()) bytes[`output ${i} for inference`] = digest(result)
  bytes['last random numbers'] = digest(torch.rand(3))
  return { repr: String(module), keys: Object.keys(state), bytes }
}

/** A test with one subtest for each case. */
export function testAttention(title: string, cases: AttentionCase[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    torch.setNumThreads(1)
    const file = join(tempDir(t), 'cases.json')
    writeFileSync(file, JSON.stringify(cases))
    const oracle = join(root, 'test', 'parity', 'attention_oracle.py')
    const expected = JSON.parse(pythonFile(oracle, [file])) as Outcome[]
    assert.equal(expected.length, cases.length)
    for (const [i, one] of cases.entries()) {
      await t.test(JSON.stringify(one), () => assert.deepEqual(outcome(one), expected[i]))
    }
  })
}
