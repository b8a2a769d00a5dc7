/** Pooling, upsampling, folding and shuffling layers against live Python. */
import { type Case, testLayers } from './layers.js'

const signal = [2, 3, 11]
const image = [2, 3, 9, 7]
const volume = [2, 2, 6, 7, 5]

const maxCases: Case[] = [
  ['MaxPool1d', [2], {}, signal],
  ['MaxPool1d', [[3]], { stride: [2], padding: [1], dilation: [2], ceil_mode: true }, signal],
  ['MaxPool1d', [3, 2, 1, 1, true, true], {}, signal],
  ['MaxPool1d', [3, null, 0, 2], {}, [3, 11]],
  ['MaxPool1d', [], { kernel_size: 4, return_indices: true }, [3, 11]],
  ['MaxPool1d', [3], { stride: 1, padding: 1 }, 'double:2:3:11'],
  ['MaxPool2d', [2], {}, [3, 9, 7]],
  ['MaxPool2d', [[2, 3], [1, 2], [1, 0], [2, 1], true, true], {}, image],
  ['MaxPool2d', [3, [2, 1]], { dilation: 2 }, 'double:2:3:9:7'],
  ['MaxPool2d', [2], {}, 'classes:9:1:1:4:4'],
  ['MaxPool2d', [2], {}, [0, 3, 4, 4]],
  ['MaxPool3d', [2], {}, volume],
  ['MaxPool3d', [[2, 3, 1], [1, 2, 2], [1, 1, 0], [2, 1, 3], true, true], {}, volume],
  ['MaxPool3d', [3, 2], { padding: 1, ceil_mode: true }, [2, 6, 7, 5]],
  ['MaxPool3d', [], { kernel_size: 2, stride: null, dilation: 2, return_indices: true }, 'double:1:2:5:4:6'],

  [
    'MaxUnpool1d',
    [2],
    {},
    [1, 2, 3],
    {
      tensor: [
        [
          [1, 2, 4],
          [0, 3, 5],
        ],
      ],
    },
  ],
  [
    'MaxUnpool1d',
    [2],
    {},
    [1, 2, 3],
    {
      tensor: [
        [
          [1, 2, 4],
          [0, 3, 6],
        ],
      ],
    },
    { list: [1, 2, 7] },
  ],
  [
    'MaxUnpool1d',
    [[3], [2], [1]],
    {},
    [2, 3],
    {
      tensor: [
        [0, 2, 4],
        [1, 2, 3],
      ],
    },
    { list: [6] },
  ],
  ['MaxUnpool1d', [], { kernel_size: 3, stride: 2, padding: 1 }, 'double:1:1:3', { tensor: [[[0, 2, 4]]] }, null],
  [
    'MaxUnpool2d',
    [2],
    {},
    [1, 1, 2, 2],
    {
      tensor: [
        [
          [
            [0, 3],
            [9, 14],
          ],
        ],
      ],
    },
  ],
  [
    'MaxUnpool2d',
    [2, 2],
    {},
    [1, 1, 2, 2],
    {
      tensor: [
        [
          [
            [6, 8],
            [16, 18],
          ],
        ],
      ],
    },
    { list: [1, 1, 5, 5] },
  ],
  [
    'MaxUnpool2d',
    [
      [3, 2],
      [2, 1],
      [1, 0],
    ],
    {},
    [1, 2, 2],
    {
      tensor: [
        [
          [0, 2],
          [7, 8],
        ],
      ],
    },
    { list: [3, 3] },
  ],
  ['MaxUnpool2d', [], { kernel_size: 2, stride: null, padding: 0 }, 'double:1:1:1:2', { tensor: [[[[0, 3]]]] }],
  ['MaxUnpool3d', [2], {}, [1, 1, 1, 2, 1], { tensor: [[[[[3], [13]]]]] }],
  [
    'MaxUnpool3d',
    [
      [1, 2, 2],
      [1, 2, 1],
      [0, 0, 0],
    ],
    {},
    [1, 2, 1, 2],
    { tensor: [[[[0, 5]], [[2, 3]]]] },
  ],
  ['MaxUnpool3d', [2], { stride: 2, padding: 0 }, 'double:1:1:1:1:1', { tensor: [[[[[4]]]]] }, { list: [2, 3, 2] }],

  ['FractionalMaxPool2d', [2, 3], {}, image],
  [
    'FractionalMaxPool2d',
    [
      [3, 2],
      [3, 2],
    ],
    { return_indices: true },
    image,
  ],
  ['FractionalMaxPool2d', [2], { output_ratio: 0.6 }, [3, 9, 7]],
  ['FractionalMaxPool2d', [2, null, [0.5, 0.7], true], {}, 'double:2:3:9:7'],
  [
    'FractionalMaxPool2d',
    [2, 4],
    {
      _random_samples: {
        tensor: [
          [
            [0.1, 0.9],
            [0.3, 0.2],
          ],
        ],
      },
    },
    [1, 2, 9, 7],
  ],
  ['FractionalMaxPool3d', [2, 3], {}, volume],
  [
    'FractionalMaxPool3d',
    [
      [3, 2, 1],
      [3, 2, 4],
    ],
    { return_indices: true },
    volume,
  ],
  ['FractionalMaxPool3d', [2], { output_ratio: [0.5, 0.6, 0.7] }, [2, 6, 7, 5]],
  ['FractionalMaxPool3d', [2, null, 0.5], { return_indices: true }, 'double:1:2:6:7:5'],
  [
    'FractionalMaxPool3d',
    [
      2,
      3,
      null,
      false,
      {
        tensor: [
          [
            [0.1, 0.9, 0.4],
            [0.3, 0.2, 0.8],
          ],
        ],
      },
    ],
    {},
    [1, 2, 6, 7, 5],
  ],
]

