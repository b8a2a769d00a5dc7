/** `backward`, `grad` and their options; the numbers are Python's, computed live where the graph is worth it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { autograd, nn } = torch
const values = (t: torch.Tensor | null) => t!.detach().flatten().tolist()

test('backward adds into the leaves, and twice as much the second time', () => {
  const x = torch.tensor([1, 2, 3], { requiresGrad: true })
  assert.equal(x.grad, null)
  x.mul(x).sum().backward()
  assert.deepEqual(values(x.grad), [2, 4, 6])
  x.mul(x).sum().backward()
  assert.deepEqual(values(x.grad), [4, 8, 12])
  x.grad = null
  assert.equal(x.grad, null)
})

test('a tensor with more than one element needs `gradient`, which must have its shape', () => {
  const x = torch.tensor([1, 2], { requiresGrad: true })
  const y = x.mul(3)
  assert.throws(() => y.backward(), {
    code: 'ERR_TORCH',
    message: /grad can be implicitly created only for scalar outputs/,
  })
  assert.throws(() => y.backward({ gradient: torch.ones(3) }), { code: 'ERR_SHAPE' })
  y.backward({ gradient: torch.tensor([1, 10]) })
  assert.deepEqual(values(x.grad), [3, 30])
})

test('a graph is used up by backward, unless it is retained', () => {
  const x = torch.tensor([2], { requiresGrad: true })
  const y = x.pow(3).sum()
  y.backward({ retainGraph: true })
  y.backward()
  assert.deepEqual(values(x.grad), [24])
  assert.throws(() => y.backward(), { code: 'ERR_TORCH', message: /backward through the graph a second time/ })
})

test('inputs: only the named leaves get gradients', () => {
  const a = torch.tensor([2], { requiresGrad: true })
  const b = torch.tensor([5], { requiresGrad: true })
  a.mul(b)
    .sum()
    .backward({ inputs: [a] })
  assert.deepEqual(values(a.grad), [5])
  assert.equal(b.grad, null)
  assert.throws(() => a.mul(b).sum().backward({ inputs: [] }), { code: 'ERR_ARGUMENT', message: /inputs/ })
})

test('grad() touches no .grad, and names what does not fit', () => {
  const a = torch.tensor([2], { requiresGrad: true })
  const b = torch.tensor([5], { requiresGrad: true })
  const unused = torch.tensor([1], { requiresGrad: true })
  const y = a.mul(b).sum()
  const [da, db] = autograd.grad(y, [a, b], { retainGraph: true })
  assert.deepEqual([values(da!), values(db!)], [[5], [2]])
  assert.equal(a.grad, null)
  assert.throws(() => autograd.grad(y, [unused], { retainGraph: true }), {
    code: 'ERR_TORCH',
    message: /appears to not have been used in the graph/,
  })
  assert.deepEqual(autograd.grad(y, [unused], { allowUnused: true, retainGraph: true }), [null])
  assert.deepEqual(values(autograd.grad(y, [unused], { materializeGrads: true })[0]!), [0])
  assert.throws(() => autograd.grad(torch.ones(1).sum(), [a]), { code: 'ERR_TORCH', message: /does not require grad/ })
})

test('gradOutputs weigh the outputs', () => {
  const x = torch.tensor([1, 2, 3], { requiresGrad: true })
  const [dx] = autograd.grad(x.mul(2), x, { gradOutputs: torch.tensor([1, 10, 100]) })
  assert.deepEqual(values(dx!), [2, 20, 200])
  const [both] = autograd.grad([x.mul(2).sum(), x.mul(3)], [x], { gradOutputs: [null, torch.ones(3)] })
  assert.deepEqual(values(both!), [5, 5, 5])
})

test('createGraph: higher derivatives are Python’s, byte for byte', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<number[][]>(`
import json, torch
x = torch.tensor([0.3, -1.2, 2.5, 0.01], dtype=torch.float64, requires_grad=True)
y = (x.sin() * x.exp() / (1 + x * x)).sum()
out = []
for _ in range(4):
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    out.append(g.tolist())
    y = (g * g).sum()
print(json.dumps(out))`)
  const x = torch.tensor([0.3, -1.2, 2.5, 0.01], { dtype: 'float64', requiresGrad: true })
  let y = x.sin().mul(x.exp()).div(x.mul(x).add(1)).sum()
  const found: unknown[] = []
  for (let i = 0; i < 4; i++) {
    const [g] = autograd.grad(y, x, { createGraph: true })
    found.push(g!.tolist())
    y = g!.mul(g!).sum()
  }
  assert.deepEqual(found, expected)
})

test('a gradient penalty through a net trains its weights as in Python', (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<number[][]>(`
import json, torch
torch.manual_seed(3)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).double()
x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
out = net(x).sum()
(g,) = torch.autograd.grad(out, x, create_graph=True)
((g.norm(2, dim=1) - 1) ** 2).mean().backward()
print(json.dumps([p.grad.flatten().tolist() if p.grad is not None else [] for p in net.parameters()]))`)
  torch.manualSeed(3)
  const net = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 1))
  net.double()
  const x = torch.randn(5, 4, { dtype: 'float64', requiresGrad: true })
  const [g] = autograd.grad(net.forward(x).sum(), x, { createGraph: true })
  g!
    .norm(2, { dim: [1] })
    .sub(1)
    .pow(2)
    .mean()
    .backward()
  const found = net.parameters().map((p) => (p.grad === null ? [] : p.grad.flatten().tolist()))
  assert.deepEqual(found, expected)
})

test('retainGrad keeps the gradient of what is no leaf', () => {
  const x = torch.tensor([2], { requiresGrad: true })
  const y = x.mul(3)
  assert.equal(y.isLeaf, false)
  assert.equal(y.gradFn, 'MulBackward0')
  y.retainGrad()
  y.mul(4).sum().backward()
  assert.deepEqual(values(y.grad), [4])
  assert.equal(x.gradFn, null)
})

test('.grad can be set to what fits, and to nothing else', () => {
  const x = torch.tensor([1, 2], { requiresGrad: true })
  x.grad = torch.tensor([7, 8])
  assert.deepEqual(values(x.grad), [7, 8])
  assert.throws(() => (x.grad = torch.ones(3)), { code: 'ERR_SHAPE', message: /\[2\].*\[3\]/ })
  assert.throws(() => (x.grad = torch.ones(2, { dtype: 'float64' })), { code: 'ERR_DTYPE' })
  assert.throws(() => (x.grad = x), { code: 'ERR_ARGUMENT' })
  assert.throws(() => (x.grad = 3 as never), { code: 'ERR_ARGUMENT' })
  assert.deepEqual(values(x.grad), [7, 8])
})

test('everything frozen: backward says so, and how to get out of it', () => {
  const model = new nn.Linear(2, 1)
  model.requiresGrad_(false)
  const loss = model.forward(torch.ones(1, 2)).sum()
  assert.throws(() => loss.backward(), {
    code: 'ERR_TORCH',
    message: /does not require grad[\s\S]*frozen[\s\S]*requiresGrad_\(\)/,
  })
})

test('an in-place change of what backward needs is found', () => {
  const x = torch.tensor([1, 2], { requiresGrad: true })
  const y = x.exp()
  y.add_(1)
  assert.throws(() => y.sum().backward(), { code: 'ERR_TORCH', message: /modified by an inplace operation/ })
  assert.throws(() => x.add_(1), { code: 'ERR_TORCH', message: /leaf Variable that requires grad/ })
  assert.doesNotThrow(() => torch.noGrad(() => x.add_(1)))
})
