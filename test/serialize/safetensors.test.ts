import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { file, fine, hostile } from './safetensors-files.js'

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)

async function refuses(
  source: torch.Source,
  message: RegExp,
  code = 'ERR_CHECKPOINT_FORMAT',
): Promise<torch.CheckpointError> {
  let found: torch.CheckpointError | undefined
  const check = (error: torch.CheckpointError): boolean => {
    assert.equal(error.code, code, String(error))
    assert.match(error.message, message)
    found = error
    return true
  }
  await assert.rejects(torch.load(source), check)
  assert.throws(() => torch.loadSync(source), check)
  return found!
}

test('hostile files', async (t) => {
  assert.ok(hostile.length >= 80)
  for (const [i, { title, bytes, message, code, offset }] of hostile.entries()) {
    await t.test(title, async () => {
      // the bytes tell the format, not the name
      for (const name of [`hostile-${i}.safetensors`, `hostile-${i}.bin`]) {
        writeFileSync(at(name), bytes)
        const started = performance.now()
        const error = await refuses(at(name), message, code)
        assert.ok(performance.now() - started < 5_000)
        assert.equal(error.file, at(name))
        assert.ok(Number.isInteger(error.offset))
        if (offset !== undefined) assert.equal(error.offset, offset)
      }
      await refuses(bytes, message, code)
    })
  }
})

test('more than a file of a model can have', async () => {
  const empty = JSON.stringify({ dtype: 'U8', shape: [0], data_offsets: [0, 0] })
  const list = (length: number, value: string): string => Array.from({ length }, (_, i) => `"${i}":${value}`).join()
  await refuses(file(`{${list(200_001, empty)}}`), /more than 200000 tensors/, 'ERR_CHECKPOINT_UNSAFE')
  await refuses(file(`{"__metadata__":{${list(100_001, '"x"')}}}`), /more than 100000 texts/, 'ERR_CHECKPOINT_UNSAFE')
})

test('files cut off at every byte', async () => {
  const path = at('whole.safetensors')
  torch.saveSync({ a: torch.arange(5), b: torch.ones([2, 2]) }, path, { metadata: { x: 'y' } })
  const whole = readFileSync(path)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(at('cut.safetensors'), whole.subarray(0, length))
    await refuses(at('cut.safetensors'), length === 0 ? /empty/ : /truncated|header|not a checkpoint/)
  }
})

test('odd files that are valid, by any name', async () => {
  for (const [i, { title, bytes }] of fine.entries()) {
    const path = at(`fine-${i}.bin`)
    writeFileSync(path, bytes)
    const names = Object.keys(torch.loadSync(path))
    assert.deepEqual(Object.keys(await torch.load(path)), names, title)
    assert.deepEqual(Object.keys(torch.loadSync(bytes)), names, title)
  }
})

