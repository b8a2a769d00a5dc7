/** The cases of nn-loss.test.ts. */
import type { Case } from './layers.js'
import type { LossCase } from './losses.js'

export const pair = [4, 3]
export const scores = [6, 5]
const weight = { tensor: [0.5, 1, 2, 0.25, 3] }
const reductions = (layer: string, kwargs: Case[2], ...inputs: Case[3][]): Case[] => [
  [layer, [], kwargs, ...inputs],
  [layer, [], { ...kwargs, reduction: 'sum' }, ...inputs],
  [layer, [], { ...kwargs, reduction: 'none' }, ...inputs],
  [layer, [], { ...kwargs, size_average: false }, ...inputs],
  [layer, [], { ...kwargs, reduce: false }, ...inputs],
  [layer, [], { ...kwargs, size_average: true, reduce: true, reduction: 'sum' }, ...inputs],
]

/** Losses of which the first input has gradients. */
export const plainCases: Case[] = [
  ...reductions('L1Loss', {}, pair, pair),
  ['L1Loss', [null, null, 'sum'], {}, [4, 1, 3], [2, 1]],
  ['L1Loss', [], { reduction: 'elementwise_mean' }, pair, pair],
  ['L1Loss', [], {}, [0, 3], [0, 3]],
  ...reductions('MSELoss', {}, pair, pair),
  ['MSELoss', [false, true], {}, [5], [1]],
  ...reductions('SmoothL1Loss', {}, pair, pair),
  ['SmoothL1Loss', [null, null, 'mean', 0.5], {}, [3, 7], [3, 7]],
  ['SmoothL1Loss', [], { beta: 0 }, pair, pair],
  ['SmoothL1Loss', [], { beta: 2 }, pair, [3]],
  ['HuberLoss', [], {}, pair, pair],
  ['HuberLoss', ['sum', 0.5], {}, pair, pair],
  ['HuberLoss', [], { reduction: 'none', delta: 2 }, [2, 3, 1], [2, 1, 5]],
  ...reductions('KLDivLoss', {}, pair, 'rand:4:3'),
  ['KLDivLoss', [], { reduction: 'batchmean' }, pair, 'rand:4:3'],
  ['KLDivLoss', [], { reduction: 'batchmean', log_target: true }, [3], [3]],
  ['KLDivLoss', [null, null, 'sum', true], {}, [2, 1, 5], [2, 1, 5]],
  ...reductions('PoissonNLLLoss', {}, pair, 'classes:9:4:3'),
  ['PoissonNLLLoss', [false, true], {}, 'rand:4:3', 'classes:9:4:3'],
  ['PoissonNLLLoss', [true, true], { eps: 1e-4, reduction: 'none' }, pair, 'classes:9:4:3'],
  ['PoissonNLLLoss', [false, false, null, 0.1, null, 'sum'], {}, 'rand:5', 'rand:5'],
  ['GaussianNLLLoss', [], {}, pair, pair, 'rand:4:3'],
  ['GaussianNLLLoss', [], { full: true, reduction: 'sum' }, pair, pair, 'rand:4:1'],
  ['GaussianNLLLoss', [], { eps: 0.5, reduction: 'none' }, pair, pair, 'rand:4'],
  ['GaussianNLLLoss', [], { full: true }, [2, 3, 5], [2, 3, 5], 'rand:2:1:5'],
  ...reductions('BCELoss', {}, 'rand:4:3', 'rand:4:3'),
  ['BCELoss', [{ tensor: [0.5, 2, 0.25] }], {}, 'rand:4:3', 'binary:4:3'],
  ['BCELoss', [], { weight: { tensor: [[0.5], [2]] }, reduction: 'none' }, 'rand:2:1', 'rand:2:1'],
  ...reductions('BCEWithLogitsLoss', {}, pair, 'rand:4:3'),
  ['BCEWithLogitsLoss', [{ tensor: [0.5, 2, 0.25] }], {}, pair, 'binary:4:3'],
  ['BCEWithLogitsLoss', [], { pos_weight: { tensor: [0.5, 2, 0.25] }, reduction: 'sum' }, pair, 'binary:4:3'],
  [
    'BCEWithLogitsLoss',
    [{ tensor: [1.5] }, null, null, 'none', { tensor: [0.5, 2, 0.25] }],
    {},
    [1, 5, 3],
    'binary:1:5:3',
  ],
  ...reductions('HingeEmbeddingLoss', {}, pair, 'signs:4:3'),
  ['HingeEmbeddingLoss', [0.25], {}, [7], 'signs:7'],
  ['HingeEmbeddingLoss', [], { margin: 2, reduction: 'none' }, [2, 1, 3], 'signs:2:1:3'],
  ...reductions('SoftMarginLoss', {}, pair, 'signs:4:3'),
  ['SoftMarginLoss', [null, null, 'sum'], {}, [5], 'signs:5'],
  ...reductions('NLLLoss', { weight }, scores, 'classes:5:6'),
  ['NLLLoss', [], {}, scores, 'classes:5:6'],
  ['NLLLoss', [weight, null, 2], { reduction: 'none' }, [2, 5, 3], 'classes:5:2:3'],
  ['NLLLoss', [], { ignore_index: 0 }, [2, 5, 3, 2], 'classes:5:2:3:2'],
  ['NLLLoss', [], {}, [5], 'classes:5'],
  ['NLLLoss2d', [], {}, [2, 5, 3, 2], 'classes:5:2:3:2'],
  ['NLLLoss2d', [weight], { ignore_index: 1, reduction: 'sum' }, [2, 5, 3, 2], 'classes:5:2:3:2'],
  ...reductions('CrossEntropyLoss', { weight }, scores, 'classes:5:6'),
  ['CrossEntropyLoss', [], { weight, label_smoothing: 0.1 }, scores, 'classes:5:6'],
  ['CrossEntropyLoss', [], { ignore_index: 1, reduction: 'sum' }, scores, 'classes:5:6'],
  ['CrossEntropyLoss', [null, null, 3, null, 'none', 0.3], {}, [2, 5, 3], 'classes:5:2:3'],
  ['CrossEntropyLoss', [], { weight, ignore_index: 2, label_smoothing: 1 }, scores, 'classes:5:6'],
  ['CrossEntropyLoss', [], { label_smoothing: 0.2, reduction: 'none' }, scores, [6, 5]],
  ['CrossEntropyLoss', [], {}, [5], 'classes:5'],
  ['CrossEntropyLoss', [], {}, [0, 5], 'classes:5:0'],
  ...reductions('MultiLabelMarginLoss', {}, [2, 4], {
    tensor: [
      [3, 0, -1, 1],
      [1, -1, 0, 2],
    ],
  }),
  ['MultiLabelMarginLoss', [], {}, [4], { tensor: [3, 0, -1, 1] }],
  ...reductions('MultiLabelSoftMarginLoss', {}, pair, 'binary:4:3'),
  ['MultiLabelSoftMarginLoss', [{ tensor: [0.5, 2, 0.25] }], {}, pair, 'binary:4:3'],
  ['MultiLabelSoftMarginLoss', [], { weight: { tensor: [0.5, 2, 0.25] }, reduction: 'none' }, [2, 5, 3], 'rand:2:5:3'],
  ...reductions('MultiMarginLoss', {}, scores, 'classes:5:6'),
  ['MultiMarginLoss', [2, 0.5, weight], {}, scores, 'classes:5:6'],
  ['MultiMarginLoss', [], { p: 2, weight, reduction: 'none' }, scores, 'classes:5:6'],
  ['MultiMarginLoss', [1, 2], {}, [5], 'classes:5'],
  [
    'CTCLoss',
    [],
    {},
    [8, 2, 5],
    {
      tensor: [
        [1, 2, 3],
        [4, 1, 2],
      ],
    },
    { tensor: [8, 6] },
    { tensor: [3, 2] },
  ],
  [
    'CTCLoss',
    [],
    { reduction: 'none' },
    [8, 2, 5],
    { tensor: [1, 2, 3, 4, 1] },
    { tensor: [8, 7] },
    { tensor: [3, 2] },
  ],
  ['CTCLoss', [4, 'sum'], {}, [9, 1, 5], { tensor: [[1, 1, 3]] }, { tensor: [9] }, { tensor: [3] }],
  [
    'CTCLoss',
    [0, 'mean', true],
    {},
    [2, 2, 5],
    {
      tensor: [
        [1, 2, 3],
        [4, 1, 2],
      ],
    },
    { tensor: [2, 2] },
    { tensor: [3, 2] },
  ],
  ['CTCLoss', [], { blank: 1, zero_infinity: true }, [6, 5], { tensor: [0, 2, 3] }, { tensor: 6 }, { tensor: 3 }],
]

