/** Batches have the structure, dtypes and values that Python's default_collate gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

/** A value that both sides build: `{t: [values, dtype]}` is a tensor, `{f: x}` a float, `{i: x}` an int, `{m: [[key, value], …]}` a dict. */
type Spec = unknown

const cases: Spec[][] = [
  [{ t: [[1, 2], 'float32'] }, { t: [[3, 4], 'float32'] }],
  [{ t: [[[1], [2]], 'int64'] }, { t: [[[3], [4]], 'int64'] }],
  [{ t: [1, 'bfloat16'] }, { t: [2, 'bfloat16'] }],
  [{ i: 1 }, { i: 2 }, { i: -3 }],
  [true, false],
  ['a', 'b'],
  [
    [{ t: [[1], 'float32'] }, { i: 3 }],
    [{ t: [[2], 'float32'] }, { i: 4 }],
  ],
  [
    [[{ i: 1 }, 'x'], true],
    [[{ i: 2 }, 'y'], false],
  ],
  [
    {
      m: [
        ['image', { t: [[1, 2], 'uint8'] }],
        ['label', { i: 4 }],
      ],
    },
    {
      m: [
        ['label', { i: 5 }],
        ['image', { t: [[3, 4], 'uint8'] }],
      ],
    },
  ],
  [
    { m: [['a', { m: [['b', [{ i: 1 }, { i: 2 }]]] }]] },
    {
      m: [
        ['a', { m: [['b', [{ i: 3 }, { i: 4 }]]] }],
        ['more', { i: 1 }],
      ],
    },
  ],
  [{ m: [] }, { m: [] }],
  [[], []],
]

const program = `
import json, sys, torch
from torch.utils.data import default_collate
def build(v):
    if isinstance(v, list): return [build(x) for x in v]
    if isinstance(v, dict):
        if 't' in v: return torch.tensor(v['t'][0], dtype=getattr(torch, v['t'][1]))
        if 'i' in v: return v['i']
        return {k: build(x) for k, x in v['m']}
    return v
def show(v):
    if isinstance(v, torch.Tensor): return [str(v.dtype)[6:], list(v.shape), v.tolist()]
    if isinstance(v, (list, tuple)): return [show(x) for x in v]
    if isinstance(v, dict): return {k: show(x) for k, x in v.items()}
    return v
print(json.dumps([show(default_collate([build(s) for s in c])) for c in json.loads(sys.argv[1])]))
`

function build(v: any, map: boolean): any {
  if (Array.isArray(v)) return v.map((x) => build(x, map))
  if (typeof v !== 'object') return v
  if ('t' in v) return torch.tensor(v.t[0], { dtype: v.t[1] })
  if ('i' in v) return BigInt(v.i)
  const entries: [string, unknown][] = v.m.map(([key, x]: [string, unknown]) => [key, build(x, map)])
  return map ? new Map(entries) : Object.fromEntries(entries)
}
function show(v: any): unknown {
  if (v instanceof torch.Tensor) return [v.dtype, v.shape, v.tolist()]
  if (Array.isArray(v)) return v.map(show)
  if (v instanceof Map) return Object.fromEntries([...v].map(([key, x]) => [key, show(x)]))
  if (typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([key, x]) => [key, show(x)]))
  return v
}

test('twelve kinds of samples, with objects and with Maps', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson(program, [JSON.stringify(cases)])
  for (const map of [false, true]) {
    const batches = cases.map((samples) => torch.utils.data.defaultCollate(samples.map((v) => build(v, map))))
    assert.deepEqual(batches.map(show), expected)
  }
})
