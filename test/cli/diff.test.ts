// Promise: `diff` finds every difference to the bit, counts it as Python does, and says by its exit code whether there is one.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'
import { cli, steering } from './cli.js'

interface Difference {
  path: string
  kind: string
  a: string | null
  b: string | null
  differing?: number
  elements?: number
  largest?: number | string
}
interface Comparison {
  equal: boolean
  tensors: number
  elements: number
  values: number
  differences: Difference[]
}

const { compare } = (await import(join(root, 'dist', 'cli', 'compare.js'))) as {
  compare(a: unknown, b: unknown): Comparison
}

/** Differences as short rows. */
const rows = (a: unknown, b: unknown): unknown[][] =>
  compare(a, b).differences.map(({ path, kind, differing, largest }) =>
    differing === undefined ? [path, kind] : [path, kind, differing, largest],
  )

test('every dtype: the elements that differ and the largest difference are those of Python', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const expected = pythonJson<Record<string, [number, number | string | null]>>(
    `
import json, math, sys, torch
torch.manual_seed(0)
names = ("float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 float8_e4m3fn float8_e5m2 "
         "float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu uint16 uint32 uint64 complex32").split()
a, b, expected = {}, {}, {}
for name in names:
    dtype = getattr(torch, name)
    size = torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 2 if name == "bool" else 256, (40, size), dtype=torch.uint8)
    other = raw.clone()
    other[::7, size - 1] ^= 1
    x, y = (bits.view(dtype).reshape(8, 5) for bits in (raw, other))
    # a view of another form with the same values
    a[name], b[name] = x, torch.cat([y.t(), y.t()], 1).t()[:8]
    wide = torch.complex128 if dtype.is_complex else torch.float64
    differing = int((raw != other).any(1).sum())
    distances = [abs(p - q) for p, q in zip(x.to(wide).flatten().tolist(), y.to(wide).flatten().tolist())]
    bits = (raw != other).any(1).tolist()
    nan = lambda z: z != z
    found = [0.0 if nan(p) and nan(q) else abs(p - q) for p, q, m in
             zip(x.to(wide).flatten().tolist(), y.to(wide).flatten().tolist(), bits) if m]
    largest = "nan" if any(nan(d) for d in found) else max(found)
    expected[name] = [differing, "inf" if largest == math.inf else largest]
torch.save(a, sys.argv[1] + "/a.pt")
torch.save(b, sys.argv[1] + "/b.pt", _use_new_zipfile_serialization=False)
print(json.dumps(expected))`,
    [dir],
  )
  const [a, b] = ['a.pt', 'b.pt'].map((name) => torch.loadSync(join(dir, name)))
  const found = compare(a, b)
  assert.equal(found.tensors, 21)
  assert.equal(found.elements, 21 * 40)
  for (const { path, kind, differing, elements, largest } of found.differences) {
    assert.equal(kind, 'values')
    assert.equal(elements, 40)
    const [count, distance] = expected[JSON.parse(path)[0]]!
    assert.equal(differing, count, path)
    if (typeof distance === 'number' && typeof largest === 'number' && /complex/.test(path)) {
      // hypot of C and of Python may differ in the last bit
      assert.ok(Math.abs(distance - largest) <= 1e-15 * distance, path)
    } else assert.equal(largest, distance, path)
  }
  assert.equal(found.differences.length, 21)
  assert.deepEqual(compare(a, torch.loadSync(join(dir, 'a.pt'))).differences, [])
})

test('bits count: signs of zeros and the payload of NaNs; NaN equals itself', () => {
  const nan = torch.tensor([Number.NaN, 1])
  assert.deepEqual(rows({ w: nan }, { w: nan.clone() }), [])
  assert.deepEqual(rows({ w: torch.tensor([0, 1]) }, { w: torch.tensor([-0, 1]) }), [['["w"]', 'values', 1, 0]])
  const other = torch.tensor([0x7fc00001, 0x3f800000], { dtype: 'int32' }).view('float32')
  assert.deepEqual(rows({ w: nan }, { w: other }), [['["w"]', 'values', 1, 0]])
  assert.deepEqual(rows({ w: nan }, { w: torch.tensor([1, 1]) }), [['["w"]', 'values', 1, 'nan']])
  const infinite = torch.tensor([Number.POSITIVE_INFINITY, 1])
  assert.deepEqual(rows({ w: infinite }, { w: torch.tensor([5, 3]) }), [['["w"]', 'values', 2, 'inf']])
})

test('keys, shapes, dtypes, types', () => {
  const w = torch.ones([2, 3])
  const a = { both: w, left: w, shape: w, dtype: w, type: w, layout: torch.eye(3), nested: { x: [1, 2, 3] } }
  const b = {
    type: [w],
    dtype: w.to('float64'),
    both: w.clone(),
    shape: torch.ones([3, 2]),
    right: 5,
    layout: torch.eye(3).toSparse(),
    nested: { x: [1, 5] },
  }
  assert.deepEqual(rows(a, b), [
    ['["left"]', 'only'],
    ['["shape"]', 'shape'],
    ['["dtype"]', 'dtype', 0, undefined],
    ['["type"]', 'type'],
    ['["layout"]', 'dtype'],
    ['["nested"]["x"][1]', 'values'],
    ['["nested"]["x"][2]', 'only'],
    ['["right"]', 'only'],
  ])
  const [first] = compare({ x: w }, {}).differences
  assert.deepEqual(first, { path: '["x"]', kind: 'only', a: 'float32 [2, 3]', b: null })
  assert.deepEqual(rows(w, torch.zeros([2, 3])), [['', 'values', 6, 1]])
})

