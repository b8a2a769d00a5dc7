/** What the soak does in turn: each part is a piece of a real program, small enough that a minute has many of them. */
import { rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { example } from '../../bench/example.js'
import { root } from '../support/paths.js'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data

class Reader extends nn.Module {
  lstm = new nn.LSTM(16, 32, { batchFirst: true })
  attention = new nn.TransformerEncoderLayer(32, 4, 64, { batchFirst: true })
  head = new nn.Linear(32, 4)
  // (N, L, 16) → (N, 4)
  override forward(x: torch.Tensor): torch.Tensor {
    const [states] = this.lstm.forward(x)
    return this.head.forward(this.attention.forward(states).mean(1))
  }
}

const program = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(${JSON.stringify(import.meta.resolve('libtorch-node'))}).then((torch) => {
    const x = torch.receive(workerData)
    const layer = new torch.nn.Linear(64, 64)
    const optimizer = new torch.optim.AdamW(layer.parameters(), { lr: 0.01 })
    for (let i = 0; i < 20; i++) {
      if (i === 10) parentPort.postMessage(x.add(1).share())
      optimizer.zeroGrad()
      layer.forward(x).pow(2).mean().backward()
      optimizer.step()
    }
  })`

/** The parts by name; files go to `folder`. */
export function soakParts(folder: string): Record<string, () => unknown> {
  const at = (name: string) => join(folder, name)
  const { model, optimizer, loss, step } = example()
  const reader = new Reader()
  const sgd = new optim.SGD(reader.parameters(), { lr: 0.01, momentum: 0.9 })
  const schedule = new optim.lrScheduler.CosineAnnealingLR(sgd, 100)
  const script = join(root, 'test/fixtures/jit/digits.pt')
  const big = () => Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`w${i}`, torch.full([256, 256], i)]))
  let worker = 0
  let epoch = 0

  return {
    'training, synchronous': () => {
      for (let i = 0; i < 20; i++) step()
    },
    async 'training off the main thread'() {
      for (let i = 0; i < 5; i++) {
        const value = loss()
        optimizer.zeroGrad()
        await value.backwardAsync()
        await optimizer.stepAsync()
      }
    },
    'recurrent layer, attention and schedule': () => {
      for (let i = 0; i < 5; i++) {
        const value = nn.functional.crossEntropy(reader.forward(torch.rand(8, 12, 16)), torch.randint(0, 4, [8]))
        sgd.zeroGrad()
        value.backward()
        nn.utils.clipGradNorm_(reader.parameters(), 1)
        sgd.step()
        schedule.step()
      }
    },
    async 'checkpoints of all formats'() {
      for (const format of ['pytorch', 'legacy', 'libtorch', 'safetensors'] as const) {
        const file = at(`all.${format}`)
        await torch.save(big(), file, { format })
        const back = (await torch.load(file)) as Record<string, torch.Tensor>
        if (back.w7!.index(0, 0).item() !== 7) throw new Error(`${format}: other values came back`)
        torch.saveSync(model.stateDict(), file, { format })
        model.loadStateDict(torch.loadSync(file) as Record<string, torch.Tensor>)
      }
    },
    'a mapped file': () => {
      torch.saveSync(big(), at('mapped.pt'))
      const { w3 } = torch.loadSync(at('mapped.pt'), { mmap: true })
      if (w3.sum().item() !== 3 * 256 * 256) throw new Error('other values came back')
    },
    async 'checkpoints of a run, resumed'() {
      const checkpoints = new torch.CheckpointManager(at('run'), { keep: { last: 2 } })
      checkpoints.resume({ model, optimizer })
      await checkpoints.save({ epoch: epoch++, model, optimizer })
      await checkpoints.close()
    },
    async TorchScript() {
      const digits = torch.jit.load(script)
      const [a, b] = await Promise.all([
        digits.forwardAsync(torch.rand(4, 1, 8, 8)),
        digits.features(torch.rand(1, 1, 8, 8)),
      ])
      a.sum().add(b.sum()).backward()
    },
    async errors() {
      for (let i = 0; i < 4; i++) {
        throws(() => torch.ones(2, 3).matmul(torch.ones(2, 3)), /cannot be multiplied/)
        await rejects(torch.load(at('not-there.pt')), /not-there/)
        const vector = torch.ones(2).requiresGrad_().mul(2)
        await rejects(vector.backwardAsync(), /only for scalar outputs/)
      }
    },
    /** Every other one is stopped in the middle of its work. */
    async 'a worker'() {
      const thread = new Worker(program, { eval: true, workerData: torch.ones(64, 64).share() })
      const ended = once(thread, 'exit')
      const [handle] = await once(thread, 'message')
      torch.receive(handle).sum().item()
      if (worker++ % 2) await thread.terminate()
      await ended
    },
    async 'a loader with workers'() {
      if (worker % 5) return
      const rows = new TensorDataset(torch.rand(64, 10), torch.arange(64))
      for await (const [x] of new DataLoader(rows, { batchSize: 16, numWorkers: 2, shuffle: true })) x.sum().item()
    },
  }
}
