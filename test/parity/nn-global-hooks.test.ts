/** Hooks of all modules against live Python: what is called, when, with what. */
import * as torch from 'libtorch-node'
import { e, type Scenario, testBoth } from './both.js'
import { Bad, Child, fail, Grandchild, Net, note, rec, scenario, seen, Two, v } from './nn-hooks-both.js'

const { nn } = torch
const { module: M } = nn.modules
type Tensor = torch.Tensor
type Module = torch.nn.Module

const all: Scenario[] = [
  scenario(
    'order: those of all modules come first, in every part',
    `
m = Two()
handles = [
    m.register_forward_pre_hook(rec('own before')), m.register_forward_hook(rec('own after')),
    m.register_full_backward_pre_hook(rec('own pre')), m.register_full_backward_hook(rec('own full')),
    G.register_module_forward_pre_hook(rec('before')), G.register_module_forward_hook(rec('after')),
    G.register_module_forward_hook(rec('after named'), with_kwargs=True),
    G.register_module_full_backward_pre_hook(rec('pre')), G.register_module_full_backward_hook(rec('full')),
]
out = m(x)
o['forward'] = seen()
out.sum().backward()
o['backward'] = [seen(), v(x.grad)]
for h in handles[4:]: h.remove()
m(x).sum().backward()
o['own ones are left'] = seen()
for h in handles: h.remove()
m(x).sum().backward()
o['none'] = seen()
`,
    (o, x) => {
      const m = new Two()
      const handles = [
        m.registerForwardPreHook(rec('own before')),
        m.registerForwardHook(rec('own after')),
        m.registerFullBackwardPreHook(rec('own pre')),
        m.registerFullBackwardHook(rec('own full')),
        M.registerModuleForwardPreHook(rec('before')),
        M.registerModuleForwardHook(rec('after')),
        M.registerModuleForwardHook(rec('after named'), { withKwargs: true }),
        M.registerModuleFullBackwardPreHook(rec('pre')),
        M.registerModuleFullBackwardHook(rec('full')),
      ]
      const out = m.forward(x)
      o.forward = seen()
      out.sum().backward()
      o.backward = [seen(), v(x.grad)]
      for (const handle of handles.slice(4)) handle.remove()
      m.forward(x).sum().backward()
      o['own ones are left'] = seen()
      for (const handle of handles) handle.remove()
      m.forward(x).sum().backward()
      o.none = seen()
    },
  ),
  scenario(
    'what they return replaces',
    `
handles = [
    G.register_module_forward_pre_hook(rec('before', lambda args: (args[0] + 1,))),
    G.register_module_forward_hook(rec('after', lambda args, out: out * 2)),
    G.register_module_full_backward_pre_hook(rec('pre', lambda go: (go[0] * 3,))),
    G.register_module_full_backward_hook(rec('full', lambda gi, go: (gi[0] * 5,))),
]
m = Two()
out = m(x)
out.sum().backward()
o['all'] = [v(out), v(x.grad), seen()]
m.register_forward_hook(rec('own', lambda args, out: out - 1))
o['then its own'] = [v(m(x)), seen()]
for h in handles: h.remove()
o['its own'] = [v(m(x)), seen()]
`,
    (o, x) => {
      const handles = [
        M.registerModuleForwardPreHook(rec('before', (args) => [args[0].add(1)])),
        M.registerModuleForwardHook(rec('after', (_, out) => out.mul(2))),
        M.registerModuleFullBackwardPreHook(rec('pre', (go) => [go[0].mul(3)]) as never),
        M.registerModuleFullBackwardHook(rec('full', (gi) => [gi[0].mul(5)]) as never),
      ]
      const m = new Two()
      const out = m.forward(x)
      out.sum().backward()
      o.all = [v(out), v(x.grad), seen()]
      m.registerForwardHook(rec('own', (_, result) => result.sub(1)))
      o['then its own'] = [v(m.forward(x)), seen()]
      for (const handle of handles) handle.remove()
      o['its own'] = [v(m.forward(x)), seen()]
    },
  ),
  scenario(
    'always called, when forward throws',
    `
m = nn.Sequential(Net(), Bad())
m[1].register_forward_hook(rec('own'), always_call=True)
m[1].register_forward_hook(fail, always_call=True)
handles = [
    G.register_module_forward_hook(rec('never')),
    G.register_module_forward_hook(rec('always'), always_call=True),
    G.register_module_forward_hook(lambda module, *args: fail() if isinstance(module, Bad) else None, always_call=True),
]
o['thrown'] = [e(lambda: m(x)), seen()]
for h in handles: h.remove()
o['own'] = [e(lambda: m(x)), seen()]
`,
    (o, x) => {
      const m = new nn.Sequential(new Net(), new Bad())
      m.at(1).registerForwardHook(rec('own'), { alwaysCall: true })
      m.at(1).registerForwardHook(fail, { alwaysCall: true })
      const handles = [
        M.registerModuleForwardHook(rec('never')),
        M.registerModuleForwardHook(rec('always'), { alwaysCall: true }),
        M.registerModuleForwardHook((module) => (module instanceof Bad ? fail() : undefined), { alwaysCall: true }),
      ]
      o.thrown = [e(() => m.forward(x)), seen()]
      for (const handle of handles) handle.remove()
      o.own = [e(() => m.forward(x)), seen()]
    },
  ),
  scenario(
    'each call of a module is seen once, whatever its class',
    `
class Bare(nn.Module):
    pass
old = Grandchild()
h = G.register_module_forward_hook(lambda module, args, out: log.append([type(module).__name__, len(args)]))
o['inherited'] = [v(old(x)), v(Child()(x)), v(Net()(x, k=2)), seen()]
o['no forward'] = [e(lambda: Bare()(x)), seen()]
class Late(Grandchild):
    def forward(self, x):
        return super().forward(x) * 2
o['later class'] = [v(Late()(x)), seen()]
b = Bare()
b.forward = lambda y: y * 7
o['forward of an object'] = [v(b(x)), seen()]
q = torch.randn(2, 3, 4)
nn.MultiheadAttention(4, 2)(q, q, q)
nn.LSTM(4, 3)(q)
nn.GRUCell(4, 3)(q[0])
nn.EmbeddingBag(5, 3)(torch.tensor([[1, 2]]))
nn.CTCLoss()(torch.randn(5, 1, 3).log_softmax(2), torch.tensor([[1, 2]]), (5,), (2,))
nn.GaussianNLLLoss()(q, q, q * q)
o['layers'] = seen()
enc = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.)
enc(q)
o['encoder in training'] = seen()
enc.eval()
with torch.no_grad(): enc(q)
o['encoder for inference'] = seen()
nn.TransformerEncoder(enc, 2)(q)
nn.TransformerDecoderLayer(4, 2, 8)(q, q)
o['more'] = seen()
lin = Z.weight_norm(nn.Linear(4, 2))
o['made'] = seen()
lin(q)
o['parametrized'] = seen()
lazy = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
lazy(torch.randn(4, 2))
lazy(torch.randn(4, 2))
o['lazy'] = seen()
nn.AdaptiveLogSoftmaxWithLoss(16, 6, [2, 4], 2.)(torch.randn(5, 16), torch.tensor([0, 1, 2, 4, 5]))
o['adaptive'] = seen()
h.remove()
lazy(torch.randn(4, 2)); enc(q); lin(q); Late()(x)
o['removed'] = seen()
`,
    (o, x) => {
      class Bare extends nn.Module {}
      const old = new Grandchild()
      const handle = M.registerModuleForwardHook((module, args) => note([module.constructor.name, args.length]))
      o.inherited = [v(old.forward(x)), v(new Child().forward(x)), v(new Net().forward(x, { k: 2 })), seen()]
      o['no forward'] = [e(() => new Bare().forward(x)), seen()]
      class Late extends Grandchild {
        override forward(y: Tensor): Tensor {
          return super.forward(y).mul(2)
        }
      }
      o['later class'] = [v(new Late().forward(x)), seen()]
      const b: Module = new Bare()
      b.forward = (y: Tensor) => y.mul(7)
      o['forward of an object'] = [v(b.forward(x)), seen()]
      const q = torch.randn(2, 3, 4)
      new nn.MultiheadAttention(4, 2).forward(q, q, q)
      new nn.LSTM(4, 3).forward(q)
      new nn.GRUCell(4, 3).forward(q.select(0, 0))
      new nn.EmbeddingBag(5, 3).forward(torch.tensor([[1n, 2n]]))
      new nn.CTCLoss().forward(torch.randn(5, 1, 3).logSoftmax(2), torch.tensor([[1n, 2n]]), [5], [2])
      new nn.GaussianNLLLoss().forward(q, q, q.mul(q))
      o.layers = seen()
      const enc = new nn.TransformerEncoderLayer(4, 2, 8, { batchFirst: true, dropout: 0 })
      enc.forward(q)
      o['encoder in training'] = seen()
      enc.eval()
      torch.noGrad(() => enc.forward(q))
      o['encoder for inference'] = seen()
      new nn.TransformerEncoder(enc, 2).forward(q)
      new nn.TransformerDecoderLayer(4, 2, 8).forward(q, q)
      o.more = seen()
      const lin = nn.utils.parametrizations.weightNorm(new nn.Linear(4, 2))
      o.made = seen()
      lin.forward(q)
      o.parametrized = seen()
      const lazy = new nn.Sequential(new nn.LazyLinear(3), new nn.LazyBatchNorm1d())
      lazy.forward(torch.randn(4, 2))
      lazy.forward(torch.randn(4, 2))
      o.lazy = seen()
      new nn.AdaptiveLogSoftmaxWithLoss(16, 6, [2, 4], 2).forward(
        torch.randn(5, 16),
        torch.tensor([0n, 1n, 2n, 4n, 5n]),
      )
      o.adaptive = seen()
      handle.remove()
      lazy.forward(torch.randn(4, 2))
      enc.forward(q)
      lin.forward(q)
      new Late().forward(x)
      o.removed = seen()
    },
  ),
]

testBoth('hooks of all modules', all)
