/** Parametrizations of one's own, against live Python. */
import * as torch from 'libtorch-node'
import { d, e, type Scenario, s, testBoth, trained } from './both.js'

const { nn } = torch
const P = nn.utils.parametrize
const Z = nn.utils.parametrizations

type Any = any

const x = [5, 3]
const scenarios: Scenario[] = []

const classes = `
class Symmetric(nn.Module):
    def forward(self, X): return X.triu() + X.triu(1).transpose(-1, -2)
    def right_inverse(self, A): return A.triu()
class Double(nn.Module):
    def forward(self, X): return 2 * X
class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([0.5]))
    def forward(self, X): return self.factor * X
    def right_inverse(self, Y): return Y / self.factor
class RankOne(nn.Module):
    def forward(self, x, y): return x.unsqueeze(-1) @ y.unsqueeze(-2)
    def right_inverse(self, Z): return Z[:, 0].clone(), Z[0].clone()
class Bad(nn.Module):
    def __init__(self, f, g=None):
        super().__init__()
        self.f = f
        if g: self.right_inverse = g
    def forward(self, *X): return self.f(*X)
`
class Symmetric extends nn.Module {
  override forward(X: torch.Tensor): torch.Tensor {
    return X.triu().add(X.triu(1).transpose(-1, -2))
  }
  rightInverse(A: torch.Tensor): torch.Tensor {
    return A.triu()
  }
}
class Double extends nn.Module {
  override forward(X: torch.Tensor): torch.Tensor {
    return X.mul(2)
  }
}
class Scale extends nn.Module {
  factor = new nn.Parameter(torch.tensor([0.5]))
  override forward(X: torch.Tensor): torch.Tensor {
    return this.factor.mul(X)
  }
  rightInverse(Y: torch.Tensor): torch.Tensor {
    return Y.div(this.factor)
  }
}
class RankOne extends nn.Module {
  override forward(x: torch.Tensor, y: torch.Tensor): torch.Tensor {
    return x.unsqueeze(-1).matmul(y.unsqueeze(-2))
  }
  rightInverse(Z: torch.Tensor): torch.Tensor[] {
    return [Z.index(':', 0).clone(), Z.index(0).clone()]
  }
}
class Bad extends nn.Module {
  declare rightInverse?: (value: Any) => unknown
  constructor(
    readonly f: (...X: Any[]) => unknown,
    g?: (value: Any) => unknown,
  ) {
    super()
    if (g) this.rightInverse = g
  }
  override forward(...X: torch.Tensor[]): unknown {
    return this.f(...X)
  }
}
function mine(python: string, shape: number[], make: () => torch.nn.Module): void {
  scenarios.push(trained(python, shape, make, classes))
}
const reg = P.registerParametrization
mine('P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())', x, () =>
  reg(new nn.Linear(3, 3), 'weight', new Symmetric()),
)
mine('P.register_parametrization(nn.Linear(3, 4), "weight", Double())', x, () =>
  reg(new nn.Linear(3, 4), 'weight', new Double()),
)
mine('P.register_parametrization(nn.Linear(3, 4), "weight", RankOne())', x, () =>
  reg(new nn.Linear(3, 4), 'weight', new RankOne()),
)
mine(
  'P.register_parametrization(P.register_parametrization(nn.Linear(3, 3), "weight", Symmetric()), "weight", Scale())',
  x,
  () => reg(reg(new nn.Linear(3, 3), 'weight', new Symmetric()), 'weight', new Scale()),
)
mine(
  'P.register_parametrization(P.register_parametrization(nn.Linear(3, 3), "bias", Double()), "weight", Double())',
  x,
  () => reg(reg(new nn.Linear(3, 3), 'bias', new Double()), 'weight', new Double()),
)
mine('P.register_parametrization(nn.BatchNorm1d(3), "running_mean", Double())', x, () =>
  reg(new nn.BatchNorm1d(3), 'running_mean', new Double()),
)
mine(
  'P.register_parametrization(P.register_parametrization(nn.Linear(3, 3), "weight", Double()), "weight", Double())',
  x,
  () => reg(reg(new nn.Linear(3, 3), 'weight', new Double()), 'weight', new Double()),
)

