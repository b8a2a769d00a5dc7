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
const tinyDense = () => new models.DenseNet(4, [2, 2], 8, { bnSize: 2, numClasses: 3 })

test('each model has the name of the rule, torchvision’s own, and both at the top', () => {
  const all = vision as unknown as Record<string, { modelName: string }>
  for (const name of models.listModels()) {
    const ours = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
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
  for (const model of [tinyVit(), tinyDense(), models.squeezenet11({ numClasses: 2 })]) {
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