const averageCases: Case[] = [
  ['AvgPool1d', [3], {}, signal],
  ['AvgPool1d', [[3], [2], [1]], { ceil_mode: true, count_include_pad: false }, signal],
  ['AvgPool1d', [4, 3, 2, true, true], {}, [3, 11]],
  ['AvgPool1d', [], { kernel_size: 2, stride: null, padding: 1 }, 'double:2:3:11'],
  ['AvgPool2d', [3], {}, image],
  ['AvgPool2d', [[3, 2], [2, 1], [1, 0], true, false, 5], {}, image],
  ['AvgPool2d', [3, 2], { padding: 1, ceil_mode: true }, [3, 9, 7]],
  ['AvgPool2d', [], { kernel_size: 2, stride: null, count_include_pad: false, padding: 1 }, 'double:2:3:9:7'],
  ['AvgPool2d', [2], { divisor_override: -3 }, image],
  ['AvgPool2d', [3], {}, 'classes:9:1:1:4:4'],
  ['AvgPool3d', [2], {}, volume],
  ['AvgPool3d', [[3, 2, 1], [2, 1, 3], [1, 0, 0], true, false, 4], {}, volume],
  ['AvgPool3d', [3, 2], { padding: 1, ceil_mode: true, count_include_pad: false }, [2, 6, 7, 5]],
  ['AvgPool3d', [], { kernel_size: [2, 3, 2], stride: 1, divisor_override: 7 }, 'double:1:2:5:4:6'],

  ['LPPool1d', [2, 3], {}, signal],
  ['LPPool1d', [{ float: 1.5 }, 3, 2, true], {}, 'rand:2:3:11'],
  ['LPPool1d', [3, 2], { stride: [1] }, [3, 11]],
  ['LPPool1d', [], { norm_type: 2, kernel_size: 4, stride: null, ceil_mode: true }, 'double:2:3:11'],
  ['LPPool2d', [2, 3], {}, image],
  ['LPPool2d', [1, [3, 2]], { stride: [2, 1], ceil_mode: true }, image],
  ['LPPool2d', [{ float: 2.5 }, 2, 1], {}, 'rand:3:9:7'],
  ['LPPool2d', [], { norm_type: -1, kernel_size: 2 }, 'double:2:3:9:7'],
  ['LPPool2d', [{ float: 'NaN' }, 2], {}, image],
  ['LPPool1d', [{ float: 'Infinity' }, 3, 2, true], {}, signal],
  ['LPPool2d', [{ float: '-Infinity' }, [3, 2]], { stride: 1 }, image],
  ['LPPool3d', [{ float: 'Infinity' }, 2], {}, volume],
  ['LPPool3d', [2, 2], {}, volume],
  ['LPPool3d', [3, [2, 1, 2], [1, 2, 1], true], {}, volume],
  ['LPPool3d', [], { norm_type: 0.5, kernel_size: 2, stride: 2 }, 'rand:2:6:7:5'],
  ['LPPool3d', [2, 3], { ceil_mode: true }, 'double:1:2:5:4:6'],
]

