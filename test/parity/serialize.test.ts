// Files written here, read by Python with weights_only=True; state dicts of whole models. Files of Python: serialize/kinds.test.ts.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

/** What a tensor holds, as a digest of its bytes in C order. */
function digestOf(t: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = t.contiguous().flatten().view('uint8').typedArray()
  return createHash('sha256')
    .update(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))
    .digest('hex')
}

test('what is made here, Python opens with weights_only=True', async (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'serialize-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'checkpoint.v1.pth')
  const weight = torch.arange(6).float().reshape([2, 3])
  const made = {
    epoch: 3,
    model_state_dict: { 'fc.weight': weight, 'fc.tied': weight.t(), 'fc.bias': torch.ones(2, { dtype: 'bfloat16' }) },
    optimizer: {
      state: new Map([[0, { step: torch.tensor(1), exp_avg: weight }]]),
      param_groups: [{ lr: torch.pyFloat(1), betas: torch.Tuple.of(0.9, 0.999), foreach: null, params: [0] }],
    },
    numbers: [1, 1.5, 2 ** 40, 2n ** 70n, -0, true],
    text: 'é😀',
    bytes: new Uint8Array([0, 255]),
    empty: new Uint8Array(0),
    set: new Set(['a']),
    parameter: new torch.nn.Parameter(weight),
  }
  await torch.save(made, path)
  const seen = pythonJson<Record<string, unknown>>(
    `
import json, sys, torch
c = torch.load(sys.argv[1], weights_only=True)
m = c['model_state_dict']
g = c['optimizer']['param_groups'][0]
print(json.dumps({
  'keys': list(c), 'weight': m['fc.weight'].tolist(), 'tied': m['fc.tied'].data_ptr() == m['fc.weight'].data_ptr(),
  'stride': list(m['fc.tied'].stride()), 'bias': str(m['fc.bias'].dtype), 'state': list(c['optimizer']['state']),
  'shared': c['optimizer']['state'][0]['exp_avg'] is m['fc.weight'], 'lr': repr(g['lr']), 'betas': repr(g['betas']), 'foreach': g['foreach'],
  'numbers': repr(c['numbers']), 'text': c['text'], 'bytes': c['bytes'].hex(), 'empty': repr(c['empty']), 'set': repr(c['set']),
  'parameter': [type(c['parameter']).__name__, c['parameter'].requires_grad]}))
`,
    [path],
  )
  assert.deepEqual(seen, {
    keys: Object.keys(made),
    weight: [
      [0, 1, 2],
      [3, 4, 5],
    ],
    tied: true,
    stride: [1, 3],
    bias: 'torch.bfloat16',
    state: [0],
    shared: true,
    lr: '1.0',
    betas: '(0.9, 0.999)',
    foreach: null,
    numbers: '[1, 1.5, 1099511627776, 1180591620717411303424, -0.0, True]',
    text: 'é😀',
    bytes: '00ff',
    empty: "b''",
    set: "{'a'}",
    parameter: ['Parameter', true],
  })
})

