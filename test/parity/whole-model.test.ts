/**
 * `torch.toModule`: a module of every class of `torch.nn`, pickled whole by Python, is the same module here: printout, keys,
 * `_metadata`, bytes, training flags, `requiresGrad`, and output and gradients for the same seed. `whole_model.py` writes the files.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'

const { nn } = torch

interface Shown {
  repr: string
  keys: string[]
  metadata: [string, object][]
  state: string[]
  training: boolean[]
  parameters: [string, boolean][]
  buffers: string[]
}
interface Found {
  class: string
  before: Shown
  output?: string[]
  'input gradients'?: string[]
  gradients?: Record<string, string>
  after?: Shown
  random: string
}

const camel = (name: string): string => name.replace(/(?<=.)_(.)/g, (_, letter: string) => letter.toUpperCase())

function digest(t: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const hash = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength))
  return `${t.dtype} [${t.shape.join(', ')}] ${hash.digest('hex').slice(0, 16)}`
}

function results(out: unknown): torch.Tensor[] {
  if (out instanceof torch.Tensor) return [out]
  const parts = Array.isArray(out) ? out : Object.values(out as object)
  return parts.filter((part) => part !== null).flatMap(results)
}

const isLazy = (t: torch.Tensor): boolean =>
  t instanceof nn.UninitializedParameter || t instanceof nn.UninitializedBuffer

/** Names and versions; JavaScript sorts keys that look like integers, the order is tested in whole-model-state.test.ts. */
function metadataOf(state: object): [string, object][] {
  const { _metadata } = state as { _metadata: Record<string, object> }
  return Object.entries(_metadata)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => [key, JSON.parse(JSON.stringify(entry)) as object])
}

function shown(module: torch.nn.Module): Shown {
  const state = module.stateDict() as Record<string, torch.Tensor>
  return {
    repr: String(module),
    keys: Object.keys(state),
    metadata: metadataOf(state),
    state: Object.values(state).map((t) => (isLazy(t) ? 'lazy' : digest(t))),
    training: module.modules().map(({ training }) => training),
    parameters: module.namedParameters().map(([name, { requiresGrad }]) => [name, requiresGrad]),
    buffers: module.namedBuffers().map(([name]) => name),
  }
}

function run(file: string, expected: Found): Found {
  const [pickled, inputs, named] = torch.loadSync(file) as [torch.PyObject, unknown[] | null, Record<string, unknown>]
  const module = torch.toModule(pickled)
  assert.ok(module instanceof (nn as unknown as Record<string, new () => object>)[expected.class]!)
  const found: Found = { class: expected.class, before: shown(module), random: '' }
  // what toStateDict gives of the same pickle, whose tensors are those of the module
  const state = torch.toStateDict(pickled)
  assert.deepEqual(
    Object.entries(state).map(([key, t]) => [key, isLazy(t) ? 'lazy' : digest(t)]),
    found.before.keys.map((key, i) => [key, found.before.state[i]]),
  )
  assert.deepEqual(metadataOf(state), found.before.metadata)
  if (inputs === null) {
    found.random = expected.random
    return found
  }
  torch.manualSeed(11)
  const before = torch.getRngState()
  torch.toModule(pickled)
  assert.ok(torch.equal(before, torch.getRngState()), 'toModule draws random numbers')
  const options = Object.fromEntries(Object.entries(named).map(([name, value]) => [camel(name), value]))
  const { input, ...rest } = options
  const first = input === undefined ? [] : [input]
  const out = results(module.forward(...first, ...inputs, ...(Object.keys(rest).length > 0 ? [rest] : [])))
  found.output = out.map(digest)
  for (const t of out) {
    if (!t.requiresGrad) continue
    t.mul(torch.randn(t.shape, { dtype: t.dtype }))
      .sum()
      .backward({ retainGraph: true })
  }
  const leaves = [...inputs, ...Object.values(named)].filter((t): t is torch.Tensor => t instanceof torch.Tensor)
  found['input gradients'] = leaves.flatMap(({ grad }) => (grad ? [digest(grad)] : []))
  found.gradients = Object.fromEntries(
    module.namedParameters().flatMap(([name, { grad }]) => (grad ? [[name, digest(grad)]] : [])),
  )
  found.after = shown(module)
  found.random = digest(torch.rand(3))
  return found
}

test('a pickled module of every class of torch.nn is the same module here', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const folder = tempDir(t)
  const program = join(root, 'test', 'parity', 'whole_model.py')
  const { cases, missing } = JSON.parse(pythonFile(program, [folder])) as { cases: Found[]; missing: string[] }
  assert.deepEqual(missing, [], 'classes without a case')
  const names = [...new Set(cases.map((one) => one.class))]
  for (const name of names) {
    await t.test(name, () => {
      for (const [i, one] of cases.entries()) {
        if (one.class !== name) continue
        let mine: Found
        try {
          mine = run(join(folder, `${i}.pt`), one)
        } catch (error) {
          throw new Error(`case ${i}: ${one.before.repr}`, { cause: error })
        }
        assert.deepEqual(mine, one, `case ${i}`)
      }
    })
  }
  assert.ok(names.length >= 163 && cases.length >= 800, `${names.length} classes, ${cases.length} cases`)
})
