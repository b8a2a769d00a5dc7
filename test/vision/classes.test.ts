// Promise: the models are modules like all others, files of old load, and wrong arguments are errors in torchvision's words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import * as vision from 'libtorch-node/vision'

const { models, ops } = vision
const { nn } = torch

function same(a: torch.nn.Module, b: torch.nn.Module): void {
  const [ours, theirs] = [Object.entries(a.stateDict()), b.stateDict() as Record<string, torch.Tensor>]
  assert.deepEqual(
    ours.map(([key]) => key),
    Object.keys(theirs),
  )
  for (const [key, tensor] of ours) assert.ok(torch.equal(tensor, theirs[key]!), key)
}
const tinyVit = () => new models.VisionTransformer(8, 4, 1, 2, 8, 16, { numClasses: 3 })
const tinySwin = (version: 1 | 2) => {
  const { SwinTransformerBlockV2: block, PatchMergingV2: downsampleLayer } = models.swinTransformer
  const second = version === 2 ? { block, downsampleLayer } : {}
  return new models.SwinTransformer([2, 2], 4, [2, 2], [1, 2], [3, 2], { numClasses: 3, ...second })
}
const tinyMaxVit = () => new models.MaxVit([32, 32], 4, 2, [4, 8], [1, 2], 2, 0.2, { numClasses: 3 })
const tinyRegNet = () => {
  const stages = new models.BlockParams([1, 2], [8, 16], [4, 8], [1, 1], [2, 2], 0.25)
  return new models.RegNet(stages, { numClasses: 3, stemWidth: 8 })
}
const tinyConvNext = () => {
  const { CNBlockConfig } = models
  return new models.ConvNeXt([new CNBlockConfig(4, 8, 1), new CNBlockConfig(8, null, 1)], { numClasses: 3 })
}
const tinyFused = () => {
  const setting = [new models.FusedMBConvConfig(2, 3, 1, 8, 8, 1), new models.MBConvConfig(2, 3, 2, 8, 16, 1)]
  return new models.EfficientNet(setting, 0.1, { numClasses: 3, lastChannel: 8 })
}
const tinyDense = () => new models.DenseNet(4, [2, 2], 8, { bnSize: 2, numClasses: 3 })

test('each model has the name of the rule, torchvision’s own, and both at the top', () => {
  const all = vision as unknown as Record<string, { modelName: string }>
  for (const name of models.listModels()) {
    // regnet_y_1_6gf is not regnet_y_16gf
    const ours = name.replace(/(?<!regnet_[xy]_\d)_(\w)/g, (_, letter: string) => letter.toUpperCase())
    for (const key of [name, ours]) {
      assert.equal(all[key]?.modelName, name)
      assert.equal((models as never)[key], all[key])
      assert.equal(models.getModelBuilder(key), all[key])
    }
    assert.equal((all[ours] as unknown as { name: string }).name, ours)
    assert.ok('DEFAULT' in models.getModelWeights(name))
  }
  assert.throws(() => models.getModel('resnet19'), /Unknown model resnet19; did you mean resnet1/)
})

test('a clone has the same tensors and results, and is on its own', () => {
  torch.manualSeed(1)
  for (const model of [
    ...[tinyVit(), tinyDense(), models.squeezenet11({ numClasses: 2 }), tinySwin(1), tinySwin(2), tinyMaxVit()],
    ...[tinyRegNet(), tinyConvNext(), tinyFused(), models.mnasnet05({ numClasses: 2 })],
    models.shufflenetV2X05({ numClasses: 2 }),
  ]) {
    const copy = model.clone()
    same(copy, model)
    assert.equal(String(copy), String(model))
    const size = model instanceof models.VisionTransformer ? 8 : 32
    const x = torch.randn(2, 3, size, size)
    assert.ok(torch.equal(copy.eval().forward(x), model.eval().forward(x)))
    torch.noGrad(() => copy.parameters()[0]!.add_(1))
    assert.ok(!torch.equal(copy.parameters()[0]!, model.parameters()[0]!))
  }
})

