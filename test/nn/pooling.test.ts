import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { nn } = torch

const image = (): torch.Tensor =>
  torch
    .arange(2 * 6 * 5, { dtype: 'float32' })
    .sin()
    .reshape(1, 2, 6, 5)
const volume = (): torch.Tensor =>
  torch
    .arange(2 * 4 * 4 * 4, { dtype: 'float32' })
    .sin()
    .reshape(1, 2, 4, 4, 4)
const signal = (): torch.Tensor => torch.arange(24, { dtype: 'float32' }).sin().reshape(1, 2, 12)

function assertSame(actual: unknown, expected: unknown, what: string): void {
  const [mine, theirs] = [actual, expected].map((value) => (value instanceof torch.Tensor ? [value] : value)) as [
    torch.Tensor[],
    torch.Tensor[],
  ]
  assert.equal(mine.length, theirs.length, what)
  for (const [i, tensor] of mine.entries()) assert.ok(torch.equal(tensor, theirs[i]!), what)
}

test('options of a live layer are those that it was given, in their form', () => {
  const given: [unknown, unknown][] = [
    [new nn.MaxPool1d(2).stride, 2],
    [new nn.MaxPool1d([2]).kernelSize, [2]],
    [new nn.MaxPool3d(2, { stride: [1, 2, 3] }).stride, [1, 2, 3]],
    [new nn.MaxPool3d(2, { stride: null }).stride, 2],
    [new nn.AvgPool1d(2).kernelSize, [2]],
    [new nn.AvgPool1d(2).stride, [2]],
    [new nn.AvgPool2d(2).stride, 2],
    [new nn.AvgPool2d(2).divisorOverride, null],
    [new nn.MaxUnpool2d(2).padding, [0, 0]],
    [new nn.LPPool2d(1.5, 2).normType, 1.5],
    [new nn.LPPool2d(2, 2).stride, null],
    [new nn.FractionalMaxPool2d(2, 3).outputSize, [3, 3]],
    [new nn.FractionalMaxPool2d(2, { outputRatio: 0.5 }).outputRatio, [0.5, 0.5]],
    [new nn.FractionalMaxPool2d(2, { outputRatio: 0.5 }).outputSize, null],
    [new nn.AdaptiveAvgPool2d([null, 3]).outputSize, [null, 3]],
    [new nn.AdaptiveMaxPool3d(3).outputSize, 3],
    [new nn.ZeroPad2d(1).padding, [1, 1, 1, 1]],
    [new nn.ConstantPad1d([1, 2], 3).value, 3],
    [new nn.Upsample({ scaleFactor: [2, 1.5] }).scaleFactor, [2, 1.5]],
    [new nn.Upsample({ scaleFactor: 0 }).scaleFactor, null],
    [new nn.Upsample(4).size, 4],
    [new nn.Upsample(4).mode, 'nearest'],
    [new nn.Upsample(4).alignCorners, null],
    [new nn.Fold([4, 5], 2).outputSize, [4, 5]],
    [new nn.Unfold(2).stride, 1],
    [new nn.PixelShuffle(2).upscaleFactor, 2],
    [new nn.ChannelShuffle({ groups: 2 }).groups, 2],
  ]
  for (const [i, [actual, expected]] of given.entries()) assert.deepEqual(actual, expected, `option ${i}`)
})

