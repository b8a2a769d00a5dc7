/** `t.index(…)` and `t.indexPut_(…)` against `t[…]` and `t[…] = value` in Python: values, views, graphs and errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { pythonJson, requirePython } from '../support/python.js'

type Item = Parameters<torch.Tensor['index']>[number]
type Value = torch.Tensor | number | bigint | boolean

/** Python's index, the same in JavaScript, and the tensor if it is not `a`. `code` where the error has words of our own. */
interface Get {
  base?: keyof typeof bases
  python: string
  items: () => Item[]
  code?: string
}
interface Put extends Get {
  value: string
  node: () => Value
}

const { slice } = torch
const long = (...values: number[]): torch.Tensor => torch.tensor(values, { dtype: 'int64' })

const bases = {
  a: {
    python: 'torch.arange(24.).reshape(2, 3, 4)',
    node: () => torch.arange(24, { dtype: 'float32' }).reshape(2, 3, 4),
  },
  t: { python: 'torch.arange(12).reshape(3, 4)', node: () => torch.arange(12).reshape(3, 4) },
  v: { python: 'torch.arange(5.)', node: () => torch.arange(5, { dtype: 'float32' }) },
  z: { python: 'torch.tensor(5.)', node: () => torch.tensor(5) },
  e: { python: 'torch.zeros(0, 3)', node: () => torch.zeros(0, 3) },
  w: {
    python: 'torch.arange(24.).reshape(4, 6).t()',
    node: () => torch.arange(24, { dtype: 'float32' }).reshape(4, 6).t(),
  },
}

const mask = (...rows: (number | number[])[]): torch.Tensor => torch.tensor(rows, { dtype: 'bool' })

