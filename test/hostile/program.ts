/**
 * Opens every file of a folder that hostile files were written to: `node program.js <folder>`. Each must give data or a typed
 * error, soon and in little memory. Before each file its name is written, so that the last line names the one that ended the
 * process.
 */
import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import * as torch from 'libtorch-node'

const [folder = '.'] = process.argv.slice(2)
const marker = join(folder, 'marker')
const allowed = /^ERR_(CHECKPOINT_FORMAT|CHECKPOINT_UNSAFE|DEVICE|ARGUMENT|OUT_OF_MEMORY)$/

/** Looks at everything that came out, as a program that prints and saves it would. */
function use(value: unknown): void {
  inspect(value, { depth: 8, maxArrayLength: 10, maxStringLength: 100 })
  torch.saveSync(value, join(folder, 'again.pt'))
}

interface Outcome {
  name: string
  outcome: string
  seconds: number
}

const outcomes: Outcome[] = []
const faults: string[] = []

async function attempt(name: string, body: () => unknown): Promise<void> {
  // CPU time: what else the machine does is not the file's fault
  const started = process.cpuUsage()
  let outcome = 'read'
  try {
    await body()
  } catch (error) {
    const { code, file, message } = error as torch.CheckpointError
    outcome = code ?? 'no code'
    if (!allowed.test(outcome)) faults.push(`${name}: ${String((error as Error).stack ?? error)}`)
    else if (/^ERR_CHECKPOINT/.test(outcome) && file === undefined && !name.endsWith('bytes')) {
      faults.push(`${name}: the error does not name the file: ${message}`)
    }
    if (message.length > 2000) faults.push(`${name}: a message of ${message.length} characters`)
  }
  const { user, system } = process.cpuUsage(started)
  const seconds = (user + system) / 1e6
  if (seconds > 5) faults.push(`${name}: took ${seconds.toFixed(1)} s`)
  if (existsSync(marker)) faults.push(`${name}: the payload was run`)
  outcomes.push({ name, outcome, seconds })
}

for (const name of readdirSync(join(folder, 'files'))) {
  writeSync(2, `${name}\n`)
  const path = join(folder, 'files', name)
  await attempt(name, () => torch.loadSync(path))
  await attempt(`${name}, mapped`, () => torch.loadSync(path, { mmap: true, mapLocation: 'cpu' }))
  await attempt(`${name}, asynchronously, used`, async () => use(await torch.load(path, { mapLocation: 'cpu' })))
  await attempt(`${name}, bytes`, () => torch.loadSync(new Uint8Array(readFileSync(path)), { mapLocation: 'cpu' }))
}

if (({} as { polluted?: unknown }).polluted !== undefined || Object.keys(Object.prototype).length > 0) {
  faults.push('the prototype of all objects was changed')
}
console.log(JSON.stringify({ outcomes, faults }))
