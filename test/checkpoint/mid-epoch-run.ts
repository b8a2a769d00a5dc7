/** A run that saves after each step, and ends after `most` of them: `node mid-epoch-run.js <folder> <setting as JSON> <most>`. */
import { createHash } from 'node:crypto'
import * as torch from 'libtorch-node'

const { nn, optim } = torch
const { DataLoader, TensorDataset } = torch.utils.data
const [folder, text, most] = process.argv.slice(2) as [string, string, string]
const { node, generator: own, noise } = JSON.parse(text)
torch.setNumThreads(1)
torch.manualSeed(3)
const x = torch.randn(22, 3)
const y = x.sum(1, true)
const model = new nn.Sequential(new nn.Linear(3, 5), new nn.Dropout(0.4), new nn.Linear(5, 1))
const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 })
const generator = new torch.Generator().manualSeed(8)
const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 4, ...node, ...(own && { generator }) })
const objects = { model, optimizer, loader, ...(own && { generator }) }
const checkpoints = new torch.CheckpointManager(folder, { every: { epochs: 1, steps: 1 }, keep: 3 })
const resumed = checkpoints.resume(objects)
if (resumed && !resumed.exact) throw new Error(resumed.notRestored.join())
let [step, taken] = [resumed?.step ?? 0, 0]
for (let epoch = resumed?.nextEpoch ?? 0; epoch < 3; epoch++) {
  for (const [clean, b] of loader as Iterable<[torch.Tensor, torch.Tensor]>) {
    const a = noise ? clean.add(torch.randnLike(clean)) : clean
    const loss = model.forward(a).sub(b).pow(2).mean()
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    step++
    checkpoints.maybeSave({ epoch, step, ...objects })
    if (++taken === Number(most)) process.exit(3)
  }
  step = 0
  checkpoints.maybeSave({ epoch, ...objects })
}
const sha = createHash('sha256')
for (const parameter of model.parameters()) sha.update(parameter.detach().typedArray())
console.log(sha.digest('hex'))
await checkpoints.close()
