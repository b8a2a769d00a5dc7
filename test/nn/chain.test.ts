/** A Sequential runs in one native call: what lies between its layers never becomes a JavaScript object. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { type BasicBlock, resnet18 } from 'libtorch-node/vision'
import { made } from './made.js'

const { nn } = torch

const block = (channels: number, out: number) =>
  new nn.Sequential(
    new nn.ReflectionPad2d(1),
    new nn.Conv2d(channels, out, 3),
    new nn.BatchNorm2d(out),
    new nn.LeakyReLU(0.1),
    new nn.Dropout2d(0.2),
    new nn.MaxPool2d(2),
  )
const network = () =>
  new nn.Sequential({
    stem: block(3, 4),
    body: new nn.Sequential(new nn.Sequential(block(4, 8), new nn.GroupNorm(2, 8), new nn.InstanceNorm2d(8))),
    pool: new nn.AdaptiveAvgPool2d(2),
    head: new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(32, 16),
      new nn.LayerNorm(16),
      new nn.GELU(),
      new nn.AlphaDropout(0.1),
      new nn.Unflatten(1, [4, 4]),
      new nn.Softmax(-1),
      new nn.Identity(),
    ),
  })
const layersOf = (model: torch.nn.Module): torch.nn.Module[] =>
  model.modules().filter((module) => !(module instanceof nn.Sequential))

test('a nested Sequential makes one tensor, in training and evaluation, with gradients and without', () => {
  const model = network()
  const layers = layersOf(model)
  const input = torch.randn(2, 3, 16, 16)
  for (const training of [true, false]) {
    model.train(training)
    const apart = () => layers.reduce((value, layer) => layer.forward(value), input)
    torch.manualSeed(3)
    const expected = apart()
    torch.manualSeed(3)
    const result = model.forward(input)
    if (!training) assert.ok(torch.equal(result, expected)) // in training the first pass changed the running statistics
    assert.equal(
      made(() => model.forward(input)),
      1,
    )
    assert.equal(
      made(() => torch.noGrad(() => model.forward(input))),
      1,
    )
    assert.ok(made(apart) >= 12, 'counts tensors') // those that change nothing give back their input
  }
})

test('gradients come through a chain as through its layers', () => {
  const model = network()
  const layers = layersOf(model)
  const x = torch.randn(2, 3, 16, 16)
  const gradients = [() => model.forward(x), () => layers.reduce((value, layer) => layer.forward(value), x)].map(
    (run) => {
      model.zeroGrad()
      torch.manualSeed(4)
      run().pow(2).sum().backward()
      return model.parameters().map((parameter) => parameter.grad!)
    },
  )
  for (const [i, gradient] of gradients[0]!.entries()) assert.ok(torch.equal(gradient, gradients[1]![i]!))
})

test('a hook, a module of one’s own and a replaced layer part the chain where they are', () => {
  const model = new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU(), new nn.Linear(4, 4), new nn.Tanh())
  const x = torch.randn(2, 4)
  const steps = () => made(() => model.forward(x))
  assert.equal(steps(), 1)
  const handle = model.at(1).registerForwardHook(() => {})
  assert.equal(steps(), 3) // Linear; ReLU with its hook; Linear and Tanh
  handle.remove()
  assert.equal(steps(), 1)

  class Twice extends nn.Module {
    override forward(value: torch.Tensor): torch.Tensor {
      return value.mul(2)
    }
  }
  Object.assign(model, { 1: new Twice() })
  assert.equal(steps(), 3)
  Object.assign(model, { 1: new nn.Sigmoid() })
  assert.equal(steps(), 1)
  const loaded = torch.noGrad(() => model.forward(x))
  model.append(new nn.Linear(4, 1))
  assert.equal(steps(), 1)
  assert.deepEqual(
    [loaded.shape, model.forward(x).shape],
    [
      [2, 4],
      [2, 1],
    ],
  )
})

test('lazy layers are links of the chain after their first input', () => {
  const model = new nn.Sequential(new nn.LazyLinear(4), new nn.LazyBatchNorm1d(), new nn.ReLU())
  const x = torch.randn(3, 5)
  model.forward(x)
  assert.equal(
    made(() => model.forward(x)),
    1,
  )
})

test('these native layers have a forward of their own, all others can be links', () => {
  const own = Object.entries(nn)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof nn.Layer)
    .filter(([, value]) => (value as typeof nn.Layer).prototype.forward !== nn.Layer.prototype.forward)
    .map(([name]) => name)
  // lengths in arrays, a variance that is a number, an `outputSize`: all but EmbeddingBag take several inputs
  assert.deepEqual(own.sort(), [
    'CTCLoss',
    'EmbeddingBag',
    'GaussianNLLLoss',
    'MaxUnpool1d',
    'MaxUnpool2d',
    'MaxUnpool3d',
  ])
})

test('layers that follow each other in a module of vision are one call, until one of them has a hook or is another', () => {
  const model = resnet18({ numClasses: 10 }).eval()
  const block = model.layer1.at(0) as BasicBlock
  const x = torch.randn(2, 64, 8, 8)
  const before = block.forward(x)
  const apart = block.bn1.forward(block.conv1.forward(x)).relu_()
  const steps = () => made(() => block.forward(x))
  assert.equal(steps(), 1) // ReLU and the addition are in place
  const seen: torch.Tensor[] = []
  const handle = block.bn1.registerForwardHook(
    (_module, _inputs, output) => void seen.push((output as torch.Tensor).clone()),
  )
  assert.ok(torch.equal(block.forward(x), before))
  assert.ok(torch.equal(seen[0]!.relu(), apart))
  handle.remove()
  assert.equal(steps(), 1)
  block.bn1 = new nn.Identity()
  assert.equal(steps(), 1)
  assert.ok(!torch.equal(block.forward(x), before))
  block.conv1 = null as never
  for (let i = 0; i < 2; i++) {
    assert.throws(() => block.forward(x), { code: 'ERR_ARGUMENT', message: 'forward: null is in the place of a layer' })
  }
})

test('a module of one’s own may have a field of any name', () => {
  class Link extends nn.Module {
    chain = 'of office'
    override forward(value: torch.Tensor): torch.Tensor {
      return value.mul(2)
    }
  }
  const model = new nn.Sequential(new nn.Identity(), new nn.ReLU(), new Link())
  assert.deepEqual(model.forward(torch.tensor([-1, 3])).tolist(), [0, 6])
})
