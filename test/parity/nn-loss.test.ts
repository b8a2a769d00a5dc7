/** Every loss of torch.nn, with every option, against live Python. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { tempDir } from '../support/paths.js'
import { pythonJson, requirePython } from '../support/python.js'
import { type Case, testLayers } from './layers.js'
import { type LossCase, oracle, testLosses } from './losses.js'
import { extraCases, pairCases, plainCases } from './nn-loss-cases.js'
import { refusedCases, warningCases } from './nn-loss-refused.js'

const { nn } = torch

const layerCases = plainCases.map(([layer, args, kwargs, ...inputs]) => [layer, args, kwargs, ...inputs] as Case)
testLayers('losses have the outputs, gradients, buffers, keys and text of Python', [...layerCases, ...pairCases])

const dtypes = ['float32', 'float64'] as const
const twice = (cases: Case[], grads: number): LossCase[] =>
  cases.flatMap(([layer, args, kwargs, ...inputs]) =>
    dtypes.map((dtype): LossCase => [layer, args, kwargs, inputs, dtype, grads] as LossCase),
  )
testLosses('losses have the second derivatives of Python', 'values', [
  ...twice(plainCases, 1),
  ...twice(pairCases, 2),
  ...extraCases,
])

testLosses('losses refuse what Python refuses, in its words', 'refusals', refusedCases)

test('losses warn of what Python warns of, in its words', (t) => {
  if (!requirePython(t)) return
  const expected = oracle(t, 'warnings', warningCases)
  const file = join(tempDir(t), 'cases.json')
  writeFileSync(file, JSON.stringify(warningCases))
  const run = child('test/parity/nn-loss-warnings.js', [file], {}, { execArgv: ['--no-warnings'] })
  assert.equal(run.status, 0, run.stderr)
  const blocks = run.stderr.split('@@\n').slice(0, -1)
  const texts = blocks.map((block) => [...block.matchAll(/Warning: (.*) \(function \w+\)/g)].map((match) => match[1]))
  assert.deepEqual(texts, expected)
})

test('adaptive softmax: log probabilities and classes of Python', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(5)
  const adaptive = new nn.AdaptiveLogSoftmaxWithLoss(32, 40, [6, 12], { divValue: 2, headBias: true })
  const made: unknown[] = []
  for (const inputs of [torch.randn([7, 32]), torch.randn([1, 32]).mul(9)]) {
    const full = adaptive.logProb(inputs)
    made.push(full.double().sum().item(), full.double().square().sum().item(), adaptive.predict(inputs).tolist())
  }
  adaptive.resetParameters()
  made.push(adaptive.parameters().map((p) => p.double().sum().item()))
  const expected = pythonJson<unknown[]>(`
import json, torch
torch.manual_seed(5)
m = torch.nn.AdaptiveLogSoftmaxWithLoss(32, 40, [6, 12], div_value=2, head_bias=True)
out = []
for x in [torch.randn(7, 32), torch.randn(1, 32) * 9]:
    full = m.log_prob(x)
    out += [full.double().sum().item(), full.double().square().sum().item(), m.predict(x).tolist()]
m.reset_parameters()
out.append([p.double().sum().item() for p in m.parameters()])
print(json.dumps(out))`)
  assert.deepEqual(
    made.map((part) => (Array.isArray(part) ? part.map(Number) : part)),
    expected,
  )
})
