/** Layers that must not be made, or not be called: the message is that of live Python, and the error has a code. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'
import { pythonFile, requirePython } from '../support/python.js'
import type { Argument, Input } from './layers.js'
import { construct, make } from './layers.js'

/** As a case of layers.ts; without inputs the layer cannot be made. */
export type Refusal = [layer: string, args: Argument[], kwargs: Record<string, Argument>, ...inputs: Input[]]

function refusal([layer, args, kwargs, ...inputs]: Refusal): Error {
  torch.manualSeed(7)
  try {
    const module = construct(layer, args, kwargs)
    if (inputs.length > 0) {
      module.forward(...inputs.map((input) => make(input, module.parameters()[0]?.dtype ?? 'float32')))
    }
  } catch (error) {
    return error as Error
  }
  throw new assert.AssertionError({ message: 'nothing was refused' })
}

/** A test with one subtest for each case. */
export function testRefusals(title: string, cases: Refusal[]): void {
  test(title, async (t) => {
    if (!requirePython(t)) return
    const file = join(tempDir(t), 'refusals.json')
    writeFileSync(file, JSON.stringify(cases))
    const oracle = join(root, 'test', 'parity', 'layers_oracle.py')
    const expected = JSON.parse(pythonFile(oracle, [file, 'refusals'])) as string[]
    assert.equal(expected.length, cases.length)
    for (const [i, one] of cases.entries()) {
      await t.test(JSON.stringify(one), () => {
        const { message, code } = refusal(one) as Error & { code: string }
        assert.equal(message, expected[i])
        assert.match(code, /^ERR_/)
      })
    }
  })
}
