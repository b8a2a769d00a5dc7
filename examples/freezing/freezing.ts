/**
 * Three ways to freeze a part of a model, an optimizer that gets what is left, and a look at what training changed:
 * by name, by `requiresGrad`, and by `noGrad` in `forward`. `reference.py` beside this file is the same program in Python.
 *
 * Run after `npm run build`:
 *   node .build/examples/freezing/freezing.js
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'

const { nn, optim } = torch

const { values: options } = parseArgs({ options: { out: { type: 'string', default: 'freezing.pth' } } })

class Net extends nn.Module {
  features = new nn.Sequential({ fc: new nn.Linear(8, 16), bn: new nn.BatchNorm1d(16), relu: new nn.ReLU() })
  head = new nn.Linear(16, 3)

  override forward(x: torch.Tensor): torch.Tensor {
    return this.head.forward(this.features.forward(x))
  }
}

/** The same net, whose features are computed without a graph: nothing in them can get a gradient. */
class FrozenInForward extends Net {
  override forward(x: torch.Tensor): torch.Tensor {
    return this.head.forward(torch.noGrad(() => this.features.forward(x)))
  }
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(0)
const x = torch.randn(64, 8)
const labels = x.narrow(1, 0, 3).argmax(1)
const pretrained = new Net()
const checkpoint: Record<string, object> = {}

// 1. By name. The gradients that the frozen parameters had are forgotten, and their BatchNorm stays in evaluation mode:
// otherwise training would go on changing its statistics.
{
  const model = copyOf(pretrained, new Net())
  torch.freeze(model, 'features.*')
  checkpoint.name = train('by name', model, torch.trainable(model))
  torch.unfreeze(model, 'features.fc.*')
  console.log(`trainable after unfreezing: ${torch.frozenReport(model).trainable.join(', ')}`)
}

// 2. By requiresGrad, as in Python: only gradients stop, so the statistics of BatchNorm still move.
{
  const model = copyOf(pretrained, new Net())
  for (const parameter of model.features.parameters()) parameter.requiresGrad = false
  const trainable = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad)
  checkpoint.requires_grad = train('by requiresGrad', model, trainable)
}

// 3. By noGrad in forward: the parameters still say that they require gradients, but never get one, and an optimizer leaves
// alone what has none.
{
  const model = copyOf(pretrained, new FrozenInForward())
  checkpoint.no_grad = train('by noGrad', model, model.namedParameters())
  console.log(`gradient of the features: ${model.features.parameters()[0]!.grad}`)
}

await torch.save(checkpoint, options.out)

function copyOf<M extends Net>(from: Net, to: M): M {
  to.loadStateDict(from.stateDict())
  return to
}

function train(what: string, model: Net, parameters: [string, torch.Parameter][]): object {
  console.log(`${what}: ${parameters.map(([name]) => name).join(', ')}`)
  const optimizer = new optim.SGD(
    parameters.map(([, parameter]) => parameter),
    { lr: 0.1, momentum: 0.9, weightDecay: 0.01 },
  )
  const criterion = new nn.CrossEntropyLoss()
  const before = torch.cloneStateDict(model.stateDict()) // stateDict() itself would follow the model
  model.train()
  for (let step = 0; step < 5; step++) {
    const loss = criterion.forward(model.forward(x), labels)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    console.log(`  step ${step + 1}  loss ${Number(loss.item()).toFixed(6)}`)
  }
  const after = model.stateDict() as Record<string, torch.Tensor>
  const changed = Object.entries(before).filter(([key, tensor]) => !torch.equal(tensor, after[key]!))
  console.log(`  changed: ${changed.map(([key]) => key).join(', ')}`)
  const hash = createHash('sha256')
  for (const tensor of Object.values(after)) hash.update(tensor.typedArray())
  console.log(`  sha256 of the state: ${hash.digest('hex')}`)
  return after
}