const gets: Get[] = [
  // positions
  { python: '0', items: () => [0] },
  { python: '-1', items: () => [-1] },
  { python: '1', items: () => [1n] },
  { python: '0, 1', items: () => [0, 1] },
  { python: '0, -1, 2', items: () => [0, -1, 2] },
  { python: '2', items: () => [2] },
  { python: '-3', items: () => [-3] },
  { python: '0, 3', items: () => [0, 3] },
  { python: ':, :, 4', items: () => [':', ':', 4] },
  { python: '..., -5', items: () => ['...', -5] },
  { python: 'None, 5', items: () => [null, 5] },
  { python: '0, 0, 0, 0', items: () => [0, 0, 0, 0] },
  { python: '2**70', items: () => [2n ** 70n], code: 'ERR_ARGUMENT' },
  { python: '1.5', items: () => [1.5], code: 'ERR_ARGUMENT' },
  { python: '0, 1.5', items: () => [0, 1.5], code: 'ERR_ARGUMENT' },
  { python: '"a"', items: () => ['a'], code: 'ERR_ARGUMENT' },
  { python: '{1}', items: () => [{} as never], code: 'ERR_ARGUMENT' },
  { base: 'z', python: '0', items: () => [0], code: 'ERR_INDEX' },
  { base: 'z', python: '1', items: () => [1] },
  { base: 'z', python: '-1', items: () => [-1] },
  { base: 'z', python: 'None, 0', items: () => [null, 0] },
  { base: 'e', python: '0', items: () => [0] },
  // slices
  { python: ':', items: () => [':'] },
  { python: '1:', items: () => ['1:'] },
  { python: ':1', items: () => [':1'] },
  { python: '-1:', items: () => ['-1:'] },
  { python: ':-1', items: () => [' : -1 '] },
  { python: '::2', items: () => ['::2'] },
  { python: '0:2', items: () => ['0:2'] },
  { python: '0:100', items: () => ['0:100'] },
  { python: '5:2', items: () => ['5:2'] },
  { python: '-100:1', items: () => ['-100:1'] },
  { python: '1:2**70', items: () => [`1:${2n ** 70n}`] },
  { python: '-2**70:1', items: () => [slice(-(2n ** 70n), 1)] },
  { python: ':, 1:3', items: () => [':', '1:3'] },
  { python: ':, :, ::3', items: () => [':', ':', '::3'] },
  { python: ':, 1:3, 1:4:2', items: () => [':', slice(1, 3), slice(1, 4, 2)] },
  { python: 'slice(1)', items: () => [slice(1)] },
  { python: 'slice(None, 2)', items: () => [slice(null, 2)] },
  { python: 'slice(1, None)', items: () => [slice(1, null)] },
  { python: '0, 1:, ::2', items: () => [0, '1:', '::2'] },
  { python: ':, 0', items: () => [':', 0] },
  { python: '0:2, 0', items: () => ['0:2', 0] },
  { python: ':, :', items: () => [':', ':'] },
  { python: '0:2, 0:3, 0:4', items: () => ['0:2', '0:3', '0:4'] },
  { python: '0:2, 0:3, 0:3', items: () => ['0:2', '0:3', '0:3'] },
  { python: 'torch.tensor(1):torch.tensor(9)', items: () => [slice(long(1).index(0), long(9).index(0))] },
  { python: '::0', items: () => ['::0'], code: 'ERR_ARGUMENT' },
  { python: '::-1', items: () => ['::-1'], code: 'ERR_ARGUMENT' },
  { python: '1.0:2', items: () => [slice(1.5, 2)], code: 'ERR_ARGUMENT' },
  { python: '"1":2', items: () => ['x:2'], code: 'ERR_ARGUMENT' },
  { python: ':, :, :, :', items: () => [':', ':', ':', ':'] },
  { base: 'z', python: ':', items: () => [':'] },
  { base: 'w', python: '1:4, ::2', items: () => ['1:4', '::2'] },
  { base: 'w', python: '::2, 1', items: () => ['::2', 1] },
  // new dimensions and the ellipsis
  { python: '...', items: () => ['...'] },
  { python: 'None', items: () => [null] },
  { python: 'None, None', items: () => [null, null] },
  { python: '..., None', items: () => ['...', null] },
  { python: ':, None, :, None', items: () => [':', null, ':', null] },
  { python: '0, ..., 0', items: () => [0, '...', 0] },
  { python: '..., 1', items: () => ['...', 1] },
  { python: '1, ...', items: () => [1, '...'] },
  { python: '0, 0, 0, ...', items: () => [0, 0, 0, '...'] },
  { python: '0, 0, 0, None, ...', items: () => [0, 0, 0, null, '...'] },
  { python: '..., 1:3, None', items: () => ['...', '1:3', null] },
  { python: '0, ..., 0, ..., 0', items: () => [0, '...', 0, '...', 0] },
  { python: '0, 0, 0, 0, ...', items: () => [0, 0, 0, 0, '...'] },
  { base: 'z', python: '...', items: () => ['...'] },
  { base: 'z', python: 'None', items: () => [null] },
  { base: 't', python: '..., ...', items: () => ['...', '...'] },
  // booleans
  { python: 'True', items: () => [true] },
  { python: 'False', items: () => [false] },
  { python: '0, True', items: () => [0, true] },
  { python: 'True, [0, 1]', items: () => [true, [0, 1]] },
  { python: '[0, 1], True', items: () => [[0, 1], true] },
  { python: '0, 0, 0, True', items: () => [0, 0, 0, true] },
  { python: 'torch.tensor(True)', items: () => [torch.tensor(true)] },
  { python: 'torch.tensor(True), 0', items: () => [torch.tensor(true), 0] },
  { python: 'torch.tensor(1, dtype=torch.uint8)', items: () => [torch.tensor(1, { dtype: 'uint8' })] },
  { base: 'z', python: 'True', items: () => [true] },
  { base: 'z', python: 'torch.tensor(False)', items: () => [torch.tensor(false)] },
  // masks
  { base: 't', python: 't > 5', items: () => [bases.t.node().gt(5)] },
  { base: 't', python: 't > 99', items: () => [bases.t.node().gt(99)] },
  { base: 't', python: '[True, False, True]', items: () => [[true, false, true]] },
  { base: 't', python: '[True, False]', items: () => [[true, false]] },
  { base: 't', python: 'torch.tensor([True, False])', items: () => [mask(1, 0)] },
  { base: 't', python: ':, torch.tensor([True, False, True, True])', items: () => [':', mask(1, 0, 1, 1)] },
  { base: 't', python: '1, torch.tensor([True, False, True])', items: () => [1, mask(1, 0, 1)] },
  {
    base: 't',
    python: 'torch.zeros(3, 4, 2, dtype=torch.bool)',
    items: () => [torch.zeros(3, 4, 2, { dtype: 'bool' })],
  },
  { base: 't', python: 'torch.zeros(2, 4, dtype=torch.bool)', items: () => [torch.zeros(2, 4, { dtype: 'bool' })] },
  { python: 'torch.tensor([[True, False, True], [True, True, False]])', items: () => [mask([1, 0, 1], [1, 1, 0])] },
  {
    python: '[[True, False, True], [True, True, False]], 0',
    items: () => [
      [
        [true, false, true],
        [true, true, false],
      ],
      0,
    ],
    base: 'a',
  },
  {
    python: 'torch.tensor([[True, False, True], [True, True, False]]), 0:2',
    items: () => [mask([1, 0, 1], [1, 1, 0]), '0:2'],
  },
  {
    python: 'torch.tensor([[True, False, True], [True, True, False]]), ..., 1',
    items: () => [mask([1, 0, 1], [1, 1, 0]), '...', 1],
  },
  {
    python: 'torch.tensor([[True, False, True], [True, True, False]]), None',
    items: () => [mask([1, 0, 1], [1, 1, 0]), null],
  },
  { python: ':, torch.ones(3, 4, dtype=torch.bool)', items: () => [':', torch.ones(3, 4, { dtype: 'bool' })] },
  {
    python: '..., torch.tensor([[True, False, True], [True, True, False]])',
    items: () => ['...', mask([1, 0, 1], [1, 1, 0])],
  },
  { python: '0:1, torch.tensor([True, False, True]), 1:3', items: () => ['0:1', mask(1, 0, 1), '1:3'] },
  { base: 'e', python: 'torch.zeros(0, dtype=torch.bool)', items: () => [torch.zeros(0, { dtype: 'bool' })] },
  {
    base: 'v',
    python: 'torch.tensor([0, 1, 0, 1, 1], dtype=torch.uint8)',
    items: () => [torch.tensor([0, 1, 0, 1, 1], { dtype: 'uint8' })],
  },
  // integer tensors and arrays
  { python: 'torch.tensor(1)', items: () => [torch.tensor(1n)] },
  { python: 'torch.tensor(-1).int()', items: () => [torch.tensor(-1n).int()] },
  { python: 'torch.tensor(1, dtype=torch.int16)', items: () => [torch.tensor(1, { dtype: 'int16' })] },
  { python: '..., torch.tensor(2)', items: () => ['...', torch.tensor(2n)] },
  { python: 'torch.tensor(7)', items: () => [torch.tensor(7n)] },
  { base: 'z', python: 'torch.tensor(0)', items: () => [torch.tensor(0n)] },
  { python: '[0, 1]', items: () => [[0, 1]] },
  { python: '[1, 0, 1]', items: () => [[1n, 0n, 1n]] },
  { python: '[True, 0]', items: () => [[true, 0]] },
  { python: '[]', items: () => [[]] },
  { python: ':, []', items: () => [':', []] },
  { python: '([[]],)', items: () => [[[]]] },
  {
    python: '([[0, 1], [1, 0]],)',
    items: () => [
      [
        [0, 1],
        [1, 0],
      ],
    ],
  },
  {
    python: '[0, 1], [1, 2]',
    items: () => [
      [0, 1],
      [1, 2],
    ],
  },
  {
    python: '[[0], [1]], [0, 1, 2]',
    items: () => [
      [[0], [1]],
      [0, 1, 2],
    ],
  },
  { python: '[0, 5]', items: () => [[0, 5]] },
  { python: ':, [0, -4]', items: () => [':', [0, -4]] },
  {
    python: '[0, 1], [0, 1, 2]',
    items: () => [
      [0, 1],
      [0, 1, 2],
    ],
  },
  { python: '(["x"],)', items: () => [['x'] as never], code: 'ERR_ARGUMENT' },
  { python: '([2**70],)', items: () => [[2n ** 70n]], code: 'ERR_DTYPE' },
  { python: 'torch.tensor([0, 1])', items: () => [long(0, 1)] },
  { python: 'torch.tensor([0, 1]).int()', items: () => [long(0, 1).int()] },
  { python: 'torch.tensor([0, 1]).short()', items: () => [long(0, 1).short()] },
  { python: 'torch.tensor([0., 1.])', items: () => [torch.tensor([0, 1])] },
  { python: 'torch.tensor(1.)', items: () => [torch.tensor(1)] },
  {
    python: 'torch.tensor([[0, 1], [1, 0]])',
    items: () => [
      torch.tensor([
        [0n, 1n],
        [1n, 0n],
      ]),
    ],
  },
  { python: ':, [0, 1], [1, 2]', items: () => [':', [0, 1], [1, 2]] },
  { python: '..., [1, 2]', items: () => ['...', [1, 2]] },
  { python: '[0], ..., [1]', items: () => [[0], '...', [1]] },
  { base: 'e', python: '[]', items: () => [[]] },
  { base: 'e', python: '[0]', items: () => [[0]] },
  { base: 'z', python: '[]', items: () => [[]] },
  { base: 'w', python: '[0, 2], 1:', items: () => [[0, 2], '1:'] },
  // where the new dimension goes when tensors are apart
  { python: '0, :, [0, 1]', items: () => [0, ':', [0, 1]] },
  { python: '[0, 1], :, [0, 1]', items: () => [[0, 1], ':', [0, 1]] },
  { python: '0, [0, 1]', items: () => [0, [0, 1]] },
  { python: '..., None, [1, 2]', items: () => ['...', null, [1, 2]] },
  { python: 'None, [0], ..., [1]', items: () => [null, [0], '...', [1]] },
  { python: '[0, 1], None, [0, 1]', items: () => [[0, 1], null, [0, 1]] },
  { python: 'torch.tensor(1), :, [0, 1]', items: () => [torch.tensor(1n), ':', [0, 1]] },
  { python: '[0] * 3, 0, :', items: () => [[0, 0, 0], 0, ':'] },
]

