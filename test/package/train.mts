// A TypeScript program of a user: opens what Python saved, trains a step, and compares with Python's result.
import torch, { nn, type StateDict, type Tensor } from 'libtorch-node'
import { resnet18 } from 'libtorch-node/vision'

class Net extends nn.Module {
  weight = new nn.Parameter(torch.zeros(2, 4))
  bias = new nn.Parameter(torch.zeros(2))
  override forward(x: Tensor): Tensor {
    return torch.F.linear(x, this.weight, this.bias)
  }
}

interface Saved {
  model: StateDict<Net>
  optimizer: torch.optim.OptimizerStateDict
  x: Tensor
  y: Tensor
  after: StateDict<Net>
}

const saved: Saved = await torch.load(new URL('step.pt', import.meta.url))
const model = new Net()
model.loadStateDict(saved.model)
const optimizer = new torch.optim.Adam(model.parameters())
optimizer.loadStateDict(saved.optimizer)
optimizer.zeroGrad()
torch.F.mseLoss(model.forward(saved.x), saved.y).backward()
optimizer.step()
for (const name of ['weight', 'bias'] as const)
  if (!torch.allclose(model[name], saved.after[name])) throw new Error(`${name} is not Python's`)

// what the compiler must refuse
// @ts-expect-error - there is no such layer
if (nn.Linaer) throw new Error('Linaer is there')
// @ts-expect-error - the model has no such parameter
if (saved.after.wieght) throw new Error('wieght is there')

if (
  resnet18()
    .eval()
    .forward(torch.zeros(1, 3, 32, 32))
    .shape.join() !== '1,1000'
)
  throw new Error('not a ResNet-18')
console.log("trained a step: equal to Python's")
