import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import * as torch from 'libtorch-node'
import { bytes, checkpoint, tensorPickle, zip } from './zip.js'

const folder = mkdtempSync(join(tmpdir(), 'load-'))
after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'a.pt')
torch.saveSync({ x: torch.tensor([1, 2, 3]), big: torch.arange(3_000_000).float() }, path)
const whole = readFileSync(path)
const float32 = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer)

async function refuses(source: torch.Source, code: string, message: RegExp, options = {}): Promise<void> {
  const check = (error: torch.CheckpointError): boolean => {
    assert.equal(error.code, code, String(error))
    assert.match(error.message, message)
    return true
  }
  assert.throws(() => torch.loadSync(source, options), check)
  await assert.rejects(torch.load(source, options), check)
}

test('a path, a URL, bytes, and bytes inside of a larger buffer', async () => {
  const inside = Buffer.concat([Buffer.alloc(3), whole]).subarray(3)
  for (const source of [path, pathToFileURL(path), whole, new Uint8Array(whole), inside]) {
    for (const loaded of [torch.loadSync(source), await torch.load(source)]) {
      assert.deepEqual(loaded.x.tolist(), [1, 2, 3])
      assert.equal(loaded.big.index(2_999_999).item(), 2_999_999)
    }
  }
})

test('many loads at once', async () => {
  const loaded = await Promise.all(Array.from({ length: 8 }, () => torch.load(path)))
  for (const { big } of loaded) assert.ok(torch.equal(big, loaded[0].big))
})

test('the file system speaks for itself: ENOENT, EISDIR, with the path', async () => {
  const missing = join(folder, 'missing.pt')
  await refuses(missing, 'ENOENT', /missing\.pt/)
  await refuses(folder, 'EISDIR', /load-/)
})

test('what is no checkpoint is called by its name', async () => {
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /empty/],
    ['<!DOCTYPE html><html>', /web page/],
    ['\n <html lang="en">', /web page/],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /git lfs pull/],
    [gzipSync('x'), /gzip/],
    [bytes(0x89, 'HDF\r\n'), /HDF5/],
    [
      bytes(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'),
      /truncated: the pickle does not end/,
    ],
    [bytes(0x80, 2, '}.'), /bare pickle/],
    [bytes(8, 0, 0, 0, 0, 0, 0, 0, '{"a":{}}'), /safetensors/],
    [bytes(0x93, 'NUMPY'), /numpy/],
    [bytes('GGUF', 3), /GGUF/],
    ['hello', /not a checkpoint: its first bytes are 68656c6c6f/],
  ]
  const file = join(folder, 'other.pt')
  for (const [content, message] of cases) {
    writeFileSync(file, content)
    await refuses(file, 'ERR_CHECKPOINT_FORMAT', message)
    await refuses(new Uint8Array(Buffer.from(content as Uint8Array)), 'ERR_CHECKPOINT_FORMAT', message)
  }
})

test('zip archives that are no checkpoints of torch.save', async () => {
  await refuses(zip([{ name: 'word/document.xml', data: 'x' }]), 'ERR_CHECKPOINT_FORMAT', /version|data\.pkl/)
  const version = { name: 'x/version', data: '3\n' }
  await refuses(zip([{ name: 'x/a', data: 'x' }, version]), 'ERR_CHECKPOINT_FORMAT', /no data\.pkl/)
  const script = [{ name: 'x/constants.pkl', data: ').' }, { name: 'x/data.pkl', data: 'N.' }, version]
  await refuses(zip(script), 'ERR_CHECKPOINT_FORMAT', /TorchScript/)
  await refuses(
    zip([
      { name: 'x/data.pkl', data: 'N.' },
      { name: 'x/version', data: '99\n' },
    ]),
    'ERR_CHECKPOINT_FORMAT',
    /99/,
  )
})

test('a truncated file is said to be one, wherever it was cut', async () => {
  const file = join(folder, 'cut.pt')
  for (const length of [4, 100, 5000, whole.length / 2, whole.length - 100, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length))
    await refuses(file, 'ERR_CHECKPOINT_FORMAT', /cut\.pt.*truncated|central directory/)
  }
})

