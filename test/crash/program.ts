/** Saves one generation after another: `node program.js <path> <format> <sync|async>`, until it is killed. */
import { writeSync } from 'node:fs'
import * as torch from 'libtorch-node'
import { type Format, generation } from './generation.js'

const [path, format, how] = process.argv.slice(2) as [string, Format, string]

for (let number = 1; ; number++) {
  const value = generation(number)
  if (how === 'sync') torch.saveSync(value, path, { format })
  else await torch.save(value, path, { format })
  // the pipe's other end knows from its first line that it may kill
  writeSync(1, `${number}\n`)
}
