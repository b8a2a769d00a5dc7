/** Files that are no TorchScript, or lie about it, and calls that do not fit: always an error with a code, never a crash. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inflateRawSync } from 'node:zlib'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { zip } from '../support/zip.js'

const { jit } = torch
const file = join(root, 'test', 'fixtures', 'jit', 'digits.pt')
const bytes = readFileSync(file)
const x = torch.ones(2, 1, 8, 8)
const code = (expected: string, message = /./) => ({ code: expected, message })

/** The records of the fixture; all are stored as they are or unpacked here. */
const records = recordsOf(bytes)

function recordsOf(archive: Buffer): [string, Buffer][] {
  const found: [string, Buffer][] = []
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  let at = archive.readUInt32LE(end + 16)
  for (let i = 0; i < archive.readUInt16LE(end + 10); i++) {
    const [method, packed, nameLength, extra, comment] = [10, 20, 28, 30, 32].map((place, j) =>
      j === 1 ? archive.readUInt32LE(at + place) : archive.readUInt16LE(at + place),
    ) as [number, number, number, number, number]
    const local = archive.readUInt32LE(at + 42)
    const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const content = archive.subarray(data, data + packed)
    const name = archive.toString('latin1', at + 46, at + 46 + nameLength)
    found.push([name, method === 0 ? Buffer.from(content) : inflateRawSync(content)])
    at += 46 + nameLength + extra + comment
  }
  return found
}

function changed(name: RegExp, edit: (content: string) => string | undefined): Buffer {
  let hits = 0
  const next: [string, Buffer][] = []
  for (const [record, content] of records) {
    const before = content.toString('latin1')
    const after = name.test(record) ? edit(before) : before
    if (after !== before) hits++
    if (after !== undefined) next.push([record, Buffer.from(after, 'latin1')])
  }
  assert.equal(hits, 1, `${name} changes one record`)
  return zip(next.map(([record, data]) => ({ name: record, data })))
}

test('a file is opened by path, URL and bytes, which need not live on', () => {
  const copy = Uint8Array.from(bytes)
  const models = [jit.load(file), jit.load(pathToFileURL(file)), jit.load(copy)]
  copy.fill(0)
  const [first, ...others] = models.map((model) => model.eval().forward(x).tolist())
  for (const other of others) assert.deepEqual(other, first)
  assert.ok(models[0] instanceof torch.nn.Module && models[0] instanceof jit.ScriptModule)
})

test('what is no TorchScript archive is told by what it is', (t) => {
  const dir = tempDir(t)
  const checkpoint = join(dir, 'checkpoint.pth')
  torch.saveSync({ a: x }, checkpoint)
  assert.throws(
    () => jit.load(checkpoint),
    code('ERR_CHECKPOINT_FORMAT', /checkpoint\.pth: this is a checkpoint.*torch\.load\(\)/),
  )
  assert.throws(() => jit.load(join(dir, 'none.pt')), { code: 'ENOENT' })
  assert.throws(() => jit.load(dir), { code: 'EISDIR' })
  assert.throws(() => jit.load(new Uint8Array()), code('ERR_CHECKPOINT_FORMAT', /empty/))
  assert.throws(
    () => jit.load(new URL('https://example.org/model.pt')),
    code('ERR_ARGUMENT', /torch\.jit\.load opens file: URLs/),
  )
  assert.throws(() => jit.load(3 as any), code('ERR_ARGUMENT'))
  // torch.load reads its data and runs nothing
  assert.ok(torch.loadSync(file) instanceof torch.PyObject)
})

test('options are checked', () => {
  assert.throws(
    () => jit.load(file, { mapLocation: (() => 'cpu') as any }),
    code('ERR_ARGUMENT', /map_location should be either None, string or torch\.device/),
  )
  assert.throws(() => jit.load(file, { maplocation: 'cpu' } as any), code('ERR_ARGUMENT', /mapLocation/))
  assert.throws(() => jit.load(file, { mapLocation: 'cuda:99' }), code('ERR_DEVICE'))
  assert.equal(jit.load(file, { mapLocation: 'cpu' }).parameters()[0]!.device, 'cpu')
  const extraFiles: Record<string, unknown> = { 'absent.txt': '' }
  assert.throws(() => jit.script(() => 1), code('ERR_TORCH', /Python/))
  assert.throws(() => jit.trace(() => 1), code('ERR_TORCH', /Python/))
  jit.load(file, { extraFiles })
  assert.equal(String(extraFiles['absent.txt']), '')
})

