/** Hooks that are called when modules get parameters, buffers and children, against live Python. */
import * as torch from 'libtorch-node'
import { e, type Scenario, type Seen, s, testBoth } from './both.js'

const { nn } = torch
const { module: M } = nn.modules

const prelude = `
log = []
G = torch.nn.modules.module
def show(x): return None if x is None else type(x).__name__ if isinstance(x, nn.Module) else list(x.shape) if not isinstance(x, nn.parameter.UninitializedTensorMixin) else '?'
def note(kind): return lambda module, name, value: log.append([kind, type(module).__name__, name, '?' if type(module).__name__.startswith('Lazy') else show(value)])
def seen():
    taken = log[:]
    log.clear()
    return taken
def by_class(entries):
    return sorted(entries, key=lambda entry: entry[1])
`
let log: unknown[] = []
function show(x: unknown): unknown {
  if (x === null) return null
  if (x instanceof nn.Module) return x.constructor.name
  return nn.parameter.isLazy(x as never) ? '?' : (x as torch.Tensor).shape
}
// What a lazy layer has before it has no size is its own affair.
const note =
  (kind: string) =>
  (module: torch.nn.Module, name: string, value: unknown): void =>
    void log.push([kind, module.constructor.name, name, module.constructor.name.startsWith('Lazy') ? '?' : show(value)])
function seen(): unknown[] {
  const taken = log
  log = []
  return taken
}

/** A layer that holds others names them when it has made all, so that only what belongs to one class has Python's order. */
function byClass(entries: unknown[]): unknown[] {
  const names = (entries as string[][]).map((entry) => entry[1]!)
  return [...new Set(names)].sort().flatMap((name) => entries.filter((_, i) => names[i] === name))
}

