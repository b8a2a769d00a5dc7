/** Lazy layers against live Python: before the first forward, after it, and around state dicts and files. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'

const { nn } = torch

/** layer, positional arguments, keyword arguments, shape of the first input */
type Case = [string, unknown[], Record<string, unknown>, number[]]

const image = [2, 4, 6, 5]
const cases: Case[] = [
  ['LazyLinear', [3], {}, [2, 5]],
  ['LazyLinear', [3, false], {}, [2, 4, 5]],
  ['LazyLinear', [3], {}, [5]],
  ['LazyLinear', [3, true, 'cpu', 'float64'], {}, [2, 5]],
  ['LazyLinear', [], { out_features: 7, bias: true, dtype: 'bfloat16' }, [2, 5]],
  ['LazyConv1d', [6, 3], {}, [2, 4, 9]],
  ['LazyConv1d', [6, 3, 2, 1, 2, 2, false, 'circular'], {}, [2, 4, 9]],
  ['LazyConv1d', [6, [3]], { padding: 'same', dtype: 'float64' }, [4, 9]],
  ['LazyConv2d', [6, 3], {}, image],
  ['LazyConv2d', [6, [3, 2], [2, 1], [1, 0], 1, 2, true, 'zeros', 'cpu', 'float64'], {}, image],
  [
    'LazyConv2d',
    [],
    { out_channels: 4, kernel_size: 3, groups: 4, bias: false, padding: 1, padding_mode: 'reflect' },
    image,
  ],
  ['LazyConv2d', [6, 3], { dilation: 2 }, [4, 6, 5]],
  ['LazyConv3d', [4, 2], {}, [1, 2, 3, 4, 3]],
  ['LazyConv3d', [4, [1, 2, 2]], { groups: 2, stride: [1, 2, 1] }, [2, 3, 4, 3]],
  ['LazyConvTranspose1d', [6, 3], {}, [2, 4, 9]],
  ['LazyConvTranspose1d', [6, 3, 2, 1, 1, 2, false, 2], {}, [2, 4, 9]],
  ['LazyConvTranspose2d', [6, 3, 2], { output_padding: 1 }, image],
  ['LazyConvTranspose2d', [6, [3, 2]], { groups: 2, dilation: [1, 2], bias: false, padding_mode: 'zeros' }, image],
  ['LazyConvTranspose2d', [6, 3, 1, 0, 0, 1, true, 1, 'zeros', 'cpu', 'float64'], {}, [4, 6, 5]],
  ['LazyConvTranspose3d', [4, 2], {}, [1, 2, 3, 4, 3]],
  ['LazyConvTranspose3d', [4, 2, 2, 1], { output_padding: [0, 1, 0] }, [2, 3, 4, 3]],
  ['LazyBatchNorm1d', [], {}, [6, 4]],
  ['LazyBatchNorm1d', [1e-3, 0.2, false], {}, [6, 4, 3]],
  ['LazyBatchNorm2d', [], { track_running_stats: false }, image],
  ['LazyBatchNorm2d', [1e-5, null, true, true, 'cpu', 'float64'], {}, image],
  ['LazyBatchNorm2d', [], { affine: false, track_running_stats: false }, image],
  ['LazyBatchNorm3d', [], { bias: false }, [2, 2, 3, 3, 3]],
  ['LazyInstanceNorm1d', [], {}, [6, 4, 5]],
  ['LazyInstanceNorm1d', [], { track_running_stats: false, affine: false }, [6, 4, 5]],
  ['LazyInstanceNorm2d', [1e-3, 0.3], { bias: false }, image],
  ['LazyInstanceNorm2d', [], { affine: false, dtype: 'float64' }, image],
  ['LazyInstanceNorm3d', [], { track_running_stats: false }, [2, 2, 3, 3, 3]],
]

const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

function digest(t: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  return `${t.shape.join(' ')}: ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

function metadata(state: object): unknown[] {
  const entries = (state as { _metadata: Record<string, object> })._metadata
  return Object.entries(entries).map(([key, entry]) => [key, { ...entry }])
}

const oracle = `
import hashlib, json, sys, warnings, torch
from torch import nn
warnings.simplefilter('ignore')
torch.set_num_threads(1)
def digest(t):
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16: t = t.view(torch.int16)
    return ' '.join(map(str, t.shape)) + ': ' + hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]
def value(v):
    if isinstance(v, list): return tuple(v)
    return getattr(torch, v) if v in ('float64', 'bfloat16') else v
