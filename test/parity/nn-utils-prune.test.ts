/** `nn.utils.prune` against live Python: masks, keys, gradients, draws, errors. */
import * as torch from 'libtorch-node'
import { d, e, type Scenario, s, testBoth } from './both.js'

const { nn } = torch
const R = nn.utils.prune

type Any = any
type Pruned = torch.nn.Module & Record<string, Any>

/** Prunes layers of several kinds; `act` is the same call in both languages. */
const shapes = [
  ['nn.Linear(5, 4)', '[3, 5]', 'weight'],
  ['nn.Conv2d(3, 4, 3)', '[2, 3, 4, 5]', 'weight'],
  ['nn.Linear(5, 4, dtype=torch.float64)', '[3, 5]', 'bias'],
] as const
const make: (() => torch.nn.Module)[] = [
  () => new nn.Linear(5, 4),
  () => new nn.Conv2d(3, 4, 3),
  () => new nn.Linear(5, 4, { dtype: 'float64' }),
]
const scenarios: Scenario[] = []
function prune(python: string, act: (m: Pruned, name: string) => unknown, which = [0, 1, 2]): void {
  for (const i of which) {
    const [layer, shape, name] = shapes[i]!
    scenarios.push([
      `${python} of ${name} of ${layer}`,
      `
m, name = ${layer}, '${name}'
o['error'] = e(lambda: ${python})
o['made'] = s(m), d(getattr(m, name)), R.is_pruned(m)
x = torch.randn(${shape}, dtype=m.weight.dtype)
y = m(x); y.square().sum().backward()
o['out'] = d(y), [d(p.grad) for p in m.parameters()], getattr(m, name).grad_fn is None
if o['error'] == 'no error':
    R.remove(m, name); o['removed'] = s(m), d(m(x)), R.is_pruned(m)
`,
      (o) => {
        const m = make[i]!() as Pruned
        o.error = e(() => act(m, name))
        o.made = [s(m), d(m[name]), R.isPruned(m)]
        const x = torch.randn(JSON.parse(shape) as number[], { dtype: m.weight.dtype })
        const y = m.forward(x)
        y.square().sum().backward()
        o.out = [d(y), m.parameters().map((p) => d(p.grad)), m[name].gradFn === null]
        if (o.error === 'no error') {
          R.remove(m, name)
          o.removed = [s(m), d(m.forward(x)), R.isPruned(m)]
        }
      },
    ])
  }
}

