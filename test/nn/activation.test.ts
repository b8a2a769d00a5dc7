import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { buildDir } from '../support/paths.js'

const { nn } = torch
const x = (): torch.Tensor => torch.tensor([-2, -0.5, 0.5, 2])
const list = (t: torch.Tensor): unknown => t.tolist()

test('options of a live layer take effect in the next forward and in its text', () => {
  const threshold = new nn.Threshold(0, 9)
  threshold.threshold = 1
  threshold.value = -7
  assert.deepEqual(list(threshold.forward(x())), [-7, -7, -7, 2])
  assert.equal(String(threshold), 'Threshold(threshold=1.0, value=-7.0)')

  const bounded = new nn.Hardtanh()
  bounded.maxVal = 0.25
  bounded.inplace = true
  const input = x()
  assert.equal(bounded.forward(input), input)
  assert.deepEqual(list(input), [-1, -0.5, 0.25, 0.25])
  assert.equal(String(bounded), 'Hardtanh(min_val=-1.0, max_val=0.25, inplace=True)')
  bounded.minVal = 1
  assert.throws(() => bounded.forward(x()), {
    code: 'ERR_ARGUMENT',
    message: 'min_val cannot be greater than max_val',
  })

  const drop = new nn.Dropout1d()
  drop.p = 1
  assert.deepEqual(list(drop.forward(torch.ones(2, 2))), list(torch.zeros(2, 2)))
  drop.p = 2
  assert.throws(() => drop.forward(torch.ones(2, 2)), {
    code: 'ERR_ARGUMENT',
    message: 'dropout probability has to be between 0 and 1, but got 2',
  })

  const softmax = new nn.Softmax(0)
  softmax.dim = 1
  assert.deepEqual(list(softmax.forward(torch.zeros(1, 2))), [[0.5, 0.5]])
  const gelu = new nn.GELU()
  gelu.approximate = 'tanh'
  assert.deepEqual(list(gelu.forward(x())), list(torch.nn.functional.gelu(x(), { approximate: 'tanh' })))
  const shrink = new nn.Hardshrink()
  shrink.lambd = 1
  assert.deepEqual(list(shrink.forward(x())), [-2, 0, 0, 2])
  const unflatten = new nn.Unflatten(0, [2, 2])
  unflatten.unflattenedSize = [1, 4]
  unflatten.dim = -1
  assert.deepEqual(
    [unflatten.forward(x()).shape, unflatten.unflattenedSize],
    [
      [1, 4],
      [1, 4],
    ],
  )
  const distance = new nn.PairwiseDistance({ eps: 0 })
  distance.norm = 1
  assert.deepEqual([distance.p, distance.forward(x(), x().mul(0)).item()], [1, 5])
  const glu = new nn.GLU(1)
  glu.dim = 0
  assert.deepEqual(glu.forward(torch.ones(4, 3)).shape, [2, 3])
})

test('what is done in place gives the input itself', () => {
  const layers = [
    ...[new nn.ReLU(true), new nn.ReLU6(true), new nn.ELU(1, true), new nn.CELU(1, true), new nn.SELU(true)],
    ...[new nn.SiLU(true), new nn.Mish(true), new nn.Hardswish(true), new nn.Hardsigmoid(true)],
    ...[new nn.LeakyReLU(0.1, true), new nn.RReLU(0.1, 0.2, true), new nn.Threshold(0, 1, true)],
    ...[new nn.Dropout(0.5, true), new nn.Dropout1d(0.5, true), new nn.Dropout2d(0.5, true)],
    new nn.Dropout3d(0.5, true),
  ]
  for (const layer of layers) {
    const input = torch.randn(2, 3, 4, 5)
    const shaped = layer instanceof nn.Dropout1d ? input.squeeze().index(0, 0) : input
    assert.equal(layer.forward(shaped), shaped, String(layer))
    assert.deepEqual(shaped.ndim, layer instanceof nn.Dropout1d ? 2 : 4)
  }
  // nothing to do
  for (const layer of [new nn.AlphaDropout(), new nn.Dropout(), new nn.Identity(1, { two: 3 })].map((l) => l.eval())) {
    const input = x()
    assert.equal(layer.forward(input), input)
  }
})