test('tensors of every kind made here are in Python what they are here', (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'serialize-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'kinds.pt')
  const x = torch.arange(12).float().reshape([3, 4])
  const quantized = torch.quantizePerTensor(x, 0.5, 3, 'quint8')
  const scales = torch.tensor([0.5, 1, 2], { dtype: 'float64' })
  const zeroPoints = torch.tensor([0, 1, 2], { dtype: 'int64' })
  const z = torch.complex(x, x)
  torch.saveSync(
    {
      quantized,
      view: quantized.t(),
      channels: torch.quantizePerChannel(x, scales, zeroPoints, 0, 'qint8'),
      coo: x.toSparse(),
      csr: x.toSparseCsr(),
      conj: z.conj(),
      neg: torch.complex(x, x).conj().imag,
      meta: x.to({ device: 'meta' }),
      float8: x.to('float8_e4m3fn'),
      after: x.index('3:'),
      expanded: torch.ones([1, 2]).expand([3, 2]),
    },
    path,
  )
  const seen = pythonJson<Record<string, unknown>>(
    `
import json, sys, torch
c = torch.load(sys.argv[1], weights_only=True)
x = torch.arange(12.0).reshape(3, 4)
q = torch.quantize_per_tensor(x, 0.5, 3, torch.quint8)
z = torch.complex(x, x)
channels = torch.quantize_per_channel(x, torch.tensor([0.5, 1, 2], dtype=torch.float64), torch.tensor([0, 1, 2]), 0, torch.qint8)
print(json.dumps({
  'quantized': torch.equal(c['quantized'], q), 'view': c['view'].data_ptr() == c['quantized'].data_ptr() and torch.equal(c['view'], q.t()),
  'channels': torch.equal(c['channels'], channels), 'coo': torch.equal(c['coo'].to_dense(), x) and c['coo'].is_coalesced(),
  'csr': torch.equal(c['csr'].to_dense(), x), 'conj': c['conj'].is_conj() and torch.equal(c['conj'], z.conj()),
  'neg': c['neg'].is_neg() and torch.equal(c['neg'], -x), 'meta': c['meta'].is_meta and c['meta'].shape == x.shape,
  'float8': torch.equal(c['float8'].float(), x.to(torch.float8_e4m3fn).float()), 'after': list(c['after'].shape) == [0, 4],
  'expanded': list(c['expanded'].stride()) == [0, 1]}))
`,
    [path],
  )
  assert.deepEqual(
    Object.entries(seen).filter(([, same]) => same !== true),
    [],
  )
  assert.equal(Object.keys(seen).length, 11)
})

test('a state dict of a module is an OrderedDict with _metadata for Python, in its key order', (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'serialize-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'model.pt')
  const model = new torch.nn.Sequential(new torch.nn.Linear(2, 3), new torch.nn.BatchNorm2d(3))
  torch.saveSync(model.stateDict(), path)
  const seen = pythonJson<Record<string, unknown>>(
    `
import json, sys, torch
s = torch.load(sys.argv[1], weights_only=True)
m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm2d(3))
print(json.dumps({'type': type(s).__name__, 'keys': list(s) == list(m.state_dict()), 'metadata': s._metadata == m.state_dict()._metadata, 'load': str(m.load_state_dict(s))}))
`,
    [path],
  )
  assert.deepEqual(seen, { type: 'OrderedDict', keys: true, metadata: true, load: '<All keys matched successfully>' })
})

test('toStateDict of a pickled model, of DataParallel around it and of its bound method equals state_dict()', (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'serialize-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const expected = pythonJson<Record<string, unknown>[]>(
    `
import json, sys, torch, hashlib
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.LSTM(2, 3))
        self.attention = nn.MultiheadAttention(4, 2)
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(3))
        self.own = nn.Parameter(torch.randn(2))
        self.tied = self.own
        self.register_buffer('kept', torch.arange(3))
        self.register_buffer('dropped', torch.arange(3), persistent=False)
torch.manual_seed(0)
net = Net()
made = [net, nn.DataParallel(net), net.state_dict, {'epoch': 1, 'model': net}, {'model': nn.DataParallel(net).state_dict()}]
result = []
for i, o in enumerate(made):
    torch.save(o, f'{sys.argv[1]}/{i}.pt')
    s = o() if callable(o) and not isinstance(o, nn.Module) else o['model'] if isinstance(o, dict) else o
    s = s.state_dict() if isinstance(s, nn.Module) else s
    result.append({'keys': list(s), 'metadata': s._metadata, 'digests': [hashlib.sha256(v.contiguous().numpy().tobytes()).hexdigest() for v in s.values()]})
print(json.dumps(result))
`,
    [folder],
  )
  for (const [i, { keys, metadata, digests }] of expected.entries()) {
    const found = torch.toStateDict(torch.loadSync(join(folder, `${i}.pt`)))
    assert.deepEqual(Object.keys(found), keys)
    assert.deepEqual(JSON.parse(JSON.stringify((found as any)._metadata)), metadata)
    assert.deepEqual(Object.values(found).map(digestOf), digests)
    assert.ok(Object.values(found).every((tensor) => !tensor.requiresGrad))
  }
})
