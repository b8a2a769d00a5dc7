#!/usr/bin/env node
/**
 * `npm test`: sets up, checks format and style, runs every test. `npm test -- test/nn test/load.test.ts` runs these alone.
 * In CI a test that is skipped is a failure.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { formatNative } from './format-native.mjs'
import { Failure, main, readJson, root, run } from './lib/run.mjs'
import { testFiles } from './lib/test-files.mjs'
import { setup } from './setup.mjs'

await main(async () => {
  const chosen = process.argv.slice(2)
  await setup({ parity: true })
  if (chosen.length === 0) lint()
  const files = (chosen.length > 0 ? chosen : ['test']).flatMap(testFiles)
  if (files.length === 0) throw new Failure('there is no test file')
  return test(files)
})

function lint() {
  console.log('checking format and style')
  run(process.execPath, [join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '.'])
  formatNative({ check: true })
}

function test(files) {
  const results = join(root, '.build', 'test-counts.json')
  mkdirSync(join(root, '.build'), { recursive: true })
  rmSync(results, { force: true })
  const started = Date.now()
  const { status } = spawnSync(
    process.execPath,
    [
      '--test',
      // two at once: some tests measure memory, and every one loads LibTorch
      `--test-concurrency=${Math.min(2, availableParallelism())}`,
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[
        `--test-reporter=${new URL('lib/test-counts.mjs', import.meta.url).href}`,
        `--test-reporter-destination=${results}`,
      ],
      ...files,
    ],
    { cwd: root, stdio: 'inherit' },
  )
  const counts = readJson(results)
  if (!counts) throw new Failure('the test runner ended before it could say what it ran')
  for (const name of counts.skipped) console.log(`skipped: ${name}`)
  for (const name of counts.failed) console.log(`failed: ${name}`)
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  console.log(`\n${files.length} test files in ${seconds} s`)
  console.log(`${counts.passed} passed, ${counts.failed.length} failed, ${counts.skipped.length} skipped`)
  if (process.env.CI && counts.skipped.length > 0) throw new Failure('in CI a skipped test is a failure')
  if (counts.passed === 0) throw new Failure('no test was run')
  return status ?? 1
}
