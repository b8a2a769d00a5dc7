/** `nn.utils` and `torch.func.functionalCall` against live Python. */
import * as torch from 'libtorch-node'
import { d, e, type Scenario, s, testBoth } from './both.js'

const { nn } = torch
const U = nn.utils

type Any = any

// ---- gradients within bounds
const clipping: Scenario[] = []
function* nothing(): Generator<torch.Tensor> {}
const dtypeSets: torch.Dtype[][] = [
  ['float32'],
  ['float64', 'float64'],
  ['float32', 'float32', 'float32', 'float32'],
  ['float32', 'float64', 'bfloat16', 'float16', 'float32'],
  ['bfloat16', 'float32', 'float64'],
  ['float16', 'float32'],
  ['complex64', 'float32', 'complex128', 'float64'],
]
const parameters = (dtypes: torch.Dtype[]): torch.nn.Parameter[] =>
  dtypes.map((dtype, i) => {
    const p = new nn.Parameter(torch.zeros(7 + i, 5, { dtype }))
    if (i !== 3) p.grad = torch.randn(7 + i, 5, { dtype: dtype.startsWith('complex') ? dtype : 'float32' }).to(dtype)
    return p
  })
function clip(python: string, act: (ps: torch.nn.Parameter[]) => unknown, sets = dtypeSets): void {
  for (const dtypes of sets) {
    clipping.push([
      `${python} for ${dtypes}`,
      `
ps = [nn.Parameter(torch.zeros(7 + i, 5, dtype=getattr(torch, t))) for i, t in enumerate(${JSON.stringify(dtypes)})]
for i, p in enumerate(ps):
    if i != 3: p.grad = torch.randn(7 + i, 5, dtype=p.dtype if p.dtype.is_complex else torch.float32).to(p.dtype)
def f():
    out = ${python}
    o['out'] = d(out)
o['error'] = e(f)
o['grads'] = [d(p.grad) for p in ps]
`,
      (o) => {
        const ps = parameters(dtypes)
        o.error = e(() => {
          o.out = d((act(ps) as torch.Tensor | undefined) ?? null)
        })
        o.grads = ps.map((p) => d(p.grad))
      },
    ])
  }
}
clip('U.clip_grad_norm_(ps, 1.5)', (ps) => U.clipGradNorm_(ps, 1.5))
clip('U.clip_grad_norm_(ps, 1e6)', (ps) => U.clipGradNorm_(ps, 1e6))
clip('U.clip_grad_norm_(iter(ps), 1, foreach=False)', (ps) => U.clipGradNorm_(ps.values(), 1, { foreach: false }))
clip('U.clip_grad_norm_(ps, 1, foreach=True)', (ps) => U.clipGradNorm_(ps, 1, { foreach: true }))
for (const [norm, here] of [
  ['1', 1],
  ['0', 0],
  ['3.5', 3.5],
  ['float("inf")', Number.POSITIVE_INFINITY],
  ['"inf"', 'inf'],
  ['"-inf"', '-inf'],
  ['-1', -1],
] as const) {
  clip(`U.clip_grad_norm_(ps, 0.25, norm_type=${norm})`, (ps) => U.clipGradNorm_(ps, 0.25, { normType: here }))
  clip(`U.get_total_norm([p.grad for p in ps if p.grad is not None], ${norm})`, (ps) =>
    U.getTotalNorm(
      ps.map((p) => p.grad).filter((g): g is torch.Tensor => g !== null),
      here,
    ),
  )
}
clip('U.clip_grad_value_(ps, 0.3)', (ps) => U.clipGradValue_(ps, 0.3))
clip('U.clip_grad_value_(ps, clip_value=0.5, foreach=False)', (ps) => U.clipGradValue_(ps, 0.5, false))
clip('U.clip_grad_value_(ps[0], "0.5")', (ps) => U.clipGradValue_(ps[0]!, '0.5' as never))
clip('U.clip_grads_with_norm_(ps, 2, torch.tensor(3.))', (ps) => U.clipGradsWithNorm_(ps, 2, torch.tensor(3)))
clip('U.clip_grads_with_norm_(ps, 2, torch.tensor(0.5), foreach=False)', (ps) =>
  U.clipGradsWithNorm_(ps, 2, torch.tensor(0.5), { foreach: false }),
)
clip('U.clip_grad_norm(ps, 1)', (ps) => U.clipGradNorm(ps, 1), [['float32']])
clip('U.clip_grad_norm_([], 1)', () => U.clipGradNorm_([], 1), [['float32']])
clip('U.clip_grad_norm_(iter([]), 1)', () => U.clipGradNorm_([].values(), 1), [['float32']])
clip('U.clip_grad_norm_((p for p in []), 1)', () => U.clipGradNorm_(nothing(), 1), [['float32']])
clip('U.clip_grad_norm_(ps[0], "much")', (ps) => U.clipGradNorm_(ps[0]!, 'much' as never), [['float32']])
for (const value of ['inf', 'nan']) {
  const bad = (ps: torch.nn.Parameter[]): void => {
    ps[0]!.grad!.indexPut_([0, 0], Number(value === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN))
  }
  clip(`[ps[0].grad[0, 0].fill_(float("${value}")), U.clip_grad_norm_(ps, 1)][1]`, (ps) => {
    bad(ps)
    return U.clipGradNorm_(ps, 1)
  })
  for (const norm of [2, 1.5]) {
    clip(`[ps[0].grad[0, 0].fill_(float("${value}")), U.clip_grad_norm_(ps, 1, ${norm}, True)][1]`, (ps) => {
      bad(ps)
      return U.clipGradNorm_(ps, 1, norm, true)
    })
  }
}
testBoth('nn.utils: clipping', clipping)

