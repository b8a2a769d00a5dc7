/** Muon and Adafactor against live Python, byte by byte: see optim-harness.ts. Their errors and their printout. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { python, requirePython } from '../support/python.js'
import { addCase, type Case, testCases } from './optim-harness.js'

const muonSets: Record<string, any>[] = [
  {},
  { lr: 0.1, weightDecay: 0 },
  { lr: 0.02, momentum: 0.5, nesterov: false },
  { lr: 0.02, adjustLrFn: 'match_rms_adamw' },
  { lr: 0.02, adjustLrFn: 'original', weightDecay: 0.5 },
  { nsCoefficients: [3, -3.2, 1.2], nsSteps: 2 },
  { eps: 1e-2, momentum: 0 },
  { nsSteps: 0, lr: 0.3 },
]
const adafactorSets: Record<string, any>[] = [
  {},
  { lr: 0.1 },
  { lr: 1, beta2Decay: -0.5 },
  { eps: [1e-6, 0.1] },
  { lr: 0.05, weightDecay: 0.1, maximize: true, d: 2 },
  { d: 1.5, eps: [null, 0.5] },
  { weightDecay: 0.01, lr: 0.3, beta2Decay: -1 },
]
const dtypes = ['float32', 'float64', 'bfloat16', 'float16'] as const

const cases: Record<string, Case> = {}
for (const dtype of dtypes) {
  for (const options of muonSets) addCase(cases, { optimizer: 'Muon', dtype, options, start: 'matrices' })
  for (const options of adafactorSets) {
    addCase(cases, { optimizer: 'Adafactor', dtype, options, start: 'not empty' })
    addCase(cases, { optimizer: 'Adafactor', dtype, options: { ...options, foreach: true }, start: 'not empty' })
  }
}
for (const [optimizer, start, options] of [
  ['Muon', 'matrices', { ...muonSets[4]!, lr: 0.05 }],
  ['Adafactor', 'not empty', { ...adafactorSets[4]!, lr: 0.05 }],
  ['Adafactor', 'not empty', { ...adafactorSets[4]!, lr: 0.05, foreach: true }],
] as const) {
  addCase(cases, { optimizer, dtype: 'float32', options, groups: true, start })
  addCase(cases, { optimizer, dtype: 'float32', options, tensorLr: true, start })
  addCase(cases, { optimizer, dtype: 'float64', options, tensorLr: true, start })
}
testCases(cases)

const matrix = () => torch.ones([3, 2]).requiresGrad_()

test('wrong options and parameters are refused in the words of Python', (t) => {
  if (!requirePython(t)) return
  const { Muon, Adafactor } = torch.optim
  const refused: [string, () => unknown][] = [
    ['torch.optim.Muon([m], lr=-0.5)', () => new Muon([matrix()], -0.5)],
    ['torch.optim.Muon([m], momentum=-0.5)', () => new Muon([matrix()], { momentum: -0.5 })],
    ['torch.optim.Muon([m], weight_decay=-0.5)', () => new Muon([matrix()], { weightDecay: -0.5 })],
    ['torch.optim.Muon([m], adjust_lr_fn="x")', () => new Muon([matrix()], { adjustLrFn: 'x' as any })],
    ['torch.optim.Muon([m, torch.ones(3).requires_grad_()])', () => new Muon([matrix(), torch.ones([3])])],
    [
      'torch.optim.Muon([torch.ones(2, 3, 4).requires_grad_()])',
      () => new Muon([torch.ones([2, 3, 4]).requiresGrad_()]),
    ],
    ['step(torch.optim.Muon([m], ns_steps=100))', () => stepped(new Muon([matrix()], { nsSteps: 100 }))],
    [
      'step(torch.optim.Muon([m], ns_coefficients=(1.5, 2.5)))',
      () => stepped(new Muon([matrix()], { nsCoefficients: [1.5, 2.5] as any })),
    ],
    [
      'step(torch.optim.Muon([m.to(torch.complex64).detach().requires_grad_()]))',
      () => stepped(new Muon([matrix().detach().to('complex64').requiresGrad_()])),
    ],
    ['step(torch.optim.Muon([m]), sparse=True)', () => stepped(new Muon([matrix()]), true)],
    ['torch.optim.Adafactor([m], lr=-0.5)', () => new Adafactor([matrix()], -0.5)],
    ['torch.optim.Adafactor([m], beta2_decay=0.5)', () => new Adafactor([matrix()], { beta2Decay: 0.5 })],
    ['torch.optim.Adafactor([m], eps=(-0.5, 1e-3))', () => new Adafactor([matrix()], { eps: [-0.5, 1e-3] })],
    ['torch.optim.Adafactor([m], eps=(None, -0.5))', () => new Adafactor([matrix()], { eps: [null, -0.5] })],
    ['torch.optim.Adafactor([m], d=0.5)', () => new Adafactor([matrix()], { d: 0.5 })],
    ['torch.optim.Adafactor([m], weight_decay=-0.5)', () => new Adafactor([matrix()], { weightDecay: -0.5 })],
    ['step(torch.optim.Adafactor([m]), sparse=True)', () => stepped(new Adafactor([matrix()]), true)],
    [
      'step(torch.optim.Adafactor([torch.ones(0, 3).requires_grad_()]))',
      () => stepped(new Adafactor([torch.ones([0, 3]).requiresGrad_()])),
    ],
    [
      'step(torch.optim.Adafactor([m.to(torch.complex64).detach().requires_grad_()]))',
      () => stepped(new Adafactor([matrix().detach().to('complex64').requiresGrad_()])),
    ],
  ]
  const words = JSON.parse(
    python(`
import json, torch
m = torch.ones(3, 2).requires_grad_()
def step(o, sparse=False):
    for p in o.param_groups[0]["params"]:
        p.grad = torch.ones_like(p).to_sparse() if sparse else torch.ones_like(p)
    o.step()
def words(code):
    try:
        eval(code)
    except Exception as error:
        return str(error)
print(json.dumps([words(code) for code in ${JSON.stringify(refused.map(([code]) => code))}]))
`),
  ) as string[]
  for (const [i, [code, make]] of refused.entries()) {
    assert.ok(words[i], code)
    let message = ''
    assert.throws(make, (error: Error) => {
      message = error.message.replace(/^\w+: /, '')
      return true
    })
    assert.equal(message, words[i], code)
  }
})

function stepped(optimizer: torch.optim.Optimizer<any>, sparse = false): void {
  for (const p of optimizer.paramGroups[0]!.params) {
    const ones = torch.onesLike(p.detach())
    p.grad = sparse ? torch.sparseCooTensor(torch.zeros([2, 1], { dtype: 'int64' }), torch.ones([1]), p.shape) : ones
  }
  optimizer.step()
}

test('they print as in Python', (t) => {
  if (!requirePython(t)) return
  const printed = [
    new torch.optim.Muon([matrix()], { adjustLrFn: 'match_rms_adamw' }),
    new torch.optim.Muon([matrix()]),
    new torch.optim.Adafactor([matrix()]),
    new torch.optim.Adafactor([matrix()], { eps: [1e-30, 1e-3], foreach: true }),
  ].map(String)
  const expected = python(`
import json, torch
m = torch.ones(3, 2).requires_grad_()
print(json.dumps([str(o) for o in [
    torch.optim.Muon([m], adjust_lr_fn="match_rms_adamw"), torch.optim.Muon([m]),
    torch.optim.Adafactor([m]), torch.optim.Adafactor([m], eps=(1e-30, 1e-3), foreach=True)]]))
`)
  assert.deepEqual(printed, JSON.parse(expected))
})

test('gradients of the caller stay as they are', () => {
  for (const make of [
    (p: torch.Tensor) => new torch.optim.Muon([p]),
    (p: torch.Tensor) => new torch.optim.Adafactor([p]),
  ]) {
    const p = matrix()
    const optimizer = make(p)
    p.grad = torch.full([3, 2], 0.5)
    optimizer.step()
    assert.deepEqual(p.grad!.tolist(), torch.full([3, 2], 0.5).tolist())
  }
})

test('parameters of several dtypes share the first eps, as in Python', (t) => {
  if (!requirePython(t)) return
  for (const foreach of [false, true]) {
    const code = `
import json, torch
ps = [(torch.arange(6, dtype=d).view(s) / 7).requires_grad_() for d, s in [(torch.float32, (2, 3)), (torch.float64, (2, 3)), (torch.float64, (6,)), (torch.bfloat16, (6,))]]
o = torch.optim.Adafactor(ps, foreach=${foreach ? 'True' : 'False'})
for _ in range(3):
    for p in ps: p.grad = torch.full_like(p, 1e-12)
    o.step()
print(json.dumps([p.double().flatten().tolist() for p in ps]))
`
    const kinds: [torch.Dtype, number[]][] = [
      ['float32', [2, 3]],
      ['float64', [2, 3]],
      ['float64', [6]],
      ['bfloat16', [6]],
    ]
    const params = kinds.map(([dtype, shape]) => torch.arange(6, { dtype }).view(shape).div(7).requiresGrad_())
    const optimizer = new torch.optim.Adafactor(params, { foreach })
    for (let i = 0; i < 3; i++) {
      for (const p of params) p.grad = torch.fullLike(p, 1e-12).detach()
      optimizer.step()
    }
    assert.deepEqual(
      params.map((p) => p.detach().double().flatten().tolist()),
      JSON.parse(python(code)),
    )
  }
})