const adaptiveCases: Case[] = [
  ['AdaptiveMaxPool1d', [4], {}, signal],
  ['AdaptiveMaxPool1d', [[4], true], {}, signal],
  ['AdaptiveMaxPool1d', [], { output_size: 5, return_indices: true }, [3, 11]],
  ['AdaptiveMaxPool1d', [20], {}, 'double:2:3:11'],
  ['AdaptiveMaxPool2d', [3], {}, image],
  ['AdaptiveMaxPool2d', [[4, 2], true], {}, image],
  ['AdaptiveMaxPool2d', [[null, 2]], { return_indices: true }, [3, 9, 7]],
  ['AdaptiveMaxPool2d', [], { output_size: [5, null] }, 'double:2:3:9:7'],
  ['AdaptiveMaxPool2d', [[null, null]], {}, image],
  ['AdaptiveMaxPool3d', [3], {}, volume],
  ['AdaptiveMaxPool3d', [[4, 2, 1], true], {}, volume],
  ['AdaptiveMaxPool3d', [[null, 2, null]], { return_indices: true }, [2, 6, 7, 5]],
  ['AdaptiveMaxPool3d', [], { output_size: [5, null, 2] }, 'double:1:2:6:7:5'],

  ['AdaptiveAvgPool1d', [4], {}, signal],
  ['AdaptiveAvgPool1d', [[4]], {}, [3, 11]],
  ['AdaptiveAvgPool1d', [], { output_size: 1 }, 'double:2:3:11'],
  ['AdaptiveAvgPool2d', [1], {}, image],
  ['AdaptiveAvgPool2d', [[1, 1]], {}, image],
  ['AdaptiveAvgPool2d', [[4, 2]], {}, [3, 9, 7]],
  ['AdaptiveAvgPool2d', [[null, 3]], {}, 'double:2:3:9:7'],
  ['AdaptiveAvgPool2d', [], { output_size: [20, null] }, image],
  ['AdaptiveAvgPool2d', [[null, null]], {}, image],
  ['AdaptiveAvgPool3d', [2], {}, volume],
  ['AdaptiveAvgPool3d', [[4, 2, 1]], {}, [2, 6, 7, 5]],
  ['AdaptiveAvgPool3d', [[null, 2, null]], {}, volume],
  ['AdaptiveAvgPool3d', [], { output_size: [1, 1, null] }, 'double:1:2:6:7:5'],
]

