/** What lr-schedulers.test.ts runs; options have Python's names. */
import type { Dtype } from 'libtorch-node'

export interface Case {
  /** rates of the groups */
  lrs: number[]
  /** a scheduler of Python and its options; in those of several others, further such pairs */
  scheduler: [name: string, options: Record<string, any>]
  /** Adam in place of SGD with momentum */
  adam?: boolean
  /** the rates are tensors of that dtype */
  tensorLr?: Dtype
  /** step(i / fractions) */
  fractions?: number
  /** step(metrics[i]) */
  metrics?: number[]
}

/** The same in lr_schedulers_oracle.py. */
export const lambdas: Record<string, (epoch: number) => number> = {
  halves: (e) => 1 / (1 + e / 2),
  shrinks: (e) => 0.95 + 0.01 * (e % 3),
}

// a loss that falls, stands still, and gets worse at times
const losses = Array.from(
  { length: 100 },
  (_, i) => 1 / (1 + Math.min(i, 40)) + ((i * 7919) % 13) / (i < 50 ? 1000 : 20),
)

export const cases: Record<string, Case> = {}

function add(name: string, optionSets: object[], extra: Partial<Case> = {}): void {
  for (const options of optionSets) {
    for (const lrs of extra.lrs ? [extra.lrs] : [[0.1], [0.3, 1e-3]]) {
      const { lrs: _, ...rest } = extra
      const note = Object.entries(rest).map(([key, value]) => `, ${key}${Array.isArray(value) ? '' : ` ${value}`}`)
      cases[`${name} ${JSON.stringify(options)} from ${lrs}${note.join('')}`] = {
        lrs,
        scheduler: [name, options],
        ...rest,
      }
    }
  }
}

