/**
 * Every optimizer of `torch.optim` on the device against Python: five steps, parameters and state by their bytes, then two more of
 * an optimizer that loaded the state. What is taken where nothing is said (foreach), one parameter at a time, fused, capturable.
 */
import * as torch from 'libtorch-node'
import { device, type Scenario, testBoth } from './harness.js'
import { lbfgsCase, type OptimizerCase, optimizerCase } from './optimizers.js'

const scenarios: Scenario[] = []

function add(
  spec: Partial<OptimizerCase> & Pick<OptimizerCase, 'optimizer' | 'options'>,
  more: Partial<Scenario> = {},
) {
  const whole: OptimizerCase = { dtype: 'float32', shapes: 'any', tensorLr: false, allGradients: false, ...spec }
  const { optimizer, options, dtype, tensorLr } = whole
  scenarios.push({
    title: `${optimizer} ${JSON.stringify(options)} ${dtype}${tensorLr ? ' with a tensor as rate' : ''}`,
    python: `optimizer_case(o, json.loads('${JSON.stringify(whole)}'))`,
    node: (o) => optimizerCase(o, whole),
    ...more,
  })
}

/** Option sets of the optimizers that have `foreach`. */
const optionSets: Record<string, object[]> = {
  SGD: [{ lr: 0.1 }, { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01 }],
  Adam: [{ lr: 0.01 }, { lr: 0.01, amsgrad: true, weight_decay: 0.1, maximize: true }],
  AdamW: [{ lr: 0.01 }, { lr: 0.01, betas: [0.8, 0.95], amsgrad: true, weight_decay: 0.1 }],
  Adamax: [{ lr: 0.01 }, { lr: 0.01, weight_decay: 0.1, maximize: true }],
  NAdam: [{ lr: 0.01 }, { lr: 0.01, weight_decay: 0.1, decoupled_weight_decay: true }],
  RAdam: [{ lr: 0.01 }, { lr: 0.01, betas: [0.8, 0.9], weight_decay: 0.1 }],
  RMSprop: [{ lr: 0.01 }, { lr: 0.01, momentum: 0.9, centered: true, weight_decay: 0.1 }],
  Adadelta: [{ lr: 0.5 }, { lr: 0.5, rho: 0.8, weight_decay: 0.1, maximize: true }],
  Adagrad: [{ lr: 0.1 }, { lr: 0.1, lr_decay: 0.1, weight_decay: 0.1 }],
  ASGD: [{ lr: 0.01 }, { lr: 0.01, lambd: 0.1, t0: 3.5, weight_decay: 0.1 }],
  Rprop: [{ lr: 0.01 }, { lr: 0.1, etas: [0.4, 1.5], step_sizes: [0.01, 0.3] }],
}
// Python 2.11 refuses a fused Adagrad on CUDA, 2.13 takes it
const withFused = [
  'SGD',
  'Adam',
  'AdamW',
  ...(/^2\.1[12]\./.test(torch.version.libtorch) && device === 'cuda' ? [] : ['Adagrad']),
]
const withoutCapturable = ['SGD', 'Adagrad']

for (const [optimizer, sets] of Object.entries(optionSets)) {
  for (const options of sets) {
    add({ optimizer, options: { ...options } })
    add({ optimizer, options: { ...options, foreach: false } })
    add({ optimizer, options: { ...options, foreach: true } })
    if (withFused.includes(optimizer)) add({ optimizer, options: { ...options, fused: true }, allGradients: true })
    if (withoutCapturable.includes(optimizer)) continue
    add({ optimizer, options: { ...options, capturable: true } }, { cuda: true })
    add({ optimizer, options: { ...options, capturable: true, foreach: false } }, { cuda: true })
  }
  const rich = sets[1]!
  for (const dtype of ['float64', 'bfloat16', 'float16', 'complex64'] as const) {
    add({ optimizer, options: { ...rich }, dtype })
    if (!withFused.includes(optimizer) || dtype === 'complex64') continue
    // the CPU's fused kernel gives other momenta in each run for these, in Python as here
    const random = optimizer === 'SGD' && dtype !== 'float64'
    add({ optimizer, options: { ...rich, fused: true }, dtype, allGradients: true }, { cuda: random })
  }
  if (optimizer === 'Rprop') continue
  add({ optimizer, options: { ...rich }, tensorLr: true })
  if (!withoutCapturable.includes(optimizer))
    add({ optimizer, options: { ...rich, capturable: true }, tensorLr: true }, { cuda: true })
  if (['Adam', 'AdamW', 'SGD'].includes(optimizer))
    add({ optimizer, options: { ...rich, fused: true }, tensorLr: true, allGradients: true })
}

for (const options of [{ lr: 0.01 }, { lr: 0.01, weight_decay: 0.1, maximize: true }]) {
  for (const foreach of [null, false, true]) {
    add({ optimizer: 'Adafactor', options: { ...options, foreach } })
    add({ optimizer: 'Adafactor', options: { ...options, foreach }, dtype: 'bfloat16' })
  }
}
for (const options of [{ lr: 0.01 }, { lr: 0.01, momentum: 0.8, nesterov: false, adjust_lr_fn: 'match_rms_adamw' }]) {
  add({ optimizer: 'Muon', options, shapes: 'matrices' })
  add({ optimizer: 'Muon', options, shapes: 'matrices', dtype: 'bfloat16' })
}
add({ optimizer: 'SparseAdam', options: { lr: 0.01 }, shapes: 'embeddings' })
add({ optimizer: 'SparseAdam', options: { lr: 0.01, betas: [0.8, 0.95], maximize: true }, shapes: 'embeddings' })
add({ optimizer: 'SGD', options: { lr: 0.1, momentum: 0.9 }, shapes: 'embeddings' })
add({ optimizer: 'Adagrad', options: { lr: 0.1 }, shapes: 'embeddings' })

for (const options of [{ lr: 0.1 }, { lr: 0.5, history_size: 3, line_search_fn: 'strong_wolfe' }]) {
  scenarios.push({
    title: `LBFGS ${JSON.stringify(options)}`,
    python: `lbfgs_case(o, json.loads('${JSON.stringify(options)}'))`,
    node: (o) => lbfgsCase(o, options),
  })
}

testBoth('optimizers', scenarios)
