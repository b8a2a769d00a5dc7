import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { optim } = torch

function parameter(...values: number[]): torch.Parameter {
  return new torch.Parameter(torch.tensor(values))
}
function withGrad(values: number[], grad: number[]): torch.Parameter {
  const p = parameter(...values)
  p.grad = torch.tensor(grad)
  return p
}

test('one step of plain SGD', () => {
  const p = withGrad([1, 2], [10, 20])
  new optim.SGD([p], { lr: 0.5 }).step()
  assert.deepEqual(p.tolist(), [-4, -8])
})

test('positional arguments come in the order of Python', () => {
  const p = withGrad([1], [1])
  const sgd = new optim.SGD([p], 0.5, 0.9, 0, 0.1, true)
  const [group] = sgd.paramGroups
  assert.deepEqual(
    [group!.lr, group!.momentum, group!.dampening, group!.weightDecay, group!.nesterov],
    [0.5, 0.9, 0, 0.1, true],
  )
  const adam = new optim.Adam([p], 1e-2, { betas: [0.8, 0.9] })
  assert.deepEqual([adam.paramGroups[0]!.lr, adam.paramGroups[0]!.betas], [1e-2, [0.8, 0.9]])
})

test('a step leaves the gradients of the caller as they are, in every implementation', () => {
  const sets: [string, object][] = [
    ['SGD', { lr: 0.1, weightDecay: 0.1, momentum: 0.9, nesterov: true }],
    ['SGD', { lr: 0.1, momentum: 0.9, nesterov: true }],
    ['SGD', { lr: 0.1, maximize: true, weightDecay: 0.1 }],
    ['SGD', { lr: 0.1, momentum: 0.9 }],
    ['Adam', { weightDecay: 0.1, amsgrad: true }],
    ['Adam', { maximize: true }],
    ['AdamW', {}],
  ]
  for (const [name, options] of sets) {
    for (const implementation of [{}, { foreach: true }, { fused: true }]) {
      const p = withGrad([1, 2, 3], [0.3, 0.1, -0.2])
      const { grad } = p
      const before = grad!.tolist()
      const optimizer = new (optim as any)[name]([p], { ...options, ...implementation })
      for (let i = 0; i < 3; i++) optimizer.step()
      assert.deepEqual(grad!.tolist(), before, `${name} ${JSON.stringify({ ...options, ...implementation })}`)
      assert.notDeepEqual(p.tolist(), [1, 2, 3])
    }
  }
})

test('parameters without a gradient stay, and get no state', () => {
  const [p, q] = [withGrad([1], [1]), parameter(5)]
  const optimizer = new optim.Adam([p, q])
  optimizer.step()
  assert.deepEqual(q.tolist(), [5])
  assert.deepEqual([...optimizer.stateDict().state.keys()], [0])
})

