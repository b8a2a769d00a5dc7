// The formats before 1.6: files that Python writes and files of old versions, read here and written again in the legacy format.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root } from '../../support/paths.js'
import { pythonFile, pythonJson, requirePython } from '../../support/python.js'
import { same, view } from './view.js'

const script = join(root, 'test', 'parity', 'serialize', 'legacy.py')

interface Checked {
  view: unknown
  opens: boolean
  opened: boolean
  /** absent where Python keeps the programs of modules in its file, or where it cannot read its own file */
  same?: boolean
}

test('every file before 1.6', async (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'legacy-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const written = JSON.parse(pythonFile(script, ['write', folder])) as Record<string, unknown>
  const names = Object.keys(written)
  assert.ok(names.length >= 170, `${names.length} files`)
  for (const [i, name] of names.entries()) {
    await t.test(`reads ${name}, and writes it again`, async () => {
      const path = join(folder, `${name}.pt`)
      const value = torch.loadSync(path, { mapLocation: 'cpu' })
      same(view(value), written[name])
      same(view(await torch.load(readFileSync(path), { mapLocation: 'cpu' })), written[name])
      const out = join(folder, `${name}.out.pt`)
      if (i % 2 === 0) torch.saveSync(value, out, { format: 'legacy' })
      else await torch.save(value, out, { format: 'legacy' })
      same(view(torch.loadSync(out)), written[name])
    })
  }
  await t.test('parts of storages share their memory', () => {
    const { whole, part, same_part: other, bare } = torch.loadSync(join(folder, 'views_of_storages.pt'))
    whole.fill_(7)
    assert.deepEqual(
      [part.tolist(), other.tolist(), bare.tolist()],
      [
        [
          [7, 7],
          [7, 7],
        ],
        [7, 7, 7, 7, 7, 7],
        [1, 2, 3, 4],
      ],
    )
    const tar = torch.loadSync(join(folder, 'tar_pax.pt'))
    tar.weight.fill_(7)
    assert.equal(tar.same, tar.weight)
    assert.deepEqual(
      [tar.part.tolist(), tar.parameter.flatten().tolist()],
      [
        [
          [7, 7],
          [7, 7],
        ],
        new Array(12).fill(7),
      ],
    )
  })
  const checked = JSON.parse(pythonFile(script, ['check', folder])) as Record<string, Checked>
  assert.deepEqual(Object.keys(checked).sort(), names.toSorted())
  let equal = 0
  for (const name of names) {
    await t.test(`Python reads ${name} from here`, () => {
      const { view: seen, opens, opened, same: bytes } = checked[name]!
      same(seen, written[name])
      assert.ok(opens || !opened, 'weights_only=True opens it as it opens the original')
      if (bytes === undefined) return
      assert.ok(bytes, 'the same opcodes and storages as those of Python')
      equal++
    })
  }
  assert.ok(equal >= 70, `${equal} files equal Python's`)
})

test('shared storages stay shared for Python, large ones are written in pieces', async (t) => {
  if (!requirePython(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'legacy-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'shared.pt')
  // beyond the 8 MB that are written at a time, and in no multiple of them
  const big = torch.arange(5_000_001).double()
  const made = {
    big,
    turned: big.narrow(0, 1, 6).reshape([2, 3]).t(),
    end: big.narrow(0, 5_000_000, 1),
    small: torch.ones(2),
  }
  const seen = (): unknown =>
    pythonJson(
      `
import json, sys, torch
c = torch.load(sys.argv[1], weights_only=True)
print(json.dumps([torch.equal(c['big'], torch.arange(5000001.0, dtype=torch.float64)), c['turned'].tolist(), list(c['turned'].stride()),
  c['turned'].data_ptr() - c['big'].data_ptr(), c['end'].data_ptr() - c['big'].data_ptr(), c['small'].tolist()]))`,
      [path],
    )
  const expected = [
    true,
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
    [1, 3],
    8,
    40_000_000,
    [1, 1],
  ]
  torch.saveSync(made, path, { format: 'legacy' })
  assert.deepEqual(seen(), expected)
  const sync = readFileSync(path)
  await torch.save(made, path, { format: 'legacy' })
  assert.ok(sync.equals(readFileSync(path)))
})
