/**
 * What works off the main thread leaves the event loop free: a timer of 10 ms goes on firing within 50 ms.
 *
 * A gap between two calls of the timer is counted without the time in which the main thread was ready to run and the system had no core
 * for it (Linux says how long that was): other programs of the machine are not what is tested. What is left is Node's own and ours. The
 * same process is watched first while it does nothing, and what that gives over 10 ms, such as the host of a virtual machine takes, is
 * allowed on top of the 50 ms. Work that blocks the loop does so every time, and all else only adds: the best of three tries counts.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import * as torch from 'libtorch-node'
import { root, tempDir } from '../support/paths.js'

const period = 10
const mostGap = 50
const leastTime = 1000
const tries = 3

const { nn, optim } = torch
// the second core is the main thread's
torch.setNumThreads(1)

/** Milliseconds that the main thread has waited for a core; 0 where the system does not count them. */
function waited(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

/** Runs a work again and again for a second at least, and measures the gaps of the timer. */
async function watch(work: () => Promise<unknown>) {
  const gaps: { whole: number; own: number }[] = []
  let last = { time: performance.now(), waited: waited() }
  const tick = () => {
    const now = { time: performance.now(), waited: waited() }
    const whole = now.time - last.time
    gaps.push({ whole, own: whole - (now.waited - last.waited) })
    last = now
  }
  const timer = setInterval(tick, period)
  const begun = performance.now()
  do await work()
  while (performance.now() - begun < leastTime)
  clearInterval(timer)
  tick()
  const longest = (of: 'whole' | 'own') => Math.max(...gaps.map((gap) => gap[of]))
  return { own: longest('own'), whole: longest('whole'), calls: gaps.length, time: performance.now() - begun }
}

const idle = await watch(() => wait(leastTime))
const allowed = mostGap + Math.max(0, idle.own - period)

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, torch.full([1024, 1024], i + 0.5)]))

/** Each makes its data and gives the work to watch. */
const works: Record<string, (t: TestContext) => () => Promise<unknown>> = {
  'torch.load of 128 MB'(t) {
    const file = join(tempDir(t), 'large.pt')
    torch.saveSync(many(32), file)
    return () => torch.load(file)
  },
  'torch.save of 128 MB'(t) {
    const file = join(tempDir(t), 'large.pt')
    const values = many(32)
    return () => torch.save(values, file)
  },
  'safetensors of 128 MB, written and read'(t) {
    const file = join(tempDir(t), 'large.safetensors')
    const values = many(32)
    return async () => {
      await torch.save(values, file)
      await torch.load(file)
    }
  },
  backwardAsync() {
    const x = torch.full([512, 512], 1 / 512).requiresGrad_()
    let y: torch.Tensor = x
    for (let i = 0; i < 40; i++) y = y.matmul(x).tanh()
    const loss = y.sum()
    return () => loss.backwardAsync({ retainGraph: true })
  },
  'stepAsync of Adam, 32 MB of parameters'() {
    const parameters = Object.values(many(8)).map((each) => new nn.Parameter(each))
    for (const each of parameters) each.grad = torch.ones(1024, 1024)
    const optimizer = new optim.Adam(parameters)
    return () => optimizer.stepAsync()
  },
  'forwardAsync of a script module'() {
    const digits = torch.jit.load(join(root, 'test/fixtures/jit/digits.pt')).eval()
    const images = torch.rand(20_000, 1, 8, 8)
    return () => digits.forwardAsync(images)
  },
  // it copies before it returns, on this thread; the rest is the writing
  'CheckpointManager.save, 8 MB of parameters and their state'(t) {
    const model = new nn.ModuleList(Array.from({ length: 8 }, () => new nn.Linear(512, 512)))
    const optimizer = new optim.Adam(model.parameters())
    for (const each of model.parameters()) each.grad = torch.zerosLike(each)
    optimizer.step()
    // before the folder goes
    t.after(() => checkpoints.close())
    const checkpoints = new torch.CheckpointManager(tempDir(t), { keep: { last: 1 } })
    let epoch = 0
    return () => checkpoints.save({ epoch: epoch++, model, optimizer })
  },
  typedArrayAsync() {
    const x = torch.ones(4000, 4000).t()
    return () => x.typedArrayAsync()
  },
}

for (const [name, prepare] of Object.entries(works)) {
  test(`${name}: a timer of ${period} ms fires within ${mostGap} ms`, async (t) => {
    const work = prepare(t)
    let best = await watch(work)
    for (let i = 1; i < tries && best.own > allowed; i++) {
      const next = await watch(work)
      if (next.own < best.own) best = next
    }
    const gaps = `longest gap ${best.own.toFixed(1)} ms (${best.whole.toFixed(1)} with waiting for a core)`
    t.diagnostic(`${gaps} in ${best.calls} calls; idle ${idle.own.toFixed(1)} (${idle.whole.toFixed(1)}) ms`)
    assert.ok(best.own <= allowed, `${gaps}, allowed ${allowed.toFixed(1)}`)
    // the timer was there, and not merely never late
    assert.ok(best.calls >= 10)
  })
}
