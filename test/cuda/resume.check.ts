/** Runs on the device that are broken off and resumed: the random numbers of the device, CheckpointManager, and batches that are moved there. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { tempDir } from '../support/paths.js'
import { bytesOf, device, type Scenario, setUp, testBoth } from './harness.js'

const { nn, optim } = torch

const program = `
def make():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(8, 32), nn.Dropout(0.5), nn.Linear(32, 2)).to(device)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)

def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.randn(16, 8, device=device) + torch.randn(16, 8).to(device)).pow(2).mean().backward()
    optimizer.step()
`
function make() {
  torch.manualSeed(4)
  const model = new nn.Sequential(new nn.Linear(8, 32), new nn.Dropout(0.5), new nn.Linear(32, 2)).to(device)
  return { model, optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }) }
}
function step({ model, optimizer }: ReturnType<typeof make>): void {
  optimizer.zeroGrad()
  model
    .forward(torch.randn(16, 8, { device }).add(torch.randn(16, 8).to(device)))
    .pow(2)
    .mean()
    .backward()
  optimizer.step()
}

const scenarios: Scenario[] = [
  {
    title: 'a run of Python, its random states included, goes on here',
    python: `${program}
model, optimizer = make()
for _ in range(3):
    step(model, optimizer)
os.mkdir(f'{folder}/of-python')
cuda = [s.clone() for s in torch.cuda.get_rng_state_all()] if device == 'cuda' else []
torch.save({'epoch': 2, 'model_state_dict': model.state_dict(), 'optimizer_state_dict': optimizer.state_dict(),
            'rng': {'cpu': torch.get_rng_state(), 'cuda': cuda}}, f'{folder}/of-python/checkpoint_epoch_2.pth')
for _ in range(3):
    step(model, optimizer)
o['end'] = [model.state_dict(), optimizer.state_dict(), torch.randn(5, device=device)]`,
    node: async (o, _, folder) => {
      const run = make()
      torch.randn(100, { device })
      const manager = new torch.CheckpointManager(join(folder, 'of-python'))
      const { nextEpoch, exact } = manager.resume({ ...run })!
      assert.deepEqual([nextEpoch, exact], [3, true])
      for (let epoch = nextEpoch; epoch < 6; epoch++) step(run)
      o.end = [run.model.stateDict(), run.optimizer.stateDict(), torch.randn(5, { device })]
      await manager.close()
    },
  },
  {
    title: 'a run of Node, its random states included',
    python: `${program}
model, optimizer = make()
for _ in range(6):
    step(model, optimizer)
o['end'] = [model.state_dict(), optimizer.state_dict()]`,
    node: async (o, back, folder) => {
      const run = make()
      const manager = new torch.CheckpointManager(join(folder, 'of-node'))
      for (let epoch = 0; epoch < 6; epoch++) {
        step(run)
        if (epoch === 2) await manager.save({ epoch, ...run })
      }
      await manager.close()
      o.end = [run.model.stateDict(), run.optimizer.stateDict()]
      Object.assign(back, o)
    },
    back: `${program}
saved = torch.load(f'{folder}/of-node/checkpoint_epoch_2.pth', weights_only=True)
model, optimizer = make()
torch.randn(100, device=device)
model.load_state_dict(saved['model_state_dict'])
optimizer.load_state_dict(saved['optimizer_state_dict'])
torch.set_rng_state(saved['rng']['cpu'].cpu())
if device == 'cuda':
    torch.cuda.set_rng_state_all([s.cpu() for s in saved['rng']['cuda']])
for _ in range(3):
    step(model, optimizer)
o['end'] = [model.state_dict(), optimizer.state_dict()]`,
  },
  {
    title: 'batches that are moved without waiting',
    python: `
xs, ys = torch.randn(100, 8), torch.randint(0, 3, (100,))
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(xs, ys), batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(5))
model = nn.Linear(8, 3).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
o['losses'] = []
for epoch in range(2):
    for x, y in loader:
        if device == 'cuda':
            x, y = x.pin_memory(), y.pin_memory()
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        o['losses'].append(loss.detach())
o['model'] = model.state_dict()`,
    node: (o) => {
      const [xs, ys] = [torch.randn(100, 8), torch.randint(0, 3, [100])]
      const dataset = new torch.utils.data.TensorDataset(xs, ys)
      const generator = new torch.Generator().manualSeed(5)
      const loader = new torch.utils.data.DataLoader(dataset, { batchSize: 16, shuffle: true, generator })
      const model = new nn.Linear(8, 3).to(device)
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
      const losses: torch.Tensor[] = []
      for (let epoch = 0; epoch < 2; epoch++) {
        for (const parts of loader as Iterable<[torch.Tensor, torch.Tensor]>) {
          const pinned = device === 'cuda' ? parts.map((t) => t.pinMemory()) : parts
          const [x, y] = pinned.map((t) => t.to({ device, nonBlocking: true }))
          optimizer.zeroGrad()
          const loss = torch.F.crossEntropy(model.forward(x!), y!)
          loss.backward()
          optimizer.step()
          losses.push(loss.detach())
        }
      }
      o.losses = losses
      o.model = model.stateDict()
    },
  },
]

testBoth('resuming', scenarios)

const bytesOfModel = (model: torch.nn.Module) =>
  Object.values(model.stateDict() as Record<string, torch.Tensor>).map(bytesOf)

for (const layout of ['single', 'split'] as const) {
  test(`a run that was broken off and resumed ends in the same bytes (${layout} files)`, async (t) => {
    setUp()
    const folder = tempDir(t)
    const whole = make()
    for (let epoch = 0; epoch < 6; epoch++) step(whole)
    const first = make()
    const manager = new torch.CheckpointManager(folder, { layout })
    for (let epoch = 0; epoch < 3; epoch++) {
      step(first)
      manager.maybeSave({ epoch, ...first })
    }
    await manager.close()
    const again = make()
    const other = new torch.CheckpointManager(folder, { layout })
    const { nextEpoch, exact } = other.resume({ ...again })!
    assert.deepEqual([nextEpoch, exact], [3, true])
    for (let epoch = nextEpoch; epoch < 6; epoch++) step(again)
    assert.deepEqual(bytesOfModel(again.model), bytesOfModel(whole.model))
    await other.close()
  })
}
