/** SparseAdam against live Python, byte by byte: see optim-harness.ts. Its errors and its printout. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { python, requirePython } from '../support/python.js'
import { addCase, type Case, testCases } from './optim-harness.js'

const sets: Record<string, any>[] = [
  {},
  { lr: 0.1 },
  { betas: [0.5, 0.9] },
  { eps: 1e-3 },
  { lr: 0.01, maximize: true },
  { lr: 0.01, betas: [0, 0.99], eps: 0.1, maximize: true },
  { lr: 1 },
]
const cases: Record<string, Case> = {}
for (const options of sets) {
  for (const dtype of ['float32', 'float64', 'bfloat16', 'float16'] as const) {
    addCase(cases, { optimizer: 'SparseAdam', dtype, options, start: 'embeddings' })
  }
}
const rich = { ...sets[5]!, lr: 0.05 }
addCase(cases, { optimizer: 'SparseAdam', dtype: 'float32', options: rich, groups: true, start: 'embeddings' })
addCase(cases, { optimizer: 'SparseAdam', dtype: 'float32', options: rich, tensorLr: true, start: 'embeddings' })
addCase(cases, { optimizer: 'SparseAdam', dtype: 'float64', options: rich, tensorLr: true, start: 'embeddings' })
testCases(cases)

const dense = () => torch.ones([3, 2]).requiresGrad_()
const sparse = () => torch.sparseCooTensor(torch.tensor([[0, 2]]), torch.ones([2, 2]), [3, 2]).requiresGrad_()

test('wrong options, parameters and gradients are refused in the words of Python', (t) => {
  if (!requirePython(t)) return
  const { SparseAdam } = torch.optim
  const withDense = () => {
    const p = dense()
    p.grad = torch.ones([3, 2])
    new SparseAdam([p]).step()
  }
  const refused: [string, () => unknown][] = [
    ['S([d], lr=0.0)', () => new SparseAdam([dense()], 0)],
    ['S([d], lr=-0.5)', () => new SparseAdam([dense()], -0.5)],
    ['S([d], eps=0.0)', () => new SparseAdam([dense()], { eps: 0 })],
    ['S([d], betas=(1.0, 0.5))', () => new SparseAdam([dense()], { betas: [1, 0.5] })],
    ['S([d], betas=(0.5, -0.5))', () => new SparseAdam([dense()], { betas: [0.5, -0.5] })],
    ['S([d, s, s2])', () => new SparseAdam([dense(), sparse(), sparse()])],
    [
      'S([{"params": [d]}, {"params": [s, s2]}])',
      () => new SparseAdam([{ params: [dense()] }, { params: [sparse(), sparse()] }]),
    ],
    [
      'S([d, d.detach().to(torch.complex64).requires_grad_()])',
      () => new SparseAdam([dense(), dense().detach().to('complex64').requiresGrad_()]),
    ],
    ['with_dense()', withDense],
  ]
  const words = JSON.parse(
    python(`
import json, torch
S = torch.optim.SparseAdam
d = torch.ones(3, 2).requires_grad_()
s, s2 = [torch.sparse_coo_tensor([[0, 2]], torch.ones(2, 2), (3, 2)).requires_grad_() for _ in range(2)]
def with_dense():
    d.grad = torch.ones(3, 2)
    S([d]).step()
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
    // Python says 0.0 where JavaScript has 0
    assert.equal(message.replace(/: 0$/, ': 0.0'), words[i], code)
  }
})

test('it prints as in Python', (t) => {
  if (!requirePython(t)) return
  const code = 'import torch; print(torch.optim.SparseAdam([torch.ones(2).requires_grad_()], maximize=True))'
  assert.equal(String(new torch.optim.SparseAdam([dense()], { maximize: true })), python(code).trimEnd())
})

test('an embedding is trained: rows without a gradient stay, and so do the gradients', () => {
  const weight = torch.ones([5, 2]).requiresGrad_()
  const optimizer = new torch.optim.SparseAdam([weight], { lr: 0.1 })
  torch.nn.functional
    .embedding(torch.tensor([1, 3, 1], { dtype: 'int64' }), weight, { sparse: true })
    .sum()
    .backward()
  const before = weight.grad!.toDense().tolist()
  optimizer.step()
  assert.deepEqual(weight.grad!.toDense().tolist(), before)
  const rows = weight.detach().tolist() as number[][]
  assert.deepEqual(
    [rows[0], rows[2], rows[4]],
    [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
  )
  assert.ok(rows[1]![0]! < 0.91 && rows[3]![0]! < 0.91)
  assert.equal((optimizer.state.get(weight) as any).step, 1)
})
