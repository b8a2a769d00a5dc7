/** Embeddings against live Python: numbers, gradients, text, errors; tables that are there; second inputs' gradients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'
import { type Case, testLayers } from './layers.js'
import { testRefusals } from './refusals.js'

const { nn } = torch

const words = 'classes:7:4:3'
const table = {
  tensor: [
    [0.5, 1.5],
    [-3.25, 4],
    [0.1, 0.2],
  ],
}
const cases: Case[] = [
  ['Embedding', [7, 5], {}, words],
  ['Embedding', [7, 5], {}, 'classes:7'],
  ['Embedding', [7, 5], {}, 'classes:7:0:2'],
  ['Embedding', [7, 5, 3], {}, words],
  ['Embedding', [7, 5, -1], {}, words],
  ['Embedding', [7, 5, 0], {}, words],
  ['Embedding', [7, 5, null, 1.5], {}, words],
  ['Embedding', [7, 5], { padding_idx: -7, max_norm: 0.75, norm_type: { float: 1 } }, words],
  ['Embedding', [7, 5, null, 1.5, 3.5, true], {}, words],
  ['Embedding', [7, 5], { scale_grad_by_freq: true }, words],
  ['Embedding', [7, 5], { sparse: true }, words],
  ['Embedding', [7, 5, 2, null, { float: 2 }, false, true], {}, words],
  ['Embedding', [7, 5], { sparse: true, max_norm: 1.5, padding_idx: 1 }, words],
  ['Embedding', [7, 5], { dtype: 'float64' }, words],
  ['Embedding', [7, 5], { device: 'cpu', dtype: 'bfloat16', padding_idx: 1 }, words],
  ['Embedding', [3, 2], { _weight: table }, 'classes:3:5'],
  ['Embedding', [3, 2, 1], { _weight: table, _freeze: true }, 'classes:3:5'],
  ['Embedding', [3, 2, null, null, { float: 2 }, false, false, table, false, null, 'float64'], {}, 'classes:3:5'],
  ['Embedding', [], { num_embeddings: 7, embedding_dim: 5, _freeze: true }, words],
  ['Embedding', [0, 5], {}, 'classes:1:0'],
  ['Embedding', [7, 0], {}, words],
  ['EmbeddingBag', [7, 5], {}, words],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:6', { tensor: [0, 2, 2, 5] }],
  ['EmbeddingBag', [7, 5], { mode: 'sum' }, words],
  ['EmbeddingBag', [7, 5], { mode: 'max' }, words],
  ['EmbeddingBag', [7, 5], { mode: 'max' }, 'classes:7:6', { tensor: [0, 1, 1] }],
  ['EmbeddingBag', [7, 5], { mode: 'sum' }, words, null, [4, 3]],
  ['EmbeddingBag', [7, 5], { mode: 'sum', sparse: true }, 'classes:7:6', { tensor: [0, 2, 5] }, [6]],
  ['EmbeddingBag', [7, 5, 1.5], {}, words],
  ['EmbeddingBag', [7, 5, 0.75, 1.5, true], {}, words],
  ['EmbeddingBag', [7, 5, null, { float: 2 }, true, 'sum', false], {}, 'classes:7:6', { tensor: [0, 3] }],
  ['EmbeddingBag', [7, 5], { sparse: true }, words],
  ['EmbeddingBag', [7, 5], { include_last_offset: true }, 'classes:7:6', { tensor: [0, 2, 6] }],
  ['EmbeddingBag', [7, 5], { include_last_offset: true, mode: 'max' }, 'classes:7:6', { tensor: [0, 2, 6] }],
  ['EmbeddingBag', [7, 5], { padding_idx: 3 }, words],
  ['EmbeddingBag', [7, 5], { padding_idx: -1, mode: 'sum' }, words, null, [4, 3]],
  ['EmbeddingBag', [7, 5], { padding_idx: 0, mode: 'max' }, words],
  ['EmbeddingBag', [7, 5], { dtype: 'float64', device: 'cpu' }, words],
  ['EmbeddingBag', [3, 2, null, { float: 2 }, false, 'mean', false, table, false, 1, null, null], {}, 'classes:3:5:2'],
  ['EmbeddingBag', [], { num_embeddings: 3, embedding_dim: 2, _weight: table, mode: 'max' }, 'classes:3:5:2'],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:0', { tensor: [0, 0] }],
]
testLayers('embeddings have the parameters, outputs, gradients and text of Python', cases)

testRefusals('what embeddings refuse, they refuse in the words of Python', [
  ['Embedding', [7, 5, 7], {}],
  ['Embedding', [7, 5, -8], {}],
  ['Embedding', [3, 3], { _weight: table }],
  ['Embedding', [-1, 5], {}],
  [
    'Embedding',
    [3, 2],
    {
      _weight: {
        tensor: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
    },
  ],
  ['Embedding', [7, 5], {}, [2, 3]],
  ['Embedding', [7, 5], {}, { tensor: [3, 7] }],
  ['Embedding', [7, 5], {}, { tensor: [-1] }],
  ['Embedding', [7, 5], { max_norm: 1.5 }, { tensor: [7] }],
  ['EmbeddingBag', [7, 5], { padding_idx: 7 }],
  ['EmbeddingBag', [7, 5], { padding_idx: -8 }],
  ['EmbeddingBag', [2, 2], { _weight: table }],
  [
    'EmbeddingBag',
    [3, 2],
    {
      _weight: {
        tensor: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
    },
  ],
  ['EmbeddingBag', [7, 5], { mode: 'min' }, words],
  ['EmbeddingBag', [7, 5], { mode: 'max', sparse: true }, words],
  ['EmbeddingBag', [7, 5], { mode: 'max', scale_grad_by_freq: true }, words],
  ['EmbeddingBag', [7, 5], {}, words, { tensor: [0] }],
  ['EmbeddingBag', [7, 5], {}, words, null, [4, 3]],
  ['EmbeddingBag', [7, 5], { mode: 'sum' }, words, null, [4, 2]],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:6'],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:6', { tensor: [[0, 1]] }],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:6', { tensor: [1, 2] }],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:6', { tensor: [0, 7] }],
  ['EmbeddingBag', [7, 5], {}, 'classes:7'],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:2:0'],
  ['EmbeddingBag', [7, 5], {}, 'classes:7:2:3:4'],
  ['EmbeddingBag', [7, 5], {}, [2, 3]],
])

/** What a layer around a table is and does. */
function facts(module: torch.nn.Module, input: torch.Tensor): unknown {
  const { weight } = module as torch.nn.Embedding
  const output = module.forward(input) as torch.Tensor
  if (weight.requiresGrad) output.sum().backward()
  const grad = weight.grad
  return [
    String(module),
    weight.requiresGrad,
    weight.tolist(),
    output.tolist(),
    grad === null ? null : [grad.isSparse, grad.toDense().tolist()],
  ]
}
const pythonFacts = `
import json, torch
from torch import nn
def facts(module, input):
    output = module(input)
    if module.weight.requires_grad: output.sum().backward()
    grad = module.weight.grad
    return [repr(module), module.weight.requires_grad, module.weight.tolist(), output.tolist(),
        None if grad is None else [grad.is_sparse, grad.to_dense().tolist()]]
t = lambda: torch.tensor([[0.5, 1.5], [-3.25, 4], [0.25, 0.125]])
i = torch.tensor([[0, 1, 1], [2, 0, 1]])
`

