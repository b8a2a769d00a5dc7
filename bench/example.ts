/** One training step of the net of examples/resume on random images of the same size; also what the memory tests run. */
import * as torch from 'libtorch-node'

const { nn, optim } = torch

export class ConvNet extends nn.Module {
  layer1 = new nn.Sequential(new nn.Conv2d(1, 16, 3, { padding: 1 }), new nn.BatchNorm2d(16), new nn.ReLU())
  layer2 = new nn.Sequential(
    new nn.Conv2d(16, 32, 3, { padding: 1 }),
    new nn.BatchNorm2d(32),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
  )
  flatten = new nn.Flatten()
  drop_out = new nn.Dropout(0.25)
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

/** A net with its optimizer and a batch of 64; `loss` is the forward pass, `step` a whole training step. */
export function example() {
  const model = new ConvNet()
  const criterion = new nn.CrossEntropyLoss()
  const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3, weightDecay: 1e-4 })
  const images = torch.rand(64, 1, 8, 8)
  const labels = torch.randint(0, 10, [64])
  const loss = () => criterion.forward(model.forward(images), labels)
  const step = () => {
    const value = loss()
    optimizer.zeroGrad()
    value.backward()
    optimizer.step()
  }
  return { model, optimizer, loss, step }
}
