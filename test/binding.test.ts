// Promise: the addon is loaded when it is first needed, in any thread, and outlives the thread that loaded it.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { child } from './support/child.js'
import { root, tempDir } from './support/paths.js'

function program(t: { after(fn: () => void): void }, code: string): string {
  const file = join(tempDir(t), 'program.mjs')
  writeFileSync(file, code.replaceAll('PACKAGE', JSON.stringify(join(root, 'dist', 'index.js'))))
  return file
}

test('importing the package loads nothing', (t) => {
  const { stdout } = child(
    program(
      t,
      `await import(PACKAGE)
       const { sharedObjects } = process.report.getReport()
       console.log(sharedObjects.filter((path) => /torch_cpu|core\\.node/.test(path)).length)`,
    ),
  )
  assert.equal(stdout.trim(), '0')
})

test('a worker can be the first to load it, end, and leave it to the main thread', (t) => {
  const { stdout, stderr, status } = child(
    program(
      t,
      `import { once } from 'node:events'
       import { isMainThread, Worker } from 'node:worker_threads'
       import * as torch from PACKAGE
       if (isMainThread) for (let i = 0; i < 3; i++) await once(new Worker(new URL(import.meta.url)), 'exit')
       console.log(torch.ones([2, 2]).sum().item())`,
    ),
  )
  assert.equal(status, 0, stderr)
  assert.deepEqual(stdout.trim().split('\n'), ['4', '4', '4', '4'])
})
