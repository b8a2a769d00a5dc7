/**
 * Inputs of the calls of nn.functional, and those of losses. In arguments `$x` is an input, `~x` one without a gradient, `!x` one that the
 * function writes into, `=x` both, `$x.sigmoid` one after a method or a cast, `@inf` a number that JSON lacks, `&l1` a function,
 * `%RowWise` a ScalingType.
 */
export type Case = [name: string, args: unknown[], kwargs?: Record<string, unknown>]

type Input = [name: string, factory: string, args: unknown[], kwargs?: Record<string, unknown>]
const given: Input[] = [
  ['v', 'randn', [7]],
  ['a', 'randn', [3, 5]],
  ['b', 'randn', [3, 5]],
  ['c', 'randn', [3, 5]],
  ['ad', 'randn', [3, 5], { dtype: 'float64' }],
  ['half', 'randn', [3, 5], { dtype: 'bfloat16' }],
  ['row', 'rand', [5]],
  ['three', 'rand', [3]],
  ['s0', 'randn', [[]]],
  ['x1', 'randn', [2, 3, 9]],
  ['x2', 'randn', [2, 4, 6, 7]],
  ['x2d', 'randn', [2, 4, 6, 7], { dtype: 'float64' }],
  ['x3', 'randn', [2, 2, 5, 6, 4]],
  ['u2', 'randn', [4, 6, 7]],
  ['u3', 'randn', [2, 5, 6, 4]],
  ['x6', 'randn', [1, 2, 2, 2, 2, 2]],
  ['empty', 'zeros', [0, 3, 4]],
  ['sign', 'tensor', [[1, -1, 1]]],
  [
    'signs',
    'tensor',
    [
      [
        [1, -1, 1, 1, -1],
        [-1, -1, 1, -1, 1],
        [1, 1, 1, -1, -1],
      ],
    ],
  ], // 3 × 5
  ['label', 'randint', [0, 5, [3]]],
  ['label2', 'randint', [0, 4, [2, 6, 7]]],
  ['labels', 'randint', [0, 5, [3, 5]]],
  ['multi', 'randint', [-1, 5, [3, 5]]],
  ['count', 'randint', [0, 6, [3, 5]], { dtype: 'float32' }],
  ['bits', 'randint', [0, 2, [3, 5]], { dtype: 'float32' }],
  ['w3', 'rand', [3, 5]],
  ['one', 'randn', [1, 5]],
  ['k1', 'randn', [4, 3, 3]],
  ['k2', 'randn', [6, 4, 3, 2]],
  ['k2g', 'randn', [4, 2, 3, 3]],
  ['k3', 'randn', [3, 2, 2, 3, 2]],
  ['t1', 'randn', [3, 4, 3]],
  ['t2', 'randn', [4, 3, 3, 2]],
  ['t3', 'randn', [2, 3, 2, 2, 2]],
  ['tbc', 'randn', [9, 2, 3]],
  ['ktbc', 'randn', [3, 3, 4]],
  ['b3', 'randn', [3]],
  ['b4', 'randn', [4]],
  ['b6', 'randn', [6]],
  ['lin', 'randn', [4, 5]],
  ['linK', 'randn', [4, 2, 5]],
  ['biasK', 'randn', [4, 2]],
  ['labelK', 'randint', [0, 4, [3, 2]]],
  ['label4', 'randint', [0, 4, [3]]],
  ['label0', 'randint', [0, 4, []]],
  ['probs', 'rand', [3, 4]],
  ['bil', 'randn', [4, 5, 5]],
  ['ind1', 'randint', [0, 6, [4]]],
  ['ind2', 'randint', [0, 6, [2, 4]]],
  ['ind3', 'randint', [0, 6, [2, 2, 2]]],
  ['table', 'randn', [6, 3]],
  ['offs', 'tensor', [[0, 2]]],
  ['offs3', 'tensor', [[0, 2, 4]]],
  ['offs2', 'tensor', [[[0, 2]]]],
  ['psw', 'randn', [4]],
  ['psw2', 'randn', [2, 4]],
  ['mean4', 'zeros', [4]],
  ['var4', 'ones', [4]],
  ['w4', 'randn', [4]],
  ['w7', 'randn', [7]],
  ['w67', 'randn', [6, 7]],
  ['lp', 'randn', [9, 2, 4]],
  ['tgt', 'randint', [1, 4, [2, 3]]],
  ['il', 'tensor', [[9, 8]]],
  ['tl', 'tensor', [[3, 2]]],
  ['theta2', 'randn', [2, 2, 3]],
  ['theta3', 'randn', [2, 3, 4]],
  ['grid2', 'randn', [2, 3, 5, 2]],
  ['grid3', 'randn', [2, 3, 2, 2, 3]],
  ['cols', 'randn', [2, 12, 20]],
  ['ps', 'randn', [2, 8, 3, 5]],
  ['pu', 'randn', [2, 2, 6, 4]],
  [
    'i1',
    'tensor',
    [
      [
        [
          [0, 3, 4],
          [1, 2, 5],
          [0, 2, 5],
        ],
        [
          [1, 3, 5],
          [0, 3, 4],
          [1, 2, 4],
        ],
      ],
    ],
  ],
  ['p1', 'randn', [2, 3, 3]],
  [
    'i2',
    'tensor',
    [
      [
        [
          [
            [0, 3],
            [9, 10],
          ],
        ],
      ],
    ],
  ],
  ['p2', 'randn', [1, 1, 2, 2]],
  [
    'i3',
    'tensor',
    [
      [
        [
          [
            [
              [0, 3],
              [9, 10],
            ],
            [
              [17, 19],
              [24, 31],
            ],
          ],
        ],
      ],
    ],
  ],
  ['p3', 'randn', [1, 1, 2, 2, 2]],
  ['samples2', 'rand', [2, 4, 2]],
  ['samples3', 'rand', [2, 2, 3]],
  ['g1', 'randn', [2, 3, 16], { dtype: 'bfloat16' }],
  ['g2', 'randn', [2, 16, 16], { dtype: 'bfloat16' }],
  ['m16', 'randn', [16, 16]],
  ['unit', 'ones', [[]]],
  ['scale16', 'ones', [16, 1]],
  [
    'class3',
    'tensor',
    [
      [
        [0, 2],
        [3, 1],
      ],
    ],
  ],
]
// Python takes whole numbers for integers, JavaScript has none
export const inputs = given.map(
  (row): Input => (row[1] === 'tensor' ? [row[0], row[1], row[2], { dtype: 'int64' }] : row),
)

