// Promise: `inspect` says of every file what Python finds in it, opens files of any size at once, and needs no LibTorch.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { packageCopy } from '../support/package-copy.js'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, pythonJson, requirePython } from '../support/python.js'
import { cli, output, steering } from './cli.js'

const generator = join(root, 'test', 'cli', 'checkpoints.py')

interface Written {
  tensors: unknown[][]
  bytes: number
  unsafe: string[]
  size: number
}

interface Found {
  format: string
  fileBytes: number
  bytes: number
  tensors: number
  elements: number
  root: Outline
  notes: { level: string; text: string }[]
  classes: { name: string; count: number; called: boolean; weightsOnly: boolean }[]
  [key: string]: unknown
}
interface Outline {
  type: string
  class: string
  entries?: { key: string; value: Outline }[]
  attributes?: { key: string; value: Outline }[]
  args?: Outline[]
  [key: string]: unknown
}

const folder = join(root, 'dist')
const { inspectCheckpoint } = (await import(join(folder, 'serialize', 'inspect', 'index.js'))) as {
  inspectCheckpoint(path: string): Found
}
const { inspectionText } = (await import(join(folder, 'cli', 'inspect.js'))) as {
  inspectionText(found: Found, width: number, all: boolean): string
}

/** What `--json` prints, without a process for each file; one test looks at the command itself. */
const json = (path: string): Found => JSON.parse(JSON.stringify(inspectCheckpoint(path)))
const text = (path: string, width = Number.POSITIVE_INFINITY): string =>
  inspectionText(inspectCheckpoint(path), width, false)

/** All tensors of a tree, after what they carry, as the generator tells them. */
function tensorsOf(outline: Outline): Outline[] {
  const inside = [
    ...(outline.args ?? []),
    ...[...(outline.entries ?? []), ...(outline.attributes ?? [])].map(({ value }) => value),
  ]
  const below = inside.flatMap(tensorsOf)
  return outline.type === 'tensor' ? [...below, outline] : below
}

const row = (t: Outline): unknown[] => [t.path, t.class, t.dtype, t.shape, t.device, t.bytes, t.requiresGrad === true]

function find(outline: Outline, ...keys: string[]): Outline {
  const [key, ...rest] = keys
  if (key === undefined) return outline
  const entry = outline.entries?.find((each) => each.key === key)
  assert.ok(entry, `${key} is not in ${JSON.stringify(outline.entries?.map((each) => each.key))}`)
  return find(entry.value, ...rest)
}

test('every kind of file that Python writes, in both formats', async (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const written = JSON.parse(pythonFile(generator, ['write', dir])) as Record<string, Written>
  assert.ok(Object.keys(written).length > 35)
  let legacy = 0
  for (const [name, expected] of Object.entries(written)) {
    for (const suffix of ['.pt', '.legacy.pt', '.tar']) {
      const path = join(dir, name + suffix)
      if (!existsSync(path)) continue
      await t.test(name + suffix, () => {
        const found = json(path)
        assert.equal(found.format, suffix === '.pt' ? 'pytorch' : suffix.split('.')[1])
        assert.equal(found.fileBytes, statSync(path).size)
        assert.deepEqual(tensorsOf(found.root).map(row), expected.tensors)
        assert.equal(found.tensors, expected.tensors.length)
        assert.equal(found.bytes, expected.bytes)
        if (suffix === '.pt') {
          const refused = found.classes.filter(({ weightsOnly }) => !weightsOnly).map((use) => use.name)
          assert.deepEqual(refused.map(shortName).sort(), expected.unsafe.map(shortName).sort())
          assert.equal(
            found.notes.some(({ text }) => /weights_only=True/.test(text)),
            refused.length > 0,
          )
        } else legacy++
        const warnings = found.notes.filter(({ level }) => level !== 'info')
        assert.equal(warnings.length, suffix === '.tar' ? 1 : 0, JSON.stringify(warnings))
        for (const width of [40, 100]) assert.deepEqual(steering(text(path, width)), [])
      })
    }
  }
  assert.ok(legacy > 30)
})

/** Python says `getattr` for `builtins.getattr`, and names modules as protocol 2 does. */
function shortName(name: string): string {
  return name.replace(/^(builtins|__builtin__)\./, '')
}

