import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'

const { tensor } = torch
const info = (data: Parameters<typeof tensor>[0], options = {}): unknown[] => {
  const t = tensor(data, options)
  return [t.dtype, [...t.shape], t.tolist()]
}

test('values decide the dtype: numbers, bigints, booleans, complex', () => {
  assert.deepEqual(info(3), ['float32', [], 3])
  assert.deepEqual(info([1, 2]), ['float32', [2], [1, 2]])
  assert.deepEqual(info(3n), ['int64', [], 3])
  assert.deepEqual(info([[1n], [2n]]), ['int64', [2, 1], [[1], [2]]])
  assert.deepEqual(info([true, false]), ['bool', [2], [true, false]])
  assert.deepEqual(info([true, 2]), ['float32', [2], [1, 2]])
  assert.deepEqual(info([true, 2n]), ['int64', [2], [1, 2]])
  assert.deepEqual(info([{ re: 1, im: -2 }, 3]), [
    'complex64',
    [2],
    [
      { re: 1, im: -2 },
      { re: 3, im: 0 },
    ],
  ])
  assert.throws(() => tensor([1, 2n]), { code: 'ERR_DTYPE', message: /mixes numbers and bigints/ })
  assert.deepEqual(info([1.5, 2n], { dtype: 'float64' }), ['float64', [2], [1.5, 2]])
  assert.deepEqual(info([1.5, 2n], { dtype: 'int64' }), ['int64', [2], [1, 2]])
})

test('the default dtype is that of numbers', () => {
  torch.setDefaultDtype('float64')
  try {
    assert.equal(tensor([1]).dtype, 'float64')
    assert.equal(tensor([]).dtype, 'float64')
    assert.equal(tensor([{ re: 1, im: 1 }]).dtype, 'complex128')
    assert.equal(tensor(new Float32Array(1)).dtype, 'float32')
  } finally {
    torch.setDefaultDtype('float32')
  }
})

test('a typed array keeps its type and is copied', () => {
  const arrays: [ArrayBufferView, string][] = [
    [Float32Array.of(1.5, 2), 'float32'],
    [Float64Array.of(1.5, 2), 'float64'],
    [Int8Array.of(-1, 2), 'int8'],
    [Int16Array.of(-1, 2), 'int16'],
    [Int32Array.of(-1, 2), 'int32'],
    [BigInt64Array.of(-1n, 2n), 'int64'],
    [Uint8Array.of(255, 2), 'uint8'],
    [Uint8ClampedArray.of(255, 2), 'uint8'],
    [Buffer.from([255, 2]), 'uint8'],
    [Uint16Array.of(65535, 2), 'uint16'],
    [Uint32Array.of(4294967295, 2), 'uint32'],
    [BigUint64Array.of(2n ** 64n - 1n, 2n), 'uint64'],
  ]
  for (const [array, dtype] of arrays) {
    const t = tensor(array as Float32Array)
    assert.equal(t.dtype, dtype)
    assert.deepEqual(t.shape, [2])
    assert.deepEqual(
      t.typedArray(),
      array instanceof Uint8ClampedArray || Buffer.isBuffer(array) ? new Uint8Array(array) : array,
    )
  }
  const source = Float32Array.of(1, 2, 3)
  const part = tensor(source.subarray(1))
  source.fill(0)
  assert.deepEqual(part.tolist(), [2, 3])
})

test('rows may be typed arrays', () => {
  assert.deepEqual(info([Int32Array.of(1, 2), Int32Array.of(3, 4)]), [
    'int32',
    [2, 2],
    [
      [1, 2],
      [3, 4],
    ],
  ])
  assert.deepEqual(info([Int32Array.of(1, 2), [3, 4.5]]), [
    'float32',
    [2, 2],
    [
      [1, 2],
      [3, 4.5],
    ],
  ])
  assert.deepEqual(info([BigInt64Array.of(2n ** 60n)]), ['int64', [1, 1], [[2n ** 60n]]])
  assert.throws(
    () =>
      tensor([
        [1, 2],
        [Float32Array.of(1), 2],
      ] as never),
    { code: 'ERR_SHAPE', message: /data\[1\]\[0\]/ },
  )
})

