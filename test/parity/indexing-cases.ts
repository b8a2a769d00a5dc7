/** What is indexed, and how, for `indexing.test.ts`. */
import * as torch from 'libtorch-node'

export type Item = Parameters<torch.Tensor['index']>[number]

/** Python's index, the same in JavaScript, and the tensor if it is not `a`. `code` where the error has words of our own. */
export interface Get {
  base?: keyof typeof bases
  python: string
  items: () => Item[]
  code?: string
}

const { slice } = torch
export const long = (...values: number[]): torch.Tensor => torch.tensor(values, { dtype: 'int64' })

export const bases = {
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

export const gets: Get[] = [
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
