/**
 * The last part of scripts/cuda-check.sh, on the machine with the GPU: runs the compiled test/cuda and, with `--bench`, bench/cuda,
 * and writes what came out as cuda-check.json and cuda-check.md.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { main, readJson, root, runLines } from './run.mjs'

const { values: options } = parseArgs({
  options: {
    facts: { type: 'string' },
    out: { type: 'string' },
    'build-seconds': { type: 'string' },
    limit: { type: 'string', default: '150' },
    bench: { type: 'boolean', default: false },
  },
})
const seconds = (since) => Math.round((Date.now() - since) / 1000)

/** Runs one compiled test file; what hangs ends after `--limit` seconds. */
async function test(file) {
  const name = basename(file)
  const counts = join(options.out, `${name}.json`)
  const command = [
    // its signal reaches the processes of the test, too
    ...['timeout', '--kill-after=5', options.limit, process.execPath, '--test'],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    `--test-reporter=${pathToFileURL(join(root, 'scripts', 'lib', 'test-counts.mjs'))}`,
    `--test-reporter-destination=${counts}`,
  ]
  let text = ''
  const begun = Date.now()
  rmSync(counts, { force: true })
  const code = await runLines(command[0], [...command.slice(1), file], (line) => (text += `${line}\n`))
  const result = readJson(counts) ?? {
    passed: 0,
    failed: [`${name}, which did not end by itself (${code})`],
    skipped: [],
  }
  rmSync(counts, { force: true })
  const { passed, failed, skipped } = result
  const line = `${name}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped in ${seconds(begun)} s`
  console.log(line)
  return { ...result, text: `${line}\n${text}` }
}

/** Runs test files, some at once. */
async function testAll(files, atOnce) {
  const results = []
  const left = [...files]
  const work = async () => {
    for (let file = left.shift(); file; file = left.shift()) results.push(await test(file))
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return results
}

/** What the reporter says of failures, at the end of its text. */
function failuresOf(text) {
  const at = text.indexOf('failing tests:')
  return (at < 0 ? text : text.slice(at)).slice(0, 3000)
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

await main(async () => {
  const facts = readJson(options.facts)
  const folder = join(root, '.build', 'test', 'cuda')
  // by the sources, as what was compiled of one that was removed may be left
  const sources = readdirSync(join(root, 'test', 'cuda')).filter((name) => name.endsWith('.check.ts'))
  const files = sources.map((name) => name.replace(/ts$/, 'js'))
  const begun = Date.now()
  // the memory of the device is full for a while in one of them: it has it for itself
  const alone = (name) => name === 'memory.check.js'
  const paths = (which) => files.filter(which).map((name) => join(folder, name))
  const parts = await testAll(
    paths((name) => !alone(name)),
    4,
  )
  parts.push(...(await testAll(paths(alone), 1)))
  const testSeconds = seconds(begun)
  const log = parts.map(({ text }) => text).join('\n')
  writeFileSync(join(options.out, 'tests.log'), log)
  for (const { failed, text } of parts) if (failed.length > 0) console.log(`\n${failuresOf(text)}`)
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
