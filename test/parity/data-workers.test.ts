/** With workers, too: batches, their order, the numbers drawn in the workers, their seeds, and this thread's generators are Python's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import type { Wanted } from '../data/worker-dataset.js'
import { pythonJson, requirePython } from '../support/python.js'

const { DataLoader } = torch.utils.data
const workerModule = new URL('../data/worker-dataset.js', import.meta.url)

interface Setting {
  n: number
  workers: number
  batchSize: number
  shuffle?: boolean
  dropLast?: boolean
  generator?: boolean
  prefetch?: number
  stream?: boolean
  stopAfter?: number
}

const settings: Setting[] = [
  { n: 13, workers: 1, batchSize: 4 },
  { n: 13, workers: 2, batchSize: 4, shuffle: true },
  { n: 13, workers: 3, batchSize: 2, shuffle: true, generator: true, prefetch: 1 },
  { n: 30, workers: 2, batchSize: 3, shuffle: true, generator: true, stopAfter: 2 },
  { n: 13, workers: 2, batchSize: 4, dropLast: true, shuffle: true },
  { n: 3, workers: 4, batchSize: 2, shuffle: true, generator: true },
  { n: 13, workers: 2, batchSize: 3, stream: true },
  { n: 13, workers: 3, batchSize: 2, stream: true, dropLast: true },
]

const program = `
import json, sys, torch
from torch.utils.data import *

class Draws(Dataset):
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i):
        info = get_worker_info()
        x = torch.rand(2)
        noise = torch.empty(20).normal_()
        return {'index': float(i), 'x': x, 'noise': noise, 'm': torch.randperm(5), 'seed': str(torch.initial_seed()), 'id': info.id, 'of': info.num_workers}

class Numbers(IterableDataset):
    def __init__(self, n): self.n = n
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, self.n, info.num_workers))

def run(s):
    torch.manual_seed(11)
    g = torch.Generator().manual_seed(12) if s.get('generator') else None
    loader = DataLoader(Numbers(s['n']) if s.get('stream') else Draws(s['n']), s['batchSize'], s.get('shuffle'), num_workers=s['workers'],
                        drop_last=s.get('dropLast', False), generator=g, prefetch_factor=s.get('prefetch', 2))
    out = []
    for epoch in range(2):
        for i, b in enumerate(loader):
            out.append(b.tolist() if s.get('stream') else {k: v.tolist() if hasattr(v, 'tolist') else v for k, v in b.items()})
            out.append(torch.rand(1).item())
            if i + 1 == s.get('stopAfter'): break
    states = [torch.get_rng_state()] + ([g.get_state()] if g else [])
    return {'out': out, 'states': [bytes(x.tolist()).hex() for x in states]}

print(json.dumps([run(s) for s in json.loads(sys.argv[1])]))
`

const plain = (value: unknown): unknown =>
  value instanceof torch.Tensor
    ? value.dtype === 'int64' &&
      value.ndim === 1 &&
      value.numel() > 0 &&
      Math.abs(Number(value.index(0).item())) > 2 ** 31
      ? Array.from(value.typedArray() as BigInt64Array, String)
      : value.tolist()
    : value

test('eight settings with workers as in Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<{ out: unknown[]; states: string[] }[]>(program, [JSON.stringify(settings)])
  for (const [i, s] of settings.entries()) {
    torch.manualSeed(11)
    const generator = s.generator ? new torch.Generator().manualSeed(12) : null
    const wanted: Wanted = { kind: s.stream ? 'stream' : 'draws', n: s.n }
    const here = (await import('../data/worker-dataset.js')).dataset(wanted)
    const loader = new DataLoader<any, any>(here as any, {
      batchSize: s.batchSize,
      shuffle: s.shuffle ?? false,
      dropLast: s.dropLast ?? false,
      numWorkers: s.workers,
      prefetchFactor: s.prefetch ?? 2,
      generator,
      workerModule,
      workerData: wanted,
    })
    const out: unknown[] = []
    for (let epoch = 0; epoch < 2; epoch++) {
      let count = 0
      for await (const batch of loader) {
        out.push(
          s.stream
            ? batch.tolist()
            : Object.fromEntries(Object.entries(batch).map(([name, value]) => [name, plain(value)])),
        )
        out.push(torch.rand(1).item())
        if (++count === s.stopAfter) break
      }
    }
    const states = [torch.getRngState(), ...(generator ? [generator.getState()] : [])]
    assert.deepEqual(out, expected[i]!.out, JSON.stringify(s))
    assert.deepEqual(
      states.map((state) => Buffer.from(state.typedArray() as Uint8Array).toString('hex')),
      expected[i]!.states,
      JSON.stringify(s),
    )
  }
})
