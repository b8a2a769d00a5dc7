/**
 * Programs of the memory tests, each run in a process of its own: `node programs.js <name>`. A program prints one JSON value.
 * A leak must not eat the machine: whoever passes {@link ceiling} ends with exit code 3.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as torch from 'libtorch-node'
import { example } from '../../bench/example.js'

/** Resident bytes at which a program gives up. */
const ceiling = 4 * 2 ** 30
/** One megabyte of float32. */
const megabyte = [512, 512]
const MB = 2 ** 20

torch.setNumThreads(1)
torch.manualSeed(0)

function rss(): number {
  const now = process.memoryUsage.rss()
  if (now > ceiling) {
    console.error(`gave up at ${(now / MB).toFixed(0)} MB`)
    process.exit(3)
  }
  return now
}

const nextTick = () => new Promise((resolve) => setImmediate(resolve))

/** Calls `step` and returns by how many bytes the largest resident size after the warm-up exceeds that of the warm-up. */
async function growth(steps: number, warmUp: number, step: () => void | Promise<void>, wait: boolean) {
  const largest = { before: 0, after: 0 }
  for (let i = 0; i < steps; i++) {
    const done = step()
    if (wait) {
      await done
      await nextTick()
    }
    const now = rss()
    if (i < warmUp) largest.before = Math.max(largest.before, now)
    else largest.after = Math.max(largest.after, now)
  }
  return { growth: largest.after - largest.before, tensors: torch.memoryStats().tensors }
}

/** 20,000 operators on 1-MB tensors; `around` is what is done about each result. */
function loop(around: (op: () => torch.Tensor) => void) {
  const a = torch.ones(megabyte)
  const b = torch.ones(megabyte)
  for (let i = 0; i < 20_000; i++) {
    around(() => a.add(b))
    if (i % 64 === 0) rss()
  }
  return {}
}

const steps = 2000
const warmUp = 300

const programs: Record<string, () => unknown> = {
  loop: () => loop((op) => op()),
  /** What LibTorch takes by itself. */
  'one operator'() {
    torch.ones(megabyte).add(1)
    return {}
  },

  'loop in scopes': () => loop((op) => torch.scope(op).dispose()),
  'loop with dispose': () => loop((op) => op().dispose()),

  /** Graphs of about 20 MB that nobody goes backward through. */
  'dropped graphs'() {
    const w = torch.ones(megabyte).requiresGrad_()
    for (let i = 0; i < 1500; i++) {
      let y: torch.Tensor = w
      for (let k = 0; k < 10; k++) y = y.mul(w).sigmoid()
      rss()
    }
    return {}
  },

  steps: () => growth(steps, warmUp, example().step, false),
  'steps in scopes'() {
    const { step } = example()
    return growth(steps, warmUp, () => torch.scope(step), false)
  },
  'async steps'() {
    const { loss, optimizer } = example()
    const step = async () => {
      const value = loss()
      optimizer.zeroGrad()
      await value.backwardAsync()
      optimizer.step()
    }
    return growth(steps, warmUp, step, true)
  },

  /** A checkpoint of 256 MB, opened ten times; nobody keeps what it gave. */
  'loading again'() {
    const folder = mkdtempSync(join(tmpdir(), 'loading-'))
    try {
      const path = join(folder, 'big.pt')
      const big = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`w${i}`, torch.zeros(2 ** 20)]))
      torch.saveSync(big, path)
      for (const tensor of Object.values(big)) tensor.dispose()
      for (let i = 0; i < 10; i++) torch.loadSync(path)
    } finally {
      rmSync(folder, { recursive: true })
    }
    return {}
  },

  /** Tensors that nobody can reach any more, but that were there long enough not to be among the young objects. */
  'old garbage'() {
    let old: torch.Tensor[] | undefined = Array.from({ length: 16 }, () => torch.ones(megabyte))
    for (let i = 0; i < 200; i++) torch.ones(megabyte)
    const before = torch.memoryStats().bytes
    old = old.length === 0 ? old : undefined
    try {
      torch.empty(2 ** 50)
    } catch (error) {
      if (!(error instanceof torch.OutOfMemoryError)) throw error
    }
    return { growth: torch.memoryStats().bytes - before }
  },

  /** A worker started and stopped again and again, 100 steps in each. */
  async workers() {
    const sizes: number[] = []
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { argv: ['some steps'], stdout: true })
        worker.on('error', reject)
        // half of them end by themselves, half are stopped in the middle of their work
        if (i % 2) worker.once('message', () => void worker.terminate())
        worker.on('exit', (code) => (code === 0 || i % 2 ? resolve() : reject(new Error(`worker ended with ${code}`))))
      })
      sizes.push(rss())
    }
    const before = Math.max(...sizes.slice(0, 5))
    return { growth: Math.max(...sizes.slice(5)) - before, tensors: torch.memoryStats().tensors }
  },
  async 'some steps'() {
    const { parentPort } = await import('node:worker_threads')
    const { step } = example()
    for (let i = 0; i < 100; i++) {
      step()
      if (i === 50) parentPort?.postMessage('halfway')
      rss()
    }
    return {}
  },
}

const run = programs[process.argv[2]!]
if (!run) throw new Error(`no program '${process.argv[2]}'`)
console.log(JSON.stringify(await run()))