test('ReLU6 is a Hardtanh', () => {
  const relu6 = new nn.ReLU6()
  assert.ok(relu6 instanceof nn.Hardtanh)
  assert.deepEqual([relu6.minVal, relu6.maxVal], [0, 6])
  assert.deepEqual(list(relu6.forward(torch.tensor([-1, 3, 7]))), [0, 3, 6])
  assert.throws(() => new nn.ReLU6(1 as never), { code: 'ERR_ARGUMENT', message: /ReLU6.*inplace to be a boolean/ })
  assert.throws(() => new nn.ReLU6({ minVal: 1 } as never), {
    code: 'ERR_ARGUMENT',
    message: /unknown option 'minVal'/,
  })
})

test('layers of these families are links of one native chain', () => {
  torch.manualSeed(1)
  const layers = [new nn.Linear(6, 4), new nn.ReLU6(), new nn.PReLU(), new nn.Mish(), new nn.Unflatten(1, [2, 2])]
  const input = torch.randn(3, 6)
  const chain = new nn.Sequential(...layers, new nn.Softmax2d(), new nn.Identity('x'), new nn.Flatten())
  const one = chain.forward(input)
  const other = chain.children().reduce((value, layer) => layer.forward(value), input)
  assert.deepEqual(list(one), list(other))
})

test('wrong arguments are typed errors', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => new nn.Unflatten('C' as never, [2]), /^Unflatten: expected dim to be the number of a dimension/],
    [
      () => new nn.Unflatten(0, [Number.NaN]),
      /^unflattened_size must be tuple of ints, but found element of type float/,
    ],
    [() => new nn.Unflatten(0 as never), /^Unflatten: unflattenedSize is required$/],
    [() => new nn.Dropout('1' as never), /^Dropout: expected p to be a number, received the string '1'$/],
    [() => new nn.Dropout(Number.POSITIVE_INFINITY), /between 0 and 1, but got inf$/],
    [() => new nn.Hardtanh({ minValue: 'x' as never }), /^Hardtanh: expected minValue to be a number/],
    [() => new nn.PReLU({ numParameters: 1.5 }), /^PReLU: expected numParameters to be an integer, received 1.5$/],
    [() => new nn.Threshold(1 as never), /^Threshold: value is required$/],
    [() => new nn.Bilinear(1, 2, 3).forward(torch.ones(1) as never, 2 as never), /expected input2 to be a Tensor/],
    [() => new nn.CosineSimilarity({ dim: null as never }), /^CosineSimilarity: expected dim to be an integer/],
    [() => new nn.GELU(1 as never), /^GELU: expected approximate to be a string, received 1$/],
  ]
  for (const [run, message] of wrong) assert.throws(run, { code: 'ERR_ARGUMENT', message })
  assert.throws(() => new nn.Dropout(Number.NaN).forward(x()), /between 0 and 1, but got nan/)
  // LibTorch quotes an error with the trace of its own functions there, which Python shows and we do not.
  assert.throws(() => new nn.Unflatten(0, [-1, -1]).forward(x()), {
    message: 'unflatten got an unexpected error:\nonly one dimension can be inferred',
  })
})

test('what PyTorch warns of is warned of once', (t) => {
  const folder = mkdtempSync(join(buildDir, 'warnings-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'program.mjs'),
    `import * as torch from 'libtorch-node'
const { nn } = torch
for (let i = 0; i < 2; i++) {
  for (const Layer of [nn.Softmax, nn.LogSoftmax, nn.Softmin]) new Layer().forward(torch.ones(2))
  new nn.Hardtanh({ minValue: -2, maxValue: 2 })
  new nn.Dropout2d().forward(torch.ones(2, 2, 2))
  new nn.Dropout2d().forward(torch.ones(2, 2))
  new nn.Dropout3d().forward(torch.ones(2, 2))
  new nn.Linear(0, 2)
}
`,
  )
  const { stderr, status } = child(join(folder, 'program.mjs'))
  assert.equal(status, 0, stderr)
  const texts = [
    ...['softmax', 'log_softmax', 'softmin'].map(
      (name) => `Implicit dimension choice for ${name} has been deprecated.`,
    ),
    'keyword argument `min_value` is deprecated and renamed to `min_val`',
    'keyword argument `max_value` is deprecated and renamed to `max_val`',
    'dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired',
    'dropout2d: Received a 2-D input to dropout2d, which is deprecated',
    'dropout3d: Received a 2-D input to dropout3d, which is deprecated',
    'Initializing zero-element tensors is a no-op',
  ]
  for (const text of texts) assert.equal(stderr.split(text).length - 1, 1, `${text} in\n${stderr}`)
})
