/**
 * `npm run test:leaks`: after each test file native tensors and bytes are back at what they were before, see leaks-program.ts. With names
 * (`-- nn/chain`) these files alone.
 */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'
import { buildDir, root } from '../support/paths.js'
import type { Leaks } from './leaks-program.js'

/** Tests that are left out: they work in processes of their own. Those of parity do what the tests of the rooms do, beside Python. */
const elsewhere = [
  ...['parity/', 'crash/', 'examples/', 'threads/', 'docs/', 'cli/', 'libtorch/', 'package/', 'architecture'],
  ...['checkpoint/crash', 'checkpoint/signals', 'hostile/fuzz', 'lifetime/exit', 'lifetime/memory'],
  ...['nn/types', 'state-dict/type-speed'],
  // changes the folder of the process, which a worker cannot
  'report/summary-writer',
  // gives a library of operators a name, which a process can do once
  'tensor/library',
]

const chosen = process.argv.slice(2)
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace(/\.test\.ts$/, ''))
  .filter((name) => !elsewhere.some((part) => name.startsWith(part)))
  .filter((name) => chosen.length === 0 || chosen.some((part) => name.includes(part)))
  .sort()
if (files.length === 0) throw new Error('no test file has such a name')

const program = join(import.meta.dirname, 'leaks-program.js')

function leaksOf(name: string): Promise<Leaks> {
  const options = { maxBuffer: 2 ** 28, env: { ...process.env, NODE_TEST_CONTEXT: undefined } }
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [program, join(buildDir, 'test', `${name}.test.js`)],
      options,
      (error, stdout, stderr) => {
        const none = { code: 1, tensors: Number.NaN, bytes: Number.NaN, unowned: Number.NaN }
        resolve(error ? { ...none, output: `${error.signal ?? error.code}: ${stdout}${stderr}` } : JSON.parse(stdout))
      },
    ),
  )
}

const width = Math.max(...files.map((name) => name.length))
const bad: string[] = []
let next = 0
async function runFiles() {
  while (next < files.length) {
    const name = files[next++]!
    const { code, output, tensors, bytes, unowned } = await leaksOf(name)
    const fine = code === 0 && tensors === 0 && bytes === 0 && unowned <= 0
    if (!fine) bad.push(name)
    if (code !== 0) console.error(output)
    const cells = [tensors, bytes, unowned].map((cell) => String(cell).padStart(10))
    console.log(`${name.padEnd(width)} ${cells.join(' ')}  ${fine ? '' : code === 0 ? 'leaks' : 'failed'}`)
  }
}
console.log(
  `${'left after the file'.padEnd(width)} ${['tensors', 'bytes', 'unowned'].map((cell) => cell.padStart(10)).join(' ')}`,
)
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, runFiles))
console.log(
  `${files.length} test files, ${bad.length} with leaks or failures${bad.map((name) => `\n${name}`).join('')}`,
)
process.exitCode = bad.length > 0 ? 1 : 0