scenarios.push([
  'parametrize: removal, state dicts, transfer, caching, training flags, classes',
  `${classes}
m = P.register_parametrization(nn.Linear(3, 3), 'weight', Symmetric())
o['is'] = [P.is_parametrized(m), P.is_parametrized(m, 'weight'), P.is_parametrized(m, 'bias'), P.is_parametrized(nn.ReLU())]
o['types'] = [type(m).__name__, P.type_before_parametrizations(m).__name__, P.type_before_parametrizations(nn.ReLU()).__name__, isinstance(m, nn.Linear)]
saved = m.state_dict()
other = P.register_parametrization(nn.Linear(3, 3), 'weight', Symmetric())
o['load'] = str(other.load_state_dict(saved)); o['loaded'] = s(other), d(other.weight)
o['plain'] = e(lambda: nn.Linear(3, 3).load_state_dict(saved))
original = m.parametrizations.weight.original
P.remove_parametrizations(m, 'weight'); o['removed'] = s(m), m.weight is original, type(m).__name__
for leave in (True, False):
    m = P.register_parametrization(P.register_parametrization(nn.Linear(3, 3), 'weight', Double()), 'bias', Double())
    P.remove_parametrizations(m, 'weight', leave); o[f'left {leave}'] = s(m)
    P.remove_parametrizations(m, 'bias', leave_parametrized=leave); o[f'all {leave}'] = s(m), d(m(torch.ones(3)))
m = P.register_parametrization(nn.Linear(3, 4), 'weight', RankOne())
o['several'] = e(lambda: P.remove_parametrizations(m, 'weight', False))
P.remove_parametrizations(m, 'weight'); o['of several'] = s(m)
o['none'] = e(lambda: P.remove_parametrizations(m, 'weight'))
a = P.register_parametrization(nn.Linear(3, 3), 'weight', Scale())
b = P.transfer_parametrizations_and_params(a, nn.Linear(3, 3)); o['transfer'] = s(b)
o['shared'] = b.parametrizations.weight.original is a.parametrizations.weight.original
a = Z.weight_norm(nn.Linear(3, 3))
b = P.transfer_parametrizations_and_params(a, nn.Linear(3, 3), 'weight'); o['transfer2'] = s(b)
b = P.transfer_parametrizations_and_params(nn.Linear(3, 3), nn.Linear(2, 2)); o['nothing'] = s(b)
m = P.register_parametrization(nn.Linear(3, 3), 'weight', Double())
with P.cached():
    w = m.weight; o['cached'] = [w is m.weight]
    m.weight
o['cached'].append(w is m.weight)
m = nn.Linear(3, 3).eval(); p = Double(); P.register_parametrization(m, 'weight', p)
o['training'] = [p.training, m.parametrizations.training, m.parametrizations.weight.training]
m.train(); o['training'].append(p.training)
m = P.register_parametrization(nn.Linear(3, 3), 'weight', Scale())
m.weight = torch.ones(3, 3); o['assigned'] = s(m), d(m.weight)
m = P.register_parametrization(nn.Linear(3, 3), 'weight', Double())
def f(): m.weight = torch.ones(3, 3)
o['no inverse'] = e(f)
m.double(); o['double'] = s(m), d(m.weight)
m = P.register_parametrization(nn.Linear(2, 2), 'weight', RankOne())
m.weight = torch.full((2, 2), 3.); o['two'] = s(m)
m.requires_grad_(False); o['frozen'] = m.weight.requires_grad
`,
  (o) => {
    let m: Any = reg(new nn.Linear(3, 3), 'weight', new Symmetric())
    o.is = [
      P.isParametrized(m),
      P.isParametrized(m, 'weight'),
      P.isParametrized(m, 'bias'),
      P.isParametrized(new nn.ReLU()),
    ]
    const before = P.typeBeforeParametrizations
    o.types = [m.constructor.name, before(m).name, before(new nn.ReLU()).name, m instanceof nn.Linear]
    const saved = m.stateDict()
    const other = reg(new nn.Linear(3, 3), 'weight', new Symmetric())
    o.load = String(other.loadStateDict(saved))
    o.loaded = [s(other), d(other.weight)]
    o.plain = e(() => new nn.Linear(3, 3).loadStateDict(saved))
    const { original } = m.parametrizations.weight
    P.removeParametrizations(m, 'weight')
    o.removed = [s(m), m.weight === original, m.constructor.name]
    for (const leave of [true, false]) {
      const text = leave ? 'True' : 'False'
      m = reg(reg(new nn.Linear(3, 3), 'weight', new Double()), 'bias', new Double())
      P.removeParametrizations(m, 'weight', leave)
      o[`left ${text}`] = s(m)
      P.removeParametrizations(m, 'bias', { leaveParametrized: leave })
      o[`all ${text}`] = [s(m), d(m.forward(torch.ones(3)))]
    }
    m = reg(new nn.Linear(3, 4), 'weight', new RankOne())
    o.several = e(() => P.removeParametrizations(m, 'weight', false))
    P.removeParametrizations(m, 'weight')
    o['of several'] = s(m)
    o.none = e(() => P.removeParametrizations(m, 'weight'))
    let a: Any = reg(new nn.Linear(3, 3), 'weight', new Scale())
    let b: Any = P.transferParametrizationsAndParams(a, new nn.Linear(3, 3))
    o.transfer = s(b)
    o.shared = b.parametrizations.weight.original === a.parametrizations.weight.original
    a = Z.weightNorm(new nn.Linear(3, 3))
    b = P.transferParametrizationsAndParams(a, new nn.Linear(3, 3), 'weight')
    o.transfer2 = s(b)
    b = P.transferParametrizationsAndParams(new nn.Linear(3, 3), new nn.Linear(2, 2))
    o.nothing = s(b)
    m = reg(new nn.Linear(3, 3), 'weight', new Double())
    let w: unknown
    P.cached(() => {
      w = m.weight
      o.cached = [w === m.weight]
    })
    ;(o.cached as unknown[]).push(w === m.weight)
    m = new nn.Linear(3, 3).eval()
    const p = new Double()
    reg(m, 'weight', p)
    o.training = [p.training, m.parametrizations.training, m.parametrizations.weight.training]
    m.train()
    ;(o.training as unknown[]).push(p.training)
    m = reg(new nn.Linear(3, 3), 'weight', new Scale())
    m.weight = torch.ones(3, 3)
    o.assigned = [s(m), d(m.weight)]
    m = reg(new nn.Linear(3, 3), 'weight', new Double())
    o['no inverse'] = e(() => {
      m.weight = torch.ones(3, 3)
    })
    m.double()
    o.double = [s(m), d(m.weight)]
    m = reg(new nn.Linear(2, 2), 'weight', new RankOne())
    m.weight = torch.full([2, 2], 3, { dtype: 'float32' })
    o.two = s(m)
    m.requiresGrad_(false)
    o.frozen = m.weight.requiresGrad
  },
])

