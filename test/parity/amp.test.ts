/** `torch.amp.GradScaler` against live Python: scales, state dicts, steps that are left out, messages and warnings. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'
import { d, e, testBoth } from './both.js'

const { nn } = torch
const { GradScaler } = torch.amp

interface Setting {
  optimizer: 'SGD' | 'Adam' | 'AdamW' | 'Adagrad'
  /** further options of the optimizer; fused ones scale by themselves */
  more?: { fused: true; momentum?: number }
  lr: number
  options: Record<string, number>
  /** steps whose gradients get an infinity or a NaN */
  bad: number[]
  clip?: boolean
}
const settings: Setting[] = [
  { optimizer: 'SGD', lr: 0.1, options: {}, bad: [] },
  { optimizer: 'Adam', lr: 0.01, options: { growthInterval: 3 }, bad: [0, 5, 6] },
  { optimizer: 'AdamW', lr: 0.01, options: { initScale: 1000, growthInterval: 2, growthFactor: 1.7 }, bad: [3] },
  { optimizer: 'SGD', lr: 0.1, options: { initScale: 3, backoffFactor: 0.3, growthInterval: 4 }, bad: [1, 2, 9] },
  { optimizer: 'Adam', lr: 0.01, options: { initScale: 0.1, growthInterval: 1 }, bad: [7], clip: true },
  { optimizer: 'SGD', lr: 0.1, more: { fused: true }, options: { initScale: 3, growthInterval: 2 }, bad: [0, 5] },
  { optimizer: 'SGD', lr: 0.1, more: { fused: true, momentum: 0.9 }, options: { initScale: 7 }, bad: [2, 8] },
  { optimizer: 'Adam', lr: 0.01, more: { fused: true }, options: { initScale: 1000, growthFactor: 1.7 }, bad: [0, 6] },
  { optimizer: 'AdamW', lr: 0.01, more: { fused: true }, options: { growthInterval: 1 }, bad: [4], clip: true },
  { optimizer: 'Adagrad', lr: 0.1, more: { fused: true }, options: { initScale: 3, growthInterval: 2 }, bad: [1] },
]
const steps = 12
const savedAfter = 6

const oracle = `
import json, sys, re, hashlib, torch
torch.set_num_threads(1)
settings, mode, folder = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
def d(t):
    t = t.detach().contiguous()
    return f"{str(t.dtype)[6:]}{list(t.shape)}".replace(' ', '') + hashlib.sha256(t.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()[:16]
def make(s):
    w = [torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)), torch.nn.Parameter(torch.linspace(0.3, 2, 3, dtype=torch.float64))]
    opt = getattr(torch.optim, s['optimizer'])(w, lr=s['lr'], **s.get('more', {}))
    options = {re.sub('[A-Z]', lambda m: '_' + m[0].lower(), k): v if k == 'growthInterval' else float(v) for k, v in s['options'].items()}
    return w, opt, torch.amp.GradScaler('cpu', **options)
def run(s, w, opt, scaler, start, end):
    out = []
    for i in range(start, end):
        opt.zero_grad()
        x = torch.linspace(-2, 3, 20).reshape(5, 4) * (i + 1)
        loss = (x @ w[0].t() * w[1].float()).square().mean()
        scaled = scaler.scale(loss)
        scaled.backward()
        if i in s['bad']: w[i % 2].grad.view(-1)[1] = float('nan') if i % 2 else float('inf')
        seen = [d(scaled)]
        if s.get('clip'):
            scaler.unscale_(opt)
            seen.append(d(torch.nn.utils.clip_grad_norm_(w, 0.5)))
        scaler.step(opt)
        scaler.update()
        out.append(seen + [d(p.grad) for p in w] + [d(p) for p in w] + [scaler.get_scale().hex(), repr(scaler.state_dict())])
    return out
out = []
for i, s in enumerate(settings):
    w, opt, scaler = make(s)
    if mode == 'run':
        r = run(s, w, opt, scaler, 0, ${savedAfter})
        torch.save([w[0].detach(), w[1].detach(), opt.state_dict(), scaler.state_dict()], f'{folder}/python-{i}.pt')
        out.append(r + run(s, w, opt, scaler, ${savedAfter}, ${steps}))
    else:
        a = torch.load(f'{folder}/node-{i}.pt')
        with torch.no_grad():
            for p, v in zip(w, a): p.copy_(v)
        opt.load_state_dict(a[2]); scaler.load_state_dict(a[3])
        same = [repr(a[3]), repr(torch.load(f'{folder}/python-{i}.pt')[3]), repr(a[2]) == repr(torch.load(f'{folder}/python-{i}.pt')[2])]
        out.append([same, run(s, w, opt, scaler, ${savedAfter}, ${steps})])
print(json.dumps(out))
`
type Made = [torch.Parameter[], torch.optim.Optimizer<any>, torch.amp.GradScaler]

