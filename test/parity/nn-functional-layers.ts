/** Calls of nn.functional that are no losses. The form is that of nn-functional-cases.ts. */
import type { Case } from './nn-functional-cases.js'

/** One call for each set of arguments behind the first. */
const each = (name: string, first: unknown[], ...sets: (Record<string, unknown> | unknown[])[]): Case[] => [
  [name, first],
  ...sets.map((set): Case => (Array.isArray(set) ? [name, [...first, ...set]] : [name, first, set])),
]
/** An activation: positive and in place, another dtype, other options. */
const activation = (name: string, ...options: Record<string, unknown>[]): Case[] => [
  [name, ['$a']],
  [name, ['$ad']],
  [name, ['$half']],
  [name, ['$x1'], { inplace: false }],
  [name, ['!a'], { inplace: true }],
  ...options.flatMap((kwargs): Case[] => [
    [name, ['$x1'], kwargs],
    [name, ['!x1'], { ...kwargs, inplace: true }],
  ]),
]
const upsampling = (dims: number, modes: string[], aligned: boolean): Case[] => {
  const x = `$x${dims}`
  const some = [7, 3, 9].slice(0, dims)
  const by = [1.5, 0.6, 2.3].slice(0, dims)
  return modes.flatMap((mode): Case[] => [
    ['interpolate', [x, 5], { mode }],
    ['interpolate', [x, some, null, mode]],
    ['interpolate', [x], { scale_factor: 1.7, mode }],
    ['interpolate', [x], { scale_factor: by, mode, recompute_scale_factor: true }],
    ['interpolate', [x], { scale_factor: by, mode, recompute_scale_factor: false }],
    ...(aligned
      ? ([
          ['interpolate', [x, some], { mode, align_corners: true }],
          ['interpolate', [x], { scale_factor: by, mode, align_corners: true }],
          ['interpolate', [x, some], { mode, align_corners: false }],
        ] as Case[])
      : []),
  ])
}
const gridSamples = ['bilinear', 'nearest', 'bicubic'].flatMap((mode) =>
  ['zeros', 'border', 'reflection'].map((padding_mode, i): Case => {
    const align_corners = i !== 1
    return ['grid_sample', ['$x2', '$grid2'], { mode, padding_mode, align_corners }]
  }),
)
const dropouts = (name: string, x: string): Case[] => [
  [name, [`$${x}`]],
  [name, [`$${x}`, 0.3], { training: true }],
  [name, [`$${x}`], { p: 0.8, training: false }],
  [name, [`!${x}`, 0.4, true, true]],
  [name, [`$${x}`, 0, true]],
  [name, [`$${x}`, 1, true]],
]
const pools = (d: number): Case[] => {
  const x = `$x${d}`
  const size = [3, 2, 2].slice(0, d)
  return [
    ...each(
      `max_pool${d}d`,
      [x, 2],
      [1],
      { stride: 1, padding: 1 },
      { dilation: 2 },
      { ceil_mode: true },
      { return_indices: true },
      [null, 0, 1, false, true],
    ),
    [`max_pool${d}d`, [x, size, size, 1]],
    [`max_pool${d}d_with_indices`, [x, size], { ceil_mode: true, padding: 1 }],
    [`max_pool${d}d_with_indices`, [x, 2, 1]],
    ...each(
      `avg_pool${d}d`,
      [x, 2],
      [1],
      { stride: null, padding: 1 },
      { ceil_mode: true, padding: 1, count_include_pad: false },
      [3, 1, true, false],
    ),
    [`avg_pool${d}d`, [x, size]],
    ...(d > 1 ? ([[`avg_pool${d}d`, [x, 2], { divisor_override: 3 }]] as Case[]) : []),
    ...each(`lp_pool${d}d`, [x, 2, 2], [1], { ceil_mode: true }),
    [`lp_pool${d}d`, [x, '@inf', 2]],
    [`lp_pool${d}d`, [x, '@-inf', 2, 1]],
    [`lp_pool${d}d`, [x, 3, 2], { stride: 1 }],
    ...each(`adaptive_max_pool${d}d`, [x, 2], { return_indices: true }, [true]),
    [`adaptive_max_pool${d}d_with_indices`, [x, size]],
    [`adaptive_avg_pool${d}d`, [x, 2]],
    [`adaptive_avg_pool${d}d`, [x, size]],
    ...(d > 1
      ? ([
          [`adaptive_avg_pool${d}d`, [x, [null, ...size.slice(1)]]],
          [`adaptive_max_pool${d}d`, [x, [...size.slice(1), null]]],
          [`lp_pool${d}d`, [x, 2, size]],
        ] as Case[])
      : []),
  ]
}

