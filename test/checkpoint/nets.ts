/** A small run with everything that has a state: dropout, batch statistics, momentum, a schedule. */
import * as torch from 'libtorch-node'

const { nn, optim } = torch

export class Net extends nn.Module {
  first = new nn.Linear(4, 8)
  norm = new nn.BatchNorm1d(8)
  drop = new nn.Dropout(0.3)
  last = new nn.Linear(8, 2)
  override forward(x: torch.Tensor): torch.Tensor {
    return this.last.forward(this.drop.forward(this.norm.forward(this.first.forward(x)).relu()))
  }
}

export interface Run {
  model: Net
  optimizer: torch.optim.Adam
  scheduler: torch.optim.lrScheduler.StepLR
}

export function newRun(seed = 1): Run {
  torch.manualSeed(seed)
  const model = new Net()
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 })
  return { model, optimizer, scheduler: new optim.lrScheduler.StepLR(optimizer, 2, { gamma: 0.5 }) }
}

/** One step on random data; returns the loss. */
export function step({ model, optimizer }: Pick<Run, 'model' | 'optimizer'>): number {
  const loss = model.forward(torch.randn(8, 4)).pow(2).mean()
  optimizer.zeroGrad()
  loss.backward()
  optimizer.step()
  return Number(loss.item())
}

/** An epoch of three steps. */
export function trainEpoch(run: Run): number {
  let loss = 0
  for (let i = 0; i < 3; i++) loss = step(run)
  run.scheduler.step()
  return loss
}

/** All values of a model and what an optimizer knows of it, as bytes. */
export function bytesOf({ model, optimizer }: { model: Net; optimizer: torch.optim.Optimizer<any> }): string {
  const states = [...optimizer.state].flatMap(([, record]) => Object.values(record))
  const tensors = [...Object.values(model.stateDict()), ...states].filter((each) => each instanceof torch.Tensor)
  const parts = tensors.map((each) => Buffer.from((each as torch.Tensor).typedArray().buffer).toString('hex'))
  return `${parts.join(' ')} ${optimizer.paramGroups.map(({ lr }) => String(lr))}`
}