const puts: Put[] = [
  { base: 't', python: '1', items: () => [1], value: '5', node: () => 5 },
  { base: 't', python: '1', items: () => [1], value: '5.7', node: () => 5.7 },
  { base: 't', python: '1', items: () => [1], value: 'True', node: () => true },
  { base: 't', python: '1', items: () => [1], value: '2**62', node: () => 2n ** 62n },
  { base: 't', python: '0, 0', items: () => [0, 0], value: '-7', node: () => -7 },
  { base: 't', python: '1', items: () => [1], value: 'torch.ones(1, 1, 4)', node: () => torch.ones(1, 1, 4) },
  { base: 't', python: '1', items: () => [1], value: 'torch.ones(2, 4)', node: () => torch.ones(2, 4) },
  { base: 't', python: '0, 0', items: () => [0, 0], value: 'torch.ones(1)', node: () => torch.ones(1) },
  { base: 't', python: '0, 0', items: () => [0, 0], value: 'torch.ones(2)', node: () => torch.ones(2) },
  { base: 't', python: '0, 0', items: () => [0, 0], value: 'torch.ones(0)', node: () => torch.ones(0) },
  { base: 't', python: '0', items: () => [0], value: 'torch.tensor(1.5)', node: () => torch.tensor(1.5) },
  { base: 't', python: '9', items: () => [9], value: '1', node: () => 1 },
  { base: 't', python: '0, 0, 0', items: () => [0, 0, 0], value: '1', node: () => 1 },
  { base: 't', python: '...', items: () => ['...'], value: 'torch.arange(4)', node: () => torch.arange(4) },
  { base: 't', python: '...', items: () => ['...'], value: '3', node: () => 3 },
  { base: 't', python: 'None', items: () => [null], value: '3', node: () => 3 },
  { base: 't', python: ':, None', items: () => [':', null], value: '2', node: () => 2 },
  { base: 't', python: ':', items: () => [':'], value: 'torch.ones(3, 1)', node: () => torch.ones(3, 1) },
  {
    base: 't',
    python: ':, 1:3',
    items: () => [':', '1:3'],
    value: 'torch.ones(1, 3, 2)',
    node: () => torch.ones(1, 3, 2),
  },
  {
    base: 't',
    python: ':, 1:3',
    items: () => [':', '1:3'],
    value: 'torch.ones(2, 3, 2)',
    node: () => torch.ones(2, 3, 2),
  },
  { base: 't', python: '::2, ::2', items: () => ['::2', '::2'], value: '0', node: () => 0 },
  { base: 't', python: '::0', items: () => ['::0'], value: '1', node: () => 1, code: 'ERR_ARGUMENT' },
  { base: 't', python: '0:0', items: () => ['0:0'], value: '5', node: () => 5 },
  { base: 't', python: '0:0', items: () => ['0:0'], value: 'torch.ones(4)', node: () => torch.ones(4) },
  { base: 't', python: '0:0', items: () => ['0:0'], value: 'torch.ones(3)', node: () => torch.ones(3) },
  { base: 't', python: 'True', items: () => [true], value: '3', node: () => 3 },
  { base: 't', python: 'False', items: () => [false], value: '3', node: () => 3 },
  { base: 't', python: 'False', items: () => [false], value: 'torch.ones(5, 5)', node: () => torch.ones(5, 5) },
  { base: 't', python: 'False, 0', items: () => [false, 0], value: '2', node: () => 2 },
  { base: 't', python: 'torch.tensor(True)', items: () => [torch.tensor(true)], value: '3', node: () => 3 },
  { base: 't', python: 'torch.tensor(1)', items: () => [torch.tensor(1n)], value: '9', node: () => 9 },
  { base: 't', python: 't > 5', items: () => [bases.t.node().gt(5)], value: '-1', node: () => -1 },
  {
    base: 't',
    python: 't > 5',
    items: () => [bases.t.node().gt(5)],
    value: 'torch.arange(6)',
    node: () => torch.arange(6),
  },
  {
    base: 't',
    python: 't > 5',
    items: () => [bases.t.node().gt(5)],
    value: 'torch.arange(5)',
    node: () => torch.arange(5),
  },
  {
    base: 't',
    python: 't > 5',
    items: () => [bases.t.node().gt(5)],
    value: 'torch.arange(6.)',
    node: () => torch.arange(6, { dtype: 'float32' }),
  },
  {
    base: 't',
    python: 't > 99',
    items: () => [bases.t.node().gt(99)],
    value: 'torch.zeros(0).long()',
    node: () => torch.zeros(0).long(),
  },
  {
    base: 't',
    python: '[False] * 3',
    items: () => [[false, false, false]],
    value: 'torch.ones(3, 4).long()',
    node: () => torch.ones(3, 4).long(),
  },
  { base: 't', python: '[True, False, True]', items: () => [[true, false, true]], value: '8', node: () => 8 },
  { base: 't', python: ':, [0, 1]', items: () => [':', [0, 1]], value: '7', node: () => 7 },
  {
    base: 't',
    python: '[0, 1], [1, 1]',
    items: () => [
      [0, 1],
      [1, 1],
    ],
    value: 'torch.tensor([[5, 6]])',
    node: () => torch.tensor([[5n, 6n]]),
  },
  { base: 't', python: '[0, 9]', items: () => [[0, 9]], value: '1', node: () => 1 },
  { base: 't', python: '[0]', items: () => [[0]], value: '1.5', node: () => 1.5 },
  { base: 't', python: '[0]', items: () => [[0]], value: 'torch.tensor(1.5)', node: () => torch.tensor(1.5) },
  {
    base: 't',
    python: '[0, 1]',
    items: () => [[0, 1]],
    value: 'torch.ones(1, 1, 2, 4).long()',
    node: () => torch.ones(1, 1, 2, 4).long(),
  },
  { base: 't', python: '1, [0, 1]', items: () => [1, [0, 1]], value: 'torch.tensor([7, 8])', node: () => long(7, 8) },
  { base: 't', python: 'None, [0], 1:', items: () => [null, [0], '1:'], value: '9', node: () => 9 },
  { base: 't', python: '[]', items: () => [[]], value: '9', node: () => 9 },
  {
    base: 't',
    python: '1',
    items: () => [1],
    value: '[1, 2, 3, 4]',
    node: () => [1, 2, 3, 4] as never,
    code: 'ERR_ARGUMENT',
  },
  { base: 't', python: '1', items: () => [1], value: '"x"', node: () => 'x' as never, code: 'ERR_ARGUMENT' },
  { base: 't', python: '1', items: () => [1], value: 'None', node: () => null as never, code: 'ERR_ARGUMENT' },
  {
    base: 'a',
    python: '0, :, [0, 1]',
    items: () => [0, ':', [0, 1]],
    value: 'torch.arange(6.).reshape(3, 2)',
    node: () => torch.arange(6, { dtype: 'float32' }).reshape(3, 2),
  },
  {
    base: 'a',
    python: '[0, 1], :, [0, 1]',
    items: () => [[0, 1], ':', [0, 1]],
    value: 'torch.arange(6.).reshape(2, 3)',
    node: () => torch.arange(6, { dtype: 'float32' }).reshape(2, 3),
  },
  {
    base: 'a',
    python: '..., 1',
    items: () => ['...', 1],
    value: 'torch.arange(3.)',
    node: () => torch.arange(3, { dtype: 'float32' }),
  },
  { base: 'a', python: '1, 0:2, ::3', items: () => [1, '0:2', '::3'], value: 'nan', node: () => Number.NaN },
  { base: 'a', python: '0', items: () => [0], value: 'inf', node: () => Number.POSITIVE_INFINITY },
  { base: 'v', python: '0', items: () => [0], value: '-0.0', node: () => -0 },
  { base: 'v', python: '[0]', items: () => [[0]], value: '-0.0', node: () => -0 },
  { base: 'v', python: '1:', items: () => ['1:'], value: 'v[:4].clone()', node: () => bases.v.node().index(':4') },
  { base: 'w', python: '1:3, [0, 2]', items: () => ['1:3', [0, 2]], value: '0.5', node: () => 0.5 },
  { base: 'z', python: '...', items: () => ['...'], value: '2', node: () => 2 },
  { base: 'z', python: 'True', items: () => [true], value: '2', node: () => 2 },
  { base: 'z', python: '0', items: () => [0], value: '2', node: () => 2, code: 'ERR_INDEX' },
]