export const layers: Case[] = [
  ...activation('relu'),
  ...activation('relu6'),
  ...activation('selu'),
  ...activation('silu'),
  ...activation('mish'),
  ...activation('hardswish'),
  ...activation('hardsigmoid'),
  ...activation('elu', { alpha: 0.3 }),
  ...activation('celu', { alpha: 0.3 }),
  ...activation('leaky_relu', { negative_slope: 0.3 }),
  ...activation('hardtanh', { min_val: -0.3 }, { min_val: -0.5, max_val: 0.4 }),
  ...activation('rrelu', { training: true }, { lower: 0.2, upper: 0.7, training: true }),
  ['threshold', ['$a', 0.1, 20]],
  ['threshold', ['!a', -0.5, 2, true]],
  ['threshold', ['$a'], { threshold: 0.3, value: -1 }],
  ...['relu_', 'selu_', 'elu_', 'celu_', 'leaky_relu_', 'hardtanh_', 'rrelu_'].map((name): Case => [name, ['!a']]),
  ['elu_', ['!a', 0.4]],
  ['celu_', ['!a', 0.4]],
  ['hardtanh_', ['!a', -0.2, 0.3]],
  ['leaky_relu_', ['!a', 0.4]],
  ['rrelu_', ['!a', 0.1, 0.2, true]],
  ['threshold_', ['!a', 0.1, 3]],
  ...[
    'sigmoid',
    'tanh',
    'tanhshrink',
    'softsign',
    'logsigmoid',
    'gelu',
    'softplus',
    'softshrink',
    'hardshrink',
  ].flatMap((name): Case[] => [
    [name, ['$a']],
    [name, ['$ad']],
  ]),
  ['gelu', ['$a'], { approximate: 'tanh' }],
  ['softplus', ['$a', 2, 1]],
  ['softplus', ['$a'], { beta: 0.5 }],
  ['softshrink', ['$a', 0.2]],
  ['hardshrink', ['$a', 0.2]],
  ['prelu', ['$x2', '$b4']],
  ['glu', ['$x2', 1]],
  ['glu', ['$x2'], { dim: -2 }],
  ...['softmax', 'softmin', 'log_softmax'].flatMap((name): Case[] => [
    [name, ['$a', 1]],
    [name, ['$x2'], { dim: -1 }],
    [name, ['$a', 0], { dtype: 'float64' }],
    [name, ['$a']],
    [name, ['$x1']],
    [name, ['$v']],
  ]),
  ...each('gumbel_softmax', ['$a'], [0.5], [1, true], { hard: true, dim: 0 }, { tau: 2.5, dim: 0 }),
  ['gumbel_softmax', ['$ad']],
  ['gumbel_softmax', ['$a'], { eps: 0.1 }],

  ...dropouts('dropout', 'x2'),
  ...dropouts('alpha_dropout', 'x2'),
  ...dropouts('feature_alpha_dropout', 'x2'),
  ...dropouts('dropout1d', 'x1'),
  ...dropouts('dropout1d', 'a'),
  ...dropouts('dropout2d', 'x2'),
  ...dropouts('dropout2d', 'x1'),
  ...dropouts('dropout2d', 'a'),
  ...dropouts('dropout3d', 'x3'),
  ...dropouts('dropout3d', 'u3'),

  ...pools(1),
  ...pools(2),
  ...pools(3),
  ['max_pool2d', ['$u2', 3, 2, 1]],
  ['max_pool2d', ['$x2d', 3, 2, 1]],
  ['max_unpool1d', ['$p1', '$i1', 2]],
  ['max_unpool1d', ['$p1', '$i1', 2], { output_size: [7] }],
  ['max_unpool2d', ['$p2', '$i2', 2]],
  ['max_unpool2d', ['$p2', '$i2', [2, 2], 2, 0, [1, 1, 5, 5]]],
  ['max_unpool2d', ['$p2', '$i2', 3], { stride: 2, padding: 0, output_size: [5, 4] }],
  ['max_unpool3d', ['$p3', '$i3', 2]],
  ['max_unpool3d', ['$p3', '$i3', 2, 2], { output_size: [5, 4, 4] }],
  ...each(
    'fractional_max_pool2d',
    ['$x2', 2],
    [3],
    { output_ratio: [0.6, 0.6] },
    { output_size: [3, 4], return_indices: true },
  ).slice(1),
  ['fractional_max_pool2d', ['$u2', [3, 2]], { output_ratio: [0.4, 0.5] }],
  ['fractional_max_pool2d', ['$x2', 2, 3], { _random_samples: '~samples2' }],
  ['fractional_max_pool2d_with_indices', ['$x2d', 2, 3]],
  ...each(
    'fractional_max_pool3d',
    ['$x3', 2],
    [2],
    { output_ratio: 0.6 },
    { output_size: [3, 4, 2], return_indices: true },
  ).slice(1),
  ['fractional_max_pool3d', ['$u3', 2], { output_ratio: [0.4, 0.5, 0.6] }],
  ['fractional_max_pool3d_with_indices', ['$x3', 2, 2], { _random_samples: '~samples3' }],

  ...each('linear', ['$a', '$lin'], ['$b4'], { bias: '$b4' }),
  ['bilinear', ['$a', '$b', '$bil']],
  ['bilinear', ['$a', '$b', '$bil', '$b4']],
  ...each('conv1d', ['$x1', '$k1'], ['$b4', 2, 1], { padding: 'same' }, { dilation: 2, bias: '$b4' }),
  ...each('conv2d', ['$x2', '$k2'], ['$b6', [2, 1], [1, 0]], { padding: 'valid' }, { dilation: [2, 1], stride: 2 }),
  ['conv2d', ['$x2', '$k2g'], { groups: 2 }],
  ...each('conv3d', ['$x3', '$k3'], ['$b3', 2, [1, 1, 0]], { stride: [1, 2, 1] }),
  ['conv_tbc', ['$tbc', '$ktbc', '$b4']],
  ['conv_tbc', ['$tbc', '$ktbc', '$b4', 2]],
  ...each('conv_transpose1d', ['$x1', '$t1'], ['$b4', 2, 1, 1], { dilation: 2 }),
  ...each('conv_transpose2d', ['$x2', '$t2'], ['$b3', 2, 1, [1, 0]], { stride: [1, 2] }),
  ...each('conv_transpose3d', ['$x3', '$t3'], ['$b3', 2], { dilation: 2, padding: 1 }),

  ...['constant', 'reflect', 'replicate', 'circular'].flatMap((mode): Case[] => [
    ['pad', ['$x1', [2, 1]], { mode }],
    ['pad', ['$x2', [2, 1, 0, 3], mode]],
    ['pad', ['$x3', [2, 1, 1, 3, 1, 2], mode]],
  ]),
  ['pad', ['$x2', [1, 2, 3, 4, 1, 1, 0, 2], 'constant', -1.5]],
  ['pad', ['$x2', [-1, 2, 0, -2]], { value: 3 }],
  ['pad', ['$x2', []]],

  ...upsampling(1, ['nearest', 'nearest-exact', 'area'], false),
  ...upsampling(2, ['nearest', 'nearest-exact', 'area'], false),
  ...upsampling(3, ['nearest', 'nearest-exact', 'area'], false),
  ...upsampling(1, ['linear'], true),
  ...upsampling(2, ['bilinear', 'bicubic'], true),
  ...upsampling(3, ['trilinear'], true),
  ...['bilinear', 'bicubic', 'lanczos'].flatMap((mode): Case[] => [
    ['interpolate', ['$x2', [3, 4]], { mode, antialias: true }],
    ['interpolate', ['$x2'], { scale_factor: 0.6, mode, antialias: true }],
    ['interpolate', ['$x2d', [9, 4], null, mode, false, null, true]],
  ]),
  ['upsample', ['$x2', 5]],
  ['upsample', ['$x2', null, 2, 'bilinear', true]],
  ['upsample_nearest', ['$x2'], { scale_factor: 2 }],
  ['upsample_nearest', ['$x1', [5]]],
  ['upsample_bilinear', ['$x2', [3, 9]]],
  ['upsample_bilinear', ['$x2'], { scale_factor: [1.5, 2] }],
  ...gridSamples,
  ['grid_sample', ['$x2', '$grid2']],
  ['grid_sample', ['$x3', '$grid3', 'nearest', 'border', true]],
  ['grid_sample', ['$x3', '$grid3'], { align_corners: false }],
  ['affine_grid', ['$theta2', [2, 3, 4, 5]]],
  ['affine_grid', ['$theta2', [2, 3, 4, 5], true]],
  ['affine_grid', ['$theta3', [2, 3, 4, 5, 2]], { align_corners: false }],
  ['affine_grid', ['$theta2', [2, 3, 1, 5], true]],

  ['pixel_shuffle', ['$ps', 2]],
  ['pixel_unshuffle', ['$pu', 2]],
  ['channel_shuffle', ['$ps', 4]],
  ['native_channel_shuffle', ['~ps', 2]],
  ...each('unfold', ['$x2', 2], [2, 1, 2]),
  ['unfold', ['$x2', [3, 2]], { dilation: [1, 2], padding: [1, 0], stride: 2 }],
  ['fold', ['$cols', [5, 6], 2]],
  ['fold', ['$cols', [6, 5], [2, 2]], { padding: 0, dilation: 1, stride: 1 }],

  ...each('normalize', ['$x2'], [1], [2, -1], { p: 3, dim: 0, eps: 10 }, { p: '@inf', dim: 2 }),
  ['normalize', ['$x2'], { dim: [1, 2] }],
  ['normalize', ['$ad', 2, 0]],
  ...each('cosine_similarity', ['$a', '$b'], [0], { dim: 1, eps: 10 }),
  ...each('pairwise_distance', ['$a', '$b'], [1], { p: 3, eps: 0.1, keepdim: true }),
  ...each('pdist', ['$a'], [1], { p: '@inf' }, { p: 0 }),
  ['one_hot', ['$class3']],
  ['one_hot', ['$class3', 6]],
  ['one_hot', ['$labels'], { num_classes: 5 }],

  ...each('embedding', ['$ind2', '$table'], [2], [-1], { padding_idx: 0, scale_grad_by_freq: true }, { sparse: true }),
  ['embedding', ['$ind2', '!table', null, 0.5]],
  ['embedding', ['$ind2', '!table'], { max_norm: 1, norm_type: 1 }],
  ...each(
    'embedding_bag',
    ['$ind2', '$table'],
    { mode: 'sum' },
    { mode: 'max' },
    { mode: 'sum', per_sample_weights: '$psw2' },
    { padding_idx: 1 },
    { mode: 'sum', scale_grad_by_freq: true },
    { mode: 'mean', sparse: true },
  ),
  ['embedding_bag', ['$ind1', '$table', '$offs']],
  ['embedding_bag', ['$ind1', '$table'], { offsets: '$offs3', include_last_offset: true, mode: 'max' }],
  ['embedding_bag', ['$ind1', '$table', '$offs'], { mode: 'sum', per_sample_weights: '$psw' }],
  ['embedding_bag', ['$ind1', '!table', '$offs', 0.5, 1]],

  ...each('batch_norm', ['$x2', '~mean4', '~var4'], ['$w4', '$b4'], { weight: '$w4', eps: 0.1 }),
  ['batch_norm', ['$x2', null, null], { training: true }],
  ...each('instance_norm', ['$x2'], [null, null, '$w4', '$b4'], { eps: 0.1, weight: '$w4' }),
  ...each('layer_norm', ['$x2', [7]], ['$w7'], { weight: '$w7', bias: '$w7', eps: 0.1 }),
  ['layer_norm', ['$x2', [6, 7], '$w67', '$w67']],
  ...each('rms_norm', ['$x2', [7]], ['$w7'], { eps: 0.1 }),
  ['rms_norm', ['$x2d', [6, 7]]],
  ...each('group_norm', ['$x2', 2], ['$w4', '$b4'], { eps: 0.1 }),
  ['group_norm', ['$x1', 3]],
  ...each('local_response_norm', ['$x2', 3], [0.01, 0.5, 2], { alpha: 0.1 }),
  ['local_response_norm', ['$x1', 2]],
  ['local_response_norm', ['$x3', 2], { k: 3, beta: 0.2 }],
  ['local_response_norm', ['$empty', 2]],

  ['grouped_mm', ['$g1', '$g2']],
  ['scaled_mm', ['~m16.float8_e4m3fn', '~m16.t.float8_e4m3fn', '~unit', '%TensorWise', '~unit', '%TensorWise']],
  [
    'scaled_mm',
    ['~m16.float8_e4m3fn', '~m16.t.float8_e4m3fn', ['~unit'], ['%TensorWise'], ['~unit'], ['%TensorWise']],
    { output_dtype: 'float32' },
  ],
  // running statistics are written in place
  ['batch_norm', ['$x2', '=mean4', '=var4'], { training: true, momentum: 0.3 }],
]
