/**
 * A class that trains a net: it saves a checkpoint every second epoch, keeps the last two and the best one, and resumes by itself
 * from what is in its folder; at the end it loads the best net. `reference.py` beside this file does the same in Python, with its own
 * code for the files; each goes on in the folder of the other, to the same parameters (files of Python stay, as the manager deletes only
 * what it wrote).
 *
 * Run after `npm run build`; end it with Ctrl+C or give it more epochs, and run it again:
 *   node .build/examples/training-class/training-class.js --folder runs/digits --epochs 8
 *   node .build/examples/training-class/training-class.js --folder runs/digits --epochs 16
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data
type Batches = Iterable<torch.Tensor[]>

const { values: options } = parseArgs({
  options: { folder: { type: 'string', default: 'runs/digits' }, epochs: { type: 'string', default: '16' } },
})

class Trainer {
  readonly optimizer
  readonly scheduler
  readonly criterion = new nn.CrossEntropyLoss()
  readonly checkpoints
  /** The epoch to train next, from 1. */
  epoch = 1

  constructor(
    readonly model: torch.nn.Module,
    folder: string,
  ) {
    this.optimizer = new optim.Adam(model.parameters(), { lr: 0.02 })
    this.scheduler = new optim.lrScheduler.StepLR(this.optimizer, 10, { gamma: 0.5 })
    this.checkpoints = new torch.CheckpointManager(folder, {
      every: 2,
      keep: { last: 2, best: 1 },
      best: { metric: 'loss', mode: 'min' },
      signals: true, // Ctrl+C saves first, whatever the epoch
    })
  }

  /** Goes on from the latest checkpoint, if there is one. */
  resume(): void {
    const { model, optimizer, scheduler } = this
    const resumed = this.checkpoints.resume({ model, optimizer, scheduler })
    if (!resumed) return
    this.epoch = resumed.nextEpoch
    console.log(`resumed after epoch ${resumed.epoch}, loss ${resumed.metrics.loss!.toFixed(6)}`)
  }

  /** Saves when it is time to; true when a signal asks for an end. */
  saveCheckpoint(epoch: number, loss: number): boolean {
    const { model, optimizer, scheduler } = this
    return this.checkpoints.maybeSave({ epoch, model, optimizer, scheduler }, { metrics: { loss } }).stop
  }

  async fit(epochs: number, train: (epoch: number) => Batches, test: Batches): Promise<void> {
    for (; this.epoch <= epochs; this.epoch++) {
      const trained = this.#trainEpoch(train(this.epoch))
      const { loss, accuracy } = this.evaluate(test)
      this.scheduler.step()
      console.log(
        `epoch ${this.epoch}  trained ${trained.toFixed(6)}  loss ${loss.toFixed(6)}  accuracy ${accuracy.toFixed(4)}`,
      )
      if (this.saveCheckpoint(this.epoch, loss)) break
    }
    await this.checkpoints.flush() // saving goes on beside the training; here all is on the disk
  }

  evaluate(batches: Batches): { loss: number; accuracy: number } {
    this.model.eval()
    let [loss, correct, count] = [0, 0, 0]
    torch.noGrad(() => {
      for (const [x, y] of batches) {
        const output: torch.Tensor = this.model.forward(x)
        loss += Number(this.criterion.forward(output, y!).item()) * y!.shape[0]!
        correct += Number(output.argmax(1).eq(y!).sum().item())
        count += y!.shape[0]!
      }
    })
    return { loss: loss / count, accuracy: correct / count }
  }

  /** Puts the best net in the place of the last one, and says of which epoch it is. */
  loadBest(): number {
    const best = this.checkpoints.best()
    if (!best) throw new Error('there is no checkpoint yet: train for two epochs at least')
    this.model.loadStateDict(torch.loadSync(best.path, { mapLocation: 'cpu' }).model_state_dict)
    return best.epoch
  }

  #trainEpoch(batches: Batches): number {
    this.model.train()
    let [total, count] = [0, 0]
    for (const [x, y] of batches) {
      const loss = this.criterion.forward(this.model.forward(x), y!)
      this.optimizer.zeroGrad()
      loss.backward()
      this.optimizer.step()
      total += Number(loss.item())
      count++
    }
    return total / count
  }
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(0)

const digits = new URL('examples/resume/data/digits.csv.gz', import.meta.resolve('libtorch-node/package.json'))
const rows = gunzipSync(readFileSync(fileURLToPath(digits)))
  .toString()
  .trim()
  .split('\n')
  .map((line) => line.split(',').map(Number))
const images = torch.tensor(rows.map((row) => row.slice(0, 64))).div(16) // ink from 0 to 1
const labels = torch.tensor(rows.map((row) => BigInt(row[64]!)))
const part = (first: number, count: number) =>
  new TensorDataset(images.narrow(0, first, count), labels.narrow(0, first, count))

const generator = new torch.Generator()
const trainLoader = new DataLoader(part(0, 300), { batchSize: 50, shuffle: true, generator })
const testLoader = new DataLoader(part(1000, 700), { batchSize: 350 })
const shuffled = (epoch: number): Batches => {
  generator.manualSeed(epoch) // the order of an epoch depends on its number alone, so a resumed run has it too
  return trainLoader
}

const trainer = new Trainer(
  new nn.Sequential(new nn.Linear(64, 64), new nn.ReLU(), new nn.Linear(64, 10)),
  options.folder,
)
trainer.resume()
await trainer.fit(Number(options.epochs), shuffled, testLoader)
console.log(`sha256 of the parameters: ${digest(trainer.model)}`)

const kept = trainer.checkpoints.list().map(({ path }) => basename(path))
console.log(`kept: ${kept.join(', ')}`)
const best = trainer.loadBest()
const { loss, accuracy } = trainer.evaluate(testLoader)
console.log(
  `best: epoch ${best}  loss ${loss.toFixed(6)}  accuracy ${accuracy.toFixed(4)}  sha256 ${digest(trainer.model)}`,
)
await trainer.checkpoints.close()

function digest(model: torch.nn.Module): string {
  const hash = createHash('sha256')
  for (const parameter of model.parameters()) hash.update(parameter.detach().typedArray())
  return hash.digest('hex')
}