testBoth('nn.utils.parametrize', scenarios)

testBoth('nn.utils.parametrize: errors', [
  [
    'what may not change',
    `${classes}
L = lambda: nn.Linear(2, 3)
r = P.register_parametrization
o['name'] = e(lambda: r(L(), 'wait', Double()))
o['none'] = e(lambda: r(nn.Linear(2, 3, bias=False), 'bias', Double()))
o['number'] = e(lambda: r(L(), 'weight', Bad(lambda x: 3)))
o['dtype'] = e(lambda: r(L(), 'weight', Bad(lambda x: x.double())))
o['shape'] = e(lambda: r(L(), 'weight', Bad(lambda x: x.t())))
o['inverse'] = e(lambda: r(L(), 'weight', Bad(lambda x: x, lambda x: 3.5)))
o['inverse dtype'] = e(lambda: r(L(), 'weight', Bad(lambda x: x, lambda x: x.double())))
o['inverse list'] = e(lambda: r(L(), 'weight', Bad(lambda x, y: x, lambda x: [x, 'a'])))
o['unsafe'] = s(r(L(), 'weight', Bad(lambda x: x.t().double(), lambda x: x[:1]), unsafe=True))
two = lambda *p: e(lambda: r(r(L(), 'weight', Double()), 'weight', Bad(*p)))
o['second number'] = two(lambda x: None)
o['second dtype'] = two(lambda x: x.double())
o['second shape'] = two(lambda x: x.t())
o['second inverse'] = two(lambda x: x, lambda x: (x, x))
o['second inverse dtype'] = two(lambda x: x, lambda x: x.double())
o['second inverse shape'] = two(lambda x: x, lambda x: x[0])
values = []
m = r(L(), 'weight', Bad(lambda x: x, lambda x: x if not values else values[-1]))
def f(v):
    values.append(v)
    m.weight = torch.ones(3, 2)
o['set'] = e(lambda: f('a')); o['set dtype'] = e(lambda: f(torch.ones(2).double()))
values = []
m = r(L(), 'weight', Bad(lambda x, y: x, lambda x: (x, x) if not values else values[-1]))
o['set one'] = e(lambda: f(torch.ones(2))); o['set three'] = e(lambda: f([1, 2, 3]))
o['set element'] = e(lambda: f((torch.ones(2), 3))); o['set element dtype'] = e(lambda: f((torch.ones(2), torch.ones(2).int())))
o['empty'] = e(lambda: P.ParametrizationList([], torch.ones(2)))
o['weight_norm'] = e(lambda: Z.weight_norm(L(), 'wait'))
o['spectral_norm'] = [e(lambda: Z.spectral_norm(L(), 'wait')), e(lambda: Z.spectral_norm(L(), dim=2)), e(lambda: Z.spectral_norm(L(), n_power_iterations=0))]
`,
    (o) => {
      const L = (): torch.nn.Linear => new nn.Linear(2, 3)
      const one = (f: (...x: Any[]) => unknown, g?: (x: Any) => unknown): string =>
        e(() => reg(L(), 'weight', new Bad(f, g)))
      const same = (x: Any): Any => x
      o.name = e(() => reg(L(), 'wait', new Double()))
      o.none = e(() => reg(new nn.Linear(2, 3, { bias: false }), 'bias', new Double()))
      o.number = one(() => 3)
      o.dtype = one((x) => x.double())
      o.shape = one((x) => x.t())
      o.inverse = one(same, () => 3.5)
      o['inverse dtype'] = one(same, (x) => x.double())
      o['inverse list'] = one(same, (x) => [x, 'a'])
      const odd = new Bad(
        (x) => x.t().double(),
        (x) => x.index(':1'),
      )
      o.unsafe = s(reg(L(), 'weight', odd, { unsafe: true }))
      const two = (f: (...x: Any[]) => unknown, g?: (x: Any) => unknown): string =>
        e(() => reg(reg(L(), 'weight', new Double()), 'weight', new Bad(f, g)))
      o['second number'] = two(() => null)
      o['second dtype'] = two((x) => x.double())
      o['second shape'] = two((x) => x.t())
      o['second inverse'] = two(same, (x) => torch.Tuple.of(x, x))
      o['second inverse dtype'] = two(same, (x) => x.double())
      o['second inverse shape'] = two(same, (x) => x.index(0))
      const values: unknown[] = []
      const inverse = (usual: (x: Any) => unknown) => (x: Any) =>
        values.length > 0 ? values[values.length - 1] : usual(x)
      let m: Any = reg(L(), 'weight', new Bad(same, inverse(same)))
      const f = (v: unknown): string =>
        e(() => {
          values.push(v)
          m.weight = torch.ones(3, 2)
        })
      o.set = f('a')
      o['set dtype'] = f(torch.ones(2).double())
      values.length = 0
      m = reg(
        L(),
        'weight',
        new Bad(
          same,
          inverse((x) => [x, x]),
        ),
      )
      o['set one'] = f(torch.ones(2))
      o['set three'] = f([1, 2, 3])
      o['set element'] = f([torch.ones(2), 3])
      o['set element dtype'] = f([torch.ones(2), torch.ones(2).int()])
      o.empty = e(() => new P.ParametrizationList([], torch.ones(2)))
      o.weight_norm = e(() => Z.weightNorm(L(), 'wait'))
      o.spectral_norm = [
        e(() => Z.spectralNorm(L(), 'wait')),
        e(() => Z.spectralNorm(L(), { dim: 2 })),
        e(() => Z.spectralNorm(L(), { nPowerIterations: 0 })),
      ]
    },
  ],
])
