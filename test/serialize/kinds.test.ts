// Tensors that are more than sizes and strides over a storage: what a hostile file says of them is checked first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { bytes, checkpoint, int, type TensorParts, tensorPickle, text } from './zip.js'

const int64 = (...values: number[]): Uint8Array => new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer)
const tensor = (parts: TensorParts): Buffer => tensorPickle(parts).subarray(2, -1)
const longs = (key: string, size: number[], stride: number[], numel: number): Buffer =>
  tensor({ type: 'torch\nLongStorage', key, size, stride, numel })
const call = (name: string, ...args: (string | number | Uint8Array)[]): Buffer => bytes(`c${name}\n(`, ...args, 'tR')
const pickle = (...pieces: (string | number | Uint8Array)[]): Buffer => bytes(0x80, 2, ...pieces, '.')
const floats = new Uint8Array(new Float32Array(9).buffer)

function refuses(message: RegExp, source: Uint8Array): void {
  assert.throws(
    () => torch.loadSync(source),
    (error: torch.CheckpointError) => {
      assert.equal(error.code, 'ERR_CHECKPOINT_FORMAT', String(error))
      assert.match(error.message, message)
      return true
    },
  )
}

test('every part of a nested tensor lies inside of its buffer', () => {
  interface Parts {
    sizes?: number[]
    strides?: number[]
    offsets?: number[]
    tables?: Buffer[]
    buffer?: Buffer
  }
  const nested = ({ sizes = [2, 3, 1, 3], strides = [3, 1, 3, 1], offsets = [0, 6], ...parts }: Parts): Buffer => {
    const buffer = parts.buffer ?? tensor({ size: [9], numel: 9 })
    const tables = parts.tables ?? [
      longs('1', [2, 2], [2, 1], sizes.length),
      longs('2', [2, 2], [2, 1], strides.length),
      longs('3', [2], [1], offsets.length),
    ]
    const storages = { 0: floats, 1: int64(...sizes), 2: int64(...strides), 3: int64(...offsets) }
    return checkpoint(pickle(call('torch._utils\n_rebuild_nested_tensor', buffer, ...tables)), storages)
  }
  const parts = torch.loadSync(nested({})).unbind() as torch.Tensor[]
  assert.deepEqual(
    parts.map((part) => part.shape),
    [
      [2, 3],
      [1, 3],
    ],
  )
  refuses(/part 1 .* reaches beyond its 9 elements/, nested({ offsets: [0, 7] }))
  refuses(/part 0 .* reaches beyond/, nested({ sizes: [4, 3, 1, 3] }))
  refuses(/part 0 .* reaches beyond/, nested({ strides: [9, 1, 3, 1] }))
  refuses(/part 0 .* reaches beyond/, nested({ sizes: [-2, 3, 1, 3] }))
  refuses(/part 1 .* reaches beyond/, nested({ strides: [3, 1, 3, -1] }))
  refuses(/part 0 .* reaches beyond/, nested({ offsets: [-1, 6] }))
  refuses(/part 0 .* reaches beyond/, nested({ sizes: [2 ** 52, 2 ** 52, 1, 3], strides: [2 ** 52, 1, 3, 1] }))
  refuses(/beyond all memory/, nested({ sizes: [2 ** 40, 2 ** 40, 1, 3], strides: [0, 0, 3, 1] }))
  const ints = [longs('1', [2, 2], [2, 1], 4), longs('2', [2, 2], [2, 1], 4)]
  refuses(/do not fit/, nested({ tables: [...ints, longs('3', [1], [1], 2)] }))
  refuses(/do not fit/, nested({ tables: [ints[0]!, longs('2', [4], [1], 4), longs('3', [2], [1], 2)] }))
  refuses(/are int64 on the CPU/, nested({ tables: [longs('1', [10 ** 9, 2], [0, 1], 4), ints[1]!, ints[1]!] }))
  refuses(/are int64 on the CPU/, nested({ tables: [tensor({ size: [2, 2], stride: [2, 1], numel: 9 }), ...ints] }))
  refuses(/do not fit/, nested({ buffer: tensor({ size: [4], stride: [2], numel: 9 }) }))
  refuses(/needs a tensor/, nested({ tables: [bytes('N'), ...ints] }))
  refuses(/needs a buffer/, nested({ tables: ints }))
})

test('a nested tensor does not share its sizes with the file', () => {
  const sizes = longs('1', [1, 1], [1, 1], 1)
  const whole = call(
    'torch._utils\n_rebuild_nested_tensor',
    tensor({ numel: 9 }),
    sizes,
    sizes,
    longs('2', [1], [1], 1),
  )
  const loaded = torch.loadSync(checkpoint(pickle('(', sizes, whole, 't'), { 0: floats, 1: int64(1), 2: int64(0) }))
  loaded[0].fill_(1000)
  assert.deepEqual(loaded[1].unbind()[0].shape, [1])
})