function make({ optimizer, lr, more, options }: Setting): Made {
  const w = [
    new torch.Parameter(torch.linspace(-1, 1, 12).reshape([3, 4])),
    new torch.Parameter(torch.linspace(0.3, 2, 3, { dtype: 'float64' })),
  ]
  return [
    w,
    new (torch.optim[optimizer] as typeof torch.optim.Adam)(w, { lr, ...more }),
    new GradScaler('cpu', options),
  ]
}

/** A number as Python's `float.hex()` has it. */
function hex(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn) - 1023
  const fraction = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0')
  return `0x1.${fraction}p${exponent < 0 ? '' : '+'}${exponent}`
}

/** What Python prints of the state dict is left out: it is compared from the file. */
function run({ bad, clip }: Setting, [w, optimizer, scaler]: Made, start: number, end: number): unknown[][] {
  const out: unknown[][] = []
  for (let i = start; i < end; i++) {
    optimizer.zeroGrad()
    const x = torch
      .linspace(-2, 3, 20)
      .reshape([5, 4])
      .mul(i + 1)
    const loss = x.matmul(w[0]!.t()).mul(w[1]!.float()).square().mean()
    const scaled = scaler.scale(loss)
    scaled.backward()
    if (bad.includes(i))
      w[i % 2]!.grad!.view([-1])!
        .select(0, 1)
        .fill_(i % 2 ? Number.NaN : Number.POSITIVE_INFINITY)
    const seen = [d(scaled)]
    if (clip) {
      scaler.unscale_(optimizer)
      seen.push(d(nn.utils.clipGradNorm_(w, 0.5)))
    }
    scaler.step(optimizer)
    scaler.update()
    out.push([...seen, ...w.map((p) => d(p.grad)), ...w.map(d), hex(scaler.getScale())])
  }
  return out
}

test('GradScaler: twelve steps, resumed in both directions', (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  const folder = tempDir(t)
  const input = JSON.stringify(settings)
  const withoutText = (rows: unknown[][]) => rows.map((row) => row.slice(0, -1))
  const expected = pythonJson<unknown[][][]>(oracle, [input, 'run', folder]).map(withoutText)
  for (const [i, setting] of settings.entries()) {
    const made = make(setting)
    const [w, optimizer, scaler] = made
    const found = run(setting, made, 0, savedAfter)
    const states = [w[0]!.detach(), w[1]!.detach(), optimizer.stateDict(), scaler.stateDict()]
    torch.saveSync(states, join(folder, `node-${i}.pt`))
    found.push(...run(setting, made, savedAfter, steps))
    assert.deepEqual(found, expected[i], `setting ${i}`)

    const loaded = torch.loadSync(join(folder, `python-${i}.pt`))
    const resumed = make(setting)
    for (const [j, p] of resumed[0].entries()) torch.noGrad(() => p.copy_(loaded[j]))
    resumed[1].loadStateDict(loaded[2])
    resumed[2].loadStateDict(loaded[3])
    assert.deepEqual(run(setting, resumed, savedAfter, steps), expected[i]!.slice(savedAfter), `${i} from Python`)
  }
  const continued = pythonJson<[[string, string, boolean], unknown[][]][]>(oracle, [input, 'continue', folder])
  for (const [i, [[node, own, sameOptimizer], after]] of continued.entries()) {
    assert.equal(node, own, `state dict ${i}`)
    assert.ok(sameOptimizer, `state of the optimizer ${i}`)
    assert.deepEqual(withoutText(after), expected[i]!.slice(savedAfter), `${i} from Node`)
  }
})

