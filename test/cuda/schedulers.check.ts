/** Schedulers of `torch.optim.lr_scheduler` where the rate is a tensor on the device: twelve rates and the parameters. */
import { type Scenario, testBoth } from './harness.js'
import { type SchedulerCase, schedulerCase } from './optimizers.js'

const warmUp: SchedulerCase['scheduler'] = ['LinearLR', { start_factor: 0.1, total_iters: 4 }]
const schedulers: SchedulerCase['scheduler'][] = [
  ['StepLR', { step_size: 3, gamma: 0.7 }],
  ['MultiStepLR', { milestones: [2, 5], gamma: 0.5 }],
  ['ConstantLR', { factor: 0.5, total_iters: 4 }],
  warmUp,
  ['ExponentialLR', { gamma: 0.9 }],
  ['PolynomialLR', { total_iters: 9, power: 0.9 }],
  ['CosineAnnealingLR', { T_max: 10, eta_min: 0.001 }],
  ['CosineAnnealingWarmRestarts', { T_0: 3, T_mult: 2 }],
  ['LambdaLR', { lr_lambda: 'shrinks' }],
  ['MultiplicativeLR', { lr_lambda: 'shrinks' }],
  ['CyclicLR', { base_lr: 0.001, max_lr: 0.01, step_size_up: 4 }],
  ['OneCycleLR', { max_lr: 0.01, total_steps: 20 }],
  ['ReduceLROnPlateau', { factor: 0.5, patience: 2 }],
  ['SequentialLR', { schedulers: [warmUp, ['CosineAnnealingLR', { T_max: 8 }]], milestones: [4] }],
  ['ChainedScheduler', { schedulers: [warmUp, ['ExponentialLR', { gamma: 0.9 }]] }],
]
const optimizers: [name: string, options: Record<string, unknown>, cuda: boolean][] = [
  ['SGD', { lr: 0.01, momentum: 0.9 }, false],
  ['AdamW', { lr: 0.01, capturable: true }, true],
  ['Adam', { lr: 0.01, foreach: false }, false],
]

const scenarios = optimizers.flatMap(([optimizer, options, cuda]) =>
  schedulers.map((scheduler): Scenario => {
    const spec = { optimizer, options, scheduler }
    return {
      title: `${scheduler[0]} with ${optimizer}`,
      python: `scheduler_case(o, json.loads('${JSON.stringify(spec)}'))`,
      node: (o) => schedulerCase(o, spec),
      cuda,
    }
  }),
)

testBoth('schedulers of tensors as rates', scenarios)