test('a layer whose options are set later is the layer that was made with them', () => {
  const changed: [torch.nn.Module, object, torch.nn.Module, torch.Tensor][] = [
    [
      new nn.MaxPool1d(2),
      { kernelSize: 3, stride: 2, padding: 1, dilation: 2 },
      new nn.MaxPool1d(3, 2, 1, 2),
      signal(),
    ],
    [new nn.MaxPool1d(2), { returnIndices: true, ceilMode: true }, new nn.MaxPool1d(2, 2, 0, 1, true, true), signal()],
    [new nn.MaxPool2d(2), { stride: [1, 2], returnIndices: true }, new nn.MaxPool2d(2, [1, 2], 0, 1, true), image()],
    [new nn.MaxPool3d(2), { kernelSize: [1, 2, 3], stride: 1 }, new nn.MaxPool3d([1, 2, 3], 1), volume()],
    [
      new nn.AvgPool1d(2),
      { kernelSize: 5, stride: [3], padding: 2, countIncludePad: false },
      new nn.AvgPool1d(5, 3, 2, false, false),
      signal(),
    ],
    [
      new nn.AvgPool2d(2),
      { divisorOverride: 3, ceilMode: true },
      new nn.AvgPool2d(2, { divisorOverride: 3, ceilMode: true }),
      image(),
    ],
    [new nn.AvgPool3d(2, 2, 0, false, true, 7), { divisorOverride: null }, new nn.AvgPool3d(2), volume()],
    [
      new nn.LPPool2d(2, 2),
      { normType: 3, kernelSize: [2, 1], stride: 1, ceilMode: true },
      new nn.LPPool2d(3, [2, 1], 1, true),
      image().abs(),
    ],
    [
      new nn.AdaptiveMaxPool2d(2),
      { outputSize: [null, 3], returnIndices: true },
      new nn.AdaptiveMaxPool2d([null, 3], true),
      image(),
    ],
    [new nn.AdaptiveAvgPool1d(2), { outputSize: [5] }, new nn.AdaptiveAvgPool1d([5]), signal()],
    [new nn.AdaptiveAvgPool3d(2), { outputSize: [1, null, 3] }, new nn.AdaptiveAvgPool3d([1, null, 3]), volume()],
    [new nn.CircularPad1d(1), { padding: [2, 3] }, new nn.CircularPad1d([2, 3]), signal()],
    [new nn.ReflectionPad2d(1), { padding: 2 }, new nn.ReflectionPad2d(2), image()],
    [new nn.ConstantPad3d(1, 2), { padding: [0, 1], value: -0.5 }, new nn.ConstantPad3d([0, 1], -0.5), volume()],
    [
      new nn.Upsample(2),
      { size: null, scaleFactor: 1.5, mode: 'bilinear', alignCorners: true },
      new nn.Upsample(null, 1.5, 'bilinear', true),
      image(),
    ],
    [
      new nn.Upsample({ scaleFactor: 1.3, mode: 'linear' }),
      { recomputeScaleFactor: true },
      new nn.Upsample(null, 1.3, 'linear', null, true),
      signal(),
    ],
    [new nn.UpsamplingNearest2d(2), { size: [3, 4] }, new nn.UpsamplingNearest2d([3, 4]), image()],
    [
      new nn.UpsamplingBilinear2d(2),
      { size: null, scaleFactor: [2, 3] },
      new nn.UpsamplingBilinear2d(null, [2, 3]),
      image(),
    ],
    [new nn.PixelShuffle(1), { upscaleFactor: 2 }, new nn.PixelShuffle(2), volume().reshape(8, 4, 4)],
    [new nn.PixelUnshuffle(1), { downscaleFactor: 2 }, new nn.PixelUnshuffle(2), volume()],
    [new nn.ChannelShuffle(1), { groups: 4 }, new nn.ChannelShuffle(4), volume().reshape(1, 8, 4, 4)],
    [
      new nn.Unfold(1),
      { kernelSize: [2, 3], dilation: [2, 1], padding: 1, stride: [1, 2] },
      new nn.Unfold([2, 3], [2, 1], 1, [1, 2]),
      image(),
    ],
    [
      new nn.Fold(4, 2),
      { outputSize: [5, 3], kernelSize: [2, 1], stride: [3, 1], padding: 0 },
      new nn.Fold([5, 3], [2, 1], 1, 0, [3, 1]),
      image().reshape(10, 6),
    ],
  ]
  for (const [layer, options, expected, input] of changed) {
    Object.assign(layer, options)
    assert.equal(String(layer), String(expected))
    assertSame(layer.forward(input), expected.forward(input), String(layer))
  }
  const pool = new nn.MaxPool2d(3, 1)
  pool.stride = null
  assertSame(pool.forward(image()), new nn.MaxPool2d(3).forward(image()), 'no step is the size of the window')
})

