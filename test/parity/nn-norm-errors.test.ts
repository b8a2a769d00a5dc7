/** Errors of normalisation layers and convolutions, state dicts of InstanceNorm, and SyncBatchNorm.convert, against live Python. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { nn } = torch
const x = (...shape: number[]): torch.Tensor => torch.ones(shape)

function attempt(f: () => unknown): string {
  try {
    return String(f())
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, String(error))
    return error.message
  }
}
const prelude = `
import json, torch
from torch import nn
def x(*shape): return torch.ones(*shape)
def attempt(f):
    try: return str(f())
    except Exception as e: return str(e)
`

/** what is done here, and the same in Python */
const wrong: [() => unknown, string][] = [
  [() => new nn.GroupNorm(0, 4), 'nn.GroupNorm(0, 4)'],
  [() => new nn.GroupNorm(3, 4), 'nn.GroupNorm(3, 4)'],
  [() => new nn.GroupNorm(2, 4).forward(x(4)), 'nn.GroupNorm(2, 4)(x(4))'],
  [() => new nn.GroupNorm(2, 2).forward(x(1, 2)), 'nn.GroupNorm(2, 2)(x(1, 2))'],
  [() => new nn.GroupNorm(2, 4).forward(x(2, 3, 4)), 'nn.GroupNorm(2, 4)(x(2, 3, 4))'],
  [() => new nn.GroupNorm(2, 4).forward(x(2, 6, 4)), 'nn.GroupNorm(2, 4)(x(2, 6, 4))'],
  [() => new nn.LayerNorm(3).forward(x(2, 4)), 'nn.LayerNorm(3)(x(2, 4))'],
  [() => new nn.LayerNorm([]).forward(x(2, 4)), 'nn.LayerNorm([])(x(2, 4))'],
  [() => new nn.LayerNorm(-1), 'nn.LayerNorm(-1)'],
  [() => new nn.RMSNorm(3).forward(x(2, 4)), 'nn.RMSNorm(3)(x(2, 4))'],
  [() => new nn.LocalResponseNorm(2).forward(x(2, 4)), 'nn.LocalResponseNorm(2)(x(2, 4))'],
  [() => new nn.LocalResponseNorm(0).forward(x(2, 4, 3)), 'nn.LocalResponseNorm(0)(x(2, 4, 3))'],
  [() => new nn.CrossMapLRN2d(2).forward(x(2, 4)), 'nn.CrossMapLRN2d(2)(x(2, 4))'],
  [() => new nn.InstanceNorm1d(3).forward(x(3)), 'nn.InstanceNorm1d(3)(x(3))'],
  [() => new nn.InstanceNorm2d(3).forward(x(2, 4)), 'nn.InstanceNorm2d(3)(x(2, 4))'],
  [() => new nn.InstanceNorm3d(3).forward(x(2, 4, 1)), 'nn.InstanceNorm3d(3)(x(2, 4, 1))'],
  [
    () => new nn.InstanceNorm2d(3, { affine: true }).forward(x(2, 4, 3, 3)),
    'nn.InstanceNorm2d(3, affine=True)(x(2, 4, 3, 3))',
  ],
  [
    () => new nn.InstanceNorm2d(3, { affine: true }).forward(x(4, 3, 3)),
    'nn.InstanceNorm2d(3, affine=True)(x(4, 3, 3))',
  ],
  [() => new nn.InstanceNorm2d(4).forward(x(2, 4, 1, 1)), 'nn.InstanceNorm2d(4)(x(2, 4, 1, 1))'],
  [() => new nn.BatchNorm2d(3).forward(x(3, 4, 2, 2)), 'nn.BatchNorm2d(3)(x(3, 4, 2, 2))'],
  [() => new nn.BatchNorm1d(3).forward(x(3)), 'nn.BatchNorm1d(3)(x(3))'],
  [() => new nn.BatchNorm1d(3).forward(x(1, 3)), 'nn.BatchNorm1d(3)(x(1, 3))'],
  [() => new nn.SyncBatchNorm(3).forward(x(3)), 'nn.SyncBatchNorm(3)(x(3))'],
  [() => new nn.SyncBatchNorm(0).forward(x(3, 0)), 'nn.SyncBatchNorm(0)(x(3, 0))'],
  [() => new nn.SyncBatchNorm(3).forward(x(1, 3)), 'nn.SyncBatchNorm(3)(x(1, 3))'],
  [() => new nn.Conv2d(3, 4, 3, { groups: 2 }), 'nn.Conv2d(3, 4, 3, groups=2)'],
  [() => new nn.Conv2d(4, 3, 3, { groups: 2 }), 'nn.Conv2d(4, 3, 3, groups=2)'],
  [() => new nn.Conv2d(4, 4, 3, { groups: 0 }), 'nn.Conv2d(4, 4, 3, groups=0)'],
  [() => new nn.Conv2d(4, 4, 3, { groups: -1 }), 'nn.Conv2d(4, 4, 3, groups=-1)'],
  [() => new nn.Conv2d(4, 4, 3, { padding: 'same', stride: 2 }), "nn.Conv2d(4, 4, 3, padding='same', stride=2)"],
  [() => new nn.Conv2d(-4, 4, 3), 'nn.Conv2d(-4, 4, 3)'],
  [() => new nn.Conv2d(4, 0, 3).forward(x(1, 4, 5, 5)), 'nn.Conv2d(4, 0, 3)(x(1, 4, 5, 5))'],
  [() => new nn.Conv2d(4, 4, 9).forward(x(1, 4, 5, 5)), 'nn.Conv2d(4, 4, 9)(x(1, 4, 5, 5))'],
  [() => new nn.Conv2d(4, 4, 3).forward(x(1, 5, 5, 5)), 'nn.Conv2d(4, 4, 3)(x(1, 5, 5, 5))'],
  [() => new nn.Conv2d(4, 4, 3).forward(x(5, 5)), 'nn.Conv2d(4, 4, 3)(x(5, 5))'],
  [() => new nn.Conv2d(4, 4, 3, 0).forward(x(1, 4, 5, 5)), 'nn.Conv2d(4, 4, 3, 0)(x(1, 4, 5, 5))'],
  [() => new nn.Conv2d(4, 4, 3, 1, -1).forward(x(1, 4, 5, 5)), 'nn.Conv2d(4, 4, 3, 1, -1)(x(1, 4, 5, 5))'],
  [
    () => new nn.Conv2d(4, 4, 3, { padding: 1, paddingMode: 'reflect' }).forward(x(5, 5)),
    "nn.Conv2d(4, 4, 3, padding=1, padding_mode='reflect')(x(5, 5))",
  ],
  [() => new nn.Conv1d(4, 4, 3).forward(x(1, 4, 5, 5)), 'nn.Conv1d(4, 4, 3)(x(1, 4, 5, 5))'],
  [() => new nn.Conv3d(4, 4, 3).forward(x(4, 5, 5)), 'nn.Conv3d(4, 4, 3)(x(4, 5, 5))'],
  [() => new nn.ConvTranspose2d(3, 4, 3, { groups: 2 }), 'nn.ConvTranspose2d(3, 4, 3, groups=2)'],
  [
    () => new nn.ConvTranspose2d(4, 4, 3, { paddingMode: 'reflect', groups: 3 }),
    "nn.ConvTranspose2d(4, 4, 3, padding_mode='reflect', groups=3)",
  ],
  [
    () => new nn.ConvTranspose2d(4, 4, 3, { outputPadding: 1 }).forward(x(1, 4, 5, 5)),
    'nn.ConvTranspose2d(4, 4, 3, output_padding=1)(x(1, 4, 5, 5))',
  ],
  [
    () => new nn.ConvTranspose2d(4, 4, 3, 2).forward(x(1, 4, 5, 5), [3, 3]),
    'nn.ConvTranspose2d(4, 4, 3, 2)(x(1, 4, 5, 5), [3, 3])',
  ],
  [
    () => new nn.ConvTranspose2d(4, 4, 3, 2).forward(x(1, 4, 5, 5), [3]),
    'nn.ConvTranspose2d(4, 4, 3, 2)(x(1, 4, 5, 5), [3])',
  ],
  [
    () => new nn.ConvTranspose2d(4, 4, 3, 2).forward(x(4, 5, 5), [3]),
    'nn.ConvTranspose2d(4, 4, 3, 2)(x(4, 5, 5), [3])',
  ],
  [
    () => new nn.ConvTranspose1d(4, 4, 3, 2).forward(x(1, 4, 5), [1, 4, 99]),
    'nn.ConvTranspose1d(4, 4, 3, 2)(x(1, 4, 5), [1, 4, 99])',
  ],
  [() => new nn.ConvTranspose1d(4, 4, 3).forward(x(1, 4, 5, 5)), 'nn.ConvTranspose1d(4, 4, 3)(x(1, 4, 5, 5))'],
  [() => new nn.ConvTranspose3d(4, 4, 3).forward(x(1, 3, 5, 5, 5)), 'nn.ConvTranspose3d(4, 4, 3)(x(1, 3, 5, 5, 5))'],
]