test('tensors of elements below a byte are whole, other quantized ones may be views', () => {
  const quantizer = bytes('(', 'ctorch\nper_tensor_affine\n', 'F0.5\n', int(1), 't')
  const quantized = (parts: TensorParts): Buffer => {
    const args = tensor(parts).subarray('ctorch._utils\n_rebuild_tensor_v2\n('.length, -2)
    const end = bytes(0x89, 'ccollections\nOrderedDict\n)R')
    const given = bytes(args.subarray(0, -end.length), quantizer, end)
    return checkpoint(pickle(call('torch._utils\n_rebuild_qtensor', given)), { 0: new Uint8Array([1, 2, 3, 4]) })
  }
  const type = 'torch\nQUInt8Storage'
  assert.deepEqual(
    torch
      .loadSync(quantized({ type, size: [2], offset: 2 }))
      .intRepr()
      .tolist(),
    [3, 4],
  )
  assert.deepEqual(
    torch
      .loadSync(quantized({ type, size: [2], stride: [2] }))
      .dequantize()
      .tolist(),
    [0, 1],
  )
  refuses(/reach beyond/, quantized({ type, size: [5] }))
  refuses(/reach beyond/, quantized({ type: 'torch\nQUInt4x2Storage', size: [9] }))
  refuses(/a view of a tensor of dtype quint4x2/, quantized({ type: 'torch\nQUInt4x2Storage', size: [2], stride: [2] }))
  refuses(/a view of a tensor of dtype quint2x4/, quantized({ type: 'torch\nQUInt2x4Storage', size: [2], offset: 1 }))
  refuses(/of dtype int8 cannot be read/, quantized({ type: 'torch\nCharStorage' }))
})

test('a tensor of another device is no larger than its storage where its dtype changes', () => {
  const device = (data: Buffer): Buffer => {
    const args = [data, 'ctorch\nfloat64\n', text('xla:0'), 0x89]
    const name = 'torch._utils\n_rebuild_device_tensor_from_cpu_tensor'
    return checkpoint(pickle(call(name, ...args)), { 0: floats })
  }
  assert.equal(torch.loadSync(device(tensor({ numel: 9 }))).dtype, 'float64')
  refuses(/more elements than its storage/, device(tensor({ numel: 9, size: [10 ** 9, 100], stride: [0, 0] })))
})

test('a class that keeps its data in other tensors is inert, and so is what would be called for it', () => {
  const wrapped = call(
    'torch._tensor\n_rebuild_from_type_v2',
    'cos\nsystem\n',
    'cposix\nX\n',
    bytes('(', text('ls'), 't'),
    '}',
  )
  const loaded = torch.loadSync(checkpoint(pickle(wrapped))) as torch.PyObject
  assert.equal(loaded.path, 'torch._tensor._rebuild_from_type_v2')
  assert.deepEqual(
    Array.from(loaded.args!.slice(0, 2), (arg) => (arg as torch.PyObject).path),
    ['os.system', 'posix.X'],
  )
})

test("numpy's arrays in any order of their axes", () => {
  const dtype = bytes(
    'cnumpy\ndtype\n(',
    text('i2'),
    0x89,
    0x88,
    'tR(K',
    3,
    text('<'),
    'NNNJ',
    255,
    255,
    255,
    255,
    'J',
    255,
    255,
    255,
    255,
    'K',
    0,
    'tb',
  )
  const data = bytes('C', 12, new Uint8Array(new Int16Array([0, 1, 2, 3, 4, 5]).buffer))
  const array = (size: number[], ...order: (string | number | Uint8Array)[]): any =>
    torch.loadSync(
      checkpoint(pickle(call('numpy._core.numeric\n_frombuffer', data, dtype, '(', ...size.map(int), 't', ...order))),
    )
  const rows = [
    [0, 1, 2],
    [3, 4, 5],
  ]
  assert.deepEqual(array([2, 3], text('C')).tolist(), rows)
  assert.deepEqual(array([2, 3], text('F')).tolist(), [
    [0, 2, 4],
    [1, 3, 5],
  ])
  assert.deepEqual(array([2, 3], text('K'), '(', int(1), int(0), 't').tolist(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ])
  assert.deepEqual(array([1, 2, 3], text('K'), '(', int(1), int(0), int(2), 't').tolist(), [[rows[0]], [rows[1]]])
  assert.ok(array([2, 3], text('K'), '(', int(0), int(0), 't') instanceof torch.PyObject)
  assert.ok(array([2, 3], text('A')) instanceof torch.PyObject)
  assert.throws(() => array([2, 4], text('C')), /sizes do not fit/)
  assert.throws(() => array([2 ** 40, 2 ** 40], text('F')), /sizes do not fit/)
})
