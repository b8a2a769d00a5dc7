/**
 * `npm run fuzz`: opens mutated files of every format for ten minutes (`-- --minutes 1`), in a process of its own that is
 * watched. A file that ends that process, takes 5 s of CPU time or 1 GB, or is refused with anything but a typed error, is
 * kept under the name that is printed, and so is the seed; fast-check looks for a smaller one first.
 */
import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
const program = join(import.meta.dirname, 'fuzz-program.js')
console.log(`seed ${values.seed}, ${values.minutes} minutes`)
const run = spawn(process.execPath, [program, folder, values.seed, values.minutes], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
  run.once('exit', (...end) => resolve(end)),
)
const last = join(folder, 'last')
if (status === 0) console.log('no fault was found')
else {
  const kept = `fuzz-${values.seed}.bin`
  if (existsSync(last)) copyFileSync(last, kept)
  console.error(`ended with ${signal ?? status}; the file is ${kept}, the seed ${values.seed}`)
  process.exitCode = 1
}
rmSync(folder, { recursive: true })