test("the names that weights_only=True takes are Python's list", async (t) => {
  if (!requirePython(t)) return
  const names = pythonJson<string[]>(`
import json
from torch._weights_only_unpickler import _get_allowed_globals
print(json.dumps(sorted(_get_allowed_globals())))`)
  assert.ok(names.length > 140)
  const { weightsOnlyAllows } = await import(join(folder, 'serialize', 'inspect', 'safety.js'))
  assert.deepEqual(
    names.filter((name) => !weightsOnlyAllows(name)),
    [],
  )
  for (const name of [
    'torch.sparse.BoolTensor',
    'torch.cuda.QInt8Storage',
    'torch.load',
    'builtins.eval',
    'torch.int8x',
  ])
    assert.equal(weightsOnlyAllows(name), false, name)
})

test('a checkpoint of a training run: epoch, learning rates, options, classes, what is shared', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  pythonFile(generator, ['write', dir])
  const path = join(dir, 'checkpoint.pt')
  const found = json(path)
  assert.deepEqual(found.progress, [
    { path: '["epoch"]', value: 12 },
    { path: '["global_step"]', value: 3400 },
  ])
  assert.deepEqual(found.learningRates, [{ path: '["optimizer_state_dict"]', rates: [0.5, 0.001] }])
  assert.deepEqual(found.hyperParameters, [
    {
      path: '["args"]',
      class: 'argparse.Namespace',
      values: { lr: 0.1, epochs: 10, name: 'x\x1b[31m', device: null, betas: [0.9, 0.999], milestones: [30, 60] },
    },
    { path: '["config"]', class: 'dict', values: { batch_size: 32 } },
  ])
  assert.deepEqual(find(found.root, 'best_acc'), { type: 'plain', class: 'numpy.float64', text: '0.5', value: 0.5 })
  assert.equal(find(found.root, 'loss').text, '0.1')
  assert.equal(find(found.root, 'model_state_dict').class, 'OrderedDict')
  assert.equal(find(found.root, 'tied', 'decoder.weight').sharedWith, '["tied"]["encoder.weight"]')
  assert.equal(find(found.root, 'tied', 'slice').storageBytes, 48)
  assert.equal(find(found.root, 'args').class, 'argparse.Namespace')
  assert.deepEqual(found.container, { version: '3', byteorder: 'little', alignment: '64', protocol: 2 })
  assert.deepEqual(JSON.parse(output(['inspect', '--json', path])), found)
  const printed = output(['inspect', path])
  for (const line of [
    /^ {2}epoch +12$/m,
    /^ {2}learning rate +0\.5, 0\.001 in \["optimizer_state_dict"\]$/m,
    /^ {2}options +lr=0\.1, epochs=10, name="x\\x?u?.*1b\[31m", device=null/m,
    /^├─ epoch +12$/m,
    /^│ {2}├─ module\.conv\.weight +float32 +\[2, 1, 3, 3\] +72 B$/m,
    /^│ {2}├─ decoder\.weight +float32 +\[4, 3\] +48 B {2}in the storage of \["tied"\]\["encoder\.weight"\]$/m,
    /^│ {2}├─ name +'x\\x1b\[31m'$/m,
    /^ {2}1 × argparse\.Namespace$/m,
    /^ {2}torch\.load\(weights_only=True\) in Python refuses it because of .*argparse\.Namespace/m,
  ])
    assert.match(printed, line)
  assert.match(text(join(dir, 'model.pt')), /^├─ rnn +torch\.nn\.modules\.rnn\.LSTM, a module, \d+ B$/m)
  // a model saved by its bound method, with its optimizer's groups
  assert.deepEqual(json(join(dir, 'optimizer.pt')).learningRates, [{ path: '', rates: [0.5, 0.001] }])
  assert.match(JSON.stringify(json(join(dir, 'model.legacy.pt')).notes), /it holds the source code of .*Net/)
})

