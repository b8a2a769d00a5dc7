/**
 * Every block of the README and of the pages in docs/ that can be executed is: `ts` and `js` in Node (compiled under `strict`),
 * `python` in Python, `sh` and `console` in a shell; the output that a `console` block shows must be what is printed. A block
 * with an import begins a program; one without continues it. Exceptions are in not-run.ts.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { child } from '../support/child.js'
import { type Block, blocksOf, compilePrograms, pages } from '../support/pages.js'
import { buildDir, root, tempDir } from '../support/paths.js'
import { python, requirePython } from '../support/python.js'
import { notRun } from './not-run.js'

/** What is shown and not executed: data and output. */
const data = new Set(['', 'text', 'json', 'jsonl', 'csv', 'yaml', 'diff', 'html', 'toml'])
const kinds: Record<string, Kind> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  python: 'python',
  sh: 'shell',
  bash: 'shell',
  console: 'console',
}
type Kind = 'ts' | 'js' | 'python' | 'shell' | 'console'

interface Program {
  kind: Kind
  line: number
  code: string
}

const isExcused = (block: Block) =>
  notRun.some(({ page, begins }) => block.page === page && block.code.startsWith(begins))
const languageOf = (block: Block) => block.info.split(' ')[0]!

function programsOf(page: string): Program[] {
  const programs: Program[] = []
  for (const block of blocksOf(page)) {
    const kind = kinds[languageOf(block)]
    if (!kind || isExcused(block)) continue
    const before = kind === 'shell' || kind === 'console' ? undefined : programs.findLast((one) => one.kind === kind)
    if (before && !/^import /m.test(block.code)) before.code += `\n${block.code}`
    else programs.push({ kind, line: block.line, code: block.code })
  }
  return programs
}

/** Makes the Node programs of a page ready to run; returns their scripts by line. */
function scriptsOf(page: string, programs: Program[]): Map<number, string> {
  const name = page.replace(/\.md$/, '')
  const titled = programs.filter(({ kind }) => kind === 'ts').map(({ line, code }) => [`line-${line}`, code] as const)
  const compiled = compilePrograms(name, new Map(titled))
  const scripts = new Map<number, string>()
  for (const { kind, line, code } of programs) {
    const file = compiled.get(`line-${line}`) ?? join(buildDir, 'pages', name, `line-${line}.js`)
    if (kind === 'js') writeFileSync(file, code)
    scripts.set(line, file)
  }
  return scripts
}

/** A working folder as pages expect it, with an `npx` that knows this package alone. */
function workingFolder(t: { after(fn: () => void): void }): { dir: string; env: Record<string, string> } {
  const dir = tempDir(t)
  symlinkSync(join(root, 'examples'), join(dir, 'examples'))
  // a worker made from a text looks for packages from the current folder
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(root, join(dir, 'node_modules', 'libtorch-node'))
  const bin = tempDir(t)
  const cli = `shift\nexec '${process.execPath}' '${join(root, 'dist', 'cli', 'main.js')}' "$@"`
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\n[ "$1" = libtorch-node ] || exit 99\n${cli}\n`)
  chmodSync(join(bin, 'npx'), 0o755)
  return { dir, env: { PATH: `${bin}${delimiter}${process.env.PATH}` } }
}

/** Runs lines in a shell that stops at the first failure; returns what they print. */
function shell(code: string, cwd: string, env: Record<string, string>): string {
  const run = spawnSync('/bin/sh', ['-e', '-c', code], { encoding: 'utf8', cwd, env: { ...process.env, ...env } })
  assert.equal(run.status, 0, `${code}\n${run.stdout}${run.stderr}`)
  return run.stdout
}

/** Runs the commands of a `console` block, each a line that begins with `$ `, and compares what they print. */
function consoleBlock(code: string, cwd: string, env: Record<string, string>): void {
  const steps = [...code.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)]
  assert.ok(steps.length > 0, 'a console block begins with $ and a command')
  for (const [, command, output] of steps) assert.equal(shell(command!, cwd, env).trimEnd(), output!.trimEnd(), command)
}

test('every block is executed, is data, or is excused by name', (t) => {
  const blocks = pages.flatMap(blocksOf)
  assert.ok(blocks.length > 40)
  const unknown = blocks.filter((block) => !kinds[languageOf(block)] && !data.has(languageOf(block)))
  assert.deepEqual(unknown, [])
  const skipped = blocks.filter((block) => / no-run$/.test(block.info) && !isExcused(block))
  assert.deepEqual(skipped, [])
  for (const one of notRun) {
    const found = blocks.filter((block) => block.page === one.page && block.code.startsWith(one.begins))
    assert.equal(found.length, 1, `${one.page} has ${found.length} blocks that begin with ${one.begins}`)
    t.diagnostic(`not run: ${one.page}:${found[0]!.line}: ${one.because}`)
  }
})

test('README and getting-started have a program', () => {
  for (const page of ['README.md', 'docs/getting-started.md']) assert.ok(programsOf(page).length > 0, page)
})

for (const page of pages) {
  const programs = programsOf(page)
  if (programs.length === 0) continue
  test(`the programs of ${page} run`, (t) => {
    const { dir, env } = workingFolder(t)
    const scripts = scriptsOf(page, programs)
    for (const { kind, line, code } of programs) {
      if (kind === 'shell') shell(code, dir, env)
      else if (kind === 'console') consoleBlock(code, dir, env)
      else if (kind !== 'python') {
        const run = child(scripts.get(line)!, [], {}, { cwd: dir })
        assert.equal(run.status, 0, `${page}:${line}\n${run.stderr}`)
      }
    }
    if (page !== 'README.md' || !requirePython(t)) return
    const check = 'import sys, torch; print(torch.load(sys.argv[1], weights_only=True)["epoch"])'
    assert.equal(python(check, [join(dir, 'next.pth')]).trim(), '6')
  })
  if (!programs.some(({ kind }) => kind === 'python')) continue
  test(`the Python of ${page} runs`, (t) => {
    if (!requirePython(t)) return
    const { dir } = workingFolder(t)
    for (const { kind, code } of programs)
      if (kind === 'python') python(`import os; os.chdir(${JSON.stringify(dir)})\n${code}`)
  })
}
