/**
 * Saves a checkpoint in the middle of a training run, and resumes from it: a small net with SGD, the criterion in the
 * checkpoint too, everything loaded onto the device that is there. `reference.py` beside this file is the same program in Python;
 * each resumes from the file of the other, to the same parameters.
 *
 * Run after `npm run build`:
 *   node .build/examples/save-resume/save-resume.js                        trains, saves checkpoint.pth, resumes from it
 *   node .build/examples/save-resume/save-resume.js --resume checkpoint.pth   only resumes, here from a file that is there
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'

const { nn, optim } = torch

const { values: options } = parseArgs({
  options: {
    resume: { type: 'string' },
    out: { type: 'string', default: 'checkpoint.pth' },
  },
})
const half = 10
const epochs = 20
const device = torch.cuda.isAvailable() ? 'cuda' : 'cpu'

class SimpleModel extends nn.Module {
  fc1 = new nn.Linear(10, 32)
  relu = new nn.ReLU()
  fc2 = new nn.Linear(32, 3)

  override forward(x: torch.Tensor): torch.Tensor {
    return this.fc2.forward(this.relu.forward(this.fc1.forward(x)))
  }
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(0)
const inputs = torch.randn(120, 10)
const labels = inputs.narrow(1, 0, 3).argmax(1).to(device) // which of the first three numbers is the largest
const x = inputs.to(device)

if (options.resume === undefined) {
  const model = new SimpleModel().to(device)
  const criterion = new nn.CrossEntropyLoss({ weight: torch.tensor([1, 2, 0.5]) }).to(device)
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
  train(model, criterion, optimizer, 0, half)
  await torch.save(
    {
      epoch: half,
      model_state_dict: model.stateDict(),
      optimizer_state_dict: optimizer.stateDict(),
      loss: criterion.stateDict(), // its weights; the object itself would be Python code
    },
    options.out,
  )
  console.log('saved')
}

// From here on only the file counts. With mapLocation it opens on this machine whatever device it was saved from.
const checkpoint = await torch.load(options.resume ?? options.out, { mapLocation: device })

const model = new SimpleModel().to(device) // moved before the optimizer is made, which then holds the moved parameters
model.loadStateDict(checkpoint.model_state_dict)
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 }) // learning rate and momentum come from the file
optimizer.loadStateDict(checkpoint.optimizer_state_dict)
const criterion = loadCriterion(checkpoint.loss)

console.log(`resumed after epoch ${checkpoint.epoch}`)
train(model, criterion, optimizer, checkpoint.epoch, epochs)

const hash = createHash('sha256')
for (const parameter of model.parameters()) hash.update(parameter.detach().cpu().typedArray())
console.log(`sha256 of the parameters: ${hash.digest('hex')}`)

/** The criterion of a checkpoint: Python saves the module itself, the code above its state dict. */
function loadCriterion(saved: unknown): torch.nn.CrossEntropyLoss {
  if (saved instanceof torch.PyObject) return torch.toModule(saved) as torch.nn.CrossEntropyLoss
  const criterion = new nn.CrossEntropyLoss({ weight: torch.ones(3) }).to(device)
  criterion.loadStateDict(saved as Record<string, torch.Tensor>)
  return criterion
}

function train(
  model: SimpleModel,
  criterion: torch.nn.CrossEntropyLoss,
  optimizer: torch.optim.SGD,
  first: number,
  end: number,
): void {
  model.train()
  for (let epoch = first; epoch < end; epoch++) {
    const loss = criterion.forward(model.forward(x), labels)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    console.log(`epoch ${epoch + 1}  loss ${Number(loss.item()).toFixed(6)}`)
  }
}
