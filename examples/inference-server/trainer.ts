/** The worker of inference-server.ts: trains a copy of the model for as many epochs as a message asks for. */
import { parentPort, workerData } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { makeModel, readDigits } from './digits.js'

const { DataLoader, TensorDataset } = torch.utils.data

/** Weights on their way between the threads. */
export type Weights = Record<string, torch.SharedTensor>

/** What the worker sends after each epoch. */
export interface Update {
  loss: number
  weights: Weights
  /** Whether this was the last epoch. */
  done: boolean
}

torch.setNumThreads(1) // the other cores are for the answers
const model = makeModel()
// copies the weights out of the memory that is shared: from here on each thread has its own
model.loadStateDict(received((workerData as { weights: Weights }).weights))
const optimizer = new torch.optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 })
const criterion = new torch.nn.CrossEntropyLoss()
// a generator of its own, so that the order of the pictures depends on nothing that another thread draws
const generator = new torch.Generator().manualSeed(0)
const loader = new DataLoader(new TensorDataset(...readDigits()), { batchSize: 32, shuffle: true, generator })

parentPort!.on('message', ({ epochs }: { epochs: number }) => {
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let total = 0
    for (const [x, y] of loader) {
      optimizer.zeroGrad()
      const loss = criterion.forward(model.forward(x), y)
      loss.backward()
      optimizer.step()
      total += Number(loss.item())
    }
    // a clone, as the next step changes the parameters while the server is reading what it was given
    const state = Object.entries(model.stateDict()).map(([name, tensor]) => [name, tensor.clone().share()])
    const update: Update = { loss: total / loader.length, weights: Object.fromEntries(state), done: epoch === epochs }
    parentPort!.postMessage(update)
  }
})

function received(weights: Weights): Record<string, torch.Tensor> {
  return Object.fromEntries(Object.entries(weights).map(([name, handle]) => [name, torch.receive(handle)]))
}
