/** Backward hooks as they were before the full ones, against live Python: gradients, warnings, refusals. */
import * as torch from 'libtorch-node'
import { e, type Scenario, testBoth } from './both.js'
import { Child, fail, Net, rec, scenario, seen, Two, v } from './nn-hooks-both.js'

const { nn } = torch
const { module: M } = nn.modules
type Tensor = torch.Tensor
type Module = torch.nn.Module

class Gives extends nn.Module {
  constructor(readonly give: (x: Tensor) => unknown) {
    super()
  }
  override forward(x: Tensor): unknown {
    return this.give(x)
  }
}

/** Results of forward, in both languages: `s` is the sum over what can be differentiated. */
const results: [python: string, here: (x: Tensor) => unknown][] = [
  ['x.relu()', (x) => x.relu()],
  ['x', (x) => x],
  ['x.detach()', (x) => x.detach()],
  ['(x * 2).relu()', (x) => x.mul(2).relu()],
  ['x * x.detach()', (x) => x.mul(x.detach())],
  ['(x * 2, x * 3)', (x) => [x.mul(2), x.mul(3)]],
  ['x.chunk(2)', (x) => x.chunk(2)],
  ['(x * 2, 3)', (x) => [x.mul(2), 3]],
  ['((x * 2,),)', (x) => [[x.mul(2)]]],
  ['(x.detach(), x * 2)', (x) => [x.detach(), x.mul(2)]],
  ["{'a': 1, 'b': x * 2}", (x) => ({ a: 1, b: x.mul(2) })],
  ['()', () => []],
  ['3', () => 3],
  ['None', () => null],
]

