/**
 * Takes what fits of an older net's weights into a changed one: another number of input channels, a layer that is new, another
 * head; then trains it with a learning rate of its own for each part. `reference.py` beside this file is the same program in
 * Python.
 *
 * Run after `npm run build`:
 *   node .build/examples/partial-loading/partial-loading.js                        also writes the weights of the older net
 *   node .build/examples/partial-loading/partial-loading.js --weights old.pth      takes them from a file
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'

const { nn, optim } = torch

const { values: options } = parseArgs({
  options: { weights: { type: 'string' }, out: { type: 'string', default: 'old.pth' } },
})

/** What was trained before: on pictures in colour, for ten classes. */
class OldNet extends nn.Module {
  conv1 = new nn.Conv2d(3, 8, 3)
  bn1 = new nn.BatchNorm2d(8)
  fc = new nn.Linear(8, 10)
}

/** What is wanted now: grey pictures, one more layer, four classes. */
class NewNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 8, 3)
  bn1 = new nn.BatchNorm2d(8)
  conv2 = new nn.Conv2d(8, 8, 3)
  fc = new nn.Linear(8, 10) // as it was, for now

  override forward(x: torch.Tensor): torch.Tensor {
    const first = torch.relu(this.bn1.forward(this.conv1.forward(x)))
    return this.fc.forward(torch.relu(this.conv2.forward(first)).mean([2, 3]))
  }
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(0)
if (options.weights === undefined) await torch.save(new OldNet().stateDict(), options.out)
const weights = await torch.load(options.weights ?? options.out)

torch.manualSeed(1)
const model = new NewNet()
const head = torch.replaceHead(model, 'fc', 4) // before loading, so that its shape no longer fits

console.log(torch.matchStateDict(weights, model).matched.join(', '))
const report = torch.loadMatching(model, weights, {
  skip: ['fc.*'], // only named keys may differ
  adapt: { 'conv1.weight': 'inputChannels' }, // the sum over red, green and blue
})
console.log(`loaded: ${report.matched.join(', ')}`)
console.log(`adapted: ${report.adapted.join(', ')}`)
console.log(`new: ${report.missing.join(', ')}`)
console.log(`left out: ${report.skipped.join(', ')}`)

// The head is new and learns fast, the loaded layers slowly; biases and norms without weight decay.
const groups = torch.paramGroups(
  model,
  [
    { match: 'fc.*', lr: 0.1 },
    { match: 'conv2.*', lr: 0.05 },
    { match: '**', lr: 0.01 },
  ],
  { noDecay: true },
)
const optimizer = new optim.SGD(groups, { momentum: 0.9, weightDecay: 0.01 })
for (const { lr, weightDecay, params } of optimizer.paramGroups)
  console.log(`group: lr ${lr}, weight decay ${weightDecay}, ${params.length} parameters`)

const x = torch.randn(32, 1, 8, 8)
const labels = torch.arange(32).remainder(4)
const criterion = new nn.CrossEntropyLoss()
for (let step = 0; step < 10; step++) {
  const loss = criterion.forward(model.forward(x), labels)
  optimizer.zeroGrad()
  loss.backward()
  optimizer.step()
  console.log(`step ${step + 1}  loss ${Number(loss.item()).toFixed(6)}`)
}

const hash = createHash('sha256')
for (const parameter of model.parameters()) hash.update(parameter.detach().typedArray())
console.log(`sha256 of the parameters: ${hash.digest('hex')}, ${head.length} of them in the new head`)
