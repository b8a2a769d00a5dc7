/** Schedulers against live Python: functions of the caller, `lastEpoch` of cycles, nesting, groups that are added later, loading. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { e, type Scenario, type Seen, testBoth } from './both.js'

const L = torch.optim.lrScheduler
type Scheduler = torch.optim.lrScheduler.LRScheduler

const sgd = (...groups: object[]): torch.optim.SGD =>
  new torch.optim.SGD(
    (groups.length > 0 ? groups : [{}]).map((options) => ({
      params: [torch.zeros(1).requiresGrad_()],
      lr: 0.1,
      ...options,
    })),
  )

const prelude = `
from torch.optim.lr_scheduler import *
def sgd(*groups):
    return torch.optim.SGD([{'params': [torch.zeros(1, requires_grad=True)], 'lr': 0.1, **g} for g in (groups or [{}])])
def rates(s, n):
    out = []
    for _ in range(n):
        s.optimizer.step()
        s.step()
        out.append([[g['lr'], g['momentum']] for g in s.optimizer.param_groups] + s.get_last_lr())
    return out
`

/** Rates and momenta of the next steps; JSON has all digits of a double. */
function rates(s: Scheduler, count: number): unknown[] {
  return Array.from({ length: count }, () => {
    s.optimizer.step()
    s.step()
    return [...s.optimizer.paramGroups.map((group: any) => [group.lr, group.momentum]), ...s.getLastLr()]
  })
}

/** A function of the caller with state of its own: Python's callable object. */
const decay = (rate: number) => {
  const f = Object.assign((epoch: number): number => f.rate * epoch, { rate })
  return f
}

