/**
 * The last part of scripts/cuda-check.sh, on the machine with the GPU: runs the compiled test/cuda and, with `--bench`, bench/cuda,
 * and writes what came out as cuda-check.json and cuda-check.md.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { main, readJson, root } from './run.mjs'

const { values: options } = parseArgs({
  options: {
    facts: { type: 'string' },
    out: { type: 'string' },
    'build-seconds': { type: 'string' },
    bench: { type: 'boolean', default: false },
  },
})
const seconds = (since) => Math.round((Date.now() - since) / 1000)

/** Runs compiled test files, several at once; the text of it goes to `log`. */
function test(files, concurrency, limit) {
  const counts = join(options.out, 'counts.json')
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[
      `--test-reporter=${pathToFileURL(join(root, 'scripts', 'lib', 'test-counts.mjs'))}`,
      `--test-reporter-destination=${counts}`,
    ],
  ]
  writeFileSync(counts, '')
  // a file that hangs ends by SIGTERM of `timeout`, which reaches the processes of the tests, too
  const command = ['timeout', String(limit), process.execPath, '--test', `--test-concurrency=${concurrency}`]
  const { stdout, stderr, status } = spawnSync(command[0], [...command.slice(1), ...reporters, ...files], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const result = readJson(counts) ?? {
    passed: 0,
    failed: [`${files.length} files, which did not end (${status})`],
    skipped: [],
  }
  return { ...result, text: `${stdout}${stderr}` }
}

/** GPU times of Node and Python, as bench/cuda.ts prints them. */
function bench() {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, '.build', 'bench', 'cuda.js')], {
    encoding: 'utf8',
    timeout: 110_000,
  })
  const table = status === 0 ? stdout.trim() : `the benchmark ended with ${status}:\n${stdout}${stderr}`
  return { failed: status !== 0, table }
}

await main(() => {
  const facts = readJson(options.facts)
  const folder = join(root, '.build', 'test', 'cuda')
  const files = readdirSync(folder).filter((name) => name.endsWith('.check.js'))
  const begun = Date.now()
  // the memory of the device is full for a while in one of them: it has it for itself
  const alone = (name) => name === 'memory.check.js'
  const paths = (which) => files.filter(which).map((name) => join(folder, name))
  const parts = [
    test(
      paths((name) => !alone(name)),
      4,
      180,
    ),
    test(paths(alone), 1, 100),
  ]
  const testSeconds = seconds(begun)
  const log = parts.map(({ text }) => text).join('\n')
  writeFileSync(join(options.out, 'tests.log'), log)
  console.log(log.slice(-20_000))
  const sum = (key) => parts.flatMap((part) => part[key])
  const [passed, failed, skipped] = [parts.reduce((n, part) => n + part.passed, 0), sum('failed'), sum('skipped')]
  const measured = options.bench ? bench() : undefined
  const result = {
    ...facts,
    node: process.version,
    buildSeconds: Number(options['build-seconds']),
    testSeconds,
    ...{ passed, failed, skipped },
    ...(measured && { bench: measured.table }),
  }
  delete result.folder
  writeFileSync(join(options.out, 'cuda-check.json'), `${JSON.stringify(result, undefined, 2)}\n`)
  const summary =
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped on ${facts.gpus.join(', ')}, ` +
    `torch ${facts.torch}, Node ${process.version}; built in ${options['build-seconds']} s, run in ${testSeconds} s`
  const list = (title, names) =>
    names.length > 0 ? `\n${title}:\n\n${names.map((name) => `- ${name}`).join('\n')}\n` : ''
  const text = `# CUDA check\n\n${summary}.\n${list('Failed', failed)}${list('Skipped', skipped)}`
  writeFileSync(join(options.out, 'cuda-check.md'), measured ? `${text}\n${measured.table}\n` : text)
  if (measured) console.log(`\n${measured.table}\n`)
  for (const name of failed) console.log(`failed: ${name}`)
  console.log(`cuda-check: ${summary}`)
  return failed.length > 0 || measured?.failed ? 1 : 0
})
