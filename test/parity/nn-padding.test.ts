/** Padding layers against live Python. */
import { type Case, testLayers } from './layers.js'

const signal = [2, 3, 6]
const image = [2, 3, 5, 4]
const volume = [1, 2, 4, 3, 5]

/** One number, all sides, fewer dimensions, without a batch, cutting off, by name and in float64. */
function padding(kind: string, ...more: number[]): Case[] {
  return [
    [`${kind}1d`, [2, ...more], {}, signal],
    [`${kind}1d`, [[1, 3], ...more], {}, signal],
    [`${kind}1d`, [[2, -1], ...more], {}, [3, 6]],
    [
      `${kind}1d`,
      [...(more.length > 0 ? [[1, 2], ...more] : [])],
      more.length > 0 ? {} : { padding: [1, 2] },
      'double:2:3:6',
    ],
    [`${kind}2d`, [1, ...more], {}, image],
    [`${kind}2d`, [[1, 2, 3, 0], ...more], {}, image],
    [`${kind}2d`, [[1, 2, -1, 2], ...more], {}, [3, 5, 4]],
    [`${kind}2d`, [[0, 0, 0, 0], ...more], {}, 'double:2:3:5:4'],
    [`${kind}3d`, [1, ...more], {}, volume],
    [`${kind}3d`, [[1, 2, 0, 2, 3, 1], ...more], {}, volume],
    [`${kind}3d`, [[3, 0, -1, 1, 0, 2], ...more], {}, [2, 4, 3, 5]],
    [`${kind}3d`, [[0, 1, 1, 0, 1, 1], ...more], {}, 'double:1:2:4:3:5'],
  ]
}

testLayers('CircularPad is that of Python', padding('CircularPad'))
testLayers('ReflectionPad is that of Python', padding('ReflectionPad'))
testLayers('ReplicationPad is that of Python', padding('ReplicationPad'))
testLayers('ZeroPad is that of Python', [
  ...padding('ZeroPad'),
  ['ZeroPad2d', [[1, 2]], {}, image],
  ['ZeroPad3d', [[1, 2, 0, 1]], {}, volume],
  ['ZeroPad1d', [[]], {}, signal],
])
testLayers('ConstantPad is that of Python', [
  ...padding('ConstantPad', 3.5),
  ['ConstantPad1d', [[1, 2], 7], {}, signal],
  ['ConstantPad1d', [[3, 1]], { value: 1 }, 'classes:9:2:3:4'],
  ['ConstantPad1d', [], { padding: 1, value: { float: -0.25 } }, signal],
  ['ConstantPad1d', [1, { float: '-Infinity' }], {}, signal],
  ['ConstantPad1d', [1, { float: 'NaN' }], {}, signal],
  ['ConstantPad2d', [[1, 2], 0], {}, image],
  ['ConstantPad2d', [], { padding: 2, value: 1e-7 }, image],
  ['ConstantPad3d', [], { padding: 1, value: -2 }, volume],
])
