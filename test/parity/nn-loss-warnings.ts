/** Runs cases of losses and writes what each warned of to stderr: native warnings are there anyway. Started by nn-loss.test.ts. */
import { readFileSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import * as torch from 'libtorch-node'
import { construct, type LossCase, make } from './losses.js'

torch.setWarnAlways(true)
const scripted: string[] = []
process.on('warning', ({ message }) => scripted.push(message))
for (const [layer, args, kwargs, inputs, dtype] of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as LossCase[]) {
  torch.manualSeed(3)
  const module = construct(layer, args, kwargs)
  module.forward(...inputs!.map((input) => make(input, dtype)))
  await setImmediate()
  for (const text of scripted.splice(0)) writeSync(2, `Warning: ${text} (function script)\n`)
  writeSync(2, '@@\n')
}
