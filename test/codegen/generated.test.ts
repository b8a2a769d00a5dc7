import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'
import * as torch from 'libtorch-node'
import { coverage } from '../../lib/codegen/coverage.js'
import { generate } from '../../lib/codegen/main.js'
import type { PythonApi } from '../../lib/codegen/ops.js'
import { camelCase } from '../../lib/tensor/names.js'
import { root } from '../support/paths.js'

const api = JSON.parse(readFileSync(join(root, 'lib/codegen/python-api.json'), 'utf8')) as PythonApi
const { native } = await import(pathToFileURL(join(root, 'dist/binding.js')).href)

test('the committed generated files are current', () => {
  for (const [path, text] of generate(native(), torch, root)) {
    assert.ok(readFileSync(join(root, path), 'utf8') === text, `${path} is stale: run \`npm run gen\``)
  }
})

test('every public name of Python is present, planned, or refused with a reason', () => {
  const rows = coverage(api, torch)
  assert.ok(rows.length > 1500, `${rows.length} names`)
  assert.deepEqual(
    rows.filter((row) => !row.here && !row.reason).map((row) => `${row.section}.${row.name}`),
    [],
  )
})

test('no two names of PyTorch become one name here', () => {
  const names = (native().operatorNames() as string[])
    .filter((name) => name.startsWith('aten::'))
    .map((name) => name.slice(6))
  assert.ok(names.length > 1500)
  const seen = new Map<string, string>()
  for (const name of names) {
    const js = camelCase(name)
    assert.equal(seen.get(js), undefined, `${name} and ${seen.get(js)} both become ${js}`)
    seen.set(js, name)
    for (const { arguments: args } of native().schemas(`aten::${name}`)) {
      assert.equal(new Set(args.map((a: { name: string }) => camelCase(a.name))).size, args.length, name)
    }
  }
})
