/**
 * The `ts` blocks of the README and of the pages in docs/ are programs that compile under `strict` and run. A block with an import
 * begins a program; one without continues it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { buildDir, root, tempDir } from '../support/paths.js'
import { python, requirePython } from '../support/python.js'

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))].filter(
  (name) => name.endsWith('.md') && programsOf(name).length > 0,
)

function programsOf(page: string): string[] {
  const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)
  const programs: string[] = []
  for (const [, code] of blocks) {
    if (programs.length === 0 || /^import /m.test(code!)) programs.push(code!)
    else programs.push(`${programs.pop()}\n${code}`)
  }
  return programs
}

/** Compiles the programs of a page in a folder below `.build`, from where the package is found by its name. */
function compile(page: string): string[] {
  const folder = join(buildDir, 'pages', basename(page, '.md'))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const sources = programsOf(page).map((code, i) => {
    const source = join(folder, `${i + 1}.ts`)
    writeFileSync(source, code)
    return source
  })
  // The compiler also emits the sources that the package's own types lead it to: below `out`, out of the way.
  const out = join(folder, 'out')
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const flags = '--ignoreConfig --target es2022 --module nodenext --strict --skipLibCheck --types node'.split(' ')
  const args = [tsc, ...flags, '--rootDir', root, '--outDir', out, ...sources]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root })
  assert.equal(run.status, 0, run.stdout)
  return sources.map((source) => join(out, relative(root, source).replace(/\.ts$/, '.js')))
}

test('README and getting-started have a program', () => {
  assert.ok(pages.includes('README.md') && pages.includes(join('docs', 'getting-started.md')))
})

for (const page of pages) {
  test(`the programs of ${page} compile and run`, (t) => {
    const dir = tempDir(t)
    symlinkSync(join(root, 'examples'), join(dir, 'examples'))
    // a worker made from a text looks for packages from the current folder
    mkdirSync(join(dir, 'node_modules'))
    symlinkSync(root, join(dir, 'node_modules', 'libtorch-node'))
    for (const script of compile(page)) {
      const run = child(script, [], {}, { cwd: dir })
      assert.equal(run.status, 0, run.stderr)
    }
    if (page !== 'README.md' || !requirePython(t)) return
    const check = 'import sys, torch; print(torch.load(sys.argv[1], weights_only=True)["epoch"])'
    assert.equal(python(check, [join(dir, 'next.pth')]).trim(), '6')
  })
}
