/**
 * Losses against live Python, for the same seed: outputs, gradients and second derivatives by their bytes, in float32 and float64.
 * `nn_loss_oracle.py` is the same program in Python.
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

type Argument =
  | null
  | boolean
  | number
  | string
  | number[]
  | { float: number }
  | { tensor: unknown }
  | { options: Record<string, Argument> }
  | { distance: 'function' | 'module' }
/** A shape of normal numbers, 'classes:C:…', 'rand:…', 'signs:…', 'binary:…', 'shares:…', values, integers, a float. */
type Input = number[] | string | number | { tensor: unknown } | { ints: number[] }
/** layer, arguments, keyword arguments, inputs; dtype; how many of the inputs have gradients */
export type LossCase = [
  layer: string,
  args: Argument[],
  kwargs: Record<string, Argument>,
  inputs: Input[] | null,
  dtype: torch.Dtype,
  grads: number,
]

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

function camelKeys(kwargs: Record<string, Argument>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(kwargs).map(([key, v]) => [camel(key), value(v)]))
}

/** Whole numbers of a literal are integers, as in Python. */
function tensorOf(content: unknown): torch.Tensor {
  const whole = [content].flat(9).every(Number.isInteger)
  return torch.tensor(content as number[], whole ? { dtype: 'int64' } : {})
}

function value(v: Argument): unknown {
  if (v === null || typeof v !== 'object' || Array.isArray(v)) return v
  if ('tensor' in v) return tensorOf(v.tensor)
  if ('options' in v) return new nn.LinearCrossEntropyOptions(camelKeys(v.options))
  if ('distance' in v) {
    return v.distance === 'module'
      ? new nn.PairwiseDistance(1)
      : (a: torch.Tensor, b: torch.Tensor) => a.sub(b).abs().amax(1)
  }
  return v.float
}

export function make(what: Input, dtype: torch.Dtype): unknown {
  if (typeof what === 'number') return what
  if (Array.isArray(what)) return torch.randn(what).to(dtype)
  if (typeof what === 'object') return 'ints' in what ? what.ints : tensorOf(what.tensor)
  const [kind, ...texts] = what.split(':')
  const sizes = texts.map(Number)
  if (kind === 'classes') return torch.randint(0, sizes[0]!, sizes.slice(1))
  if (kind === 'rand') return torch.rand(sizes).to(dtype)
  if (kind === 'shares') return torch.rand(sizes).to(dtype).softmax(1)
  const bits = torch.randint(0, 2, sizes).to(dtype)
  return kind === 'signs' ? bits.mul(2).sub(1) : bits
}

function digest(t: torch.Tensor | null): string | null {
  if (t === null) return null
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const hash = createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
  return `(${t.shape.join(', ')}) ${hash.slice(0, 16)}`
}

export function construct(layer: string, args: Argument[], kwargs: Record<string, Argument>): torch.nn.Module {
  const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>)[layer]
  assert.ok(Layer, `nn has no ${layer}`)
  return new Layer(...args.map(value), ...(Object.keys(kwargs).length > 0 ? [camelKeys(kwargs)] : []))
}

function attempt<T>(fn: () => T): T | string {
  try {
    return fn()
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, `${error}`)
    return error.message.split('\n')[0]!
  }
}

function values([layer, args, kwargs, inputs, dtype, grads]: LossCase): unknown {
  torch.manualSeed(3)
  const module = construct(layer, args, kwargs).to(dtype)
  const made = inputs!.map((input) => make(input, dtype))
  const leaves = [...made.slice(0, grads).map((m) => (m as torch.Tensor).requiresGrad_()), ...module.parameters()]
  const out = module.forward(...made)
  const parts: torch.Tensor[] = out instanceof torch.Tensor ? [out] : Object.values(out)
  const results: Record<string, unknown> = {}
  for (const [i, part] of parts.entries()) results[`output ${i}`] = digest(part)
  const last = parts.at(-1)!
  const loss = last.mul(torch.randn(last.shape).to(dtype)).sum()
  results.first = torch.autograd.grad(loss, leaves, { retainGraph: true, allowUnused: true }).map(digest)
  results.second = attempt(() => {
    const again = torch.autograd.grad(loss, leaves, { createGraph: true, allowUnused: true })
    const smooth = again.filter((g): g is torch.Tensor => g?.requiresGrad === true)
    if (smooth.length === 0) return 'constant'
    const total = smooth
      .map((g) => g.mul(torch.randn(g.shape).to(g.dtype)).sum())
      .reduce((sum, part) => sum.add(part), torch.zeros([], { dtype }))
    return torch.autograd.grad(total, leaves, { allowUnused: true }).map(digest)
  })
  results.random = digest(torch.rand(2))
  const state = module.stateDict() as Record<string, torch.Tensor>
  return {
    repr: String(module),
    state: Object.fromEntries(Object.entries(state).map(([key, t]) => [key, digest(t)])),
    results,
    metadata: Object.entries((state as unknown as { _metadata: object })._metadata).map(([key, entry]) => [
      key,
      { ...(entry as object) },
    ]),
  }
}

function refusal([layer, args, kwargs, inputs, dtype]: LossCase): unknown {
  torch.manualSeed(3)
  if (inputs === null) return attempt(() => `accepted: ${construct(layer, args, kwargs)}`)
  const module = construct(layer, args, kwargs)
  const made = inputs.map((input) => make(input, dtype))
  return attempt(() => `accepted: ${module.forward(...made)}`)
}

/** What Python says of each case. */
export function oracle(
  t: { after(fn: () => void): void },
  mode: 'values' | 'refusals' | 'warnings',
  cases: LossCase[],
): unknown[] {
  const file = join(tempDir(t), 'cases.json')
  writeFileSync(file, JSON.stringify(cases))
  const answers = JSON.parse(pythonFile(join(root, 'test', 'parity', 'nn_loss_oracle.py'), [file, mode])) as unknown[]
  assert.equal(answers.length, cases.length)
  return answers
}

/** A test with one subtest for each case. */
export function testLosses(title: string, mode: 'values' | 'refusals', cases: LossCase[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    torch.setNumThreads(1)
    const expected = oracle(t, mode, cases)
    for (const [i, one] of cases.entries()) {
      await t.test(JSON.stringify(one), () =>
        assert.deepEqual(mode === 'values' ? values(one) : refusal(one), expected[i]),
      )
    }
  })
}