interface Outcome {
  error?: string
  message?: string
  shape?: number[]
  /** values as text: JSON has no NaN, inf and -0 */
  text?: string
  shares?: boolean
  gradFn?: string | null
}

// A list inside a tuple is an index by itself in both languages, so Python is given a tuple always.
const header = `
import json, sys, warnings
import torch
from math import inf, nan
warnings.simplefilter('ignore')
bases = {${Object.entries(bases)
  .map(([name, { python }]) => `'${name}': lambda: ${python}`)
  .join(', ')}}
scope = lambda: {name: make() for name, make in bases.items()}
class Indexer:
    def __getitem__(self, index): return index
def attempt(f):
    try: return f()
    except Exception as e: return dict(error=type(e).__name__, message=str(e))
def run(name, index, act):
    values = dict(globals(), **scope())
    return attempt(lambda: act(values[name], eval('I[' + index + ']', dict(values, I=Indexer())), values))
def get(t, index, values):
    leaf = t.clone().requires_grad_() if t.is_floating_point() else t
    of_leaf = leaf[index]
    r = t[index]
    before = t.tolist()
    out = dict(shape=list(r.shape), text=str(r.tolist()), gradFn=type(of_leaf.grad_fn).__name__ if of_leaf.grad_fn else None)
    r.fill_(77)
    return dict(out, shares=t.tolist() != before)
def put(t, index, values, value):
    t = t.clone(memory_format=torch.preserve_format)
    t[index] = eval(value, values)
    return dict(shape=list(t.shape), text=str(t.tolist()))
`

