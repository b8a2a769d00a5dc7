/** Tensors that are not inside of their storage, and storages that are not what they say. */
import { bytes, checkpoint, int, type TensorParts, tensorPickle, text } from '../serialize/zip.js'
import type { HostileFile } from './files.js'

const big = 2n ** 63n
const huge = 2n ** 64n - 1n

const wrong: Record<string, TensorParts> = {
  'an offset behind the end': { offset: 1 },
  'an offset far behind the end': { offset: 10 ** 12 },
  'a negative offset': { offset: -1 },
  'an offset of -2^63': { offset: -big },
  'an offset of 2^63 - 1': { offset: big - 1n },
  'an offset beyond 64 bits': { offset: huge },
  'one element too many': { size: [5] },
  'a size of 2^31': { size: [2 ** 31] },
  'a size of 2^62': { size: [2n ** 62n] },
  'a size of 2^63': { size: [big] },
  'a size beyond 64 bits': { size: [huge] },
  'a negative size': { size: [-1] },
  'sizes whose product overflows to 0': { size: [2n ** 32n, 2n ** 32n], stride: [1, 1] },
  'sizes whose product overflows to 4': { size: [2n ** 62n + 1n, 4], stride: [0, 1] },
  'sizes that overflow with stride 0': { size: [2n ** 33n, 2n ** 33n], stride: [0, 0] },
  'a huge size of stride 0, far beyond what the file has': { size: [2n ** 60n], stride: [0] },
  'a stride behind the end': { size: [2], stride: [4] },
  'a stride of 2^62': { size: [3], stride: [2n ** 62n] },
  'a stride of 2^63 - 1': { size: [2], stride: [big - 1n] },
  'a negative stride': { size: [2], stride: [-1] },
  'a stride of -2^63': { size: [2], stride: [-big] },
  'strides that overflow together': { size: [2, 2], stride: [big - 1n, big - 1n] },
  'fewer strides than sizes': { size: [2, 2], stride: [1] },
  'more strides than sizes': { size: [2], stride: [1, 1] },
  'no strides': { size: [2], stride: [] },
  '1,000 dimensions': { size: Array(1000).fill(1), stride: Array(1000).fill(1) },
  '50,000 dimensions': { size: Array(50_000).fill(1), stride: Array(50_000).fill(1) },
  'an empty tensor with an offset': { size: [0], offset: 5 },
  'an empty tensor with a size beyond 64 bits': { size: [0, huge], stride: [1, 1] },
  'a storage of -1 elements': { numel: -1 },
  'a storage of 2^62 elements': { numel: 2n ** 62n },
  'a storage of 2^64 elements': { numel: 2n ** 64n },
  'a storage of 5 elements, where there are 4': { numel: 5 },
  'a storage of 3 elements, where there are 4': { numel: 3 },
  'a storage of another dtype': { type: 'torch\nDoubleStorage' },
  'a storage of no dtype': { type: 'torch\nFooStorage' },
  'a storage type that is a function': { type: 'os\nsystem' },
  'a storage type of the prototype': { type: 'torch\n__proto__' },
  'a key that leaves the folder': { key: '../../../etc/passwd' },
  'an absolute key': { key: '/etc/passwd' },
  'a key with a zero byte': { key: '0\0x' },
  'an empty key': { key: '' },
  'a key of a megabyte': { key: '0'.repeat(2 ** 20) },
  'a key that is not there': { key: '1' },
  'a key of the prototype': { key: '__proto__' },
  'a quantized storage in a plain tensor': { type: 'torch\nQInt8Storage', numel: 16, size: [16] },
  'a storage on a device that there is not': { location: 'cuda:99' },
  'a storage on a device with a strange name': { location: 'a'.repeat(100_000) },
  'a storage on a device that is a path': { location: '/dev/mem' },
  'no storage': { storage: bytes('N') },
  'a list as storage': { storage: bytes(']') },
  'a persistent id that is a number': { storage: bytes('K\0Q') },
  'a persistent id of one part': { storage: bytes('(', text('storage'), 'tQ') },
  'a persistent id of seven parts': { storage: bytes('(', text('storage'), 'NNNNNNtQ') },
  'a persistent id that is a module': {
    storage: bytes('(', text('module'), 'cos\nsystem\n', text('x'), text('y'), 'tQ'),
  },
  'a text persistent id': { storage: bytes('P0\n') },
}

/** `torch._utils.<name>(arguments)` */
const rebuild = (name: string, ...args: Buffer[]): Buffer => bytes(0x80, 2, `ctorch._utils\n${name}\n(`, ...args, 'tR.')
const tensor = (parts: TensorParts): Buffer => tensorPickle(parts).subarray(2, -1)
const ints = (...values: number[]): Buffer =>
  tensor({
    type: 'torch\nLongStorage',
    key: 'i',
    numel: values.length,
    size: [1, values.length],
    stride: [values.length, 1],
  })
