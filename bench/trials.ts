/** The Node side of `npm run bench`; `trials.py` is the same program in Python, trial by trial. */
import * as torch from 'libtorch-node'
import { resnet18 } from 'libtorch-node/vision'
import { curve } from './curves.js'
import { example } from './example.js'
import { file } from './files.js'
import { type Call, serve } from './measure.js'

const { nn, optim } = torch

torch.setNumThreads(1)
torch.manualSeed(0)

const a = torch.randn(2, 2)
const b = torch.randn(2, 2)

function mlp(makeOptimizer: (params: torch.nn.Parameter[]) => torch.optim.Optimizer): () => void {
  const model = new nn.Sequential(
    new nn.Linear(10, 32),
    new nn.ReLU(),
    new nn.Linear(32, 32),
    new nn.ReLU(),
    new nn.Linear(32, 1),
  )
  const criterion = new nn.MSELoss()
  const optimizer = makeOptimizer(model.parameters())
  const x = torch.randn(64, 10)
  const y = torch.randn(64, 1)
  return () => {
    optimizer.zeroGrad()
    criterion.forward(model.forward(x), y).backward()
    optimizer.step()
  }
}

/** A step of SGD on the mean square of what `forward` gives. */
function square(model: torch.nn.Module, forward: () => torch.Tensor): () => void {
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
  return () => {
    optimizer.zeroGrad()
    forward().pow(2).mean().backward()
    optimizer.step()
  }
}

function lstm(): () => void {
  const model = new nn.LSTM(32, 64)
  const x = torch.randn(20, 16, 32)
  return square(model, () => model.forward(x)[0])
}

function transformerLayer(): () => void {
  const model = new nn.TransformerEncoderLayer(64, 4, 128)
  const x = torch.randn(20, 16, 64)
  return square(model, () => model.forward(x))
}

function resnetStep(): () => void {
  const model = resnet18({ numClasses: 10 })
  const criterion = new nn.CrossEntropyLoss()
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
  const images = torch.randn(8, 3, 32, 32)
  const labels = torch.randint(0, 10, [8])
  return () => {
    optimizer.zeroGrad()
    criterion.forward(model.forward(images), labels).backward()
    optimizer.step()
  }
}

function resnetEval(batch: number, size: number): () => void {
  const model = resnet18({ numClasses: 10 }).eval()
  const images = torch.randn(batch, 3, size, size)
  return () => torch.noGrad(() => model.forward(images))
}

/** Steps of an optimizer alone, on `count` parameters of `size` numbers that have their gradients already. */
function stepOnly(count: number, size: number, makeOptimizer: (params: torch.Tensor[]) => torch.optim.Optimizer) {
  const params = Array.from({ length: count }, () => torch.randn(size).requiresGrad_())
  for (const p of params) p.grad = torch.randn(size)
  const optimizer = makeOptimizer(params)
  return () => optimizer.step()
}
const optimizers: Record<string, (params: torch.Tensor[]) => torch.optim.Optimizer> = {
  SGD: (params) => new optim.SGD(params, { lr: 1e-6 }),
  Adam: (params) => new optim.Adam(params, { lr: 1e-6 }),
  AdamW: (params) => new optim.AdamW(params, { lr: 1e-6 }),
  'fused AdamW': (params) => new optim.AdamW(params, { lr: 1e-6, fused: true }),
}

const tensorsOf: Record<string, () => Record<string, torch.Tensor>> = {
  '512 MB': () => many(128, 2 ** 20),
  '20,000 small': () => many(20_000, 16),
}
function many(count: number, size: number): Record<string, torch.Tensor> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`layer${i}.weight`, torch.randn(size)]))
}
function loading(what: string, options: torch.LoadSyncOptions = {}): () => void {
  const path = file(`${what}.pt`)
  torch.saveSync(tensorsOf[what]!(), path)
  return () => torch.loadSync(path, options)
}
function saving(what: string): () => void {
  const tensors = tensorsOf[what]!()
  const path = file(`saved ${what}.pt`)
  return () => torch.saveSync(tensors, path)
}

/** Each entry prepares a trial and gives what one call is. */
const trials: Record<string, () => Call> = {
  add: () => () => a.add(b),
  mul: () => () => a.mul(b),
  matmul: () => () => a.matmul(b),
  sum: () => () => a.sum(),
  view: () => () => a.view(4),
  index: () => () => a.index(0),
  'mlp sgd': () => mlp((params) => new optim.SGD(params, { lr: 0.01 })),
  'mlp adam': () => mlp((params) => new optim.Adam(params, { lr: 0.001 })),
  example: () => example().step,
  lstm,
  'transformer layer': transformerLayer,
  'resnet18 step': resnetStep,
  'resnet18 eval': () => resnetEval(8, 32),
  'resnet18 eval 224': () => resnetEval(8, 224),
}
for (const [name, make] of Object.entries(optimizers)) {
  trials[`500 small ${name}`] = () => stepOnly(500, 1000, make)
  trials[`10 large ${name}`] = () => stepOnly(10, 2 ** 20, make)
}

for (const what of Object.keys(tensorsOf)) {
  trials[`load ${what}`] = () => loading(what)
  trials[`save ${what}`] = () => saving(what)
}
trials['load 512 MB mapped'] = () => loading('512 MB', { mmap: true })

await serve((name) => trials[name]?.() ?? curve(name))
