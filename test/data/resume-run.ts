/**
 * Trains a small net with dropout for three epochs and prints what it saw. `run FILE EPOCH BATCH` stops after that batch and saves;
 * `resume FILE` goes on from there in a process of its own; `whole` does not stop. Arguments: the setting as JSON, then these.
 */
import { createHash } from 'node:crypto'
import * as torch from 'libtorch-node'
import type { ResumeSetting } from './resume-settings.js'

const { data } = torch.utils
const setting = JSON.parse(process.argv[2]!) as ResumeSetting
const [mode, file, stopEpoch, stopBatch] = process.argv.slice(3)

const generators = new Map<number, torch.Generator>()
const generator = (seed: number | undefined): torch.Generator | null => {
  if (seed === undefined) return null
  if (!generators.has(seed)) generators.set(seed, new torch.Generator().manualSeed(seed))
  return generators.get(seed)!
}

// the rows are counted, as passing over them must not read them
let asked = 0
class Rows extends data.Dataset<[torch.Tensor, torch.Tensor]> {
  length = setting.n
  get(i: number): [torch.Tensor, torch.Tensor] {
    asked++
    return [torch.tensor([i / setting.n, i % 3]), torch.tensor([i % 2])]
  }
}
class Stream extends data.IterableDataset<[torch.Tensor, torch.Tensor]> {
  length = setting.n
  override *[Symbol.iterator]() {
    for (let i = 0; i < setting.n; i++) yield new Rows().get(i)
  }
}

function makeSampler(): torch.utils.data.Sampler | null {
  const options = { generator: generator(setting.samplerGenerator) }
  const numSamples = setting.numSamples ?? null
  const rows = new Rows()
  if (setting.sampler === 'random') return new data.RandomSampler(rows, { numSamples, ...options })
  if (setting.sampler === 'replacement')
    return new data.RandomSampler(rows, { replacement: true, numSamples, ...options })
  const indices = [...Array(setting.n).keys()]
  if (setting.sampler === 'subset')
    return new data.SubsetRandomSampler(
      indices.filter((i) => i % 2),
      options,
    )
  if (setting.sampler === 'weighted')
    return new data.WeightedRandomSampler(
      indices.map((i) => i * 0.5 + 0.1),
      numSamples!,
      options,
    )
  return null
}

torch.manualSeed(mode === 'resume' ? 999 : 3)
const loader = new data.DataLoader<[torch.Tensor, torch.Tensor], torch.Tensor[]>(
  setting.stream ? new Stream() : new Rows(),
  {
    batchSize: setting.batchSize,
    shuffle: setting.shuffle ?? false,
    dropLast: setting.dropLast ?? false,
    generator: generator(setting.generator),
    sampler: makeSampler(),
  },
)
if (mode === 'resume') for (const g of generators.values()) g.manualSeed(1234)
const model = new torch.nn.Sequential(
  new torch.nn.Linear(2, 8),
  new torch.nn.Dropout(0.5),
  new torch.nn.ReLU(),
  new torch.nn.Linear(8, 1),
)
const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })

let first = 0
if (mode === 'resume') {
  const saved = torch.loadSync(file!) as any
  model.loadStateDict(saved.model)
  optimizer.loadStateDict(saved.optimizer)
  loader.loadStateDict(saved.loader)
  torch.setRngState(saved.rng)
  first = saved.epoch
}

const losses: number[] = []
let readWhileResuming: number | undefined
epochs: for (let epoch = first; epoch < 3; epoch++) {
  let i = 0
  for (const [x, y] of loader) {
    if (readWhileResuming === undefined) readWhileResuming = asked
    optimizer.zeroGrad()
    const loss = torch.nn.functional.mseLoss(model.forward(x!) as torch.Tensor, y!)
    loss.backward()
    optimizer.step()
    losses.push(loss.item() as number)
    if (mode === 'run' && epoch === Number(stopEpoch) && ++i === Number(stopBatch)) {
      const state = { model: model.stateDict(), optimizer: optimizer.stateDict(), loader: loader.stateDict() }
      torch.saveSync({ ...state, rng: torch.getRngState(), epoch }, file!)
      break epochs
    }
  }
}

const sha = createHash('sha256')
for (const parameter of model.parameters()) sha.update(parameter.detach().typedArray() as Float32Array)
sha.update(torch.getRngState().typedArray() as Uint8Array)
for (const g of generators.values()) sha.update(g.getState().typedArray() as Uint8Array)
console.log(JSON.stringify({ losses, digest: sha.digest('hex'), read: readWhileResuming ?? 0 }))
