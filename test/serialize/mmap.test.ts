/** `mmap: true`, what goes to no CPU, progress and cancelling. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { python, requirePython } from '../support/python.js'
import { checkpoint, tensorPickle } from './zip.js'

const folder = mkdtempSync(join(tmpdir(), 'mmap-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)
const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')
const shared = torch.arange(12).float()
const value = { a: shared, view: shared.index('3:7'), big: torch.arange(3_000_000), none: torch.empty(0) }
torch.saveSync(value, at('a.pt'))
torch.saveSync({ a: shared, big: value.big, none: value.none }, at('a.safetensors'))

function same(loaded: any): void {
  for (const [name, tensor] of Object.entries(loaded))
    assert.ok(torch.equal(tensor as torch.Tensor, (value as any)[name]))
}

for (const name of ['a.pt', 'a.safetensors']) {
  test(`${name}: the same tensors; what is written into them stays here, and they outlive the file`, async () => {
    const file = at(`copy-${name}`)
    copyFileSync(at(name), file)
    const before = digest(file)
    for (const loaded of [torch.loadSync(file, { mmap: true }), await torch.load(file, { mmap: true })]) {
      same(loaded)
      loaded.a.fill_(7)
      assert.equal(loaded.a.sum().item(), 84)
      if (name === 'a.pt') assert.deepEqual(loaded.view.tolist(), [7, 7, 7, 7])
      assert.equal(digest(file), before)
    }
    const kept = torch.loadSync(file, { mmap: true })
    rmSync(file)
    same(kept)
  })
}

test('files of the other byte order, as Python maps them', (t) => {
  if (!requirePython(t)) return
  const file = at('big-endian.pt')
  python(
    `import sys, torch, zipfile
torch.save({'a': torch.arange(5.), 'z': torch.tensor([1+2j, 3-4j])}, sys.argv[2])
def order(name, data):
    if name.endswith('byteorder'): return b'big'
    if name.endswith('data/0') or name.endswith('data/1'): return b''.join(data[i:i+4][::-1] for i in range(0, len(data), 4))
    return data
with zipfile.ZipFile(sys.argv[2]) as a, zipfile.ZipFile(sys.argv[1], 'w') as b:
    for name in a.namelist(): b.writestr(name, order(name, a.read(name)))
`,
    [file, at('little-endian.pt')],
  )
  const { a, z } = torch.loadSync(file, { mmap: true })
  assert.deepEqual(a.tolist(), [0, 1, 2, 3, 4])
  assert.ok(torch.equal(z, torch.loadSync(at('little-endian.pt')).z))
})

test('what cannot be mapped says so', async () => {
  const mapped = { mmap: true }
  const refused = { name: 'ArgumentError', message: 'f must be a file path in order to use the mmap argument' }
  assert.throws(() => torch.loadSync(readFileSync(at('a.pt')), mapped), refused)
  await assert.rejects(torch.load(readFileSync(at('a.safetensors')), mapped), refused)

  const float32 = new Uint8Array(new Float32Array([1, 2]).buffer)
  writeFileSync(
    at('packed.pt'),
    checkpoint(tensorPickle({ numel: 2, size: [2] }), {}, [{ name: 'x/data/0', data: float32, deflate: true }]),
  )
  assert.deepEqual(torch.loadSync(at('packed.pt')).tolist(), [1, 2])
  assert.throws(() => torch.loadSync(at('packed.pt'), mapped), {
    code: 'ERR_CHECKPOINT_FORMAT',
    message: /packed\.pt.*data\/0 is compressed.*without mmap/s,
  })
})

test('a mapped file of 512 MB takes no memory of its own, and to meta nothing is read', () => {
  torch.saveSync(
    Array.from({ length: 128 }, () => torch.zeros(2 ** 20)),
    at('512MB.pt'),
  )
  const program = `import * as torch from 'libtorch-node'
const rss = () => process.memoryUsage.rss() / 2 ** 20
torch.zeros(1) // LibTorch is loaded by its first use
const before = rss()
const tensors = torch.loadSync(process.argv[2], JSON.parse(process.argv[3]))
const after = rss()
console.log(JSON.stringify({ before, grown: after - before, count: tensors.length, device: tensors[0].device, shape: tensors[127].shape }))`
  const script = join(import.meta.dirname, 'mmap-program.mjs')
  writeFileSync(script, program)
  for (const [options, device] of [
    [{ mmap: true }, 'cpu'],
    [{ mapLocation: 'meta' }, 'meta'],
  ] as const) {
    const run = child(script, [at('512MB.pt'), JSON.stringify(options)])
    assert.equal(run.status, 0, run.stderr)
    const { before: _, grown, ...facts } = JSON.parse(run.stdout)
    assert.deepEqual(facts, { count: 128, device, shape: [2 ** 20] })
    assert.ok(grown < 64, `${grown.toFixed(0)} MB for ${JSON.stringify(options)}`)
  }
  const run = child(script, [at('512MB.pt'), '{}'])
  const grown = run.peakRss / 2 ** 20 - JSON.parse(run.stdout).before
  // all of the file is in memory then, and no more than a twentieth beside it at any time
  assert.ok(grown > 500 && grown < 1.05 * 512, `${grown.toFixed(0)} MB when it is read`)
})

for (const [name, file] of [
  ['zip', '512MB.pt'],
  ['safetensors', 'a.safetensors'],
] as const) {
  test(`progress of ${name} goes up to its total`, async () => {
    const seen: torch.TransferProgress[] = []
    await torch.load(at(file), { onProgress: (progress) => seen.push({ ...progress }) })
    const { total } = seen[0]!
    assert.equal(total, name === 'zip' ? 2 ** 29 : 12 * 4 + 3_000_000 * 8)
    assert.equal(seen.at(-1)!.loaded, total)
    for (const [i, { loaded }] of seen.entries()) assert.ok(i === 0 || loaded >= seen[i - 1]!.loaded)
  })

  test(`${name}: a signal ends the reading with its reason, before and meanwhile; so does a listener's error`, async () => {
    const reason = new Error('enough')
    await assert.rejects(torch.load(at(file), { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const loading = torch.load(at(file), { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(loading, reason)
    const onProgress = (): never => {
      throw reason
    }
    await assert.rejects(torch.load(at(file), { onProgress }), reason)
  })
}

test('progress over the files of a sharded model is one', async () => {
  const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  torch.saveSync({ a: torch.zeros(1000) }, at(files[0]!))
  torch.saveSync({ b: torch.zeros(500) }, at(files[1]!))
  const index = { metadata: {}, weight_map: { a: files[0], b: files[1] } }
  writeFileSync(at('model.safetensors.index.json'), JSON.stringify(index))
  const seen: torch.TransferProgress[] = []
  await torch.load(at('model.safetensors.index.json'), { onProgress: (progress) => seen.push(progress) })
  const total = files.reduce((sum, file) => sum + readFileSync(at(file)).length, 0)
  assert.deepEqual(seen.at(-1), { loaded: total, total })
})

test('options that are not known, or of a wrong kind', async () => {
  assert.throws(() => torch.loadSync(at('a.pt'), { mmpa: true } as object), /no option 'mmpa'; did you mean 'mmap'\?/)
  assert.throws(
    () => torch.loadSync(at('a.pt'), { signal: AbortSignal.abort() } as object),
    /torch\.loadSync has no option 'signal'/,
  )
  const wrong: [object, RegExp][] = [
    [{ mmap: 'yes' }, /mmap has to be true or false/],
    [{ onProgress: 5 }, /onProgress has to be a function/],
    [{ signal: {} }, /signal has to be an AbortSignal/],
  ]
  await Promise.all(
    wrong.map(([options, message]) =>
      assert.rejects(torch.load(at('a.pt'), options), { code: 'ERR_ARGUMENT', message }),
    ),
  )
})