test('what is written to a group takes effect with the next step', () => {
  const p = withGrad([1], [1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  optimizer.paramGroups[0]!.lr = 0.25
  optimizer.step()
  assert.deepEqual(p.tolist(), [0.75])
  optimizer.paramGroups[0]!.weightDecay = 1
  optimizer.step()
  assert.deepEqual(p.tolist(), [0.75 - 0.25 * 1.75])
})

test('a group of the wrong kind is refused when it is used', () => {
  const optimizer = new optim.SGD([withGrad([1], [1])])
  const [group] = optimizer.paramGroups as any[]
  group.lr = '0.1'
  assert.throws(() => optimizer.step(), { code: 'ERR_ARGUMENT', message: /SGD: lr must be a number/ })
  group.lr = undefined
  assert.throws(() => optimizer.step(), { code: 'ERR_ARGUMENT', message: /lr may not be undefined/ })
  group.lr = 0.1
  group.nesterov = 1
  assert.throws(() => optimizer.step(), { code: 'ERR_ARGUMENT', message: /nesterov must be a boolean/ })
})

test('changes of the list of parameters are noticed, and state stays with its parameter', () => {
  const [p, q] = [withGrad([1], [1]), withGrad([1], [1])]
  const optimizer = new optim.SGD([p], { lr: 1, momentum: 0.5 })
  optimizer.step()
  optimizer.paramGroups[0]!.params.unshift(q)
  optimizer.step()
  assert.deepEqual([p.tolist(), q.tolist()], [[-1.5], [0]])
  assert.deepEqual([...optimizer.stateDict().state.keys()], [1, 0])
})

test('groups have options of their own', () => {
  const [p, q] = [withGrad([1], [1]), withGrad([1], [1])]
  const optimizer = new optim.SGD([{ params: [p] }, { params: q, lr: 0.5, label: 'head' }], { lr: 0.25 })
  optimizer.step()
  assert.deepEqual([p.tolist(), q.tolist()], [[0.75], [0.5]])
  assert.equal(optimizer.paramGroups[1]!.label, 'head')
  assert.equal(optimizer.stateDict().param_groups[1]!.label, 'head')
  const late = withGrad([1], [1])
  optimizer.addParamGroup({ params: [late], lr: 1 })
  optimizer.step()
  assert.deepEqual(late.tolist(), [0])
  assert.throws(() => optimizer.addParamGroup({ params: [p] }), {
    code: 'ERR_ARGUMENT',
    message: /more than one parameter group/,
  })
  assert.equal(optimizer.paramGroups.length, 3)
})

test('step(closure) records gradients inside of noGrad, and returns the loss', () => {
  const p = parameter(2)
  const optimizer = new optim.SGD([p], { lr: 0.25 })
  const loss = torch.noGrad(() =>
    optimizer.step(() => {
      optimizer.zeroGrad()
      const loss = p.mul(p).sum()
      loss.backward()
      return loss
    }),
  )
  assert.equal(loss.item(), 4)
  assert.deepEqual(p.tolist(), [1])
  assert.throws(() => optimizer.step(async () => 1), TypeError)
  assert.throws(() => optimizer.step(3 as any), { code: 'ERR_ARGUMENT' })
})

test('stepAsync does what step does; meanwhile the optimizer is taken', async () => {
  const make = () =>
    Array.from({ length: 4 }, (_, i) => {
      const p = new torch.Parameter(torch.full([2_000_000], i, { dtype: 'float32' })) // long enough to be still at work below
      p.grad = torch.full([2_000_000], 0.5)
      return p
    })
  const [a, b] = [make(), make()]
  const [left, right] = [new optim.Adam(a), new optim.Adam(b)]
  left.step()
  const done = right.stepAsync()
  assert.throws(() => right.step(), { code: 'ERR_ARGUMENT', message: /await/ })
  await done
  right.zeroGrad({ setToNone: false })
  for (const [i, p] of a.entries()) assert.ok(p.equal(b[i]!))
  const p = parameter(2)
  const optimizer = new optim.SGD([p], { lr: 0.25 })
  const loss = await optimizer.stepAsync(async () => {
    const loss = p.mul(p).sum()
    await loss.backwardAsync()
    return loss.item()
  })
  assert.deepEqual([loss, p.tolist()], [4, [1]])
  optimizer.paramGroups[0]!.lr = 'much' as any
  await assert.rejects(optimizer.stepAsync(), { code: 'ERR_ARGUMENT' })
  optimizer.paramGroups[0]!.lr = 0
  optimizer.step()
})

test('zeroGrad forgets gradients, or fills them with zeros', () => {
  const p = withGrad([1], [3])
  const optimizer = new optim.SGD([p])
  optimizer.zeroGrad({ setToNone: false })
  assert.deepEqual(p.grad!.tolist(), [0])
  optimizer.zeroGrad()
  assert.equal(p.grad, null)
})

test('hooks run around each step, and can be taken off', () => {
  const p = withGrad([1], [1])
  const optimizer = new optim.SGD([p], { lr: 1 })
  const seen: string[] = []
  const before = optimizer.registerStepPreHook((o) => {
    seen.push(`before ${o === optimizer} ${p.tolist()}`)
  })
  optimizer.registerStepPostHook(() => {
    seen.push(`after ${p.tolist()}`)
  })
  optimizer.step()
  before.remove()
  optimizer.step()
  assert.deepEqual(seen, ['before true 1', 'after 0', 'after -1'])
})

test('autograd notices that a step changed a parameter that it needs', () => {
  const p = parameter(2)
  const loss = p.mul(p).sum()
  p.grad = torch.tensor([1])
  new optim.SGD([p]).step()
  assert.throws(() => loss.backward(), /modified by an inplace operation/)
})

test('a parameter made of sparse gradients: SGD takes them', () => {
  const p = parameter(1, 1, 1)
  p.grad = torch.tensor([0, 2, 0]).toSparse()
  const optimizer = new optim.SGD([p], { lr: 0.5, momentum: 0.5 })
  optimizer.step()
  optimizer.step()
  assert.deepEqual(p.tolist(), [1, -1.5, 1])
})

test('a thousand steps keep no memory', () => {
  const p = new torch.Parameter(torch.zeros(1000))
  const optimizer = new optim.Adam([p], { amsgrad: true, weightDecay: 0.1 })
  p.grad = torch.ones(1000)
  optimizer.step()
  const before = torch.memoryStats().bytes
  for (let i = 0; i < 1000; i++) optimizer.step()
  assert.ok(torch.memoryStats().bytes - before < 100_000)
})
