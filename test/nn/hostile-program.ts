/**
 * Makes and calls layers with one thing wrong, and prints `[number of the case, code, message]` as lines of JSON. A crash ends
 * this process, and the last line of its other output names the case. `node hostile-program.js [layer …]`; every fifth case, all with FUZZ=thorough
 */
import { writeSync } from 'node:fs'
import * as torch from 'libtorch-node'
import { construct, make } from '../parity/layers.js'
import { cases, hostileCases } from './hostile-cases.js'

torch.setNumThreads(1)
process.on('warning', () => {})
const names = process.argv.slice(2)

for (const [i, one] of cases.flatMap(hostileCases).entries()) {
  const [layer, args, kwargs, ...inputs] = one
  if (process.env.FUZZ !== 'thorough' && i % 5 !== 0) continue
  if (names.length > 0 && !names.includes(layer)) continue
  writeSync(2, `${JSON.stringify(one)}\n`)
  torch.manualSeed(7)
  try {
    const module = construct(layer, args, kwargs)
    module.forward(...inputs.map((input) => make(input, 'float32')))
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    writeSync(1, `${JSON.stringify([i, code ?? String(error), message])}\n`)
  }
}
console.log('end')
