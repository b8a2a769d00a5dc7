/** `torch.optim.swaUtils` against live Python: averages equal as bytes, state dicts, rates equal as bits, messages. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { python, pythonJson, requirePython } from '../support/python.js'
import { d, e, type Scenario, s, testBoth } from './both.js'

const { nn } = torch
const { AveragedModel, getEmaAvgFn, getEmaMultiAvgFn, getSwaAvgFn, getSwaMultiAvgFn, SWALR, updateBn } =
  torch.optim.swaUtils
type Options = torch.optim.swaUtils.AveragedModelOptions

const model = () =>
  new nn.Sequential(new nn.Conv2d(2, 3, 3), new nn.BatchNorm2d(3), new nn.Flatten(), new nn.Linear(48, 5))
const programOf = (options: string) => `
from torch.optim.swa_utils import *
m = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 5))
a = AveragedModel(m${options})
opt = torch.optim.SGD(m.parameters(), lr=0.1)
o['made'] = s(a)
for i in range(7):
    opt.zero_grad()
    m(torch.randn(4, 2, 6, 6)).square().sum().backward()
    opt.step()
    a.update_parameters(m)
    o[f'step{i}'] = s(a)
o['training'] = d(a(torch.randn(4, 2, 6, 6)))
a.eval()
o['eval'] = d(a(torch.randn(4, 2, 6, 6)))
o['count'] = a.n_averaged.item()
`
function averaged(options: string, make: () => Options): Scenario {
  return [
    `AveragedModel(model${options})`,
    programOf(options),
    (o) => {
      const m = model()
      const a = new AveragedModel(m, make())
      const opt = new torch.optim.SGD(m.parameters(), { lr: 0.1 })
      o.made = s(a)
      for (let i = 0; i < 7; i++) {
        opt.zeroGrad()
        m.forward(torch.randn([4, 2, 6, 6]))
          .square()
          .sum()
          .backward()
        opt.step()
        a.updateParameters(m)
        o[`step${i}`] = s(a)
      }
      o.training = d(a.forward(torch.randn([4, 2, 6, 6])))
      a.eval()
      o.eval = d(a.forward(torch.randn([4, 2, 6, 6])))
      o.count = a.n_averaged.item()
    },
  ]
}

testBoth('AveragedModel: weights, buffers and state dicts', [
  averaged('', () => ({})),
  averaged(', use_buffers=True', () => ({ useBuffers: true })),
  averaged(", device='cpu'", () => ({ device: 'cpu' })),
  averaged(', multi_avg_fn=get_ema_multi_avg_fn()', () => ({ multiAvgFn: getEmaMultiAvgFn() })),
  averaged(', multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True', () => ({
    multiAvgFn: getEmaMultiAvgFn(0.7),
    useBuffers: true,
  })),
  averaged(', multi_avg_fn=get_swa_multi_avg_fn()', () => ({ multiAvgFn: getSwaMultiAvgFn() })),
  averaged(', avg_fn=get_ema_avg_fn(0.9)', () => ({ avgFn: getEmaAvgFn(0.9) })),
  averaged(', avg_fn=get_swa_avg_fn(), use_buffers=True', () => ({ avgFn: getSwaAvgFn(), useBuffers: true })),
  averaged(', avg_fn=lambda a, m, n: 0.1 * a + 0.9 * m + n', () => ({
    avgFn: (a, m, n) =>
      a
        .mul(0.1)
        .add(m.mul(0.9))
        .add(n as torch.Tensor),
  })),
])

testBoth('functions of averages, updateBn, messages', [
  [
    'functions with a plain number of models',
    `
from torch.optim.swa_utils import *
for dtype in (torch.float32, torch.float64, torch.float16, torch.complex64):
    a, b = torch.randn(9).to(dtype), torch.randn(9).to(dtype)
    for name, f in (('ema', get_ema_multi_avg_fn(0.8)), ('swa', get_swa_multi_avg_fn())):
        x = [a.clone(), a[:4].clone()]
        f(x, [b, b[:4]], 6)
        o[f'{name} {dtype}'] = [d(t) for t in x]
    o[f'one {dtype}'] = [d(get_ema_avg_fn(0.3)(a, b, 6)), d(get_swa_avg_fn()(a, b, 6))]
i = [torch.arange(5)]
get_ema_multi_avg_fn(0.3)(i, [torch.arange(5) * 10], 2)
o['ints'] = d(i[0])
`,
    (o) => {
      for (const dtype of ['float32', 'float64', 'float16', 'complex64'] as const) {
        const [a, b] = [torch.randn([9]).to(dtype), torch.randn([9]).to(dtype)]
        for (const [name, f] of Object.entries({ ema: getEmaMultiAvgFn(0.8), swa: getSwaMultiAvgFn() })) {
          const x = [a.clone(), a.narrow(0, 0, 4).clone()]
          f(x, [b, b.narrow(0, 0, 4)], 6)
          o[`${name} torch.${dtype}`] = x.map(d)
        }
        o[`one torch.${dtype}`] = [d(getEmaAvgFn(0.3)(a, b, 6)), d(getSwaAvgFn()(a, b, 6))]
      }
      const ints = [torch.arange(5)]
      getEmaMultiAvgFn(0.3)(ints, [torch.arange(5).mul(10)], 2)
      o.ints = d(ints[0]!)
    },
  ],
  [
    'updateBn',
    `
from torch.optim.swa_utils import *
m = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3), nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False))
m.eval()
batches = [torch.randn(5, 3) for _ in range(4)]
update_bn(batches, m)
o['tensors'] = s(m)
update_bn([(b * 2, 1) for b in batches], m, 'cpu')
o['pairs'] = s(m)
o['after'] = [m.training, m[1].momentum, m[3].momentum, m[1].training]
n = nn.Linear(3, 4)
update_bn(batches, n.eval())
o['none'] = [s(n), n.training]
`,
    (o) => {
      const m = new nn.Sequential(
        new nn.Linear(3, 4),
        new nn.BatchNorm1d(4, { momentum: 0.3 }),
        new nn.Linear(4, 4),
        new nn.BatchNorm1d(4, { trackRunningStats: false }),
      )
      m.eval()
      const batches = Array.from({ length: 4 }, () => torch.randn([5, 3]))
      updateBn(batches, m)
      o.tensors = s(m)
      updateBn(
        batches.map((b) => [b.mul(2), 1]),
        m,
        'cpu',
      )
      o.pairs = s(m)
      const norms = [m.getSubmodule('1'), m.getSubmodule('3')] as torch.nn.BatchNorm1d[]
      o.after = [m.training, norms[0]!.momentum, norms[1]!.momentum, norms[0]!.training]
      const n = new nn.Linear(3, 4)
      updateBn(batches, n.eval())
      o.none = [s(n), n.training]
    },
  ],
  [
    'messages',
    `
from torch.optim.swa_utils import *
opt = torch.optim.SGD([{'params': [torch.zeros(1, requires_grad=True)]}, {'params': [torch.zeros(1, requires_grad=True)]}], lr=0.1)
o['ema'] = e(lambda: get_ema_multi_avg_fn(1.5))
o['ema1'] = e(lambda: get_ema_avg_fn(-0.5))
o['both'] = e(lambda: AveragedModel(nn.Linear(1, 1), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn()))
o['length'] = e(lambda: SWALR(opt, [0.1]))
o['strategy'] = e(lambda: SWALR(opt, 0.1, anneal_strategy='sine'))
o['epochs'] = e(lambda: SWALR(opt, 0.1, -1))
o['epochs2'] = e(lambda: SWALR(opt, 0.1, 1.5))
`,
    (o) => {
      const groups = [0, 1].map(() => ({ params: [new torch.Parameter(torch.zeros(1))] }))
      const opt = new torch.optim.SGD(groups, { lr: 0.1 })
      o.ema = e(() => getEmaMultiAvgFn(1.5))
      o.ema1 = e(() => getEmaAvgFn(-0.5))
      const both = { avgFn: getSwaAvgFn(), multiAvgFn: getSwaMultiAvgFn() }
      o.both = e(() => new AveragedModel(new nn.Linear(1, 1), both))
      o.length = e(() => new SWALR(opt, [0.1]))
      o.strategy = e(() => new SWALR(opt, 0.1, { annealStrategy: 'sine' as 'cos' }))
      o.epochs = e(() => new SWALR(opt, 0.1, -1))
      o.epochs2 = e(() => new SWALR(opt, 0.1, 1.5))
    },
  ],
])

test('updateBn takes what is iterated with for await', async () => {
  const m = new nn.BatchNorm1d(3)
  const batches = [torch.randn([5, 3]), torch.randn([5, 3])]
  const same = m.clone()
  updateBn(batches, same)
  await updateBn(
    (async function* () {
      yield* batches
    })(),
    m,
  )
  assert.ok(torch.equal(m.running_mean, same.running_mean) && torch.equal(m.running_var, same.running_var))
})

// [rates of the groups, swaLr, other options]
type Setting = [lrs: number[], swaLr: number | number[], options: Record<string, unknown>]
const settings: Setting[] = [
  [[0.1], 0.05, {}],
  [[0.1], 0.05, { annealStrategy: 'linear' }],
  [[0.3, 1e-3], [0.7, 1e-2], { annealEpochs: 37 }],
  [[0.3, 1e-3], 0.013, { annealEpochs: 80, annealStrategy: 'linear' }],
  [[0.1], 0.3, { annealEpochs: 0 }],
  [[0.1], 0.3, { annealEpochs: 1, annealStrategy: 'linear' }],
  [[1], 0.01, { annealEpochs: 200 }],
]
const points = [1, 30, 63]
const epochs = 100
const oracle = `
import json, sys, warnings, re, torch
warnings.simplefilter('ignore')
settings, mode, folder = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
from torch.optim.swa_utils import SWALR
def make(s, tensors=False):
    f = (lambda v: torch.tensor(float(v))) if tensors else float
    opt = torch.optim.SGD([{'params': [torch.zeros(1, requires_grad=True)], 'lr': f(lr)} for lr in s[0]])
    options = {re.sub('[A-Z]', lambda m: '_' + m[0].lower(), k): v for k, v in s[2].items()}
    return opt, SWALR(opt, [f(v) for v in s[1]] if isinstance(s[1], list) else f(s[1]), **options)
def rates(x, n):
    out = []
    for _ in range(n):
        x.step()
        out.append([float(lr).hex() for lr in x.get_last_lr()])
    return out
out = []
for i, s in enumerate(settings):
    if mode == 'run':
        opt, x = make(s)
        r = rates(x, 0)
        done = 0
        for p in ${JSON.stringify(points)}:
            r += rates(x, p - done)
            done = p
            torch.save([opt.state_dict(), x.state_dict()], f'{folder}/python-{i}-{p}.pt')
        out.append([r + rates(x, ${epochs} - done), rates(make(s, True)[1], 40)])
    else:
        for p in ${JSON.stringify(points)}:
            a = torch.load(f'{folder}/node-{i}-{p}.pt')
            opt, x = make(s)
            opt.load_state_dict(a[0]); x.load_state_dict(a[1])
            out.append([i, p, repr(torch.load(f'{folder}/python-{i}-{p}.pt')), repr(a), rates(x, ${epochs} - p)])
print(json.dumps(out))
`

function make([lrs, swaLr, options]: Setting, tensors = false): torch.optim.swaUtils.SWALR {
  const f = (rate: number): number | torch.Tensor => (tensors ? torch.tensor(rate) : rate)
  const optimizer = new torch.optim.SGD(lrs.map((lr) => ({ params: [new torch.Parameter(torch.zeros(1))], lr: f(lr) })))
  return new SWALR(optimizer, Array.isArray(swaLr) ? swaLr.map(f) : f(swaLr), options)
}

/** A number as Python's `float.hex()` has it. */
function hex(value: unknown): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Number(value))
  const bits = view.getBigUint64(0)
  const fraction = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0')
  const exponent = Number((bits >> 52n) & 0x7ffn) - 1023
  return `0x1.${fraction}p${exponent < 0 ? '' : '+'}${exponent}`
}

