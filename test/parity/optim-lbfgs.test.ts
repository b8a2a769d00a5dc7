/** LBFGS against live Python, byte by byte: see optim-harness.ts. Its closures, errors and printout. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { python, requirePython } from '../support/python.js'
import { addCase, type Case, testCases } from './optim-harness.js'

type Problem = NonNullable<Case['problem']>

const rosenbrock: Problem = (...params) => {
  const losses = params.map((x) => {
    // each part anew, as gradients are added in the order of their uses
    const head = () => x.narrow(0, 0, x.shape[0]! - 1)
    const first = torch.rsub(head(), 1).pow(2)
    const tail = x.narrow(0, 1, x.shape[0]! - 1)
    return first.add(tail.sub(head().pow(2)).pow(2).mul(100)).sum()
  })
  return losses.reduce((sum, loss) => sum.add(loss))
}
const regression: Problem = (w, b, s) => {
  const dtype = w!.isComplex() ? w!.real.dtype : w!.dtype
  const x = torch.arange(24, { dtype }).view(4, 6).sin().to(w!.dtype)
  return x.matmul(w!).add(b!).mul(s!).sub(1).abs().pow(2).sum()
}
const network: Problem = (a, b, c) => {
  const x = torch.arange(30, { dtype: a!.dtype }).view(5, 6).cos()
  const y = x.matmul(a!).add(b!).tanh().matmul(c!).squeeze(1)
  return y
    .sub(torch.arange(5, { dtype: a!.dtype }))
    .pow(2)
    .mean()
}
const kinks: Problem = (x) => x!.sub(0.3).abs().mul(3).add(x!.mul(7).sin()).sum()
const gentle: Problem = (x) => x!.mul(0.1).pow(2).sum()
const problems: Record<string, Problem> = { kinks, gentle, rosenbrock, regression, network }

const lineSearchFn = 'strong_wolfe'
const sets: Record<string, any>[] = [
  { maxIter: 3 },
  { lr: 0.1, maxIter: 4 },
  { lr: 0.05, maxEval: 3 },
  { lr: 0.01, maxIter: 4, historySize: 2 },
  { lr: 0.1, toleranceGrad: 0.5, maxIter: 5 },
  { lr: 0.1, toleranceChange: 0.01, maxIter: 5 },
  { lineSearchFn, maxIter: 1 },
  { lineSearchFn, maxIter: 3 },
  { lineSearchFn, maxIter: 4, historySize: 2, lr: 0.5 },
  { lineSearchFn, maxIter: 5, maxEval: 4, lr: 0.1 },
  { lineSearchFn, maxIter: 2, lr: 10 },
  { lineSearchFn },
  { maxIter: 1 },
  { lineSearchFn, lr: 0.3, maxEval: 60, maxIter: 6 },
]
const cases: Record<string, Case> = {}
for (const [start, problem] of Object.entries(problems)) {
  for (const options of sets) {
    // Rosenbrock's function overflows with long steps
    if (start === 'rosenbrock' && !options.lineSearchFn && !(options.lr < 0.1)) continue
    for (const dtype of ['float32', 'float64'] as const)
      addCase(cases, { optimizer: 'LBFGS', dtype, options, start, problem })
  }
}
for (const options of [sets[1]!, sets[7]!]) {
  for (const dtype of ['complex64', 'complex128'] as const) {
    addCase(cases, { optimizer: 'LBFGS', dtype, options, start: 'regression', problem: regression })
  }
}
// a file's `t` is cast to the dtype of the parameters, and so compared with those of the rate's own dtype
for (const options of [
  { lr: 0.1, maxIter: 4 },
  { lr: 0.5, maxIter: 3, lineSearchFn },
]) {
  addCase(cases, { optimizer: 'LBFGS', dtype: 'float32', options, start: 'network', problem: network, tensorLr: true })
}
testCases(cases)

const make = (options: object = {}) => {
  const x = torch.tensor([-1.5, 2, 0.5]).requiresGrad_()
  return { x, optimizer: new torch.optim.LBFGS([x], options) }
}
const closureOf = (x: torch.Tensor, optimizer: torch.optim.LBFGS) => () => {
  optimizer.zeroGrad()
  const loss = rosenbrock(x)
  loss.backward()
  return loss
}

test('stepAsync() with an async closure does what step() does; step() refuses one', async () => {
  const options = { lineSearchFn, maxIter: 5 } as const
  const a = make(options)
  const b = make(options)
  for (let i = 0; i < 4; i++) {
    const expected = a.optimizer.step(closureOf(a.x, a.optimizer))
    const closure = closureOf(b.x, b.optimizer)
    const loss = await b.optimizer.stepAsync(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return closure()
    })
    assert.equal(loss.item(), expected.item())
  }
  assert.deepEqual(b.x.tolist(), a.x.tolist())
  assert.throws(() => a.optimizer.step(async () => 1), torch.ArgumentError)
})

test('state outlives the scope of a step; a closure may return a number', () => {
  const a = make({ maxIter: 2, lr: 0.001 })
  const b = make({ maxIter: 2, lr: 0.001 })
  for (let i = 0; i < 3; i++) {
    torch.scope(() => {
      a.optimizer.step(closureOf(a.x, a.optimizer))
    })
    const closure = closureOf(b.x, b.optimizer)
    assert.equal(typeof b.optimizer.step(() => Number(closure().item())), 'number')
  }
  assert.deepEqual(a.x.tolist(), b.x.tolist())
})

test('gradients may be sparse or missing', () => {
  const w = torch.ones([3, 2]).requiresGrad_()
  const unused = torch.ones([2]).requiresGrad_()
  const optimizer = new torch.optim.LBFGS([w, unused], { lr: 0.1, maxIter: 3 })
  optimizer.step(() => {
    optimizer.zeroGrad()
    const loss = torch.nn.functional
      .embedding(torch.tensor([0, 2], { dtype: 'int64' }), w, { sparse: true })
      .pow(2)
      .sum()
    loss.backward()
    return loss
  })
  assert.deepEqual((w.tolist() as number[][])[1], [1, 1])
  assert.ok((w.tolist() as number[][])[0]![0]! < 1)
  assert.deepEqual(unused.tolist(), [1, 1])
})

test('errors are in the words of Python', (t) => {
  if (!requirePython(t)) return
  const { LBFGS } = torch.optim
  const x = () => torch.ones([2]).requiresGrad_()
  const added = () => {
    const { x: first, optimizer } = make()
    optimizer.addParamGroup({ params: [x()] })
    optimizer.step(closureOf(first, optimizer))
  }
  const stepped = (options: object) => () => {
    const { x, optimizer } = make(options)
    optimizer.step(closureOf(x, optimizer))
  }
  const refused: [string, () => unknown][] = [
    ['L([x()], lr=-0.5)', () => new LBFGS([x()], -0.5)],
    ['L([x()], lr=torch.ones(2))', () => new LBFGS([x()], torch.ones([2]))],
    ['L([{"params": [x()]}, {"params": [x()]}])', () => new LBFGS([{ params: [x()] }, { params: [x()] }])],
    ['added()', added],
    ['L([x()], line_search_fn="x").step(closure)', stepped({ lineSearchFn: 'x' })],
    ['L([x()]).step()', () => make().optimizer.step()],
  ]
  const words = JSON.parse(
    python(`
import json, torch
L = torch.optim.LBFGS
x = lambda: torch.ones(2).requires_grad_()
p = x()
def closure():
    p.grad = torch.ones(2)
    return p.sum() * 3
def added():
    o = L([p])
    o.add_param_group({"params": [x()]})
    o.step(closure)
def words(code):
    try:
        eval(code.replace("L([x()], line", "L([p], line"))
    except Exception as error:
        return str(error)
print(json.dumps([words(code) for code in ${JSON.stringify(refused.map(([code]) => code))}]))
`),
  ) as string[]
  for (const [i, [code, run]] of refused.entries()) {
    assert.ok(words[i], code)
    let message = ''
    assert.throws(run, (error: Error) => {
      message = error.message.replace(/^LBFGS: /, '')
      return error instanceof torch.ArgumentError
    })
    assert.equal(message, words[i], code)
  }
})

test('it prints as in Python, with positional arguments too', (t) => {
  if (!requirePython(t)) return
  const x = torch.ones([2]).requiresGrad_()
  const printed = [
    new torch.optim.LBFGS([x]),
    new torch.optim.LBFGS([x], 0.5, 7, null, 1e-5, 1e-6, 9, 'strong_wolfe'),
    new torch.optim.LBFGS([x], 0.5, { maxEval: 3 }),
  ].map(String)
  const expected = python(`
import json, torch
x = torch.ones(2).requires_grad_()
L = torch.optim.LBFGS
print(json.dumps([str(o) for o in [L([x]), L([x], 0.5, 7, None, 1e-5, 1e-6, 9, "strong_wolfe"), L([x], 0.5, max_eval=3)]]))
`)
  assert.deepEqual(printed, JSON.parse(expected))
})