const int64 = (...values: number[]): Buffer => Buffer.from(new BigInt64Array(values.map(BigInt)).buffer)
const layout = bytes('ctorch.serialization\n_get_layout\n(', text('torch.sparse_coo'), 'tR')
const csr = bytes('ctorch.serialization\n_get_layout\n(', text('torch.sparse_csr'), 'tR')
const size = (...sizes: number[]): Buffer => bytes('ctorch\nSize\n((', ...sizes.map(int), 'ttR')
const indices: Record<string, number[]> = {
  'indices behind the end': [0, 1, 2, 100],
  'negative indices': [0, -1, 2, 3],
  'indices of 2^62': [0, 1, 2, 2 ** 52],
}

function others(): [string, Buffer][] {
  const sparse = Object.entries(indices).flatMap(([name, values]): [string, Buffer][] => [
    [
      `sparse tensors with ${name}`,
      rebuild('_rebuild_sparse_tensor', layout, bytes('(', ints(...values), tensor({}), size(4), 't')),
    ],
    [
      `sparse tensors with ${name}, said to be coalesced`,
      rebuild('_rebuild_sparse_tensor', layout, bytes('(', ints(...values), tensor({}), size(4), 0x88, 't')),
    ],
  ])
  const flat = tensor({ type: 'torch\nLongStorage', key: 'i', numel: 4, size: [4] })
  return [
    ...sparse,
    [
      'sparse tensors of a negative size',
      rebuild('_rebuild_sparse_tensor', layout, bytes('(', ints(0, 1, 2, 3), tensor({}), size(-4), 't')),
    ],
    ['a sparse tensor without values', rebuild('_rebuild_sparse_tensor', layout, bytes('(', ints(0, 1, 2, 3), 't'))],
    ['a layout that there is not', rebuild('_rebuild_sparse_tensor', text('torch.foo'), bytes('(t'))],
    [
      'compressed rows that are none',
      rebuild('_rebuild_sparse_tensor', csr, bytes('(', flat, flat, tensor({}), size(3, 4), 't')),
    ],
    [
      'a meta tensor of a huge size',
      rebuild(
        '_rebuild_meta_tensor_no_storage',
        bytes('ctorch\nfloat32\n('),
        int(big - 1n),
        bytes('t('),
        int(1),
        bytes('t', 0x89),
      ),
    ],
    [
      'a meta tensor of a negative size',
      rebuild(
        '_rebuild_meta_tensor_no_storage',
        bytes('ctorch\nfloat32\n('),
        int(-5),
        bytes('t('),
        int(1),
        bytes('t', 0x89),
      ),
    ],
    ['a parameter that is no tensor', rebuild('_rebuild_parameter', text('x'), bytes(0x88), bytes('}'))],
    ['a parameter without arguments', rebuild('_rebuild_parameter')],
    ['a tensor without arguments', rebuild('_rebuild_tensor_v2')],
    [
      'a tensor of texts',
      rebuild('_rebuild_tensor_v2', text('a'), text('b'), text('c'), text('d'), text('e'), text('f')),
    ],
    ['a quantized tensor of nothing', rebuild('_rebuild_qtensor', bytes('NNNNNNN'))],
    ['a nested tensor of nothing', rebuild('_rebuild_nested_tensor', bytes('NNNN'))],
    ['a nested tensor with sizes behind the end', rebuild('_rebuild_nested_tensor', tensor({}), flat, flat, flat)],
    [
      'a class in place of the rebuild function',
      bytes(0x80, 2, 'ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\ncos\nsystem\n(', text('ls'), 'tNtR.'),
    ],
    ['a device of a million letters', bytes(0x80, 2, 'ctorch\ndevice\n(', text('x'.repeat(10 ** 6)), 'tR.')],
    ['a Size of texts', bytes(0x80, 2, 'ctorch\nSize\n((', text('x'), 'ttR.')],
  ]
}

export function tensorFiles(): HostileFile[] {
  const storages = { 0: Buffer.alloc(16), i: int64(0, 1, 2, 3) }
  return [
    ...Object.entries(wrong).map(([name, parts]) => ({ name, bytes: checkpoint(tensorPickle(parts), storages) })),
    ...others().map(([name, pickle]) => {
      const values = Object.entries(indices).find(([kind]) => name.includes(kind))?.[1]
      return { name, bytes: checkpoint(pickle, values ? { ...storages, i: int64(...values) } : storages) }
    }),
  ]
}
