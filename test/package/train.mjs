// An ES module of a user: opens what Python saved, trains a step, and compares with Python's result.
import { allclose, F, load, nn, optim } from 'libtorch-node'

const saved = await load(new URL('step.pt', import.meta.url))
const model = new nn.Linear(4, 2)
model.loadStateDict(saved.model)
const optimizer = new optim.Adam(model.parameters())
optimizer.loadStateDict(saved.optimizer)
optimizer.zeroGrad()
F.mseLoss(model.forward(saved.x), saved.y).backward()
optimizer.step()
for (const [name, parameter] of model.namedParameters())
  if (!allclose(parameter, saved.after[name])) throw new Error(`${name} is not Python's`)
console.log("trained a step: equal to Python's")