prune('R.identity(m, name)', (m, name) => R.identity(m, name))
prune('R.l1_unstructured(m, name, 0.3)', (m, name) => R.l1Unstructured(m, name, 0.3))
prune('R.l1_unstructured(m, name, amount=3)', (m, name) => R.l1Unstructured(m, name, { amount: 3 }))
prune('R.l1_unstructured(m, name, 1.0)', (m, name) => R.l1Unstructured(m, name, torch.pyFloat(1)))
prune('R.l1_unstructured(m, name, 0)', (m, name) => R.l1Unstructured(m, name, 0))
prune('R.l1_unstructured(m, name, 0.125)', (m, name) => R.l1Unstructured(m, name, 0.125))
prune('R.l1_unstructured(m, name, 0.5, importance_scores=torch.randn(getattr(m, name).shape))', (m, name) =>
  R.l1Unstructured(m, name, 0.5, { importanceScores: torch.randn(m[name].shape) }),
)
prune('R.random_unstructured(m, name, 0.3)', (m, name) => R.randomUnstructured(m, name, 0.3))
prune('R.random_unstructured(m, name, amount=2)', (m, name) => R.randomUnstructured(m, name, { amount: 2 }))
prune('R.random_structured(m, name, 0.5, 0)', (m, name) => R.randomStructured(m, name, 0.5, 0))
prune('R.random_structured(m, name, amount=1, dim=-1)', (m, name) =>
  R.randomStructured(m, name, { amount: 1, dim: -1 }),
)
prune('R.random_structured(m, name, 0, 1)', (m, name) => R.randomStructured(m, name, 0, { dim: 1 }))
prune('R.ln_structured(m, name, 0.5, 2, 0)', (m, name) => R.lnStructured(m, name, 0.5, 2, 0))
prune('R.ln_structured(m, name, amount=1, n=1, dim=-1)', (m, name) =>
  R.lnStructured(m, name, { amount: 1, n: 1, dim: -1 }),
)
prune('R.ln_structured(m, name, 2, float("-inf"), 1)', (m, name) =>
  R.lnStructured(m, name, 2, Number.NEGATIVE_INFINITY, 1),
)
prune('R.ln_structured(m, name, 0.5, 2, 1, torch.randn(getattr(m, name).shape))', (m, name) =>
  R.lnStructured(m, name, 0.5, 2, 1, torch.randn(m[name].shape)),
)
prune('R.ln_structured(m, name, 0, n="fro", dim=1)', (m, name) => R.lnStructured(m, name, 0, { n: 'fro', dim: 1 }), [0])
prune('R.custom_from_mask(m, name, torch.rand(getattr(m, name).shape).gt(0.4))', (m, name) =>
  R.customFromMask(m, name, torch.rand(m[name].shape).gt(0.4)),
)
prune('R.custom_from_mask(m, name, mask=torch.ones(2, 2))', (m, name) =>
  R.customFromMask(m, name, { mask: torch.ones(2, 2) }),
)
prune('R.random_structured(R.l1_unstructured(m, name, 0.3), name, 0.5, 0)', (m, name) =>
  R.randomStructured(R.l1Unstructured(m, name, 0.3), name, 0.5, 0),
)
prune('R.l1_unstructured(R.ln_structured(m, name, 1, 2, 0), name, 0.5)', (m, name) =>
  R.l1Unstructured(R.lnStructured(m, name, 1, 2, 0), name, 0.5),
)
prune('R.random_unstructured(R.random_unstructured(R.identity(m, name), name, 4), name, 0.5)', (m, name) =>
  R.randomUnstructured(R.randomUnstructured(R.identity(m, name), name, 4), name, 0.5),
)
prune('R.custom_from_mask(R.l1_unstructured(m, name, 1), name, torch.rand(getattr(m, name).shape) > 0.5)', (m, name) =>
  R.customFromMask(R.l1Unstructured(m, name, 1), name, torch.rand(m[name].shape).gt(0.5)),
)
for (const amount of ['-1', '1.5', '-0.5', '"all"', 'None', '100000']) {
  const value = amount === 'None' ? null : JSON.parse(amount)
  prune(`R.l1_unstructured(m, name, ${amount})`, (m, name) => R.l1Unstructured(m, name, value), [0])
  prune(`R.random_unstructured(m, name, ${amount})`, (m, name) => R.randomUnstructured(m, name, value), [0])
  prune(`R.random_structured(m, name, ${amount}, 0)`, (m, name) => R.randomStructured(m, name, value, 0), [0])
  prune(`R.ln_structured(m, name, ${amount}, 2, 0)`, (m, name) => R.lnStructured(m, name, value, 2, 0), [0])
}
prune('R.ln_structured(m, name, 1, 2, 5)', (m, name) => R.lnStructured(m, name, 1, 2, 5), [0, 1])
prune('R.l1_unstructured(m, name, 1, torch.ones(2))', (m, name) => R.l1Unstructured(m, name, 1, torch.ones(2)), [0])

