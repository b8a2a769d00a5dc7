/** Hooks of forward and backward of one module against live Python: what is called, when, with what. */
import * as torch from 'libtorch-node'
import { e, type Scenario, testBoth } from './both.js'
import { Bad, fail, Net, rec, scenario, seen, v } from './nn-hooks-both.js'

const { nn } = torch
type Tensor = torch.Tensor
type Module = torch.nn.Module

const own: Scenario[] = [
  scenario(
    'arguments by name reach the hooks that ask for them, and stay when others are replaced',
    `
m = Net()
handles = [
    m.register_forward_pre_hook(rec('plain', lambda args: args[0] * 10)),
    m.register_forward_pre_hook(rec('named', lambda args, kwargs: (args, {**kwargs, 'k': 3})), with_kwargs=True),
    m.register_forward_pre_hook(rec('nothing'), with_kwargs=True),
    m.register_forward_pre_hook(rec('in place', lambda args, kwargs: kwargs.pop('add', None) and None), with_kwargs=True),
    m.register_forward_pre_hook(rec('first'), prepend=True, with_kwargs=True),
    m.register_forward_hook(rec('after', lambda args, out: out + 100)),
    m.register_forward_hook(rec('after named', lambda args, kwargs, out: out + kwargs.get('k', 50)), with_kwargs=True),
    m.register_forward_hook(rec('after first'), prepend=True, with_kwargs=True, always_call=True),
]
o['by name'] = [v(m(x, k=2, add=5)), seen()]
o['none'] = [v(m(x)), seen()]
for h in handles[1::2]: h.remove()
o['some removed'] = [v(m(x, add=7)), seen()]
for h in handles: h.remove()
o['removed'] = [v(m(x, k=2, add=5)), seen()]
`,
    (o, x) => {
      const m = new Net()
      const handles = [
        m.registerForwardPreHook(rec('plain', (args) => args[0].mul(10))),
        m.registerForwardPreHook(
          rec('named', (args, kwargs) => [args, { ...kwargs, k: 3 }]),
          { withKwargs: true },
        ),
        m.registerForwardPreHook(rec('nothing'), { withKwargs: true }),
        m.registerForwardPreHook(
          rec('in place', (_, kwargs) => {
            delete kwargs.add
          }),
          { withKwargs: true },
        ),
        m.registerForwardPreHook(rec('first'), { prepend: true, withKwargs: true }),
        m.registerForwardHook(rec('after', (_, out) => out.add(100))),
        m.registerForwardHook(
          rec('after named', (_, kwargs, out) => out.add(kwargs.k ?? 50)),
          { withKwargs: true },
        ),
        m.registerForwardHook(rec('after first'), { prepend: true, withKwargs: true, alwaysCall: true }),
      ]
      const given = { k: 2, add: 5 }
      o['by name'] = [v(m.forward(x, given)), seen()]
      o.none = [v(m.forward(x)), seen()]
      for (const i of [1, 3, 5, 7]) handles[i]!.remove()
      o['some removed'] = [v(m.forward(x, { add: 7 })), seen()]
      for (const handle of handles) handle.remove()
      o.removed = [v(m.forward(x, given)), seen()]
    },
  ),
  scenario(
    'what a pre-hook with names may return',
    `
m = Net()
for i, value in enumerate([3, 'text', (1,), (1, 2, 3), True, None]):
    h = m.register_forward_pre_hook(lambda *_: value, with_kwargs=True)
    o[str(i)] = e(lambda: m(x, k=2))
    h.remove()
`,
    (o, x) => {
      const m = new Net()
      for (const [i, value] of [3, 'text', [1], [1, 2, 3], true, null].entries()) {
        const handle = m.registerForwardPreHook(() => value, { withKwargs: true })
        o[i] = e(() => m.forward(x, { k: 2 }))
        handle.remove()
      }
    },
  ),
  scenario(
    'hooks that are always called, when forward throws and when hooks do',
    `
m = Bad()
m.register_forward_pre_hook(rec('before', lambda args: args[0] * 2))
m.register_forward_hook(rec('never'))
m.register_forward_hook(rec('always', lambda args, out: 'replaced'), always_call=True)
m.register_forward_hook(fail, always_call=True)
m.register_forward_hook(rec('named'), always_call=True, with_kwargs=True)
o['forward'] = [e(lambda: m(x, k=4)), seen()]
m = Net()
m.register_forward_hook(rec('first', lambda args, out: out + 1), always_call=True)
m.register_forward_hook(rec('thrower', fail), always_call=True)
m.register_forward_hook(rec('skipped'))
m.register_forward_hook(rec('last'), always_call=True, with_kwargs=True)
o['hook'] = [e(lambda: m(x, k=4)), seen()]
m = Net()
m.register_forward_pre_hook(fail)
m.register_forward_hook(rec('after'), always_call=True)
o['pre-hook'] = [e(lambda: m(x, k=4)), seen()]
`,
    (o, x) => {
      let m: Module = new Bad()
      m.registerForwardPreHook(rec('before', (args) => args[0].mul(2)))
      m.registerForwardHook(rec('never'))
      m.registerForwardHook(
        rec('always', () => 'replaced'),
        { alwaysCall: true },
      )
      m.registerForwardHook(fail, { alwaysCall: true })
      m.registerForwardHook(rec('named'), { alwaysCall: true, withKwargs: true })
      o.forward = [e(() => m.forward(x, { k: 4 })), seen()]
      m = new Net()
      m.registerForwardHook(
        rec('first', (_, out) => out.add(1)),
        { alwaysCall: true },
      )
      m.registerForwardHook(rec('thrower', fail), { alwaysCall: true })
      m.registerForwardHook(rec('skipped'))
      m.registerForwardHook(rec('last'), { alwaysCall: true, withKwargs: true })
      o.hook = [e(() => m.forward(x, { k: 4 })), seen()]
      m = new Net()
      m.registerForwardPreHook(fail)
      m.registerForwardHook(rec('after'), { alwaysCall: true })
      o['pre-hook'] = [e(() => m.forward(x, { k: 4 })), seen()]
    },
  ),
  scenario(
    'backward hooks see what came by position',
    `
m = Net()
m.register_forward_pre_hook(rec('before', lambda args, kwargs: (args, {'k': 3})), with_kwargs=True)
m.register_full_backward_hook(rec('full', lambda gi, go: (gi[0] * 5,)))
m(x, k=2, add=x.detach()).sum().backward()
o['seen'] = [seen(), v(x.grad)]
class Odd(nn.Module):
    def forward(self, x): return {'a': x}
m = Odd()
m.register_full_backward_hook(rec('odd'))
o['no tensor'] = v(m(x))
`,
    (o, x) => {
      const m = new Net()
      m.registerForwardPreHook(
        rec('before', (args) => [args, { k: 3 }]),
        { withKwargs: true },
      )
      m.registerFullBackwardHook(rec('full', (gi) => [gi[0].mul(5)]) as never)
      m.forward(x, { k: 2, add: x.detach() as never })
        .sum()
        .backward()
      o.seen = [seen(), v(x.grad)]
      class Odd extends nn.Module {
        override forward(a: Tensor): object {
          return { a }
        }
      }
      const odd = new Odd()
      odd.registerFullBackwardHook(rec('odd'))
      o['no tensor'] = v(odd.forward(x))
    },
  ),
]

testBoth('hooks of one module', own)