test('fromPretrained() takes a table and all options of Python', (t) => {
  if (!requirePython(t)) return
  const make = (): torch.Tensor =>
    torch.tensor([
      [0.5, 1.5],
      [-3.25, 4],
      [0.25, 0.125],
    ])
  const input = torch.tensor([
    [0n, 1n, 1n],
    [2n, 0n, 1n],
  ])
  const { Embedding, EmbeddingBag } = nn
  const mine = [
    Embedding.fromPretrained(make()),
    Embedding.fromPretrained(make(), false),
    Embedding.fromPretrained(make(), { freeze: false, paddingIdx: -2, sparse: true }),
    Embedding.fromPretrained(make(), false, 0, 1.25, 3, true, false),
    Embedding.fromPretrained({ embeddings: make(), maxNorm: 1, normType: 1, scaleGradByFreq: true, freeze: false }),
    EmbeddingBag.fromPretrained(make()),
    EmbeddingBag.fromPretrained(make(), false, { mode: 'sum', sparse: true }),
    EmbeddingBag.fromPretrained(make(), { freeze: false, mode: 'max', paddingIdx: 0 }),
    EmbeddingBag.fromPretrained(make(), false, 1.25, 3, true, 'sum', false, false, -1),
    EmbeddingBag.fromPretrained({ embeddings: make(), maxNorm: 1, includeLastOffset: true }),
  ].map((module) => facts(module, input))
  const expected = pythonJson<unknown[]>(`${pythonFacts}
E, B = nn.Embedding.from_pretrained, nn.EmbeddingBag.from_pretrained
print(json.dumps([facts(m, i) for m in [E(t()), E(t(), False), E(t(), freeze=False, padding_idx=-2, sparse=True),
  E(t(), False, 0, 1.25, 3.0, True, False), E(embeddings=t(), max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, freeze=False),
  B(t()), B(t(), False, mode='sum', sparse=True), B(t(), freeze=False, mode='max', padding_idx=0),
  B(t(), False, 1.25, 3.0, True, 'sum', False, False, -1), B(embeddings=t(), max_norm=1.0, include_last_offset=True)]]))`)
  assert.deepEqual(mine, expected)
})

test('second inputs get the gradients of Python', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(5)
  const draw = (...sizes: number[]): torch.Tensor => torch.randn(sizes).requiresGrad_()
  const bag = new nn.EmbeddingBag(7, 5, { mode: 'sum' })
  const bilinear = new nn.Bilinear(3, 4, 2)
  const [factors, a, b, c] = [draw(4, 3), draw(6, 3), draw(6, 4), draw(6, 3)] as const
  const indices = torch.randint(0, 7, [4, 3])
  bag.forward(indices, { perSampleWeights: factors }).sum().backward()
  bilinear.forward(a, b).sum().backward()
  new nn.CosineSimilarity().forward(a.detach(), c).sum().backward()
  new nn.PairwiseDistance({ p: 3 }).forward(a.detach(), c).sum().backward()
  const expected = pythonJson<unknown[]>(`
import json, torch
from torch import nn
torch.manual_seed(5)
draw = lambda *sizes: torch.randn(sizes).requires_grad_()
bag, bilinear = nn.EmbeddingBag(7, 5, mode='sum'), nn.Bilinear(3, 4, 2)
factors, a, b, c = draw(4, 3), draw(6, 3), draw(6, 4), draw(6, 3)
indices = torch.randint(0, 7, [4, 3])
bag(indices, per_sample_weights=factors).sum().backward()
bilinear(a, b).sum().backward()
nn.CosineSimilarity()(a.detach(), c).sum().backward()
nn.PairwiseDistance(p=3.0)(a.detach(), c).sum().backward()
print(json.dumps([t.grad.tolist() for t in [factors, a, b, c]]))`)
  assert.deepEqual(
    [factors, a, b, c].map((tensor) => tensor.grad!.tolist()),
    expected,
  )
})