testBoth('GradScaler: several outputs and optimizers, messages', [
  [
    'lists, two optimizers, new scales',
    `
scaler = torch.amp.GradScaler('cpu', 8.0, growth_interval=1)
a, b = nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(4))
one, two = torch.optim.SGD([a], lr=0.1), torch.optim.Adam([b], lr=0.1)
o['before'] = [scaler.get_scale(), scaler._get_growth_tracker(), scaler.is_enabled()]
x, (y, z) = scaler.scale([a.sum(), (b.square().sum(), torch.randn(2).half())])
o['scaled'] = [d(x), d(y), d(z)]
(x + y).backward()
b.grad[2] = float('inf')
scaler.step(one); scaler.step(two)
scaler.update()
o['after'] = [d(a), d(b), scaler.get_scale(), len(two.state)]
scaler.update(5.0)
o['five'] = scaler.get_scale()
scaler.update(torch.tensor(7.0))
o['seven'] = scaler.get_scale()
scaler.set_growth_factor(3.0); scaler.set_backoff_factor(0.25); scaler.set_growth_interval(9)
o['set'] = [scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval(), scaler.state_dict()]
`,
    (o) => {
      const scaler = new GradScaler('cpu', 8, { growthInterval: 1 })
      const [a, b] = [new nn.Parameter(torch.randn([3])), new nn.Parameter(torch.randn([4]))]
      const [one, two] = [new torch.optim.SGD([a], { lr: 0.1 }), new torch.optim.Adam([b], { lr: 0.1 })]
      o.before = [scaler.getScale(), scaler.stateDict()._growth_tracker, scaler.isEnabled()]
      const scaled = scaler.scale([a.sum(), [b.square().sum(), torch.randn([2]).half()]])
      const [x, [y, z]] = scaled as [torch.Tensor, [torch.Tensor, torch.Tensor]]
      o.scaled = [d(x), d(y), d(z)]
      x.add(y).backward()
      b.grad!.select(0, 2).fill_(Number.POSITIVE_INFINITY)
      scaler.step(one)
      scaler.step(two)
      scaler.update()
      o.after = [d(a), d(b), scaler.getScale(), two.state.size]
      scaler.update(5)
      o.five = scaler.getScale()
      scaler.update(torch.tensor(7, { dtype: 'float32' }))
      o.seven = scaler.getScale()
      scaler.setGrowthFactor(3)
      scaler.setBackoffFactor(0.25)
      scaler.setGrowthInterval(9)
      const factors = [scaler.getGrowthFactor(), scaler.getBackoffFactor(), scaler.getGrowthInterval()]
      o.set = [...factors, scaler.stateDict()]
    },
  ],
  [
    'messages, and a scaler that is not enabled',
    `
p = nn.Parameter(torch.randn(3))
opt = torch.optim.SGD([p], lr=0.1)
s = torch.amp.GradScaler('cpu')
o['growth'] = e(lambda: torch.amp.GradScaler('cpu', growth_factor=1.0))
o['backoff'] = e(lambda: torch.amp.GradScaler('cpu', backoff_factor=1.0))
o['step'] = e(lambda: s.step(opt))
o['update'] = e(lambda: s.update())
o['unscale'] = e(lambda: s.unscale_(opt))
o['outputs'] = e(lambda: s.scale([3]))
s.scale(p.sum())
o['none'] = e(lambda: s.step(opt))
o['recorded'] = e(lambda: torch.amp.GradScaler.update(s))
s.update(2.0)
s.scale(p.sum()).backward()
o['reason'] = [e(lambda: s.update(torch.ones(2))), e(lambda: s.update(torch.ones(1, requires_grad=True)))]
s.unscale_(opt)
o['twice'] = e(lambda: s.unscale_(opt))
s.step(opt)
o['stepped'] = [e(lambda: s.unscale_(opt)), e(lambda: s.step(opt))]
o['closure'] = e(lambda: s.step(opt, closure=lambda: 1))
o['empty'] = e(lambda: s.load_state_dict({}))
h = nn.Parameter(torch.randn(3).half())
h.grad = torch.ones(3).half()
o['half'] = e(lambda: s.unscale_(torch.optim.SGD([h], lr=0.1)))
off = torch.amp.GradScaler('cpu', enabled=False)
off.step(opt); off.update(); off.unscale_(opt); off.load_state_dict({})
o['off'] = [d(p), off.get_scale(), off.state_dict(), off.is_enabled(), d(off.scale(p))]
c = torch.amp.GradScaler()
o['cuda'] = [c.is_enabled(), c.get_scale()]
`,
    (o) => {
      const p = new nn.Parameter(torch.randn([3]))
      const opt = new torch.optim.SGD([p], { lr: 0.1 })
      const scaler = new GradScaler('cpu')
      o.growth = e(() => new GradScaler('cpu', { growthFactor: 1 }))
      o.backoff = e(() => new GradScaler('cpu', { backoffFactor: 1 }))
      o.step = e(() => scaler.step(opt))
      o.update = e(() => scaler.update())
      o.unscale = e(() => scaler.unscale_(opt))
      o.outputs = e(() => scaler.scale([3 as unknown as torch.Tensor]))
      scaler.scale(p.sum())
      o.none = e(() => scaler.step(opt))
      o.recorded = e(() => scaler.update())
      scaler.update(2)
      scaler.scale(p.sum()).backward()
      const tracked = torch.ones(1, { requiresGrad: true })
      o.reason = [e(() => scaler.update(torch.ones(2))), e(() => scaler.update(tracked))]
      scaler.unscale_(opt)
      o.twice = e(() => scaler.unscale_(opt))
      scaler.step(opt)
      o.stepped = [e(() => scaler.unscale_(opt)), e(() => scaler.step(opt))]
      o.closure = e(() => scaler.step(opt, () => 1))
      o.empty = e(() => scaler.loadStateDict({}))
      const h = new nn.Parameter(torch.randn([3]).half())
      h.grad = torch.ones(3).half()
      o.half = e(() => scaler.unscale_(new torch.optim.SGD([h], { lr: 0.1 })))
      const off = new GradScaler('cpu', { enabled: false })
      off.step(opt)
      off.update()
      off.unscale_(opt)
      off.loadStateDict({})
      o.off = [d(p), off.getScale(), off.stateDict(), off.isEnabled(), d(off.scale(p))]
      const c = new GradScaler()
      o.cuda = [c.isEnabled(), c.getScale()]
    },
  ],
])

test('GradScaler.stepAsync', async () => {
  const p = new nn.Parameter(torch.ones(3))
  const opt = new torch.optim.SGD([p], { lr: 0.5 })
  const scaler = new GradScaler('cpu')
  scaler.scale(p.sum()).backward()
  await scaler.stepAsync(opt)
  scaler.update()
  assert.deepEqual(p.tolist(), [0.5, 0.5, 0.5])
  scaler.scale(p.sum().mul(Number.POSITIVE_INFINITY)).backward()
  await scaler.stepAsync(opt)
  scaler.update()
  assert.deepEqual(p.tolist(), [0.5, 0.5, 0.5])
  assert.equal(scaler.getScale(), 32768)
})