const scenarios: Scenario[] = [
  [
    'state of a function of the caller is read from a file',
    `${prelude}
class Decay:
    def __init__(self, rate): self.rate = rate
    def __call__(self, epoch): return self.rate * epoch
first = LambdaLR(sgd({}, {}), [Decay(0.25), lambda e: 1.0])
rates(first, 3)
state = first.state_dict()
o['state'] = state
second = LambdaLR(sgd({}, {}), [Decay(9.0), lambda e: 1.0])
second.load_state_dict(state)
o['rates'] = rates(second, 3)
o['plain'] = LambdaLR(sgd({}, {}), lambda e: 1.0).state_dict()
third = CyclicLR(sgd(), 0.1, 1.0, 4, scale_fn=Decay(9.0))
state = third.state_dict()
state['_scale_fn_custom'] = {'rate': 0.5}
third.load_state_dict(state)
o['cycle'] = rates(third, 12)
o['plain cycle'] = CyclicLR(sgd(), 0.1, 1.0, 4, scale_fn=lambda x: 1 / x).state_dict()
`,
    (o) => {
      const first = new L.LambdaLR(sgd({}, {}), [decay(0.25), () => 1])
      rates(first, 3)
      const state = { ...first.stateDict(), lr_lambdas: [{ rate: 0.25 }, null] }
      o.state = state
      const second = new L.LambdaLR(sgd({}, {}), [decay(9), () => 1])
      second.loadStateDict(state)
      o.rates = rates(second, 3)
      o.plain = new L.LambdaLR(sgd({}, {}), () => 1).stateDict()
      const third = new L.CyclicLR(sgd(), 0.1, 1, { stepSizeUp: 4, scaleFn: decay(9) })
      third.loadStateDict({ ...third.stateDict(), _scale_fn_custom: { rate: 0.5 } })
      o.cycle = rates(third, 12)
      o['plain cycle'] = new L.CyclicLR(sgd(), 0.1, 1, { stepSizeUp: 4, scaleFn: (x) => 1 / x }).stateDict()
    },
  ],
  [
    'cycles of a height that the caller computes',
    `${prelude}
o['by cycle'] = rates(CyclicLR(sgd(), 0.1, 1.0, 4, 3, scale_fn=lambda x: 1 / x), 30)
o['by step'] = rates(CyclicLR(sgd({}, {}), 0.1, [1.0, 2.0], 4, scale_fn=lambda x: 1 / (1 + x / 8), scale_mode='iterations'), 30)
o['any mode'] = rates(CyclicLR(sgd(), 0.1, 1.0, 4, 3, mode='own', scale_fn=lambda x: 0.5), 30)
`,
    (o) => {
      o['by cycle'] = rates(
        new L.CyclicLR(sgd(), 0.1, 1, { stepSizeUp: 4, stepSizeDown: 3, scaleFn: (x) => 1 / x }),
        30,
      )
      const by = { stepSizeUp: 4, scaleFn: (x: number) => 1 / (1 + x / 8), scaleMode: 'iterations' as const }
      o['by step'] = rates(new L.CyclicLR(sgd({}, {}), 0.1, [1, 2], by), 30)
      const own = { stepSizeUp: 4, stepSizeDown: 3, mode: 'own' as any, scaleFn: () => 0.5 }
      o['any mode'] = rates(new L.CyclicLR(sgd(), 0.1, 1, own), 30)
    },
  ],
  [
    'lastEpoch in the constructor of schedulers that move momentum',
    `${prelude}
known = dict(lr=0.05, momentum=0.5, initial_lr=0.02, max_lr=0.4, min_lr=0.001, max_momentum=0.95, base_momentum=0.85)
s = OneCycleLR(sgd(known), 0.4, total_steps=40, last_epoch=11)
o['one'] = [s.get_last_lr(), rates(s, 20), s.state_dict()]
s = OneCycleLR(sgd(known), 0.4, total_steps=40, three_phase=True, anneal_strategy='linear', last_epoch=11)
o['three'] = [s.get_last_lr(), rates(s, 20), s.state_dict()]
s = CyclicLR(sgd(known), 0.1, 1.0, 5, last_epoch=11)
o['cyclic'] = [s.get_last_lr(), rates(s, 20), s.state_dict()]
`,
    (o) => {
      const known = {
        lr: 0.05,
        momentum: 0.5,
        initialLr: 0.02,
        maxLr: 0.4,
        minLr: 0.001,
        maxMomentum: 0.95,
        baseMomentum: 0.85,
      }
      const see = (s: Scheduler): unknown[] => [s.getLastLr(), rates(s, 20), s.stateDict()]
      o.one = see(new L.OneCycleLR(sgd(known), 0.4, { totalSteps: 40, lastEpoch: 11 }))
      const three = { totalSteps: 40, threePhase: true, annealStrategy: 'linear' as const, lastEpoch: 11 }
      o.three = see(new L.OneCycleLR(sgd(known), 0.4, three))
      o.cyclic = see(new L.CyclicLR(sgd(known), 0.1, 1, { stepSizeUp: 5, lastEpoch: 11 }))
    },
  ],
  [
    'schedulers of several optimizers are not put together',
    `${prelude}
a, b = sgd(), sgd({'lr': 0.5})
o['sequential'] = e(lambda: SequentialLR(a, [ConstantLR(a), ExponentialLR(b, 0.9)], [5]))
o['other'] = e(lambda: SequentialLR(b, [ConstantLR(a), ExponentialLR(a, 0.9)], [5]))
o['chained'] = e(lambda: ChainedScheduler([ConstantLR(a), ExponentialLR(b, 0.9)]))
o['given'] = e(lambda: ChainedScheduler([ConstantLR(a)], optimizer=b))
o['no scheduler'] = e(lambda: SequentialLR(a, [3, 4], [5]))
`,
    (o) => {
      const [a, b] = [sgd(), sgd({ lr: 0.5 })]
      o.sequential = e(() => new L.SequentialLR(a, [new L.ConstantLR(a), new L.ExponentialLR(b, 0.9)], [5]))
      o.other = e(() => new L.SequentialLR(b, [new L.ConstantLR(a), new L.ExponentialLR(a, 0.9)], [5]))
      o.chained = e(() => new L.ChainedScheduler([new L.ConstantLR(a), new L.ExponentialLR(b, 0.9)]))
      o.given = e(() => new L.ChainedScheduler([new L.ConstantLR(a)], { optimizer: b }))
      o['no scheduler'] = e(() => new L.SequentialLR(a, [3, 4] as any, [5]))
    },
  ],
  [
    'nesting: chained within sequential, sequential within chained',
    `${prelude}
a = sgd({}, {'lr': 0.3})
inner = ChainedScheduler([ConstantLR(a, 0.5, 3), ExponentialLR(a, 0.9)], optimizer=a)
o['chained state'] = [inner.state_dict(), rates(inner, 5), inner.state_dict()]
b = sgd()
s = ChainedScheduler([SequentialLR(b, [LinearLR(b, 0.1, total_iters=4), ExponentialLR(b, 0.9)], [4]), StepLR(b, 5, 0.5)])
o['sequential in chained'] = [s.state_dict(), rates(s, 12), s.state_dict()]
c = sgd()
s = SequentialLR(c, [SequentialLR(c, [LinearLR(c, 0.1, total_iters=4), ExponentialLR(c, 0.9)], [4]), MultiStepLR(c, [9, 3, 3])], [8])
o['twice'] = [s.state_dict(), rates(s, 20), s.state_dict()]
`,
    (o) => {
      const see = (s: Scheduler, count: number): unknown[] => [s.stateDict(), rates(s, count), s.stateDict()]
      const a = sgd({}, { lr: 0.3 })
      const chained = [new L.ConstantLR(a, 0.5, 3), new L.ExponentialLR(a, 0.9)]
      o['chained state'] = see(new L.ChainedScheduler(chained, { optimizer: a }), 5)
      const b = sgd()
      const warm = (p: torch.optim.SGD) => [new L.LinearLR(p, 0.1, { totalIters: 4 }), new L.ExponentialLR(p, 0.9)]
      o['sequential in chained'] = see(
        new L.ChainedScheduler([new L.SequentialLR(b, warm(b), [4]), new L.StepLR(b, 5, 0.5)]),
        12,
      )
      const c = sgd()
      const multi = () => new L.MultiStepLR(c, [9, 3, 3])
      o.twice = plain(see(new L.SequentialLR(c, [new L.SequentialLR(c, warm(c), [4]), multi()], [8]), 20))
    },
  ],
  [
    'a step of the optimizer that was replaced, and a step to an epoch, are warned of',
    `${prelude}
p = sgd()
s = StepLR(p, 5)
p.step = lambda: None
p.step()
s.step()
s.step(7)
o['rates'] = s.get_last_lr()
`,
    (o) => {
      const p = sgd()
      const s = new L.StepLR(p, 5)
      p.step = (() => undefined) as any
      p.step()
      s.step()
      s.step(7)
      o.rates = [...s.getLastLr()]
    },
  ],
]

