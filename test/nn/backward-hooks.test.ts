import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

const { nn } = torch

class Mine extends Error {}
const throwing = (error: unknown) => (): never => {
  throw error
}

test('what a hook throws comes out of backward as it is', () => {
  const x = torch.ones(2, { requiresGrad: true })
  for (const error of [new Mine('a'), null, undefined, 'text', 7]) {
    const y = x.mul(2)
    y.registerHook(throwing(error))
    const caught = (run: () => void): unknown => {
      try {
        run()
      } catch (e) {
        return [e]
      }
      return 'nothing'
    }
    assert.deepEqual(
      caught(() => y.sum().backward({ retainGraph: true })),
      [error],
    )
    assert.deepEqual(
      caught(() => void torch.autograd.grad(y.sum(), x)),
      [error],
    )
  }
  assert.equal(x.grad, null)
  const layer = new nn.Linear(2, 1)
  layer.registerFullBackwardHook(throwing(new Mine('module')))
  assert.throws(
    () =>
      layer
        .forward(torch.ones(1, 2, { requiresGrad: true }))
        .sum()
        .backward(),
    Mine,
  )
})

test('from backwardAsync a hook is refused, and the graph can be used on', async () => {
  const x = torch.ones(2, { requiresGrad: true })
  const handle = x.registerHook((g) => g.mul(2))
  await assert.rejects(x.sum().backwardAsync(), { code: 'ERR_ARGUMENT', message: /use backward\(\) on the CPU/ })
  x.grad = null
  x.sum().backward()
  assert.deepEqual(x.grad!.tolist(), [2, 2])
  handle.remove()
  handle.remove()
  x.grad = null
  await x.sum().backwardAsync()
  assert.deepEqual(x.grad!.tolist(), [1, 1])
})

test('a hook of the old kind is refused from backwardAsync, too, and leaves the graph as it is', async () => {
  const layer = new nn.ReLU()
  const x = torch.ones(2, { requiresGrad: true })
  layer.registerBackwardHook((_, [grad]) => [grad!.mul(3)])
  const y = layer.forward(x.mul(1)).sum()
  await assert.rejects(y.backwardAsync({ retainGraph: true }), {
    code: 'ERR_ARGUMENT',
    message: /use backward\(\) on the CPU/,
  })
  x.grad = null
  y.backward()
  assert.deepEqual(x.grad!.tolist(), [3, 3])
})

test('a hook may run a backward pass of its own, and see the grad mode of the pass', () => {
  const x = torch.ones(1, { requiresGrad: true })
  const w = torch.tensor([3], { requiresGrad: true })
  const modes: boolean[] = []
  x.registerHook((g) => {
    modes.push(torch.isGradEnabled())
    torch.autograd.enableGrad(() => w.mul(w).sum().backward())
    return g.add(w.grad!)
  })
  x.sum().backward()
  assert.deepEqual(x.grad!.tolist(), [7])
  torch.autograd.grad(x.mul(x).sum(), x, { createGraph: true })
  assert.deepEqual(modes, [false, true])
})

test('results of a hook are checked', () => {
  const x = torch.ones(2, { requiresGrad: true })
  const of = (value: unknown) => (): void => {
    const y = x.mul(1)
    y.registerHook(() => value as torch.Tensor)
    y.sum().backward()
  }
  assert.throws(of('text'), { code: 'ERR_ARGUMENT', message: "expected Variable, but hook returned 'string'" })
  assert.throws(of(torch.ones(3)), /wrong size|size/)
  assert.throws(() => x.registerHook('no' as never), { code: 'ERR_ARGUMENT' })
})

test('second derivatives pass through a module with hooks', () => {
  const seen: unknown[] = []
  const act = new nn.Sigmoid()
  act.registerFullBackwardHook((_, gradInput, gradOutput) => void seen.push([gradInput.length, gradOutput.length]))
  const x = torch.tensor([0.5], { requiresGrad: true, dtype: 'float64' })
  const [first] = torch.autograd.grad(act.forward(x).sum(), x, { createGraph: true })
  const [second] = torch.autograd.grad(first!.sum(), x)
  const s = 1 / (1 + Math.exp(-0.5))
  assert.ok(Math.abs(Number(second!.item()) - s * (1 - s) * (1 - 2 * s)) < 1e-12)
  assert.ok(seen.length >= 1)
})

test('without recording nothing is prepared, and a chain runs the layer apart', () => {
  let calls = 0
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU())
  const handle = net.at(1).registerFullBackwardHook(() => {
    calls++
    return undefined
  })
  const x = torch.ones(1, 2)
  torch.noGrad(() => assert.equal(net.forward(x).gradFn, null))
  net.forward(x).sum().backward()
  assert.equal(calls, 1)
  handle.remove()
  net.forward(x).sum().backward()
  assert.equal(calls, 1)
  assert.equal(Object.hasOwn(net.at(1), 'forward'), false)
})

test('an optimizer can step in the hook after a gradient was accumulated', () => {
  const layer = new nn.Linear(2, 1, { bias: false })
  const sgd = new torch.optim.SGD(layer.parameters(), { lr: 1 })
  const before = layer.weight.detach().clone()
  const handle = layer.weight.registerPostAccumulateGradHook((p) => {
    assert.equal(p, layer.weight)
    sgd.step()
    p.grad = null
  })
  layer.forward(torch.ones(1, 2)).sum().backward()
  assert.equal(layer.weight.grad, null)
  assert.ok(torch.equal(before.sub(1), layer.weight))
  handle.remove()
  layer.forward(torch.ones(1, 2)).sum().backward()
  assert.ok(layer.weight.grad)
})

test('hooks of graphs that are gone are forgotten', () => {
  const program = `
import * as torch from 'libtorch-node'
const registry = new FinalizationRegistry(() => { freed++ })
let freed = 0
const layer = new torch.nn.Linear(4, 4)
const x = torch.ones(1, 4, { requiresGrad: true })
for (let i = 0; i < 500; i++) torch.scope(() => {
  const y = layer.forward(x)
  const hook = (g) => g
  registry.register(hook, 0)
  y.registerHook(hook)
  y.sum().backward()
})
for (let i = 0; i < 20 && freed < 490; i++) {
  gc()
  await new Promise((resolve) => setTimeout(resolve, 10))
  layer.forward(x).sum().backward()
}
console.log(freed >= 490 ? 'freed' : freed)
`
  const run = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(run.stdout.trim(), 'freed', run.stderr)
})

test('each worker has hooks of its own, and ends with some of them alive', async () => {
  const program = `
import { parentPort } from 'node:worker_threads'
import * as torch from ${JSON.stringify(new URL('dist/index.js', `file://${root}/`).href)}
const x = torch.ones(1, { requiresGrad: true })
x.registerHook((g) => g.mul(5))
globalThis.kept = x.mul(2)
kept.registerHook((g) => g.add(1))
kept.sum().backward({ retainGraph: true })
parentPort.postMessage(x.grad.item())
`
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
    const [value, code] = await Promise.all([
      new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)),
      new Promise((resolve) => worker.once('exit', resolve)),
    ])
    assert.deepEqual([value, code], [20, 0])
  }
})
