/** Functions of `torch` that are code in front of operators, and settings, against the same expressions in Python. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

/** Inputs, the same on both sides: made after `manual_seed(0)` in this order. */
const python = `
import json, sys, warnings, hashlib
import torch
from torch import *
warnings.simplefilter('ignore')
torch.set_num_threads(1)
torch.manual_seed(0)
a, b, v, w, m, x = randn(3, 4), randn(4, 5), randn(6), randn(6), randn(5, 8), randn(2, 3, 4)
k = torch.tensor([[2, 0, 2], [1, 1, 0]]); r = torch.tensor([1, 1, 2, 2, 2, 1]); s = randn(200); p = rand(3, 4)
def show(t):
    if isinstance(t, torch.Tensor):
        flat = (view_as_real(t) if t.is_complex() else t).detach().contiguous().flatten()
        raw = flat.view(torch.uint8).numpy().tobytes() if t.numel() else b''
        return [str(t.dtype)[6:], list(t.shape), hashlib.md5(raw).hexdigest()]
    return [show(e) for e in t] if isinstance(t, (list, tuple)) else t
names = {**vars(torch), **globals()}
def run(text):
    torch.manual_seed(5)
    try:
        return show(eval(text, names))
    except (RuntimeError, ValueError, TypeError, IndexError) as e:
        return 'error'
print(json.dumps([run(text) for text in json.loads(sys.argv[1])]))
`
torch.setNumThreads(1)
torch.manualSeed(0)
const [a, b, v, w, m, x] = [
  torch.randn(3, 4),
  torch.randn(4, 5),
  torch.randn(6),
  torch.randn(6),
  torch.randn(5, 8),
  torch.randn(2, 3, 4),
]
const k = torch.tensor([
  [2n, 0n, 2n],
  [1n, 1n, 0n],
])
const r = torch.tensor([1n, 1n, 2n, 2n, 2n, 1n])
const s = torch.randn(200)
const p = torch.rand(3, 4)

