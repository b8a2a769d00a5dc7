#!/usr/bin/env node
/**
 * `npm run coverage`: how many lines of lib/ the tests run, in child processes and workers too; fails below 90 %, and names the files
 * with the most lines left out. `npm run coverage -- test/nn` runs these tests alone, and `--kept` reports on those that ran last.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure, main, readJson, root, run } from './lib/run.mjs'
import { testFiles } from './lib/test-files.mjs'
import { setup } from './setup.mjs'

const least = 90
const worst = 15
const raw = join(root, '.build', 'coverage', 'raw')
const report = join(root, '.build', 'coverage', 'report')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kept: { type: 'boolean', default: false } },
})

await main(async () => {
  await setup({ parity: true })
  if (!values.kept) runTests((positionals.length > 0 ? positionals : ['test']).flatMap(testFiles))
  if (!existsSync(raw)) throw new Failure('no tests were run yet')
  makeReport()
  return judge(readJson(join(report, 'coverage-summary.json')))
})

function runTests(files) {
  rmSync(raw, { recursive: true, force: true })
  const env = { ...process.env, NODE_V8_COVERAGE: raw }
  const args = ['--test', '--test-concurrency=2', '--test-reporter=dot', ...files]
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) throw new Failure('a test failed: the figures would be those of another program')
}

/** Ranges of the compiled files, by their source maps those of lib/. */
function makeReport() {
  rmSync(report, { recursive: true, force: true })
  run(process.execPath, [
    join(root, 'node_modules', 'c8', 'bin', 'c8.js'),
    ...['report', '--temp-directory', raw, '--reports-dir', report, '--reporter', 'json-summary', '--reporter', 'html'],
    // one file after another: hundreds of processes leave more than fits into memory
    '--merge-async',
    // also what no test opens
    ...['--all', '--src', join(root, 'dist'), '--include', 'dist/**/*.js'],
    ...['generated', 'bundle'].flatMap((folder) => ['--exclude', `dist/${folder}/**`]),
  ])
}

function judge(summary) {
  if (!summary?.total?.lines?.total) throw new Failure('the report has no lines')
  const files = Object.entries(summary)
    .filter(([name]) => name !== 'total')
    .map(([name, { lines }]) => ({ name: relative(root, name), ...lines, left: lines.total - lines.covered }))
    .sort((a, b) => b.left - a.left)
  if (files.some(({ name }) => !name.startsWith('lib/')))
    throw new Failure('the report is not about lib/: no source maps?')
  for (const { name, pct, left } of files.slice(0, worst))
    console.log(`${String(left).padStart(6)} lines left out, ${pct} % run  ${name}`)
  const { pct, covered, total } = summary.total.lines
  console.log(`\n${covered} of ${total} lines of ${files.length} files of lib/ were run: ${pct} %, at least ${least} %`)
  return pct >= least ? 0 : 1
}
