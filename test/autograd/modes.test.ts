/** What switches recording on and off: noGrad, enableGrad, inferenceMode, setGradEnabled, requiresGrad, detach. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch
const leaf = () => torch.tensor([1, 2], { requiresGrad: true })

test('noGrad does not record, and gives back what its function returns', () => {
  const x = leaf()
  assert.equal(torch.isGradEnabled(), true)
  const y = torch.noGrad(() => {
    assert.equal(torch.isGradEnabled(), false)
    return x.mul(2)
  })
  assert.equal(torch.isGradEnabled(), true)
  assert.equal(y.requiresGrad, false)
  assert.equal(y.gradFn, null)
  assert.equal(
    torch.noGrad(() => 42),
    42,
  )
})

test('modes nest, and each ends with its own function', () => {
  const x = leaf()
  torch.noGrad(() => {
    assert.equal(torch.enableGrad(() => x.mul(2)).requiresGrad, true)
    assert.equal(torch.isGradEnabled(), false)
    torch.enableGrad(() => {
      torch.noGrad(() => assert.equal(torch.isGradEnabled(), false))
      assert.equal(torch.isGradEnabled(), true)
    })
  })
  assert.equal(torch.isGradEnabled(), true)
})

const modes: [string, <T>(fn: () => T) => T][] = [
  ['noGrad', torch.noGrad],
  ['enableGrad', torch.enableGrad],
  ['inferenceMode', torch.inferenceMode],
]

for (const [name, mode] of modes) {
  test(`${name}: an exception restores the mode and comes out as it is`, () => {
    const error = new Error('mine')
    assert.throws(
      () =>
        mode(() => {
          throw error
        }),
      (thrown) => thrown === error,
    )
    assert.equal(torch.isGradEnabled(), true)
    assert.equal(torch.isInferenceModeEnabled(), false)
  })

  test(`${name}: a function that returns a Promise is a TypeError, and the mode is restored`, async () => {
    let inside: Promise<unknown> | undefined
    assert.throws(
      () =>
        mode(() => {
          inside = Promise.resolve(1)
          return inside
        }),
      (error) => error instanceof TypeError && /Promise/.test(error.message) && error.message.startsWith(name),
    )
    assert.equal(await inside, 1)
    assert.equal(torch.isGradEnabled(), true)
    assert.equal(torch.isInferenceModeEnabled(), false)
  })

  test(`${name}: what is no function is a typed error`, () => {
    for (const wrong of [undefined, null, 3, 'f', {}]) {
      assert.throws(
        () => mode(wrong as never),
        (error) => error instanceof Error && !/native code failed/.test(error.message),
      )
    }
    assert.equal(torch.isGradEnabled(), true)
    assert.equal(torch.isInferenceModeEnabled(), false)
  })
}

test('setGradEnabled holds until it is set again', () => {
  torch.setGradEnabled(false)
  try {
    assert.equal(leaf().mul(2).requiresGrad, false)
  } finally {
    torch.setGradEnabled(true)
  }
  assert.equal(leaf().mul(2).requiresGrad, true)
})

test('inference tensors cannot be used for training, nor changed outside', () => {
  const made = torch.inferenceMode(() => {
    assert.equal(torch.isInferenceModeEnabled(), true)
    return torch.ones(2)
  })
  assert.equal(made.isInference(), true)
  const x = leaf()
  assert.deepEqual(made.clone().mul(x).tolist(), [1, 2])
  assert.throws(() => x.mul(made), { code: 'ERR_TORCH', message: /[Ii]nference tensors cannot be saved for backward/ })
  assert.throws(() => made.add_(1), { code: 'ERR_TORCH', message: /[Ii]nplace update to inference tensor/ })
})

test('detach shares memory and forgets the graph; detach_ forgets its own', () => {
  const x = leaf()
  const y = x.mul(2)
  const cut = y.detach()
  assert.equal(cut.requiresGrad, false)
  assert.equal(cut.dataPtr(), y.dataPtr())
  y.sum().backward()
  assert.deepEqual(x.grad!.tolist(), [2, 2])
  const own = leaf().mul(3)
  assert.equal(own.detach_(), own)
  assert.equal(own.requiresGrad, false)
  assert.equal(own.isLeaf, true)
})

test('requiresGrad: settable on leaves of floating dtypes, and there alone', () => {
  const x = torch.ones(2)
  assert.equal(x.requiresGrad_(), x)
  assert.equal(x.requiresGrad, true)
  x.requiresGrad = false
  assert.equal(x.mul(2).requiresGrad, false)
  assert.throws(() => leaf().mul(2).requiresGrad_(false), { code: 'ERR_TORCH', message: /leaf/ })
  assert.throws(() => torch.ones(2, { dtype: 'int64' }).requiresGrad_(), { code: 'ERR_DTYPE', message: /int64/ })
  assert.throws(() => (x.requiresGrad = 1 as never), { code: 'ERR_ARGUMENT', message: /boolean/ })
  assert.equal(torch.zeros(2, { dtype: 'complex64' }).requiresGrad_().requiresGrad, true)
})

class Frozen extends nn.Module {
  before = new nn.Linear(3, 3)
  after = new nn.Linear(3, 1)
  override forward(x: torch.Tensor): torch.Tensor {
    return this.after.forward(torch.noGrad(() => this.before.forward(x)))
  }
}

test('noGrad inside forward freezes what is before it, and nothing else', () => {
  const model = new Frozen()
  const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1, weightDecay: 0.1 })
  const before = model.before.weight.detach().clone()
  const after = model.after.weight.detach().clone()
  model.forward(torch.randn(4, 3)).pow(2).sum().backward()
  assert.equal(model.before.weight.grad, null)
  assert.equal(model.before.bias!.grad, null)
  assert.notEqual(model.after.weight.grad, null)
  optimizer.step()
  assert.equal(model.before.weight.equal(before), true)
  assert.equal(model.after.weight.equal(after), false)
})
