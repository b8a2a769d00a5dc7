/**
 * Optimizers against live Python, byte by byte: from the same start with the same gradients, and continued from each other's
 * state dicts through files. Default, `foreach` and `fused` implementations; both sides have one thread.
 */
import assert from 'node:assert/strict'
import { addCase, type Case, testCases } from './optim-harness.js'

const optionSets: Record<string, object[]> = {
  SGD: [
    { lr: 0.1 },
    { lr: 0.1, momentum: 0.9 },
    { lr: 0.1, momentum: 0.9, nesterov: true },
    { lr: 0.1, momentum: 0.9, dampening: 0.3 },
    { lr: 0.1, weightDecay: 0.1 },
    { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
    { lr: 0.1, momentum: 0.5, dampening: 0.1, weightDecay: 0.1, maximize: true },
    { lr: 0.1, maximize: true },
    { lr: 1e-3, momentum: 0.99, nesterov: true, maximize: true },
    {},
  ],
  Adam: [
    {},
    { lr: 0.1 },
    { lr: 0.01, weightDecay: 0.1 },
    { lr: 0.01, amsgrad: true },
    { lr: 0.01, amsgrad: true, weightDecay: 0.1, maximize: true },
    { lr: 0.01, betas: [0.5, 0.9] },
    { lr: 0.01, betas: [0, 0.99] },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, weightDecay: 0.1, decoupledWeightDecay: true },
    { lr: 0.01, maximize: true },
  ],
  AdamW: [
    {},
    { lr: 0.1, weightDecay: 0.1 },
    { lr: 0.01, weightDecay: 0 },
    { lr: 0.01, amsgrad: true },
    { lr: 0.01, amsgrad: true, maximize: true },
    { lr: 0.01, betas: [0.8, 0.9] },
    { lr: 0.01, eps: 1e-3 },
    { lr: 0.01, maximize: true, weightDecay: 0.5 },
  ],
}

const cases: Record<string, Case> = {}
for (const optimizer of ['Adam', 'AdamW'] as const) {
  const betas = [0.8, 0.95]
  for (const tensorBetas of ['float32', 'float64'] as const) {
    for (const dtype of ['float32', 'float64', 'bfloat16', 'complex64'] as const) {
      addCase(cases, { optimizer, dtype, options: { lr: 0.01, betas }, tensorBetas })
      addCase(cases, { optimizer, dtype, options: { lr: 0.01, betas, amsgrad: true, weightDecay: 0.1 }, tensorBetas })
    }
    addCase(cases, {
      optimizer,
      dtype: 'float32',
      options: { lr: 0.05, betas, maximize: true },
      tensorBetas,
      tensorLr: true,
    })
    addCase(cases, { optimizer, dtype: 'float32', options: { betas, fused: true }, tensorBetas })
    addCase(cases, { optimizer, dtype: 'float64', options: { betas, weightDecay: 0.1 }, tensorBetas, groups: true })
  }
}
for (const optimizer of ['SGD', 'Adam', 'AdamW'] as const) {
  for (const options of optionSets[optimizer]!) {
    for (const dtype of ['float32', 'float64'] as const) {
      addCase(cases, { optimizer, dtype, options })
      addCase(cases, { optimizer, dtype, options: { ...options, foreach: true } })
      addCase(cases, { optimizer, dtype, options: { ...options, fused: true }, allGradients: optimizer === 'SGD' })
    }
  }
  const rich = optionSets[optimizer]![4]!
  for (const dtype of ['bfloat16', 'float16', 'complex64', 'complex128'] as const) {
    addCase(cases, { optimizer, dtype, options: rich })
    addCase(cases, { optimizer, dtype, options: { ...rich, foreach: true } })
  }
  addCase(cases, { optimizer, dtype: 'bfloat16', options: { ...rich, fused: true }, allGradients: true })
  addCase(cases, { optimizer, dtype: 'float32', options: rich, groups: true })
  addCase(cases, { optimizer, dtype: 'float32', options: { ...rich, lr: 0.05 }, tensorLr: true })
  addCase(cases, { optimizer, dtype: 'float64', options: { ...rich, lr: 0.05 }, tensorLr: true })
  addCase(cases, {
    optimizer,
    dtype: 'float32',
    options: { ...rich, lr: 0.05, fused: true },
    tensorLr: true,
    allGradients: true,
  })
}

assert.ok(Object.keys(cases).length > 190)
testCases(cases)
