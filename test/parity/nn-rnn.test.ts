/** Recurrent layers and packed sequences, against live Python. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'
import { type Case, testLayers } from './layers.js'

const { nn } = torch
const { rnn } = nn.utils

const x = [5, 3, 4]
const layers: Case[] = ['RNN', 'GRU', 'LSTM'].flatMap((name): Case[] => [
  [name, [4, 6], {}, x],
  [name, [4, 6, 2], {}, x],
  [name, [4, 6], { bias: false }, x],
  [name, [4, 6], { batch_first: true }, x],
  [name, [4, 6], { num_layers: 2, bidirectional: true }, x],
  [name, [4, 6], { num_layers: 3, dropout: 0.5 }, x],
  [name, [4, 6], { num_layers: 2, dropout: { float: 1 }, bidirectional: true, batch_first: true, bias: false }, x],
  [name, [4, 6], { num_layers: 2, dropout: 1e-5, dtype: 'float64', device: 'cpu' }, x],
  [name, [], { input_size: 4, hidden_size: 1 }, x],
  [name, [4, 6, 2], { bidirectional: true }, [5, 4]],
  [name, [4, 6], { batch_first: true }, [5, 4]],
  [name, [4, 6], { dtype: 'bfloat16' }, x],
  [name, [40, 70], { num_layers: 2 }, [9, 8, 40]],
  [name, [1, 1], {}, [1, 1, 1]],
  [name, [4, 6], {}, [5, 0, 4]],
])
const one: Case[] = ['RNN', 'GRU'].flatMap((name): Case[] => [
  [name, [4, 6, 2], { bidirectional: true }, x, [4, 3, 6]],
  [name, [4, 6], {}, [5, 4], [1, 6]],
  [name, [4, 6], { batch_first: true }, x, [1, 5, 6]],
  [name, [4, 6], { dtype: 'float64' }, x, [1, 3, 6]],
])
const cases: Case[] = [
  ...layers,
  ...one,
  ['RNN', [4, 6, 2, 'relu'], {}, x],
  ['RNN', [4, 6, 2, 'relu', false, true, 0.3, true], {}, x],
  ['RNN', [4, 6], { nonlinearity: 'relu', bidirectional: true }, x, [2, 3, 6]],
  ['GRU', [4, 6, 2, false, true, 0.3, true], {}, x],
  ['LSTM', [4, 6, 2, false, true, 0.3, true], {}, x],
  ['LSTM', [4, 6, 2, false, true, 0.3, true, 3], {}, x],
  ['LSTM', [4, 6], { proj_size: 2 }, x],
  ['LSTM', [4, 6], { proj_size: 5, num_layers: 2, bidirectional: true, dropout: 0.2 }, x],
  ['LSTM', [4, 6], { proj_size: 2, bias: false, batch_first: true, dtype: 'float64' }, x],
  ['LSTM', [4, 6], { proj_size: 2 }, [5, 4]],
  [
    'LSTM',
    [4, 6],
    {},
    x,
    {
      tuple: [
        [1, 3, 6],
        [1, 3, 6],
      ],
    },
  ],
  [
    'LSTM',
    [4, 6, 2],
    { bidirectional: true },
    [5, 4],
    {
      tuple: [
        [4, 6],
        [4, 6],
      ],
    },
  ],
  [
    'LSTM',
    [4, 6],
    { proj_size: 3, batch_first: true },
    x,
    {
      tuple: [
        [1, 5, 3],
        [1, 5, 6],
      ],
    },
  ],
  ['RNNCell', [4, 6], {}, [3, 4]],
  ['RNNCell', [4, 6], {}, [4]],
  ['RNNCell', [4, 6, false], {}, [3, 4], [3, 6]],
  ['RNNCell', [4, 6, true, 'relu'], {}, [3, 4], [3, 6]],
  ['RNNCell', [4, 6], { nonlinearity: 'relu', bias: false }, [4], [6]],
  ['RNNCell', [4, 6], { dtype: 'float64', device: 'cpu' }, [3, 4]],
  ...['LSTMCell', 'GRUCell'].flatMap((name): Case[] => [
    [name, [4, 6], {}, [3, 4]],
    [name, [4, 6], {}, [4]],
    [name, [4, 6, false], {}, [3, 4]],
    [name, [4, 6], { bias: false }, [4]],
    [name, [], { input_size: 4, hidden_size: 1, dtype: 'float64', device: 'cpu' }, [3, 4]],
    [name, [30, 60], {}, [7, 30]],
  ]),
  [
    'LSTMCell',
    [4, 6],
    {},
    [3, 4],
    {
      tuple: [
        [3, 6],
        [3, 6],
      ],
    },
  ],
  ['LSTMCell', [4, 6], {}, [4], { tuple: [[6], [6]] }],
  ['GRUCell', [4, 6], {}, [3, 4], [3, 6]],
  ['GRUCell', [4, 6], {}, [4], [6]],
]

testLayers('recurrent layers have the parameters, outputs, gradients, keys and text of Python', cases)

function digest(t: torch.Tensor | null): string | null {
  if (t === null) return null
  const { buffer, byteOffset, byteLength } = t.detach().contiguous().typedArray()
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  return `(${t.shape.join(', ')}) ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}
const pythonDigest = `
import hashlib, json, torch, warnings
from torch import nn
from torch.nn.utils import rnn
warnings.simplefilter('ignore')
torch.set_num_threads(1)
def digest(t):
    if t is None: return None
    t = t.detach().contiguous()
    return str(tuple(t.shape)).replace(',)', ')') + ' ' + hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16]
`

test('recurrent layers take and give packed sequences as Python does', (t) => {
  if (!requirePython(t)) return
  torch.setNumThreads(1)
  torch.manualSeed(5)
  const found: unknown[] = []
  for (const name of ['RNN', 'GRU', 'LSTM'] as const) {
    for (const sorted of [true, false]) {
      for (const given of [true, false]) {
        const layer = new (nn[name] as typeof nn.LSTM)(4, 6, { numLayers: 2, bidirectional: true, dropout: 0.25 })
        const input = torch.randn(5, 3, 4).requiresGrad_()
        const lengths = sorted ? [5, 4, 2] : [2, 5, 4]
        const packed = rnn.packPaddedSequence(input, lengths, { enforceSorted: sorted })
        const state = torch.randn(4, 3, 6)
        const hx = !given ? null : name === 'LSTM' ? [state, state.mul(2)] : state
        const [output, last] = layer.forward(packed, hx as [torch.Tensor, torch.Tensor])
        output.data.mul(torch.randn(output.data.shape)).sum().backward()
        found.push([...output].map(digest), [last].flat().map(digest), digest(input.grad))
        found.push(layer.parameters().map((p) => digest(p.grad)))
      }
    }
  }
  assert.deepEqual(
    found,
    pythonJson(`${pythonDigest}
torch.manual_seed(5)
found = []
for name in ['RNN', 'GRU', 'LSTM']:
    for sorted in [True, False]:
        for given in [True, False]:
            layer = getattr(nn, name)(4, 6, num_layers=2, bidirectional=True, dropout=0.25)
            x = torch.randn(5, 3, 4).requires_grad_()
            packed = rnn.pack_padded_sequence(x, [5, 4, 2] if sorted else [2, 5, 4], enforce_sorted=sorted)
            state = torch.randn(4, 3, 6)
            hx = None if not given else (state, state * 2) if name == 'LSTM' else state
            output, last = layer(packed, hx)
            (output.data * torch.randn(output.data.shape)).sum().backward()
            found += [[digest(t) for t in output], [digest(t) for t in (last if name == 'LSTM' else [last])], digest(x.grad)]
            found.append([digest(p.grad) for p in layer.parameters()])
print(json.dumps(found))`),
  )
})

test('packing, padding and their inverses give the bytes of Python', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(6)
  const found: unknown[] = []
  const parts = [4, 2, 3].map((length) => torch.randn(length, 2))
  for (const batchFirst of [false, true]) {
    for (const paddingSide of ['right', 'left'] as const)
      found.push(digest(rnn.padSequence(parts, { batchFirst, paddingValue: -1.5, paddingSide })))
    const padded = rnn.padSequence(parts, batchFirst)
    const packed = rnn.packPaddedSequence(padded, torch.tensor([4, 2, 3], { dtype: 'int64' }), {
      batchFirst,
      enforceSorted: false,
    })
    found.push([...packed].map(digest))
    for (const totalLength of [null, 6])
      found.push(rnn.padPackedSequence(packed, { batchFirst, paddingValue: 2, totalLength }).map(digest))
    found.push([...packed.double()].map(digest), packed.float() === packed)
    const lengths = torch.tensor([4, 2, 3], { dtype: 'int64' })
    found.push(rnn.unpadSequence(padded, lengths, { batchFirst }).map(digest), padded.shape)
  }
  const packed = rnn.packSequence(parts, { enforceSorted: false })
  found.push([...packed].map(digest), rnn.unpackSequence(packed).map(digest))
  found.push([...rnn.packSequence([parts[0]!, parts[2]!, parts[1]!])].map(digest))
  found.push(digest(rnn.invertPermutation(torch.tensor([2, 0, 3, 1], { dtype: 'int64' }))), rnn.invertPermutation(null))
  found.push(String(packed))
  assert.deepEqual(
    found,
    pythonJson(`${pythonDigest}
torch.manual_seed(6)
found = []
parts = [torch.randn(n, 2) for n in [4, 2, 3]]
for bf in [False, True]:
    for side in ['right', 'left']:
        found.append(digest(rnn.pad_sequence(parts, batch_first=bf, padding_value=-1.5, padding_side=side)))
    padded = rnn.pad_sequence(parts, bf)
    packed = rnn.pack_padded_sequence(padded, torch.tensor([4, 2, 3]), batch_first=bf, enforce_sorted=False)
    found.append([digest(t) for t in packed])
    for total in [None, 6]:
        found.append([digest(t) for t in rnn.pad_packed_sequence(packed, batch_first=bf, padding_value=2, total_length=total)])
    found += [[digest(t) for t in packed.double()], packed.float() is packed]
    found += [[digest(t) for t in rnn.unpad_sequence(padded, torch.tensor([4, 2, 3]), batch_first=bf)], list(padded.shape)]
packed = rnn.pack_sequence(parts, enforce_sorted=False)
found += [[digest(t) for t in packed], [digest(t) for t in rnn.unpack_sequence(packed)]]
found.append([digest(t) for t in rnn.pack_sequence([parts[0], parts[2], parts[1]])])
found += [digest(rnn.invert_permutation(torch.tensor([2, 0, 3, 1]))), rnn.invert_permutation(None)]
found.append(repr(packed))
print(json.dumps(found))`),
  )
})

const message = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, String(error))
    return error.message
  }
  return 'no error'
}

test('errors of recurrent layers have the text of Python', (t) => {
  if (!requirePython(t)) return
  const zeros = (...shape: number[]): torch.Tensor => torch.zeros(shape)
  const lstm = new nn.LSTM(4, 6)
  const gru = new nn.GRU(4, 6)
  const plain = new nn.RNN(4, 6)
  const any = (value: unknown): any => value
  const packed = rnn.packSequence([zeros(2, 5)])
  const found = [
    () => new nn.LSTM(4, 6, any({ bias: 1 })),
    () => new nn.LSTM(4, 6, any({ batchFirst: 'yes' })),
    () => new nn.LSTM(any(4.5), 6),
    () => new nn.LSTM(0, 6),
    () => new nn.LSTM(4, -1),
    () => new nn.GRU(4, any('6')),
    () => new nn.GRU(4, 6, 0),
    () => new nn.GRU(4, 6, { dropout: 1.5 }),
    () => new nn.GRU(4, 6, any({ dropout: true })),
    () => new nn.GRU(4, 6, any({ projSize: 2 })),
    () => new nn.LSTM(4, 6, { projSize: -1 }),
    () => new nn.LSTM(4, 6, { projSize: 6 }),
    () => new nn.RNN(4, 6, any({ nonlinearity: 'gelu' })),
    () => new nn.RNNBase(any('FOO'), 4, 6),
    () => lstm.forward(zeros(4)),
    () => plain.forward(zeros(1, 2, 3, 4)),
    () => gru.forward(zeros(1, 2, 3, 4)),
    () => lstm.forward(zeros(5, 3, 7)),
    () => lstm.forward(zeros(5, 3, 4).double()),
    () => lstm.forward(zeros(5, 3, 4), [zeros(1, 6), zeros(1, 6)]),
    () => lstm.forward(zeros(5, 4), [zeros(1, 1, 6), zeros(1, 6)]),
    () => lstm.forward(zeros(5, 3, 4), [zeros(1, 2, 6), zeros(1, 3, 6)]),
    () => lstm.forward(zeros(5, 3, 4), [zeros(1, 3, 6), zeros(1, 3, 5)]),
    () => gru.forward(zeros(5, 3, 4), zeros(1, 6)),
    () => gru.forward(zeros(5, 4), zeros(1, 1, 6)),
    () => gru.forward(zeros(5, 3, 4), zeros(2, 3, 6)),
    () => gru.forward(packed),
    () => plain.forward(zeros(5, 3, 4), zeros(1, 3, 7)),
    () => new nn.RNNCell(4, 6).forward(zeros(1, 2, 4)),
    () => new nn.RNNCell(4, 6).forward(zeros(2, 4), zeros(1, 2, 6)),
    () => new nn.RNNCell(4, 6, any({ nonlinearity: 'gelu' })).forward(zeros(2, 4)),
    () => new nn.LSTMCell(4, 6).forward(zeros(1, 2, 4)),
    () => new nn.LSTMCell(4, 6).forward(zeros(2, 4), [zeros(2, 6), zeros(1, 2, 6)]),
    () => new nn.GRUCell(4, 6).forward(zeros(2, 5)),
    () => new nn.GRUCell(4, 6).forward(zeros(2, 4), zeros(2, 7)),
    () => new nn.GRUCell(4, 6).forward(zeros(2, 4), zeros(3, 6)),
    () => rnn.padPackedSequence(rnn.packSequence([zeros(3, 2)]), { totalLength: 2 }),
    () => rnn.packPaddedSequence(zeros(3, 2), [1, 3]),
    () => rnn.packPaddedSequence(zeros(3, 2), [3, 0]),
    () => rnn.unpadSequence(zeros(2, 3), torch.tensor([1]), true),
  ].map(message)
  const expected = pythonJson<string[]>(`${pythonDigest}
def zeros(*shape): return torch.zeros(shape)
lstm, gru, plain = nn.LSTM(4, 6), nn.GRU(4, 6), nn.RNN(4, 6)
packed = rnn.pack_sequence([zeros(2, 5)])
runs = [
    lambda: nn.LSTM(4, 6, bias=1),
    lambda: nn.LSTM(4, 6, batch_first='yes'),
    lambda: nn.LSTM(4.5, 6),
    lambda: nn.LSTM(0, 6),
    lambda: nn.LSTM(4, -1),
    lambda: nn.GRU(4, '6'),
    lambda: nn.GRU(4, 6, 0),
    lambda: nn.GRU(4, 6, dropout=1.5),
    lambda: nn.GRU(4, 6, dropout=True),
    lambda: nn.GRU(4, 6, proj_size=2),
    lambda: nn.LSTM(4, 6, proj_size=-1),
    lambda: nn.LSTM(4, 6, proj_size=6),
    lambda: nn.RNN(4, 6, nonlinearity='gelu'),
    lambda: nn.RNNBase('FOO', 4, 6),
    lambda: lstm(zeros(4)),
    lambda: plain(zeros(1, 2, 3, 4)),
    lambda: gru(zeros(1, 2, 3, 4)),
    lambda: lstm(zeros(5, 3, 7)),
    lambda: lstm(zeros(5, 3, 4).double()),
    lambda: lstm(zeros(5, 3, 4), (zeros(1, 6), zeros(1, 6))),
    lambda: lstm(zeros(5, 4), (zeros(1, 1, 6), zeros(1, 6))),
    lambda: lstm(zeros(5, 3, 4), (zeros(1, 2, 6), zeros(1, 3, 6))),
    lambda: lstm(zeros(5, 3, 4), (zeros(1, 3, 6), zeros(1, 3, 5))),
    lambda: gru(zeros(5, 3, 4), zeros(1, 6)),
    lambda: gru(zeros(5, 4), zeros(1, 1, 6)),
    lambda: gru(zeros(5, 3, 4), zeros(2, 3, 6)),
    lambda: gru(packed),
    lambda: plain(zeros(5, 3, 4), zeros(1, 3, 7)),
    lambda: nn.RNNCell(4, 6)(zeros(1, 2, 4)),
    lambda: nn.RNNCell(4, 6)(zeros(2, 4), zeros(1, 2, 6)),
    lambda: nn.RNNCell(4, 6, nonlinearity='gelu')(zeros(2, 4)),
    lambda: nn.LSTMCell(4, 6)(zeros(1, 2, 4)),
    lambda: nn.LSTMCell(4, 6)(zeros(2, 4), (zeros(2, 6), zeros(1, 2, 6))),
    lambda: nn.GRUCell(4, 6)(zeros(2, 5)),
    lambda: nn.GRUCell(4, 6)(zeros(2, 4), zeros(2, 7)),
    lambda: nn.GRUCell(4, 6)(zeros(2, 4), zeros(3, 6)),
    lambda: rnn.pad_packed_sequence(rnn.pack_sequence([zeros(3, 2)]), total_length=2),
    lambda: rnn.pack_padded_sequence(zeros(3, 2), [1, 3]),
    lambda: rnn.pack_padded_sequence(zeros(3, 2), [3, 0]),
    lambda: rnn.unpad_sequence(zeros(2, 3), torch.tensor([1]), True),
]
found = []
for run in runs:
    try: run(); found.append('no error')
    except Exception as e: found.append(str(e).split('\\nException raised')[0])
print(json.dumps(found))`)
  assert.deepEqual(found, expected)
})

test('a parameter that is set takes effect, and options on the live layer do', () => {
  torch.manualSeed(1)
  const lstm = new nn.LSTM(3, 2, { numLayers: 2 })
  const input = torch.randn(4, 1, 3)
  const [before] = lstm.forward(input)
  lstm.weight_ih_l0 = new nn.Parameter(torch.zeros(8, 3))
  lstm.weight_hh_l0 = new nn.Parameter(torch.zeros(8, 2))
  const [after] = lstm.forward(input)
  assert.ok(!torch.equal(before, after))
  assert.equal(lstm.parameters().length, 8)
  assert.equal(lstm.allWeights[0]![0], lstm.weight_ih_l0)
  after.sum().backward()
  assert.ok(lstm.weight_ih_l0.grad !== null)
  lstm.batchFirst = true
  assert.deepEqual(lstm.forward(input)[1][0].shape, [2, 4, 2])
  const double = lstm.double()
  assert.equal(double.forward(input.double())[0].dtype, 'float64')
})
