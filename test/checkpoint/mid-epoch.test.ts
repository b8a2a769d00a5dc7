/** Runs that are broken off in the middle of epochs end in the bytes of Python's plain loop. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { pinnedCpu, pythonJson, requirePython } from '../support/python.js'

const folder = mkdtempSync(join(tmpdir(), 'checkpoints-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What a loader is made with, here and in Python. */
const settings: { name: string; node: object; python: string; generator?: boolean; noise?: boolean }[] = [
  { name: 'in order', node: {}, python: '' },
  { name: 'shuffled', node: { shuffle: true }, python: 'shuffle=True' },
  { name: 'own generator', node: { shuffle: true }, python: 'shuffle=True, generator=g', generator: true },
  { name: 'last dropped', node: { shuffle: true, dropLast: true }, python: 'shuffle=True, drop_last=True' },
  { name: 'noise in the loop', node: { shuffle: true }, python: 'shuffle=True', noise: true },
]

const program = `
import sys, json, hashlib, torch
torch.set_num_threads(1)
digests = []
for kwargs, noise in json.loads(sys.argv[1]):
    torch.manual_seed(3)
    x = torch.randn(22, 3); y = x.sum(1, keepdim=True)
    m = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Dropout(0.4), torch.nn.Linear(5, 1))
    o = torch.optim.Adam(m.parameters(), lr=0.05)
    g = torch.Generator(); g.manual_seed(8)
    loader = eval(f'torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=4, {kwargs})')
    for epoch in range(3):
        for a, b in loader:
            if noise: a = a + torch.randn_like(a)
            loss = (m(a) - b).pow(2).mean()
            o.zero_grad(); loss.backward(); o.step()
    sha = hashlib.sha256()
    for p in m.parameters(): sha.update(p.detach().numpy().tobytes())
    digests.append(sha.hexdigest())
print(json.dumps(digests))`

test('broken off after every few steps, resumed in a new process: the bytes are those of the plain Python loop', (t) => {
  if (!requirePython(t)) return
  const wanted = pythonJson<string[]>(
    program,
    [JSON.stringify(settings.map(({ python, noise = false }) => [python, noise]))],
    pinnedCpu,
  )
  for (const [i, setting] of settings.entries()) {
    for (const most of setting.generator ? [4, 7] : [5]) {
      const args = [join(folder, `${i}-${most}`), JSON.stringify(setting), String(most)]
      let [breaks, digest] = [0, '']
      for (; digest === ''; breaks++) {
        const run = child('test/checkpoint/mid-epoch-run.js', args, pinnedCpu)
        if (run.status !== 3) {
          assert.equal(run.status, 0, run.stderr)
          digest = run.stdout.trim()
        }
        assert.ok(breaks < 10)
      }
      assert.ok(breaks > 2)
      assert.equal(digest, wanted[i], `${setting.name}, ${most} steps at a time`)
    }
  }
})

test('a loader that is made in another way refuses, and nothing is changed', async () => {
  const { DataLoader, TensorDataset } = torch.utils.data
  const model = new torch.nn.Linear(1, 1)
  const ready = { stateDict: () => ({ n: state.n }), loadStateDict: ({ n }: { n: number }) => void (state.n = n) }
  const state = { n: 1 }
  const make = (batchSize: number) => new DataLoader(new TensorDataset(torch.arange(8)), { batchSize })
  const loader = make(2)
  const manager = new torch.CheckpointManager(join(folder, 'other'))
  for (const _ of loader) {
    await manager.save({ epoch: 0, step: 1, model, loader, ready })
    break
  }
  torch.noGrad(() => model.weight.fill_(9))
  state.n = 2
  const refused = {
    code: 'ERR_CHECKPOINT_MISMATCH',
    message: /loader: DataLoader.loadStateDict: the state is of a loader with batchSize 2/,
  }
  assert.throws(() => manager.resume({ model, loader: make(4), ready }), refused)
  assert.equal(model.weight.item(), 9)
  assert.equal(state.n, 2)
  assert.ok(manager.resume({ model, loader: make(2), ready })!.exact)
  assert.equal(state.n, 1)
  await manager.close()
})

test('a loader that is restored without its place is told', async () => {
  const { DataLoader, TensorDataset } = torch.utils.data
  const model = new torch.nn.Linear(1, 1)
  const loader = new DataLoader(new TensorDataset(torch.arange(8)), { shuffle: true })
  const manager = new torch.CheckpointManager(join(folder, 'without'))
  for (const _ of loader) {
    await manager.save({ epoch: 0, step: 1, model })
    break
  }
  const resumed = manager.resume({ model, loader })!
  assert.deepEqual([resumed.step, resumed.nextEpoch, resumed.exact, resumed.notRestored], [1, 0, false, ['loader']])
  await manager.close()
})