test('errors of normalisation layers and convolutions have the text of Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<string[]>(
    `${prelude}print(json.dumps([${wrong.map(([, code]) => `attempt(lambda: ${code})`).join(', ')}]))`,
  )
  for (const [i, [f, code]] of wrong.entries()) await t.test(code, () => assert.equal(attempt(f), expected[i]))
})

test('values of the wrong kind are errors of their own', () => {
  const make = nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>
  const calls: [string, unknown[]][] = [
    ['LayerNorm', [2.5]],
    ['LayerNorm', ['3']],
    ['LayerNorm', [[2, Number.NaN]]],
    ['LayerNorm', []],
    ['LayerNorm', [3, 'eps']],
    ['GroupNorm', [2]],
    ['GroupNorm', [2, 4, 1e-5, 1]],
    ['RMSNorm', [3, { epsilon: 1 }]],
    ['LocalResponseNorm', [Number.NaN]],
    ['InstanceNorm2d', [3, { affine: null }]],
    ['InstanceNorm2d', [3, 1e-5, 0.1, true, true, 'nowhere']],
    ['SyncBatchNorm', [3, 1e-5, 0.1, true, true, null, 'cpu', 'float12']],
    ['ConvTranspose2d', [3, 4, [1, 2, 3]]],
    ['ConvTranspose2d', [3, 4, 3, { padding: 'same' }]],
    ['ConvTranspose2d', [3, 4, 3, { paddingMode: 'mirror' }]],
    ['Conv2d', [3, 4, 3, { padding: 'full' }]],
    ['Conv2d', [3, 4]],
  ]
  for (const [name, args] of calls) {
    const error = attempt(() => new make[name]!(...args))
    assert.match(error, new RegExp(`${name}|device|dtype`, 'i'), `${name}(${JSON.stringify(args)}): ${error}`)
  }
  const layer = new nn.ConvTranspose2d(4, 4, 3) as any
  for (const size of ['12', 12, [1.5, 2], [Number.NaN, 1], x(2), {}])
    assert.throws(() => layer.forward(x(1, 4, 5, 5), size), { code: 'ERR_ARGUMENT' })
})

