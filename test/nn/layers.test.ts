import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn, F } = torch

test('wrong arguments name the layer, the option, what was expected and what came', () => {
  const wrong: [() => unknown, RegExp][] = [
    [
      () => new nn.Conv2d(1, 2, 3, { stride: 'x' as never }),
      /^Conv2d: expected stride to be an integer or an array of 2 integers, received the string 'x'$/,
    ],
    [
      () => new nn.Conv2d(1, 2, [1, 2, 3] as never),
      /^Conv2d: expected kernelSize to be .* received an array of 3 values$/,
    ],
    [() => new nn.Conv2d(1, 2, 1.5), /^Conv2d: expected kernelSize .* received 1.5$/],
    [
      () => new nn.Conv2d(1, 2, 3, { paddingMode: 'mirror' as never }),
      /^Conv2d: expected paddingMode to be 'zeros' or 'reflect'/,
    ],
    [
      () => new nn.Conv2d(1, 2, 3, { strid: 2 } as never),
      /^Conv2d\(\): unknown option 'strid'; did you mean 'stride'\?$/,
    ],
    [() => new nn.Linear(1, 2, { inFeatures: 3 }), /'inFeatures' is given twice/],
    [() => new nn.Linear(1 as never), /^Linear: outFeatures is required$/],
    [
      () => new nn.Linear(1, 2, true, null, null, 3 as never),
      /^Linear\(\) takes at most 5 arguments by position, received 6$/,
    ],
    [() => new nn.Linear(Number.NaN, 2), /^Linear: expected inFeatures to be an integer, received NaN$/],
    [() => new nn.Linear(1, 2, { bias: 1 as never }), /^Linear: expected bias to be a boolean, received 1$/],
    [() => new nn.Linear(1, 2, { dtype: 'float33' as never }), /float33/],
    [() => new nn.MSELoss({ reduction: 2 as never }), /^MSELoss: expected reduction to be a string, received 2$/],
    [
      () => new nn.MSELoss({ reduction: 'average' as never }).forward(torch.ones(1), torch.ones(1)),
      /^average is not a valid value for reduction$/,
    ],
    [
      () => new nn.Linear(1, 2).forward([1] as never),
      /^Linear.forward: expected input to be a Tensor, received an array$/,
    ],
    [
      () => (new nn.MSELoss() as torch.nn.Module).forward(torch.ones(1)),
      /^MSELoss.forward: expected target to be a Tensor, received undefined$/,
    ],
  ]
  for (const [run, message] of wrong) assert.throws(run, { code: 'ERR_ARGUMENT', message })
})

test('wrong shapes and values give the text of LibTorch', () => {
  assert.throws(() => new nn.Linear(4, 2).forward(torch.ones(3, 5)), {
    code: 'ERR_SHAPE',
    message: /mat1 and mat2 shapes cannot be multiplied/,
  })
  assert.throws(() => new nn.BatchNorm2d(2).forward(torch.ones(2, 2)), {
    code: 'ERR_SHAPE',
    message: 'expected 4D input (got 2D input)',
  })
  assert.throws(() => new nn.BatchNorm1d(2).forward(torch.ones(1, 2)), {
    code: 'ERR_SHAPE',
    message: 'Expected more than 1 value per channel when training, got input size torch.Size([1, 2])',
  })
  assert.throws(() => new nn.Conv2d(3, 4, 1, { groups: 2 }), /in_channels must be divisible by groups/)
  assert.throws(() => new nn.Dropout(2), /dropout probability has to be between 0 and 1, but got 2/)
  assert.throws(() => new nn.Linear(-1, 2), /negative dimension -1/)
  assert.throws(
    () => new nn.Conv2d(1, 1, 5).forward(torch.ones(1, 1, 3, 3)),
    /Kernel size can't be greater than actual input size/,
  )
})

test('a layer is no other object: wrong receivers are errors', () => {
  const { forward } = nn.Linear.prototype
  assert.throws(() => forward.call({} as never, torch.ones(1)), { code: 'ERR_ARGUMENT' })
  assert.throws(() => forward.call(torch.ones(1) as never, torch.ones(1)), { code: 'ERR_ARGUMENT' })
})

test('layers are made on a device and with a dtype', () => {
  const meta = new nn.Conv2d(1000, 1000, 100, { device: 'meta' })
  assert.equal(meta.weight.device, 'meta')
  const norm = new nn.BatchNorm1d(2, { dtype: 'float64' })
  assert.deepEqual([norm.running_var.dtype, norm.num_batches_tracked.dtype], ['float64', 'int64'])
})

test('what is done in place, or not at all, gives the input itself', () => {
  const x = torch.tensor([-1, 1])
  assert.equal(new nn.ReLU(true).forward(x), x)
  assert.equal(new nn.Identity().forward(x), x)
  assert.equal(new nn.Sequential(new nn.Identity(), new nn.ReLU({ inplace: true })).forward(x), x)
  assert.deepEqual(x.tolist(), [0, 1])
})

test('functions do what the layers do', () => {
  torch.manualSeed(0)
  const x = torch.randn(4, 3)
  const same = (a: torch.Tensor, b: torch.Tensor): void => assert.deepEqual(a.tolist(), b.tolist())
  const linear = new nn.Linear(3, 2)
  same(F.linear(x, linear.weight, linear.bias), linear.forward(x))
  same(F.relu(x), new nn.ReLU().forward(x))
  same(F.leakyRelu(x, { negativeSlope: 0.3 }), new nn.LeakyReLU(0.3).forward(x))
  same(F.silu(x), new nn.SiLU().forward(x))
  same(F.gelu(x, { approximate: 'tanh' }), new nn.GELU('tanh').forward(x))
  same(F.softmax(x, 1), new nn.Softmax(1).forward(x))
  same(F.logSoftmax(x, { dim: 0 }), new nn.LogSoftmax({ dim: 0 }).forward(x))
  same(F.dropout(x, 0.5, false), x)
  same(F.mseLoss(x, x.add(1), { reduction: 'sum' }), new nn.MSELoss({ reduction: 'sum' }).forward(x, x.add(1)))
  const target = torch.tensor([0n, 1n, 2n, 1n])
  same(
    F.crossEntropy(x, target, { labelSmoothing: 0.1 }),
    new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(x, target),
  )
  same(F.nllLoss(F.logSoftmax(x, 1), target), new nn.CrossEntropyLoss().forward(x, target))
  const image = torch.randn(1, 2, 6, 6)
  same(F.maxPool2d(image, 2), new nn.MaxPool2d(2).forward(image))
  same(F.maxPool2d(image, 3, { stride: 1, padding: 1 }), new nn.MaxPool2d(3, 1, 1).forward(image))
  assert.equal(F.maxPool2d(image, 2, { returnIndices: true })[1].dtype, 'int64')
  const norm = new nn.BatchNorm2d(2).eval()
  same(
    F.batchNorm(image, norm.running_mean, norm.running_var, { weight: norm.weight, bias: norm.bias }),
    norm.forward(image),
  )
  assert.throws(() => F.relu(x, { inplac: true } as never), { code: 'ERR_ARGUMENT', message: /did you mean 'inplace'/ })
  assert.throws(() => F.dropout(x, 3), { code: 'ERR_ARGUMENT' })
})