function rates(scheduler: torch.optim.swaUtils.SWALR, count: number): string[][] {
  return Array.from({ length: count }, () => {
    scheduler.optimizer.step()
    scheduler.step()
    return scheduler.getLastLr().map((rate) => hex(rate instanceof torch.Tensor ? rate.item() : rate))
  })
}

test('SWALR: a hundred rates, resumed at three points in both directions; tensors as rates', (t) => {
  if (!requirePython(t)) return
  const folder = tempDir(t)
  const input = JSON.stringify(settings)
  const expected = pythonJson<[string[][], string[][]][]>(oracle, [input, 'run', folder])
  for (const [i, setting] of settings.entries()) {
    const [wanted, asTensors] = expected[i]!
    const scheduler = make(setting)
    const found: string[][] = []
    for (const point of points) {
      found.push(...rates(scheduler, point - found.length))
      torch.saveSync([scheduler.optimizer.stateDict(), scheduler.stateDict()], join(folder, `node-${i}-${point}.pt`))
      const loaded = torch.loadSync(join(folder, `python-${i}-${point}.pt`))
      const resumed = make(setting)
      resumed.optimizer.loadStateDict(loaded[0])
      resumed.loadStateDict(loaded[1])
      assert.deepEqual(rates(resumed, epochs - point), wanted.slice(point), `${input[i]} from Python at ${point}`)
    }
    found.push(...rates(scheduler, epochs - found.length))
    assert.deepEqual(found, wanted, JSON.stringify(setting))
    assert.deepEqual(rates(make(setting, true), 40), asTensors, `${JSON.stringify(setting)} with tensors`)
  }
  const continued = JSON.parse(python(oracle, [input, 'continue', folder]))
  assert.equal(continued.length, settings.length * points.length)
  for (const [i, point, own, node, after] of continued) {
    assert.equal(node, own, `state dict ${i} at ${point}`)
    assert.deepEqual(after, expected[i]![0].slice(point))
  }
})