test('without a version, InstanceNorm refuses running statistics that it has no place for', (t) => {
  if (!requirePython(t)) return
  const stats = { running_mean: x(3), running_var: x(3) }
  const in3 = (options = {}): torch.nn.Module => new nn.InstanceNorm2d(3, options)
  const nested = (): torch.nn.Module => new nn.Sequential({ norm: in3(), act: new nn.ReLU() })
  const mine = [
    attempt(() => in3().loadStateDict(stats)),
    attempt(() => in3().loadStateDict({ running_mean: x(3) }, { strict: false })),
    attempt(() => in3().loadStateDict({ ...stats, other: x(1) })),
    attempt(() => nested().loadStateDict({ 'norm.running_mean': x(3), 'norm.running_var': x(3) })),
    attempt(() => in3({ trackRunningStats: true }).loadStateDict(stats)),
    attempt(() => in3().loadStateDict(in3({ trackRunningStats: true }).stateDict())),
    attempt(() => in3({ trackRunningStats: true }).loadStateDict(in3().stateDict())),
    attempt(() => in3().loadStateDict({})),
  ]
  const expected = pythonJson<string[]>(`${prelude}
stats = {'running_mean': x(3), 'running_var': x(3)}
in3 = lambda **o: nn.InstanceNorm2d(3, **o)
from collections import OrderedDict
nested = lambda: nn.Sequential(OrderedDict(norm=in3(), act=nn.ReLU()))
tracked = lambda: in3(track_running_stats=True)
print(json.dumps([attempt(f) for f in [lambda: in3().load_state_dict(stats),
  lambda: in3().load_state_dict({'running_mean': x(3)}, strict=False), lambda: in3().load_state_dict({**stats, 'other': x(1)}),
  lambda: nested().load_state_dict({'norm.running_mean': x(3), 'norm.running_var': x(3)}),
  lambda: tracked().load_state_dict(stats), lambda: in3().load_state_dict(tracked().state_dict()),
  lambda: tracked().load_state_dict(in3().state_dict()), lambda: in3().load_state_dict({})]]))`)
  assert.deepEqual(mine, expected)
})

