/** One call that works of every layer, and what hostile.test.ts makes of it: the same with one thing wrong. */
import type { Argument, Case, Input } from '../parity/layers.js'

const sequence = [2, 4, 9]
const image = [2, 4, 9, 9]
const volume = [1, 4, 9, 9, 9]
const spatial: [dims: number, shape: number[]][] = [
  [1, sequence],
  [2, image],
  [3, volume],
]
const forDims = (make: (d: number, shape: number[]) => Case[]): Case[] =>
  spatial.flatMap(([d, shape]) => make(d, shape))
const activations = ['CELU', 'ELU', 'Hardshrink', 'LeakyReLU', 'Softshrink', 'GLU', 'LogSoftmax', 'Softmax', 'Softmin']
const plain = ['GELU', 'Hardsigmoid', 'Hardswish', 'Identity', 'LogSigmoid', 'Mish', 'ReLU', 'ReLU6', 'SELU', 'SiLU']
const more = ['Sigmoid', 'Softsign', 'Tanh', 'Tanhshrink']
const drops = ['Dropout', 'AlphaDropout', 'FeatureAlphaDropout', 'Dropout1d', 'Dropout2d', 'Dropout3d']
const pairs = ['L1Loss', 'MSELoss', 'SmoothL1Loss', 'HuberLoss', 'KLDivLoss', 'PoissonNLLLoss', 'BCEWithLogitsLoss']
const ones = { tensor: [1, -1] }

/** Positional arguments are those that are put wrong, so there are many of them. */
export const cases: Case[] = [
  ['Linear', [4, 3, true], {}, [2, 4]],
  ['Bilinear', [4, 3, 2, true], {}, [2, 4], [2, 3]],
  ['Embedding', [5, 3, 1, 2, 2, false, false], {}, 'classes:5:2:3'],
  ['EmbeddingBag', [5, 3, 1, 2, false, 'mean'], {}, 'classes:5:2:3'],
  ['Flatten', [1, -1], {}, image],
  ['Unflatten', [1, [2, 2]], {}, image],
  ['Fold', [[4, 4], 2, 1, 0, 2], {}, [1, 4, 4]],
  ['Unfold', [2, 1, 0, 2], {}, image],
  ['PixelShuffle', [2], {}, image],
  ['PixelUnshuffle', [3], {}, image],
  ['ChannelShuffle', [2], {}, image],
  ['CosineSimilarity', [1, 1e-8], {}, [2, 4], [2, 4]],
  ['PairwiseDistance', [2, 1e-6, false], {}, [2, 4], [2, 4]],
  ['Softmax2d', [], {}, image],
  ['PReLU', [4, 0.25], {}, image],
  ['RReLU', [0.1, 0.3], {}, image],
  ['Hardtanh', [-1, 1], {}, image],
  ['Softplus', [1, 20], {}, image],
  ['Threshold', [0.1, 20], {}, image],
  ['Upsample', [null, 2, 'bilinear', true], {}, image],
  ['Upsample', [[3, 3], null, 'nearest'], {}, image],
  ['UpsamplingBilinear2d', [null, 2], {}, image],
  ['UpsamplingNearest2d', [[3, 5]], {}, image],
  ['GroupNorm', [2, 4, 1e-5, true], {}, image],
  ['LayerNorm', [[9, 9], 1e-5, true, true], {}, image],
  ['RMSNorm', [[9, 9], 1e-5, true], {}, image],
  ['LocalResponseNorm', [3, 1e-4, 0.75, 1], {}, image],
  ['CrossMapLRN2d', [3, 1e-4, 0.75, 1], {}, image],
  ['SyncBatchNorm', [4, 1e-5, 0.1, true, true], {}, image],
  ['FractionalMaxPool2d', [2, 3], {}, image],
  ['FractionalMaxPool3d', [2, null, 0.5], {}, volume],
  ['MaxUnpool2d', [2, 2, 0], {}, [1, 1, 1, 2], { tensor: [[[[0, 3]]]] }],
  ['RNN', [4, 3, 1, 'tanh', true, false, 0, false], {}, [5, 2, 4]],
  ['LSTM', [4, 3, 1, true, false, 0, false, 0], {}, [5, 2, 4]],
  ['GRU', [4, 3, 1, true, false, 0, false], {}, [5, 2, 4]],
  ['RNNCell', [4, 3, true, 'tanh'], {}, [2, 4]],
  ['LSTMCell', [4, 3, true], {}, [2, 4]],
  ['GRUCell', [4, 3, true], {}, [2, 4], [2, 3]],
  ['MultiheadAttention', [4, 2, 0.1, true, false, false, 4, 4, false], {}, [3, 2, 4], [3, 2, 4], [3, 2, 4]],
  ['TransformerEncoderLayer', [4, 2, 8, 0.1, 'relu', 1e-5, false, false, true], {}, [3, 2, 4]],
  ['TransformerDecoderLayer', [4, 2, 8, 0.1, 'gelu', 1e-5, false, false, true], {}, [3, 2, 4], [5, 2, 4]],
  ['Transformer', [4, 2, 1, 1, 8, 0.1, 'relu'], {}, [3, 2, 4], [5, 2, 4]],
  ['AdaptiveLogSoftmaxWithLoss', [4, 6, [2, 4], 2, false], {}, [3, 4], 'classes:6:3'],
  ['LinearCrossEntropyLoss', [4, 3], {}, [2, 4], 'classes:3:2'],
  ['CrossEntropyLoss', [null, null, -100, null, 'mean', 0.1], {}, [2, 3], 'classes:3:2'],
  ['NLLLoss', [null, null, -100, null, 'mean'], {}, [2, 3], 'classes:3:2'],
  ['BCELoss', [null, null, null, 'mean'], {}, 'rand:2:3', 'rand:2:3'],
  [
    'CTCLoss',
    [0, 'mean', false],
    {},
    [5, 2, 4],
    {
      tensor: [
        [1, 2],
        [3, 1],
      ],
    },
    { list: [5, 5] },
    { list: [2, 2] },
  ],
  ['GaussianNLLLoss', [], { eps: 1e-6, full: false }, [2, 3], [2, 3], 'rand:2:3'],
  ['CosineEmbeddingLoss', [0.1], {}, [2, 4], [2, 4], ones],
  ['MarginRankingLoss', [0.1], {}, [2], [2], ones],
  ['HingeEmbeddingLoss', [1], {}, [2], ones],
  ['SoftMarginLoss', [], {}, [2, 3], 'signs:2:3'],
  ['MultiMarginLoss', [1, 1], {}, [2, 3], 'classes:3:2'],
  ['MultiLabelMarginLoss', [], {}, [2, 3], 'classes:3:2:3'],
  ['MultiLabelSoftMarginLoss', [], {}, [2, 3], 'binary:2:3'],
  ['TripletMarginLoss', [1, 2, 1e-6, false], {}, [2, 3], [2, 3], [2, 3]],
  ['LazyLinear', [3, true], {}, [2, 4]],
  ...activations.map((name): Case => [name, [1], {}, image]),
  ...[...plain, ...more].map((name): Case => [name, [], {}, image]),
  ...drops.map((name): Case => [name, [0.5, false], {}, image]),
  ...pairs.map((name): Case => [name, [], {}, [2, 3], 'rand:2:3']),
  ...forDims((d, shape) => [
    [`Conv${d}d`, [4, 6, 3, 1, 1, 1, 2, true, 'zeros'], {}, shape],
    [`ConvTranspose${d}d`, [4, 6, 3, 2, 1, 1, 2, true, 1, 'zeros'], {}, shape],
    [`LazyConv${d}d`, [6, 3, 1, 1, 1, 2, true, 'circular'], {}, shape],
    [`LazyConvTranspose${d}d`, [6, 3, 2, 1, 1, 2], {}, shape],
    [`BatchNorm${d}d`, [4, 1e-5, 0.1, true, true], {}, shape],
    [`InstanceNorm${d}d`, [4, 1e-5, 0.1, true, true], {}, shape],
    [`LazyBatchNorm${d}d`, [1e-5, 0.1, true, true], {}, shape],
    [`LazyInstanceNorm${d}d`, [1e-5, 0.1, true, true], {}, shape],
    [`MaxPool${d}d`, [3, 2, 1, 1, false, true], {}, shape],
    [`AvgPool${d}d`, [3, 2, 1, true, false], {}, shape],
    [`LPPool${d}d`, [2, 3, 2, true], {}, shape],
    [`AdaptiveAvgPool${d}d`, [3], {}, shape],
    [`AdaptiveMaxPool${d}d`, [3], {}, shape],
    [`ReflectionPad${d}d`, [1], {}, shape],
    [`ReplicationPad${d}d`, [1], {}, shape],
    [`ZeroPad${d}d`, [1], {}, shape],
    [`CircularPad${d}d`, [1], {}, shape],
    [`ConstantPad${d}d`, [1, 3.5], {}, shape],
  ]),
]