`

test('lazy layers before and after the first forward are what they are in Python', async (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const expected = pythonJson<unknown[]>(`${oracle}
def outcome(name, args, kwargs, shape):
    torch.manual_seed(7)
    m = getattr(nn, name)(*[value(a) for a in args], **{k: value(v) for k, v in kwargs.items()})
    before = m.state_dict()
    found = {'before': repr(m), 'keys': list(before), 'lazy': [str(v) for v in before.values()], 'metadata': list(before._metadata.items()),
      'missing': m.has_uninitialized_params(), 'dtypes': [str(v.dtype)[6:] for v in before.values()], 'random': digest(torch.rand(3))}
    p = list(m.parameters())
    dtype = p[0].dtype if p else next((b.dtype for b in m.buffers()), torch.float32)
    x = torch.randn(*shape).to(dtype).requires_grad_()
    y = m(x)
    found.update(after=repr(m), type=type(m).__name__, same=[a is b for a, b in zip(p, m.parameters())], types=[type(a).__name__ for a in p],
      values=[digest(v) for v in m.state_dict().values()], metadataAfter=list(m.state_dict()._metadata.items()), out=digest(y), randomAfter=digest(torch.rand(3)))
    (y * torch.randn(y.shape).to(dtype)).sum().backward()
    found['gradients'] = [digest(a.grad) for a in [x, *p]]
    found['again'] = digest(m(x))
    return found
print(json.dumps([outcome(*c) for c in json.loads(r'''${JSON.stringify(cases)}''')]))`)
  for (const [i, one] of cases.entries()) {
    await t.test(JSON.stringify(one), () => {
      const [name, args, kwargs, shape] = one
      torch.manualSeed(7)
      const options = Object.fromEntries(Object.entries(kwargs).map(([key, v]) => [camel(key), v]))
      const Lazy = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.LazyLinear>)[name]!
      const m = new Lazy(...args, ...(Object.keys(kwargs).length > 0 ? [options] : []))
      const before = m.stateDict() as Record<string, torch.Tensor>
      const found: Record<string, unknown> = {
        before: String(m),
        keys: Object.keys(before),
        lazy: Object.values(before).map(String),
        metadata: metadata(before),
        missing: m.hasUninitializedParams(),
        dtypes: Object.values(before).map((v) => v.dtype),
        random: digest(torch.rand(3)),
      }
      const p = m.parameters()
      const dtype = p[0]?.dtype ?? m.buffers()[0]?.dtype ?? 'float32'
      const x = torch.randn(shape).to(dtype).requiresGrad_()
      const y = m.forward(x) as torch.Tensor
      Object.assign(found, {
        after: String(m),
        type: m.constructor.name,
        same: m.parameters().map((a, at) => a === p[at]),
        types: p.map((a) => a.constructor.name),
        values: Object.values(m.stateDict() as Record<string, torch.Tensor>).map(digest),
        metadataAfter: metadata(m.stateDict()),
        out: digest(y),
        randomAfter: digest(torch.rand(3)),
      })
      y.mul(torch.randn(y.shape).to(dtype)).sum().backward()
      found.gradients = [x, ...p].map((a) => digest(a.grad!))
      found.again = digest(m.forward(x))
      assert.deepEqual(found, expected[i])
    })
  }
})

test('a lazy layer is an instance of what it becomes, and is exactly that afterwards', () => {
  const lazy = new nn.LazyConv2d(4, 3)
  assert.ok(lazy instanceof nn.Conv2d)
  assert.ok(lazy instanceof nn.LazyConv2d)
  lazy.forward(torch.randn([1, 3, 5, 5]))
  assert.equal(Object.getPrototypeOf(lazy), nn.Conv2d.prototype)
  assert.equal((lazy as torch.nn.Conv2d) instanceof nn.LazyConv2d, false)
  assert.equal(Object.hasOwn(lazy, 'forward'), false)
  assert.equal(lazy.weight.constructor, nn.Parameter)
})

test('an optimizer made before the first forward trains the parameters; hooks and casts come in between', (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  torch.manualSeed(3)
  const net = new nn.Sequential(
    new nn.LazyConv2d(4, 3),
    new nn.LazyBatchNorm2d(),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.LazyLinear(2),
  )
  const seen: string[] = []
  net[0]!.registerForwardPreHook((module) => void seen.push(String(module)))
  net.double()
  const optimizer = new torch.optim.Adam(net.parameters(), { lr: 0.1 })
  optimizer.zeroGrad()
  for (let step = 0; step < 3; step++) {
    optimizer.zeroGrad()
    const y = net.forward(torch.randn([2, 3, 5, 5]).double()) as torch.Tensor
    y.square().sum().backward()
    optimizer.step()
  }
  const mine = {
    seen,
    text: String(net),
    values: Object.values(net.stateDict() as Record<string, torch.Tensor>).map(digest),
    groups: optimizer.paramGroups.map((group) => group.params.length),
  }
  const expected = pythonJson(`${oracle}
