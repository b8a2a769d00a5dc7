/** The end of a process or worker while native work runs, and collections during that work: no crash, no hang. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { child } from '../support/child.js'
import { tempDir } from '../support/paths.js'
import { collectGarbage, collectNow } from './gc.js'

const entry = JSON.stringify(import.meta.resolve('libtorch-node'))

/** Lines that start slow work of each kind and leave its promise in `work`. */
const slow: Record<string, string> = {
  backwardAsync: `
    const x = torch.ones(400, 400).requiresGrad_()
    let y = x
    for (let i = 0; i < 60; i++) y = y.matmul(x).mul(1 / 400)
    const work = y.sum().backwardAsync()`,
  typedArrayAsync: `
    const x = torch.ones(3000, 3000).t()
    const work = Promise.all([x.typedArrayAsync(), x.typedArrayAsync()])`,
  load: `const work = torch.load(process.argv[2])`,
  save: `const work = torch.save({ a: torch.ones(2000, 2000) }, process.argv[2] + '.new')`,
}

function checkpoint(dir: string): string {
  const file = join(dir, 'big.pth')
  torch.saveSync(Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`w${i}`, torch.ones(1000, 1000)])), file)
  return file
}

for (const [name, lines] of Object.entries(slow)) {
  for (const [when, end] of Object.entries({
    'at once': 'process.exit(7)',
    'a little later': 'setTimeout(() => process.exit(7), 5)',
    'without waiting for the promise': 'process.exitCode = 7',
    'by an error': 'process.on("uncaughtException", () => process.exit(7)); throw new Error("mine")',
  })) {
    test(`${name}: the process ends ${when}`, (t) => {
      const dir = tempDir(t)
      const script = join(dir, 'script.mjs')
      writeFileSync(script, `import * as torch from ${entry}\n${lines}\nwork.catch(() => {})\n${end}\n`)
      const run = child(script, [checkpoint(dir)], {}, { timeout: 120_000 })
      assert.deepEqual([run.status, run.signal], [7, null], run.stderr)
    })
  }

  test(`${name}: the worker is terminated`, async (t) => {
    const file = checkpoint(tempDir(t))
    const code = `
      process.argv[2] = ${JSON.stringify(file)}
      const { parentPort } = require('node:worker_threads')
      import(${entry}).then(async (torch) => {
        ${lines}
        parentPort.postMessage('started')
        await work
      })`
    for (let i = 0; i < 4; i++) {
      const worker = new Worker(code, { eval: true })
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      assert.equal(await worker.terminate(), 1)
    }
  })
}

test('collections during backwardAsync, when nothing but the work holds the graph', async () => {
  torch.manualSeed(0)
  const x = torch.randn(200, 200).mul(0.05).requiresGrad_()
  const loss = () => {
    let y: torch.Tensor = x
    for (let i = 0; i < 30; i++) y = y.matmul(x).tanh()
    return y.sum()
  }
  loss().backward()
  const expected = x.grad!.clone()
  x.grad = null
  let pending = true
  const work = loss()
    .backwardAsync()
    .finally(() => (pending = false))
  while (pending) {
    collectNow()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await work
  assert.equal(x.grad!.equal(expected), true)
})

test('operators and collections on the main thread while other threads go backward', async () => {
  await collectGarbage()
  const before = torch.memoryStats().tensors
  const passes = async () => {
    const leaves = Array.from({ length: 6 }, (_, i) => torch.full([128, 128], 0.01 * (i + 0.5)).requiresGrad_())
    const work = Promise.all(
      leaves.map((x) => {
        let y: torch.Tensor = x
        for (let i = 0; i < 20; i++) y = y.matmul(x).sigmoid()
        return y.sum().backwardAsync()
      }),
    )
    for (let i = 0; i < 200; i++) {
      torch.ones(64, 64).add(i).sum()
      if (i % 50 === 0) collectNow()
    }
    await work
    for (const x of leaves) assert.deepEqual(x.grad!.shape, [128, 128])
  }
  await passes()
  await collectGarbage()
  assert.equal(torch.memoryStats().tensors, before)
})
