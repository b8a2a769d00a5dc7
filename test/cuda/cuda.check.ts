/**
 * What needs a CUDA device: `npm run test:cuda`. Not part of `npm test`, which must pass, and skip nothing, where there is none.
 * Numbers are compared with Python on the same device, by their bytes.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { ConvNet } from '../../bench/example.js'
import { root, tempDir } from '../support/paths.js'
import { pythonFile } from '../support/python.js'

const { nn, optim } = torch
const MB = 2 ** 20

torch.backends.cudnn.deterministic = true

const python = (...args: string[]): string => pythonFile(join(root, 'test', 'cuda', 'programs.py'), args).trim()

function digest(tensors: Iterable<torch.Tensor>): string {
  const hash = createHash('sha256')
  for (const tensor of tensors) {
    const { buffer, byteOffset, byteLength } = tensor.detach().cpu().contiguous().typedArray()
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}
const stateOf = (model: torch.nn.Module) => Object.values(model.stateDict() as Record<string, torch.Tensor>)

type Training = { model: torch.nn.Module; optimizer: torch.optim.Optimizer }

function begin(kind: 'Adam' | 'SGD'): Training {
  torch.manualSeed(0)
  const model = new ConvNet().to('cuda')
  const optimizer =
    kind === 'Adam'
      ? new optim.Adam(model.parameters(), { lr: 2e-3, weightDecay: 1e-4 })
      : new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 })
  return { model, optimizer }
}

function train({ model, optimizer }: Training, steps: number): void {
  const images = torch.rand(64, 1, 8, 8, { generator: new torch.Generator().manualSeed(1) }).cuda()
  const labels = torch.randint(0, 10, [64], { generator: new torch.Generator().manualSeed(2) }).cuda()
  const criterion = new nn.CrossEntropyLoss()
  torch.manualSeed(3)
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad()
    criterion.forward(model.forward(images), labels).backward()
    optimizer.step()
  }
}

test('there is a device, and errors name the one that is not there', () => {
  assert.ok(torch.cuda.isAvailable())
  assert.equal(torch.ones(2, { device: 'cuda' }).device, 'cuda:0')
  assert.deepEqual(torch.ones(2).cuda().add(1).cpu().tolist(), [2, 2])
  assert.throws(() => torch.cuda.memoryAllocated(torch.cuda.deviceCount()), { code: 'ERR_DEVICE' })
  assert.throws(() => torch.ones(2).add(torch.ones(2, { device: 'cuda' })), /same device/)
  torch.cuda.synchronize()
})

test('random numbers are those of Python', () => {
  torch.manualSeed(5)
  const device = 'cuda'
  const made = [
    torch.randn(1000, { device }),
    torch.rand(7, { device }),
    torch.randperm(50, { device }),
    torch.randint(0, 9, [33], { device }),
    torch.empty(64, { device }).exponential_(),
  ]
  assert.equal(digest(made), python('random'))
})

test('20 training steps give the parameters of Python', () => {
  const expected = JSON.parse(python('steps')) as Record<string, string>
  for (const kind of ['Adam', 'SGD'] as const) {
    const training = begin(kind)
    train(training, 20)
    assert.equal(digest(stateOf(training.model)), expected[kind], kind)
  }
})

type Case = [layer: string, args: unknown[], kwargs: Record<string, unknown>, ...shapes: number[][]]
/** Arguments have Python's names; an Embedding's input has integers below its first number. */
const layers: Case[] = [
  ['Linear', [8, 5], {}, [4, 8]],
  ['Bilinear', [4, 3, 2], {}, [5, 4], [5, 3]],
  ['Conv1d', [3, 4, 3], {}, [2, 3, 16]],
  ['Conv2d', [3, 8, 3], { padding: 1, stride: 2 }, [2, 3, 16, 16]],
  ['ConvTranspose2d', [3, 8, 3], {}, [2, 3, 9, 9]],
  ['BatchNorm2d', [3], {}, [2, 3, 8, 8]],
  ['GroupNorm', [2, 4], {}, [2, 4, 5, 5]],
  ['LayerNorm', [6], {}, [3, 6]],
  ['RMSNorm', [6], {}, [3, 6]],
  ['InstanceNorm2d', [3], { affine: true }, [2, 3, 8, 8]],
  ['Embedding', [20, 6], {}, [20, 4, 3]],
  ['LSTM', [8, 16], { num_layers: 2, batch_first: true }, [3, 7, 8]],
  ['GRU', [8, 16], { bidirectional: true }, [7, 3, 8]],
  ['MultiheadAttention', [16, 4], { batch_first: true }, [2, 5, 16], [2, 5, 16], [2, 5, 16]],
  ['TransformerEncoderLayer', [16, 4], { dim_feedforward: 32, dropout: 0, batch_first: true }, [2, 5, 16]],
  ['MaxPool2d', [2], {}, [2, 3, 8, 8]],
  ['AdaptiveAvgPool2d', [3], {}, [2, 3, 8, 8]],
  ['Softmax', [1], {}, [4, 7]],
  ['GELU', [], {}, [4, 7]],
  ['PReLU', [], {}, [4, 7]],
  ['MSELoss', [], {}, [4, 7], [4, 7]],
  ['KLDivLoss', [], { reduction: 'batchmean' }, [4, 7], [4, 7]],
]

