// Files before PyTorch 1.6 by hand: what Python would not write, and damaged ones.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { bytes, int, text } from './zip.js'

const folder = mkdtempSync(join(tmpdir(), 'legacy-'))
after(() => rmSync(folder, { recursive: true }))

const pickled = (...pieces: (string | number | Uint8Array)[]): Buffer => bytes(0x80, 2, ...pieces, '.')
const tuple = (...pieces: (string | number | Uint8Array)[]): Buffer => bytes('(', ...pieces, 't')
const ints = (values: number[]): Buffer => tuple(...values.map(int))
const int64 = (value: number | bigint, big = false): Buffer => {
  const data = Buffer.alloc(8)
  if (big) data.writeBigInt64BE(BigInt(value))
  else data.writeBigInt64LE(BigInt(value))
  return data
}
const float32 = (...values: number[]): Buffer => Buffer.from(new Float32Array(values).buffer)
const magic = pickled(int(0x1950a86a20f9469cfc6cn))
const sysInfo = (little: boolean): Buffer => pickled('}(', text('little_endian'), little ? 0x88 : 0x89, 'u')

interface Stream {
  version?: Buffer
  little?: boolean
  root?: Buffer
  keys?: Buffer
  data?: Buffer
}

const id = ({ key = '1', numel = 4, view = bytes('N'), type = 'torch\nFloatStorage', more = bytes() } = {}): Buffer =>
  bytes(tuple(text('storage'), `c${type}\n`, text(key), text('cpu'), int(numel), view, more), 'Q')
const tensor = (storage: Buffer, offset = 0, size = [4], stride = [1]): Buffer =>
  bytes('ctorch._utils\n_rebuild_tensor\n', tuple(storage, int(offset), ints(size), ints(stride)), 'R')

function stream(parts: Stream = {}): Buffer {
  return bytes(
    0x80,
    2,
    Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex'),
    parts.version ?? pickled(int(1001)),
    sysInfo(parts.little ?? true),
    parts.root ?? pickled(tensor(id())),
    parts.keys ?? pickled('](', text('1'), 'e'),
    parts.data ?? bytes(int64(4), float32(1, 2, 3, 4)),
  )
}

/** Checks the error of a file and of the same bytes in memory. */
async function refuses(data: Uint8Array, message: RegExp, code = 'ERR_CHECKPOINT_FORMAT'): Promise<void> {
  const path = join(folder, 'bad.pt')
  writeFileSync(path, data)
  const check = (error: torch.CheckpointError): boolean => {
    assert.equal(error.code, code, String(error))
    assert.match(error.message, message)
    return true
  }
  assert.throws(() => torch.loadSync(path), check)
  await assert.rejects(torch.load(path), check)
  assert.throws(() => torch.loadSync(data), check)
}

test('elements are little-endian whatever machine wrote them; their count is not always', async () => {
  assert.deepEqual(torch.loadSync(stream()).tolist(), [1, 2, 3, 4])
  assert.deepEqual(torch.loadSync(stream({ little: false })).tolist(), [1, 2, 3, 4])
  const data = bytes(int64(4, true), float32(1, 2, 3, 4))
  assert.deepEqual(torch.loadSync(stream({ little: false, data })).tolist(), [1, 2, 3, 4])
  await refuses(stream({ data }), /byte \d+: a storage of 288230376151711744 elements, not 4/)
})

test('the magic number as each protocol writes it', () => {
  const rest = stream().subarray(15)
  const number = Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex')
  const ways = [
    bytes('L119547037146038801333356L\n.'),
    bytes(0x80, 3, number),
    bytes(0x80, 4, number),
    bytes(0x80, 4, 0x95, int64(13), number),
    bytes(0x80, 5, 0x95, int64(13), number),
  ]
  for (const way of ways) assert.deepEqual(torch.loadSync(bytes(way, rest)).tolist(), [1, 2, 3, 4])
  assert.throws(() => torch.loadSync(bytes(magic, rest)), /bare pickle/)
})

test('classes of modules, with the program that they had, are names', () => {
  const source = text('class Net:\n  def __init__(self): open("/tmp/marker", "w")')
  const module = bytes(tuple(text('module'), 'c__main__\nNet\n', text('/a.py'), source), 'Q')
  const without = bytes(tuple(text('module'), 'c__main__\nNet\n', 'NN'), 'Q')
  for (const type of [module, without]) {
    const root = pickled('](', type, type, type, ')', 0x81, '}', text('a'), int(1), 'sb', tensor(id()), 'e')
    const [first, second, object, values] = torch.loadSync(stream({ root }))
    assert.ok(first instanceof torch.PyObject && first.kind === 'global' && first.path === '__main__.Net')
    assert.equal(second.path, '__main__.Net')
    assert.equal(object.path, '__main__.Net')
    assert.deepEqual({ ...object.state }, { a: 1 })
    assert.deepEqual(values.tolist(), [1, 2, 3, 4])
  }
})

