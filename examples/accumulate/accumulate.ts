/**
 * Trains with large batches in the memory of small ones: the gradients of several small batches are added up before the
 * optimizer takes a step. With clipping of the gradient's norm, no weight decay for biases, a warm-up of the learning rate, and
 * (`--amp`) a forward pass in bfloat16. `accumulate.py` beside this file is the same program in Python; on one thread both
 * end with the same parameters.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data
const { LinearLR, CosineAnnealingLR, SequentialLR } = optim.lrScheduler

const { values: options } = parseArgs({ options: { amp: { type: 'boolean', default: false } } })

const epochs = 4
const microBatch = 32 // what fits in memory
const accumulate = 4 // micro-batches to a step: an effective batch of 128
const maxNorm = 1 // longest gradient, over all parameters together
const warmUp = 10 // steps until the learning rate is reached

torch.setNumThreads(1)
torch.manualSeed(0)

const digits = new URL('examples/resume/data/digits.csv.gz', import.meta.resolve('libtorch-node/package.json'))
const rows = gunzipSync(readFileSync(fileURLToPath(digits)))
  .toString()
  .trim()
  .split('\n')
  .map((line) => line.split(',').map(Number))
const images = torch.tensor(rows.map((row) => row.slice(0, 64))).div(16) // (1797, 64), ink from 0 to 1
const labels = torch.tensor(rows.map((row) => BigInt(row[64]!)))
const loader = new DataLoader(new TensorDataset(images, labels), { batchSize: microBatch, shuffle: true })

const model = new nn.Sequential(new nn.Linear(64, 128), new nn.GELU(), new nn.Dropout(0.1), new nn.Linear(128, 10))
const criterion = new nn.CrossEntropyLoss()

const named = [...model.namedParameters()]
const optimizer = new optim.AdamW(
  [
    { params: named.filter(([name]) => name.endsWith('weight')).map(([, p]) => p), weightDecay: 0.05 },
    { params: named.filter(([name]) => !name.endsWith('weight')).map(([, p]) => p), weightDecay: 0 },
  ],
  { lr: 0.01 },
)
const stepsPerEpoch = Math.ceil(loader.length / accumulate)
const scheduler = new SequentialLR(
  optimizer,
  [
    new LinearLR(optimizer, { startFactor: 0.1, totalIters: warmUp }),
    new CosineAnnealingLR(optimizer, epochs * stepsPerEpoch - warmUp),
  ],
  [warmUp],
)

for (let epoch = 1; epoch <= epochs; epoch++) {
  let total = 0
  let norm = 0
  let batch = 0
  for (const [x, y] of loader) {
    // the mean over the large batch is the mean of the means over small ones
    const loss = torch
      .autocast('cpu', { dtype: 'bfloat16', enabled: options.amp }, () => criterion.forward(model.forward(x), y))
      .div(accumulate)
    loss.backward()
    total += Number(loss.item()) * accumulate
    if (++batch % accumulate !== 0 && batch !== loader.length) continue
    norm = Number(nn.utils.clipGradNorm_(model.parameters(), maxNorm).item())
    optimizer.step()
    scheduler.step()
    optimizer.zeroGrad()
  }
  const lr = Number(scheduler.getLastLr()[0])
  const loss = (total / loader.length).toFixed(4)
  console.log(`epoch ${epoch}  loss ${loss}  norm ${norm.toFixed(4)}  next lr ${lr.toFixed(6)}`)
}

const hash = createHash('sha256')
for (const p of model.parameters()) hash.update(p.detach().typedArray())
console.log(`sha256 of the parameters: ${hash.digest('hex')}`)