const resizeCases: Case[] = [
  ['Upsample', [5], {}, signal],
  ['Upsample', [[5, 12]], {}, image],
  ['Upsample', [null, 2], {}, image],
  ['Upsample', [null, [{ float: 2 }, 1.5]], {}, image],
  ['Upsample', [null, [1.3, 2, 0.7], 'nearest'], {}, volume],
  ['Upsample', [], { size: [4, 14, 3], mode: 'nearest-exact' }, volume],
  ['Upsample', [], { scale_factor: 1.7, mode: 'nearest-exact' }, signal],
  ['Upsample', [], { scale_factor: 0.6, mode: 'nearest-exact' }, image],
  ['Upsample', [], { scale_factor: 1.7, mode: 'linear' }, signal],
  ['Upsample', [], { size: [7], mode: 'linear', align_corners: true }, 'double:2:3:11'],
  ['Upsample', [], { scale_factor: 1.7, mode: 'linear', recompute_scale_factor: true }, signal],
  ['Upsample', [], { scale_factor: [1.7, 0.4], mode: 'bilinear', align_corners: false }, image],
  ['Upsample', [null, 2, 'bilinear', true], {}, image],
  ['Upsample', [null, 1.26, 'bilinear', false, true], {}, 'double:2:3:9:7'],
  ['Upsample', [null, 1.26, 'bilinear', null, false], {}, image],
  ['Upsample', [[13, 5]], { mode: 'bicubic' }, image],
  ['Upsample', [], { scale_factor: 1.4, mode: 'bicubic', align_corners: true }, image],
  ['Upsample', [], { size: 6, mode: 'trilinear' }, volume],
  ['Upsample', [], { scale_factor: [1.5, 2, 0.5], mode: 'trilinear', align_corners: true }, volume],
  ['Upsample', [], { size: [4], mode: 'area' }, signal],
  ['Upsample', [], { scale_factor: 0.5, mode: 'area' }, image],
  ['Upsample', [], { scale_factor: [1.5, 1, 0.5], mode: 'area' }, volume],
  ['Upsample', [[4, 4], 0], {}, image],
  ['UpsamplingNearest2d', [5], {}, image],
  ['UpsamplingNearest2d', [[5, 12]], {}, image],
  ['UpsamplingNearest2d', [], { scale_factor: 2 }, 'double:2:3:9:7'],
  ['UpsamplingNearest2d', [null, [1.5, 0.5]], {}, image],
  ['UpsamplingBilinear2d', [5], {}, image],
  ['UpsamplingBilinear2d', [[5, 12]], {}, image],
  ['UpsamplingBilinear2d', [], { scale_factor: 2 }, 'double:2:3:9:7'],
  ['UpsamplingBilinear2d', [null, [1.5, 0.5]], {}, image],

  ['PixelShuffle', [2], {}, [2, 8, 3, 5]],
  ['PixelShuffle', [], { upscale_factor: 3 }, [9, 2, 1]],
  ['PixelShuffle', [1], {}, 'double:2:1:4:2:3'],
  ['PixelUnshuffle', [2], {}, [2, 3, 4, 6]],
  ['PixelUnshuffle', [], { downscale_factor: 3 }, [1, 6, 3]],
  ['PixelUnshuffle', [1], {}, 'double:2:1:4:2:3'],
  ['ChannelShuffle', [2], {}, [2, 6, 3, 5]],
  ['ChannelShuffle', [], { groups: 3 }, [2, 6, 4]],
  ['ChannelShuffle', [1], {}, 'double:1:4:2:3:2'],

  ['Unfold', [2], {}, image],
  [
    'Unfold',
    [
      [2, 3],
      [2, 1],
      [1, 0],
      [1, 2],
    ],
    {},
    image,
  ],
  ['Unfold', [], { kernel_size: 3, dilation: 1, padding: 1, stride: 2 }, 'double:3:9:7'],
  ['Fold', [[4, 5], 2], {}, [2, 12, 12]],
  ['Fold', [4, [2, 3]], { stride: [2, 1] }, [2, 6, 4]],
  [
    'Fold',
    [
      [5, 6],
      [2, 3],
      [2, 1],
      [1, 0],
      [1, 2],
    ],
    {},
    [12, 10],
  ],
  ['Fold', [], { output_size: 4, kernel_size: 3, dilation: 1, padding: 1, stride: 2 }, 'double:1:18:4'],
]

testLayers('layers that take the largest value of windows are those of Python', maxCases)
testLayers('layers that average windows are those of Python', averageCases)
testLayers('layers that pool to a given size are those of Python', adaptiveCases)
testLayers('layers that resize, shuffle, fold and unfold are those of Python', resizeCases)
