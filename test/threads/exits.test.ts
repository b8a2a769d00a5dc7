/**
 * The end of processes and workers in the middle of work of all kinds: never a crash, never a hang, always the right exit code.
 * 16 scenarios, or as many as `LIBTORCH_NODE_EXITS` says, of a seed that is printed and can be given in `LIBTORCH_NODE_SEED`.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildDir, tempDir } from '../support/paths.js'
import { codeOfProcess, type Scenario, scenarios } from './scenario.js'

const seed = Number(process.env.LIBTORCH_NODE_SEED ?? Date.now() % 2 ** 31)
const count = Number(process.env.LIBTORCH_NODE_EXITS ?? 16)
const program = join(buildDir, 'test/threads/exit-program.js')

/** How the process of a scenario ended; one that hangs ends by SIGKILL. */
function play(scenario: Scenario, folder: string): Promise<{ end: unknown[]; stderr: string }> {
  const options = {
    timeout: 600_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  } as const
  return new Promise((resolve) => {
    const run = execFile(
      process.execPath,
      [program, JSON.stringify(scenario), folder],
      options,
      (_error, _stdout, stderr) => resolve({ end: [run.exitCode, run.signalCode], stderr }),
    )
  })
}

test(`${count} ends in the middle of work, of seed ${seed}`, { concurrency: 2 }, async (t) => {
  const tests = scenarios(seed, count).map((scenario, i) => {
    const { place, end, works, after } = scenario
    return t.test(`${i}: ${place}, ${end} after ${JSON.stringify(after)}: ${works.join(', ')}`, async (t) => {
      const { end, stderr } = await play(scenario, tempDir(t))
      assert.deepEqual(end, [codeOfProcess(scenario), null], `${JSON.stringify(scenario)}\n${stderr}`)
    })
  })
  await Promise.all(tests)
})
