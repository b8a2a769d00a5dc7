/**
 * `capturable` against live Python, byte by byte. It is for accelerators, whose arithmetic is that of the CPU but for the last
 * bits of a kernel: so both sides are made to take it on the CPU, and everything of the step but the kernels is proven there.
 */
import { after, before } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../support/paths.js'
import { addCase, type Case, testCases } from './optim-harness.js'

const rich: Record<string, object[]> = {
  Adam: [
    {},
    { lr: 0.01, amsgrad: true, weightDecay: 0.1, maximize: true },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
  ],
  AdamW: [
    { lr: 0.01, amsgrad: true },
    { lr: 0.01, weightDecay: 0.5, maximize: true },
  ],
  NAdam: [
    {},
    { lr: 0.01, weightDecay: 0.1, maximize: true },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
  ],
  RAdam: [
    {},
    { lr: 0.01, betas: [0.8, 0.9], weightDecay: 0.1, maximize: true },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
  ],
  ASGD: [{}, { lr: 0.01, lambd: 0.1, t0: 3, weightDecay: 0.1, maximize: true }],
  Rprop: [{}, { lr: 0.1, etas: [0.4, 1.5], stepSizes: [0.01, 0.3], maximize: true }],
  RMSprop: [{ lr: 0.01 }, { lr: 0.01, momentum: 0.9, centered: true, weightDecay: 0.1, maximize: true }],
  Adadelta: [{ lr: 0.5, rho: 0.8, weightDecay: 0.1, maximize: true }],
  Adamax: [{}, { lr: 0.01, betas: [0.8, 0.99], weightDecay: 0.1, maximize: true }],
}

const cases: Record<string, Case> = {}
for (const [optimizer, sets] of Object.entries(rich)) {
  for (const options of sets) {
    for (const dtype of ['float32', 'float64', 'bfloat16', 'complex64'] as const) {
      for (const foreach of [false, true])
        addCase(cases, { optimizer, dtype, options: foreach ? { ...options, foreach } : options, capturable: true })
    }
    if (optimizer === 'Rprop') continue
    for (const foreach of [false, true]) {
      const more = { ...options, lr: 0.05, foreach }
      addCase(cases, { optimizer, dtype: 'float32', options: more, capturable: true, tensorLr: true })
    }
  }
}
for (const optimizer of ['Adam', 'AdamW']) {
  for (const tensorBetas of ['float32', 'float64'] as const) {
    for (const foreach of [false, true]) {
      const options = { lr: 0.01, betas: [0.8, 0.95], weightDecay: 0.1, foreach }
      addCase(cases, { optimizer, dtype: 'float32', options, capturable: true, tensorBetas })
    }
  }
}

const { native } = await import(pathToFileURL(`${root}/dist/binding.js`).href)
before(() => native().optimizerCapturableOnCpu(true))
after(() => native().optimizerCapturableOnCpu(false))
testCases(cases)
