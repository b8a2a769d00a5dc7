/** RMSprop, Adadelta, Adamax and Adagrad against live Python, byte by byte: see optim-harness.ts. */
import { addCase, type Case, testCases } from './optim-harness.js'

const optionSets: Record<string, object[]> = {
  RMSprop: [
    {},
    { lr: 0.1, momentum: 0.9 },
    { lr: 0.01, centered: true },
    { lr: 0.01, alpha: 0.5, eps: 1e-3 },
    { lr: 0.01, momentum: 0.9, centered: true, weightDecay: 0.1, maximize: true },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, maximize: true },
  ],
  Adadelta: [
    {},
    { lr: 0.1 },
    { rho: 0.5 },
    { eps: 1e-3 },
    { lr: 0.5, rho: 0.8, weightDecay: 0.1, maximize: true },
    { weightDecay: 0.1 },
    { maximize: true },
  ],
  Adamax: [
    {},
    { lr: 0.1 },
    { betas: [0.5, 0.9] },
    { eps: 1e-3 },
    { lr: 0.01, betas: [0.8, 0.99], weightDecay: 0.1, maximize: true },
    { weightDecay: 0.1 },
    { maximize: true },
  ],
  Adagrad: [
    {},
    { lr: 0.1, lrDecay: 0.01 },
    { initialAccumulatorValue: 0.1 },
    { eps: 1e-3 },
    { lr: 0.5, lrDecay: 0.1, initialAccumulatorValue: 0.5, weightDecay: 0.1, maximize: true },
    { weightDecay: 0.1 },
    { maximize: true },
  ],
}

const cases: Record<string, Case> = {}
for (const [optimizer, sets] of Object.entries(optionSets)) {
  for (const options of sets) {
    for (const dtype of ['float32', 'float64', 'bfloat16', 'complex64'] as const) {
      addCase(cases, { optimizer, dtype, options })
      addCase(cases, { optimizer, dtype, options: { ...options, foreach: true } })
    }
  }
  if (optimizer === 'Adagrad') {
    for (const dtype of ['float32', 'float64', 'bfloat16'] as const) {
      for (const options of sets) addCase(cases, { optimizer, dtype, options: { ...options, fused: true } })
    }
  }
  addCase(cases, { optimizer, dtype: 'float32', options: sets[4]!, groups: true })
  addCase(cases, { optimizer, dtype: 'float64', options: { ...sets[4]!, lr: 0.05 }, tensorLr: true })
}
testCases(cases)
