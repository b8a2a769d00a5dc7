/** NAdam, RAdam, ASGD and Rprop against live Python, byte by byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { addCase, type Case, testCases } from './optim-harness.js'

const optionSets: Record<string, object[]> = {
  NAdam: [
    {},
    { lr: 0.1 },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
    { lr: 0.01, weightDecay: 0.1, momentumDecay: 0.02, betas: [0.8, 0.95], maximize: true },
    { lr: 0.01, momentumDecay: 0 },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true, maximize: true },
  ],
  RAdam: [
    {},
    { lr: 0.1 },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
    { lr: 0.01, weightDecay: 0.1, betas: [0.8, 0.95], maximize: true },
    { lr: 0.01, betas: [0.5, 0.5] },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true, maximize: true },
  ],
  ASGD: [
    {},
    { lr: 0.1 },
    { lr: 0.1, lambd: 0.01, alpha: 0.5 },
    { lr: 0.1, t0: 3 },
    { lr: 0.1, lambd: 0.01, t0: 2, weightDecay: 0.1, maximize: true },
    { lr: 0.1, weightDecay: 0.1 },
    { lr: 0.1, alpha: 1, t0: 0 },
    { lr: 0.1, maximize: true },
  ],
  Rprop: [
    {},
    { lr: 0.1, stepSizes: [1e-5, 20] },
    { lr: 0.1, etas: [0.3, 1.5] },
    { lr: 0.1, stepSizes: [0.05, 0.12] },
    { lr: 0.1, etas: [0.9, 2], stepSizes: [0.01, 1], maximize: true },
    { lr: 0.01, maximize: true, stepSizes: [1e-6, 2.5] },
    { lr: 0, stepSizes: [0.001, 0.1] },
  ],
}

const cases: Record<string, Case> = {}
for (const [optimizer, sets] of Object.entries(optionSets)) {
  for (const options of sets) {
    for (const dtype of ['float32', 'float64'] as const) {
      addCase(cases, { optimizer, dtype, options })
      addCase(cases, { optimizer, dtype, options: { ...options, foreach: true } })
    }
  }
  const rich = sets[4]!
  for (const dtype of ['bfloat16', 'float16', 'complex64', 'complex128'] as const) {
    addCase(cases, { optimizer, dtype, options: rich })
    addCase(cases, { optimizer, dtype, options: { ...rich, foreach: true } })
  }
  addCase(cases, { optimizer, dtype: 'float32', options: rich, groups: true })
  for (const dtype of ['float32', 'float64'] as const) {
    addCase(cases, { optimizer, dtype, options: { ...rich, lr: 0.05 }, tensorLr: true })
    addCase(cases, { optimizer, dtype, options: { ...rich, lr: 0.05, foreach: true }, tensorLr: true })
  }
}

testCases(cases)

test('wrong arguments are refused in the words of Python', () => {
  const params = [torch.ones(2).requiresGrad_()]
  const refused: [new (params: any, options: any) => unknown, object, RegExp][] = [
    [torch.optim.NAdam, { lr: -1 }, /Invalid learning rate: -1/],
    [torch.optim.NAdam, { momentumDecay: -0.5 }, /Invalid momentum_decay value: -0\.5/],
    [torch.optim.NAdam, { betas: [1.5, 0.9] }, /Invalid beta parameter at index 0: 1\.5/],
    [torch.optim.RAdam, { eps: -0.5 }, /Invalid epsilon value: -0\.5/],
    [torch.optim.RAdam, { betas: [0.9, 1.5] }, /Invalid beta parameter at index 1: 1\.5/],
    [torch.optim.ASGD, { weightDecay: -0.5 }, /Invalid weight_decay value: -0\.5/],
    [torch.optim.Rprop, { etas: [0.5, 0.9] }, /Invalid eta values: 0\.5, 0\.9/],
  ]
  for (const [type, options, message] of refused) assert.throws(() => new type(params, options), message)
})
