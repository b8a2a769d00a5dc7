/** Convolutions, transposed and not, against live Python. */
import { type Case, testLayers } from './layers.js'

const image = [2, 4, 5, 6]
const cases: Case[] = [
  ['ConvTranspose1d', [3, 4, 3], {}, [2, 3, 9]],
  ['ConvTranspose1d', [3, 4, [2]], { stride: [3], padding: 1, output_padding: 2 }, [3, 9]],
  ['ConvTranspose1d', [4, 6, 3, 2, 1, 1, 2, false, 2], {}, [2, 4, 9]],
  ['ConvTranspose1d', [3, 4, 3, 2], {}, [2, 3, 5], { list: [12] }],
  ['ConvTranspose1d', [3, 4, 3, 2], { padding: 1 }, [3, 5], { list: [4, 9] }],
  ['ConvTranspose1d', [4, 4, 5], { groups: 4, dtype: 'float64' }, [2, 4, 7]],
  ['ConvTranspose2d', [4, 3, 3], {}, image],
  ['ConvTranspose2d', [4, 3, [3, 2]], { stride: [2, 3], padding: [1, 0], output_padding: [1, 2] }, image],
  ['ConvTranspose2d', [4, 6, 3, 2, 1, 0, 2], {}, image],
  ['ConvTranspose2d', [4, 3, 3], { bias: false }, image],
  ['ConvTranspose2d', [4, 3, 2], { dilation: [2, 3], output_padding: 1 }, image],
  ['ConvTranspose2d', [4, 3, 3, 2, 1], {}, image, { list: [10, 11] }],
  ['ConvTranspose2d', [4, 3, 3, 2, 1], {}, image, { list: [2, 3, 9, 12] }],
  ['ConvTranspose2d', [4, 3, 3, 2, 1], {}, [4, 5, 6], null],
  ['ConvTranspose2d', [4, 3, 4, 2, 1, 0, 1, true, 1, 'zeros', 'cpu', 'float64'], {}, image],
  ['ConvTranspose2d', [4, 3, 3], { dtype: 'float64', padding_mode: 'zeros' }, [4, 5, 6]],
  ['ConvTranspose3d', [2, 4, [1, 2, 3]], { groups: 2 }, [1, 2, 3, 4, 5]],
  ['ConvTranspose3d', [2, 3, 2, 2], { output_padding: [0, 1, 1], bias: false }, [2, 3, 2, 3]],
  ['ConvTranspose3d', [2, 3, 3, 2, 1], { dilation: [1, 2, 1] }, [1, 2, 2, 3, 2], { list: [3, 8, 4] }],
  ['Conv1d', [4, 6, 3, 2, 1, 2, 2, false], {}, [2, 4, 19]],
  ['Conv1d', [3, 4, [4]], { padding: 'same', padding_mode: 'replicate' }, [3, 9]],
  ['Conv1d', [3, 4, 3], { padding: 'same', dilation: 2, dtype: 'float64' }, [2, 3, 9]],
  ['Conv1d', [3, 4, 3], { padding: 'valid', padding_mode: 'reflect' }, [2, 3, 9]],
  ['Conv2d', [4, 3, [2, 5]], { padding: 'same', dilation: [3, 1], padding_mode: 'reflect' }, [2, 4, 9, 8]],
  ['Conv2d', [4, 3, [4, 1]], { padding: [2, 0], padding_mode: 'circular', stride: 2 }, image],
  ['Conv2d', [4, 8, 3, 1, 1, 1, 4, true, 'zeros', 'cpu', 'bfloat16'], {}, image],
  ['Conv2d', [0, 3, 3], {}, [1, 0, 5, 5]],
  [
    'Conv3d',
    [2, 4, [1, 2, 3]],
    { stride: [1, 2, 1], padding: [0, 1, 1], dilation: [1, 1, 2], bias: false },
    [2, 3, 4, 7],
  ],
  ['Conv3d', [2, 3, 3], { padding: 1, padding_mode: 'replicate', dtype: 'float64' }, [1, 2, 4, 4, 5]],
  ['Conv3d', [2, 3, [2, 3, 4]], { padding: 'same', padding_mode: 'circular' }, [1, 2, 4, 4, 5]],
]

testLayers('convolutions have the parameters, outputs, gradients, keys and text of Python', cases)
