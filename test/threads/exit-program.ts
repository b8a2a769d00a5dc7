/** Plays a scenario: `node exit-program.js '<scenario as JSON>' <folder>`. Also the program of its workers. */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate, setTimeout as wait } from 'node:timers/promises'
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { codeOf, type Scenario } from './scenario.js'
import { makeWorks, writeFiles } from './works.js'

const scenario = JSON.parse(process.argv[2]!) as Scenario
const folder = process.argv[3]!
const planned = 'planned'
let left = false

/** Ends this thread; where it stops here, work is under way below on the stack or in other threads. */
function end(): void {
  if (scenario.end === 'exit') process.exit(scenario.code)
  if (scenario.end === 'throw') throw new Error(planned)
  if (scenario.end === 'reject') void Promise.reject(new Error(planned))
  if (scenario.end === 'leave') {
    process.exitCode = scenario.code
    left = true
  }
}

/** Works until the thread ends. `ends`: this thread ends itself. */
async function work(ends: boolean): Promise<void> {
  const own = join(folder, String(threadId))
  mkdirSync(own)
  const { after } = scenario
  let calls = 0
  const call = () => {
    if (ends && 'calls' in after && ++calls === after.calls) end()
  }
  if (ends && 'ms' in after) setTimeout(end, after.ms)
  const all = makeWorks(call, folder, own)
  await Promise.all(
    scenario.works.map(async (name) => {
      while (!left) {
        await all[name]()
        await setImmediate()
      }
    }),
  )
}

function startWorkers() {
  return Array.from({ length: scenario.workers }, () => {
    const thread = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), stderr: true })
    // not `once` of node:events: its promises fail when the worker does
    thread.on('error', (error) => error.message === planned || console.error('a worker failed:', error))
    const event = (name: string) => new Promise<any>((resolve) => thread.once(name, resolve))
    return { thread, begun: event('message'), error: event('error'), exit: event('exit') }
  })
}

/** The main thread still computes, and nothing of the workers is left in its way. */
async function proveAlive() {
  const x = torch.full([3], 2, { dtype: 'float32' }).requiresGrad_()
  await x.pow(3).sum().backwardAsync()
  deepEqual(x.grad!.tolist(), [12, 12, 12])
  equal(((await torch.load(join(folder, 'many.pt'))) as Record<string, torch.Tensor>).w2!.mean().item(), 0.5)
}

async function main() {
  torch.setNumThreads(scenario.threads)
  writeFiles(folder)
  if (scenario.place === 'main') return work(true)
  const threads = startWorkers()
  if (scenario.place === 'worker') {
    for (const { exit, error } of threads) {
      const wrong = scenario.end === 'throw' || scenario.end === 'reject'
      if (wrong) equal((await error).message, planned)
      equal(await exit, codeOf(scenario))
    }
  } else {
    await Promise.all(threads.map(({ begun }) => begun))
    await wait('ms' in scenario.after ? scenario.after.ms : scenario.after.calls)
    if (scenario.end !== 'terminate') {
      for (const { thread } of threads) thread.unref()
      return end()
    }
    for (const { thread } of threads) equal(await thread.terminate(), codeOf(scenario))
  }
  await proveAlive()
  process.exit(scenario.code)
}

if (isMainThread) await main()
else {
  parentPort!.postMessage('begun')
  await work(scenario.place === 'worker')
}
