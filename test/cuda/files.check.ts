/** Files between Python and Node on the device: written there, opened there or elsewhere (`map_location`), trained on with. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import * as torch from 'libtorch-node'
import { device, type Scenario, shown, testBoth } from './harness.js'
import { batch, begin, seen, type Training, train } from './nets.js'

const { nn } = torch

/** A training that goes on from a file's content. */
function resumed(loaded: any, where = device): Training {
  const training = begin('Adam', where)
  training.model.loadStateDict(loaded.model)
  training.optimizer.loadStateDict(loaded.optimizer)
  return training
}

const pythonResumed = `
def resumed(loaded, where=device):
    model, optimizer = begin('Adam', where)
    model.load_state_dict(loaded['model'])
    optimizer.load_state_dict(loaded['optimizer'])
    return model, optimizer
`

const scenarios: Scenario[] = [
  {
    title: 'a checkpoint of Python on the device resumes on it',
    python: `
model, optimizer = begin()
train(model, optimizer, 5)
torch.save(seen(model, optimizer), f'{folder}/python.pt')
o['loaded'] = torch.load(f'{folder}/python.pt')
o['loss'] = train(model, optimizer, 5)
o['end'] = seen(model, optimizer)`,
    node: async (o, _, folder) => {
      const file = join(folder, 'python.pt')
      o.loaded = torch.loadSync(file)
      const training = resumed(await torch.load(file))
      o.loss = train(training, 5)
      o.end = seen(training)
    },
  },
  {
    title: 'a checkpoint of the CPU resumes on the device: mapped, and as it is',
    python: `${pythonResumed}
model, optimizer = begin('Adam', 'cpu')
train(model, optimizer, 3, 'cpu')
torch.save(seen(model, optimizer), f'{folder}/cpu.pt')
mapped = torch.load(f'{folder}/cpu.pt', map_location=device)
o['mapped'] = mapped['model']
o['ends'] = []
for loaded in (mapped, torch.load(f'{folder}/cpu.pt')):
    model, optimizer = resumed(loaded)
    train(model, optimizer, 3)
    o['ends'].append(seen(model, optimizer))`,
    node: async (o, _, folder) => {
      const file = join(folder, 'cpu.pt')
      const mapped = await torch.load(file, { mapLocation: device })
      o.mapped = Object.fromEntries(Object.entries<torch.Tensor>(mapped.model).map(([key, t]) => [key, t]))
      o.ends = [mapped, torch.loadSync(file)].map((loaded) => {
        const training = resumed(loaded)
        train(training, 3)
        return seen(training)
      })
    },
  },
  {
    title: 'a checkpoint of the device resumes on the CPU',
    python: `${pythonResumed}
model, optimizer = begin()
train(model, optimizer, 3)
torch.save(seen(model, optimizer), f'{folder}/device.pt')
o['loaded'] = torch.load(f'{folder}/device.pt', map_location='cpu')
model, optimizer = resumed(torch.load(f'{folder}/device.pt', map_location='cpu'), 'cpu')
train(model, optimizer, 3, 'cpu')
o['end'] = seen(model, optimizer)`,
    node: (o, _, folder) => {
      const file = join(folder, 'device.pt')
      o.loaded = torch.loadSync(file, { mapLocation: 'cpu' })
      for (const mapLocation of [{ [shown]: 'cpu' }, () => 'cpu', new Map([[shown, 'cpu']])]) {
        const { model } = torch.loadSync(file, { mapLocation }) as { model: Record<string, torch.Tensor> }
        for (const t of Object.values(model)) assert.equal(t.device, 'cpu')
      }
      const training = resumed(o.loaded, 'cpu')
      o.loaded = torch.loadSync(file, { mapLocation: 'cpu' })
      train(training, 3, 'cpu')
      o.end = seen(training)
    },
  },
  ...(['', ', _use_new_zipfile_serialization=False'] as const).map(
    (how): Scenario => ({
      title: `dtypes, views and a shared storage in ${how ? 'the legacy' : 'the zip'} format`,
      python: `
base = torch.arange(24, dtype=torch.float32).to(device)
value = {'base': base, 'view': base.view(4, 6)[1:, ::2], 'turned': base.view(4, 6).t(), 'empty': torch.empty(0, 3, device=device),
         'here': torch.arange(3), 'scalar': torch.tensor(2.5, device=device), 'parameter': nn.Parameter(torch.ones(2, device=device)),
         'dtypes': [torch.ones(3).to(getattr(torch, t)).to(device) for t in ('float64', 'float16', 'bfloat16', 'int8', 'bool', 'complex64')]}
torch.save(value, f'{folder}/kinds${how ? 'old' : 'new'}.pt'${how})
o['value'] = torch.load(f'{folder}/kinds${how ? 'old' : 'new'}.pt')
o['value']['base'][1] = 77`,
      node: (o, _, folder) => {
        const value = torch.loadSync(join(folder, `kinds${how ? 'old' : 'new'}.pt`))
        // all views of it change
        value.base.select(0, 1).fill_(77)
        o.value = value
      },
    }),
  ),
  {
    title: 'a file that is mapped into memory goes to the device',
    python: `
torch.save({'a': torch.arange(1000.), 'b': torch.ones(7, dtype=torch.int64)}, f'{folder}/mapped.pt')
o['loaded'] = torch.load(f'{folder}/mapped.pt', mmap=True, map_location=device)`,
    node: (o, _, folder) => {
      o.loaded = torch.loadSync(join(folder, 'mapped.pt'), { mmap: true, mapLocation: device })
    },
  },
  {
    title: 'a checkpoint of Node on the device',
    python: 'o["python waits"] = True',
    node: async (o, back, folder) => {
      o['python waits'] = true
      const training = begin()
      train(training, 5)
      const contents = seen(training)
      torch.saveSync(contents, join(folder, 'node.pt'))
      await torch.save(contents, join(folder, 'node-async.pt'))
      back.loaded = torch.loadSync(join(folder, 'node.pt'))
      back.same = true
      back.loss = train(training, 5)
      back.end = seen(training)
    },
    back: `${pythonResumed}
o['loaded'] = torch.load(f'{folder}/node.pt', weights_only=True)
other = torch.load(f'{folder}/node-async.pt', weights_only=True)
o['same'] = all(torch.equal(a, other['model'][k]) for k, a in o['loaded']['model'].items())
model, optimizer = resumed(torch.load(f'{folder}/node.pt', weights_only=True))
o['loss'] = train(model, optimizer, 5)
o['end'] = seen(model, optimizer)`,
  },
  {
    title: 'a checkpoint of Node of another kind of device, mapped by Python',
    python: 'o["python waits"] = True',
    node: (o, back, folder) => {
      o['python waits'] = true
      const training = begin('SGD', 'cpu')
      train(training, 2, 'cpu')
      torch.saveSync(training.model.stateDict(), join(folder, 'node-cpu.pt'))
      torch.saveSync(training.model.to(device).stateDict(), join(folder, 'node-device.pt'))
      back.there = torch.loadSync(join(folder, 'node-cpu.pt'), { mapLocation: shown })
      back.here = torch.loadSync(join(folder, 'node-device.pt'), { mapLocation: 'cpu' })
    },
    back: `
o['there'] = torch.load(f'{folder}/node-cpu.pt', map_location=device)
o['here'] = torch.load(f'{folder}/node-device.pt', map_location='cpu')`,
  },
  {
    title: 'a script module of Python on the device',
    python: `
model, _ = begin()
model.eval()
torch.jit.save(torch.jit.trace(model, batch()[0]), f'{folder}/script.pt')
o['outs'] = [torch.jit.load(f'{folder}/script.pt')(batch()[0]), torch.jit.load(f'{folder}/script.pt', map_location='cpu')(batch('cpu')[0])]`,
    node: (o, _, folder) => {
      const file = join(folder, 'script.pt')
      const first = torch.noGrad(() => torch.jit.load(file).forward(batch()[0]))
      o.outs = [first, torch.jit.load(file, { mapLocation: 'cpu' }).forward(batch('cpu')[0])]
    },
  },
  {
    title: 'a whole module of Python on the device',
    python: `
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).to(device).eval()
torch.save(model, f'{folder}/whole.pt')
o['out'] = model(torch.linspace(-1, 1, 12).view(3, 4).to(device))`,
    node: (o, _, folder) => {
      const model = torch.toModule(torch.loadSync(join(folder, 'whole.pt'))) as torch.nn.Module
      assert.ok(model instanceof nn.Sequential)
      o.out = model.forward(torch.linspace(-1, 1, 12).view(3, 4).to(device))
    },
  },
]

testBoth('files', scenarios)