/** Losses of which the first two inputs have gradients. */
export const pairCases: Case[] = [
  ...reductions('CosineEmbeddingLoss', {}, pair, pair, 'signs:4'),
  ['CosineEmbeddingLoss', [0.25], {}, [7, 2], [7, 2], 'signs:7'],
  ['CosineEmbeddingLoss', [], { margin: -0.5, reduction: 'none' }, [5], [5], { tensor: -1 }],
  ...reductions('MarginRankingLoss', {}, [7], [7], 'signs:7'),
  ['MarginRankingLoss', [0.5], {}, pair, pair, 'signs:4:3'],
  ['MarginRankingLoss', [], { margin: 2, reduction: 'none' }, [3, 1], [1, 3], 'signs:3:3'],
  ...reductions('TripletMarginLoss', {}, pair, pair, pair),
  ['TripletMarginLoss', [0.5, 1, 0.01, true], {}, pair, pair, pair],
  ['TripletMarginLoss', [], { margin: 2, p: 3, swap: true, reduction: 'none' }, [2, 7], [2, 7], [2, 7]],
  ['TripletMarginLoss', [], {}, [5], [5], [5]],
  ['TripletMarginWithDistanceLoss', [], {}, pair, pair, pair],
  ['TripletMarginWithDistanceLoss', [], { margin: 0.25, swap: true, reduction: 'sum' }, [7, 2], [7, 2], [7, 2]],
  ['TripletMarginWithDistanceLoss', [], { margin: 3, reduction: 'none' }, [2, 3, 4], [2, 3, 4], [2, 3, 4]],
]

