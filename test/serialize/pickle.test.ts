import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { bytes, checkpoint, int, tensorPickle, text } from './zip.js'

const read = (...pieces: (string | number | Uint8Array)[]): any => torch.loadSync(checkpoint(bytes(...pieces)))
const float32 = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer)

function refuses(code: string, message: RegExp, ...pieces: (string | number | Uint8Array)[]): void {
  assert.throws(
    () => read(...pieces),
    (error: torch.CheckpointError) => {
      assert.ok(error instanceof torch.CheckpointError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    },
  )
}
const malformed = (message: RegExp, ...pieces: (string | number | Uint8Array)[]): void =>
  refuses('ERR_CHECKPOINT_FORMAT', message, ...pieces)

test('opcodes of every protocol', () => {
  const cases: [unknown, ...(string | number | Uint8Array)[]][] = [
    [5, 'I5\n.'],
    [true, 'I01\n.'],
    [false, 'I00\n.'],
    [-5, 'L-5L\n.'],
    [2n ** 70n, `L${2n ** 70n}L\n.`],
    [1.5, 'F1.5\n.'],
    [Infinity, 'Finf\n.'],
    [null, 'N.'],
    ['a\nb', "S'a\\nb'\n."],
    ['aé', 'Va\\u00e9\n.'],
    ['ab', 'U', 2, 'ab.'],
    ['ab', 'T', 2, 0, 0, 0, 'ab.'],
    ['é', 0x8c, 2, 0xc3, 0xa9, '.'],
    ['a', 0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 'a.'],
    ['\ud800', 'X', 3, 0, 0, 0, 0xed, 0xa0, 0x80, '.'],
    [-1, 'J', 255, 255, 255, 255, '.'],
    [200, 'K', 200, '.'],
    [513, 'M', 1, 2, '.'],
    [0, 0x8a, 0, '.'],
    [-128, 0x8a, 1, 128, '.'],
    [2 ** 40, 0x8a, 6, 0, 0, 0, 0, 0, 1, '.'],
    [2n ** 56n, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, '.'],
    [[1, 2], '(I1\nI2\nl.'],
    [[1, 2], '](K', 1, 'K', 2, 'e.'],
    [[1], ']K', 1, 'a.'],
    [[1, 1], '](K', 1, '2e.'],
    [torch.Tuple.of(1, 2), 'K', 1, 'K', 2, 0x86, '.'],
    [torch.Tuple.of(), ').'],
    [torch.Tuple.of(1), '(K', 1, 't.'],
    [torch.Tuple.of(1), 'K', 1, 0x85, '.'],
    [torch.Tuple.of(1, 2, 3), 'K', 1, 'K', 2, 'K', 3, 0x87, '.'],
    [new Set([1]), 0x8f, '(K', 1, 0x90, '.'],
    [new Set([1]), '(K', 1, 0x91, '.'],
    [new Uint8Array([1, 2]), 'B', 2, 0, 0, 0, 1, 2, '.'],
    [new Uint8Array([1, 2]), 'C', 2, 1, 2, '.'],
    [new Uint8Array([7]), 0x8e, 1, 0, 0, 0, 0, 0, 0, 0, 7, '.'],
    [new Uint8Array([7]), 0x96, 1, 0, 0, 0, 0, 0, 0, 0, 7, '.'],
    [[1, 1], '](K', 1, 'q', 0, 'h', 0, 'e.'],
    [[1, 1], '](K', 1, 'r', 0, 1, 0, 0, 'j', 0, 1, 0, 0, 'e.'],
    [[1, 1], '](K', 1, 'p7\ng7\ne.'],
    [[3, 3], 0x80, 4, 0x95, 8, 0, 0, 0, 0, 0, 0, 0, '](K', 3, 0x94, 'h', 0, 'e.'],
    [1, 'K', 1, 'K', 2, '0.'],
    [1, 'K', 1, '(K', 2, '1.'],
  ]
  for (const [expected, ...pieces] of cases)
    assert.deepEqual(read(...pieces), expected, bytes(...pieces).toString('latin1'))
})

test('dicts: text keys give an object without prototype, others a Map', () => {
  const object = read('}(', text('a'), 'K', 1, text('__proto__'), 'K', 2, text('constructor'), 'N', 'u.')
  assert.equal(Object.getPrototypeOf(object), null)
  assert.deepEqual(Object.entries(object), [
    ['a', 1],
    ['__proto__', 2],
    ['constructor', null],
  ])
  assert.deepEqual(read('(K', 1, 'K', 2, 'd.'), new Map([[1, 2]]))
  assert.deepEqual(read('}', text('a'), 'K', 1, 's.'), Object.assign(Object.create(null), { a: 1 }))
  assert.equal(({} as any).polluted, undefined)
})

test('unknown globals are inert, however they are called', () => {
  const evil = read('cos\nsystem\n(', text('touch /tmp/owned'), 'tR.')
  assert.ok(evil instanceof torch.PyObject)
  assert.equal(evil.path, 'os.system')
  assert.deepEqual([...evil.args!], ['touch /tmp/owned'])
  const made = read(0x80, 2, 'cargparse\nNamespace\n)', 0x81, '}', text('lr'), 'G', 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 'sb.')
  assert.equal(made.kind, 'new')
  assert.deepEqual({ ...made.state }, { lr: 1 })
  assert.equal(read(0x80, 4, text('posix'), text('system'), 0x93, '.').path, 'posix.system')
  assert.equal(read('(', text('x'), 'ios\nsystem\n.').path, 'os.system')
  assert.equal(read('(cos\nsystem\n', text('x'), 'o.').path, 'os.system')
  const keyed = read(0x80, 4, 'ca\nB\n)}', text('k'), 'K', 1, 's', 0x92, '.')
  assert.deepEqual([keyed.kind, { ...keyed.kwargs }], ['newEx', { k: 1 }])
})

test('a builtin of Python 2 has its Python 3 name, and protocol 3 has them as they are', () => {
  assert.equal(read('c__builtin__\nxrange\n.').path, 'builtins.range')
  assert.equal(read('cexceptions\nValueError\n.').path, 'builtins.ValueError')
  assert.equal(read(0x80, 3, 'ccopy_reg\nx\n.').path, 'copy_reg.x')
})

test('truncated at every byte: an error with the record and the offset', () => {
  const whole = tensorPickle()
  for (let end = 0; end < whole.length; end++) {
    assert.throws(
      () => torch.loadSync(checkpoint(whole.subarray(0, end), { 0: float32(1, 2, 3, 4) })),
      (error: torch.CheckpointError) =>
        error.code === 'ERR_CHECKPOINT_FORMAT' && error.record === 'data.pkl' && typeof error.offset === 'number',
    )
  }
})

test('what no pickler writes', () => {
  malformed(/stack is empty/, '.')
  malformed(/stack is empty/, 'R.')
  malformed(/no mark/, 't.')
  malformed(/stack is empty/, 'K', 1, '(0', '0', '0.')
  malformed(/not an opcode/, 0xff, '.')
  malformed(/protocol 9/, 0x80, 9, 'N.')
  malformed(/remembered under 7/, 'h', 7, '.')
  malformed(/takes no state/, ']}b.')
  malformed(/takes no state/, 'cos\nsystem\n}b.')
  malformed(/state twice/, 'ca\nB\n)R}b}b.')
  malformed(/arguments have to be a tuple/, 'ca\nB\n]R.')
  malformed(/cannot be called/, 'K', 1, ')R.')
  malformed(/appended to dict/, '}K', 1, 'a.')
  malformed(/no keys to set/, ']K', 1, 'K', 2, 's.')
  malformed(/has no value/, '}(K', 1, 'u.')
  malformed(/not UTF-8/, 'X', 1, 0, 0, 0, 0xff, '.')
  malformed(/not an int/, 'Iabc\n.')
  malformed(/not a float/, 'Fabc\n.')
  malformed(/lacks its quotes/, 'Sabc\n.')
  malformed(/extension registry/, 0x82, 1, '.')
  malformed(/buffers outside/, 0x97, '.')
  malformed(/no storage/, 'K', 1, 'Q.')
  malformed(/no storage/, 'Pabc\n.')
  malformed(/name of a global/, 'K', 1, 'K', 2, 0x93, '.')
})

test('huge lengths and counts cost nothing', () => {
  malformed(/truncated/, 'X', 255, 255, 255, 255, 'a.')
  malformed(/truncated/, 'B', 255, 255, 255, 127, 'a.')
  malformed(/truncated/, 'T', 255, 255, 255, 127, 'a.')
  malformed(/truncated/, 'T', 255, 255, 255, 255, 'a.')
  refuses('ERR_CHECKPOINT_UNSAFE', /length/, 0x8d, 255, 255, 255, 255, 255, 255, 255, 127, '.')
  refuses('ERR_CHECKPOINT_UNSAFE', /length/, 0x95, 255, 255, 255, 255, 255, 255, 255, 255, '.')
  refuses('ERR_CHECKPOINT_UNSAFE', /an int of/, 0x8b, 255, 255, 255, 127, '.')
  refuses('ERR_CHECKPOINT_UNSAFE', /too many digits/, `L${'9'.repeat(30_000)}L\n.`)
  assert.equal(read('K', 1, 'r', 255, 255, 255, 255, '.'), 1)
})

test('deep nesting is refused, depth that Python can write is not', () => {
  const nested = (depth: number): Buffer => bytes(']'.repeat(depth), 'a'.repeat(depth - 1), '.')
  let value = read(nested(990))
  for (let depth = 1; depth < 990; depth++) value = value[0]
  assert.deepEqual(value, [])
  refuses('ERR_CHECKPOINT_UNSAFE', /levels/, nested(1100))
  refuses('ERR_CHECKPOINT_UNSAFE', /levels/, nested(200_000))
  refuses('ERR_CHECKPOINT_UNSAFE', /levels/, bytes(')', Buffer.alloc(100_000, 0x85), '.'))
})

test('many references to one object stay one object', () => {
  const doubling = bytes(']q', 0, ...Array.from({ length: 100 }, (_, i) => bytes('0](h', i, 'h', i, 'eq', i + 1)), '.')
  let value = read(doubling)
  for (let i = 0; i < 100; i++) {
    assert.equal(value[0], value[1])
    value = value[0]
  }
})

test('more objects than fit are refused', () => {
  refuses('ERR_CHECKPOINT_UNSAFE', /more than .* objects/, '(', Buffer.alloc(6_000_000, ']'), 'l.')
  refuses('ERR_CHECKPOINT_UNSAFE', /values on the stack/, Buffer.alloc(6_000_000, 'N'), '.')
})

test('every tensor is checked against its storage', () => {
  const storages = { 0: float32(1, 2, 3, 4) }
  const load = (parts: Parameters<typeof tensorPickle>[0]): any =>
    torch.loadSync(checkpoint(tensorPickle(parts), storages))
  assert.deepEqual(load({}).tolist(), [1, 2, 3, 4])
  assert.deepEqual(load({ size: [2], stride: [3] }).tolist(), [1, 4])
  assert.deepEqual(load({ size: [2, 0], stride: [1, 1], offset: 4 }).shape, [2, 0])
  assert.deepEqual(load({ size: [0], stride: [1], offset: 5 }).shape, [0])
  assert.deepEqual(load({ size: [1_000_000, 1_000_000], stride: [0, 0] }).shape, [1_000_000, 1_000_000])
  const bad: [RegExp, Parameters<typeof tensorPickle>[0]][] = [
    [/reach beyond/, { size: [5] }],
    [/reach beyond/, { offset: 1 }],
    [/reach beyond/, { size: [2], stride: [4] }],
    [/reach beyond/, { size: [3, 2], stride: [2, 1] }],
    [/reach beyond/, { size: [2], stride: [Number.MAX_SAFE_INTEGER] }],
    [/beyond 64 bits/, { size: [2 ** 40, 2 ** 40], stride: [0, 0] }],
    [/sizes have to be/, { size: [-1] }],
    [/sizes have to be/, { size: [2n ** 62n] }],
    [/strides have to be/, { stride: [-1] }],
    [/1 sizes, but 2 strides/, { stride: [1, 1] }],
    [/offset has to be/, { offset: -1 }],
    [/offset has to be/, { offset: 2n ** 62n }],
    [/take 20/, { numel: 5 }],
    [/elements/, { numel: -1 }],
    [/elements/, { numel: 2n ** 62n }],
    [/elements/, { numel: Number.MAX_SAFE_INTEGER }],
    [/unknown type/, { type: 'os\nsystem' }],
    [/unknown type/, { type: 'torch\nWrongStorage' }],
    [/without a key/, { key: '../../etc/passwd' }],
    [/record is missing|is missing/, { key: '1' }],
    [/needs a storage/, { storage: int(1) }],
    [/needs a storage/, { storage: bytes('N') }],
  ]
  for (const [message, parts] of bad) {
    assert.throws(
      () => load(parts),
      (error: torch.CheckpointError) => {
        assert.equal(error.code, 'ERR_CHECKPOINT_FORMAT')
        assert.match(error.message, message)
        return true
      },
    )
  }
})

test('mutated files: a value or a CheckpointError, never another error and never a crash', () => {
  const storages = { 0: float32(1, 2, 3, 4) }
  const originals = [
    checkpoint(tensorPickle(), storages),
    checkpoint(
      bytes(
        0x80,
        2,
        'cargparse\nNamespace\n)',
        0x81,
        '}q',
        0,
        '(',
        text('a'),
        ']q',
        1,
        'h',
        0,
        'a',
        int(7),
        'h',
        1,
        'ub.',
      ),
    ),
  ]
  let seed = 1
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return (seed >>> 8) % n
  }
  const seen = new Set<string>()
  for (let i = 0; i < 3000; i++) {
    const mutated = Buffer.from(originals[i % 2]!)
    for (let k = 0; k <= random(3); k++) mutated[random(mutated.length)] = random(256)
    try {
      torch.loadSync(mutated, { mapLocation: 'cpu' })
      seen.add('value')
    } catch (error) {
      assert.ok(error instanceof torch.CheckpointError, `mutation ${i}: ${(error as Error).stack}`)
      seen.add(error.code)
    }
  }
  assert.deepEqual([...seen].sort(), ['ERR_CHECKPOINT_FORMAT', 'ERR_CHECKPOINT_UNSAFE', 'value'])
})
