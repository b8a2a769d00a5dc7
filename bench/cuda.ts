/**
 * Node against Python on a CUDA device: `bash scripts/cuda-check.sh --bench`. This process measures itself and, in turn with that,
 * a Python that runs `cuda_trials.py`, the same program. The time of a trial is wall time up to the end of the device's work; the
 * ratio is the median over rounds. Prints a table. LTN_CUDA_CHECK_DEVICE=cpu tries it out on the CPU.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as torch from 'libtorch-node'
import { resnet18 } from 'libtorch-node/vision'

const { nn, optim } = torch
const device = process.env.LTN_CUDA_CHECK_DEVICE ?? 'cuda'
const rounds = 7
const segmentSeconds = 0.12

torch.setNumThreads(1)
torch.manualSeed(0)

type Call = () => unknown
type Params = torch.Tensor[]

function steps(model: torch.nn.Module, optimizer: torch.optim.Optimizer<any>, loss: () => torch.Tensor): Call {
  model.to(device)
  return () => {
    optimizer.zeroGrad()
    loss().backward()
    optimizer.step()
  }
}

function mlp(make: (params: Params) => torch.optim.Optimizer<any>): Call {
  const model = new nn.Sequential(
    new nn.Linear(10, 32),
    new nn.ReLU(),
    new nn.Linear(32, 32),
    new nn.ReLU(),
    new nn.Linear(32, 1),
  )
  const [x, y] = [torch.randn(64, 10).to(device), torch.randn(64, 1).to(device)]
  const criterion = new nn.MSELoss()
  return steps(model, make(model.parameters()), () => criterion.forward(model.forward(x), y))
}

function resnet(batch: number, size: number): Call {
  const model = resnet18({ numClasses: 10 })
  const images = torch.randn(batch, 3, size, size).to(device)
  const labels = torch.randint(0, 10, [batch]).to(device)
  const criterion = new nn.CrossEntropyLoss()
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
  return steps(model, optimizer, () => criterion.forward(model.forward(images), labels))
}

function transformer(width: number, heads: number, length: number, batch: number): Call {
  const model = new nn.TransformerEncoderLayer(width, heads, 2 * width)
  const x = torch.randn(length, batch, width).to(device)
  return steps(model, new optim.SGD(model.parameters(), { lr: 0.01 }), () => model.forward(x).pow(2).mean())
}

function lstm(): Call {
  const model = new nn.LSTM(32, 64)
  const x = torch.randn(20, 16, 32).to(device)
  return steps(model, new optim.SGD(model.parameters(), { lr: 0.01 }), () => model.forward(x)[0].pow(2).mean())
}

function stepOnly(count: number, size: number, make: (params: Params) => torch.optim.Optimizer<any>): Call {
  const params = Array.from({ length: count }, () => torch.randn(size).to(device).requiresGrad_())
  for (const p of params) p.grad = torch.randn(size).to(device)
  const optimizer = make(params)
  return () => optimizer.step()
}

/** The rows of the table: a title, and what prepares the trial and gives what one call is. cuda_trials.py has the same in that order. */
const trials: [title: string, prepare: () => Call][] = [
  [
    '`a.add(b)`, 2×2',
    () => {
      const [a, b] = [torch.randn(2, 2).to(device), torch.randn(2, 2).to(device)]
      return () => a.add(b)
    },
  ],
  ['MLP 10-32-32-1, batch 64: a step with SGD', () => mlp((params) => new optim.SGD(params, { lr: 0.01 }))],
  ['MLP 10-32-32-1, batch 64: a step with Adam', () => mlp((params) => new optim.Adam(params, { lr: 0.001 }))],
  ['LSTM 32→64, 20 steps, batch 16: a step with SGD', lstm],
  ['TransformerEncoderLayer 64, 4 heads, 20×16: a step with SGD', () => transformer(64, 4, 20, 16)],
  ['TransformerEncoderLayer 512, 8 heads, 128×32: a step with SGD', () => transformer(512, 8, 128, 32)],
  ['ResNet-18, 32×32, batch 8: a step with SGD', () => resnet(8, 32)],
  ['ResNet-18, 224×224, batch 32: a step with SGD', () => resnet(32, 224)],
  [
    'Adam: a step for 500 parameters of 1,000 numbers',
    () => stepOnly(500, 1000, (params) => new optim.Adam(params, { lr: 1e-6 })),
  ],
  [
    'fused Adam: a step for 500 parameters of 1,000 numbers',
    () => stepOnly(500, 1000, (params) => new optim.Adam(params, { lr: 1e-6, fused: true })),
  ],
]

const synchronize = (): void => {
  if (device === 'cuda') torch.cuda.synchronize()
}
const prepared = new Map<number, { call: Call; calls: number }>()

/** Nanoseconds of one call. How many calls take long enough is found once. */
function measure(index: number): number {
  let trial = prepared.get(index)
  if (!trial) prepared.set(index, (trial = { call: trials[index]![1](), calls: 1 }))
  for (; ; trial.calls *= 2) {
    synchronize()
    const start = process.hrtime.bigint()
    for (let i = 0; i < trial.calls; i++) trial.call()
    synchronize()
    const time = Number(process.hrtime.bigint() - start)
    if (time >= segmentSeconds * 5e8) return time / trial.calls
  }
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
const micro = (nanoseconds: number): string => `${(nanoseconds / 1000).toFixed(nanoseconds < 1e5 ? 2 : 0)} µs`

function row(title: string, pairs: [number, number][]): string[] {
  const ratios = pairs.map(([node, python]) => node / python)
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`
  return [
    title,
    micro(median(pairs.map(([node]) => node))),
    micro(median(pairs.map(([, python]) => python))),
    median(ratios).toFixed(2),
    range,
  ]
}

const here = dirname(fileURLToPath(import.meta.resolve('libtorch-node/package.json')))
const python = process.env.LTN_PYTHON ?? join(here, '.venv', 'bin', 'python')
const child = spawn(python, [join(here, 'bench', 'cuda_trials.py'), device, String(segmentSeconds)], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
async function measurePython(index: number): Promise<number> {
  child.stdin.write(`${index}\n`)
  const { value, done } = await answers.next()
  if (done) throw new Error(`Python ended while it measured ${trials[index]![0]}`)
  return Number(value)
}

const pairs: [number, number][][] = trials.map(() => [])
// the first round is for caches and compilers
for (let round = 0; round <= rounds; round++) {
  for (const index of trials.keys()) {
    const pair: [number, number] = [measure(index), await measurePython(index)]
    if (round > 0) pairs[index]!.push(pair)
  }
}
child.stdin.end()

console.log(`Wall time of one call with the device's work, medians of ${rounds} interleaved rounds.\n`)
console.log('| trial | Node | Python | ratio | range |\n|---|--:|--:|--:|--:|')
for (const [index, [title]] of trials.entries()) console.log(`| ${row(title, pairs[index]!).join(' | ')} |`)