test('MaxUnpool takes the size of the output by position and by name, and undoes MaxPool', () => {
  const pool = new nn.MaxPool2d(2, { returnIndices: true })
  const unpool = new nn.MaxUnpool2d(2)
  const even = pool.forward(image().narrow(3, 0, 4)) as unknown as [torch.Tensor, torch.Tensor]
  assert.deepEqual(unpool.forward(...even).shape, [1, 2, 6, 4])
  assert.deepEqual(unpool.forward(...even, null).shape, [1, 2, 6, 4])
  const [output, indices] = pool.forward(image())
  const whole = unpool.forward(output!, indices!, image().shape)
  assert.deepEqual(whole.shape, [1, 2, 6, 5])
  assertSame(pool.forward(whole.maskedFill(whole.eq(0), -9)), [output, indices], 'pooled again')
  assertSame(unpool.forward(output!, indices!, { outputSize: [6, 5] }), whole, 'by name')
  assert.throws(() => unpool.forward(output!, indices!, { outputSize: 'all' as never }), {
    code: 'ERR_ARGUMENT',
    message: "MaxUnpool2d.forward: expected outputSize to be an array of integers, received 'all'",
  })
  assert.throws(() => unpool.forward(output!, indices!, [6, 4.5]), {
    code: 'ERR_ARGUMENT',
    message: 'MaxUnpool2d.forward: expected outputSize to be an array of integers, received [6, 4.5]',
  })
  assert.throws(() => unpool.forward(output!, indices!, { outputSise: [6, 5] } as never), {
    code: 'ERR_ARGUMENT',
    message: /unknown option 'outputSise'; did you mean 'outputSize'\?/,
  })
  assert.throws(() => (unpool as torch.nn.Module).forward(output), {
    code: 'ERR_ARGUMENT',
    message: 'MaxUnpool2d.forward: expected indices to be a Tensor, received undefined',
  })
  assert.equal(
    String(new nn.Sequential(new nn.MaxUnpool1d(2))),
    'Sequential(\n  (0): MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))\n)',
  )
})

test('the random samples of FractionalMaxPool are a buffer, and replacing them moves the windows', () => {
  const samples = torch.tensor([
    [
      [0.2, 0.4],
      [0.6, 0.8],
    ],
  ])
  const layer = new nn.FractionalMaxPool2d(2, [3, 2], { _randomSamples: samples, returnIndices: true })
  assert.deepEqual(Object.keys(layer.stateDict()), ['_random_samples'])
  const before = layer.forward(image())
  assertSame(layer.forward(image()), before, 'the same windows')
  const other = new nn.FractionalMaxPool2d(2, [3, 2], { _randomSamples: torch.zeros(1, 2, 2), returnIndices: true })
  other.loadStateDict(layer.stateDict())
  assertSame(other.forward(image()), before, 'loaded')
  assert.equal(layer.double()._random_samples!.dtype, 'float64')
  layer._random_samples = null
  torch.manualSeed(1)
  const drawn = layer.forward(image())
  torch.manualSeed(1)
  assertSame(layer.forward(image()), drawn, 'the same seed')
  assert.deepEqual(Object.keys(layer.stateDict()), [])
})