test('norm layers: a class, a function, and layers in double precision', () => {
  const grouped = models.resnet18({ normLayer: (channels) => new nn.GroupNorm(2, channels), numClasses: 2 })
  assert.match(String(grouped), /\(bn1\): GroupNorm\(2, 64/)
  class Own extends nn.BatchNorm2d {}
  const own = models.mobilenetV3Small({ normLayer: Own, numClasses: 2 })
  assert.match(String(own), /\(1\): Own\(16, eps=1e-05/)
  assert.equal(
    grouped
      .double()
      .eval()
      .forward(torch.randn([1, 3, 32, 32], { dtype: 'float64' })).dtype,
    'float64',
  )
})

test('state dicts of old load: names of DenseNet with dots, and MLPs of ViT', () => {
  torch.manualSeed(2)
  const vit = tinyVit()
  const old = Object.entries(vit.stateDict() as Record<string, torch.Tensor>).map(([key, tensor]) => [
    key.replace(/mlp\.0\./, 'mlp.linear_1.').replace(/mlp\.3\./, 'mlp.linear_2.'),
    tensor,
  ])
  const target = tinyVit()
  target.loadStateDict(Object.fromEntries(old))
  same(target, vit)

  const dense = models.densenet121({ numClasses: 2 })
  const dotted = Object.entries(dense.stateDict() as Record<string, torch.Tensor>)
    .filter(([key]) => !key.endsWith('num_batches_tracked'))
    .map(([key, tensor]) => [key.replace(/(denselayer\d+\.(?:norm|relu|conv))([12])/, '$1.$2'), tensor])
  assert.ok(dotted.some(([key]) => (key as string).includes('norm.1')))
  same(models.densenet121({ numClasses: 2, weights: Object.fromEntries(dotted) }), dense)
})

test('MNASNet: state dicts of the first version have first layers of one width', () => {
  const now = models.mnasnet05({ numClasses: 2 })
  const first = models.mnasnet05({ numClasses: 2 })
  const { _metadata: metadata } = now.stateDict() as any
  assert.equal(metadata[''].version, 2)
  assert.throws(() => first.loadStateDict({ ...now.stateDict() }), /version should be set to 1 or 2 instead of None/)
  // a file of the first version, made by widening the first layers
  const stem = first.layers
  const old = Object.assign(now.stateDict(), {}) as Record<string, torch.Tensor>
  const wide = models.mnasnet10({ numClasses: 2 }).stateDict() as Record<string, torch.Tensor>
  for (const key of Object.keys(old)) if (/^layers\.[0-7]\./.test(key)) old[key] = wide[key]!
  for (const name of ['0', '1', '3', '4']) {
    const key = `layers.8.0.layers.${name}`
    for (const kind of Object.keys(wide).filter((each) => each.startsWith(`${key}.`))) old[kind] = wide[kind]!
  }
  old['layers.8.0.layers.6.weight'] = torch.randn(16, 48, 1, 1)
  metadata[''].version = 1
  Object.defineProperty(old, '_metadata', { value: metadata, configurable: true })
  first.loadStateDict(old)
  assert.equal(first.layers, stem)
  assert.deepEqual(first.getParameter('layers.0.weight').shape, [32, 3, 3, 3])
  const saved = first.stateDict() as any
  assert.equal(saved._metadata[''].version, 1)
  const x = torch.randn(1, 3, 32, 32)
  const copy = first.clone()
  assert.ok(torch.equal(copy.eval().forward(x), first.eval().forward(x)))
})

test('auxiliary heads: results by place and by name in training, none in evaluation', () => {
  const google = models.googlenet({ numClasses: 3, initWeights: false })
  const x = torch.randn(2, 3, 32, 32)
  const outputs = google.forward(x) as vision.GoogLeNetOutputs
  assert.deepEqual(
    outputs.map(({ shape }) => shape),
    [0, 1, 2].map(() => [2, 3]),
  )
  assert.equal(outputs.logits, outputs[0])
  assert.equal(outputs.auxLogits2, outputs[1])
  assert.equal(outputs.auxLogits1, outputs[2])
  assert.deepEqual((google.eval().forward(x) as torch.Tensor).shape, [2, 3])
  const inception = models.inceptionV3({ numClasses: 3, initWeights: false })
  const [logits, auxLogits] = inception.forward(torch.randn(2, 3, 299, 299)) as vision.InceptionOutputs
  assert.deepEqual(
    [logits.shape, auxLogits.shape],
    [
      [2, 3],
      [2, 3],
    ],
  )
})

test('Permute and MLP', () => {
  const x = torch.randn(2, 3, 4)
  assert.ok(torch.equal(new ops.Permute([2, 0, 1]).forward(x), x.permute([2, 0, 1])))
  const mlp = new ops.MLP(4, [8, 2], { normLayer: nn.LayerNorm, activationLayer: nn.GELU, bias: false, dropout: 0.1 })
  assert.deepEqual(Object.keys(mlp.stateDict()), ['0.weight', '1.weight', '1.bias', '4.weight'])
  assert.equal(
    String(mlp),
    [
      'MLP(',
      '  (0): Linear(in_features=4, out_features=8, bias=False)',
      '  (1): LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=True)',
      "  (2): GELU(approximate='none')",
      '  (3): Dropout(p=0.1, inplace=False)',
      '  (4): Linear(in_features=8, out_features=2, bias=False)',
      '  (5): Dropout(p=0.1, inplace=False)',
      ')',
    ].join('\n'),
  )
  assert.deepEqual(mlp.forward(x).shape, [2, 3, 2])
  assert.match(
    String(new ops.MLP(4, [8, 2], { inplace: true })),
    /ReLU\(inplace=True\)\n {2}\(2\): Dropout\(p=0\.0, inplace=True/,
  )
})

test('stochastic depth', () => {
  const x = torch.ones(4, 2)
  assert.equal(ops.stochasticDepth(x, 0.5, 'row', false), x)
  assert.equal(ops.stochasticDepth(x, 0, 'batch'), x)
  torch.manualSeed(0)
  for (const row of ops.stochasticDepth(x, 0.5, 'row').tolist() as number[][]) assert.ok(row[0] === row[1])
  assert.deepEqual(ops.stochasticDepth(x, 1, 'batch').tolist(), torch.zeros(4, 2).tolist())
  assert.equal(String(new ops.StochasticDepth(0.2, 'row')), 'StochasticDepth(p=0.2, mode=row)')
  assert.throws(() => ops.stochasticDepth(x, 2, 'row'), /drop probability has to be between 0 and 1, but got 2/)
  assert.throws(() => ops.stochasticDepth(x, 0.5, 'col' as 'row'), /mode has to be either 'batch' or 'row'/)
})

test('wrong arguments', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => models.resnet18({ groups: 2 }), /BasicBlock only supports groups=1 and base_width=64/],
    [
      () => models.resnet18({ replaceStrideWithDilation: [false, true, false] }),
      /Dilation > 1 not supported in BasicBlock/,
    ],
    [() => models.resnet50({ replaceStrideWithDilation: [true] }), /should be None or a 3-element tuple, got \[True\]/],
    [() => models.resnet18({ numclasses: 3 } as never), /did you mean 'numClasses'/],
    [() => models.resnet18(3 as never), /resnet18\(\): expected options/],
    [() => models.densenet121({ memoryEfficient: true }), /memoryEfficient is not offered/],
    [() => new models.SqueezeNet('2_0' as '1_0'), /Unsupported SqueezeNet version 2_0: 1_0 or 1_1 expected/],
    [() => models.mobilenetV2({ invertedResidualSetting: [] }), /should be non-empty or a 4-element list, got \[\]/],
    [() => new models.MobileNetV3([], 8), /The inverted_residual_setting should not be empty/],
    [() => new models.EfficientNet([], 0.1), /The inverted_residual_setting should not be empty/],
    [() => new models.ConvNeXt([]), /The block_setting should not be empty/],
    [() => new models.ConvNeXt([1] as never), /The block_setting should be List\[CNBlockConfig\]/],
    [() => new models.MNASNet(0), /alpha should be greater than 0\.0 instead of 0/],
    [
      () => models.BlockParams.fromInitParams({ depth: 3, w0: 9, wA: 1, wM: 2, groupWidth: 1 }),
      /Invalid RegNet settings/,
    ],
    [() => new models.RegNet({} as never), /expected blockParams to be BlockParams/],
    [
      () => new models.shufflenetv2.InvertedResidual(4, 8, 1),
      /Invalid combination of stride 1, inp 4 and oup 8 values/,
    ],
    [() => new models.ShuffleNetV2([1], [1]), /expected stages_repeats as list of 3 positive ints/],
    [() => new models.ShuffleNetV2([1, 1, 1], [1]), /expected stages_out_channels as list of 5 positive ints/],
    [
      () => models.maxvitT({ inputSize: [224, 200] }),
      /Input size \(56, 50\) of block 0 is not divisible by partition size 7\. Consider changing the partition size or the input size\.\nCurrent configuration yields the following block input sizes: \[\(56, 50\), \(28, 25\), \(14, 13\), \(7, 7\)\]\./,
    ],
    [() => models.googlenet({ auxlogits: false } as never), /did you mean 'auxLogits'/],
    [() => models.regnetY1_6gf({ weights: 'IMAGENET1K_V3' as 'DEFAULT' }), /regnetY1_6gf\(\): there are no weights/],
    [() => models.vitB16({ imageSize: 33 }), /Input shape indivisible by patch size!/],
    [() => tinyVit().forward(torch.ones(1, 3, 4, 8)), /Wrong image height! Expected 8 but got 4!/],
    [() => tinyVit().forward(torch.ones(1, 3, 8, 4)), /Wrong image width! Expected 8 but got 4!/],
    [
      () => tinyVit().encoder.forward(torch.ones(1, 8)),
      /Expected \(batch_size, seq_length, hidden_dim\) got torch.Size/,
    ],
    [() => models.alexnet({ weights: {} as never }), /Missing key\(s\) in state_dict/],
  ]
  for (const [call, message] of wrong) assert.throws(call, { message }, String(message))
})
