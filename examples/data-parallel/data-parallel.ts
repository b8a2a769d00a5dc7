/**
 * Checkpoints of one device and of several. `nn.DataParallel` is a module around the model, so the names of what it saves begin
 * with `module.`; shown are the four combinations of saving and loading, four ways to take the prefix off, and how the weights of a
 * model that Python pickled whole get into a new one. `reference.py` beside this file is the same program in Python.
 *
 * It uses all CUDA devices that there are. Without one, DataParallel just calls the model, as in Python, and the names in the files
 * are the same. Run after `npm run build`:
 *   node .build/examples/data-parallel/data-parallel.js             trains, saves single.pth and parallel.pth, loads them
 *   node .build/examples/data-parallel/data-parallel.js --load      only loads, here files that are there
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'

const { nn, optim } = torch

const { values: options } = parseArgs({
  options: { folder: { type: 'string', default: '.' }, load: { type: 'boolean', default: false } },
})
const singleFile = join(options.folder, 'single.pth')
const parallelFile = join(options.folder, 'parallel.pth')
const weightsFile = join(options.folder, 'weights.pth')
const device = torch.cuda.isAvailable() ? 'cuda:0' : 'cpu'

class Net extends nn.Module {
  fc1 = new nn.Linear(10, 32)
  norm = new nn.BatchNorm1d(32)
  relu = new nn.ReLU()
  fc2 = new nn.Linear(32, 3)

  override forward(x: torch.Tensor): torch.Tensor {
    return this.fc2.forward(this.relu.forward(this.norm.forward(this.fc1.forward(x))))
  }
}

torch.setNumThreads(1) // sums over several threads are added up in another order
torch.manualSeed(0)
const inputs = torch.randn(128, 10)
const x = inputs.to(device)
const y = inputs.narrow(1, 0, 3).argmax(1).to(device) // which of the first three numbers is the largest

// ---- Save: from one device, and from several

if (!options.load) {
  const single = new Net().to(device)
  train('single', single)
  await torch.save(single.stateDict(), singleFile)

  // The model goes to the first device before it is wrapped; each call copies it to the others, with a part of the batch for each.
  const parallel = new nn.DataParallel(new Net().to(device))
  train('parallel', parallel)
  await torch.save(parallel.stateDict(), parallelFile) // parallel.module.stateDict() would save it without the prefix
}

// ---- Load: the four combinations

// With mapLocation it does not matter on which device, or on how many, it was saved.
const loadFile = (file: string) => torch.load(file, { mapLocation: device })

const oneToOne = new Net().to(device)
oneToOne.loadStateDict(await loadFile(singleFile))
report('one → one', oneToOne)

const oneToMany = new nn.DataParallel(new Net().to(device))
oneToMany.module.loadStateDict(await loadFile(singleFile)) // into the model inside
report('one → many', oneToMany)

const manyToMany = new nn.DataParallel(new Net().to(device))
manyToMany.loadStateDict(await loadFile(parallelFile))
report('many → many', manyToMany)

const manyToOne = new Net().to(device)
try {
  manyToOne.loadStateDict(await loadFile(parallelFile))
} catch (error) {
  console.log((error as Error).message) // all keys are missing, and all are unexpected
}
// 1. torch.stripPrefix: a new state dict, the one that was loaded stays as it is; also for several prefixes
manyToOne.loadStateDict(torch.stripPrefix(await loadFile(parallelFile), 'module.'))
report('many → one, stripPrefix', manyToOne)

// 2. in place, with PyTorch's own function
const inPlace = await loadFile(parallelFile)
nn.utils.consumePrefixInStateDictIfPresent(inPlace, 'module.')
report('many → one, in place', load(inPlace))

// 3. by hand; only at the beginning, as a model may have a part that is called `module` itself
const entries = Object.entries<torch.Tensor>(await loadFile(parallelFile))
const byHand = Object.fromEntries(entries.map(([name, tensor]) => [name.replace(/^module\./, ''), tensor]))
report('many → one, by hand', load(byHand))

// 4. without changing a name: load it as it was saved, and go on with the model inside
const wrapped = new nn.DataParallel(new Net().to(device))
wrapped.loadStateDict(await loadFile(parallelFile))
report('many → one, unwrapped', wrapped.module)

// ---- A model that Python pickled whole, with torch.save(nn.DataParallel(net), …): file → weights → new model

const here = new URL('examples/data-parallel/whole-model.pth', import.meta.resolve('libtorch-node/package.json'))
const whole = torch.toStateDict(await torch.load(fileURLToPath(here), { mapLocation: 'cpu' })) // no Python class is needed
console.log(`whole model: ${Object.keys(whole).join(', ')}`)
await torch.save(torch.stripPrefix(whole, 'module.'), weightsFile) // from now on a file for any program
const model = load(await loadFile(weightsFile))
report('whole → weights → new', model)
train('new', model)
report('new', model)

function load(stateDict: Record<string, torch.Tensor>): Net {
  const net = new Net().to(device)
  net.loadStateDict(stateDict)
  return net
}

function train(name: string, net: torch.nn.Module): void {
  const criterion = new nn.CrossEntropyLoss()
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 })
  for (let step = 1; step <= 5; step++) {
    const loss = criterion.forward(net.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    console.log(`${name}  step ${step}  loss ${Number(loss.item()).toFixed(6)}`)
  }
}

/** The accuracy of a net, and a digest of its parameters and buffers. */
function report(name: string, net: torch.nn.Module): void {
  net.eval()
  const output: torch.Tensor = torch.noGrad(() => net.forward(x))
  net.train()
  const accuracy = Number(output.argmax(1).eq(y).sum().item()) / 128
  const hash = createHash('sha256')
  for (const tensor of Object.values(net.stateDict())) hash.update(tensor.cpu().typedArray())
  console.log(`${name}: accuracy ${accuracy.toFixed(4)}  sha256 ${hash.digest('hex')}`)
}