test('truncated anywhere', () => {
  for (let length = 0; length < bytes.length; length += 211)
    assert.throws(
      () => jit.load(Uint8Array.from(bytes.subarray(0, length))),
      code('ERR_CHECKPOINT_FORMAT'),
      String(length),
    )
})

test('storages and sizes that are not what is said of them', () => {
  const data = /\/data\.pkl$/
  // 36 weights of the convolution, in a record of their own
  const lie = (from: string, to: string) => changed(data, (content) => content.replace(from, to))
  assert.throws(
    () => jit.load(changed(/\/data\/0$/, (content) => content.slice(4))),
    code('ERR_CHECKPOINT_FORMAT', /data\/\d+: the record has/),
  )
  assert.throws(() => jit.load(changed(/\/data\/1$/, () => undefined)), code('ERR_CHECKPOINT_FORMAT', /missing/))
  // the convolution's sizes (4, 1, 3, 3): the first becomes 255
  assert.throws(
    () => jit.load(lie('K\x04K\x01K\x03K\x03t', 'K\xffK\x01K\x03K\x03t')),
    code('ERR_CHECKPOINT_FORMAT', /beyond a storage/),
  )
  assert.throws(() => jit.load(changed(data, () => undefined)), code('ERR_CHECKPOINT_FORMAT', /no data\.pkl/))
})

test('programs that do not compile, and those that would take the parser beyond the stack', () => {
  const program = /code\/__torch__\.py$/
  const withReturn = (text: string) => changed(program, (content) => content.replace(/return .*/, `return ${text}`))
  assert.throws(() => jit.load(withReturn('nothing(x)')), code('ERR_CHECKPOINT_FORMAT', /nothing/))
  for (const text of [
    '-'.repeat(50_000),
    'x + '.repeat(50_000),
    '('.repeat(50_000),
    'not '.repeat(50_000),
    '(x)+'.repeat(50_000),
    'x if x else '.repeat(50_000),
  ])
    assert.throws(() => jit.load(withReturn(`${text}x`)), code('ERR_CHECKPOINT_UNSAFE', /more than 400 levels/))
  assert.throws(() => jit.load(withReturn(`x${'[0]'.repeat(50_000)}`)), code('ERR_CHECKPOINT_UNSAFE'))
})

test('calls that do not fit, errors of the program, and values that there are not', async () => {
  const m = jit.load(file)
  assert.throws(() => m.method('absent'), code('ERR_ARGUMENT', /Method 'absent' is not defined/))
  assert.throws(() => m.forward(torch.ones(2, 3)), code('ERR_SHAPE', /TorchScript interpreter/))
  await assert.rejects(m.forwardAsync(torch.ones(2, 3)), code('ERR_SHAPE', /TorchScript interpreter/))
  await assert.rejects(m.forwardAsync(), code('ERR_ARGUMENT', /missing value for argument 'x'/))
  assert.throws(() => m.forward(new Date()), code('ERR_ARGUMENT', /Date/))
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  assert.throws(() => m.forward(cyclic), code('ERR_ARGUMENT', /levels deep/))
  assert.throws(() => m.getAttribute('absent'), code('ERR_ARGUMENT', /has no attribute 'absent'/))
  assert.throws(() => (m.calls = 'many'), code('ERR_ARGUMENT', /Could not cast attribute 'calls' to type int/))
  assert.throws(() => (m.head = m.conv), code('ERR_ARGUMENT', /for field 'head'/))
  m.registerForwardHook((_module: unknown, _args: unknown, output: torch.Tensor) => output.mul(0))
  assert.equal(m.forward(x).sum().item(), 0)
  await assert.rejects(m.forwardAsync(x), code('ERR_ARGUMENT', /hooks/))
  const other = jit.load(file)
  const seen: unknown[] = []
  const handle = torch.nn.modules.module.registerModuleForwardHook((module) => void seen.push(module))
  await assert.rejects(other.forwardAsync(x), code('ERR_ARGUMENT', /hooks/))
  other.forward(x)
  handle.remove()
  assert.equal((await other.forwardAsync(x)).shape.length, other.forward(x).shape.length)
  assert.deepEqual(seen, [other]) // what it has below runs inside the program
})

