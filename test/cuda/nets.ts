/** What several checks train; nets.py is the same program. */
import * as torch from 'libtorch-node'
import { ConvNet } from '../../bench/example.js'
import { device, type Seen } from './harness.js'

const { nn, optim } = torch

export interface Training {
  model: torch.nn.Module
  optimizer: torch.optim.Optimizer<any>
}

/** A net with its optimizer. */
export function begin(kind: 'Adam' | 'SGD' = 'Adam', where = device): Training {
  torch.manualSeed(0)
  const model = new ConvNet().to(where)
  const optimizer =
    kind === 'Adam'
      ? new optim.Adam(model.parameters(), { lr: 2e-3, weightDecay: 1e-4 })
      : new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 })
  return { model, optimizer }
}

export function batch(where = device): [images: torch.Tensor, labels: torch.Tensor] {
  const images = torch.rand(64, 1, 8, 8, { generator: new torch.Generator().manualSeed(1) })
  const labels = torch.randint(0, 10, [64], { generator: new torch.Generator().manualSeed(2) })
  return [images.to(where), labels.to(where)]
}

export function train({ model, optimizer }: Training, steps: number, where = device): torch.Tensor {
  const [images, labels] = batch(where)
  const criterion = new nn.CrossEntropyLoss()
  torch.manualSeed(3)
  let loss!: torch.Tensor
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad()
    loss = criterion.forward(model.forward(images), labels)
    loss.backward()
    optimizer.step()
  }
  return loss
}

/** What there is to compare of a training. */
export const seen = ({ model, optimizer }: Training): Seen => ({
  model: model.stateDict(),
  optimizer: optimizer.stateDict(),
})

/** Steps of SGD on the mean square of what `forward` gives. */
export function squares(model: torch.nn.Module, forward: () => torch.Tensor, steps: number, lr = 0.01): torch.Tensor {
  const optimizer = new optim.SGD(model.parameters(), { lr, momentum: 0.9 })
  let loss!: torch.Tensor
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad()
    loss = forward().pow(2).mean()
    loss.backward()
    optimizer.step()
  }
  return loss
}