const cases: [string, () => unknown][] = [
  ["einsum('ij,jk->ik', a, b)", () => torch.einsum('ij,jk->ik', a, b)],
  ["einsum('ij,jk', [a, b])", () => torch.einsum('ij,jk', [a, b])],
  ["einsum('...ij->...ji', x)", () => torch.einsum('...ij->...ji', x)],
  ['einsum(a, [0, 1], b, [1, 2], [0, 2])', () => torch.einsum(a, [0, 1], b, [1, 2], [0, 2])],
  ['einsum(x, [..., 30, 2], [..., 2, 30])', () => torch.einsum(x, ['...', 30, 2], ['...', 2, 30])],
  ['einsum(a, [0, 52])', () => torch.einsum(a, [0, 52])],
  ['norm(a)', () => torch.norm(a)],
  ["a.norm(p='fro', dim=(0, 1), keepdim=True)", () => a.norm('fro', [0, 1], { keepdim: true })],
  ["norm(a, 'nuc')", () => torch.norm(a, 'nuc')],
  ['norm(a, 1, 0)', () => torch.norm(a, 1, 0)],
  ['norm(a, 3, dtype=float64)', () => torch.norm(a, 3, { dtype: 'float64' })],
  ['norm(a, inf, -1)', () => torch.norm(a, torch.inf, -1)],
  ['split(v, 4)', () => torch.split(v, 4)],
  ['split(a, [1, 3], 1)', () => torch.split(a, [1, 3], 1)],
  ['a.split(3, dim=1)', () => a.split(3, { dim: 1 })],
  ['split(a, [1, 1], 1)', () => torch.split(a, [1, 1], 1)],
  ['unique(k)', () => torch.unique(k)],
  [
    'unique(k, return_inverse=True, return_counts=True)',
    () => torch.unique(k, { returnInverse: true, returnCounts: true }),
  ],
  ['unique(k, return_counts=True, dim=1)', () => torch.unique(k, { returnCounts: true, dim: 1 })],
  ['k.unique(False, True)', () => k.unique(false, true)],
  ['unique_consecutive(r)', () => torch.uniqueConsecutive(r)],
  ['r.unique_consecutive(return_counts=True)', () => r.uniqueConsecutive({ returnCounts: true })],
  ['tensordot(x, x, 3)', () => torch.tensordot(x, x, 3)],
  [
    'tensordot(x, a, dims=([1, 2], [0, 1]))',
    () =>
      torch.tensordot(x, a, {
        dims: [
          [1, 2],
          [0, 1],
        ],
      }),
  ],
  ['tensordot(a, b, 5)', () => torch.tensordot(a, b, 5)],
  ['cdist(a, a + 1)', () => torch.cdist(a, a.add(1))],
  ['cdist(a, a, p=1.0)', () => torch.cdist(a, a, { p: 1 })],
  [
    "cdist(a, p, compute_mode='donot_use_mm_for_euclid_dist')",
    () => torch.cdist(a, p, { computeMode: 'donot_use_mm_for_euclid_dist' }),
  ],
  ['meshgrid(v, w)', () => torch.meshgrid(v, w)],
  ["meshgrid([v, w], indexing='xy')", () => torch.meshgrid([v, w], { indexing: 'xy' })],
  ['broadcast_tensors(a, a[0], a[:, :1])', () => torch.broadcastTensors(a, a.index(0), a.index(':', ':1'))],
  ['list(broadcast_shapes((2, 1), (3, 1, 7), 1))', () => torch.broadcastShapes([2, 1], [3, 1, 7], 1)],
  ['broadcast_shapes((2,), (3,))', () => torch.broadcastShapes([2], [3])],
  ['cartesian_prod(r, r)', () => torch.cartesianProd(r, r)],
  ['block_diag(a, v, w[:1])', () => torch.blockDiag(a, v, w.index(':1'))],
  ['chain_matmul(a, b, m)', () => torch.chainMatmul(a, b, m)],
  ['atleast_1d(a[0, 0])', () => torch.atleast1d(a.index(0, 0))],
  ['atleast_2d(v, a)', () => torch.atleast2d(v, a)],
  ['atleast_3d([v, a])', () => torch.atleast3d([v, a])],
  ['unravel_index(r, (2, 3))', () => torch.unravelIndex(r, [2, 3])],
  ['unravel_index(k, 4)', () => torch.unravelIndex(k, 4)],
  ['unravel_index(a, (2, 3))', () => torch.unravelIndex(a, [2, 3])],
  ['stft(s, 32, return_complex=True)', () => torch.stft(s, 32, { returnComplex: true })],
  [
    'stft(s, 32, hop_length=8, window=hann_window(32), center=False, return_complex=True)',
    () => torch.stft(s, 32, { hopLength: 8, window: torch.hannWindow(32), center: false, returnComplex: true }),
  ],
  [
    "stft(s, 32, 8, 20, normalized=True, onesided=False, pad_mode='constant', return_complex=True)",
    () =>
      torch.stft(s, 32, {
        hopLength: 8,
        winLength: 20,
        normalized: true,
        onesided: false,
        padMode: 'constant',
        returnComplex: true,
      }),
  ],
  [
    'istft(stft(s, 32, window=hann_window(32), return_complex=True), 32, window=hann_window(32), length=200)',
    () => {
      const window = torch.hannWindow(32)
      return torch.istft(torch.stft(s, 32, { window, returnComplex: true }), 32, { window, length: 200 })
    },
  ],
  ['a.unflatten(1, (2, -1))', () => a.unflatten(1, [2, -1])],
  ['v.expand(2, -1)', () => v.expand(2, -1)],
  ['v.expand([3, 6])', () => v.expand([3, 6])],
  ['a.new_tensor([1.5, 2])', () => a.newTensor([1.5, 2])],
  ['k.new_tensor([1, 2])', () => k.newTensor([1, 2])],
  ['k.clone().apply_(lambda e: e * 3)', () => k.clone().apply_((e: number) => e * 3)],
  ['a.clone().map_(a[0], lambda e, o: e - o)', () => a.clone().map_(a.index(0), (e: number, o: number) => e - o)],
  ['lu(a @ a.T)', () => torch.lu(a.matmul(a.T))],
  ['lu(a @ a.T, get_infos=True)', () => a.matmul(a.T).lu({ getInfos: true })],
  ['svd_lowrank(m, 3)', () => torch.svdLowrank(m, 3)],
  [
    'svd_lowrank(m.T, q=2, niter=1, M=m.T.mean(0, keepdim=True))',
    () => torch.svdLowrank(m.T, { q: 2, niter: 1, M: m.T.mean(0, true) }),
  ],
  ['pca_lowrank(m)', () => torch.pcaLowrank(m)],
  ['pca_lowrank(m, q=2, center=False)', () => torch.pcaLowrank(m, { q: 2, center: false })],
  ['pca_lowrank(m, 9)', () => torch.pcaLowrank(m, 9)],
  ['polygamma(1, p)', () => torch.polygamma(1, p)],
  // the default of `reduction` in Python's parser
  ['kl_div(p.log(), p.flip(0))', () => torch.klDiv(p.log(), p.flip([0]))],
  ['kl_div(p.log(), p.flip(0), reduction=1)', () => torch.klDiv(p.log(), p.flip([0]), { reduction: 1 })],
  ['binary_cross_entropy_with_logits(a, p)', () => torch.binaryCrossEntropyWithLogits(a, p)],
  [
    'margin_ranking_loss(a[0], a[1], a[2].sign(), 0.1)',
    () => torch.marginRankingLoss(a.index(0), a.index(1), a.index(2).sign(), 0.1),
  ],
  ['triplet_margin_loss(a, p, a.flip(0))', () => torch.tripletMarginLoss(a, p, a.flip([0]))],
  // data for sparse tensors
  [
    'sparse_coo_tensor([[0, 1, 1], [2, 0, 0]], [3.5, 4.5, 5.5], (2, 3)).to_dense()',
    () =>
      torch
        .sparseCooTensor(
          [
            [0, 1, 1],
            [2, 0, 0],
          ],
          [3.5, 4.5, 5.5],
          [2, 3],
        )
        .toDense(),
  ],
  [
    'sparse_coo_tensor(tensor([[0, 1], [1, 1]]), v[:2], dtype=float64).to_dense()',
    () =>
      torch
        .sparseCooTensor(
          torch.tensor([
            [0n, 1n],
            [1n, 1n],
          ]),
          v.index(':2'),
          { dtype: 'float64' },
        )
        .toDense(),
  ],
  ['sparse_coo_tensor((2, 3)).to_dense()', () => torch.sparseCooTensor([2, 3]).toDense()],
  [
    'sparse_csr_tensor([0, 1, 3], [1, 0, 2], [1., 2., 3.]).to_dense()',
    () => torch.sparseCsrTensor([0, 1, 3], [1, 0, 2], [1, 2, 3]).toDense(),
  ],
  [
    'sparse_csc_tensor([0, 1, 2], [0, 1], [1., 2.], (2, 2)).to_dense()',
    () => torch.sparseCscTensor([0, 1, 2], [0, 1], [1, 2], [2, 2]).toDense(),
  ],
  [
    'sparse_bsr_tensor([0, 1], [0], [[[1., 2.]]], (1, 2)).to_dense()',
    () => torch.sparseBsrTensor([0, 1], [0], [[[1, 2]]], [1, 2]).toDense(),
  ],
  ['spmm(a, b)', () => torch.spmm(a, b)],
  // facts
  ['str(promote_types(int32, float16))[6:]', () => torch.promoteTypes('int32', 'float16')],
  ['str(result_type(k, 1.5))[6:]', () => torch.resultType(k, 1.5)],
  ['str(result_type(k, v))[6:]', () => torch.resultType(k, v)],
  ['can_cast(float32, int64)', () => torch.canCast('float32', 'int64')],
  ['is_complex(a)', () => torch.isComplex(a)],
]