test('records: deflated ones, missing ones, wrong sizes, wrong byte order', async () => {
  const data = float32(1, 2, 3, 4)
  const pickle = { name: 'x/data.pkl', data: tensorPickle(), deflate: true }
  const version = { name: 'x/version', data: '3\n' }
  const read = (record: object, ...more: any[]): any =>
    torch.loadSync(zip([pickle, version, { name: 'x/data/0', ...record } as any, ...more]))
  assert.deepEqual(read({ data }).tolist(), [1, 2, 3, 4])
  assert.deepEqual(read({ data, deflate: true }).tolist(), [1, 2, 3, 4])
  const big = Buffer.from(data).swap32()
  assert.deepEqual(read({ data: big }, { name: 'x/byteorder', data: 'big' }).tolist(), [1, 2, 3, 4])
  await refuses(zip([pickle, version]), 'ERR_CHECKPOINT_FORMAT', /data\/0.*missing/)
  await refuses(
    checkpoint(tensorPickle(), { 0: data.subarray(4) }),
    'ERR_CHECKPOINT_FORMAT',
    /data\/0.*12 bytes.*take 16/,
  )
  const order = checkpoint(tensorPickle(), { 0: data }, [{ name: 'x/byteorder', data: 'middle' }])
  await refuses(order, 'ERR_CHECKPOINT_FORMAT', /byte order "middle"/)
  const large = { name: 'x/data.pkl', data: tensorPickle({ numel: 2 ** 20 }) }
  const beyond = [large, version, { name: 'x/data/0', data, claim: 2 ** 22 }]
  await refuses(zip(beyond), 'ERR_CHECKPOINT_FORMAT', /corrupt/)
})

test('a file that unpacks to far more than its size is refused', async () => {
  const records = [
    { name: 'x/data.pkl', data: tensorPickle({ numel: 2 ** 27, size: [1] }) },
    { name: 'x/version', data: '3\n' },
    { name: 'x/data/0', data: 'x', deflate: true, claim: 2 ** 29 },
  ]
  await refuses(zip(records), 'ERR_CHECKPOINT_UNSAFE', /would unpack to/)
  const pickle = [{ name: 'x/data.pkl', data: 'N.', deflate: true, claim: 2 ** 29 }, records[1]!]
  await refuses(zip(pickle), 'ERR_CHECKPOINT_UNSAFE', /data\.pkl.*allowed/)
})

test('mapLocation: a device, a map, a function, as in Python', async () => {
  const data = { 0: float32(1, 2, 3, 4) }
  const from = (location: string): Buffer => checkpoint(tensorPickle({ location }), data)
  assert.equal(torch.loadSync(from('cpu')).device, 'cpu')
  assert.equal(torch.loadSync(from('cuda:1'), { mapLocation: 'cpu' }).device, 'cpu')
  assert.equal(torch.loadSync(from('cuda:1'), { mapLocation: 'cpu:0' }).device, 'cpu')
  assert.equal(torch.loadSync(from('cuda:1'), { mapLocation: { 'cuda:1': 'cpu' } }).device, 'cpu')
  assert.equal(torch.loadSync(from('cuda:1'), { mapLocation: new Map([['cuda:1', 'cpu']]) }).device, 'cpu')
  assert.equal(torch.loadSync(from('mps'), { mapLocation: 'meta' }).device, 'meta')
  const seen: string[] = []
  torch.loadSync(from('cuda:1'), { mapLocation: (device) => (seen.push(device) ? 'cpu' : 'meta') })
  assert.deepEqual(seen, ['cuda:1'])
  assert.equal(torch.loadSync(from('cpu'), { mapLocation: () => null }).device, 'cpu')
  if (torch.cuda.isAvailable()) return
  await refuses(from('cuda:0'), 'ERR_DEVICE', /Attempting to deserialize object on a CUDA device.*mapLocation: 'cpu'/s)
  await refuses(from('cuda:1'), 'ERR_DEVICE', /CUDA/, { mapLocation: { 'cuda:0': 'cpu' } })
  await refuses(from('cpu'), 'ERR_DEVICE', /tagged with abc/, { mapLocation: 'abc' })
  await refuses(from('cpu'), 'ERR_ARGUMENT', /mapLocation gave 7/, { mapLocation: () => 7 })
})

test('unknown options and sources are refused, the nearest name is offered', async () => {
  await refuses(path, 'ERR_ARGUMENT', /did you mean 'mapLocation'/, { map_location: 'cpu' })
  await refuses(7 as any, 'ERR_ARGUMENT', /path, a URL or a Uint8Array/)
  await refuses(new URL('https://example.org/a.pt'), 'ERR_ARGUMENT', /download https:/)
})

test('errors of one file leave nothing open that stops the next', async () => {
  for (let i = 0; i < 3000; i++) assert.throws(() => torch.loadSync(checkpoint(bytes('.'))))
  assert.deepEqual(torch.loadSync(path).x.tolist(), [1, 2, 3])
})