torch.manual_seed(3)
net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
seen = []
net[0].register_forward_pre_hook(lambda m, a: seen.append(repr(m)))
net.double()
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
optimizer.zero_grad()
for _ in range(3):
    optimizer.zero_grad()
    net(torch.randn(2, 3, 5, 5).double()).square().sum().backward()
    optimizer.step()
print(json.dumps({'seen': seen, 'text': repr(net), 'values': [digest(v) for v in net.state_dict().values()],
  'groups': [len(g['params']) for g in optimizer.param_groups]}))`)
  assert.deepEqual(mine, expected)
})

function attempt(f: () => unknown): string {
  try {
    return String(f())
  } catch (error) {
    return (error as Error).message
  }
}

test('state dicts: loading gives sizes, also where nothing has any; errors have the text of Python', (t) => {
  if (!requirePython(t)) return
  const fresh = (): torch.nn.Sequential =>
    new nn.Sequential(new nn.LazyLinear(3), new nn.LazyBatchNorm1d()) as unknown as torch.nn.Sequential
  const ready = (): torch.nn.Sequential =>
    new nn.Sequential(new nn.Linear(5, 3), new nn.BatchNorm1d(3)) as unknown as torch.nn.Sequential
  const shapes = (m: torch.nn.Module): string =>
    m
      .parameters()
      .map((p) => p.shape.join(' '))
      .join(', ')
  const loaded = fresh()
  const [weight] = loaded.parameters()
  const mine = [
    attempt(() => loaded.loadStateDict(ready().stateDict())),
    String(loaded),
    shapes(loaded),
    String(loaded.parameters()[0] === weight),
    String(loaded.forward(torch.ones([2, 5])) instanceof torch.Tensor),
    String(loaded),
    attempt(() => fresh().loadStateDict(fresh().stateDict())),
    attempt(() => ready().loadStateDict(fresh().stateDict())),
    attempt(() => fresh().loadStateDict({})),
    attempt(() => {
      const m = fresh()
      m.loadStateDict(ready().stateDict(), { assign: true })
      return shapes(m)
    }),
    attempt(() => fresh().loadStateDict({ ...(ready().stateDict() as object), extra: torch.ones(1) })),
    attempt(() => new nn.LazyConv2d(4, 3).loadStateDict(new nn.Conv2d(2, 4, 3, { bias: false }).stateDict())),
  ]
  const expected = pythonJson<string[]>(`${oracle}
def attempt(f):
    try: return str(f())
    except Exception as e: return str(e)
fresh = lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
ready = lambda: nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3))
shapes = lambda m: ', '.join(' '.join(map(str, p.shape)) for p in m.parameters())
def assigned():
    m = fresh()
    m.load_state_dict(ready().state_dict(), assign=True)
    return shapes(m)
loaded = fresh()
weight = next(loaded.parameters())
print(json.dumps([attempt(lambda: loaded.load_state_dict(ready().state_dict())), repr(loaded), shapes(loaded),
  'true' if next(loaded.parameters()) is weight else 'false', 'true' if torch.is_tensor(loaded(torch.ones(2, 5))) else 'false', repr(loaded),
  attempt(lambda: fresh().load_state_dict(fresh().state_dict())), attempt(lambda: ready().load_state_dict(fresh().state_dict())),
  attempt(lambda: fresh().load_state_dict({})), attempt(assigned),
  attempt(lambda: fresh().load_state_dict({**ready().state_dict(), 'extra': torch.ones(1)})),
  attempt(lambda: nn.LazyConv2d(4, 3).load_state_dict(nn.Conv2d(2, 4, 3, bias=False).state_dict()))]))`)
  assert.deepEqual(mine, expected)
})

test('a load that fails leaves a lazy layer without sizes', () => {
  const lazy = new nn.LazyLinear(3)
  assert.throws(() => lazy.loadStateDict({ weight: torch.ones(3, 5) }), { code: 'ERR_STATE_DICT' })
  assert.ok(lazy.hasUninitializedParams())
  assert.equal(String(lazy.weight), '<UninitializedParameter>')
})

test('files of uninitialised state dicts have the bytes of Python, both ways', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const [mine, theirs] = [join(dir, 'mine.pt'), join(dir, 'theirs.pt')]
  torch.saveSync(new nn.LazyBatchNorm1d().stateDict(), mine)
  const printed = python(
    `import sys, torch, zipfile