test('values of all kinds', () => {
  const object = (lr: number): torch.PyObject => {
    const made = new torch.PyObject('argparse', 'Namespace', torch.Tuple.of(), 'new')
    made.state = Object.assign(Object.create(null), { lr })
    return made
  }
  const base = (): Record<string, unknown> => ({
    n: 1,
    f: 1.5,
    nan: Number.NaN,
    big: 2n ** 70n,
    s: 'a',
    none: null,
    yes: true,
    bytes: new Uint8Array([1, 2]),
    tuple: torch.Tuple.of<unknown>(1, 'a'),
    set: new Set([1, 2]),
    map: new Map<unknown, unknown>([
      [0, 'zero'],
      [torch.Tuple.of(1, 2), 'pair'],
    ]),
    args: object(0.1),
  })
  assert.deepEqual(rows(base(), base()), [])
  assert.equal(compare(base(), base()).values > 12, true)
  const changes: [string, unknown, unknown[]][] = [
    ['n', 2, ['["n"]', 'values']],
    ['n', '1', ['["n"]', 'type']],
    ['nan', 0, ['["nan"]', 'values']],
    ['big', 2n ** 70n + 1n, ['["big"]', 'values']],
    ['s', 'b', ['["s"]', 'values']],
    ['none', 0, ['["none"]', 'type']],
    ['yes', false, ['["yes"]', 'values']],
    ['bytes', new Uint8Array([1, 3]), ['["bytes"]', 'values']],
    ['tuple', [1, 'a'], ['["tuple"]', 'type']],
    ['tuple', torch.Tuple.of<unknown>(1, 'b'), ['["tuple"][1]', 'values']],
    ['set', new Set([1]), ['["set"][2]', 'only']],
    ['map', new Map<unknown, unknown>([[0, 'zero']]), ['["map"][(1, 2)]', 'only']],
    ['args', object(0.2), ['["args"].lr', 'values']],
    ['args', new torch.PyObject('types', 'SimpleNamespace', torch.Tuple.of(), 'new'), ['["args"]', 'type']],
  ]
  for (const [key, value, expected] of changes) {
    assert.deepEqual(rows(base(), { ...base(), [key]: value }), [expected], key)
  }
})

test('sparse, quantized and meta tensors; objects that contain themselves', () => {
  const dense = torch.tensor([
    [0, 1, 0],
    [2, 0, 3],
  ])
  const changed = dense.clone()
  changed.select(0, 1).select(0, 2).fill_(4)
  for (const form of [(x: torch.Tensor) => x.toSparse(), (x: torch.Tensor) => x.toSparseCsr()]) {
    assert.deepEqual(rows(form(dense), form(dense.clone())), [])
    const [row] = rows(form(dense), form(changed))
    assert.deepEqual(row, ['', 'values', 1, 1])
    const more = changed.clone()
    more.select(0, 0).select(0, 0).fill_(9)
    assert.equal(compare(form(dense), form(more)).equal, false)
  }
  const quantize = (scale: number, x = dense): torch.Tensor => torch.quantizePerTensor(x, scale, 0, 'quint8')
  assert.deepEqual(rows(quantize(0.5), quantize(0.5)), [])
  assert.equal(compare(quantize(0.5), quantize(0.5, changed)).equal, false)
  assert.equal(compare(quantize(0.5), quantize(0.25)).equal, false)
  const meta = torch.empty([2], { device: 'meta' })
  assert.deepEqual(rows(meta, torch.empty([2], { device: 'meta' })), [])
  const [a, b]: any[] = [{ w: dense }, { w: changed }]
  a.self = a
  b.self = b
  assert.deepEqual(rows(a, b), [['["w"]', 'values', 1, 1]])
})

test('tensors of more elements than are compared at a time', () => {
  const a = torch.zeros([3000, 3001])
  const b = a.clone()
  b.select(0, 0).select(0, 0).fill_(1)
  b.select(0, 2999).select(0, 3000).fill_(-2)
  assert.deepEqual(rows(a, b), [['', 'values', 2, 2]])
  assert.deepEqual(rows(a.t(), b.t()), [['', 'values', 2, 2]])
})

test('the command: exit codes, text, --json, --all, formats', (t) => {
  const dir = tempDir(t)
  const [a, b, c] = ['a.pt', 'b.pt', 'c.safetensors'].map((name) => join(dir, name)) as [string, string, string]
  const many = (value: number): Record<string, torch.Tensor> =>
    Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`k${i}\x1b[31m`, torch.tensor([value])]))
  torch.saveSync(many(1), a)
  torch.saveSync(many(2), b)
  torch.saveSync(many(1), c)
  const equal = cli(['diff', a, c])
  assert.equal(equal.stdout, 'equal: 150 tensors of 150 elements and 0 other values\n')
  assert.equal(equal.status, 0)
  const other = cli(['diff', a, b])
  assert.equal(other.status, 1)
  assert.equal(other.stderr, '')
  assert.deepEqual(steering(other.stdout), [])
  assert.match(other.stdout, /^~ \["k0\\u001b\[31m"\] +float32 \[1\], 1 of 1 element, largest difference 1$/m)
  assert.match(other.stdout, /^… 50 more$/m)
  assert.match(other.stdout, /^150 differences: 150 of other values; in both: 150 tensors of 150 elements/m)
  assert.match(cli(['diff', a, b, '--all']).stdout, /k149/)
  for (const line of cli(['diff', a, b], { columns: 40 }).stdout.split('\n'))
    assert.ok([...line].length <= 40 || /^[ab1]/.test(line))
  const json = cli(['diff', a, b, '--json'])
  assert.equal(json.status, 1)
  assert.equal((JSON.parse(json.stdout) as Comparison).differences.length, 150)
  const absent = cli(['diff', a, join(dir, 'absent.pt')])
  assert.equal(absent.status, 1)
  assert.match(absent.stderr, /ENOENT/)
})
