/**
 * The same seed gives Python's order, and every random number is drawn when Python draws it: between the batches each program
 * draws one of its own, so that a draw at another moment changes what follows.
 */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

const { data } = torch.utils

interface SamplerSpec {
  kind: 'Random' | 'SubsetRandom' | 'Weighted' | 'Distributed'
  generator?: number
  replacement?: boolean
  numSamples?: number
  replicas?: number
  rank?: number
  shuffle?: boolean
  sampleSeed?: number
  dropLast?: boolean
}

/** One way to go through `n` samples. Generators are named by their seed: the same seed is the same generator. */
interface Setting {
  n: number
  seed?: number
  epochs?: number
  /** Leaves each epoch after so many batches. */
  stopAfter?: number
  batchSize?: number | null
  shuffle?: boolean
  dropLast?: boolean
  generator?: number
  sampler?: SamplerSpec
  /** The sampler goes into a BatchSampler of this size instead of the loader. */
  batchSampler?: number
  /** Loads the last part of a random split with these lengths. */
  split?: number[]
  /** Two copies, one after the other. */
  concat?: boolean
}

const settings: Record<string, Setting> = {
  'in order': { n: 10, batchSize: 4 },
  shuffled: { n: 10, batchSize: 3, shuffle: true },
  'shuffled, one by one': { n: 7, shuffle: true },
  'shuffled, a batch larger than the set': { n: 5, batchSize: 8, shuffle: true },
  'shuffled, last batch dropped': { n: 11, batchSize: 4, shuffle: true, dropLast: true },
  'shuffled, no last batch to drop': { n: 12, batchSize: 4, shuffle: true, dropLast: true },
  'shuffled, left early': { n: 20, batchSize: 4, shuffle: true, stopAfter: 2 },
  'shuffled, left at the last batch': { n: 20, batchSize: 4, shuffle: true, stopAfter: 5 },
  'shuffled, 1,000 samples': { n: 1000, batchSize: 64, shuffle: true },
  'shuffled, a seed beyond 32 bits': { n: 10, batchSize: 3, shuffle: true, seed: 2 ** 40 + 7 },
  'shuffled, a negative seed': { n: 10, batchSize: 3, shuffle: true, seed: -5 },
  'in order, from a generator': { n: 10, batchSize: 4, generator: 1 },
  'shuffled by a generator': { n: 10, batchSize: 3, shuffle: true, generator: 1 },
  'shuffled by a generator, last batch dropped': { n: 10, batchSize: 4, shuffle: true, generator: 1, dropLast: true },
  'shuffled by a generator, left early': { n: 10, batchSize: 3, shuffle: true, generator: 1, stopAfter: 2 },
  'shuffled without batches': { n: 6, batchSize: null, shuffle: true },
  'random sampler with fewer samples': { n: 10, batchSize: 4, sampler: { kind: 'Random', numSamples: 6 } },
  'random sampler with more samples': {
    n: 10,
    batchSize: 4,
    sampler: { kind: 'Random', numSamples: 25, generator: 2 },
  },
  'with replacement': { n: 10, batchSize: 4, sampler: { kind: 'Random', replacement: true } },
  'with replacement, 64 of 10': {
    n: 10,
    batchSize: 16,
    sampler: { kind: 'Random', replacement: true, numSamples: 64, generator: 2 },
  },
  'with replacement, 100 of 10, left early': {
    n: 10,
    batchSize: 16,
    stopAfter: 3,
    sampler: { kind: 'Random', replacement: true, numSamples: 100, generator: 2 },
  },
  'subset sampler': { n: 10, batchSize: 3, sampler: { kind: 'SubsetRandom' } },
  'subset sampler, one generator for sampler and loader': {
    n: 10,
    batchSize: 3,
    generator: 2,
    sampler: { kind: 'SubsetRandom', generator: 2 },
  },
  weighted: { n: 10, batchSize: 4, sampler: { kind: 'Weighted', numSamples: 15 } },
  'weighted without replacement': {
    n: 10,
    batchSize: 4,
    sampler: { kind: 'Weighted', numSamples: 8, replacement: false, generator: 2 },
  },
  'batch sampler': { n: 10, batchSampler: 4, generator: 1, sampler: { kind: 'Random' } },
  'distributed, rank 1 of 3': { n: 10, batchSize: 2, sampler: { kind: 'Distributed', replicas: 3, rank: 1 } },
  'distributed, tail dropped': {
    n: 11,
    batchSize: 2,
    sampler: { kind: 'Distributed', replicas: 3, rank: 2, dropLast: true, sampleSeed: 4 },
  },
  'distributed, in order': { n: 10, sampler: { kind: 'Distributed', replicas: 4, rank: 3, shuffle: false } },
  'distributed, more processes than samples': { n: 3, sampler: { kind: 'Distributed', replicas: 8, rank: 7 } },
  'split by lengths': { n: 10, batchSize: 3, shuffle: true, split: [3, 7] },
  'split by fractions, from a generator': { n: 31, batchSize: 3, shuffle: true, generator: 1, split: [0.3, 0.3, 0.4] },
  'two sets in one': { n: 6, batchSize: 5, shuffle: true, concat: true },
}

