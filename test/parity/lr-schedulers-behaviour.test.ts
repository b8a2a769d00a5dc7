/** Schedulers beside their rates, against live Python: refusals, warnings, jumps to an epoch, resuming by `lastEpoch`, groups added later. */
import * as torch from 'libtorch-node'
import { e, type Scenario, testBoth } from './both.js'

const L = torch.optim.lrScheduler
type Groups = { lr?: number; momentum?: number }[]

const sgd = (...groups: Groups) =>
  new torch.optim.SGD(
    (groups.length > 0 ? groups : [{}]).map((options) => ({
      params: [torch.zeros(1).requiresGrad_()],
      lr: 0.1,
      ...options,
    })),
  )
const rprop = () => new torch.optim.Rprop([torch.zeros(1).requiresGrad_()])

const prelude = `
from torch.optim.lr_scheduler import *
from torch.optim.lr_scheduler import EPOCH_DEPRECATION_WARNING
def sgd(*groups):
    return torch.optim.SGD([{'params': [torch.zeros(1, requires_grad=True)], 'lr': 0.1, **g} for g in (groups or [{}])])
def rprop():
    return torch.optim.Rprop([torch.zeros(1, requires_grad=True)])
`

/** The message of what both sides refuse. */
const refused: [python: string, here: () => unknown][] = [
  ['LambdaLR(sgd(), [lambda e: 1, lambda e: 1])', () => new L.LambdaLR(sgd(), [() => 1, () => 1])],
  ['MultiplicativeLR(sgd({}, {}), [lambda e: 1])', () => new L.MultiplicativeLR(sgd({}, {}), [() => 1])],
  ['ConstantLR(sgd(), factor=1.5)', () => new L.ConstantLR(sgd(), { factor: 1.5 })],
  ['ConstantLR(sgd(), factor=-0.5)', () => new L.ConstantLR(sgd(), { factor: -0.5 })],
  ['LinearLR(sgd(), start_factor=0.0)', () => new L.LinearLR(sgd(), { startFactor: 0 })],
  ['LinearLR(sgd(), start_factor=1.5)', () => new L.LinearLR(sgd(), { startFactor: 1.5 })],
  ['LinearLR(sgd(), end_factor=1.5)', () => new L.LinearLR(sgd(), { endFactor: 1.5 })],
  ['LinearLR(sgd(), end_factor=-0.5)', () => new L.LinearLR(sgd(), { endFactor: -0.5 })],
  ['CosineAnnealingWarmRestarts(sgd(), 0)', () => new L.CosineAnnealingWarmRestarts(sgd(), 0)],
  ['CosineAnnealingWarmRestarts(sgd(), 2, 0)', () => new L.CosineAnnealingWarmRestarts(sgd(), 2, 0)],
  ['CosineAnnealingWarmRestarts(sgd(), 2).step(-1)', () => new L.CosineAnnealingWarmRestarts(sgd(), 2).step(-1)],
  ['CyclicLR(sgd(), [0.1, 0.2], 1.0)', () => new L.CyclicLR(sgd(), [0.1, 0.2], 1)],
  ['CyclicLR(sgd(), 0.1, [1.0, 2.0])', () => new L.CyclicLR(sgd(), 0.1, [1, 2])],
  ["CyclicLR(sgd(), 0.1, 1.0, mode='square')", () => new L.CyclicLR(sgd(), 0.1, 1, { mode: 'square' as any })],
  ['CyclicLR(rprop(), 0.1, 1.0)', () => new L.CyclicLR(rprop(), 0.1, 1)],
  ['OneCycleLR(rprop(), 0.1, total_steps=10)', () => new L.OneCycleLR(rprop(), 0.1, { totalSteps: 10 })],
  ['OneCycleLR(sgd(), 0.1)', () => new L.OneCycleLR(sgd(), 0.1)],
  ['OneCycleLR(sgd(), 0.1, total_steps=-5)', () => new L.OneCycleLR(sgd(), 0.1, { totalSteps: -5 })],
  ['OneCycleLR(sgd(), 0.1, total_steps=2.5)', () => new L.OneCycleLR(sgd(), 0.1, { totalSteps: 2.5 })],
  [
    'OneCycleLR(sgd(), 0.1, epochs=0, steps_per_epoch=3)',
    () => new L.OneCycleLR(sgd(), 0.1, { epochs: 0, stepsPerEpoch: 3 }),
  ],
  [
    'OneCycleLR(sgd(), 0.1, epochs=3, steps_per_epoch=-3)',
    () => new L.OneCycleLR(sgd(), 0.1, { epochs: 3, stepsPerEpoch: -3 }),
  ],
  ['OneCycleLR(sgd(), 0.1, epochs=3)', () => new L.OneCycleLR(sgd(), 0.1, { epochs: 3 })],
  [
    'OneCycleLR(sgd(), 0.1, total_steps=10, pct_start=1.5)',
    () => new L.OneCycleLR(sgd(), 0.1, { totalSteps: 10, pctStart: 1.5 }),
  ],
  [
    "OneCycleLR(sgd(), 0.1, total_steps=10, anneal_strategy='log')",
    () => new L.OneCycleLR(sgd(), 0.1, { totalSteps: 10, annealStrategy: 'log' as any }),
  ],
  ['OneCycleLR(sgd(), [0.1, 0.2], total_steps=10)', () => new L.OneCycleLR(sgd(), [0.1, 0.2], { totalSteps: 10 })],
  [
    '[s.step() for s in [OneCycleLR(sgd(), 0.1, total_steps=3)] for _ in range(9)]',
    () => {
      const s = new L.OneCycleLR(sgd(), 0.1, { totalSteps: 3 })
      for (let i = 0; i < 9; i++) s.step()
    },
  ],
  ["ReduceLROnPlateau(sgd(), mode='mean')", () => new L.ReduceLROnPlateau(sgd(), { mode: 'mean' as any })],
  ["ReduceLROnPlateau(sgd(), threshold_mode='x')", () => new L.ReduceLROnPlateau(sgd(), { thresholdMode: 'x' as any })],
  ['ReduceLROnPlateau(sgd(), factor=1.0)', () => new L.ReduceLROnPlateau(sgd(), { factor: 1 })],
  ['ReduceLROnPlateau(sgd(), min_lr=[0.1, 0.2])', () => new L.ReduceLROnPlateau(sgd(), { minLr: [0.1, 0.2] })],
  ['SequentialLR(sgd(), [], [])', () => new L.SequentialLR(sgd(), [], [])],
  [
    '[SequentialLR(o, [ConstantLR(o), ExponentialLR(o, 0.9)], [5, 9]) for o in [sgd()]]',
    () => {
      const o = sgd()
      new L.SequentialLR(o, [new L.ConstantLR(o), new L.ExponentialLR(o, 0.9)], [5, 9])
    },
  ],
  [
    '[SequentialLR(o, [ConstantLR(o), ReduceLROnPlateau(o)], [5]) for o in [sgd()]]',
    () => {
      const o = sgd()
      new L.SequentialLR(o, [new L.ConstantLR(o), new L.ReduceLROnPlateau(o)], [5])
    },
  ],
  ['ChainedScheduler([])', () => new L.ChainedScheduler([])],
  [
    '[ChainedScheduler([ReduceLROnPlateau(o)]) for o in [sgd()]]',
    () => new L.ChainedScheduler([new L.ReduceLROnPlateau(sgd())]),
  ],
]

