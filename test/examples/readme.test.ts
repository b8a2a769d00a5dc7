/** The `ts` blocks of the README and of each page in docs/ are one program: it compiles under `strict`, and runs. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { buildDir, root, tempDir } from '../support/paths.js'
import { python, requirePython } from '../support/python.js'

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))].filter(
  (name) => name.endsWith('.md') && blocksOf(name).length > 0,
)

function blocksOf(page: string): string[] {
  return [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)
}

/** Compiles the program of a page in a folder below `.build`, from where the package is found by its name. */
function compile(page: string): string {
  const source = join(buildDir, 'pages', `${basename(page, '.md')}.ts`)
  mkdirSync(dirname(source), { recursive: true })
  writeFileSync(source, blocksOf(page).join('\n'))
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const flags = '--ignoreConfig --target es2022 --module nodenext --strict --skipLibCheck --types node'.split(' ')
  const run = spawnSync(process.execPath, [tsc, ...flags, source], { encoding: 'utf8', cwd: root })
  assert.equal(run.status, 0, run.stdout)
  return source.replace(/\.ts$/, '.js')
}

test('README and getting-started have a program', () => {
  assert.ok(pages.includes('README.md') && pages.includes(join('docs', 'getting-started.md')))
})

for (const page of pages) {
  test(`the program of ${page} compiles and runs`, (t) => {
    const script = compile(page)
    t.after(() => rmSync(script, { force: true }))
    const dir = tempDir(t)
    symlinkSync(join(root, 'examples'), join(dir, 'examples'))
    const run = child(script, [], {}, { cwd: dir })
    assert.equal(run.status, 0, run.stderr)
    if (page !== 'README.md' || !requirePython(t)) return
    const check = 'import sys, torch; print(torch.load(sys.argv[1], weights_only=True)["epoch"])'
    assert.equal(python(check, [join(dir, 'next.pth')]).trim(), '6')
  })
}