test('safetensors, and models in several files', (t) => {
  const dir = tempDir(t)
  const [one, two] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  torch.saveSync({ b: torch.ones([2, 3]), a: torch.zeros([4]).to('bfloat16') }, join(dir, one), {
    metadata: { by: 'x\x9b' },
  })
  torch.saveSync({ c: torch.ones([5]).to('int64') }, join(dir, two))
  const single = json(join(dir, one))
  assert.equal(single.format, 'safetensors')
  assert.deepEqual(tensorsOf(single.root).map(row), [
    ['["b"]', 'Tensor', 'float32', [2, 3], 'cpu', 24, false],
    ['["a"]', 'Tensor', 'bfloat16', [4], 'cpu', 8, false],
  ])
  assert.deepEqual({ ...(single.metadata as object) }, { by: 'x\x9b' })
  assert.match(text(join(dir, one)), /^ {2}metadata +by="x\\x9b"$/m)
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { c: two, a: one, b: one } }))
  for (const path of [dir, join(dir, 'model.safetensors.index.json')]) {
    const found = json(path)
    assert.equal(found.format, 'sharded')
    assert.deepEqual(
      tensorsOf(found.root).map((tensor) => [tensor.path, tensor.file]),
      [
        ['["c"]', two],
        ['["a"]', one],
        ['["b"]', one],
      ],
    )
    assert.equal(found.bytes, 72)
    assert.equal(found.fileBytes, statSync(join(dir, one)).size + statSync(join(dir, two)).size)
  }
  const torchDir = join(dir, 'torch')
  mkdirSync(torchDir)
  torch.saveSync({ a: torch.ones([2]) }, join(torchDir, 'p-1.bin'))
  torch.saveSync({ b: torch.ones([3]) }, join(torchDir, 'p-2.bin'))
  const index = join(torchDir, 'pytorch_model.bin.index.json')
  writeFileSync(index, JSON.stringify({ weight_map: { b: 'p-2.bin', a: 'p-1.bin' } }))
  const found = json(index)
  assert.deepEqual(
    tensorsOf(found.root).map((tensor) => [tensor.path, tensor.file]),
    [
      ['["b"]', 'p-2.bin'],
      ['["a"]', 'p-1.bin'],
    ],
  )
  assert.equal(found.bytes, 20)
})

test('files of 48 GB open at once, in the memory of a small one', async (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  pythonFile(generator, ['huge', dir])
  for (const name of ['huge.pt', 'huge.legacy.pt', 'huge.tar', 'huge.safetensors']) {
    const path = join(dir, name)
    assert.ok(statSync(path).size > 48e9)
    const before = process.cpuUsage()
    const found = inspectCheckpoint(path)
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 500_000, `${name}: ${(user + system) / 1000} ms of the CPU`)
    assert.equal(found.tensors, 12)
    assert.equal(found.bytes, 12 * 2 ** 32)
    const wrong = found.notes.filter((note) => note.level === 'danger' || /cannot be read/.test(note.text))
    assert.deepEqual(wrong, [])
    const run = cli(['inspect', path])
    assert.equal(run.status, 0, run.stderr)
    assert.match(run.stdout, /12, 12,884,901,888 elements, 51\.5 GB/)
    assert.ok(run.peakRss < 200e6, `${name}: ${run.peakRss} bytes`)
  }
})

test('a TorchScript program is named as one, and not run', (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const path = join(dir, 'script.pt')
  // TorchScript reads the source of what it compiles
  const program = join(dir, 'script.py')
  writeFileSync(
    program,
    `
import sys, torch
class M(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(2, 3)
        self.sizes = [1, 2]
    def forward(self, x):
        return self.fc(x) + torch.tensor([1.0, 2.0, 3.0])
torch.jit.script(M()).save(sys.argv[1])`,
  )
  pythonFile(program, [path])
  const found = json(path)
  assert.equal(found.format, 'torchscript')
  assert.deepEqual(find(found.root, 'fc', 'weight').shape, [3, 2])
  assert.deepEqual(find(found.root, 'sizes').value, [1, 2])
  assert.equal(found.notes[0]!.level, 'warning')
  assert.match(found.notes[0]!.text, /TorchScript program/)
})

test('works where neither the addon nor LibTorch is', async (t) => {
  const path = join(tempDir(t), 'a.pt')
  torch.saveSync({ w: torch.ones([2, 2]), epoch: 1 }, path)
  const { status, stdout, stderr } = await packageCopy(t).cli(['inspect', path])
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.match(stdout, /^├─ w +float32 +\[2, 2\] +16 B$/m)
})

test('the tests of this file see steering characters', () => {
  assert.deepEqual(steering('a\x1b\u202e\x9b\u2028\n'), ['\x1b', '\u202e', '\x9b', '\u2028'])
  assert.ok(readFileSync(generator, 'utf8').includes('\\x1b]0;evil\\x07'))
})
