/** The table of codes: code, documentation and classes agree, both ways. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root } from '../support/paths.js'

const documentation = readFileSync(join(root, 'docs', 'errors.md'), 'utf8')
const rows = [...documentation.matchAll(/^\| `(ERR_\w+)` \| `(\w+)` \| (.+?) \|/gm)].map(([, code, type, meaning]) => ({
  code: code!,
  type: type!,
  meaning: meaning!,
}))
const table = torch.errorCodes as Record<string, string>

test('docs/errors.md has the codes of lib/errors.ts, in its order and with its words', () => {
  assert.ok(rows.length > 10)
  assert.deepEqual(
    rows.map(({ code, meaning }) => [code, meaning]),
    Object.entries(table),
  )
})

test('every documented class is exported, and every exported error class is documented', () => {
  const exported = Object.entries(torch)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error)
    .map(([name]) => name)
  assert.ok(exported.length > 5)
  assert.deepEqual([...new Set(rows.map(({ type }) => type))].sort(), exported.sort())
})

test('a documented class makes errors of the documented code', () => {
  for (const { code, type } of rows) {
    const Type = (torch as unknown as Record<string, new (...args: string[]) => torch.TorchError>)[type]!
    // classes of several codes take the code first
    const several = rows.filter((row) => row.type === type).length > 1
    const error = several ? new Type(code, 'words') : new Type('words')
    assert.equal(error.code, code)
    assert.equal(error.message, 'words')
    assert.equal(error.name, type)
  }
})

const ofNode = ['ERR_INVALID_ARG_TYPE', 'ERR_DLOPEN_FAILED']

test('every code in the sources is in the table', () => {
  const used = new Set<string>()
  for (const folder of ['lib', 'native']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|cpp|h)$/.test(name)) continue
      for (const [, code] of readFileSync(join(root, folder, name), 'utf8').matchAll(/['"](ERR_[A-Z_]+)['"]/g))
        used.add(code!)
    }
  }
  assert.ok(used.size > 10)
  assert.deepEqual(
    [...used].filter((code) => !(code in table) && !ofNode.includes(code)),
    [],
  )
})