scenarios.push([
  'the classes, several modules at once, what is not pruned',
  `
m = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
R.l1_unstructured(m[0], 'weight', 2)
R.global_unstructured([(m[0], 'weight'), (m[2], 'weight'), (m[2], 'bias')], R.L1Unstructured, amount=0.4)
o['global'] = s(m), d(m(torch.ones(2, 4)))
R.global_unstructured(((m[0], 'weight'), (m[2], 'weight')), pruning_method=R.RandomUnstructured, amount=3)
o['again'] = s(m), [d(m[0].weight), d(m[2].weight)]
m = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
scores = torch.randn(2, 3)
R.global_unstructured([(m[0], 'weight'), (m[2], 'weight')], R.L1Unstructured, importance_scores={(m[2], 'weight'): scores}, amount=5)
o['scores'] = s(m)
o['structured'] = e(lambda: R.global_unstructured([(m[0], 'weight')], R.RandomStructured, amount=1))
o['iterable'] = e(lambda: R.global_unstructured(3, R.L1Unstructured, amount=1))
o['amount'] = e(lambda: R.global_unstructured([(m[0], 'bias')], R.L1Unstructured, amount=50))
o['remove'] = e(lambda: R.remove(m[0], 'bias')); o['is'] = R.is_pruned(m), R.is_pruned(m[1])
t = torch.randn(3, 4)
o['prune'] = [d(R.L1Unstructured(amount=5).prune(t)), d(R.RandomUnstructured(0.5).prune(t)), d(R.LnStructured(1, 2).prune(t)),
  d(R.RandomStructured(2, dim=0).prune(t)), d(R.Identity().prune(t, default_mask=torch.zeros(3, 4))),
  d(R.L1Unstructured(2).prune(t, importance_scores=-torch.arange(12.).view(3, 4))),
  e(lambda: R.L1Unstructured(2).prune(t, importance_scores=torch.ones(2)))]
a = nn.Linear(3, 2); h = R.LnStructured.apply(a, 'weight', 1, n=1, dim=0, importance_scores=torch.randn(2, 3)); o['apply'] = s(a)
h = R.L1Unstructured.apply(a, 'weight', 1); o['container'] = [type(h).__name__, len(h), type(h[0]).__name__, [type(x).__name__ for x in h], type(h[-1]).__name__]
o['types'] = [R.L1Unstructured(1).PRUNING_TYPE, R.LnStructured(1, 2).PRUNING_TYPE, R.CustomFromMask(None).PRUNING_TYPE, h[0].amount, h[0].n, h[0].dim]
class Odd(R.BasePruningMethod):
    PRUNING_TYPE = 'unstructured'
    def compute_mask(self, t, default_mask):
        mask = default_mask.clone(); mask.view(-1)[::2] = 0
        return mask
Odd.apply(a, 'bias'); o['odd'] = s(a), d(a.bias)
c = R.PruningContainer(); c._tensor_name = 'weight'
o['add'] = e(lambda: c.add_pruning_method(3))
state = a.state_dict(); b = nn.Linear(3, 2); R.identity(b, 'weight'); R.identity(b, 'bias'); b.load_state_dict(state); o['loaded'] = s(b), d(b(torch.ones(3))), d(b.bias)
b.weight_orig.data.fill_(3); o['stale'] = d(b.weight); b(torch.ones(3)); o['fresh'] = d(b.weight)
`,
  (o) => {
    const net = (): Any => new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2))
    let m = net()
    R.l1Unstructured(m[0], 'weight', 2)
    const three: [torch.nn.Module, string][] = [
      [m[0], 'weight'],
      [m[2], 'weight'],
      [m[2], 'bias'],
    ]
    R.globalUnstructured(three, R.L1Unstructured, { amount: 0.4 })
    o.global = [s(m), d(m.forward(torch.ones(2, 4)))]
    R.globalUnstructured(three.slice(0, 2), R.RandomUnstructured, { amount: 3 })
    o.again = [s(m), [d(m[0].weight), d(m[2].weight)]]
    m = net()
    const scores = torch.randn(2, 3)
    const two: [torch.nn.Module, string][] = [
      [m[0], 'weight'],
      [m[2], 'weight'],
    ]
    R.globalUnstructured(two, R.L1Unstructured, { importanceScores: [[m[2], 'weight', scores]], amount: 5 })
    o.scores = s(m)
    o.structured = e(() => R.globalUnstructured([[m[0], 'weight']], R.RandomStructured, { amount: 1 }))
    o.iterable = e(() => R.globalUnstructured(3 as never, R.L1Unstructured, { amount: 1 }))
    o.amount = e(() => R.globalUnstructured([[m[0], 'bias']], R.L1Unstructured, { amount: 50 }))
    o.remove = e(() => R.remove(m[0], 'bias'))
    o.is = [R.isPruned(m), R.isPruned(m[1])]
    const t = torch.randn(3, 4)
    o.prune = [
      d(new R.L1Unstructured(5).prune(t)),
      d(new R.RandomUnstructured(0.5).prune(t)),
      d(new R.LnStructured(1, 2).prune(t)),
      d(new R.RandomStructured(2, 0).prune(t)),
      d(new R.Identity().prune(t, { defaultMask: torch.zeros(3, 4) })),
      d(new R.L1Unstructured(2).prune(t, { importanceScores: torch.arange(12).float().neg().view(3, 4) })),
      e(() => new R.L1Unstructured(2).prune(t, { importanceScores: torch.ones(2) })),
    ]
    const a = new nn.Linear(3, 2)
    R.LnStructured.apply(a, 'weight', 1, 1, 0, { importanceScores: torch.randn(2, 3) })
    o.apply = s(a)
    const h = R.L1Unstructured.apply(a, 'weight', 1) as torch.nn.utils.prune.PruningContainer
    const kind = (method: object): string => method.constructor.name
    o.container = [kind(h), h.length, kind(h.at(0)), [...h].map(kind), kind(h.at(-1))]
    const first = h.at(0) as torch.nn.utils.prune.LnStructured
    const types = [new R.L1Unstructured(1), new R.LnStructured(1, 2), new R.CustomFromMask(null as never)]
    o.types = [...types.map((method) => method.PRUNING_TYPE), first.amount, first.n, first.dim]
    class Odd extends R.BasePruningMethod {
      override readonly PRUNING_TYPE = 'unstructured'
      override computeMask(_t: torch.Tensor, defaultMask: torch.Tensor): torch.Tensor {
        const mask = defaultMask.clone()
        mask.view(-1).indexPut_(['::2'], 0)
        return mask
      }
    }
    Odd.apply(a, 'bias')
    o.odd = [s(a), d(a.bias)]
    const c = new R.PruningContainer()
    c._tensorName = 'weight'
    o.add = e(() => c.addPruningMethod(3 as never))
    const b: Any = new nn.Linear(3, 2)
    R.identity(b, 'weight')
    R.identity(b, 'bias')
    b.loadStateDict(a.stateDict())
    o.loaded = [s(b), d(b.forward(torch.ones(3))), d(b.bias)]
    b.weight_orig.data.fill_(3)
    o.stale = d(b.weight)
    b.forward(torch.ones(3))
    o.fresh = d(b.weight)
  },
])

testBoth('nn.utils.prune', scenarios)