test('every dtype can be asked for', () => {
  const same =
    'float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 int8 int16 int32 int64 uint8 uint16 uint32 uint64'.split(
      ' ',
    )
  for (const dtype of same)
    assert.deepEqual(
      info(
        [
          [0, 1],
          [2, 3.5],
        ],
        { dtype },
      ),
      [
        dtype,
        [2, 2],
        [
          [0, 1],
          [2, /int/.test(dtype) ? 3 : 3.5],
        ],
      ],
    )
  assert.deepEqual(info([0, 0.5, Number.NaN], { dtype: 'bool' }), ['bool', [3], [false, true, true]])
  assert.deepEqual(info([1], { dtype: 'complex128' }), ['complex128', [1], [{ re: 1, im: 0 }]])
  assert.deepEqual(info([1e40], { dtype: 'float16' }), ['float16', [1], [Number.POSITIVE_INFINITY]])
  assert.deepEqual(info(Float64Array.of(1.5), { dtype: 'int64' }), ['int64', [1], [1]])
  assert.throws(() => tensor([1], { dtype: 'flaot32' as never }), {
    code: 'ERR_ARGUMENT',
    message: /did you mean 'float32'/,
  })
})

test('a value out of the range of its dtype is an error, unsigned ones wrap as in Python', () => {
  assert.deepEqual(tensor([-1, 255], { dtype: 'uint8' }).tolist(), [255, 255])
  assert.deepEqual(tensor([-1], { dtype: 'uint32' }).tolist(), [2 ** 32 - 1])
  assert.deepEqual(tensor([2n ** 63n], { dtype: 'uint64' }).tolist(), [2n ** 63n])
  assert.deepEqual(tensor([2.7, -2.7], { dtype: 'int8' }).tolist(), [2, -2])
  const wrong: [number | bigint, torch.Dtype][] = [
    [300, 'uint8'],
    [255.9, 'uint8'],
    [-1.5, 'uint8'],
    [128, 'int8'],
    [1e10, 'int32'],
    [2n ** 40n, 'int32'],
    [1e20, 'int64'],
    [Number.NaN, 'int64'],
    [2n ** 63n, 'int64'],
    [-1, 'uint64'],
    [2n ** 64n, 'uint64'],
  ]
  for (const [value, dtype] of wrong)
    assert.throws(() => tensor([value], { dtype }), { code: 'ERR_DTYPE' }, `${value} ${dtype}`)
  assert.throws(() => tensor([2n ** 63n]), { code: 'ERR_DTYPE' })
  assert.throws(() => tensor([{ re: 1, im: 1 }], { dtype: 'float32' }), { code: 'ERR_DTYPE' })
})

test('empty data keeps its shape', () => {
  assert.deepEqual(info([]), ['float32', [0], []])
  assert.deepEqual(info([[], []]), ['float32', [2, 0], [[], []]])
  assert.deepEqual(info([[[]]], { dtype: 'int64' }), ['int64', [1, 1, 0], [[[]]]])
  assert.deepEqual(info(new Int16Array(0)), ['int16', [0], []])
})

test('ragged data is an error that names the place', () => {
  const places: [unknown, RegExp][] = [
    [
      [
        [1, 2, 3],
        [1, 2],
      ],
      /^tensor: data\[1\]: expected 3 elements, received 2$/,
    ],
    [[[[1, 2, 3]], [[1, 2, 3, 4]]], /^tensor: data\[1\]\[0\]: expected 3 elements, received 4$/],
    [[[1], []], /^tensor: data\[1\]: expected 1 element, received 0$/],
    [[[1], 2], /^tensor: data\[1\]: expected an array of 1 element, received a number$/],
    [[1, [2]], /^tensor: data\[1\]: expected a number, received an array of 1 element$/],
    [[[], [1]], /^tensor: data\[1\]: expected 0 elements, received 1$/],
  ]
  for (const [data, message] of places) assert.throws(() => tensor(data as never), { code: 'ERR_SHAPE', message })
})