torch.save(torch.nn.LazyBatchNorm1d().state_dict(), sys.argv[2])
def pickle(f):
    z = zipfile.ZipFile(f)
    return z.read(next(n for n in z.namelist() if n.endswith('/data.pkl')))
pickles = [pickle(f) for f in sys.argv[1:]]
assert pickles[0] == pickles[1]
print(torch.nn.LazyBatchNorm1d().load_state_dict(torch.load(sys.argv[1], weights_only=False)))`,
    [mine, theirs],
  )
  assert.equal(printed.trim(), '<All keys matched successfully>')
  assert.ok(readFileSync(theirs).length > 0)
  const state = torch.loadSync(theirs) as Record<string, torch.Tensor>
  assert.deepEqual(Object.values(state).map(String), [
    '<UninitializedParameter>',
    '<UninitializedParameter>',
    '<UninitializedBuffer>',
    '<UninitializedBuffer>',
    'tensor(0)',
  ])
  assert.equal(String(new nn.LazyBatchNorm1d().loadStateDict(state)), '<All keys matched successfully>')
})

test('errors of lazy layers have the text of Python', (t) => {
  if (!requirePython(t)) return
  const mine = [
    attempt(() => new nn.LazyLinear(3).weight.shape),
    attempt(() => new nn.LazyLinear(3).forward(torch.tensor(1))),
    attempt(() => new nn.LazyConv2d(3, 3).forward(torch.ones(2, 2))),
    attempt(() => new nn.LazyConvTranspose1d(3, 3).forward(torch.ones(2))),
    attempt(() => new nn.LazyConv2d(3, 3, { groups: 3 }).forward(torch.ones(2, 4, 5, 5))),
    attempt(() => new nn.LazyConv2d(3, 3, { groups: 0 })),
    attempt(() => new nn.LazyBatchNorm1d().forward(torch.ones(2))),
    attempt(() => new nn.LazyBatchNorm2d().forward(torch.ones(2, 4, 5))),
    attempt(() => new nn.LazyInstanceNorm2d().forward(torch.ones(2, 4))),
    attempt(() => {
      const m = new nn.LazyInstanceNorm2d()
      m.loadStateDict(new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }).stateDict())
      return m.forward(torch.ones(2, 4, 5, 5))
    }),
    attempt(() => {
      const m = new nn.LazyLinear(3)
      m.loadStateDict(new nn.Linear(4, 3).stateDict())
      return m.forward(torch.ones(2, 5))
    }),
  ]
  const expected = pythonJson<string[]>(`${oracle}
def attempt(f):
    try: return str(f())
    except Exception as e: return str(e)
def loaded(m, other, x):
    m.load_state_dict(other.state_dict())
    return m(x)
ones = torch.ones
print(json.dumps([attempt(f) for f in [
  lambda: nn.LazyLinear(3).weight.shape, lambda: nn.LazyLinear(3)(torch.tensor(1.)), lambda: nn.LazyConv2d(3, 3)(ones(2, 2)),
  lambda: nn.LazyConvTranspose1d(3, 3)(ones(2)), lambda: nn.LazyConv2d(3, 3, groups=3)(ones(2, 4, 5, 5)),
  lambda: nn.LazyConv2d(3, 3, groups=0), lambda: nn.LazyBatchNorm1d()(ones(2)), lambda: nn.LazyBatchNorm2d()(ones(2, 4, 5)),
  lambda: nn.LazyInstanceNorm2d()(ones(2, 4)),
  lambda: loaded(nn.LazyInstanceNorm2d(), nn.InstanceNorm2d(4, affine=True, track_running_stats=True), ones(2, 4, 5, 5)),
  lambda: loaded(nn.LazyLinear(3), nn.Linear(4, 3), ones(2, 5))]]))`)
  assert.deepEqual(mine, expected)
  const { weight } = new nn.LazyLinear(3)
  for (const use of [() => weight.add(1), () => weight.numel(), () => weight.sum(), () => weight.tolist()])
    assert.throws(use, {
      code: 'ERR_ARGUMENT',
      message: /^Attempted to use an uninitialized parameter in Tensor\.\w+\. /,
    })
  assert.throws(() => new (nn.LazyLinear as any)(), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new nn.LazyLinear(3).forward(undefined as any), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new (nn.LazyConv2d as any)(3), { code: 'ERR_ARGUMENT' })
  assert.throws(() => new nn.LazyLinear(3, { inFeatures: 4 } as any), { code: 'ERR_ARGUMENT' })
})
