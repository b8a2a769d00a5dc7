/** Archives are byte for byte those that PyTorch writes of the same records: headers, padding, checksums, serialization id. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { directory } from '../../serialize/zip.js'
import { root, tempDir } from '../../support/paths.js'
import { pythonJson, requirePython } from '../../support/python.js'

const { native } = await import(pathToFileURL(join(root, 'dist', 'binding.js')).href)

/** What is saved, and the same in Python. */
const cases: Record<string, [here: () => unknown, python: string]> = {
  'no tensor': [() => ({}), '{}'],
  'many small tensors': [
    () => Array.from({ length: 2000 }, (_, i) => torch.tensor([i, i + 1])),
    '[torch.tensor([i, i + 1], dtype=torch.float32) for i in range(2000)]',
  ],
  'empty tensors': [
    () => ({
      a: torch.zeros([0]),
      b: torch.ones([2]),
      c: torch.zeros([3, 0]),
      d: torch.zeros([0], { dtype: 'int64' }),
    }),
    "{'a': torch.zeros(0), 'b': torch.ones(2), 'c': torch.zeros(3, 0), 'd': torch.zeros(0, dtype=torch.int64)}",
  ],
  'every size up to 200': [
    () => Array.from({ length: 201 }, (_, i) => torch.arange(i).to('uint8')),
    '[torch.arange(i).to(torch.uint8) for i in range(201)]',
  ],
  'sizes around a megabyte': [
    () => [-1, 0, 1, 2 ** 20, 2 ** 20 + 77].map((more) => torch.arange(2 ** 20 + more).to('uint8')),
    '[torch.arange(2**20 + more).to(torch.uint8) for more in [-1, 0, 1, 2**20, 2**20 + 77]]',
  ],
  'a long name and one that is not ASCII': [
    () => ({ ['x'.repeat(1000)]: torch.ones(3), 'ключ.重み': torch.ones(4) }),
    "{'x' * 1000: torch.ones(3), 'ключ.重み': torch.ones(4)}",
  ],
  // LibTorch takes them for a data descriptor when it computes the serialization id
  'data that begin like a data descriptor': [
    () => [4, 7, 8, 20].map((n) => torch.tensor(Buffer.from('PK\x07\x08and a few more bytes').subarray(0, n))),
    "[torch.tensor(list(b'PK\\x07\\x08and a few more bytes'[:n]), dtype=torch.uint8) for n in [4, 7, 8, 20]]",
  ],
  'a checkpoint': [
    () => {
      const { model, optimizer } = trained()
      const best = { epoch: 2, weights: [torch.ones(5), { deep: torch.tensor(1.5) }] }
      return { epoch: 3, model: model.stateDict(), optimizer: optimizer.stateDict(), loss: torch.pyFloat(0.25), best }
    },
    `trained() | {'loss': 0.25, 'best': {'epoch': 2, 'weights': [torch.ones(5), {'deep': torch.tensor(1.5)}]}}`,
  ],
}

function trained() {
  torch.manualSeed(0)
  const model = new torch.nn.Sequential(new torch.nn.Linear(4, 3), new torch.nn.BatchNorm1d(3))
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 0.1 })
  model
    .forward(torch.ones([2, 4]))
    .sum()
    .backward()
  optimizer.step()
  return { model, optimizer }
}

const program = `
import io, json, sys, zipfile, torch
torch.set_num_threads(1)
def trained():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return {'epoch': 3, 'model': model.state_dict(), 'optimizer': optimizer.state_dict()}
def saved(code):
    buffer = io.BytesIO()
    torch.save(eval(code), buffer)
    return buffer.getvalue()
def rewritten(path):
    buffer = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(buffer)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name == 'archive/version': break  # this and what follows is the writer's own
            data = archive.read(name)
            writer.write_record(name.removeprefix('archive/'), data, len(data))
    writer.write_end_of_file()
    return buffer.getvalue()
def difference(path, expected):
    with open(path, 'rb') as file:
        found = file.read()
    if found == expected: return None
    at = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
    return [len(found), len(expected), at, repr(found[at-30:at+30]), repr(expected[at-30:at+30])]
out = []
for path, code in json.loads(sys.argv[1]):
    wrong = zipfile.ZipFile(path).testzip()
    out.append(wrong or difference(path, saved(code) if code else rewritten(path)))
print(json.dumps(out))
`

function assertSameBytes(files: [path: string, code: string | null][]): void {
  const found = pythonJson<unknown[]>(program, [JSON.stringify(files)])
  for (const [i, [path]] of files.entries()) assert.equal(found[i], null, `${path}: ${JSON.stringify(found[i])}`)
}

test('a saved file is that of Python', async (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const files: [string, string][] = []
  for (const [name, [here, python]] of Object.entries(cases)) {
    for (const save of [torch.saveSync, torch.save]) {
      const path = join(dir, `${name}, ${save.name}`)
      await save(here(), path)
      files.push([path, python])
    }
  }
  assertSameBytes(files)
  // the cases have every padding
  const paddings = new Set<number>()
  for (const [path] of files)
    for (const { name, header, offset } of directory(readFileSync(path)))
      paddings.add(offset - header - 30 - Buffer.byteLength(name) - 4)
  assert.deepEqual(
    [...paddings].sort((a, b) => a - b),
    Array.from({ length: 64 }, (_, i) => i),
  )
})

test("an archive for C++, one with names of any kind, and one of many records are those that PyTorch's own writer makes of their records", (t) => {
  if (!requirePython(t)) return
  const dir = tempDir(t)
  const archive = join(dir, 'archive.pt')
  torch.saveSync(trained().model, archive, { format: 'libtorch' })
  const named = join(dir, 'named.pt')
  const binding = native()
  const writer = binding.openWriter(named)
  const names = [
    'a',
    'ключ/重み',
    '😀',
    'with space.txt',
    'x'.repeat(255),
    'y'.repeat(65_535 - 'archive/'.length),
    'a/b/c',
  ]
  for (const [i, name] of names.entries()) binding.writeRecord(writer, name, Buffer.alloc(i * 5, name))
  binding.finishWriter(writer)
  const many = join(dir, 'many.pt')
  const manyWriter = binding.openWriter(many)
  // more than the end of the directory can say in its 16 bits
  for (let i = 0; i < 65_600; i++) binding.writeRecord(manyWriter, `data/${i}`, Buffer.from([i]))
  binding.finishWriter(manyWriter)
  assertSameBytes([
    [archive, null],
    [named, null],
    [many, null],
  ])
})