const reductions = ['none', 'mean', 'sum']
const old: Record<string, boolean>[] = [
  { size_average: false },
  { reduce: false },
  { size_average: true, reduce: true },
]
/** A loss with each reduction, new and old, and with the options given. */
const loss = (name: string, args: unknown[], ...options: Record<string, unknown>[]): Case[] => [
  [name, args],
  ...[...reductions.map((reduction) => ({ reduction })), ...old, ...options].map(
    (kwargs): Case => [name, args, kwargs],
  ),
]
/** The same without the old form. */
const newLoss = (name: string, args: unknown[], ...options: Record<string, unknown>[]): Case[] =>
  loss(name, args, ...options).filter(([, , kwargs]) => !kwargs || !('size_average' in kwargs || 'reduce' in kwargs))

export const losses: Case[] = [
  ...loss(
    'mse_loss',
    ['$a', '$b'],
    { weight: '$w3' },
    { weight: '$w3', reduction: 'none' },
    { weight: '$w3', reduction: 'sum' },
  ),
  ['mse_loss', ['$ad', '$a']],
  ['mse_loss', ['$a', '$one']],
  ['mse_loss', ['$a', '$b', null, null, 'sum']],
  ...loss(
    'l1_loss',
    ['$a', '$b'],
    { weight: '$w3' },
    { weight: '$w3', reduction: 'none' },
    { weight: '$w3', reduction: 'sum' },
  ),
  ...loss('smooth_l1_loss', ['$a', '$b'], { beta: 0 }, { beta: 0.3 }, { beta: 2.5, reduction: 'sum' }),
  ...newLoss(
    'huber_loss',
    ['$a', '$b'],
    { delta: 0.3 },
    { weight: '$w3' },
    { weight: '$w3', reduction: 'none' },
    { weight: '$w3', reduction: 'sum', delta: 2 },
  ),
  ['huber_loss', ['$a', '$b', 'sum', 0.5]],
  ...loss('poisson_nll_loss', ['$a', '$count'], { full: true }, { log_input: false, eps: 1e-3 }),
  ['poisson_nll_loss', ['$w3', '$count', false, true]],
  ...newLoss('gaussian_nll_loss', ['$a', '$b', '$w3'], { full: true }, { eps: 0.5 }, { full: true, reduction: 'none' }),
  ['gaussian_nll_loss', ['$a', '$b', 0.3]],
  ['gaussian_nll_loss', ['$a', '$b', '$three']],
  ['gaussian_nll_loss', ['$ad', '$b', '$w3', true, 1e-3, 'sum']],
  ...loss('nll_loss', ['$a', '$label'], { weight: '~row' }, { ignore_index: 1 }),
  ['nll_loss', ['$x2', '$label2', null, null, 2]],
  ['nll_loss', ['$v', '$label0']],
  ...loss('cross_entropy', ['$a', '$label'], { weight: '~row' }, { ignore_index: 1 }, { label_smoothing: 0.2 }),
  ['cross_entropy', ['$a', '$w3.sigmoid'], { label_smoothing: 0.1, weight: '~row' }],
  ['cross_entropy', ['$x2', '$label2'], { reduction: 'none' }],
  ['cross_entropy', ['$ad', '$label']],
  ['cross_entropy', ['$v', '$label0']],
  ['linear_cross_entropy', ['$a', '$lin', '$label4']],
  ['linear_cross_entropy', ['$a', '$lin', '$label4'], { linear_bias: '$b4', reduction: 'sum', label_smoothing: 0.1 }],
  ['linear_cross_entropy', ['$a', '$lin', '$label4'], { weight: '~var4', ignore_index: 1, reduction: 'none' }],
  ['linear_cross_entropy', ['$a', '$lin', '$probs']],
  ['linear_cross_entropy', ['$row', '$lin', '$label0']],
  ['linear_cross_entropy', ['$a', '$linK', '$labelK'], { linear_bias: '$biasK' }],
  ...loss('binary_cross_entropy', ['$a.sigmoid', '$bits'], { weight: '~w3' }, { weight: '~row' }),
  ...loss(
    'binary_cross_entropy_with_logits',
    ['$a', '$bits'],
    { weight: '~w3' },
    { pos_weight: '~row' },
    { weight: '~row', pos_weight: '~row', reduction: 'none' },
  ),
  ...loss(
    'kl_div',
    ['$a', '$w3'],
    { log_target: true },
    { reduction: 'batchmean' },
    { reduction: 'batchmean', log_target: true },
  ),
  ['kl_div', ['$s0', '$s0.sigmoid'], { reduction: 'batchmean' }],
  ['kl_div', ['$a', '$w3', false, null, 'batchmean']],
  ...newLoss('ctc_loss', ['$lp', '$tgt', '$il', '$tl'], { zero_infinity: true }),
  ['ctc_loss', ['$lp', '$tgt', [9, 8], [3, 2], 0, 'sum', true]],
  ['ctc_loss', ['$lp', '$tgt', '$il', '$tl', 3]],
  ...loss('margin_ranking_loss', ['$a', '$b', '$signs.float32'], { margin: 0.5 }),
  ...loss('hinge_embedding_loss', ['$a', '$signs.float32'], { margin: 0.3 }),
  ...loss('cosine_embedding_loss', ['$a', '$b', '$sign.float32'], { margin: 0.3 }),
  ...loss('multilabel_margin_loss', ['$a', '$multi']),
  ...loss('soft_margin_loss', ['$a', '~signs.float32']),
  ...loss('multilabel_soft_margin_loss', ['$a', '$bits'], { weight: '$row' }),
  ['multilabel_soft_margin_loss', ['$v', '$v.sigmoid']],
  ...loss('multi_margin_loss', ['$a', '$label'], { p: 2 }, { margin: 0.4 }, { weight: '~row' }),
  ...loss(
    'triplet_margin_loss',
    ['$a', '$b', '$c'],
    { margin: 2 },
    { p: 1 },
    { eps: 0.1 },
    { swap: true, reduction: 'none' },
  ),
  ...newLoss(
    'triplet_margin_with_distance_loss',
    ['$a', '$b', '$c'],
    { swap: true },
    { margin: 0.3 },
    { distance_function: '&l1' },
    { distance_function: '&squared', swap: true, reduction: 'none', margin: 3 },
  ),
  ['mse_loss', ['$a', '$b'], { reduction: 'elementwise_mean' }],
]