test('convertSyncBatchnorm replaces every BatchNorm and keeps its tensors', (t) => {
  if (!requirePython(t)) return
  const net = new nn.Sequential({
    conv: new nn.Conv2d(3, 4, 3),
    norm: new nn.BatchNorm2d(4, { momentum: 0.3 }),
    more: new nn.Sequential(new nn.BatchNorm1d(5, { affine: false }), new nn.BatchNorm3d(2, { bias: false })),
    instance: new nn.InstanceNorm2d(3),
  })
  net.getSubmodule('more').eval()
  const parameters = net.parameters()
  const buffers = net.buffers()
  const converted = nn.SyncBatchNorm.convertSyncBatchnorm(net)
  assert.equal(converted, net)
  assert.deepEqual(
    {
      text: String(net),
      keys: Object.keys(net.stateDict()),
      training: net.modules().map((module) => module.training),
      same: [net.parameters().every((p, i) => p === parameters[i]), net.buffers().every((b, i) => b === buffers[i])],
      alone: String(nn.SyncBatchNorm.convertSyncBatchnorm(new nn.BatchNorm2d(3))),
    },
    pythonJson(`${prelude}
from collections import OrderedDict
net = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4, momentum=0.3),
  more=nn.Sequential(nn.BatchNorm1d(5, affine=False), nn.BatchNorm3d(2, bias=False)), instance=nn.InstanceNorm2d(3)))
net.more.eval()
p, b = list(net.parameters()), list(net.buffers())
net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
print(json.dumps({'text': repr(net), 'keys': list(net.state_dict()), 'training': [m.training for m in net.modules()],
  'same': [all(a is c for a, c in zip(p, net.parameters())), all(a is c for a, c in zip(b, net.buffers()))],
  'alone': repr(nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm2d(3)))}))`),
  )
})

test('options that are set on the live layer take effect, as in Python', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(1)
  const input = torch.randn([2, 4, 5, 5])
  const norm = new nn.InstanceNorm2d(4, { trackRunningStats: true })
  norm.momentum = 0.5
  norm.eps = 0.1
  const conv = new nn.ConvTranspose2d(4, 3, 3, 2)
  conv.outputPadding = 1
  conv.padding = [1, 0]
  const group = new nn.GroupNorm(2, 4)
  group.numGroups = 4
  const layer = new nn.LayerNorm(5)
  layer.normalizedShape = [5]
  layer.eps = 0.5
  const rms = new nn.RMSNorm(5)
  rms.eps = 0.25
  const outs = [norm, conv, group, layer, rms].map((m) => m.forward(input) as torch.Tensor)
  norm.trackRunningStats = false
  norm.eval()
  outs.push(norm.forward(input), norm.running_mean)
  const mine = { texts: [norm, conv, group, layer, rms].map(String), outs: outs.map((out) => out.tolist()) }
  const expected = pythonJson(`${prelude}
torch.set_num_threads(1)
torch.manual_seed(1)
i = torch.randn(2, 4, 5, 5)
norm = nn.InstanceNorm2d(4, track_running_stats=True); norm.momentum = 0.5; norm.eps = 0.1
conv = nn.ConvTranspose2d(4, 3, 3, 2); conv.output_padding = (1, 1); conv.padding = (1, 0)
group = nn.GroupNorm(2, 4); group.num_groups = 4
layer = nn.LayerNorm(5); layer.eps = 0.5
rms = nn.RMSNorm(5); rms.eps = 0.25
outs = [m(i) for m in [norm, conv, group, layer, rms]]
norm.track_running_stats = False
norm.eval()
outs += [norm(i), norm.running_mean]
print(json.dumps({'texts': [repr(m) for m in [norm, conv, group, layer, rms]], 'outs': [o.tolist() for o in outs]}))`)
  assert.deepEqual(mine, expected)
})

test('a decoder of transposed convolutions is one native call in a Sequential', () => {
  const model = new nn.Sequential(new nn.ConvTranspose2d(4, 3, 3, 2), new nn.InstanceNorm2d(3), new nn.ReLU())
  const calls = model.forward(x(1, 4, 5, 5)) as torch.Tensor
  const single = [...model].reduce((value, module) => module.forward(value), x(1, 4, 5, 5))
  assert.deepEqual(calls.tolist(), single.tolist())
  assert.equal(model[0]!.forward, nn.Layer.prototype.forward)
  assert.equal(model[1]!.forward, nn.Layer.prototype.forward)
})