function attempt(act: () => Outcome): Outcome {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof torch.TorchError)) throw error
    return { error: error.code, message: error.message }
  }
}

function get(t: torch.Tensor, items: Item[]): Outcome {
  const leaf = t.isFloatingPoint() ? t.clone().requiresGrad_() : t
  const ofLeaf = leaf.index(...items)
  const r = t.index(...items)
  const before = pythonText(t.tolist())
  const outcome = { shape: [...r.shape], text: pythonText(r.tolist(), r.isFloatingPoint()), gradFn: ofLeaf.gradFn }
  r.fill_(77)
  return { ...outcome, shares: pythonText(t.tolist()) !== before }
}

/** A list as Python's `str` shows it; the values here are short. */
function pythonText(value: unknown, float = true): string {
  if (Array.isArray(value)) return `[${value.map((v) => pythonText(v, float)).join(', ')}]`
  if (typeof value === 'number' && Number.isNaN(value)) return 'nan'
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  return float && Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
}

/** Same outcome, or an error of the kind that Python's is, in the same words unless `code` says that they are ours. */
function compare(actual: Outcome, expected: Outcome, code: string | undefined): void {
  if (code !== undefined) {
    assert.ok(expected.error, 'Python has no error here')
    assert.equal(actual.error, code)
  } else if (expected.error) {
    // The type of a tensor has another name in Python and in LibTorch.
    assert.equal(actual.message, expected.message?.replace(/torch\.(\w+)Tensor/, 'CPU$1Type'))
    const same: Record<string, RegExp> = {
      IndexError: /^ERR_(INDEX|SHAPE)$/,
      RuntimeError: /^ERR_(SHAPE|DTYPE|TORCH)$/,
    }
    assert.match(actual.error ?? 'no error', same[expected.error]!)
  } else {
    assert.deepEqual(actual, expected)
  }
}