/** Each expression makes something, and both sides say what was registered meanwhile. */
const made: [python: string, here: () => unknown][] = [
  ['nn.Linear(2, 3)', () => new nn.Linear(2, 3)],
  ['nn.Linear(2, 3, bias=False)', () => new nn.Linear(2, 3, { bias: false })],
  ['nn.Bilinear(2, 3, 4)', () => new nn.Bilinear(2, 3, 4)],
  ['nn.Conv2d(2, 3, 1)', () => new nn.Conv2d(2, 3, 1)],
  ['nn.ConvTranspose1d(2, 3, 1, bias=False)', () => new nn.ConvTranspose1d(2, 3, 1, { bias: false })],
  ['nn.BatchNorm1d(2)', () => new nn.BatchNorm1d(2)],
  [
    'nn.BatchNorm2d(2, affine=False, track_running_stats=False)',
    () => new nn.BatchNorm2d(2, { affine: false, trackRunningStats: false }),
  ],
  ['nn.InstanceNorm1d(2)', () => new nn.InstanceNorm1d(2)],
  ['nn.LayerNorm(2)', () => new nn.LayerNorm(2)],
  ['nn.RMSNorm(2)', () => new nn.RMSNorm(2)],
  ['nn.GroupNorm(1, 2)', () => new nn.GroupNorm(1, 2)],
  ['nn.PReLU()', () => new nn.PReLU()],
  ['nn.Embedding(2, 3)', () => new nn.Embedding(2, 3)],
  ['nn.EmbeddingBag(2, 3)', () => new nn.EmbeddingBag(2, 3)],
  ['nn.CrossEntropyLoss()', () => new nn.CrossEntropyLoss()],
  ['nn.NLLLoss(torch.ones(3))', () => new nn.NLLLoss(torch.ones(3))],
  ['nn.BCEWithLogitsLoss(pos_weight=torch.ones(3))', () => new nn.BCEWithLogitsLoss({ posWeight: torch.ones(3) })],
  ['nn.LSTM(2, 3, 2, proj_size=1)', () => new nn.LSTM(2, 3, { numLayers: 2, projSize: 1 })],
  ['nn.GRU(2, 3, bidirectional=True)', () => new nn.GRU(2, 3, { bidirectional: true })],
  ['nn.RNNCell(2, 3)', () => new nn.RNNCell(2, 3)],
  ['nn.LSTMCell(2, 3, bias=False)', () => new nn.LSTMCell(2, 3, false)],
  ['nn.MultiheadAttention(4, 2)', () => new nn.MultiheadAttention(4, 2)],
  [
    'nn.MultiheadAttention(4, 2, kdim=3, add_bias_kv=True)',
    () => new nn.MultiheadAttention(4, 2, { kdim: 3, addBiasKv: true }),
  ],
  ['nn.TransformerEncoderLayer(4, 2, 8)', () => new nn.TransformerEncoderLayer(4, 2, 8)],
  ['nn.TransformerDecoderLayer(4, 2, 8)', () => new nn.TransformerDecoderLayer(4, 2, 8)],
  [
    'nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, nn.LayerNorm(4))',
    () =>
      new nn.TransformerEncoder(new nn.TransformerEncoderLayer(4, 2, 8, { batchFirst: true }), 2, new nn.LayerNorm(4)),
  ],
  [
    'nn.Transformer(4, 2, 1, 1, 8, batch_first=True)',
    () => new nn.Transformer(4, 2, 1, 1, { dimFeedforward: 8, batchFirst: true }),
  ],
  ['nn.AdaptiveLogSoftmaxWithLoss(16, 6, [2, 4], 2.)', () => new nn.AdaptiveLogSoftmaxWithLoss(16, 6, [2, 4], 2)],
  [
    'nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance())',
    () => new nn.TripletMarginWithDistanceLoss({ distanceFunction: new nn.PairwiseDistance() }),
  ],
  ['nn.LazyLinear(3)', () => new nn.LazyLinear(3)],
  ['nn.LazyBatchNorm2d()', () => new nn.LazyBatchNorm2d()],
  [
    'nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))',
    () => new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.Tanh())),
  ],
  ['nn.ModuleList([nn.ReLU(), nn.Tanh()])', () => new nn.ModuleList<torch.nn.Module>([new nn.ReLU(), new nn.Tanh()])],
  ["nn.ModuleDict({'a': nn.ReLU()})", () => new nn.ModuleDict({ a: new nn.ReLU() })],
  ['nn.ParameterList([torch.ones(2), 3])', () => new nn.ParameterList([torch.ones(2), 3])],
  ["nn.ParameterDict({'a': torch.ones(2), 'b': 'text'})", () => new nn.ParameterDict({ a: torch.ones(2), b: 'text' })],
  ['nn.DataParallel(nn.ReLU())', () => new nn.DataParallel(new nn.ReLU())],
  ['Z.weight_norm(nn.Linear(2, 3))', () => nn.utils.parametrizations.weightNorm(new nn.Linear(2, 3))],
  [
    "R.l1_unstructured(nn.Linear(2, 3), 'weight', 2)",
    () => nn.utils.prune.l1Unstructured(new nn.Linear(2, 3), 'weight', 2),
  ],
  ['copy.deepcopy(lin)', () => lin.clone()],
  ['lin.double()', () => lin.double()],
  ["lin.to_empty(device='meta')", () => lin.toEmpty({ device: 'meta' })],
]
let lin = new nn.Linear(1, 1)

const scenario = (title: string, python: string, here: (o: Seen) => void): Scenario => [
  title,
  prelude + python,
  (o) => {
    log = []
    here(o)
  },
]

