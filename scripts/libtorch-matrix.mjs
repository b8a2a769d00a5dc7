#!/usr/bin/env node
/**
 * `npm run test:libtorch-matrix`: the package as it is packed, with each LibTorch that it has a `core` for, and with the CUDA
 * build of the reference: runs the unit tests that need no Python and prints a table. LibTorch of the package index is a CUDA
 * build on Linux; it computes on the CPU here. `--only 2.14` runs the rows of that version alone; `--no-package` takes the
 * package as `npm run package` left it; `npm run test:libtorch-matrix -- tensor nn` runs the tests of these folders alone.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fetchCuda, fetchForBuild } from './lib/fetch-libtorch.mjs'
import { Failure, libtorchModule, main, readJson, root, run, tsc } from './lib/run.mjs'

/** Folders of test/ that compare with nothing but what is written in them. A test that does need Python skips itself. */
const folders = [
  'autograd',
  'errors',
  'jit',
  'lifetime',
  'lr-scheduler',
  'nn',
  'optim',
  'serialize',
  'state-dict',
  'tensor',
  'vision',
  'whole-model',
]

const matrix = join(root, '.build', 'matrix')

const loadedVersions = `const torch = require('libtorch-node')
torch.ones([1])
JSON.stringify({ libtorch: torch.version.libtorch, addon: Object.keys(require.cache).join() })`

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { only: { type: 'string', multiple: true }, package: { type: 'boolean', default: true } },
    allowNegative: true,
    allowPositionals: true,
  })
  const unknown = positionals.find((folder) => !folders.includes(folder))
  if (unknown) throw new Failure(`${unknown} is none of ${folders.join(', ')}`)
  const files = testFiles(positionals.length > 0 ? positionals : folders)
  if (values.package) run(process.execPath, [join(root, 'scripts', 'package.mjs')])
  const { releases, reference } = await libtorchModule('versions')
  const chosen = releases.filter(({ minor }) => values.only?.includes(minor) ?? true)
  if (chosen.length === 0) throw new Failure(`--only knows ${releases.map(({ minor }) => minor).join(', ')}`)
  prepare()
  const rows = []
  for (const release of chosen) {
    const isReference = release === reference
    rows.push(test(release, await fetchForBuild(release, isReference), files))
    if (isReference && process.platform === 'linux') rows.push(test(release, await fetchCuda(release), files))
  }
  console.log(['', ...table(rows)].join('\n'))
  return rows.every(({ passed, failed }) => passed > 0 && failed.length === 0) ? 0 : 1
})

/** The packed package with the compiled tests beside it, which find it by its name. */
function prepare() {
  run(process.execPath, [tsc(), '-p', 'tsconfig.test.json'])
  rmSync(matrix, { recursive: true, force: true })
  cpSync(join(root, '.build', 'package'), matrix, { recursive: true })
  for (const name of ['test', 'examples', 'bench', 'lib']) {
    const compiled = join(root, '.build', name)
    if (existsSync(compiled)) cpSync(compiled, join(matrix, '.build', name), { recursive: true })
  }
  // modules that some of the tests open one by one
  cpSync(join(root, 'dist'), join(matrix, 'dist'), { recursive: true, force: false })
  // what some of the tests read
  for (const name of ['node_modules', 'test', 'examples', 'lib', 'docs', 'tsconfig.json'])
    symlinkSync(join(root, name), join(matrix, name))
}

function test({ version, minor }, dir, files) {
  const build = existsSync(join(dir, 'lib', 'libtorch_cuda.so')) ? 'CUDA' : 'CPU'
  console.log(`\nLibTorch ${version}, ${build} build`)
  const env = { ...process.env, LIBTORCH: dir }
  const loaded = inPackage(['-p', loadedVersions], env)
  if (loaded.status !== 0) return { version, build, passed: 0, failed: [loaded.stderr], skipped: [], seconds: 0 }
  const { libtorch, addon } = JSON.parse(loaded.stdout)
  if (!libtorch.startsWith(minor) || !addon.includes(`torch-${minor}`))
    throw new Failure(`${addon} was loaded with LibTorch ${libtorch}: not what is to be tested`)
  const results = join(matrix, 'counts.json')
  rmSync(results, { force: true })
  const started = Date.now()
  const reporters = ['dot', new URL('lib/test-counts.mjs', import.meta.url).href].flatMap((reporter, i) => [
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${i === 0 ? 'stdout' : results}`,
  ])
  inPackage(['--test', '--test-concurrency=2', ...reporters, ...files], env, 'inherit')
  const counts = readJson(results)
  if (!counts) throw new Failure('the test runner ended before it could say what it ran')
  for (const name of counts.failed) console.log(`failed: ${name}`)
  return { version, build, ...counts, seconds: Math.round((Date.now() - started) / 1000) }
}

function inPackage(args, env, stdio = 'pipe') {
  return spawnSync(process.execPath, args, { cwd: matrix, env, stdio, encoding: 'utf8' })
}

/** By the sources, as `.build` may hold tests that were removed. */
function testFiles(wanted) {
  return wanted.flatMap((folder) =>
    readdirSync(join(root, 'test', folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(matrix, '.build', 'test', folder, name.replace(/\.ts$/, '.js'))),
  )
}

function table(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [
    line(['LibTorch', 'build', 'passed', 'failed', 'skipped', 'seconds']),
    line(['---', '---', '---:', '---:', '---:', '---:']),
    ...rows.map(({ version, build, passed, failed, skipped, seconds }) =>
      line([version, build, passed, failed.length, skipped.length, seconds]),
    ),
  ]
}