test('what is no number is an error that names the place', () => {
  for (const value of ['1', null, undefined, {}, () => 1, Symbol.iterator, new Map(), new ArrayBuffer(4)]) {
    assert.throws(() => tensor([[1], [value]] as never), {
      code: 'ERR_ARGUMENT',
      message: /^tensor: data\[1\]\[0\]: expected a number/,
    })
    assert.throws(() => tensor(value as never), { code: 'ERR_ARGUMENT', message: /^tensor: data: expected a number/ })
  }
  assert.throws(() => tensor([tensor(1), tensor(2)] as never), { code: 'ERR_ARGUMENT', message: /torch\.stack/ })
  assert.throws(() => tensor([1], { dtpye: 'int64' } as never), {
    code: 'ERR_ARGUMENT',
    message: /did you mean 'dtype'/,
  })
})

test('a tensor is copied, without its history', () => {
  const x = torch.ones(2, { requiresGrad: true })
  const copy = tensor(x.mul(2))
  assert.equal(copy.requiresGrad, false)
  assert.deepEqual(tensor(x, { dtype: 'int64' }).tolist(), [1, 1])
  copy.fill_(5)
  assert.deepEqual(x.tolist(), [1, 1])
  assert.equal(tensor([1, 2], { requiresGrad: true }).requiresGrad, true)
  assert.equal(tensor([1, 2], { device: 'meta' }).device, 'meta')
})

test('tolist gives plain values', () => {
  assert.equal(tensor(1.5).tolist(), 1.5)
  assert.equal(tensor(true).tolist(), true)
  assert.deepEqual(tensor([2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n)]).tolist(), [2 ** 53 - 1, 2n ** 53n, -(2n ** 53n)])
  assert.deepEqual(tensor([0.1], { dtype: 'bfloat16' }).tolist(), [0.10009765625])
  assert.deepEqual(tensor([0.1], { dtype: 'float16' }).tolist(), [0.0999755859375])
  assert.deepEqual(
    tensor([[{ re: 1, im: 2 }]])
      .conj()
      .tolist(),
    [[{ re: 1, im: -2 }]],
  )
  assert.deepEqual(torch.arange(6).reshape(2, 3).t().tolist(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ])
})

test('typedArray gives the array that fits the dtype', async () => {
  assert.deepEqual(tensor([1, 2]).typedArray(), Float32Array.of(1, 2))
  assert.deepEqual(tensor([1n, 2n]).typedArray(), BigInt64Array.of(1n, 2n))
  assert.deepEqual(tensor([true]).typedArray(), Uint8Array.of(1))
  assert.deepEqual(tensor([1], { dtype: 'float16' }).typedArray(), Uint16Array.of(0x3c00))
  assert.deepEqual(tensor([1], { dtype: 'bfloat16' }).typedArray(), Uint16Array.of(0x3f80))
  assert.deepEqual(tensor([{ re: 1, im: 2 }]).typedArray(), Float32Array.of(1, 2))
  assert.deepEqual(
    await torch.arange(4, { dtype: 'float64' }).reshape(2, 2).t().typedArrayAsync(),
    Float64Array.of(0, 2, 1, 3),
  )
})

test('a million nested numbers take less than a second', () => {
  const data = Array.from({ length: 1000 }, (_, i) => Array.from({ length: 1000 }, (_, j) => i + j / 1000))
  const start = performance.now()
  const t = tensor(data)
  assert.ok(performance.now() - start < 1000)
  assert.deepEqual(t.shape, [1000, 1000])
  assert.equal(t.index(999, 999).item(), Math.fround(999.999))
})
