/** Training on the device against Python: parameters, buffers and optimizers' states after steps, by their bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { resnet18 } from 'libtorch-node/vision'
import { bytesOf, device, type Scenario, setUp, shown, testBoth } from './harness.js'
import { batch, begin, seen, squares, train } from './nets.js'

const { nn, optim } = torch

const scenarios: Scenario[] = (['Adam', 'SGD'] as const).map((kind) => ({
  title: `20 steps of ${kind}`,
  python: `
model, optimizer = begin('${kind}')
o['loss'] = train(model, optimizer, 20)
o.update(seen(model, optimizer))
model.eval()
o['out'] = model(batch()[0])`,
  node: (o) => {
    const training = begin(kind)
    o.loss = train(training, 20)
    Object.assign(o, seen(training))
    training.model.eval()
    o.out = training.model.forward(batch()[0])
  },
}))

scenarios.push(
  {
    title: 'ResNet-18, three steps',
    python: `
import sys
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), '..', '..', 'bench'))
from resnet import resnet18
model = resnet18().to(device)
x = torch.randn(4, 3, 32, 32).to(device)
o['loss'] = squares(model, lambda: model(x), 3)
o.update(seen(model))`,
    node: (o) => {
      const model = resnet18({ numClasses: 10 }).to(device)
      const x = torch.randn(4, 3, 32, 32).to(device)
      o.loss = squares(model, () => model.forward(x), 3)
      o.model = model.stateDict()
    },
  },
  {
    title: 'an LSTM of two layers with dropout',
    python: `
model = nn.LSTM(16, 32, num_layers=2, dropout=0.2).to(device)
x = torch.randn(10, 4, 16).to(device)
o['loss'] = squares(model, lambda: model(x)[0], 5)
o.update(seen(model))`,
    node: (o) => {
      const model = new nn.LSTM(16, 32, { numLayers: 2, dropout: 0.2 }).to(device)
      const x = torch.randn(10, 4, 16).to(device)
      o.loss = squares(model, () => model.forward(x)[0], 5)
      o.model = model.stateDict()
    },
  },
  {
    title: 'a transformer layer with dropout, gradients clipped',
    python: `
model = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1).to(device)
x = torch.randn(9, 4, 32).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
o['norms'] = []
for i in range(5):
    optimizer.zero_grad()
    model(x).pow(2).mean().backward()
    o['norms'].append(nn.utils.clip_grad_norm_(model.parameters(), 0.5))
    optimizer.step()
o.update(seen(model, optimizer))`,
    node: (o) => {
      const model = new nn.TransformerEncoderLayer(32, 4, 64, { dropout: 0.1 }).to(device)
      const x = torch.randn(9, 4, 32).to(device)
      const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 })
      const norms: torch.Tensor[] = []
      for (let i = 0; i < 5; i++) {
        optimizer.zeroGrad()
        model.forward(x).pow(2).mean().backward()
        norms.push(nn.utils.clipGradNorm_(model.parameters(), 0.5))
        optimizer.step()
      }
      o.norms = norms
      Object.assign(o, seen({ model, optimizer }))
    },
  },
  {
    title: 'embeddings and cross entropy, gradients of two batches added up',
    python: `
model = nn.Sequential(nn.Embedding(50, 16), nn.Flatten(), nn.Linear(80, 50)).to(device)
tokens = torch.randint(0, 50, (12, 5)).to(device)
target = torch.randint(0, 50, (12,)).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for i in range(6):
    F.cross_entropy(model(tokens), target, label_smoothing=0.1).backward()
    if i % 2:
        optimizer.step()
        optimizer.zero_grad()
o.update(seen(model, optimizer))`,
    node: (o) => {
      const model = new nn.Sequential(new nn.Embedding(50, 16), new nn.Flatten(), new nn.Linear(80, 50)).to(device)
      const tokens = torch.randint(0, 50, [12, 5]).to(device)
      const target = torch.randint(0, 50, [12]).to(device)
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
      for (let i = 0; i < 6; i++) {
        torch.F.crossEntropy(model.forward(tokens), target, { labelSmoothing: 0.1 }).backward()
        if (i % 2 === 0) continue
        optimizer.step()
        optimizer.zeroGrad()
      }
      Object.assign(o, seen({ model, optimizer }))
    },
  },
  {
    title: 'gradients of gradients',
    python: `
w = torch.randn(5, 5).to(device).requires_grad_()
(g,) = torch.autograd.grad((w @ w).tanh().sum(), w, create_graph=True)
g.pow(2).sum().backward()
o['grads'] = [g, w.grad]`,
    node: (o) => {
      const w = torch.randn(5, 5).to(device).requiresGrad_()
      const [g] = torch.autograd.grad(w.matmul(w).tanh().sum(), w, { createGraph: true })
      g!.pow(2).sum().backward()
      o.grads = [g, w.grad]
    },
  },
  {
    title: 'averaged weights',
    python: `
model, optimizer = begin('SGD')
averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
for _ in range(3):
    train(model, optimizer, 1)
    averaged.update_parameters(model)
o['state'] = averaged.state_dict()`,
    node: (o) => {
      const training = begin('SGD')
      const { AveragedModel, getEmaMultiAvgFn } = optim.swaUtils
      const averaged = new AveragedModel(training.model, { multiAvgFn: getEmaMultiAvgFn(0.9) })
      for (let i = 0; i < 3; i++) {
        train(training, 1)
        averaged.updateParameters(training.model)
      }
      o.state = averaged.stateDict()
    },
  },
)

testBoth('training', scenarios)

test('backwardAsync and stepAsync give what backward and step give', async () => {
  setUp()
  const expected = begin('Adam')
  train(expected, 5)
  const { model, optimizer } = begin('Adam')
  const [images, labels] = batch()
  torch.manualSeed(3)
  for (let i = 0; i < 5; i++) {
    optimizer.zeroGrad()
    await torch.F.crossEntropy(model.forward(images), labels).backwardAsync()
    await optimizer.stepAsync()
  }
  const [ours, theirs] = [model, expected.model].map((m) =>
    Object.values(m.stateDict() as Record<string, torch.Tensor>),
  )
  for (const [i, t] of ours!.entries()) assert.deepEqual(bytesOf(t), bytesOf(theirs![i]!))
})

test('to() keeps parameters, so that an optimizer made before stays valid', () => {
  setUp()
  const model = new nn.Linear(3, 2)
  const before = model.weight
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 })
  model.to(device)
  assert.equal(model.weight, before)
  assert.equal(model.weight.device, shown)
  model
    .forward(torch.ones(1, 3, { device }))
    .sum()
    .backward()
  const old = model.bias.tolist() as number[]
  optimizer.step()
  assert.deepEqual(
    model.bias.tolist(),
    old.map((x) => Math.fround(x - 1)),
  )
})
