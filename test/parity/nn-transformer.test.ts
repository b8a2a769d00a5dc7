/** Attention and transformers against live Python. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'
import { type AttentionCase, testAttention } from './attention.js'

const { nn } = torch

const self = [[5, 3, 8], 0, 0]
const across = [[4, 3, 8], [6, 3, 8], 1]
const first = [[3, 5, 8], 0, 0]
const attention = (
  options: AttentionCase[1],
  inputs: AttentionCase[2],
  forward: AttentionCase[3] = {},
): AttentionCase => ['MultiheadAttention', { embed_dim: 8, num_heads: 2, ...options }, inputs, forward]
const apart = { kdim: 5, vdim: 7 }
const apartInputs = [
  [4, 3, 8],
  [6, 3, 5],
  [6, 3, 7],
]

testAttention('MultiheadAttention has the parameters, outputs, gradients and text of Python', [
  attention({}, self),
  attention({}, self, { need_weights: false }),
  attention({}, self, { average_attn_weights: false }),
  attention({}, across),
  attention(
    {},
    [
      [4, 3, 8],
      [6, 3, 8],
      [6, 3, 8],
    ],
    { need_weights: false },
  ),
  attention({}, [[5, 8], 0, 0]),
  attention({}, [[4, 8], [6, 8], 1], { need_weights: false, attn_mask: 'float:2:4:6' }),
  attention({}, [[4, 8], [6, 8], 1], { key_padding_mask: 'bool:6' }),
  attention({ bias: false }, self),
  attention({ bias: false, batch_first: true }, first, { need_weights: false }),
  attention({ dropout: 0.3 }, self),
  attention({ dropout: 0.3 }, self, { need_weights: false }),
  attention({ add_bias_kv: true }, across, { attn_mask: 'bool:4:6', key_padding_mask: 'padded:3:6' }),
  attention({ add_zero_attn: true }, across, { attn_mask: 'float:4:6', need_weights: false }),
  attention({ add_zero_attn: true, add_bias_kv: true, bias: false }, across, { key_padding_mask: 'padded:3:6' }),
  attention(apart, apartInputs),
  attention({ ...apart, bias: false, add_bias_kv: true }, apartInputs, { need_weights: false }),
  attention({ kdim: 5 }, [
    [4, 3, 8],
    [6, 3, 5],
    [6, 3, 8],
  ]),
  attention({ batch_first: true }, first),
  attention({ batch_first: true }, first, { need_weights: false }),
  attention({ batch_first: true }, first, { average_attn_weights: false }),
  attention({ batch_first: true }, [[3, 4, 8], [3, 6, 8], 1]),
  attention({ batch_first: true }, [
    [3, 4, 8],
    [3, 6, 8],
    [3, 6, 8],
  ]),
  attention({ batch_first: true }, [[5, 8], 0, 0]),
  attention({ batch_first: true }, first, { key_padding_mask: 'padded:3:5' }),
  attention({ batch_first: true }, first, { attn_mask: 'later:5', need_weights: false }),
  attention({ batch_first: true }, first, { attn_mask: 'causal:5', need_weights: false, is_causal: true }),
  attention({ batch_first: true }, first, { attn_mask: 'later:5', is_causal: true }),
  attention({ batch_first: true }, first, {
    attn_mask: 'later:5',
    key_padding_mask: 'padded:3:5',
    need_weights: false,
  }),
  attention({ batch_first: true }, first, { attn_mask: 'bool:6:5:5', need_weights: false }),
  attention({ batch_first: true, num_heads: 1 }, first),
  attention({ batch_first: true, embed_dim: 9, num_heads: 3 }, [[3, 5, 9], 0, 0]),
  attention({ num_heads: 4, dtype: 'float64', device: 'cpu' }, self),
  attention({ embed_dim: 64, num_heads: 8, batch_first: true }, [[4, 33, 64], 0, 0], { need_weights: false }),
])

const layer = { d_model: 8, nhead: 2, dim_feedforward: 12 }
const encoderLayer = (
  options: AttentionCase[1],
  inputs: AttentionCase[2],
  forward: AttentionCase[3] = {},
): AttentionCase => ['TransformerEncoderLayer', { ...layer, ...options }, inputs, forward]
const seq = [[5, 3, 8]]
const batch = [[3, 5, 8]]

testAttention('TransformerEncoderLayer has the parameters, outputs, gradients and text of Python', [
  encoderLayer({}, seq),
  encoderLayer({}, [[5, 8]]),
  encoderLayer({ batch_first: true }, batch),
  encoderLayer({ batch_first: true, dropout: 0 }, batch),
  encoderLayer({ batch_first: true }, [[5, 8]]),
  encoderLayer({ batch_first: true, norm_first: true }, batch),
  encoderLayer({ norm_first: true, dropout: 0.5 }, seq),
  encoderLayer({ batch_first: true, bias: false }, batch),
  encoderLayer({ batch_first: true, activation: 'gelu' }, batch),
  encoderLayer({ batch_first: true, activation: 'F:gelu', norm_first: true }, batch),
  encoderLayer({ batch_first: true, activation: 'F:relu' }, batch),
  encoderLayer({ batch_first: true, activation: 'nn:GELU' }, batch),
  encoderLayer({ batch_first: true, activation: 'nn:ReLU' }, batch),
  encoderLayer({ batch_first: true, activation: 'nn:Tanh' }, batch),
  encoderLayer({ batch_first: true, activation: 'torch:tanh' }, batch),
  encoderLayer({ batch_first: true, layer_norm_eps: 0.1 }, batch),
  encoderLayer({ batch_first: true, nhead: 1 }, batch),
  encoderLayer({ batch_first: true, dtype: 'float64', device: 'cpu' }, batch),
  encoderLayer({}, seq, { src_mask: 'causal:5', is_causal: true }),
  encoderLayer({}, seq, { src_mask: 'bool:6:5:5' }),
  encoderLayer({ batch_first: true }, batch, { src_mask: 'later:5' }),
  encoderLayer({ batch_first: true }, batch, { src_key_padding_mask: 'padded:3:5' }),
  encoderLayer({ batch_first: true }, batch, { src_key_padding_mask: 'padded:3:5', src_mask: 'causal:5' }),
  encoderLayer({ batch_first: true }, batch, { src_mask: 'float:6:5:5' }),
  encoderLayer({ batch_first: true, d_model: 32, nhead: 4, dim_feedforward: 64 }, [[4, 17, 32]]),
])

const decoderLayer = (
  options: AttentionCase[1],
  inputs: AttentionCase[2],
  forward: AttentionCase[3] = {},
): AttentionCase => ['TransformerDecoderLayer', { ...layer, ...options }, inputs, forward]
const pair = [
  [4, 3, 8],
  [6, 3, 8],
]
const pairFirst = [
  [3, 4, 8],
  [3, 6, 8],
]

testAttention('TransformerDecoderLayer has the parameters, outputs, gradients and text of Python', [
  decoderLayer({}, pair),
  decoderLayer({}, [
    [4, 8],
    [6, 8],
  ]),
  decoderLayer({ batch_first: true }, pairFirst),
  decoderLayer({ batch_first: true, norm_first: true, dropout: 0.4 }, pairFirst),
  decoderLayer({ bias: false, activation: 'gelu' }, pair),
  decoderLayer({ activation: 'nn:Tanh', layer_norm_eps: 0.01 }, pair),
  decoderLayer({ activation: 'torch:tanh', dtype: 'float64', device: 'cpu' }, pair),
  decoderLayer({ batch_first: true }, pairFirst, { tgt_mask: 'causal:4', tgt_is_causal: true }),
  decoderLayer({}, pair, { tgt_mask: 'later:4', memory_mask: 'bool:4:6' }),
  decoderLayer({}, pair, { tgt_mask: 'float:6:4:4', memory_mask: 'float:4:6' }),
  decoderLayer({}, pair, { tgt_key_padding_mask: 'padded:3:4', memory_key_padding_mask: 'padded:3:6' }),
  decoderLayer(
    {},
    [
      [4, 3, 8],
      [4, 3, 8],
    ],
    { memory_mask: 'causal:4', memory_is_causal: true },
  ),
])

const stack = (
  name: string,
  options: AttentionCase[1],
  inputs: AttentionCase[2],
  forward: AttentionCase[3] = {},
): AttentionCase => [`Transformer${name}`, { ...layer, num_layers: 2, ...options }, inputs, forward]

testAttention('stacks of transformer layers are those of Python', [
  stack('Encoder', {}, seq),
  stack('Encoder', { norm: true }, seq),
  stack('Encoder', { batch_first: true, num_layers: 3 }, batch),
  stack('Encoder', { batch_first: true, norm_first: true, norm: true }, batch),
  stack('Encoder', { batch_first: true }, [[5, 8]]),
  stack('Encoder', { batch_first: true, activation: 'nn:ReLU' }, batch, { src_key_padding_mask: 'padded:3:5' }),
  stack('Encoder', { batch_first: true, norm: true }, batch, { src_key_padding_mask: 'padded:3:5' }),
  stack('Encoder', { batch_first: true }, batch, { src_key_padding_mask: 'bool:3:5' }),
  stack('Encoder', { batch_first: true, mask_check: false }, batch, { src_key_padding_mask: 'padded:3:5' }),
  stack('Encoder', { batch_first: true, enable_nested_tensor: false }, batch, { src_key_padding_mask: 'padded:3:5' }),
  stack('Encoder', { batch_first: true }, batch, { src_key_padding_mask: 'padded:3:5', mask: 'later:5' }),
  stack('Encoder', {}, seq, { mask: 'causal:5' }),
  stack('Encoder', { batch_first: true }, batch, { mask: 'causal:5' }),
  stack('Encoder', { batch_first: true }, batch, { mask: 'causal:5', is_causal: false }),
  stack('Encoder', { batch_first: true }, batch, { mask: 'later:5', is_causal: true }),
  stack('Encoder', {}, seq, { mask: 'float:6:5:5' }),
  stack('Encoder', { dtype: 'float64', nhead: 1, bias: false }, seq),
  stack('Decoder', {}, pair),
  stack('Decoder', { norm: true, num_layers: 1 }, pair),
  stack('Decoder', { batch_first: true, norm_first: true, norm: true }, pairFirst, { tgt_mask: 'causal:4' }),
  stack('Decoder', {}, pair, { tgt_mask: 'later:4', memory_mask: 'float:4:6' }),
  stack('Decoder', {}, pair, { tgt_mask: 'causal:4', tgt_is_causal: false, memory_key_padding_mask: 'padded:3:6' }),
  stack('Decoder', {}, pair, { tgt_key_padding_mask: 'padded:3:4', tgt_mask: 'bool:4:4' }),
  stack(
    'Decoder',
    {},
    [
      [4, 8],
      [4, 8],
    ],
    { memory_mask: 'causal:4', memory_is_causal: true },
  ),
])

const whole = (options: AttentionCase[1], inputs: AttentionCase[2], forward: AttentionCase[3] = {}): AttentionCase => [
  'Transformer',
  { ...layer, num_encoder_layers: 2, num_decoder_layers: 3, ...options },
  inputs,
  forward,
]

testAttention('Transformer is that of Python', [
  whole({}, pair),
  whole({ batch_first: true, norm_first: true }, pairFirst),
  whole({ num_encoder_layers: 1, num_decoder_layers: 1, bias: false, activation: 'gelu' }, [
    [4, 8],
    [6, 8],
  ]),
  whole({ dropout: 0.3, layer_norm_eps: 0.01, dtype: 'float64', device: 'cpu' }, pair),
  whole({ batch_first: true }, pairFirst, {
    src_key_padding_mask: 'padded:3:4',
    memory_key_padding_mask: 'padded:3:4',
  }),
  whole({}, pair, { src_mask: 'causal:4', tgt_mask: 'causal:6', memory_mask: 'float:6:4' }),
  whole({}, pair, { src_mask: 'bool:4:4', src_is_causal: false, tgt_mask: 'later:6', tgt_is_causal: true }),
  whole(
    {},
    [
      [4, 3, 8],
      [4, 3, 8],
    ],
    { tgt_key_padding_mask: 'padded:3:4', memory_mask: 'causal:4', memory_is_causal: true },
  ),
  [
    'Transformer',
    { d_model: 16, dim_feedforward: 20, num_encoder_layers: 1, num_decoder_layers: 1 },
    [[3, 2, 16], 0],
    {},
  ],
])

const message = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, String(error))
    return error.message
  }
  return 'no error'
}

test('errors of attention and transformers have the text of Python', (t) => {
  if (!requirePython(t)) return
  const zeros = (...shape: number[]): torch.Tensor => torch.zeros(shape)
  const any = (value: unknown): any => value
  const plain = new nn.MultiheadAttention(4, 2)
  const apart = new nn.MultiheadAttention(4, 2, { kdim: 3, vdim: 5 })
  const layer = new nn.TransformerEncoderLayer(4, 2, 8)
  const model = new nn.Transformer(4, 2, 1, 1, 8)
  const x = zeros(5, 3, 4)
  const found = [
    () => new nn.MultiheadAttention(0, 2),
    () => new nn.MultiheadAttention(4, -1),
    () => new nn.MultiheadAttention(5, 2),
    () => plain.forward(zeros(4), x, x),
    () => plain.forward(x, zeros(5, 4), x),
    () => plain.forward(zeros(5, 4), x, zeros(5, 4)),
    () => plain.forward(x, x, x, { keyPaddingMask: zeros(3) }),
    () => plain.forward(zeros(5, 4), zeros(5, 4), zeros(5, 4), { keyPaddingMask: zeros(3, 5) }),
    () => plain.forward(x, x, x, { attnMask: zeros(5) }),
    () => plain.forward(zeros(5, 4), zeros(5, 4), zeros(5, 4), { attnMask: zeros(3, 5, 5) }),
    () => plain.forward(zeros(5, 4), zeros(5, 4), zeros(5, 4), { attnMask: zeros(5) }),
    () => plain.forward(x, x, x, { attnMask: zeros(4, 5) }),
    () => plain.forward(x, x, x, { attnMask: zeros(5, 5, 5) }),
    () => plain.forward(x, x, x, { keyPaddingMask: zeros(3, 4) }),
    () => plain.forward(x, x, x, { keyPaddingMask: zeros(4, 5) }),
    () => plain.forward(x, x, x, { attnMask: zeros(5, 5).long() }),
    () => plain.forward(x, x, x, { keyPaddingMask: zeros(3, 5).int() }),
    () => plain.forward(x, x, x, { isCausal: true }),
    () => plain.forward(zeros(5, 3, 6), zeros(5, 3, 6), zeros(5, 3, 6)),
    () => plain.forward(x, zeros(6, 3, 4), zeros(7, 3, 4)),
    () => apart.forward(x, zeros(6, 3, 3), zeros(7, 3, 5)),
    () => apart.forward(x, zeros(6, 3, 4), zeros(6, 3, 5)),
    () => apart.forward(x, zeros(6, 3, 3), zeros(6, 3, 4)),
    () => plain.forward(x.double(), x.double(), x.double()),
    () => new nn.TransformerEncoderLayer(4, 2, 8, 0.1, any('tanh')),
    () => new nn.TransformerDecoderLayer(4, 2, { activation: any('') }),
    () => new nn.TransformerEncoderLayer(4, 3),
    () => new nn.TransformerEncoderLayer(4, 2, { dropout: 1.5 }),
    () => layer.forward(zeros(5, 3, 5)),
    () => layer.forward(x, zeros(5, 5).long()),
    () => layer.forward(x, { srcKeyPaddingMask: zeros(3, 5).long() }),
    () => layer.forward(x, { isCausal: true }),
    () => model.forward(x, zeros(5, 2, 4)),
    () => model.forward(x, zeros(5, 3, 5)),
    () => model.forward(zeros(5, 3, 8), x),
  ].map(message)
  assert.deepEqual(
    found,
    pythonJson<string[]>(`
import json, torch, warnings
from torch import nn
warnings.simplefilter('ignore')
def zeros(*shape): return torch.zeros(shape)
plain, apart = nn.MultiheadAttention(4, 2), nn.MultiheadAttention(4, 2, kdim=3, vdim=5)
layer, model = nn.TransformerEncoderLayer(4, 2, 8), nn.Transformer(4, 2, 1, 1, 8)
x, u = zeros(5, 3, 4), zeros(5, 4)
runs = [
    lambda: nn.MultiheadAttention(0, 2),
    lambda: nn.MultiheadAttention(4, -1),
    lambda: nn.MultiheadAttention(5, 2),
    lambda: plain(zeros(4), x, x),
    lambda: plain(x, zeros(5, 4), x),
    lambda: plain(u, x, u),
    lambda: plain(x, x, x, key_padding_mask=zeros(3)),
    lambda: plain(u, u, u, key_padding_mask=zeros(3, 5)),
    lambda: plain(x, x, x, attn_mask=zeros(5)),
    lambda: plain(u, u, u, attn_mask=zeros(3, 5, 5)),
    lambda: plain(u, u, u, attn_mask=zeros(5)),
    lambda: plain(x, x, x, attn_mask=zeros(4, 5)),
    lambda: plain(x, x, x, attn_mask=zeros(5, 5, 5)),
    lambda: plain(x, x, x, key_padding_mask=zeros(3, 4)),
    lambda: plain(x, x, x, key_padding_mask=zeros(4, 5)),
    lambda: plain(x, x, x, attn_mask=zeros(5, 5).long()),
    lambda: plain(x, x, x, key_padding_mask=zeros(3, 5).int()),
    lambda: plain(x, x, x, is_causal=True),
    lambda: plain(zeros(5, 3, 6), zeros(5, 3, 6), zeros(5, 3, 6)),
    lambda: plain(x, zeros(6, 3, 4), zeros(7, 3, 4)),
    lambda: apart(x, zeros(6, 3, 3), zeros(7, 3, 5)),
    lambda: apart(x, zeros(6, 3, 4), zeros(6, 3, 5)),
    lambda: apart(x, zeros(6, 3, 3), zeros(6, 3, 4)),
    lambda: plain(x.double(), x.double(), x.double()),
    lambda: nn.TransformerEncoderLayer(4, 2, 8, 0.1, 'tanh'),
    lambda: nn.TransformerDecoderLayer(4, 2, activation=''),
    lambda: nn.TransformerEncoderLayer(4, 3),
    lambda: nn.TransformerEncoderLayer(4, 2, dropout=1.5),
    lambda: layer(zeros(5, 3, 5)),
    lambda: layer(x, zeros(5, 5).long()),
    lambda: layer(x, src_key_padding_mask=zeros(3, 5).long()),
    lambda: layer(x, is_causal=True),
    lambda: model(x, zeros(5, 2, 4)),
    lambda: model(x, zeros(5, 3, 5)),
    lambda: model(zeros(5, 3, 8), x),
]
found = []
for run in runs:
    try: run(); found.append('no error')
    except Exception as e: found.append(str(e).split('\\nException raised')[0])
print(json.dumps(found))`),
  )
})

test('multiHeadAttentionForward gives the bytes of Python with weights of its own', (t) => {
  if (!requirePython(t)) return
  torch.manualSeed(2)
  const [q, k] = [torch.randn(4, 3, 8), torch.randn(6, 3, 8)]
  const [weight, out] = [torch.randn(24, 8), torch.randn(8, 8)]
  const [staticK, staticV] = [torch.randn(6, 5, 4), torch.randn(6, 5, 4)]
  const { multiHeadAttentionForward } = nn.functional
  const options = { training: false, staticK, staticV, averageAttnWeights: false }
  const results = multiHeadAttentionForward(q, k, k, 8, 2, weight, null, null, null, true, 0.5, out, null, options)
  const sums = results.map((result) =>
    result!.double().mul(torch.arange(result!.numel()).view(result!.shape)).sum().item(),
  )
  const expected = pythonJson(`
import json, torch
from torch.nn import functional as F
torch.manual_seed(2)
q, k, w, out, sk, sv = [torch.randn(*s) for s in [(4, 3, 8), (6, 3, 8), (24, 8), (8, 8), (6, 5, 4), (6, 5, 4)]]
r = F.multi_head_attention_forward(q, k, k, 8, 2, w, None, None, None, True, 0.5, out, None, training=False,
    static_k=sk, static_v=sv, average_attn_weights=False)
print(json.dumps([(x.double() * torch.arange(x.numel()).view(x.shape)).sum().item() for x in r]))`)
  assert.deepEqual(sums, expected)
})
