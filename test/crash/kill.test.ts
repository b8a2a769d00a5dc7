/** kill -9 in the middle of a save, 100 times: the file is the old or the new one. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as torch from 'libtorch-node'
import { buildDir } from '../support/paths.js'
import { type Format, generation, generationOf } from './generation.js'

const folder = mkdtempSync(join(tmpdir(), 'kill-'))
after(() => rmSync(folder, { recursive: true }))
const program = join(buildDir, 'test', 'crash', 'program.js')

/** Starts the program, kills it so many milliseconds after its first save, and waits for its end. */
async function killed(path: string, format: Format, how: string, delay: number): Promise<number> {
  const run = spawn(process.execPath, [program, path, format, how], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  const first = new Promise<void>((resolve) =>
    run.stdout.on('data', (text) => {
      printed += text
      resolve()
    }),
  )
  const ended = new Promise((resolve) => run.once('exit', (_, signal) => resolve(signal)))
  await Promise.race([first, ended])
  await new Promise((resolve) => setTimeout(resolve, delay))
  run.kill('SIGKILL')
  assert.equal(await ended, 'SIGKILL', 'it ended by itself')
  return Number(printed.trim().split('\n').at(-1))
}

let interrupted = 0
const cases: [Format, string, number][] = [
  ['pytorch', 'sync', 20],
  ['pytorch', 'async', 20],
  ['safetensors', 'sync', 15],
  ['safetensors', 'async', 15],
  ['legacy', 'sync', 10],
  ['legacy', 'async', 10],
  ['libtorch', 'async', 10],
]
for (const [format, how, times] of cases) {
  test(`${format}, ${how}: ${times} kills`, async () => {
    const path = join(folder, `victim-${format}-${how}.${format === 'safetensors' ? format : 'pt'}`)
    torch.saveSync(generation(0), path, { format })
    for (let i = 0; i < times; i++) {
      const told = await killed(path, format, how, Math.random() * 60)
      const found = generationOf(path)
      // what was said to be saved is there; the next may be, if it was killed before it could say so
      assert.ok(found === told || found === told + 1, `said ${told}, found ${found}`)
      for (const name of readdirSync(folder).filter((name) => name.endsWith('.tmp'))) {
        interrupted++
        rmSync(join(folder, name))
      }
    }
  })
}

test('many of the kills met a save', () => {
  assert.ok(interrupted >= 20, `${interrupted} of 100 left an unfinished file`)
})

test('four processes that save one path at once do not mix', async () => {
  const path = join(folder, 'shared.pt')
  torch.saveSync(generation(0), path)
  const runs = Array.from({ length: 4 }, () => killed(path, 'pytorch', 'sync', 1500))
  const stop = Date.now() + 1000
  let looks = 0
  for (; Date.now() < stop; looks++) {
    generationOf(path)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.ok(looks > 3)
  await Promise.all(runs)
  generationOf(path)
})
