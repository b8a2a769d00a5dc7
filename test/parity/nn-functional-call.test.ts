/** `torch.func.functionalCall`, prefixes of state dicts, memory formats and `skipInit` against live Python. */
import * as torch from 'libtorch-node'
import { d, e, s, testBoth } from './both.js'

const { nn } = torch
const U = nn.utils

type Any = any

testBoth('calls and state dicts', [
  [
    'functionalCall',
    `
from torch.func import functional_call as F, stack_module_state as S
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer('n', torch.zeros(2))
    def forward(self, x, scale=1.0):
        self.n = self.n + 1
        return self.b(self.a(x)) * scale + self.n
m = Tied(); x = torch.ones(1, 2)
w = torch.randn(2, 2, requires_grad=True); before = s(m)
y = F(m, {'a.weight': w}, x); o['tied'] = d(y); y.sum().backward(); o['grad'] = d(w.grad), m.a.weight.grad is None
o['kept'] = s(m) == before
o['untied'] = d(F(m, {'a.weight': w}, (x,), tie_weights=False))
o['two'] = e(lambda: F(m, {'a.weight': w, 'b.weight': torch.ones(2, 2)}, x))
o['same'] = d(F(m, {'a.weight': w, 'b.weight': w}, x, {'scale': 2.0}))
given = {'a.weight': w, 'n': torch.full((2,), 7.)}
o['buffer'] = d(F(m, given, x)), d(given['n']), d(m.n)
o['dicts'] = d(F(m, ({'a.weight': w}, {'n': torch.ones(2)}), x))
o['repeated'] = e(lambda: F(m, ({'n': w}, {'n': w}, {'a.weight': w}, {'a.weight': w}), x))
o['list'] = e(lambda: F(m, [3], x))
o['strict'] = [e(lambda: F(m, {'a.weight': w}, x, strict=True)), e(lambda: F(m, {'a.weight': w, 'n': w, 'c': w, "d's": w}, x, strict=True))]
o['strict ok'] = d(F(m, {'a.weight': w, 'n': torch.zeros(2)}, x, strict=True))
o['unknown'] = d(F(m, {'c': w}, x)), hasattr(m, 'c')
o['path'] = e(lambda: F(m, {'c.weight': w}, x)); o['after'] = s(m) == before, s(m)
o['throws'] = e(lambda: F(m, {'a.weight': torch.ones(3, 3)}, x)); o['back'] = s(m)
q = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3), nn.Linear(3, 1))
p = {k: torch.randn_like(v).requires_grad_() for k, v in q.named_parameters()}
xx = torch.randn(4, 2); keys = list(q.state_dict())
y = F(q, p, xx); o['chain'] = d(y); y.sum().backward(); o['grads'] = [d(v.grad) for v in p.values()]; o['q'] = s(q)
o['stateless'] = d(U.stateless.functional_call(q, {k: v.detach() for k, v in p.items()}, xx))
z = Z.weight_norm(nn.Linear(2, 2)); o['param'] = d(F(z, {'parametrizations.weight.original0': torch.ones(2, 1)}, x)), s(z)
ms = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(3)]
ps, bs = S(ms); o['stack'] = {k: d(v) for k, v in ps.items()}, {k: d(v) for k, v in bs.items()}, all(v.requires_grad and v.is_leaf for v in ps.values())
ms[0].eval(); o['modes'] = e(lambda: S(ms)); o['no models'] = e(lambda: S([])); o['classes'] = e(lambda: S([nn.ReLU(), nn.Tanh()]))
ms = [nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)]; o['requires_grad'] = e(lambda: S(ms))
`,
    (o) => {
      const F = torch.func.functionalCall
      class Tied extends nn.Module {
        a = new nn.Linear(2, 2, { bias: false })
        b = new nn.Linear(2, 2, { bias: false })
        n: torch.Tensor
        constructor() {
          super()
          this.b.weight = this.a.weight
          this.n = new nn.Buffer(torch.zeros(2))
          this.registerBuffer('n', this.n)
        }
        override forward(x: torch.Tensor, { scale = 1 } = {}): torch.Tensor {
          this.n = this.n.add(1)
          return this.b.forward(this.a.forward(x)).mul(scale).add(this.n)
        }
      }
      const m = new Tied()
      const x = torch.ones(1, 2)
      const w = torch.randn(2, 2, { requiresGrad: true })
      const before = JSON.stringify(s(m))
      let y: torch.Tensor = F(m, { 'a.weight': w }, x)
      o.tied = d(y)
      y.sum().backward()
      o.grad = [d(w.grad), m.a.weight.grad === null]
      o.kept = JSON.stringify(s(m)) === before
      o.untied = d(F(m, { 'a.weight': w }, [x], null, { tieWeights: false }))
      o.two = e(() => F(m, { 'a.weight': w, 'b.weight': torch.ones(2, 2) }, x))
      o.same = d(F(m, { 'a.weight': w, 'b.weight': w }, x, { scale: 2 }))
      const given = { 'a.weight': w, n: torch.full([2], 7, { dtype: 'float32' }) }
      o.buffer = [d(F(m, given, x)), d(given.n), d(m.n)]
      o.dicts = d(F(m, [{ 'a.weight': w }, { n: torch.ones(2) }], x))
      o.repeated = e(() => F(m, [{ n: w }, { n: w }, { 'a.weight': w }, { 'a.weight': w }], x))
      o.list = e(() => F(m, [3] as never, x))
      const strict = { strict: true }
      o.strict = [
        e(() => F(m, { 'a.weight': w }, x, null, strict)),
        e(() => F(m, { 'a.weight': w, n: w, c: w, "d's": w }, x, null, strict)),
      ]
      o['strict ok'] = d(F(m, { 'a.weight': w, n: torch.zeros(2) }, x, {}, strict))
      o.unknown = [d(F(m, { c: w }, x)), 'c' in m]
      o.path = e(() => F(m, { 'c.weight': w }, x))
      o.after = [JSON.stringify(s(m)) === before, s(m)]
      o.throws = e(() => F(m, { 'a.weight': torch.ones(3, 3) }, x))
      o.back = s(m)
      const q = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.BatchNorm1d(3), new nn.Linear(3, 1))
      const p = Object.fromEntries(q.namedParameters().map(([k, v]) => [k, torch.randnLike(v).requiresGrad_()]))
      const xx = torch.randn(4, 2)
      y = F(q, p, xx)
      o.chain = d(y)
      y.sum().backward()
      o.grads = Object.values(p).map((v) => d(v.grad))
      o.q = s(q)
      const detached = Object.fromEntries(Object.entries(p).map(([k, v]) => [k, v.detach()]))
      o.stateless = d(U.stateless.functionalCall(q, detached, xx))
      const z = U.parametrizations.weightNorm(new nn.Linear(2, 2))
      o.param = [d(F(z, { 'parametrizations.weight.original0': torch.ones(2, 1) }, x)), s(z)]
      const S = torch.func.stackModuleState
      let ms: torch.nn.Module[] = [0, 1, 2].map(() => new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3)))
      const [ps, bs] = S(ms)
      const digests = (of: Record<string, torch.Tensor>): object =>
        Object.fromEntries(Object.entries(of).map(([k, v]) => [k, d(v)]))
      o.stack = [digests(ps), digests(bs), Object.values(ps).every((v) => v.requiresGrad && v.isLeaf)]
      ms[0]!.eval()
      o.modes = e(() => S(ms))
      o['no models'] = e(() => S([]))
      o.classes = e(() => S([new nn.ReLU(), new nn.Tanh()]))
      ms = [new nn.Linear(1, 1), new nn.Linear(1, 1).requiresGrad_(false) as torch.nn.Module]
      o.requires_grad = e(() => S(ms))
    },
  ],
  [
    'a prefix taken off a state dict',
    `
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present as C
from collections import OrderedDict as D
net = nn.Sequential(D(fc=nn.Linear(2, 2), bn=nn.BatchNorm1d(2)))
class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.other = nn.Linear(1, 1)
        self.module = net
state = Wrapped().state_dict(); C(state, 'module.'); o['keys'] = list(state); o['metadata'] = list(state._metadata.items())
C(state, 'module.'); o['again'] = list(state), list(state._metadata)
C(state, ''); o['nothing'] = list(state), list(state._metadata)
plain = {'module.a': 1, 'a': 2, 'b': 3, 'module.module.c': 4}; C(plain, 'module.'); o['plain'] = list(plain.items())
fresh = nn.Sequential(D(fc=nn.Linear(2, 2), bn=nn.BatchNorm1d(2))); fresh.load_state_dict({k: v for k, v in state.items() if not k.startswith('other')}); o['loaded'] = s(fresh)
`,
    (o) => {
      const C = U.consumePrefixInStateDictIfPresent
      const named = (): Any => new nn.Sequential({ fc: new nn.Linear(2, 2), bn: new nn.BatchNorm1d(2) })
      const net = named()
      class Wrapped extends nn.Module {
        other = new nn.Linear(1, 1)
        module = net
      }
      const state: Any = new Wrapped().stateDict()
      const order = (dict: object): string[] => Object.keys(dict)
      C(state, 'module.')
      o.keys = order(state)
      o.metadata = order(state._metadata).map((key) => [key, { ...state._metadata[key] }])
      C(state, 'module.')
      o.again = [order(state), order(state._metadata)]
      C(state, '')
      o.nothing = [order(state), order(state._metadata)]
      const map = new Map(Object.entries({ 'module.a': 1, a: 2, b: 3, 'module.module.c': 4 }))
      C(map, 'module.')
      o.plain = [...map]
      const fresh = named()
      fresh.loadStateDict(Object.fromEntries(Object.entries(state).filter(([k]) => !k.startsWith('other'))) as Any)
      o.loaded = s(fresh)
    },
  ],
  [
    'memory formats',
    `
m = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Sequential(nn.Conv2d(3, 2, (1, 3)), nn.ReLU()), nn.Conv1d(2, 2, 1))
x = torch.randn(1, 2, 6, 6)
w = m[0].weight; U.convert_conv2d_weight_memory_format(m, torch.channels_last); o['same'] = m[0].weight is w
o['strides'] = [p.stride() for p in m.parameters()]; o['m'] = s(m)
o['back'] = [p.stride() for p in U.convert_conv2d_weight_memory_format(m, torch.contiguous_format).parameters()]
m = nn.Conv3d(2, 2, 2); U.convert_conv2d_weight_memory_format(m, torch.channels_last); o['other'] = m.weight.stride()
U.convert_conv3d_weight_memory_format(m, torch.channels_last_3d); o['3d'] = m.weight.stride()
`,
    (o) => {
      const m = new nn.Sequential(
        new nn.Conv2d(2, 3, 3),
        new nn.Sequential(new nn.Conv2d(3, 2, [1, 3]), new nn.ReLU()),
        new nn.Conv1d(2, 2, 1),
      )
      torch.randn(1, 2, 6, 6)
      const conv = m.at(0)
      const w = conv.weight
      U.convertConv2dWeightMemoryFormat(m, 'channels_last')
      o.same = conv.weight === w
      o.strides = m.parameters().map((p) => p.stride())
      o.m = s(m)
      o.back = U.convertConv2dWeightMemoryFormat(m, 'contiguous_format')
        .parameters()
        .map((p) => p.stride())
      const c = new nn.Conv3d(2, 2, 2)
      U.convertConv2dWeightMemoryFormat(c, 'channels_last')
      o.other = c.weight.stride()
      U.convertConv3dWeightMemoryFormat(c, 'channels_last_3d')
      o['3d'] = c.weight.stride()
    },
  ],
  [
    'skipInit',
    `
o['made'] = [[str(m), [(list(p.shape), str(p.dtype), str(p.device), p.requires_grad) for p in m.parameters()]] for m in
  [U.skip_init(nn.Linear, 3, 4), U.skip_init(nn.Linear, 3, 4, bias=False, dtype=torch.float64), U.skip_init(nn.Linear, 3, 4, device='meta'),
   U.skip_init(nn.Conv2d, 2, 3, kernel_size=3), U.skip_init(nn.BatchNorm2d, 3)]]
o['relu'] = e(lambda: U.skip_init(nn.ReLU))
class Own(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = nn.Linear(n, n)
o['own'] = e(lambda: U.skip_init(Own, 2))
class Ready(nn.Module):
    def __init__(self, n, device=None):
        super().__init__()
        self.fc = nn.Linear(n, n, device=device)
o['ready'] = str(U.skip_init(Ready, 2).fc.weight.device)
torch.manual_seed(4)
`,
    (o) => {
      const made = [
        U.skipInit(nn.Linear, 3, 4),
        U.skipInit(nn.Linear, 3, 4, { bias: false, dtype: 'float64' }),
        U.skipInit(nn.Linear, 3, 4, { device: 'meta' }),
        U.skipInit(nn.Conv2d, 2, 3, { kernelSize: 3 }),
        U.skipInit(nn.BatchNorm2d, 3),
      ]
      o.made = made.map((m: torch.nn.Module) => [
        String(m),
        m.parameters().map((p) => [p.shape, `torch.${p.dtype}`, p.device, p.requiresGrad]),
      ])
      o.relu = e(() => U.skipInit(nn.ReLU))
      class Own extends nn.Module {
        fc: torch.nn.Linear
        constructor(n: number) {
          super()
          this.fc = new nn.Linear(n, n)
        }
      }
      o.own = e(() => U.skipInit(Own, 2))
      class Ready extends nn.Module {
        fc: torch.nn.Linear
        constructor(n: number, { device = 'cpu' } = {}) {
          super()
          this.fc = new nn.Linear(n, n, { device })
        }
      }
      o.ready = U.skipInit(Ready, 2).fc.weight.device
      torch.manualSeed(4)
    },
  ],
])