const scenarios: Scenario[] = [
  scenario(
    'what layers and containers register',
    `
import copy
lin = nn.Linear(2, 2)
handles = [G.register_module_parameter_registration_hook(note('parameter')),
           G.register_module_buffer_registration_hook(note('buffer')), G.register_module_module_registration_hook(note('module'))]
for code in ${JSON.stringify(made.map(([code]) => code))}:
    eval(code)
    o[code] = by_class(seen())
for h in handles: h.remove()
nn.BatchNorm1d(2)
o['removed'] = seen()
`,
    (o) => {
      lin = new nn.Linear(2, 2)
      const handles = [
        M.registerModuleParameterRegistrationHook(note('parameter')),
        M.registerModuleBufferRegistrationHook(note('buffer')),
        M.registerModuleModuleRegistrationHook(note('module')),
      ]
      for (const [code, make] of made) {
        make()
        o[code] = byClass(seen())
      }
      for (const handle of handles) handle.remove()
      new nn.BatchNorm1d(2)
      o.removed = seen()
    },
  ),
  scenario(
    'what is registered by calls',
    `
m, w = nn.Module(), nn.Parameter(torch.ones(2))
seq, names, lst, pd = nn.Sequential(nn.ReLU()), nn.ModuleDict(), nn.ModuleList([nn.ReLU(), nn.Tanh()]), nn.ParameterDict()
lin, norm = nn.Linear(2, 1), nn.BatchNorm1d(1)
handles = [G.register_module_parameter_registration_hook(note('parameter')),
           G.register_module_buffer_registration_hook(note('buffer')), G.register_module_module_registration_hook(note('module'))]
m.register_parameter('w', w)
m.register_parameter('none', None)
m.register_buffer('b', torch.ones(3))
m.register_buffer('nothing', None, persistent=False)
m.add_module('child', seq)
m.register_module('nochild', None)
m.set_submodule('child.0', nn.Tanh())
o['module'] = seen()
seq.append(nn.GELU()).extend([nn.SiLU()])
seq.insert(0, nn.ReLU())
del seq[1]
lst.append(nn.GELU())
lst.insert(0, nn.SiLU())
lst.pop(0)
names['x'] = nn.ReLU()
names.update({'y': nn.Tanh()})
names.pop('x')
pd['p'] = torch.ones(4)
pd.setdefault('q', torch.ones(1))
pd['text'] = 'x'
o['containers'] = seen()
lin.weight = nn.Parameter(torch.zeros(1, 2))
lin.bias = None
norm.running_mean = torch.zeros(1)
norm.running_var = None
o['assigned'] = seen()
state = nn.BatchNorm1d(1).state_dict()
seen()
nn_ = nn.Sequential(nn.BatchNorm1d(1))
seen()
nn_.load_state_dict({'0.' + k: t for k, t in state.items()})
o['loaded'] = seen()
nn_.load_state_dict({'0.' + k: t for k, t in state.items()}, assign=True)
o['load that assigns'] = seen()
e(lambda: m.register_parameter('w', 3)), e(lambda: m.register_buffer('b', 3)), e(lambda: m.add_module('child', 3))
o['errors'] = seen()
for h in handles: h.remove()
`,
    (o) => {
      const m = new nn.Module()
      const w = new nn.Parameter(torch.ones(2))
      const seq: torch.nn.Sequential = new nn.Sequential(new nn.ReLU()) as never
      const names: torch.nn.ModuleDict = new nn.ModuleDict()
      const list = new nn.ModuleList<torch.nn.Module>([new nn.ReLU(), new nn.Tanh()])
      const pd: torch.nn.ParameterDict = new nn.ParameterDict()
      const linear = new nn.Linear(2, 1)
      const norm = new nn.BatchNorm1d(1)
      const handles = [
        M.registerModuleParameterRegistrationHook(note('parameter')),
        M.registerModuleBufferRegistrationHook(note('buffer')),
        M.registerModuleModuleRegistrationHook(note('module')),
      ]
      m.registerParameter('w', w)
      m.registerParameter('none', null)
      m.registerBuffer('b', torch.ones(3))
      m.registerBuffer('nothing', null, { persistent: false })
      m.addModule('child', seq)
      m.registerModule('nochild', null)
      m.setSubmodule('child.0', new nn.Tanh())
      o.module = seen()
      seq.append(new nn.GELU()).extend([new nn.SiLU()])
      seq.insert(0, new nn.ReLU())
      seq.delete(1)
      list.append(new nn.GELU())
      list.insert(0, new nn.SiLU())
      list.pop(0)
      names.set('x', new nn.ReLU())
      names.update({ y: new nn.Tanh() })
      names.pop('x')
      pd.set('p', torch.ones(4))
      pd.setdefault('q', torch.ones(1))
      pd.set('text', 'x')
      o.containers = seen()
      linear.weight = new nn.Parameter(torch.zeros(1, 2))
      linear.bias = null as never
      norm.running_mean = torch.zeros(1) as never
      norm.running_var = null as never
      o.assigned = seen()
      const state = Object.entries(new nn.BatchNorm1d(1).stateDict()).map(([key, tensor]) => [`0.${key}`, tensor])
      seen()
      const net = new nn.Sequential(new nn.BatchNorm1d(1))
      seen()
      net.loadStateDict(Object.fromEntries(state))
      o.loaded = seen()
      net.loadStateDict(Object.fromEntries(state), { assign: true })
      o['load that assigns'] = seen()
      e(() => m.registerParameter('w', 3 as never))
      e(() => m.registerBuffer('b', 3 as never))
      e(() => m.addModule('child', 3 as never))
      o.errors = seen()
      for (const handle of handles) handle.remove()
    },
  ),
  scenario(
    'what hooks return is taken',
    `
handles = [
    G.register_module_parameter_registration_hook(lambda m, n, p: nn.Parameter(torch.full_like(p, 7), requires_grad=n != 'bias')),
    G.register_module_buffer_registration_hook(lambda m, n, b: torch.ones(b.shape, dtype=torch.float64) if n == 'kept' else None),
    G.register_module_module_registration_hook(lambda m, n, c: nn.Sequential(c) if isinstance(c, nn.ReLU) and n != '0' else None),
]
for name, make in [('lin', lambda: nn.Linear(3, 2)), ('conv', lambda: nn.Conv1d(1, 2, 3)), ('norm', lambda: nn.BatchNorm1d(2)),
                   ('embedding', lambda: nn.Embedding(3, 2)), ('lstm', lambda: nn.LSTM(2, 3)), ('attention', lambda: nn.MultiheadAttention(4, 2)),
                   ('cell', lambda: nn.GRUCell(2, 3)), ('decoder', lambda: nn.TransformerDecoderLayer(4, 2, 8)), ('list', lambda: nn.ParameterList([torch.zeros(2)]))]:
    o[name] = s(make())
m = nn.Module()
m.register_buffer('kept', torch.zeros(2))
m.register_buffer('other', torch.zeros(2))
m.register_parameter('p', nn.Parameter(torch.zeros(2)))
m.add_module('act', nn.ReLU())
m.add_module('tanh', nn.Tanh())
o['module'] = s(m)
for h in handles: h.remove()
o['removed'] = s(nn.Linear(3, 2))
`,
    (o) => {
      const handles = [
        M.registerModuleParameterRegistrationHook(
          (_, name, p) => new nn.Parameter(torch.fullLike(p, 7), { requiresGrad: name !== 'bias' }),
        ),
        M.registerModuleBufferRegistrationHook((_, name, b) =>
          name === 'kept' ? torch.ones(b!.shape, { dtype: 'float64' }) : null,
        ),
        M.registerModuleModuleRegistrationHook((_, name, child) =>
          child instanceof nn.ReLU && name !== '0' ? new nn.Sequential(child) : undefined,
        ),
      ]
      const makers: Record<string, () => torch.nn.Module> = {
        lin: () => new nn.Linear(3, 2),
        conv: () => new nn.Conv1d(1, 2, 3),
        norm: () => new nn.BatchNorm1d(2),
        embedding: () => new nn.Embedding(3, 2),
        lstm: () => new nn.LSTM(2, 3),
        attention: () => new nn.MultiheadAttention(4, 2),
        cell: () => new nn.GRUCell(2, 3),
        decoder: () => new nn.TransformerDecoderLayer(4, 2, 8),
        list: () => new nn.ParameterList([torch.zeros(2)]),
      }
      for (const [name, make] of Object.entries(makers)) o[name] = s(make())
      const m = new nn.Module()
      m.registerBuffer('kept', torch.zeros(2))
      m.registerBuffer('other', torch.zeros(2))
      m.registerParameter('p', new nn.Parameter(torch.zeros(2)))
      m.addModule('act', new nn.ReLU())
      m.addModule('tanh', new nn.Tanh())
      o.module = s(m)
      for (const handle of handles) handle.remove()
      o.removed = s(new nn.Linear(3, 2))
    },
  ),
]

testBoth('hooks of registration', scenarios)