test('index gives what brackets give in Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<Outcome[]>(
    `${header}
print(json.dumps([run(name, index, get) for name, index in json.loads(sys.argv[1])]))`,
    [JSON.stringify(gets.map(({ base = 'a', python }) => [base, python]))],
  )
  assert.equal(expected.length, gets.length)
  for (const [i, { base = 'a', python, items, code }] of gets.entries()) {
    await t.test(`${base}[${python}]`, () => {
      compare(
        attempt(() => get(bases[base].node(), items())),
        expected[i]!,
        code,
      )
    })
  }
})

test('indexPut_ does what assignment to brackets does in Python', async (t) => {
  if (!requirePython(t)) return
  const expected = pythonJson<Outcome[]>(
    `${header}
print(json.dumps([run(name, index, lambda t, i, values: put(t, i, values, value)) for name, index, value in json.loads(sys.argv[1])]))`,
    [JSON.stringify(puts.map(({ base = 'a', python, value }) => [base, python, value]))],
  )
  assert.equal(expected.length, puts.length)
  for (const [i, { base = 'a', python, items, value, node, code }] of puts.entries()) {
    await t.test(`${base}[${python}] = ${value}`, () => {
      const outcome = attempt(() => {
        const target = bases[base].node()
        assert.equal(target.indexPut_(items(), node()), target)
        return { shape: [...target.shape], text: pythonText(target.tolist(), target.isFloatingPoint()) }
      })
      compare(outcome, expected[i]!, code)
    })
  }
})