test('wrong options of pooling, padding and resizing layers say what was expected', () => {
  const wrong: [() => unknown, string][] = [
    [
      () => new nn.MaxPool1d([1, 2] as never),
      'MaxPool1d: expected kernelSize to be an integer or an array of 1 integer, received an array of 2 values',
    ],
    [
      () => new nn.AvgPool3d(1.5),
      'AvgPool3d: expected kernelSize to be an integer or an array of 3 integers, received 1.5',
    ],
    [
      () => new nn.AdaptiveAvgPool2d([1] as never),
      'AdaptiveAvgPool2d: expected outputSize to be an integer or an array of 2 integers or nulls, received an array of 1 value',
    ],
    [
      () => new nn.AdaptiveAvgPool2d(null as never),
      'AdaptiveAvgPool2d: expected outputSize to be an integer or an array of 2 integers or nulls, received null',
    ],
    [
      () => new nn.FractionalMaxPool2d(2, { outputRatio: [0.5] as never }),
      'FractionalMaxPool2d: expected outputRatio to be a number or an array of 2 numbers or null, received an array of 1 value',
    ],
    [
      () => new nn.ZeroPad2d('1' as never),
      "ZeroPad2d: expected padding to be an integer or an array of integers, received the string '1'",
    ],
    [
      () => new nn.ZeroPad2d([1, Number.NaN]),
      'ZeroPad2d: expected padding to be an integer or an array of integers, received an array of 2 values',
    ],
    [
      () => new nn.ConstantPad1d(1, 'x' as never),
      "ConstantPad1d: expected value to be a number, received the string 'x'",
    ],
    [() => new nn.ConstantPad1d(1 as never), 'ConstantPad1d: value is required'],
    [
      () => new nn.Upsample({ size: 1.5 }),
      'Upsample: expected size to be an integer or an array of them or null, received 1.5',
    ],
    [
      () => new nn.Upsample({ scaleFactor: '2' as never }),
      "Upsample: expected scaleFactor to be a number or an array of them or null, received the string '2'",
    ],
    [() => new nn.LPPool1d('2' as never, 2), "LPPool1d: expected normType to be a number, received the string '2'"],
    [
      () => Object.assign(new nn.PixelShuffle(2), { upscaleFactor: 0.5 }),
      'PixelShuffle: expected upscaleFactor to be an integer, received 0.5',
    ],
  ]
  for (const [run, message] of wrong) assert.throws(run, { code: 'ERR_ARGUMENT', message })
})

test('numbers that LibTorch would cut off are refused', () => {
  const far = 2 ** 53 - 1
  const tooFar = { code: 'ERR_TORCH', message: 'value cannot be converted to type int without overflow' }
  assert.throws(() => new nn.MaxPool1d(far).forward(signal()), tooFar)
  assert.throws(() => new nn.MaxPool1d(2, far).forward(signal()), tooFar)
  assert.throws(() => new nn.MaxPool1d(2, { dilation: far }).forward(signal()), tooFar)
  assert.throws(() => new nn.MaxPool2d(far).forward(image()), tooFar)
  assert.throws(() => new nn.LPPool1d(Number.POSITIVE_INFINITY, far).forward(signal()), tooFar)
  assert.throws(() => new nn.AvgPool3d(2, far).forward(volume()), tooFar)
  for (const scaleFactor of [1e300, Number.POSITIVE_INFINITY, Number.NaN]) {
    assert.throws(() => new nn.Upsample({ scaleFactor, recomputeScaleFactor: true }).forward(image()), {
      code: 'ERR_ARGUMENT',
    })
    assert.throws(() => new nn.Upsample({ scaleFactor }).forward(image()), { code: 'ERR_TORCH' })
  }
})

test('pooling and padding are links of a chain; one that gives indices too is not followed by another', () => {
  const layers = [new nn.ReflectionPad2d(1), new nn.MaxPool2d(2), new nn.AdaptiveAvgPool2d(1)] as const
  const chain = new nn.Sequential(...layers)
  assertSame(
    chain.forward(image()),
    layers.reduce((x, layer) => layer.forward(x), image()),
    'chain',
  )
  assert.throws(
    () => new nn.Sequential(new nn.MaxPool2d(2, { returnIndices: true }), new nn.ZeroPad2d(1)).forward(image()),
    {
      code: 'ERR_ARGUMENT',
      message: 'ZeroPad2d.forward: expected a Tensor from the layer before it',
    },
  )
})
