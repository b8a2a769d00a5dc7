#!/usr/bin/env node
/**
 * `npm run test:package`: what a user does with the package, in an empty folder outside of the repository and with nothing of
 * this machine's environment: installs it, programs in every kind of module under every Node.js and Bun, machines that lack
 * something. Takes the tarball as argument; default: what `npm run package` wrote.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, makeMachine, wheels } from './lib/package-test/machine.mjs'
import { publishingChecks } from './lib/package-test/publishing.mjs'
import { fetched, kept, pnpm, runtimes } from './lib/package-test/runtimes.mjs'
import { situations } from './lib/package-test/situations.mjs'
import { Failure, main, readJson, root } from './lib/run.mjs'

/** Packages of a TypeScript project, beside ours. */
const tools = ['tsx@4.23.15', '@types/node@20.19.43']
const programs = {
  'ES module': 'train.mjs',
  CommonJS: 'train.cjs',
  TypeScript: 'train.mts',
  'memory of a loop': 'memory.mjs',
}
const done = { says: [/equal to Python's|the loop was freed/] }
/** The one that all checks use which are not about versions. */
const usual = runtimes.find(({ name }) => name.startsWith('Node 24'))

const rows = []

/** Runs a check and prints its row; a failure is a row, too. */
function check(name, run) {
  const started = Date.now()
  let problem
  try {
    run()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    problem = error.message
  }
  rows.push({ name, problem })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  console.log(`| ${name.padEnd(66)} | ${(problem ? 'FAILED' : 'ok').padEnd(6)} | ${`${seconds} s`.padStart(7)} |`)
  if (problem) console.log(`${problem}\n`)
}

/** A folder with the programs of test/package and what they open, and nothing else. */
function project(work, name) {
  const folder = join(work, name)
  for (const file of ['step.pt', ...Object.values(programs)])
    cpSync(join(root, 'test', 'package', file), join(folder, file))
  return folder
}

function install(machine, app, tarball) {
  expect(machine.run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], { cwd: app }))
  const scripted = Object.entries(readJson(join(app, 'package-lock.json')).packages).filter(
    ([, entry]) => entry.hasInstallScript,
  )
  if (scripted.length > 0)
    throw new Failure(`packages with install scripts: ${scripted.map(([name]) => name).join(', ')}`)
}

function firstUse(machine, app) {
  const ways = ['npx libtorch-node install --cpu', 'pip install torch==2.13', 'LIBTORCH=/path/to/libtorch']
  expect(machine.run(['node', 'train.mjs'], { cwd: app }), { code: 1, says: ['ERR_LIBTORCH_NOT_FOUND', ...ways] })
  expect(machine.run(['npx', 'libtorch-node', 'doctor'], { cwd: app }), {
    code: 1,
    says: [/LibTorch +none that fits/, /addon +\S.*prebuilt/s, ...ways],
  })
}

function installLibTorch(machine, app) {
  expect(machine.run(['npx', 'libtorch-node', 'install', '--cpu'], { cwd: app }), { says: ['is installed'] })
  const compilers = ['c++', 'g++', 'gcc', 'cc', 'clang++', 'cmake', 'make', 'ninja']
  const found = compilers.filter((name) => existsSync(join(machine.bin, name)))
  if (found.length > 0) throw new Failure(`the machine has ${found.join(', ')}, and should have no compiler`)
  expect(machine.run(['npx', 'libtorch-node', 'doctor'], { cwd: app }), {
    says: [/user cache: \S.*used, 2\.13/, 'All is well.'],
  })
}

/** Runs a program under a runtime; Bun compiles TypeScript itself. */
function runProgram(machine, app, home, runtime, file) {
  const bun = runtime.name.startsWith('Bun')
  const loader = file.endsWith('.mts') && !bun ? [join(app, 'node_modules', 'tsx', 'dist', 'cli.mjs')] : []
  expect(machine.run([bun ? 'bun' : 'node', ...loader, file], { cwd: app, env: { HOME: home } }), done)
}

function byPnpm(machine, app, tarball) {
  const run = (...args) => machine.run(['pnpm', ...args], { cwd: app })
  expect(run('add', '--ignore-scripts', '--store-dir', join(kept, 'pnpm-store'), tarball))
  if (existsSync(join(app, 'node_modules', 'commander'))) throw new Failure('node_modules is not strict')
  expect(run('node', 'train.mjs'), done)
  expect(run('exec', 'libtorch-node', 'doctor'), { says: ['All is well.'] })
}

function byBun(machine, app, home, tarball) {
  const run = (...args) => machine.run(['bun', ...args], { cwd: app, env: { HOME: home } })
  expect(run('add', '--ignore-scripts', tarball))
  expect(run('train.mjs'), done)
  expect(run('--bun', 'libtorch-node', 'doctor'), { says: ['All is well.'] })
}

function tarballOf(argument) {
  const { name, version } = readJson(join(root, 'package.json'))
  const tarball = resolve(argument ?? join(root, '.build', `${name}-${version}.tgz`))
  if (!existsSync(tarball)) throw new Failure(`${tarball} is not there: npm run package makes it`)
  return tarball
}

function keptWheel() {
  const name = existsSync(wheels) && readdirSync(wheels).find((file) => /^torch-.*\.whl$/.test(file))
  if (!name || !existsSync(join(root, '.venv')))
    throw new Failure('this needs .venv and the wheel in .libtorch/wheels: npm test makes them, with Python 3.11')
  return join(wheels, name)
}

await main(async () => {
  const tarball = tarballOf(process.argv[2])
  const wheel = keptWheel()
  const runtimePrograms = new Map(runtimes.map((runtime) => [runtime, fetched(runtime)]))
  const runtime = runtimePrograms.get(usual)
  const pnpmProgram = fetched(pnpm)
  const work = mkdtempSync(join(tmpdir(), 'libtorch-node-'))
  // another user's programs run there, too
  chmodSync(work, 0o755)
  try {
    const machine = makeMachine(join(work, 'machine'), { runtime, pip: true, links: { pnpm: pnpmProgram } })
    const app = project(work, 'my app')
    check('npm install, without any script', () => install(machine, app, tarball))
    check('first use without LibTorch: the three ways out; doctor', () => firstUse(machine, app))
    check('npx libtorch-node install --cpu; doctor; no compiler on PATH', () => installLibTorch(machine, app))
    expect(machine.run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...tools], { cwd: app }))
    for (const [name, run] of publishingChecks({ tarball, machine, app })) check(name, run)
    const { home } = machine
    for (const [version, path] of runtimePrograms) {
      const other = makeMachine(join(work, version.name), { runtime: path })
      for (const [kind, file] of Object.entries(programs))
        check(`${version.name}: ${kind}`, () => runProgram(other, app, home, version, file))
    }
    check('pnpm: ES module, doctor', () => byPnpm(machine, project(work, 'by pnpm'), tarball))
    const bun = makeMachine(join(work, 'bun'), {
      runtime: runtimePrograms.get(runtimes.find(({ name }) => name.startsWith('Bun'))),
    })
    check('bun add: ES module, doctor', () => byBun(bun, project(work, 'by bun'), home, tarball))
    const libtorch = join(home, '.cache', 'libtorch-node', '2.13.0')
    for (const [name, run] of situations({ work, app, runtime, libtorch, wheel })) check(name, run)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  const failed = rows.filter(({ problem }) => problem)
  console.log(
    `\n${rows.length - failed.length} of ${rows.length} checks passed in ${Math.round(performance.now() / 1000)} s`,
  )
  for (const { name } of failed) console.log(`failed: ${name}`)
  return failed.length > 0 ? 1 : 0
})