test('names like those of Object are names like any other', () => {
  const info = (i: number): object => ({ dtype: 'U8', shape: [1], data_offsets: [i, i + 1] })
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__']
  const header = `{${names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(info(i))}`).join(',')},"__metadata__":{"__proto__":"x"}}`
  const loaded = torch.loadSync(file(header, 5))
  assert.deepEqual(Object.keys(loaded), names)
  assert.equal(Object.getPrototypeOf(loaded), null)
  assert.ok(Object.values(loaded).every((value) => value instanceof torch.Tensor))
  assert.deepEqual(Object.entries(loaded.__metadata__), [['__proto__', 'x']])
  assert.equal(({} as { x?: unknown }).x, undefined)
})

test('every tensor has its own memory, which may be written to and resized', () => {
  const path = at('own.safetensors')
  torch.saveSync({ a: torch.zeros([3]), b: torch.zeros([3_000_000]) }, path)
  const { a, b } = torch.loadSync(path)
  a.add_(1)
  b.add_(2)
  assert.deepEqual(a.tolist(), [1, 1, 1])
  assert.equal(b.sum().item(), 6_000_000)
  assert.deepEqual([...b.resize_([4_000_000]).shape], [4_000_000])
  assert.equal(torch.loadSync(path).a.sum().item(), 0)
})

test('mapLocation: a device; what Python refuses is refused', async () => {
  const path = at('map.safetensors')
  torch.saveSync({ a: torch.ones([2]) }, path)
  assert.equal(torch.loadSync(path, { mapLocation: 'meta' }).a.device, 'meta')
  assert.equal((await torch.load(path, { mapLocation: 'cpu' })).a.device, 'cpu')
  assert.throws(() => torch.loadSync(path, { mapLocation: () => 'cpu' }), /callable mapLocation is not supported/)
  await assert.rejects(torch.load(path, { mapLocation: { cuda: 'cpu' } }), /dict mapLocation is not supported/)
  assert.throws(() => torch.loadSync(path, { mapLocation: 'cuda:7' }), { code: 'ERR_DEVICE' })
})

test('a file that becomes shorter while it is read is an error', async () => {
  const path = at('shrinks.safetensors')
  torch.saveSync({ a: torch.zeros([10_000_000]), b: torch.zeros([10_000_000]) }, path)
  const loading = torch.load(path)
  truncateSync(path, 1000)
  await assert.rejects(loading, { code: 'ERR_CHECKPOINT_FORMAT', file: path })
})

test('what cannot be saved is refused, and named', async () => {
  const [x, path] = [torch.ones([4, 4]), at('refused.safetensors')]
  const model = new torch.nn.Linear(2, 2)
  const cases: [unknown, RegExp, torch.SaveOptions?][] = [
    [{ a: x, b: x }, /share memory.*\{"a", "b"\}/],
    [{ a: x, b: x.t(), c: torch.ones([1]) }, /\{"a", "b"\}/],
    [{ a: x.index(0), b: x, c: x.index(3) }, /\{"b", "a", "c"\}|\{"a", "b", "c"\}/],
    [{ a: model.weight, b: model.weight.detach() }, /share memory/],
    [{ a: x, epoch: 3 }, /"epoch" is a number; only tensors/],
    [{ a: x, more: { b: x } }, /"more" is a plain object|"more" is a Object/],
    [{ a: null }, /"a" is null/],
    [[x], /a state dict is expected.*a Array/],
    [x, /a state dict is expected/],
    [null, /not null/],
    [new Map([[1, x]]), /names have to be strings/],
    [{ __metadata__: x }, /"__metadata__"/],
    [{ '\ud800': x }, /half a character/],
    [{ a: x.toSparse() }, /layout sparse_coo/],
    [{ a: x.to({ dtype: 'complex128' }) }, /dtype complex128/],
    [{ a: torch.empty([2], { device: 'meta' }) }, /no data.*meta/],
    [{ a: x }, /metadata "k" is a number/, { metadata: { k: 1 } as never }],
    [{ a: x }, /metadata has to be an object/, { metadata: 'x' as never }],
    [{ a: x }, /alone/, { format: 'pytorch' }],
    [{ a: x }, /no option 'metdata'; did you mean 'metadata'/, { metdata: {} } as never],
  ]
  for (const [value, message, options] of cases) {
    assert.throws(() => torch.saveSync(value, path, options), { name: 'ArgumentError', message })
    await assert.rejects(torch.save(value, path, options), { name: 'ArgumentError', message })
  }
  assert.throws(() => torch.saveSync({ a: x }, at('a.pt'), { metadata: {} }), /only the safetensors format/)
  assert.ok(!readdirSync(folder).some((name) => name.includes('refused')))
})

test('values of views and of conjugates are saved, parts of one storage apart', async () => {
  const x = torch.arange(24).reshape([4, 6])
  const z = torch.ones([2]).to({ dtype: 'complex64' }).mul(2).conj()
  const large = torch.arange(3_000_000).reshape([1000, 3000]).t()
  const value = { part: x.index(1), other: x.index(2), z, large, p: new torch.Parameter(torch.ones([1])) }
  for (const path of [at('views.bin'), at('views2.bin')]) {
    if (path.endsWith('2.bin')) torch.saveSync(value, path, { format: 'safetensors' })
    else await torch.save(new Map(Object.entries(value)), path, { format: 'safetensors' })
    const loaded = torch.loadSync(path)
    assert.deepEqual(loaded.part.tolist(), x.index(1).tolist())
    assert.ok(torch.equal(loaded.large, large) && loaded.large.isContiguous())
    assert.ok(torch.equal(loaded.z, z.resolveConj()))
    assert.ok(!(loaded.p instanceof torch.Parameter) && !loaded.p.requiresGrad)
  }
  assert.deepEqual(readFileSync(at('views.bin')), readFileSync(at('views2.bin')))
})

test('a save is atomic', async () => {
  const path = at('atomic.safetensors')
  torch.saveSync({ a: torch.ones([1]) }, path)
  const before = readFileSync(path)
  const other = torch.ones([5])
  const saving = torch.save({ a: torch.zeros([4_000_000]), other }, path)
  assert.deepEqual(readFileSync(path), before, 'the old file stays until the new one is complete')
  await saving
  assert.equal(torch.loadSync(path).a.numel(), 4_000_000)
  mkdirSync(at('dir.safetensors'))
  await assert.rejects(torch.save({ a: other }, at('dir.safetensors')), { code: 'ERR_CHECKPOINT_WRITE' })
  await Promise.all([1, 2, 3, 4].map((i) => torch.save({ a: torch.full([2_000_000], i) }, path)))
  const { a } = torch.loadSync(path)
  assert.ok(torch.equal(a, torch.full([2_000_000], a.index(0).item() as number)), 'saves do not mix')
  assert.ok(!readdirSync(folder).some((name) => name.endsWith('.tmp')))
})

test('metadata of a loaded file stays, or is what is given', () => {
  const path = at('meta.safetensors')
  const x = torch.ones([1])
  torch.saveSync({ x }, path, { metadata: { format: 'pt' } })
  const loaded = torch.loadSync(path)
  assert.deepEqual(Object.keys(loaded), ['x'])
  torch.saveSync(loaded, path)
  assert.deepEqual({ ...torch.loadSync(path).__metadata__ }, { format: 'pt' })
  torch.saveSync(loaded, path, { metadata: { by: 'me' } })
  assert.deepEqual({ ...torch.loadSync(path).__metadata__ }, { by: 'me' })
  torch.saveSync({ x }, path)
  assert.equal(torch.loadSync(path).__metadata__, undefined)
})

test('torch.jit.load says what it was given', () => {
  const path = at('program.safetensors')
  torch.saveSync({ x: torch.ones([1]) }, path)
  assert.throws(() => torch.jit.load(path), /safetensors file.*torch\.load/)
})

test('a folder with a model in it, which may be a link', () => {
  mkdirSync(at('hub'))
  torch.saveSync({ x: torch.ones([1]) }, at('blob.safetensors'))
  symlinkSync(at('blob.safetensors'), join(at('hub'), 'model.safetensors'))
  assert.deepEqual(torch.loadSync(at('hub')).x.tolist(), [1])
})