// ---- the rest
testBoth('nn.utils', [
  [
    'parameters as a vector',
    `
m = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
v = U.parameters_to_vector(m.parameters()); o['v'] = d(v), v.requires_grad
v.square().sum().backward(); o['grads'] = [d(p.grad) for p in m.parameters()]
w = torch.arange(14.); U.vector_to_parameters(w, m.parameters()); o['m'] = s(m)
w.fill_(5); o['shared'] = s(m)
o['type'] = e(lambda: U.vector_to_parameters([1.0], m.parameters()))
o['short'] = e(lambda: U.vector_to_parameters(torch.ones(3), m.parameters()))
o['strided'] = e(lambda: U.parameters_to_vector([torch.ones(2, 3).t()]))
`,
    (o) => {
      const m = new nn.Sequential(new nn.Linear(3, 2), new nn.Linear(2, 2))
      const v = U.parametersToVector(m.parameters())
      o.v = [d(v), v.requiresGrad]
      v.square().sum().backward()
      o.grads = m.parameters().map((p) => d(p.grad))
      const w = torch.arange(14).float()
      U.vectorToParameters(w, m.parameters())
      o.m = s(m)
      w.fill_(5)
      o.shared = s(m)
      o.type = e(() => U.vectorToParameters([1] as never, m.parameters()))
      o.short = e(() => U.vectorToParameters(torch.ones(3), m.parameters()))
      o.strided = e(() => U.parametersToVector([torch.ones(2, 3).t()]))
    },
  ],
  [
    'weightNorm, the older form',
    `
for i, (m, kw, x) in enumerate([(nn.Linear(3, 4), {}, (5, 3)), (nn.Linear(3, 4), {'dim': None}, (5, 3)), (nn.Conv2d(2, 3, 3), {'dim': 1}, (2, 2, 5, 4)),
        (nn.Linear(3, 4, dtype=torch.float64), {'name': 'bias'}, (5, 3))]):
    U.weight_norm(m, **kw); name = kw.get('name', 'weight'); o[f'made{i}'] = s(m), d(getattr(m, name))
    x = torch.randn(x, dtype=m.bias.dtype); y = m(x); y.square().sum().backward()
    o[f'out{i}'] = d(y), [d(p.grad) for p in m.parameters()]
    with torch.no_grad():
        for p in m.parameters(): p.add_(0.5)
    o[f'again{i}'] = d(m(x)); o[f'twice{i}'] = e(lambda: U.weight_norm(m, name))
    U.remove_weight_norm(m, name); o[f'removed{i}'] = s(m), d(m(x))
    o[f'none{i}'] = e(lambda: U.remove_weight_norm(m, name))
o['wait'] = e(lambda: U.weight_norm(nn.Linear(2, 2), 'wait'))
`,
    (o) => {
      const rows: [Any, Any, number[]][] = [
        [new nn.Linear(3, 4), {}, [5, 3]],
        [new nn.Linear(3, 4), { dim: null }, [5, 3]],
        [new nn.Conv2d(2, 3, 3), { dim: 1 }, [2, 2, 5, 4]],
        [new nn.Linear(3, 4, { dtype: 'float64' }), { name: 'bias' }, [5, 3]],
      ]
      for (const [i, [m, options, shape]] of rows.entries()) {
        U.weightNorm(m, options)
        const name = options.name ?? 'weight'
        o[`made${i}`] = [s(m), d(m[name])]
        const x = torch.randn(shape, { dtype: m.bias.dtype })
        const y = m.forward(x)
        y.square().sum().backward()
        o[`out${i}`] = [d(y), m.parameters().map((p: Any) => d(p.grad))]
        torch.noGrad(() => {
          for (const p of m.parameters()) p.add_(0.5)
        })
        o[`again${i}`] = d(m.forward(x))
        o[`twice${i}`] = e(() => U.weightNorm(m, name))
        U.removeWeightNorm(m, name)
        o[`removed${i}`] = [s(m), d(m.forward(x))]
        o[`none${i}`] = e(() => U.removeWeightNorm(m, name))
      }
      o.wait = e(() => U.weightNorm(new nn.Linear(2, 2), 'wait'))
    },
  ],
  [
    'spectralNorm, the older form',
    `
for i, (m, kw, x) in enumerate([(nn.Linear(3, 4), {}, (5, 3)), (nn.Linear(3, 4), {'dim': 1, 'n_power_iterations': 3, 'eps': 1e-3}, (5, 3)),
        (nn.Conv2d(2, 3, 3), {'name': 'weight'}, (2, 2, 5, 4)), (nn.Linear(3, 4, dtype=torch.float64), {}, (5, 3))]):
    U.spectral_norm(m, **kw); o[f'made{i}'] = s(m), d(m.weight)
    x = torch.randn(x, dtype=m.bias.dtype); y = m(x) + m(x); y.square().sum().backward()
    o[f'out{i}'] = d(y), [d(p.grad) for p in m.parameters()]; o[f'twice{i}'] = e(lambda: U.spectral_norm(m))
    m.eval(); o[f'eval{i}'] = d(m(x)), s(m)
    state = m.state_dict()
    U.remove_spectral_norm(m); o[f'removed{i}'] = s(m), d(m(x)); o[f'none{i}'] = e(lambda: U.remove_spectral_norm(m))
m = U.spectral_norm(nn.Linear(3, 4, dtype=torch.float64)); o['load'] = str(m.load_state_dict(state)), s(m)
old = {'weight_orig': torch.randn(4, 3).double(), 'weight_u': torch.randn(4).double(), 'bias': torch.zeros(4).double()}
old['weight'] = old['weight_orig'] / 2
o['by hand'] = str(m.load_state_dict(dict(state))); o['lacks'] = e(lambda: m.load_state_dict({'bias': state['bias']}))
o['old'] = str(m.load_state_dict(old)), s(m)
o['iterations'] = e(lambda: U.spectral_norm(nn.Linear(2, 2), n_power_iterations=0))
`,
    (o) => {
      const rows: [Any, Any, number[]][] = [
        [new nn.Linear(3, 4), {}, [5, 3]],
        [new nn.Linear(3, 4), { dim: 1, nPowerIterations: 3, eps: 1e-3 }, [5, 3]],
        [new nn.Conv2d(2, 3, 3), { name: 'weight' }, [2, 2, 5, 4]],
        [new nn.Linear(3, 4, { dtype: 'float64' }), {}, [5, 3]],
      ]
      let state: Any
      for (const [i, [m, options, shape]] of rows.entries()) {
        U.spectralNorm(m, options)
        o[`made${i}`] = [s(m), d(m.weight)]
        const x = torch.randn(shape, { dtype: m.bias.dtype })
        const y = m.forward(x).add(m.forward(x))
        y.square().sum().backward()
        o[`out${i}`] = [d(y), m.parameters().map((p: Any) => d(p.grad))]
        o[`twice${i}`] = e(() => U.spectralNorm(m))
        m.eval()
        o[`eval${i}`] = [d(m.forward(x)), s(m)]
        state = m.stateDict()
        U.removeSpectralNorm(m)
        o[`removed${i}`] = [s(m), d(m.forward(x))]
        o[`none${i}`] = e(() => U.removeSpectralNorm(m))
      }
      const m: Any = U.spectralNorm(new nn.Linear(3, 4, { dtype: 'float64' }))
      o.load = [String(m.loadStateDict(state)), s(m)]
      const double = (...shape: number[]): torch.Tensor => torch.randn(shape).double()
      const old: Any = { weight_orig: double(4, 3), weight_u: double(4), bias: torch.zeros(4).double() }
      old.weight = old.weight_orig.div(2)
      o['by hand'] = String(m.loadStateDict({ ...state }))
      o.lacks = e(() => m.loadStateDict({ bias: state.bias }))
      o.old = [String(m.loadStateDict(old)), s(m)]
      o.iterations = e(() => U.spectralNorm(new nn.Linear(2, 2), { nPowerIterations: 0 }))
    },
  ],
  [
    'fusion',
    `
def bn(B, n, **kw):
    b = B(n, **kw)
    if b.running_mean is not None: b.running_mean.normal_(); b.running_var.uniform_(0.5, 2)
    if b.affine: nn.init.normal_(b.weight); nn.init.normal_(b.bias)
    return b.eval()
x = torch.randn(2, 2, 5, 4)
for i, (c, b) in enumerate([(nn.Conv2d(2, 3, 3), bn(nn.BatchNorm2d, 3)), (nn.Conv2d(2, 3, 3, bias=False, stride=2), bn(nn.BatchNorm2d, 3, eps=0.1)),
        (nn.Conv2d(2, 4, (3, 1), groups=2, padding='same'), bn(nn.BatchNorm2d, 4, affine=False))]):
    f = U.fuse_conv_bn_eval(c.eval(), b); o[f'conv{i}'] = s(f), d(f(x)), f.training, s(c)
c = nn.Conv2d(2, 3, 1).eval(); c.requires_grad_(False)
o['frozen'] = s(U.fuse_conv_bn_eval(c, bn(nn.BatchNorm2d, 3)))
w = U.fuse_conv_bn_weights(torch.randn(2, 3, 2), None, torch.randn(3), torch.rand(3), 1e-5, torch.randn(3), None, transpose=True); o['weights'] = [d(t) for t in w]
for i, (l, b) in enumerate([(nn.Linear(2, 3), bn(nn.BatchNorm1d, 3)), (nn.Linear(2, 3, bias=False), bn(nn.BatchNorm1d, 3)), (nn.Linear(2, 3), bn(nn.BatchNorm1d, 1))]):
    f = U.fuse_linear_bn_eval(l.eval(), b); o[f'linear{i}'] = s(f), d(f(torch.ones(2)))
o['lw'] = [d(t) for t in U.fuse_linear_bn_weights(torch.randn(3, 2), None, torch.randn(3), torch.rand(3), 1e-5, torch.randn(3), torch.randn(3))]
o['training'] = e(lambda: U.fuse_conv_bn_eval(nn.Conv2d(2, 3, 1), bn(nn.BatchNorm2d, 3)))
o['statistics'] = e(lambda: U.fuse_conv_bn_eval(c, bn(nn.BatchNorm2d, 3, track_running_stats=False)))
o['features'] = e(lambda: U.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), bn(nn.BatchNorm1d, 2)))
`,
    (o) => {
      const bn = (B: Any, n: number, options = {}): Any => {
        const b = new B(n, options)
        if (b.running_mean !== null) {
          b.running_mean.normal_()
          b.running_var.uniform_(0.5, 2)
        }
        if (b.affine) {
          nn.init.normal_(b.weight)
          nn.init.normal_(b.bias)
        }
        return b.eval()
      }
      const { BatchNorm1d, BatchNorm2d } = nn
      const x = torch.randn(2, 2, 5, 4)
      const convs: [torch.nn.Conv2d, Any][] = [
        [new nn.Conv2d(2, 3, 3), bn(BatchNorm2d, 3)],
        [new nn.Conv2d(2, 3, 3, { bias: false, stride: 2 }), bn(BatchNorm2d, 3, { eps: 0.1 })],
        [new nn.Conv2d(2, 4, [3, 1], { groups: 2, padding: 'same' }), bn(BatchNorm2d, 4, { affine: false })],
      ]
      for (const [i, [c, b]] of convs.entries()) {
        const f = U.fuseConvBnEval(c.eval(), b)
        o[`conv${i}`] = [s(f), d(f.forward(x)), f.training, s(c)]
      }
      const c = new nn.Conv2d(2, 3, 1).eval()
      c.requiresGrad_(false)
      o.frozen = s(U.fuseConvBnEval(c, bn(BatchNorm2d, 3)))
      const [w, rm, rv, g] = [torch.randn(2, 3, 2), torch.randn(3), torch.rand(3), torch.randn(3)]
      o.weights = U.fuseConvBnWeights(w, null, rm, rv, 1e-5, g, null, { transpose: true }).map(d)
      const linears: [torch.nn.Linear, Any][] = [
        [new nn.Linear(2, 3), bn(BatchNorm1d, 3)],
        [new nn.Linear(2, 3, { bias: false }), bn(BatchNorm1d, 3)],
        [new nn.Linear(2, 3), bn(BatchNorm1d, 1)],
      ]
      for (const [i, [l, b]] of linears.entries()) {
        const f = U.fuseLinearBnEval(l.eval(), b)
        o[`linear${i}`] = [s(f), d(f.forward(torch.ones(2)))]
      }
      const [lw, m, v] = [torch.randn(3, 2), torch.randn(3), torch.rand(3)]
      o.lw = U.fuseLinearBnWeights(lw, null, m, v, 1e-5, torch.randn(3), torch.randn(3)).map(d)
      o.training = e(() => U.fuseConvBnEval(new nn.Conv2d(2, 3, 1), bn(BatchNorm2d, 3)))
      o.statistics = e(() => U.fuseConvBnEval(c, bn(BatchNorm2d, 3, { trackRunningStats: false })))
      o.features = e(() => U.fuseLinearBnEval(new nn.Linear(2, 3).eval(), bn(BatchNorm1d, 2)))
    },
  ],
])