/** Sizes are such that nothing of them can be allocated. */
const wrongArguments: Argument[] = [
  -1,
  0,
  -(2 ** 31) - 1,
  2 ** 46,
  Number.MAX_SAFE_INTEGER,
  1.5,
  { float: 'NaN' },
  { float: 'Infinity' },
  'nothing',
  true,
  null,
  [],
  [0],
  [-3, 2],
  [1, 2, 3, 4, 5, 6, 7],
  { tensor: [1.5, 2] },
]

function wrongInputs(input: Input): Input[] {
  const kinds: Input[] = [null, [], [0], [1, 1, 1, 1, 1, 1], 'classes:3:2:4', 'mask:2:4:9', { list: [1, 2] }]
  if (!Array.isArray(input)) return kinds
  const shapes = [
    [...input, 1],
    input.slice(1),
    input.map(() => 1),
    input.with(0, 0),
    input.with(-1, 0),
    input.toSpliced(1, 1, 7),
    input.toSpliced(1, 1, 0),
    input.with(-1, 2),
  ]
  return [...kinds, ...shapes, `double:${input.join(':')}`]
}

/** Arguments that are not made huge: as many layers are made, and Fold runs through its padding for ever, as in Python. */
const counts: Record<string, number[]> = { Fold: [2, 3, 4, 5], RNN: [2], LSTM: [2], GRU: [2], Transformer: [2, 3] }

/** The case with one argument wrong, then with one input wrong. */
export function hostileCases([layer, args, kwargs, ...inputs]: Case): Case[] {
  const found: Case[] = []
  for (const i of args.keys()) {
    for (const wrong of wrongArguments) {
      const many = typeof wrong === 'number' && wrong > 1000
      if (many && counts[layer]?.includes(i)) continue
      found.push([layer, args.with(i, wrong), kwargs, ...inputs])
    }
  }
  for (const [i, input] of inputs.entries()) {
    for (const wrong of wrongInputs(input)) found.push([layer, args, kwargs, ...inputs.with(i, wrong)])
  }
  return found
}