add('StepLR', [{ step_size: 30 }, { step_size: 7, gamma: 0.7 }])
add('MultiStepLR', [
  { milestones: [30, 80] },
  { milestones: [10, 20, 70], gamma: 0.5 },
  { milestones: [5, 5, 50], gamma: 0.7 },
  { milestones: [1, 2, 3, 4], gamma: 1 / 3 },
  { milestones: [200] },
])
add('ConstantLR', [
  {},
  { factor: 0.5, total_iters: 4 },
  { factor: 0.1, total_iters: 40 },
  { factor: 1 },
  { total_iters: 64 },
])
add('LinearLR', [
  {},
  { start_factor: 0.5, total_iters: 4 },
  { start_factor: 0.01, end_factor: 0.9, total_iters: 70 },
  { start_factor: 1, end_factor: 0.1, total_iters: 33 },
  { end_factor: 0, total_iters: 50 },
])
add('ExponentialLR', [{ gamma: 0.9 }, { gamma: 0.97 }, { gamma: 1 }, { gamma: 1.01 }, { gamma: 1 / 3 }])
add('PolynomialLR', [
  {},
  { total_iters: 40 },
  { total_iters: 90, power: 2 },
  { total_iters: 64, power: 0.5 },
  { total_iters: 100, power: 0.9 },
])
add('CosineAnnealingLR', [
  { T_max: 100 },
  { T_max: 10 },
  { T_max: 7, eta_min: 0.01 },
  { T_max: 33, eta_min: 1e-5 },
  { T_max: 50 },
])
add('LambdaLR', [{ lr_lambda: 'halves' }, { lr_lambda: 'shrinks' }])
add('LambdaLR', [{ lr_lambda: ['halves', 'shrinks'] }], { lrs: [0.1, 0.2] })
add('LambdaLR', [{ lr_lambda: ['halves', 'shrinks', 'halves'] }], { lrs: [0.1, 0.2, 1] })
add('MultiplicativeLR', [{ lr_lambda: 'halves' }, { lr_lambda: 'shrinks' }])
add('MultiplicativeLR', [{ lr_lambda: ['shrinks', 'halves'] }], { lrs: [0.1, 0.2] })
add('CosineAnnealingWarmRestarts', [
  { T_0: 10 },
  { T_0: 10, T_mult: 2 },
  { T_0: 7, eta_min: 0.001 },
  { T_0: 3, T_mult: 3, eta_min: 1e-4 },
  { T_0: 1 },
])
add('CosineAnnealingWarmRestarts', [{ T_0: 3 }, { T_0: 2, T_mult: 2 }, { T_0: 1, T_mult: 3, eta_min: 0.01 }], {
  fractions: 8,
})
const cycles = [
  { base_lr: 0.01, max_lr: 0.1, step_size_up: 10 },
  { base_lr: 0.01, max_lr: 0.1, step_size_up: 10, step_size_down: 25, mode: 'triangular2' },
  { base_lr: 1e-4, max_lr: 0.5, step_size_up: 7, mode: 'exp_range', gamma: 0.99 },
  { base_lr: 0.01, max_lr: 1, step_size_up: 5, base_momentum: 0.7, max_momentum: 0.99 },
  { base_lr: 0.01, max_lr: 0.1, step_size_up: 10, cycle_momentum: false },
  { base_lr: 0.01, max_lr: 0.1 },
]
add('CyclicLR', cycles)
add('CyclicLR', cycles.slice(0, 3), { adam: true })
add(
  'CyclicLR',
  [
    {
      base_lr: [0.01, 0.02],
      max_lr: [0.1, 0.3],
      step_size_up: 9,
      base_momentum: [0.7, 0.8],
      max_momentum: [0.9, 0.95],
    },
  ],
  {
    lrs: [0.1, 0.1],
  },
)
const oneCycles = [
  { max_lr: 0.1, total_steps: 120 },
  { max_lr: 0.1, epochs: 11, steps_per_epoch: 10, pct_start: 0.25 },
  { max_lr: 0.5, total_steps: 101, anneal_strategy: 'linear' },
  { max_lr: 0.1, total_steps: 130, three_phase: true, pct_start: 0.4 },
  { max_lr: 1, total_steps: 110, div_factor: 10, final_div_factor: 100, base_momentum: 0.8, max_momentum: 0.99 },
  { max_lr: 0.1, total_steps: 120, cycle_momentum: false },
]
add('OneCycleLR', oneCycles)
add('OneCycleLR', oneCycles.slice(0, 4), { adam: true })
add('OneCycleLR', [{ max_lr: [0.1, 0.3], total_steps: 120 }], { lrs: [0.1, 0.1] })
add(
  'ReduceLROnPlateau',
  [
    {},
    { factor: 0.5, patience: 3 },
    { mode: 'max', patience: 5, threshold: 0.01 },
    { threshold_mode: 'abs', threshold: 0.005, patience: 2, cooldown: 4 },
    { factor: 0.1, patience: 0, min_lr: 1e-3 },
    { factor: 0.9, patience: 1, eps: 1e-3 },
  ],
  { metrics: losses },
)
add('ReduceLROnPlateau', [{ patience: 2, min_lr: [0.01, 1e-4] }], { lrs: [0.1, 0.3], metrics: losses })
const warmUp = ['LinearLR', { start_factor: 0.1, total_iters: 10 }]
add('SequentialLR', [
  { schedulers: [warmUp, ['CosineAnnealingLR', { T_max: 90 }]], milestones: [10] },
  {
    schedulers: [
      ['ConstantLR', { factor: 0.1, total_iters: 20 }],
      ['ExponentialLR', { gamma: 0.9 }],
    ],
    milestones: [20],
  },
  { schedulers: [warmUp, ['StepLR', { step_size: 9 }], ['PolynomialLR', { total_iters: 30 }]], milestones: [10, 50] },
  {
    schedulers: [warmUp, ['LambdaLR', { lr_lambda: 'shrinks' }], ['MultiStepLR', { milestones: [5, 9] }]],
    milestones: [5, 64],
  },
  { schedulers: [['ExponentialLR', { gamma: 0.95 }]], milestones: [] },
  {
    schedulers: [
      ['SequentialLR', { schedulers: [warmUp, ['ExponentialLR', { gamma: 0.9 }]], milestones: [10] }],
      ['StepLR', { step_size: 9 }],
    ],
    milestones: [40],
  },
])
add('ChainedScheduler', [
  {
    schedulers: [
      ['ConstantLR', { factor: 0.1, total_iters: 20 }],
      ['ExponentialLR', { gamma: 0.9 }],
    ],
  },
  { schedulers: [warmUp, ['CosineAnnealingLR', { T_max: 50 }]] },
  {
    schedulers: [
      ['StepLR', { step_size: 9 }],
      ['MultiplicativeLR', { lr_lambda: 'shrinks' }],
      ['PolynomialLR', { total_iters: 30 }],
    ],
  },
  { schedulers: [['ExponentialLR', { gamma: 0.99 }]] },
  {
    schedulers: [
      ['MultiStepLR', { milestones: [5, 9] }],
      ['LambdaLR', { lr_lambda: 'shrinks' }],
    ],
  },
])
for (const tensorLr of ['float32', 'float64'] as const) {
  const extra = { tensorLr, adam: true, lrs: [0.1] }
  add('StepLR', [{ step_size: 7, gamma: 0.7 }], extra)
  add('MultiStepLR', [{ milestones: [10, 20] }], extra)
  add('ConstantLR', [{ total_iters: 9 }], extra)
  add('LinearLR', [{ total_iters: 50 }], extra)
  add('ExponentialLR', [{ gamma: 0.97 }], extra)
  add('PolynomialLR', [{ total_iters: 90, power: 2 }], extra)
  add('CosineAnnealingLR', [{ T_max: 33, eta_min: 1e-5 }], extra)
  add('LambdaLR', [{ lr_lambda: 'halves' }], extra)
  add('MultiplicativeLR', [{ lr_lambda: 'shrinks' }], extra)
  add('CosineAnnealingWarmRestarts', [{ T_0: 7, eta_min: 0.001 }], extra)
  add('CyclicLR', cycles.slice(0, 3), extra)
  add('OneCycleLR', oneCycles.slice(0, 2), extra)
  add('ReduceLROnPlateau', [{ patience: 2 }], { ...extra, metrics: losses })
  add('SequentialLR', [{ schedulers: [warmUp, ['CosineAnnealingLR', { T_max: 90 }]], milestones: [10] }], extra)
}
