// Files of the format's own library (Python's safetensors 0.8), read here and written again with the same bytes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { fine, hostile } from '../serialize/safetensors-files.js'
import { root } from '../support/paths.js'
import { pythonFile, pythonJson, requirePython } from '../support/python.js'

const script = join(root, 'test', 'parity', 'safetensors_oracle.py')
type View = [name: string, dtype: string, shape: number[], digest: string]
interface Written {
  tensors: View[]
  metadata: Record<string, string> | null
}

function temporaryFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'safetensors-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function digest(tensor: torch.Tensor): string {
  const { buffer, byteOffset, byteLength } = tensor.reshape([-1]).view('uint8').typedArray()
  return createHash('sha256')
    .update(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))
    .digest('hex')
}

/** The entries of a state dict; those whose names look like numbers come first, as JavaScript sorts them. */
function view(stateDict: Record<string, torch.Tensor>): View[] {
  return Object.entries(stateDict).map(([name, t]) => [name, t.dtype, [...t.shape], digest(t)])
}

const byName = (a: View, b: View): number => (a[0] < b[0] ? -1 : 1)

test('every kind of file that the library writes', async (t) => {
  if (!requirePython(t)) return
  const folder = temporaryFolder(t)
  const written = JSON.parse(pythonFile(script, ['write', folder])) as Record<string, Written>
  const names = Object.keys(written)
  assert.ok(names.length > 60, `${names.length} files`)
  const loaded: Record<string, Record<string, torch.Tensor>> = {}
  for (const name of names) {
    await t.test(`reads ${name}`, async () => {
      const path = join(folder, `${name}.safetensors`)
      const { tensors, metadata } = written[name]!
      const here = (loaded[name] = torch.loadSync(path))
      for (const value of [here, await torch.load(path), torch.loadSync(readFileSync(path))]) {
        assert.equal(Object.getPrototypeOf(value), null)
        assert.deepEqual(view(value).sort(byName), [...tensors].sort(byName))
        assert.deepEqual(value.__metadata__ && { ...value.__metadata__ }, metadata ? { ...metadata } : undefined)
      }
      // where several begin at one byte, as empty ones do, the library has no order
      const filled = (view: View): boolean => !view[2].includes(0) && !/^\d+$/.test(view[0])
      const order = (views: View[]): string[] => views.filter(filled).map(([key]) => key)
      assert.deepEqual(order(view(here)), order(tensors))
    })
  }
  for (const [i, name] of names.entries()) {
    const path = join(folder, `${name}.node.safetensors`)
    if (i % 2 === 0) torch.saveSync(loaded[name], path)
    else await torch.save(loaded[name], path)
  }
  const checked = JSON.parse(pythonFile(script, ['check', folder])) as Record<string, { same: boolean; opens: boolean }>
  assert.deepEqual(Object.keys(checked).sort(), [...names].sort())
  for (const name of names) {
    await t.test(`writes ${name} again with the same bytes`, () => {
      assert.deepEqual(checked[name], { same: true, opens: true })
    })
  }
})

test('models in several files', async (t) => {
  if (!requirePython(t)) return
  const folder = temporaryFolder(t)
  const expected = JSON.parse(pythonFile(script, ['shards', folder])) as View[]
  for (const name of ['model.safetensors.index.json', 'pytorch_model.bin.index.json', '']) {
    assert.deepEqual(view(torch.loadSync(join(folder, name))), expected)
    assert.deepEqual(view(await torch.load(join(folder, name))), expected)
  }
})

test('what is made here, Python opens', (t) => {
  if (!requirePython(t)) return
  const path = join(temporaryFolder(t), 'model.safetensors')
  const model = new torch.nn.Sequential(new torch.nn.Linear(3, 4), new torch.nn.BatchNorm1d(4))
  const odd = torch.arange(12).reshape([3, 4]).t()
  torch.saveSync({ ...model.stateDict(), odd }, path, { metadata: { format: 'pt' } })
  const seen = pythonJson<[string, number[], number[]][]>(
    `import sys, json, torch
print(json.dumps([[k, list(v.shape), v.flatten().tolist()] for k, v in torch.load(sys.argv[1]).items()]))`,
    [path],
  )
  const expected = { ...model.stateDict(), odd }
  assert.equal(seen.length, 8)
  for (const [name, shape, values] of seen) {
    const tensor = expected[name as keyof typeof expected] as torch.Tensor
    assert.deepEqual([...tensor.shape], shape)
    assert.deepEqual(tensor.flatten().tolist(), values)
  }
})

test('the library and this one agree on files made by hand', (t) => {
  if (!requirePython(t)) return
  const folder = temporaryFolder(t)
  for (const [i, { bytes }] of fine.entries()) writeFileSync(join(folder, `fine-${i}.safetensors`), bytes)
  for (const [i, { bytes }] of hostile.entries()) writeFileSync(join(folder, `hostile-${i}.safetensors`), bytes)
  type Verdict = { tensors?: Record<string, [string, number[], string]>; error?: string }
  const verdicts = JSON.parse(pythonFile(script, ['judge', folder])) as Record<string, Verdict>
  for (const [i, { title, bytes }] of fine.entries()) {
    const { tensors, error } = verdicts[`fine-${i}.safetensors`]!
    assert.equal(error, undefined, title)
    const here = view(torch.loadSync(bytes)).map(([name, ...rest]) => [name, rest])
    assert.deepEqual(Object.fromEntries(here), tensors, title)
  }
  for (const [i, { title, stricter }] of hostile.entries()) {
    const { error } = verdicts[`hostile-${i}.safetensors`]!
    assert.equal(error === undefined, stricter === true, `${title}: ${error}`)
  }
})