/** What a program saw: batches with the number drawn after each, and the random states at the end. */
interface Trace {
  length: number
  batches: number[][]
  draws: number[]
  states: Record<string, string>
}

const program = `
import json, sys, torch
from torch.utils.data import *
from torch.utils.data.distributed import DistributedSampler

def run(s):
    generators = {}
    def generator(seed):
        if seed is None: return None
        if seed not in generators: generators[seed] = torch.Generator().manual_seed(seed)
        return generators[seed]
    torch.manual_seed(s.get('seed', 0))
    dataset = range(s['n'])
    if s.get('split'):
        g = generator(s.get('generator'))
        dataset = random_split(dataset, s['split'], **({'generator': g} if g else {}))[-1]
    if s.get('concat'): dataset = ConcatDataset([dataset, dataset])
    options = {}
    if 'batchSize' in s: options['batch_size'] = s['batchSize']
    sampler = s.get('sampler')
    if sampler:
        g, kind = generator(sampler.get('generator')), sampler['kind']
        if kind == 'Random':
            made = RandomSampler(dataset, sampler.get('replacement', False), sampler.get('numSamples'), g)
        elif kind == 'SubsetRandom':
            made = SubsetRandomSampler(list(range(1, s['n'], 2)), g)
        elif kind == 'Distributed':
            made = DistributedSampler(dataset, sampler['replicas'], sampler['rank'], sampler.get('shuffle', True),
                                      sampler.get('sampleSeed', 0), sampler.get('dropLast', False))
        else:
            weights = [i * 0.5 + 0.1 for i in range(s['n'])]
            made = WeightedRandomSampler(weights, sampler['numSamples'], sampler.get('replacement', True), g)
        if 'batchSampler' in s: options['batch_sampler'] = BatchSampler(made, s['batchSampler'], False)
        else: options['sampler'] = made
    if s.get('shuffle'): options['shuffle'] = True
    if s.get('dropLast'): options['drop_last'] = True
    loader = DataLoader(dataset, generator=generator(s.get('generator')), **options)
    batches, draws = [], []
    for epoch in range(s.get('epochs', 3)):
        if isinstance(loader.sampler, DistributedSampler): loader.sampler.set_epoch(epoch)
        for i, batch in enumerate(loader):
            batches.append(batch.tolist() if isinstance(batch, torch.Tensor) else [batch])
            draws.append(torch.rand(1).item())
            if i + 1 == s.get('stopAfter'): break
    states = {str(seed): bytes(g.get_state().tolist()).hex() for seed, g in generators.items()}
    states['global'] = bytes(torch.get_rng_state().tolist()).hex()
    return {'length': len(loader), 'batches': batches, 'draws': draws, 'states': states}

print(json.dumps({name: run(setting) for name, setting in json.loads(sys.argv[1]).items()}))
`