const scenarios: Scenario[] = [
  scenario(
    'what they see and change',
    `
lin = nn.Linear(2, 1)
with torch.no_grad(): lin.weight.fill_(2)
h = lin.register_backward_hook(rec('linear', lambda gi, go: (gi[0] * 3, None if gi[1] is None else gi[1] * 5, gi[2] * 7)))
lin(x[None]).sum().backward()
o['linear'] = [seen(), v(x.grad), v(lin.weight.grad), v(lin.bias.grad)]
lin(x.detach()[None]).sum().backward()
o['no gradient for the input'] = seen()
out = lin(x[None])
h.remove()
out.sum().backward()
o['a node keeps its hook'] = seen()
lin(x[None]).sum().backward()
o['removed'] = seen()
act = nn.ReLU()
act.register_backward_hook(rec('first', lambda gi, go: (gi[0] * 2,)))
act.register_backward_hook(rec('second', lambda gi, go: (None,)))
act.register_backward_hook(rec('third'))
y = x * 1
act(y).sum().backward()
o['one after the other'] = seen()
with torch.no_grad(): act(x)
o['nothing recorded'] = seen()
m = Net()
m.register_backward_hook(rec('named'))
m(x, k=2).sum().backward()
Child().register_backward_hook(rec('unused'))
o['by name'] = seen()
`,
    (o, x) => {
      const lin = new nn.Linear(2, 1)
      torch.noGrad(() => lin.weight.fill_(2))
      const handle = lin.registerBackwardHook(
        rec('linear', (gi) => [gi[0].mul(3), gi[1]?.mul(5) ?? null, gi[2].mul(7)]) as never,
      )
      lin.forward(x.unsqueeze(0)).sum().backward()
      o.linear = [seen(), v(x.grad), v(lin.weight.grad), v(lin.bias.grad)]
      lin.forward(x.detach().unsqueeze(0)).sum().backward()
      o['no gradient for the input'] = seen()
      const out = lin.forward(x.unsqueeze(0))
      handle.remove()
      out.sum().backward()
      o['a node keeps its hook'] = seen()
      lin.forward(x.unsqueeze(0)).sum().backward()
      o.removed = seen()
      const act = new nn.ReLU()
      act.registerBackwardHook(rec('first', (gi) => [gi[0].mul(2)]) as never)
      act.registerBackwardHook(rec('second', () => [null]) as never)
      act.registerBackwardHook(rec('third') as never)
      const y = x.mul(1)
      act.forward(y).sum().backward()
      o['one after the other'] = seen()
      torch.noGrad(() => act.forward(x))
      o['nothing recorded'] = seen()
      const m = new Net()
      m.registerBackwardHook(rec('named') as never)
      m.forward(x, { k: 2 }).sum().backward()
      new Child().registerBackwardHook(rec('unused') as never)
      o['by name'] = seen()
    },
  ),
  scenario(
    'what forward gives decides what they miss',
    `
class Gives(nn.Module):
    def __init__(self, give):
        super().__init__()
        self.give = give
    def forward(self, x): return self.give(x)
for code in ${JSON.stringify(results.map(([code]) => code))}:
    m = Gives(eval('lambda x: ' + code))
    m.register_backward_hook(rec('hook'))
    for a in (x, x * 1):
        def run():
            out = m(a)
            if isinstance(out, dict): out = out['b']
            while isinstance(out, tuple): out = out[0]
            if out.grad_fn: out.sum().backward()
        o[code + str(a is x)] = [e(run), seen()]
class Two2(nn.Module):
    def forward(self, a, b): return a * b
m = Two2()
m.register_backward_hook(rec('two'))
m(x * 1, x + 1).sum().backward()
e(lambda: m(x * 1, 3.).sum().backward())
o['two'] = seen()
`,
    (o, x) => {
      for (const [code, give] of results) {
        const m = new Gives(give)
        m.registerBackwardHook(rec('hook') as never)
        for (const a of [x, x.mul(1)]) {
          const run = (): void => {
            let out: any = m.forward(a)
            if (out !== null && typeof out === 'object' && 'b' in out) out = out.b
            while (Array.isArray(out)) out = out[0]
            if (out.gradFn) out.sum().backward()
          }
          o[code + (a === x ? 'True' : 'False')] = [e(run), seen()]
        }
      }
      class Two2 extends nn.Module {
        override forward(a: Tensor, b: Tensor | number): Tensor {
          return a.mul(b as Tensor)
        }
      }
      const m = new Two2()
      m.registerBackwardHook(rec('two') as never)
      m.forward(x.mul(1), x.add(1)).sum().backward()
      m.forward(x.mul(1), 3).sum().backward()
      o.two = seen()
    },
  ),
  scenario(
    'what they may return',
    `
def values(gi): return [(gi[0],), gi[1], 3, (3, gi[1], gi[2]), (torch.ones(7), gi[1], gi[2]), (gi[0].double(), gi[1], gi[2]), (gi[0], None, gi[2]), (gi[0], gi[1], gi[2], None)]
for i in range(8):
    lin = nn.Linear(2, 1)
    def myhook(m, gi, go): return values(gi)[i]
    lin.register_backward_hook(myhook)
    o[str(i)] = e(lambda: lin(x[None]).sum().backward())
lin = nn.Linear(2, 1)
lin.register_backward_hook(lambda m, gi, go: (gi[0], torch.ones(1, 2), gi[2]))
o['none'] = e(lambda: lin(x.detach()[None]).sum().backward())
lin = nn.Linear(2, 1)
lin.register_backward_hook(fail)
o['thrown'] = e(lambda: lin(x.detach()[None]).sum().backward())
`,
    (o, x) => {
      const values = (gi: Tensor[]): unknown[] => [
        [gi[0]],
        gi[1],
        3,
        [3, gi[1], gi[2]],
        [torch.ones(7), gi[1], gi[2]],
        [gi[0]!.double(), gi[1], gi[2]],
        [gi[0], null, gi[2]],
        [gi[0], gi[1], gi[2], null],
      ]
      const row = x.unsqueeze(0)
      for (let i = 0; i < 8; i++) {
        const lin = new nn.Linear(2, 1)
        const myhook = (_: Module, gi: unknown): unknown => values(gi as Tensor[])[i]
        lin.registerBackwardHook(myhook as never)
        o[i] = e(() => lin.forward(row).sum().backward())
      }
      let lin = new nn.Linear(2, 1)
      lin.registerBackwardHook((_, gi) => [gi[0]!, torch.ones(1, 2), gi[2]!])
      o.none = e(() => lin.forward(row.detach()).sum().backward())
      lin = new nn.Linear(2, 1)
      lin.registerBackwardHook(fail)
      o.thrown = e(() => lin.forward(row.detach()).sum().backward())
    },
  ),
  scenario(
    'old and full ones exclude each other, on a module and for all, also when they are gone',
    `
import copy
a, b = nn.ReLU(), nn.ReLU()
h = a.register_backward_hook(rec('old'))
o['old first'] = e(lambda: a.register_full_backward_hook(rec('full')))
h.remove()
o['old removed'] = e(lambda: a.register_full_backward_hook(rec('full')))
o['copy'] = e(lambda: copy.deepcopy(a).register_full_backward_hook(rec('full')))
b.register_full_backward_hook(rec('full')).remove()
o['full first'] = e(lambda: b.register_backward_hook(rec('old')))
o['pre-hooks go with both'] = e(lambda: a.register_full_backward_pre_hook(rec('pre')))
h = G.register_module_backward_hook(rec('all'))
m = Two()
m.inner.register_full_backward_hook(rec('inner'))
m.act.register_backward_hook(rec('act'))
m(x * 1).sum().backward()
o['order'] = seen()
o['all'] = e(lambda: G.register_module_full_backward_hook(rec('full')))
h.remove()
o['all removed'] = e(lambda: G.register_module_full_backward_hook(rec('full')))
m(x * 1).sum().backward()
o['own ones'] = seen()
`,
    (o, x) => {
      const [a, b] = [new nn.ReLU(), new nn.ReLU()]
      const old = a.registerBackwardHook(rec('old') as never)
      o['old first'] = e(() => a.registerFullBackwardHook(rec('full')))
      old.remove()
      o['old removed'] = e(() => a.registerFullBackwardHook(rec('full')))
      o.copy = e(() => a.clone().registerFullBackwardHook(rec('full')))
      b.registerFullBackwardHook(rec('full')).remove()
      o['full first'] = e(() => b.registerBackwardHook(rec('old')))
      o['pre-hooks go with both'] = e(() => a.registerFullBackwardPreHook(rec('pre')))
      const handle = M.registerModuleBackwardHook(rec('all'))
      const m = new Two()
      m.inner.registerFullBackwardHook(rec('inner'))
      m.act.registerBackwardHook(rec('act'))
      m.forward(x.mul(1)).sum().backward()
      o.order = seen()
      o.all = e(() => M.registerModuleFullBackwardHook(rec('full')))
      handle.remove()
      o['all removed'] = e(() => M.registerModuleFullBackwardHook(rec('full')))
      m.forward(x.mul(1)).sum().backward()
      o['own ones'] = seen()
    },
  ),
]

testBoth('backward hooks that are not full', scenarios)
