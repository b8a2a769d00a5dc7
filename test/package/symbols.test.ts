/** The addons run on Linux systems that are older than the one they were built on. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { root } from '../support/paths.js'

const addons = ['core', 'loader'].map((name) => join(root, 'build', 'Release', `${name}.node`))

function check(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'check-symbols.mjs'), ...args],
    { encoding: 'utf8' },
  )
  return { status, output: stdout + stderr }
}

function requireLinux(t: TestContext): boolean {
  if (process.platform !== 'linux') t.skip('symbols have versions on Linux alone')
  return process.platform === 'linux'
}

test('the addons need nothing newer than glibc 2.28 and the libstdc++ of GCC 8', (t) => {
  if (!requireLinux(t)) return
  const compiler = /GCC: .*?(\d+)\.\d+\.\d+/.exec(readFileSync(addons[0]!, 'latin1'))?.[1]
  if (Number(compiler) > 12) return t.skip(`built with GCC ${compiler}: what is published is built with GCC 12`)
  const { status, output } = check(...addons)
  assert.equal(status, 0, output)
  assert.match(output, /no symbol is too new/)
})

test('a symbol that is too new fails the check with its name and its version', (t) => {
  if (!requireLinux(t)) return
  for (const [limit, expected] of [
    ['GLIBC=2.3', /core\.node: memcpy needs GLIBC_2\.14 \(at most GLIBC_2\.3\)/],
    ['GLIBCXX=3.4.20', /core\.node: _ZNSt7__cxx11\S+ needs GLIBCXX_3\.4\.21 \(at most GLIBCXX_3\.4\.20\)/],
    ['CXXABI=1.3', /core\.node: \S+ needs CXXABI_1\.3\.\d+ \(at most CXXABI_1\.3\)/],
  ] as const) {
    const { status, output } = check('--limit', limit, ...addons)
    assert.equal(status, 1, limit)
    assert.match(output, expected)
  }
})

test('what is no library fails the check, too', (t) => {
  if (!requireLinux(t)) return
  const { status, output } = check(join(root, 'package.json'))
  assert.equal(status, 1)
  assert.match(output, /package\.json: /)
})
