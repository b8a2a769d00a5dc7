/**
 * A run that is stopped in the middle of an epoch, saved, and gone on with in another process sees the losses and ends with the
 * bytes (parameters and generators) of Python's plain loop, which never stopped.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { resumeSettings } from '../data/resume-settings.js'
import { child } from '../support/child.js'
import { tempDir } from '../support/paths.js'
import { pinnedCpu, pythonJson, requirePython } from '../support/python.js'

interface Outcome {
  losses: number[]
  digest: string
  read: number
}

const program = `
import hashlib, json, sys, torch
from torch import nn
from torch.utils.data import *

class Rows(Dataset):
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i): return torch.tensor([i / self.n, i % 3], dtype=torch.float32), torch.tensor([i % 2], dtype=torch.float32)

class Stream(IterableDataset):
    def __init__(self, n): self.n = n
    def __iter__(self): return (Rows(self.n)[i] for i in range(self.n))

def run(s):
    generators = {}
    def generator(seed):
        if seed is None: return None
        if seed not in generators: generators[seed] = torch.Generator().manual_seed(seed)
        return generators[seed]
    torch.manual_seed(3)
    rows, n = Rows(s['n']), s['n']
    gen = generator(s.get('generator'))
    kind, g = s.get('sampler'), generator(s.get('samplerGenerator'))
    sampler = None
    if kind == 'random': sampler = RandomSampler(rows, num_samples=s.get('numSamples'), generator=g)
    if kind == 'replacement': sampler = RandomSampler(rows, True, s['numSamples'], g)
    if kind == 'subset': sampler = SubsetRandomSampler(range(1, n, 2), g)
    if kind == 'weighted': sampler = WeightedRandomSampler([i * 0.5 + 0.1 for i in range(n)], s['numSamples'], generator=g)
    loader = DataLoader(Stream(n) if s.get('stream') else rows, batch_size=s['batchSize'], shuffle=s.get('shuffle'), sampler=sampler,
                        drop_last=s.get('dropLast', False), generator=gen)
    model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for epoch in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    sha = hashlib.sha256()
    for p in model.parameters(): sha.update(p.detach().numpy().tobytes())
    sha.update(torch.get_rng_state().numpy().tobytes())
    for g in generators.values(): sha.update(g.get_state().numpy().tobytes())
    return {'losses': losses, 'digest': sha.hexdigest()}

torch.set_num_threads(1)
print(json.dumps([run(s) for s in json.loads(sys.argv[1])]))
`

const names = Object.keys(resumeSettings)
let expected: Omit<Outcome, 'read'>[] = []
before(() => {
  if (requirePython({ skip() {} }))
    expected = pythonJson(program, [JSON.stringify(Object.values(resumeSettings))], pinnedCpu)
})

function run(...args: string[]): Outcome {
  const { status, stdout, stderr } = child('test/data/resume-run.js', args, { ...pinnedCpu, OMP_NUM_THREADS: '1' })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test('there are at least 12 settings', () => assert.ok(names.length >= 12))

for (const [i, name] of names.entries()) {
  test(`stopped in the middle of an epoch and resumed, bit for bit as Python: ${name}`, (t) => {
    if (!requirePython(t)) return
    const setting = resumeSettings[name]!
    const file = join(tempDir(t), 'run.pth')
    const json = JSON.stringify(setting)
    // the first, a middle and the last batch of an epoch take turns
    const perEpoch = expected[i]!.losses.length / 3
    const stop = [1, Math.ceil(perEpoch / 2), perEpoch][i % 3]!
    const begun = run(json, 'run', file, '1', String(stop))
    const rest = run(json, 'resume', file)
    assert.deepEqual([...begun.losses, ...rest.losses], expected[i]!.losses)
    assert.equal(rest.digest, expected[i]!.digest)
    assert.equal(begun.losses.length, perEpoch + stop)
    if (!setting.stream)
      assert.ok(rest.read <= setting.batchSize, `${rest.read} samples were read before the first batch`)
  })
}