function bytes(tensor: torch.Tensor): string {
  const flat = (tensor.isComplex() ? torch.viewAsReal(tensor) : tensor).detach().contiguous().flatten()
  const raw = tensor.numel() ? new Uint8Array(flat.view('uint8').typedArray().buffer) : new Uint8Array()
  return createHash('md5').update(raw).digest('hex')
}

function show(value: unknown): unknown {
  if (torch.isTensor(value)) return [value.dtype, value.shape, bytes(value)]
  return Array.isArray(value) ? value.map(show) : value
}

test(`${cases.length} functions written in Python give Python's bytes`, async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<unknown[]>(python, [JSON.stringify(cases.map(([text]) => text))])
  assert.equal(expected.filter((value) => value === 'error').length, 6, 'cases that Python refuses')
  for (const [i, [text, call]] of cases.entries()) {
    await t.test(text, () => {
      torch.manualSeed(5)
      if (expected[i] === 'error') assert.throws(call, torch.TorchError)
      else assert.deepEqual(show(call()), expected[i])
    })
  }
})

test('limits of dtypes are those of Python', (t) => {
  if (!requirePython(t)) return
  const floats =
    'float16 bfloat16 float32 float64 complex64 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu'.split(
      ' ',
    ) as torch.Dtype[]
  const integers = 'int8 uint8 int16 uint16 int32 uint32 int64 uint64'.split(' ') as torch.Dtype[]
  const expected = pythonJson<[unknown[][], string[][]]>(
    `
import json, sys, torch
f, i = json.loads(sys.argv[1])
names = 'bits eps max min tiny smallest_normal resolution dtype'.split()
print(json.dumps([[[getattr(torch.finfo(getattr(torch, d)), n) for n in names] for d in f],
                  [[str(getattr(torch.iinfo(getattr(torch, d)), n)) for n in ('bits', 'max', 'min', 'dtype')] for d in i]]))`,
    [JSON.stringify([floats, integers])],
  )
  for (const [i, dtype] of floats.entries()) {
    const { bits, eps, max, min, tiny, smallestNormal, resolution, dtype: real } = torch.finfo(dtype)
    assert.deepEqual([bits, eps, max, min, tiny, smallestNormal, resolution, real], expected[0][i], dtype)
  }
  for (const [i, dtype] of integers.entries()) {
    const { bits, max, min, dtype: name } = torch.iinfo(dtype)
    assert.deepEqual([bits, max, min, name].map(String), expected[1][i], dtype)
  }
  assert.equal(torch.finfo().dtype, 'float32')
  assert.throws(() => torch.finfo('int8'), torch.DtypeError)
  assert.throws(() => torch.iinfo('float32'), torch.DtypeError)
})
