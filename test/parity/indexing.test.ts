/** `t.index(…)` and `t.indexPut_(…)` against `t[…]` and `t[…] = value` in Python: values, views, graphs and errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'
import { puts } from './assignment-cases.js'
import { bases, gets, type Item } from './indexing-cases.js'

interface Outcome {
  error?: string
  message?: string
  shape?: number[]
  /** values as text: JSON has no NaN, inf and -0 */
  text?: string
  shares?: boolean
  gradFn?: string | null
}

// A list inside a tuple is an index by itself in both languages, so Python is given a tuple always.
const header = `
import json, sys, warnings
import torch
from math import inf, nan
warnings.simplefilter('ignore')
bases = {${Object.entries(bases)
  .map(([name, { python }]) => `'${name}': lambda: ${python}`)
  .join(', ')}}
scope = lambda: {name: make() for name, make in bases.items()}
class Indexer:
    def __getitem__(self, index): return index
def attempt(f):
    try: return f()
    except Exception as e: return dict(error=type(e).__name__, message=str(e))
def run(name, index, act):
    values = dict(globals(), **scope())
    return attempt(lambda: act(values[name], eval('I[' + index + ']', dict(values, I=Indexer())), values))
def get(t, index, values):
    leaf = t.clone().requires_grad_() if t.is_floating_point() else t
    of_leaf = leaf[index]
    r = t[index]
    before = t.tolist()
    out = dict(shape=list(r.shape), text=str(r.tolist()), gradFn=type(of_leaf.grad_fn).__name__ if of_leaf.grad_fn else None)
    r.fill_(77)
    return dict(out, shares=t.tolist() != before)
def put(t, index, values, value):
    t = t.clone(memory_format=torch.preserve_format)
    t[index] = eval(value, values)
    return dict(shape=list(t.shape), text=str(t.tolist()))
`

function attempt(act: () => Outcome): Outcome {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof torch.TorchError)) throw error
    return { error: error.code, message: error.message }
  }
}

function get(t: torch.Tensor, items: Item[]): Outcome {
  const leaf = t.isFloatingPoint() ? t.clone().requiresGrad_() : t
  const ofLeaf = leaf.index(...items)
  const r = t.index(...items)
  const before = pythonText(t.tolist())
  const outcome = { shape: [...r.shape], text: pythonText(r.tolist(), r.isFloatingPoint()), gradFn: ofLeaf.gradFn }
  r.fill_(77)
  return { ...outcome, shares: pythonText(t.tolist()) !== before }
}

/** A list as Python's `str` shows it; the values here are short. */
function pythonText(value: unknown, float = true): string {
  if (Array.isArray(value)) return `[${value.map((v) => pythonText(v, float)).join(', ')}]`
  if (typeof value === 'number' && Number.isNaN(value)) return 'nan'
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  return float && Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
}

/** Same outcome, or an error of the kind that Python's is, in the same words unless `code` says that they are ours. */
function compare(actual: Outcome, expected: Outcome, code: string | undefined): void {
  if (code !== undefined) {
    assert.ok(expected.error, 'Python has no error here')
    assert.equal(actual.error, code)
  } else if (expected.error) {
    assert.equal(actual.message, expected.message)
    const same: Record<string, RegExp> = {
      IndexError: /^ERR_(INDEX|SHAPE)$/,
      RuntimeError: /^ERR_(SHAPE|DTYPE|TORCH)$/,
    }
    assert.match(actual.error ?? 'no error', same[expected.error]!)
  } else {
    assert.deepEqual(actual, expected)
  }
}

test('index gives what brackets give in Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<Outcome[]>(
    `${header}
print(json.dumps([run(name, index, get) for name, index in json.loads(sys.argv[1])]))`,
    [JSON.stringify(gets.map(({ base = 'a', python }) => [base, python]))],
  )
  assert.equal(expected.length, gets.length)
  for (const [i, { base = 'a', python, items, code }] of gets.entries()) {
    await t.test(`${base}[${python}]`, () => {
      compare(
        attempt(() => get(bases[base].node(), items())),
        expected[i]!,
        code,
      )
    })
  }
})

test('indexPut_ does what assignment to brackets does in Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<Outcome[]>(
    `${header}
print(json.dumps([run(name, index, lambda t, i, values: put(t, i, values, value)) for name, index, value in json.loads(sys.argv[1])]))`,
    [JSON.stringify(puts.map(({ base = 'a', python, value }) => [base, python, value]))],
  )
  assert.equal(expected.length, puts.length)
  for (const [i, { base = 'a', python, items, value, node, code }] of puts.entries()) {
    await t.test(`${base}[${python}] = ${value}`, () => {
      const outcome = attempt(() => {
        const target = bases[base].node()
        assert.equal(target.indexPut_(items(), node()), target)
        return { shape: [...target.shape], text: pythonText(target.tolist(), target.isFloatingPoint()) }
      })
      compare(outcome, expected[i]!, code)
    })
  }
})
