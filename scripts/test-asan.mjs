#!/usr/bin/env node
/**
 * `npm run test:asan`: the tests with the addons built with AddressSanitizer and UndefinedBehaviorSanitizer, in a build folder
 * of their own. `npm run test:asan -- test/hostile` runs these alone. Any report fails, also of a child process whose output
 * a test takes: reports go to files. First it makes faults on purpose, each of which must be found.
 *
 * Node, LibTorch and the templates of torch::nn are as they are everywhere, without sanitizers: found is what our code does,
 * and what theirs does to memory by way of malloc, free, memcpy and their like.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildNative } from './build-native.mjs'
import { Failure, main, readJson, root } from './lib/run.mjs'
import { testFiles } from './lib/test-files.mjs'
import { setup } from './setup.mjs'

const build = join(root, '.build', 'asan')
const reports = join(root, '.build', 'asan-reports')

/** Rooms of the tests that run: those that come to native code, and do not compare all of it with live Python as parity does. */
const rooms = [
  ...['hostile', 'serialize', 'tensor', 'autograd', 'optim', 'lifetime', 'lr-scheduler', 'nn', 'errors', 'jit'],
  ...['checkpoint', 'data', 'state-dict', 'whole-model', 'crash', 'vision', 'report'],
]
/** Tests that run, but whose failure does not count, each with its reason, which is printed. */
const uncounted = {
  'a million nested numbers take less than a second': 'a bound on time',
}

/** Faults of `sanitizerFault` and what the report of each says. */
const faults = {
  address: 'heap-buffer-overflow',
  freed: 'heap-use-after-free',
  wild: 'SEGV on unknown address',
  undefined: 'runtime error: signed integer overflow',
  assertion: "Assertion '__n < this->size\\(\\)' failed",
}

await main(async () => {
  if (process.platform !== 'linux') throw new Failure('the sanitizers are set up for Linux with GCC alone')
  const chosen = process.argv.slice(2)
  await setup()
  // the layers are those of the set-up's build: torch::nn's templates take too long to compile with sanitizers
  await buildNative({ build, defines: ['-DLTN_SANITIZE=ON', `-DLTN_NN_OBJECTS=${join(root, 'build')}`] })
  const env = environment()
  for (const [fault, report] of Object.entries(faults)) proveFound(fault, report, env)
  console.log(`found: ${Object.keys(faults).length} faults made on purpose`)
  return test(chosen, env)
})

function environment() {
  // LibTorch and the addon are opened by a Node without sanitizers: their run-time libraries come first
  const libraries = ['libasan.so', 'libubsan.so'].map((name) => {
    const path = spawnSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim()
    if (!path || !existsSync(path))
      throw new Failure(`${name} is not there; it comes with GCC (Debian: libasan8, libubsan1)`)
    return path
  })
  return {
    ...process.env,
    LIBTORCH_NODE_BUILD: build,
    LD_PRELOAD: libraries.join(':'),
    // V8 leaves what it has to the system at the end. 2: Node, which at its start gives all signals back to the system, cannot
    // take them from the sanitizer. A block that cannot be had is an error that tests ask for, no fault.
    ASAN_OPTIONS: [
      `log_path=${join(reports, 'report')}`,
      ...['detect_leaks=0', 'handle_abort=2', 'handle_segv=2', 'handle_sigbus=2', 'handle_sigfpe=2'],
      ...['allocator_may_return_null=1', 'quarantine_size_mb=64'],
    ].join(':'),
    // It prints to the standard error output whatever is asked, so it aborts, and the other one's report says where. The
    // path is both's: theirs is one variable.
    UBSAN_OPTIONS: `log_path=${join(reports, 'report')}:print_stacktrace=1:halt_on_error=1:abort_on_error=1`,
    OMP_NUM_THREADS: '1',
  }
}

/** Makes a fault in a process of its own; throws unless the report says what it is. */
function proveFound(fault, report, env) {
  clear()
  const program = `const { native } = await import('./dist/binding.js'); native().sanitizerFault('${fault}')`
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  const text = `${run.stderr}${found().join('')}`
  if (found().length !== 1 || !new RegExp(report).test(text))
    throw new Failure(`the fault '${fault}', made on purpose, was not found:\n${text}`)
}

function clear() {
  rmSync(reports, { recursive: true, force: true })
  mkdirSync(reports, { recursive: true })
}

/** The texts of all reports; warnings alone, such as that a block cannot be had, are none. */
function found() {
  return readdirSync(reports)
    .map((name) => readFileSync(join(reports, name), 'utf8'))
    .filter((text) => /ERROR: |runtime error: /.test(text))
}

function test(chosen, env) {
  clear()
  const files = (chosen.length > 0 ? chosen : rooms.map((room) => join('test', room))).flatMap(testFiles)
  const results = join(root, '.build', 'asan-counts.json')
  rmSync(results, { force: true })
  const started = Date.now()
  const reporter = new URL('lib/test-counts.mjs', import.meta.url).href
  spawnSync(
    process.execPath,
    [
      ...['--test', '--test-concurrency=1', '--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${reporter}`, `--test-reporter-destination=${results}`],
      ...files,
    ],
    { cwd: root, env, stdio: 'inherit' },
  )
  const texts = found()
  for (const text of texts) console.log(text)
  const counts = readJson(results)
  if (!counts || counts.passed === 0) throw new Failure('the test runner ended before it could say what it ran')
  const failed = counts.failed.filter((name) => !(name in uncounted))
  for (const name of counts.failed)
    console.log(`failed: ${name}${name in uncounted ? ` (not counted: ${uncounted[name]})` : ''}`)
  for (const name of counts.skipped) console.log(`skipped: ${name}`)
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  console.log(`\n${files.length} test files in ${seconds} s, ${texts.length} reports of the sanitizers`)
  console.log(
    `${counts.passed} passed, ${failed.length} failed, ${counts.failed.length - failed.length} not counted, ${counts.skipped.length} skipped`,
  )
  return texts.length + failed.length > 0 ? 1 : 0
}