function layer([name, args, kwargs, ...shapes]: Case): string {
  torch.manualSeed(7)
  const options = Object.fromEntries(
    Object.entries(kwargs).map(([key, v]) => [key.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), v]),
  )
  const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => torch.nn.Module>)[name]!
  const module = new Layer(...args, options).to('cuda')
  const inputs = shapes.map((s) => (name === 'Embedding' ? torch.randint(0, s[0]!, s.slice(1)) : torch.randn(s)).cuda())
  const leaves = inputs.filter((x) => x.isFloatingPoint()).map((x) => x.requiresGrad_())
  let out = module.forward(...inputs)
  while (Array.isArray(out)) out = out[0]
  out
    .mul(torch.linspace(-1, 1, out.numel()).cuda().view(out.shape))
    .sum()
    .backward()
  const gradients = [...leaves, ...module.parameters()].map((t) => t.grad).filter((grad) => grad !== null)
  return digest([out, ...gradients, ...module.buffers()])
}

test('layers give what they give in Python', async (t) => {
  const file = join(tempDir(t), 'layers.json')
  writeFileSync(file, JSON.stringify(layers.map(([name, args, kwargs, ...shapes]) => [name, args, kwargs, shapes])))
  const expected = JSON.parse(python('layers', file)) as string[]
  for (const [i, one] of layers.entries()) {
    await t.test(JSON.stringify(one), () => assert.equal(layer(one), expected[i]))
  }
})

test('DataParallel on one device is its module, under other keys', () => {
  const model = new ConvNet().to('cuda')
  model.eval()
  const parallel = new nn.DataParallel(model)
  const images = torch.rand(6, 1, 8, 8, { device: 'cuda' })
  assert.ok(torch.equal(parallel.forward(images), model.forward(images)))
  assert.deepEqual(
    Object.keys(parallel.stateDict()),
    Object.keys(model.stateDict()).map((key) => `module.${key}`),
  )
  assert.throws(() => new nn.DataParallel(model, { deviceIds: [0, torch.cuda.deviceCount()] }), { code: /^ERR_/ })
})

test('a checkpoint of Python resumes on the device, and opens on the CPU when it is mapped', (t) => {
  const file = join(tempDir(t), 'python.pt')
  const expected = python('save', file)
  const loaded = torch.loadSync(file)
  assert.equal(loaded.model['fc1.weight'].device, 'cuda:0')
  const training = begin('Adam')
  training.model.loadStateDict(loaded.model)
  training.optimizer.loadStateDict(loaded.optimizer)
  train(training, 5)
  assert.equal(digest(stateOf(training.model)), expected)
  for (const mapLocation of ['cpu', { 'cuda:0': 'cpu' }, () => 'cpu']) {
    assert.equal(torch.loadSync(file, { mapLocation }).model['fc1.weight'].device, 'cpu')
  }
})

test('Python resumes from what is saved here', (t) => {
  const file = join(tempDir(t), 'node.pt')
  const training = begin('Adam')
  train(training, 5)
  torch.saveSync({ model: training.model.stateDict(), optimizer: training.optimizer.stateDict() }, file)
  const read = JSON.parse(python('read', file)) as { digest: string; devices: string[] }
  train(training, 5)
  assert.deepEqual(read, { digest: digest(stateOf(training.model)), devices: ['cuda:0'] })
})

test('to() keeps parameters, so that an optimizer made before stays valid', () => {
  const model = new nn.Linear(3, 2)
  const before = model.weight
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 })
  model.to('cuda')
  assert.equal(model.weight, before)
  assert.equal(model.weight.device, 'cuda:0')
  model
    .forward(torch.ones(1, 3, { device: 'cuda' }))
    .sum()
    .backward()
  const old = model.bias.tolist() as number[]
  optimizer.step()
  assert.deepEqual(
    model.bias.tolist(),
    old.map((x) => Math.fround(x - 1)),
  )
})

test('a synchronous loop of 20,000 operators on 1-MB tensors stays below 600 MB of the device', () => {
  const a = torch.ones(512, 512, { device: 'cuda' })
  let most = 0
  for (let i = 0; i < 20_000; i++) {
    a.add(1)
    if (i % 64 === 0) most = Math.max(most, torch.cuda.memoryAllocated())
  }
  assert.ok(most < 600 * MB, `${(most / MB).toFixed(0)} MB`)
  assert.ok(torch.memoryStats().acceleratorBytes > 0)
})

test('when the device is full, garbage is collected before the error', () => {
  // 40 results of 8 GB, of which no device holds all
  for (let i = 0; i < 40; i++) torch.empty(2 ** 31, { device: 'cuda' })
  assert.throws(() => torch.empty(2 ** 45, { device: 'cuda' }), { code: 'ERR_OUT_OF_MEMORY' })
  torch.cuda.emptyCache()
})

test('a run on the device that was broken off and resumed ends in the same bytes', async (t) => {
  const folder = tempDir(t)
  const make = () => {
    torch.manualSeed(4)
    const model = new nn.Sequential(new nn.Linear(8, 32), new nn.Dropout(0.5), new nn.Linear(32, 2)).to('cuda')
    return { model, optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }) }
  }
  const step = ({ model, optimizer }: ReturnType<typeof make>): void => {
    optimizer.zeroGrad()
    model
      .forward(torch.randn(16, 8, { device: 'cuda' }))
      .pow(2)
      .mean()
      .backward()
    optimizer.step()
  }
  const whole = make()
  for (let epoch = 0; epoch < 6; epoch++) step(whole)
  const first = make()
  const manager = new torch.CheckpointManager(folder)
  for (let epoch = 0; epoch < 3; epoch++) {
    step(first)
    manager.maybeSave({ epoch, ...first })
  }
  await manager.close()
  const again = make()
  const other = new torch.CheckpointManager(folder)
  const { nextEpoch, exact } = other.resume({ ...again })!
  assert.deepEqual([nextEpoch, exact], [3, true])
  for (let epoch = nextEpoch; epoch < 6; epoch++) step(again)
  assert.equal(digest(stateOf(again.model)), digest(stateOf(whole.model)))
  await other.close()
})