test('tensors of CUDA classes of old', () => {
  const type = 'torch.cuda\nFloatStorage'
  const state = tuple(id({ type }), int(1), ints([3]), ints([1]))
  const root = pickled('ctorch.cuda\nFloatTensor\n)', 0x81, state, 'b')
  assert.deepEqual(torch.loadSync(stream({ root })).tolist(), [2, 3, 4])
})

test('streams whose parts do not fit together', async () => {
  const view = (offset: number, numel: number, key = '2'): Buffer => tuple(text(key), int(offset), int(numel))
  const empty = { keys: pickled(']'), data: bytes() }
  const cases: [Stream, RegExp][] = [
    [{ version: pickled(int(1002)) }, /version 1002 of the legacy format; 1001 is known: is the file damaged\?/],
    [{ version: pickled('}') }, /version of an unknown kind/],
    [{ root: pickled(tensor(id(), 1)) }, /reach beyond a storage of 4 elements/],
    [{ root: pickled(tensor(id(), 0, [2, 3], [2, 1])) }, /reach beyond/],
    [{ root: pickled(tensor(id({ numel: 5 }))) }, /a storage of 4 elements, not 5/],
    [{ root: pickled(tensor(id({ type: 'torch\nOtherStorage' }))) }, /unknown type/],
    [{ root: pickled(tensor(id({ more: bytes('N') }))) }, /a storage of 7 parts/],
    [{ root: pickled(tensor(id({ numel: -4 }))) }, /a storage of -4 elements/],
    [{ root: pickled(tensor(id({ numel: 2 ** 52 }))) }, /a storage of 4503599627370496 elements/],
    [{ root: pickled('](', tensor(id()), tensor(id({ numel: 3 }), 0, [3]), 'e') }, /said to have 16 bytes, and 12/],
    [{ root: pickled(tensor(id({ view: view(2, 3) }), 0, [1])) }, /bytes 8 to 20 of a storage that has 16/],
    [{ root: pickled(tensor(id({ view: view(2, 2) }), 0, [3])) }, /reach beyond a storage of 2 elements/],
    [{ root: pickled(tensor(id({ view: view(-1, 2) }), 0, [1])) }, /a storage of -1 elements/],
    [{ root: pickled(tensor(id({ view: text('x') }), 0, [1])) }, /its key, its offset and its size/],
    [{ root: pickled(tensor(id({ view: tuple(text('2'), int(0)) }))) }, /a storage of undefined elements/],
    [
      {
        root: pickled('](', tensor(id({ view: view(0, 2) }), 0, [1]), tensor(id({ view: view(1, 2) }), 0, [1]), 'e'),
      },
      /the part "2" of a storage is said to be in two places/,
    ],
    [{ root: pickled(tuple(text('module'), text('x'), 'NN'), 'Q') }, /a module without a class/],
    [{ root: pickled(tuple(text('other'), text('x')), 'Q') }, /a reference to a "other"; only storages/],
    [{ root: pickled(int(1), 'Q') }, /a reference is no storage/],
    [{ root: pickled(')', 'Q') }, /a reference is no storage/],
    [{ keys: pickled('}') }, /the list of storages is missing/],
    [{ keys: pickled('](', id(), 'e') }, /a storage among the keys/],
    [{ keys: pickled('](', text('1'), text('9'), 'e') }, /a storage that nothing refers to/],
    [{ keys: pickled('](', int(1), 'e') }, /a storage that nothing refers to/],
    [{ keys: pickled(']') }, /the bytes of storage 1 are missing/],
    [
      { data: bytes(int64(4), float32(1, 2, 3)) },
      /truncated: 16 bytes wanted, 12 left \(a download or a save was cut off\)/,
    ],
    [{ data: bytes() }, /truncated: 8 bytes wanted, 0 left/],
    [{ data: bytes(int64(-1), float32(1, 2, 3, 4)) }, /a storage of -1 elements, not 4/],
    [{ ...empty, root: pickled('ctorch\nFloatTensor\n)', 0x81) }, /FloatTensor: its state has to be a storage/],
    [{ ...empty, root: pickled('ctorch\nFloatTensor\n)', 0x81, ints([1, 2, 3, 4]), 'b') }, /needs a storage, not int/],
    [{ ...empty, root: pickled('ctorch.nn.parameter\nParameter\n)R') }, /Parameter: needs a tensor, not nothing/],
    [
      { root: pickled('ctorch.nn.parameter\nParameter\n(', tensor(id()), 'tR', int(1), 'b') },
      /not the state of a Variable/,
    ],
  ]
  for (const [parts, message] of cases) await refuses(stream(parts), message)
})