export const f32 = 'float32'
const f64 = 'float64'
type Kwargs = LossCase[2]
export const linear = (kwargs: Kwargs, dtype: LossCase[4] = f32, rows = 9, features = 4, classes = 7): LossCase => [
  'LinearCrossEntropyLoss',
  [features, classes],
  kwargs,
  [[rows, features], `classes:${classes}:${rows}`],
  dtype,
  1,
]
const seven = { tensor: [0.5, 1, 2, 0.25, 3, 1.5, 0.75] }
const policies = ['accurate', 'balanced', 'compact', 'auto']
const halves: LossCase[4][] = ['bfloat16', 'float16']
const chunked: LossCase[] = [
  ...['mean', 'sum', 'none'].flatMap((reduction) => [
    linear({ reduction, options: { options: {} } }),
    linear({ reduction, bias: true, weight: seven, ignore_index: 2, options: { options: { batch_chunk_size: 4 } } }),
    linear({ reduction, bias: true, options: { options: { batch_chunk_size: 2 } } }, f64, 9, 9, 3),
    linear({ reduction, weight: seven, options: { options: { chunking_method: 'aspect_ratio' } } }, f64, 5),
    ...policies.flatMap((acc_policy) =>
      halves.map((dtype) =>
        linear(
          { reduction, bias: true, weight: seven, options: { options: { acc_policy, batch_chunk_size: 4 } } },
          dtype,
        ),
      ),
    ),
    ...policies.map((acc_policy) =>
      linear(
        {
          reduction,
          bias: true,
          options: { options: { acc_policy, acc_dtype: 'float32', chunking_method: 'aspect_ratio:3' } },
        },
        'bfloat16',
        17,
        3,
        7,
      ),
    ),
    ...policies.map((acc_policy) =>
      linear(
        { reduction, options: { options: { acc_policy, acc_dtype: 'float32', batch_chunk_size: 3 } } },
        'float16',
        7,
        9,
        7,
      ),
    ),
  ]),
  linear({ options: { options: { allow_retain_graph: true } } }),
  linear({ bias: true, options: { options: { allow_retain_graph: true, batch_chunk_size: 100 } } }, f64),
  ['LinearCrossEntropyLoss', [4, 7], { options: { options: {} } }, [[4], 'classes:7'], f32, 1],
  ['LinearCrossEntropyLoss', [4, 7], { reduction: 'none', options: { options: {} } }, [[4], 'classes:7'], f32, 1],
  ['LinearCrossEntropyLoss', [4, 7], { options: { options: {} } }, [[0, 4], 'classes:7:0'], f32, 1],
  linear({ options: { options: { batch_chunk_size: 4 } }, ignore_index: -1 }),
]

