/**
 * The checkpoint of the usual training scripts: model, optimizer, learning-rate schedule, epoch and the arguments of the command
 * line, which Python keeps as an `argparse.Namespace`. `reference.py` beside this file is the same program in Python; each resumes
 * from the file of the other, to the same parameters.
 *
 * Run after `npm run build`:
 *   node .build/examples/scheduler-epoch-args/scheduler-epoch-args.js --epochs 3
 *   node .build/examples/scheduler-epoch-args/scheduler-epoch-args.js --epochs 6 --resume checkpoint.pth
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '6' },
    'batch-size': { type: 'string', default: '64' },
    lr: { type: 'string', default: '0.1' },
    'lr-gamma': { type: 'string', default: '0.5' },
    seed: { type: 'string', default: '0' },
    resume: { type: 'string', default: '' },
    'output-dir': { type: 'string', default: '.' },
  },
})
// named as argparse names them, since they go into the file
const args = {
  epochs: Number(values.epochs),
  batch_size: Number(values['batch-size']),
  lr: torch.pyFloat(Number(values.lr)), // a float also where it is 1
  lr_gamma: torch.pyFloat(Number(values['lr-gamma'])),
  seed: Number(values.seed),
  resume: values.resume,
  output_dir: values['output-dir'],
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(args.seed)

const digits = new URL('examples/resume/data/digits.csv.gz', import.meta.resolve('libtorch-node/package.json'))
const rows = gunzipSync(readFileSync(fileURLToPath(digits)))
  .toString()
  .trim()
  .split('\n')
  .map((line) => line.split(',').map(Number))
const images = torch.tensor(rows.map((row) => row.slice(0, 64))).div(16) // (1797, 64), ink from 0 to 1
const labels = torch.tensor(rows.map((row) => BigInt(row[64]!)))
const generator = new torch.Generator()
const loader = new DataLoader(new TensorDataset(images, labels), {
  batchSize: args.batch_size,
  shuffle: true,
  generator,
})

const model = new nn.Sequential(new nn.Linear(64, 32), new nn.ReLU(), new nn.Linear(32, 10))
const criterion = new nn.CrossEntropyLoss()
const optimizer = new optim.SGD(model.parameters(), { lr: Number(values.lr), momentum: 0.9, weightDecay: 1e-4 })
const lrScheduler = new optim.lrScheduler.MultiStepLR(optimizer, [2, 4], { gamma: Number(values['lr-gamma']) })

let startEpoch = 0
if (args.resume) {
  const checkpoint = await torch.load(args.resume, { mapLocation: 'cpu' })
  model.loadStateDict(checkpoint.model)
  optimizer.loadStateDict(checkpoint.optimizer)
  lrScheduler.loadStateDict(checkpoint.lr_scheduler)
  startEpoch = checkpoint.epoch + 1
  // an argparse.Namespace is an object of Python, and what it holds is its state
  const { lr, lr_gamma, batch_size, seed } = checkpoint.args.state
  console.log(`resumed after epoch ${checkpoint.epoch}, made with`, { lr, lr_gamma, batch_size, seed })
  if (batch_size !== args.batch_size || seed !== args.seed) throw new Error('go on with the same batch size and seed')
}

for (let epoch = startEpoch; epoch < args.epochs; epoch++) {
  generator.manualSeed(args.seed + epoch) // the order of an epoch depends on its number alone, so a resumed run has it too
  const lr = Number(lrScheduler.getLastLr()[0])
  let total = 0
  for (const [x, y] of loader) {
    const loss = criterion.forward(model.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    total += Number(loss.item())
  }
  lrScheduler.step()
  console.log(`epoch ${epoch}  lr ${lr.toFixed(6)}  loss ${(total / loader.length).toFixed(6)}`)
  const checkpoint = {
    model: model.stateDict(),
    optimizer: optimizer.stateDict(),
    lr_scheduler: lrScheduler.stateDict(),
    epoch,
    args: namespace(args),
  }
  await torch.save(checkpoint, join(args.output_dir, `model_${epoch}.pth`))
  await torch.save(checkpoint, join(args.output_dir, 'checkpoint.pth'))
}

const hash = createHash('sha256')
for (const parameter of model.parameters()) hash.update(parameter.detach().typedArray())
console.log(`sha256 of the parameters: ${hash.digest('hex')}`)

/** Arguments as Python's scripts save and expect them: with `checkpoint["args"].lr`. */
function namespace(state: object): torch.PyObject {
  return Object.assign(new torch.PyObject('argparse', 'Namespace', torch.Tuple.of(), 'new'), { state })
}