function run(s: Setting): Trace {
  const generators = new Map<number, torch.Generator>()
  const generator = (seed: number | undefined): torch.Generator | null => {
    if (seed === undefined) return null
    if (!generators.has(seed)) generators.set(seed, new torch.Generator().manualSeed(seed))
    return generators.get(seed)!
  }
  torch.manualSeed(s.seed ?? 0)
  let dataset: torch.utils.data.DatasetLike<number> = [...Array(s.n).keys()]
  if (s.split) dataset = data.randomSplit(dataset, s.split, { generator: generator(s.generator) }).at(-1)!
  if (s.concat) dataset = new data.ConcatDataset([dataset, dataset])
  const sampler = s.sampler && makeSampler(s.sampler, dataset, s.n, generator(s.sampler.generator))
  const options: torch.utils.data.DataLoaderOptions<number, torch.Tensor | number> = {
    ...('batchSize' in s && { batchSize: s.batchSize }),
    ...(s.shuffle && { shuffle: true }),
    ...(s.dropLast && { dropLast: true }),
    ...(sampler &&
      (s.batchSampler ? { batchSampler: new data.BatchSampler(sampler, s.batchSampler, false) } : { sampler })),
    generator: generator(s.generator),
  }
  const loader = new data.DataLoader(dataset, options)
  const trace: Trace = { length: loader.length, batches: [], draws: [], states: {} }
  for (let epoch = 0; epoch < (s.epochs ?? 3); epoch++) {
    let i = 0
    if (loader.sampler instanceof data.DistributedSampler) loader.sampler.setEpoch(epoch)
    for (const batch of loader) {
      trace.batches.push(batch instanceof torch.Tensor ? (batch.tolist() as number[]) : [batch])
      trace.draws.push(torch.rand(1).item() as number)
      if (++i === s.stopAfter) break
    }
  }
  for (const [seed, g] of generators) trace.states[seed] = hex(g.getState())
  trace.states.global = hex(torch.getRngState())
  return trace
}

function makeSampler(
  spec: SamplerSpec,
  dataset: { length: number },
  n: number,
  generator: torch.Generator | null,
): torch.utils.data.Sampler {
  const { kind, replacement, numSamples } = spec
  if (kind === 'Random') return new data.RandomSampler(dataset, { replacement, numSamples, generator })
  if (kind === 'Distributed') {
    const { replicas: numReplicas, rank, shuffle, sampleSeed: seed, dropLast } = spec
    return new data.DistributedSampler(dataset, { numReplicas, rank, shuffle, seed, dropLast })
  }
  const indices = [...Array(n).keys()]
  if (kind === 'SubsetRandom')
    return new data.SubsetRandomSampler(
      indices.filter((i) => i % 2 === 1),
      { generator },
    )
  const weights = indices.map((i) => i * 0.5 + 0.1)
  return new data.WeightedRandomSampler(weights, numSamples!, { replacement, generator })
}

const hex = (state: torch.Tensor) => Buffer.from(state.typedArray() as Uint8Array).toString('hex')

let expected: Record<string, Trace> = {}
before(() => {
  if (requirePython({ skip() {} })) expected = pythonJson(program, [JSON.stringify(settings)])
})

for (const [name, setting] of Object.entries(settings)) {
  test(`order and random states as in Python: ${name}`, (t) => {
    if (!requirePython(t)) return
    assert.deepEqual(run(setting), expected[name])
  })
}

test('batches of a TensorDataset have the bytes of Python’s, for views and every kind of dtype', (t) => {
  if (!requirePython(t)) return
  const dtypes = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'uint8', 'bool', 'complex64'] as const
  const python = pythonJson<string[]>(
    `
import json, sys, torch
from torch.utils.data import DataLoader, TensorDataset
out = []
for dtype in json.loads(sys.argv[1]):
    torch.manual_seed(3)
    x = (torch.rand(11, 3, 4).transpose(1, 2) * 4).to(getattr(torch, dtype))
    loader = DataLoader(TensorDataset(x, x[:, 0, 1]), batch_size=4, shuffle=True)
    out += ['%s %s %s' % (list(t.shape), list(t.stride()), bytes(t.view(-1).view(torch.uint8).tolist()).hex()) for b in loader for t in b]
print(json.dumps(out))`,
    [JSON.stringify(dtypes)],
  )
  const node = dtypes.flatMap((dtype) => {
    torch.manualSeed(3)
    const x = torch.rand(11, 3, 4).transpose(1, 2).mul(4).to(dtype)
    const loader = new data.DataLoader(new data.TensorDataset(x, x.index(':', 0, 1)), { batchSize: 4, shuffle: true })
    return [...loader].flat().map((tensor) => {
      const list = (values: readonly number[]) => `[${values.join(', ')}]`
      return `${list(tensor.shape)} ${list(tensor.stride())} ${hex(tensor.view(-1).view('uint8'))}`
    })
  })
  assert.deepEqual(node, python)
})
