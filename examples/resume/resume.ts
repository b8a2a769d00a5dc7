/**
 * Continues a training run that Python began, from the checkpoint that Python saved, and ends with the very parameters that
 * Python reached without interruption: equal in every bit. `train.py` beside this file is Python's program.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, extname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data

// ---- Configuration --------------------------------------------------------------------------------------------------------

const here = new URL('examples/resume/', import.meta.resolve('libtorch-node/package.json'))
const inHere = (name: string) => fileURLToPath(new URL(name, here))

const { values: options } = parseArgs({
  options: {
    checkpoint: { type: 'string', default: inHere('checkpoint.pth') }, // what to continue from
    expected: { type: 'string', default: inHere('expected.json') }, // what Python reached: losses and digest
    out: { type: 'string', default: inHere('out/checkpoint.pth') }, // where to save the new checkpoint
    epochs: { type: 'string' }, // last epoch, counted from 1; by default the one of Python's run
  },
})

const testImages = 360 // the last of the 1,797 images measure accuracy and are not trained on
const lossTolerance = 0.005 // where the bits cannot be the same: largest difference of an epoch's mean loss
const accuracyTolerance = 0.02 // and of an epoch's accuracy

// Bits depend on the instructions that the CPU offers. With these settings every CPU that has AVX2 computes the same ones. They
// must be there before LibTorch is loaded, which happens at the first call into it.
Object.assign(process.env, { ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_CBWR: 'AVX2' })
torch.setNumThreads(1) // sums over several threads are added up in another order

// ---- The checkpoint -------------------------------------------------------------------------------------------------------

const checkpoint = (await torch.load(options.checkpoint)) as Checkpoint
// Python's `args` is an argparse.Namespace, which is read as an inert object; a checkpoint saved below has a plain one.
const args = (checkpoint.args instanceof torch.PyObject ? checkpoint.args.state : checkpoint.args) as Arguments
const expected = JSON.parse(readFileSync(options.expected, 'utf8')) as Expected
const lastEpoch = options.epochs ? Number(options.epochs) : expected.history.at(-1)!.epoch

console.log(`${relative('', options.checkpoint)} holds`)
for (const [name, value] of Object.entries(checkpoint)) console.log(`  ${name.padEnd(21)}${describe(value)}`)

// ---- Data, net, optimizer: as in Python -----------------------------------------------------------------------------------

const rows = gunzipSync(readFileSync(inHere('data/digits.csv.gz')))
  .toString()
  .trim()
  .split('\n')
  .map((line) => line.split(',').map(Number))
const images = torch
  .tensor(rows.map((row) => row.slice(0, 64)))
  .reshape([-1, 1, 8, 8])
  .div(16) // ink from 0 to 1
const labels = torch.tensor(rows.map((row) => BigInt(row[64]!)))
const trainImages = rows.length - testImages

const trainSet = new TensorDataset(images.narrow(0, 0, trainImages), labels.narrow(0, 0, trainImages))
const testSet = new TensorDataset(images.narrow(0, trainImages, testImages), labels.narrow(0, trainImages, testImages))
const trainLoader = new DataLoader(trainSet, { batchSize: args.batch_size, shuffle: true })
const testLoader = new DataLoader(testSet, { batchSize: 256 })

class ConvNet extends nn.Module {
  layer1 = new nn.Sequential(new nn.Conv2d(1, 16, 3, { padding: 1 }), new nn.BatchNorm2d(16), new nn.ReLU())
  layer2 = new nn.Sequential(
    new nn.Conv2d(16, 32, 3, { padding: 1 }),
    new nn.BatchNorm2d(32),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
  )
  flatten = new nn.Flatten()
  drop_out = new nn.Dropout(args.dropout)
  fc1 = new nn.Linear(32 * 4 * 4, 32)
  relu = new nn.ReLU()
  fc2 = new nn.Linear(32, 10)

  // (N, 1, 8, 8) → (N, 10)
  override forward(x: torch.Tensor): torch.Tensor {
    x = this.layer2.forward(this.layer1.forward(x)) // (N, 32, 4, 4)
    x = this.drop_out.forward(this.flatten.forward(x)) // (N, 512)
    return this.fc2.forward(this.relu.forward(this.fc1.forward(x)))
  }
}

const model = new ConvNet()
const criterion = new nn.CrossEntropyLoss()
const optimizer = new optim.Adam(model.parameters(), { lr: args.lr, weightDecay: args.weight_decay })
const scheduler = new optim.lrScheduler.StepLR(optimizer, args.step_size, { gamma: args.gamma })

// ---- Resume ---------------------------------------------------------------------------------------------------------------

model.loadStateDict(checkpoint.model_state_dict)
optimizer.loadStateDict(checkpoint.optimizer_state_dict)
scheduler.loadStateDict(checkpoint.lr_schedule)
torch.setRngState(checkpoint.rng_state) // last: making the net has drawn random numbers

const history: Epoch[] = []
for (let epoch = checkpoint.epoch + 1; epoch <= lastEpoch; epoch++) {
  const lr = Number(scheduler.getLastLr()[0])
  const loss = trainEpoch(epoch)
  scheduler.step()
  history.push({ epoch, lr, loss, accuracy: accuracy() })
  const { accuracy: share } = history.at(-1)!
  console.log(`epoch ${epoch}  lr ${lr}  loss ${loss.toFixed(4)}  accuracy ${share.toFixed(4)}`)
}

/** One epoch; returns the mean loss of its images. */
function trainEpoch(epoch: number): number {
  model.train()
  let total = 0
  let correct = 0
  let seen = 0
  const bar = torch.utils.progress(trainLoader, { desc: `epoch ${epoch}/${lastEpoch}` })
  for (const [x, y] of bar) {
    const output = model.forward(x)
    const loss = criterion.forward(output, y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    total += Number(loss.item()) * y.shape[0]!
    correct += countCorrect(output, y)
    seen += y.shape[0]!
    bar.setPostfix({ loss: total / seen, accuracy: correct / seen })
  }
  return total / trainImages
}

/** Share of the test images that the net recognises. */
function accuracy(): number {
  model.eval()
  let correct = 0
  torch.noGrad(() => {
    for (const [x, y] of testLoader) correct += countCorrect(model.forward(x), y)
  })
  return correct / testImages
}

function countCorrect(output: torch.Tensor, y: torch.Tensor): number {
  return Number(output.argmax(1).eq(y).sum().item())
}

// ---- Save: Python reads it with weights_only=True, as it holds tensors, numbers and text only ------------------------------

mkdirSync(dirname(options.out), { recursive: true })
await torch.save(
  {
    epoch: lastEpoch,
    model_state_dict: model.stateDict(),
    optimizer_state_dict: optimizer.stateDict(),
    lr_schedule: scheduler.stateDict(),
    loss: 'CrossEntropyLoss',
    args,
    rng_state: torch.getRngState(),
  },
  options.out,
)
console.log(`saved ${relative('', options.out)}`)

// ---- Draw: Python's epochs, and those that went on from there -------------------------------------------------------------

const pythonEpochs = expected.history.filter(({ epoch }) => epoch <= checkpoint.epoch)
const curve = (epochs: Epoch[], panel: 'loss' | 'accuracy') => ({
  panel,
  x: epochs.map(({ epoch }) => epoch),
  y: epochs.map((epoch) => epoch[panel]),
})
const picture = `${options.out.slice(0, options.out.length - extname(options.out).length)}.svg`
writeFileSync(
  picture,
  torch.utils.plotCurves(
    {
      'loss in Python': curve(pythonEpochs, 'loss'),
      'loss in Node': curve(history, 'loss'),
      'accuracy in Python': curve(pythonEpochs, 'accuracy'),
      'accuracy in Node': curve(history, 'accuracy'),
    },
    { title: 'Handwritten digits: a run that Python began', xLabel: 'epoch', yScale: { loss: 'log' } },
  ),
)
console.log(`drawn ${relative('', picture)}`)

// ---- Compare with Python --------------------------------------------------------------------------------------------------

const sha256 = digest(model)
console.log(`sha256 of the parameters: ${sha256}`)
if (lastEpoch !== expected.history.at(-1)!.epoch) {
  console.log(
    `Python's digest is that of epoch ${expected.history.at(-1)!.epoch}; nothing to compare with at epoch ${lastEpoch}`,
  )
} else if (sha256 === expected.sha256) {
  console.log('The parameters are byte-identical to those of the uninterrupted run in Python.')
} else if (!canHoldBits()) {
  console.log(
    `This CPU cannot compute Python's bits (they need Linux on x86-64 with AVX2): comparing with a tolerance.`,
  )
  const far = history.filter(differs)
  console.log(
    far.length === 0
      ? `Losses are within ${lossTolerance} and accuracies within ${accuracyTolerance} of Python's in every epoch.`
      : `Beyond the tolerance in epoch ${far.map(({ epoch }) => epoch).join(', ')}.`,
  )
  process.exitCode = far.length === 0 ? 0 : 1
} else {
  console.log(`The parameters DIFFER from those of the uninterrupted run in Python: ${expected.sha256}`)
  process.exitCode = 1
}

/** SHA-256 over every entry of the state dict in order: its name in UTF-8, then its values as they lie in memory. */
function digest(module: torch.nn.Module): string {
  const sha = createHash('sha256')
  for (const [name, tensor] of Object.entries(module.stateDict())) {
    sha.update(name)
    sha.update(tensor.typedArray())
  }
  return sha.digest('hex')
}

function canHoldBits(): boolean {
  return process.platform === 'linux' && process.arch === 'x64' && / avx2 /.test(readFileSync('/proc/cpuinfo', 'utf8'))
}

function differs({ epoch, loss, accuracy }: Epoch): boolean {
  const python = expected.history.find((entry) => entry.epoch === epoch)!
  return Math.abs(loss - python.loss) > lossTolerance || Math.abs(accuracy - python.accuracy) > accuracyTolerance
}

// ---- Types and texts ------------------------------------------------------------------------------------------------------

interface Arguments {
  batch_size: number
  lr: number
  weight_decay: number
  step_size: number
  gamma: number
  dropout: number
}

interface Checkpoint {
  epoch: number
  model_state_dict: Record<string, torch.Tensor>
  optimizer_state_dict: Record<string, unknown>
  lr_schedule: Record<string, unknown>
  loss: unknown
  args: torch.PyObject | Arguments
  rng_state: torch.Tensor
}

interface Epoch {
  epoch: number
  lr: number
  loss: number
  accuracy: number
}

interface Expected {
  history: Epoch[]
  sha256: string
}

/** A line about a value of a checkpoint. */
function describe(value: unknown): string {
  if (value instanceof torch.Tensor) return `tensor of ${value.dtype}, shape [${value.shape.join(', ')}]`
  if (value instanceof torch.PyObject) return `${value.module}.${value.name}  ${short(value.state)}`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.values(value)
  if (entries.length > 0 && entries.every((entry) => entry instanceof torch.Tensor)) {
    const count = entries.reduce((sum, tensor) => sum + tensor.numel(), 0)
    return `${entries.length} tensors, ${count.toLocaleString('en')} values`
  }
  return short(value)
}

function short(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const simple = (entry: unknown) => {
    if (Array.isArray(entry)) return `[${entry.length}]`
    if (entry instanceof Map) return `{${entry.size}}` // a dict whose keys are not text
    return typeof entry === 'object' && entry !== null ? `{${Object.keys(entry).length}}` : String(entry)
  }
  const text = Object.entries(value)
    .filter(([name]) => !name.startsWith('_'))
    .map(([name, entry]) => `${name}: ${simple(entry)}`)
    .join(', ')
  return text.length > 90 ? `${text.slice(0, 89)}…` : text
}