/** Names and constructors of what takes a group that comes later. */
const later: [python: string, here: (p: torch.optim.SGD) => Scheduler][] = [
  ['StepLR(p, 2)', (p) => new L.StepLR(p, 2)],
  ['MultiStepLR(p, [3, 4])', (p) => new L.MultiStepLR(p, [3, 4])],
  ['ConstantLR(p, total_iters=3)', (p) => new L.ConstantLR(p, { totalIters: 3 })],
  ['LinearLR(p)', (p) => new L.LinearLR(p)],
  ['ExponentialLR(p, 0.9)', (p) => new L.ExponentialLR(p, 0.9)],
  ['PolynomialLR(p, 9, 2.0)', (p) => new L.PolynomialLR(p, 9, 2)],
  ['CosineAnnealingLR(p, 9)', (p) => new L.CosineAnnealingLR(p, 9)],
  ['MultiplicativeLR(p, lambda e: 0.5)', (p) => new L.MultiplicativeLR(p, () => 0.5)],
  ['LambdaLR(p, lambda e: 0.5)', (p) => new L.LambdaLR(p, () => 0.5)],
  ['CyclicLR(p, 0.1, 1.0)', (p) => new L.CyclicLR(p, 0.1, 1)],
  ['CosineAnnealingWarmRestarts(p, 9)', (p) => new L.CosineAnnealingWarmRestarts(p, 9)],
]

scenarios.push([
  'a group that is added later, where Python takes one',
  `${prelude}
def see(code):
    p = sgd()
    s = eval(code, {**globals(), 'p': p})
    rates(s, 2)
    p.add_param_group({'params': [torch.zeros(2, requires_grad=True)], 'lr': 0.5})
    try:
        return rates(s, 5)
    except Exception:
        return 'refused'
o['seen'] = {code: see(code) for code in ${JSON.stringify(later.map(([code]) => code))}}
`,
  (o) => {
    const see = (make: (typeof later)[number][1]): unknown => {
      const p = sgd()
      const s = make(p)
      rates(s, 2)
      p.addParamGroup({ params: [torch.zeros(2).requiresGrad_()], lr: 0.5 })
      try {
        return rates(s, 5)
      } catch (error) {
        assert.ok(error instanceof torch.TorchError, String(error))
        return 'refused'
      }
    }
    o.seen = Object.fromEntries(later.map(([code, make]) => [code, see(make)]))
  },
])

/** Counts of milestones as JSON has them. */
function plain(value: any): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

testBoth('schedulers: functions, nesting and resuming', scenarios)

test('a scheduler of schedulers has no rates of its own, and says so at the milestone of another', () => {
  const p = sgd()
  const nested = new L.SequentialLR(p, [new L.ConstantLR(p), new L.ExponentialLR(p, 0.9)], [2])
  const outer = new L.SequentialLR(p, [new L.StepLR(p, 3), nested], [1])
  p.step()
  assert.throws(() => outer.step(), /SequentialLR has no rates of its own/)
})

test('state dicts that lack what a scheduler needs are refused', () => {
  const seen: Seen = {}
  seen.lambda = e(() => new L.LambdaLR(sgd(), () => 1).loadStateDict({ last_epoch: 3 }))
  seen.cyclic = e(() => new L.CyclicLR(sgd(), 0.1, 1).loadStateDict({ last_epoch: 3 }))
  seen.chained = e(() => new L.ChainedScheduler([new L.StepLR(sgd(), 3)]).loadStateDict({ _last_lr: [0.1] }))
  assert.deepEqual(seen, {
    lambda: "LambdaLR: the state dict has no 'lr_lambdas'",
    cyclic: "CyclicLR: the state dict has no '_scale_fn_custom'",
    chained: "ChainedScheduler: the state dict has no '_schedulers'",
  })
})

test('ReduceLROnPlateau refuses a value that is no number', () => {
  const step = (metrics: any): string => e(() => new L.ReduceLROnPlateau(sgd()).step(metrics))
  const text = 'ReduceLROnPlateau: metrics must be a number or a tensor of one element, but got '
  assert.equal(step({}), `${text}Object`)
  assert.equal(step('low'), `${text}'low'`)
  assert.equal(step(null), `${text}null`)
  assert.equal(step(undefined), "ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'")
  assert.equal(step(torch.tensor([0.5])), 'no error')
  assert.equal(step(torch.tensor(3)), 'no error')
})