const scenarios: Scenario[] = [
  [
    'refusals',
    `${prelude}
o['refused'] = {code: e(lambda: eval(code)) for code in ${JSON.stringify(refused.map(([code]) => code))}}
`,
    (o) => {
      o.refused = Object.fromEntries(refused.map(([code, here]) => [code, e(here)]))
    },
  ],
  [
    'jumps to an epoch',
    `${prelude}
import struct
jumps = [0, 29, 5, 30, 31, 95, 3]
def rates(make):
    out = []
    for j in jumps:
        s = make(sgd())
        s.optimizer.step()
        s.step(j)
        out += [lr.hex() for lr in s.get_last_lr()]
        s.step()
        out += [lr.hex() for lr in s.get_last_lr()]
    return out
# Python says it for each line of code, and here it is said once
warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning)
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    o['rates'] = [rates(m) for m in (lambda p: StepLR(p, 9, 0.7), lambda p: MultiStepLR(p, [5, 30, 90], 0.5), lambda p: ConstantLR(p, 0.5, 30),
        lambda p: LinearLR(p, 0.1, 1.0, 31), lambda p: ExponentialLR(p, 0.97), lambda p: PolynomialLR(p, 64, 2.0), lambda p: CosineAnnealingLR(p, 50, 0.01),
        lambda p: LambdaLR(p, lambda e: 1 / (1 + e)), lambda p: CosineAnnealingWarmRestarts(p, 7, 2))]
`,
    (o) => {
      const made: ((p: torch.optim.SGD) => torch.optim.lrScheduler.LRScheduler)[] = [
        (p) => new L.StepLR(p, 9, 0.7),
        (p) => new L.MultiStepLR(p, [5, 30, 90], 0.5),
        (p) => new L.ConstantLR(p, 0.5, 30),
        (p) => new L.LinearLR(p, 0.1, 1, 31),
        (p) => new L.ExponentialLR(p, 0.97),
        (p) => new L.PolynomialLR(p, 64, 2),
        (p) => new L.CosineAnnealingLR(p, 50, 0.01),
        (p) => new L.LambdaLR(p, (e) => 1 / (1 + e)),
        (p) => new L.CosineAnnealingWarmRestarts(p, 7, 2),
      ]
      o.rates = made.map((make) =>
        [0, 29, 5, 30, 31, 95, 3].flatMap((jump) => {
          const s = make(sgd())
          s.optimizer.step()
          const seen: string[] = []
          s.step(jump)
          seen.push(...s.getLastLr().map(hex))
          s.step()
          return [...seen, ...s.getLastLr().map(hex)]
        }),
      )
    },
  ],
  [
    'lastEpoch in the constructor goes on from groups with initial_lr',
    `${prelude}
def rates(make):
    p = sgd({'lr': 0.05, 'initial_lr': 0.1}, {'lr': 0.2, 'initial_lr': 0.4})
    s = make(p)
    out = [[lr.hex() for lr in s.get_last_lr()]]
    for _ in range(20):
        p.step()
        s.step()
        out.append([lr.hex() for lr in s.get_last_lr()])
    return out
o['rates'] = [rates(m) for m in (lambda p: StepLR(p, 9, 0.7, last_epoch=11), lambda p: MultiStepLR(p, [5, 30, 90], 0.5, last_epoch=11), lambda p: ConstantLR(p, 0.5, 15, last_epoch=11),
    lambda p: LinearLR(p, 0.1, 1.0, 31, last_epoch=11), lambda p: ExponentialLR(p, 0.97, last_epoch=11), lambda p: PolynomialLR(p, 64, 2.0, last_epoch=11), lambda p: CosineAnnealingLR(p, 50, 0.01, last_epoch=11),
    lambda p: LambdaLR(p, lambda e: 1 / (1 + e), last_epoch=11), lambda p: MultiplicativeLR(p, lambda e: 0.9, last_epoch=11), lambda p: CosineAnnealingWarmRestarts(p, 7, 2, last_epoch=11))]
o['missing'] = e(lambda: StepLR(sgd(), 9, last_epoch=3)).strip('"').split('when')[0]
`,
    (o) => {
      const made: ((p: torch.optim.SGD) => torch.optim.lrScheduler.LRScheduler)[] = [
        (p) => new L.StepLR(p, 9, 0.7, { lastEpoch: 11 }),
        (p) => new L.MultiStepLR(p, [5, 30, 90], 0.5, { lastEpoch: 11 }),
        (p) => new L.ConstantLR(p, 0.5, 15, { lastEpoch: 11 }),
        (p) => new L.LinearLR(p, 0.1, 1, 31, { lastEpoch: 11 }),
        (p) => new L.ExponentialLR(p, 0.97, { lastEpoch: 11 }),
        (p) => new L.PolynomialLR(p, 64, 2, { lastEpoch: 11 }),
        (p) => new L.CosineAnnealingLR(p, 50, 0.01, { lastEpoch: 11 }),
        (p) => new L.LambdaLR(p, (e) => 1 / (1 + e), { lastEpoch: 11 }),
        (p) => new L.MultiplicativeLR(p, () => 0.9, { lastEpoch: 11 }),
        (p) => new L.CosineAnnealingWarmRestarts(p, 7, 2, { lastEpoch: 11 }),
      ]
      o.rates = made.map((make) => {
        const p = sgd({ lr: 0.05, initialLr: 0.1 } as object, { lr: 0.2, initialLr: 0.4 } as object)
        const s = make(p)
        const seen = [s.getLastLr().map(hex)]
        for (let i = 0; i < 20; i++) {
          p.step()
          s.step()
          seen.push(s.getLastLr().map(hex))
        }
        return seen
      })
      o.missing = e(() => new L.StepLR(sgd(), 9, { lastEpoch: 3 })).split('when')[0]
    },
  ],
  [
    'a step before the optimizer’s, and rates asked for at the wrong time, are warned of',
    `${prelude}
p = sgd()
s = ExponentialLR(p, 0.9)
s.step()
s.step()
o['rates'] = s.get_last_lr()
s.get_lr()
for make in (lambda p: LinearLR(p), lambda p: MultiStepLR(p, [1]), lambda p: LambdaLR(p, lambda e: 1), lambda p: CosineAnnealingWarmRestarts(p, 3), lambda p: CyclicLR(p, 0.1, 1.0, cycle_momentum=False)):
    make(sgd()).get_lr()
`,
    (o) => {
      const p = sgd()
      const s = new L.ExponentialLR(p, 0.9)
      s.step()
      s.step()
      o.rates = [...s.getLastLr()]
      s.getLr()
      new L.LinearLR(sgd()).getLr()
      new L.MultiStepLR(sgd(), [1]).getLr()
      new L.LambdaLR(sgd(), () => 1).getLr()
      new L.CosineAnnealingWarmRestarts(sgd(), 3).getLr()
      new L.CyclicLR(sgd(), 0.1, 1, { cycleMomentum: false }).getLr()
    },
  ],
  [
    'ReduceLROnPlateau takes a group that is added later',
    `${prelude}
p = sgd()
s = ReduceLROnPlateau(p, patience=0, factor=0.5)
s.step(1.0)
p.add_param_group({'params': [torch.zeros(2, requires_grad=True)], 'lr': 0.3})
s.step(torch.tensor(1.0))
s.step(2.0)
o['rates'] = [lr.hex() for lr in s.get_last_lr()]
o['bad'] = [s.num_bad_epochs, s.in_cooldown, s.best]
q = sgd()
s = ReduceLROnPlateau(q, patience=0, min_lr=[0.01])
q.add_param_group({'params': [torch.zeros(2, requires_grad=True)], 'lr': 0.3})
s.step(1.0)
o['fails'] = e(lambda: s.step(1.0))
`,
    (o) => {
      const p = sgd()
      let s = new L.ReduceLROnPlateau(p, { patience: 0, factor: 0.5 })
      s.step(1)
      p.addParamGroup({ params: [torch.zeros(2).requiresGrad_()], lr: 0.3 })
      s.step(torch.tensor(1))
      s.step(2)
      o.rates = s.getLastLr().map(hex)
      o.bad = [s.numBadEpochs, s.inCooldown, s.best]
      const q = sgd()
      s = new L.ReduceLROnPlateau(q, { patience: 0, minLr: [0.01] })
      q.addParamGroup({ params: [torch.zeros(2).requiresGrad_()], lr: 0.3 })
      s.step(1)
      o.fails = e(() => s.step(1))
    },
  ],
]

/** A rate as Python's `float.hex()` has it. */
function hex(value: unknown): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Number(value))
  const bits = view.getBigUint64(0)
  if (bits === 0n) return '0x0.0p+0'
  const exponent = Number((bits >> 52n) & 0x7ffn) - 1023
  const fraction = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0')
  return `0x1.${fraction}p${exponent < 0 ? '' : '+'}${exponent}`
}

testBoth('schedulers beside their rates', scenarios)