test('parameters keep their identity, copies are apart', () => {
  const m = jit.load(file)
  const { weight } = m.conv
  assert.ok(weight instanceof torch.Parameter && m.conv.weight === weight && m.getParameter('conv.weight') === weight)
  assert.deepEqual(Object.keys(m), ['conv', 'norm', 'head'])
  m.to('float64')
  assert.ok(m.conv.weight === weight && weight.dtype === 'float64')
  assert.equal(m.eval().features(x.double()).dtype, 'float64')
  const copy = m.clone()
  torch.noGrad(() => weight.zero_())
  assert.ok(copy.conv.weight.abs().sum().item() > 0 && copy.conv.weight.requiresGrad && !copy.training)
  m.loadStateDict(copy.stateDict())
  assert.deepEqual(weight.tolist(), copy.conv.weight.tolist())
  m.loadStateDict(jit.load(file).stateDict(), { assign: true })
  assert.equal(m.conv.weight.dtype, 'float32')
  assert.equal(m.forward(x).dtype, 'float32')
})

test('frozen and optimized modules keep what they are told to keep', () => {
  const expected = jit.load(file).eval()
  const optimized = jit.optimizeForInference(jit.load(file), { otherMethods: ['features'] })
  assert.equal(optimized.training, false)
  assert.equal(optimized.parameters().length, 0)
  // folding the normalisation into the convolution rounds once where two computations round twice
  const near = { atol: 1e-6, rtol: 1e-5 }
  assert.ok(optimized.forward(x).allclose(expected.forward(x), near))
  assert.ok(optimized.features(x).allclose(expected.features(x), near))
  assert.throws(() => jit.freeze(expected, ['absent']), code('ERR_TORCH', /Unknown name: absent/))
  assert.throws(
    () => jit.optimizeForInference(new torch.nn.Linear(1, 1) as any),
    code('ERR_TORCH', /expects a ScriptModule/),
  )
})

test('calls off the main thread while attributes are read and set', async () => {
  const m = jit.load(file).eval()
  const calls = Array.from({ length: 20 }, () => m.forwardAsync(x))
  for (let i = 0; i < 200; i++) {
    assert.equal(typeof m.calls, 'number')
    m.training = false
  }
  const [first, ...others] = (await Promise.all(calls)).map((y) => y.tolist())
  for (const other of others) assert.deepEqual(other, first)
  assert.equal(m.calls, 20)
})

test('saving is all or nothing', (t) => {
  const dir = tempDir(t)
  const m = jit.load(file)
  const target = join(dir, 'model.pt')
  copyFileSync(file, target)
  m.save(pathToFileURL(target))
  assert.deepEqual(readdirSync(dir), ['model.pt'])
  assert.deepEqual(Object.keys(jit.load(target).stateDict()), Object.keys(m.stateDict()))
  mkdirSync(join(dir, 'folder'))
  assert.throws(() => m.save(join(dir, 'folder')), code('ERR_CHECKPOINT_WRITE', /EISDIR|not a regular file/))
  assert.throws(() => m.save(join(dir, 'absent', 'model.pt')), code('ERR_CHECKPOINT_WRITE', /ENOENT/))
  writeFileSync(join(dir, 'other'), '')
  assert.throws(() => m.save(''), code('ERR_ARGUMENT'))
  if (existsSync('/dev/full')) assert.throws(() => m.save('/dev/full'), code('ERR_CHECKPOINT_WRITE'))
})