interface Member {
  name: string
  data?: Uint8Array
  kind?: string
  size?: string
  sum?: number
}

/** A tar archive by hand. */
function tar(...members: Member[]): Buffer {
  const blocks = members.flatMap(({ name, data = bytes(), kind = '0', size, sum }) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(size ?? data.length.toString(8).padStart(11, '0'), 124, 'latin1')
    header.write(kind, 156)
    header.write('ustar\0', 257)
    header.fill(' ', 148, 156)
    const total = sum ?? header.reduce((all, byte) => all + byte, 0)
    header.write(`${total.toString(8).padStart(6, '0')}\0 `, 148)
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

interface Archive {
  storages?: Buffer
  tensors?: Buffer
  pickle?: Buffer
}
const oneStorage = bytes(pickled(tuple(int(7), text('cpu'), 'ctorch\nFloatStorage\n')), int64(4), float32(1, 2, 3, 4))
const noParts = pickled(']')
const oneTensor = (id = 5, storage = 7, dimensions = 1, numbers = [4, 1, 0]): Buffer =>
  bytes(
    pickled(tuple(int(id), int(storage), 'ctorch\nFloatTensor\n')),
    dimensions,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...numbers.map((n) => int64(n)),
  )

function archive({ storages, tensors, pickle }: Archive = {}): Member[] {
  return [
    { name: 'pickle', data: pickle ?? pickled(int(5), 'Q') },
    { name: 'tensors', data: tensors ?? bytes(pickled(int(1)), oneTensor()) },
    { name: 'storages', data: storages ?? bytes(pickled(int(1)), oneStorage, noParts) },
  ]
}

test('tar files: numbers as text, folders and links beside the records, the last of a name, sizes in bytes', () => {
  assert.deepEqual(torch.loadSync(tar(...archive())).tolist(), [1, 2, 3, 4])
  assert.deepEqual(torch.loadSync(tar(...archive({ pickle: pickled(text('5'), 'Q') }))).tolist(), [1, 2, 3, 4])
  assert.deepEqual(torch.loadSync(tar(...archive({ pickle: pickled(int(7), 'Q') }))).tolist(), [1, 2, 3, 4])
  const more = [
    { name: 'folder/', kind: '5' },
    { name: 'link', kind: '2', size: '00000001000' },
    { name: 'pickle', data: pickled('N') },
  ]
  assert.deepEqual(torch.loadSync(tar(...more, ...archive())).tolist(), [1, 2, 3, 4])
  const wide = archive().map(({ name, data }) => ({
    name,
    data: data!,
    size: `\x80\0\0\0\0\0\0\0\0\0${String.fromCharCode(data!.length >> 8)}${String.fromCharCode(data!.length & 127)}`,
  }))
  const [first] = wide
  assert.ok(first!.data.length < 128)
  assert.deepEqual(torch.loadSync(tar(wide[0]!, ...archive().slice(1))).tolist(), [1, 2, 3, 4])
  const module = tuple('c__main__\nNet\n', text('/a.py'), text('source'))
  const [net, again] = torch.loadSync(tar(...archive({ pickle: pickled('](', module, 'Q', int(5), 'Qe') })))
  assert.equal(net.path, '__main__.Net')
  assert.deepEqual(again.tolist(), [1, 2, 3, 4])
})

test('tar files whose parts do not fit together', async () => {
  const storages = (storage: Buffer, parts = noParts): Buffer => bytes(pickled(int(1)), storage, parts)
  const described = (...values: (Buffer | string)[]): Buffer => pickled(tuple(...values))
  const part = (...values: number[]): Buffer => pickled('](', ints(values), 'e')
  const tensors = (...tensor: Parameters<typeof oneTensor>): Buffer => bytes(pickled(int(1)), oneTensor(...tensor))
  const cases: [Archive, RegExp][] = [
    [{ storages: pickled(int(-1)) }, /record storages, byte 0: a count is missing/],
    [{ storages: pickled('N') }, /a count is missing/],
    [{ storages: pickled(int(2 ** 40)) }, /record storages.*truncated/],
    [{ storages: storages(pickled(int(1))) }, /a tuple of 3 is missing/],
    [
      { storages: storages(described(text('x'), text('cpu'), 'ctorch\nFloatStorage\n')) },
      /a reference that is no number/,
    ],
    [{ storages: storages(described(int(7), text('cpu'), 'ctorch\nFloatTensor\n')) }, /a storage of an unknown type/],
    [{ storages: storages(described(int(7), 'N', 'ctorch\nFloatStorage\n')) }, /a storage without a location/],
    [{ storages: storages(oneStorage, pickled('N')) }, /the list of parts of storages is missing/],
    [{ storages: storages(oneStorage, pickled('](Ne')) }, /a reference that is no number/],
    [{ storages: storages(oneStorage, part(8, 9, 0, 1)) }, /a part of a storage that is not there/],
    [{ storages: storages(oneStorage, part(8, 7, 2, 3)) }, /bytes 8 to 20 of a storage that has 16/],
    [{ storages: storages(oneStorage, part(8, 7, -1, 1)) }, /a storage of -1 elements/],
    [{ storages: bytes(pickled(int(1)), oneStorage, pickled('](', int(5), 'Qe')) }, /a reference where none can be/],
    [{ tensors: tensors(5, 9) }, /a tensor over a storage that is not there/],
    [{ tensors: bytes(pickled(int(2)), oneTensor(), oneTensor(6, 5)) }, /a tensor over a storage that is not there/],
    [{ tensors: tensors(5, 7, 65) }, /a tensor of 65 dimensions/],
    [{ tensors: tensors(5, 7, 2) }, /record tensors.*truncated/],
    [{ tensors: tensors(5, 7, 1, [5, 1, 0]) }, /reach beyond a storage of 4 elements/],
    [{ tensors: tensors(5, 7, 1, [-4, 1, 0]) }, /sizes have to be a tuple of ints that are not negative/],
    [{ tensors: tensors(5, 7, 1, [4, -1, 0]) }, /strides have to be/],
    [{ tensors: tensors(5, 7, 1, [4, 1, -1]) }, /the storage offset has to be/],
    [{ pickle: pickled(int(6), 'Q') }, /record pickle, byte \d+: a reference to a tensor that is not there/],
    [{ pickle: pickled(')', 'Q') }, /a module without a class/],
    [{ pickle: bytes(0x80, 2, '(') }, /record pickle.*truncated/],
  ]
  for (const [parts, message] of cases) await refuses(tar(...archive(parts)), message)
  const huge = storages(bytes(described(int(7), text('cpu'), 'ctorch\nFloatStorage\n'), int64(2n ** 40n)))
  await refuses(tar(...archive({ storages: huge })), /a length of 1099511627776 bytes/, 'ERR_CHECKPOINT_UNSAFE')
})

test('tar archives that are damaged, cut off, or of something else', async () => {
  const whole = tar(...archive())
  await refuses(
    tar({ name: 'weights.bin' }),
    /this is a tar archive of weights\.bin, not a checkpoint of PyTorch 0\.1.*unpack it/,
  )
  await refuses(tar({ name: 'a', kind: '5' }), /this is a tar archive, not a checkpoint/)
  await refuses(tar(...archive().slice(1)), /the tar archive has no pickle: was a download/)
  await refuses(whole.subarray(0, 1024), /the tar archive has no storages and no tensors: was/)
  await refuses(whole.subarray(0, 514), /truncated: "pickle" has \d+ bytes, 2 are left/)
  await refuses(
    tar({ name: 'a' }, { name: 'pickle', sum: 1 }),
    /byte 512: the header of a file in the tar archive is damaged/,
  )
  await refuses(tar({ name: 'pickle', size: '00000000zz0' }), /has no size/)
  await refuses(
    tar({ name: 'pickle', size: '77777777777' }),
    /the tar archive is truncated: "pickle" has 8589934591 bytes/,
  )
  await refuses(
    tar({ name: 'x', kind: 'L', data: Buffer.alloc(70_000, 'a') }, ...archive()),
    /a name of 70000 bytes/,
    'ERR_CHECKPOINT_UNSAFE',
  )
  await refuses(
    tar({ name: 'x', kind: 'x', data: bytes('22 size=99999999999999\n') }, ...archive()),
    /truncated: "pickle"/,
  )
  await refuses(tar({ name: 'x', kind: 'x', data: bytes('11 size=-1\n') }, ...archive()), /has no size/)
})