/** What needs more than layers.ts can say. */
export const extraCases: LossCase[] = [
  ['L1Loss', [], {}, [[], []], f32, 2],
  ['KLDivLoss', [null, null, 'batchmean', true], {}, [[], []], f32, 2],
  ['MarginRankingLoss', [], {}, [[], [], { tensor: -1 }], f32, 2],
  ['GaussianNLLLoss', [], {}, [pair, pair, 0.75], f32, 1],
  ['GaussianNLLLoss', [], { full: true, eps: 0.5 }, [pair, pair, 0.25], f64, 2],
  ['GaussianNLLLoss', [], { reduction: 'none' }, [pair, pair, 'rand:4:3'], f64, 3],
  [
    'CTCLoss',
    [],
    {},
    [
      [8, 2, 5],
      {
        tensor: [
          [1, 2, 3],
          [4, 1, 2],
        ],
      },
      { ints: [8, 6] },
      { ints: [3, 2] },
    ],
    f32,
    1,
  ],
  ['CTCLoss', [4, 'none'], {}, [[8, 2, 5], { tensor: [1, 2, 3, 0] }, { ints: [8, 8] }, { ints: [3, 1] }], f64, 1],
  ['L1Loss', [], {}, [pair, pair], f64, 2],
  ['MultiLabelSoftMarginLoss', [], {}, [pair, 'rand:4:3'], f32, 2],
  ['BCELoss', [], { reduction: 'none' }, ['rand:4:3', 'rand:4:3'], f32, 2],
  ['BCEWithLogitsLoss', [], { pos_weight: { tensor: [0.5, 2, 0.25] } }, [pair, 'rand:4:3'], f32, 2],
  ['HingeEmbeddingLoss', [], {}, [pair, 'signs:4:3'], f32, 2],
  ['PoissonNLLLoss', [true, true], {}, [pair, 'rand:4:3'], f32, 2],
  ['MSELoss', [], {}, [pair, [1, 3]], f64, 2],
  ['HuberLoss', [], { delta: 0.5 }, [pair, pair], f64, 2],
  ['SmoothL1Loss', [], { beta: 0.5 }, [pair, pair], f64, 2],
  ['KLDivLoss', [], { reduction: 'batchmean', log_target: true }, [pair, pair], f64, 2],
  ['CrossEntropyLoss', [weight], { label_smoothing: 0.1 }, [scores, 'shares:6:5'], f64, 2],
  ['TripletMarginLoss', [], { swap: true }, [pair, pair, pair], f64, 3],
  ['TripletMarginWithDistanceLoss', [], { distance_function: { distance: 'function' } }, [pair, pair, pair], f32, 3],
  [
    'TripletMarginWithDistanceLoss',
    [],
    { distance_function: { distance: 'function' }, swap: true },
    [pair, pair, pair],
    f64,
    3,
  ],
  ['TripletMarginWithDistanceLoss', [], { distance_function: { distance: 'module' } }, [pair, pair, pair], f64, 3],
  ['AdaptiveLogSoftmaxWithLoss', [32, 40, [6, 12]], {}, [[9, 32], 'classes:40:9'], f32, 1],
  [
    'AdaptiveLogSoftmaxWithLoss',
    [32, 40, [6, 12]],
    { div_value: 2, head_bias: true },
    [[9, 32], 'classes:40:9'],
    f64,
    1,
  ],
  ['AdaptiveLogSoftmaxWithLoss', [32, 40, [6, 12, 30]], { div_value: 1.5 }, [[9, 32], 'classes:6:9'], f32, 1],
  ['AdaptiveLogSoftmaxWithLoss', [32, 40, [6], { float: 3 }, true], {}, [[32], { tensor: 17 }], f32, 1],
  ['AdaptiveLogSoftmaxWithLoss', [32, 40, [6]], {}, [[1, 32], { tensor: [39] }], f32, 1],
  [
    'AdaptiveLogSoftmaxWithLoss',
    [8, 9, [2, 3, 7]],
    { div_value: 1, dtype: 'float64' },
    [[30, 8], 'classes:9:30'],
    f64,
    1,
  ],
  linear({}),
  linear({ bias: true, weight: seven, ignore_index: 2, reduction: 'sum' }, f64),
  linear({ label_smoothing: 0.25, reduction: 'none', dtype: 'float64' }, f64),
  linear({ label_smoothing: 0.1, options: { options: { acc_policy: 'compact', acc_dtype: 'float32' } } }),
  ['LinearCrossEntropyLoss', [4, 7], { out_features: [3, 2], bias: true }, [[5, 4], 'classes:7:5:3:2'], f32, 1],
  ['LinearCrossEntropyLoss', [4, 7], { out_features: [3] }, [[5, 4], 'classes:7:5:3'], f64, 1],
  ['LinearCrossEntropyLoss', [4, 7], {}, [[4], 'classes:7'], f32, 1],
  ['LinearCrossEntropyLoss', [4, 7], { bias: true, label_smoothing: 0.1 }, [[5, 4], 'shares:5:7'], f32, 2],
  ...chunked,
]
