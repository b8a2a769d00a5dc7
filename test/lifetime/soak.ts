/**
 * `npm run soak -- --minutes 30`: training, loading, saving, errors and workers in one process, in turn, until the time is over. Fails
 * when the resident size still grows in the last half, or when there are more live tensors at the end than at half time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as torch from 'libtorch-node'
import { collectGarbage } from './gc.js'
import { soakParts } from './soak-parts.js'

const MB = 2 ** 20
/**
 * What the line through the last half may rise, in MB. In runs of a minute it rises by up to 11 without a leak, as the first rounds are in
 * it; in half an hour by 3, in steps: a page of V8's heap, an arena of malloc for a thread that met another one. A leak of a quarter
 * of a megabyte a round is more in half an hour. Tensors and their bytes are counted exactly, and may not grow at all.
 */
const mostGrowth = 24

interface Sample {
  /** minutes since the start */
  time: number
  rounds: number
  /** resident megabytes */
  rss: number
  /** of JavaScript, in megabytes */
  heap: number
  tensors: number
  /** native bytes */
  bytes: number
}

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, only: { type: 'string', default: '' } },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new RangeError('--minutes takes a positive number')

/** Slope of the line of least squares, in megabytes a minute. */
function slope(samples: Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [time, rss] = [mean((each) => each.time), mean((each) => each.rss)]
  const square = mean((each) => (each.time - time) ** 2)
  return mean((each) => (each.time - time) * (each.rss - rss)) / square
}

function print(samples: Sample[]) {
  const rows = Array.from({ length: 11 }, (_, i) => samples[Math.round((i / 10) * (samples.length - 1))]!)
  console.log('minutes  rounds  resident MB  heap MB  live tensors  native MB')
  for (const { time, rounds, rss, heap, tensors, bytes } of rows) {
    const cells = [time.toFixed(1), rounds, rss.toFixed(1), heap.toFixed(1), tensors, (bytes / MB).toFixed(1)]
    console.log(cells.map((cell, i) => String(cell).padStart([7, 6, 11, 7, 12, 9][i]!)).join('  '))
  }
}

const folder = mkdtempSync(join(tmpdir(), 'soak-'))
torch.setNumThreads(1)
torch.manualSeed(0)
const parts = Object.entries(soakParts(folder)).filter(([name]) => name.includes(values.only))
const spent = new Map<string, number>()
const samples: Sample[] = []
const begun = performance.now()
const elapsed = () => (performance.now() - begun) / 60_000

for (let rounds = 1; elapsed() < minutes; rounds++) {
  for (const [name, part] of parts) {
    const before = performance.now()
    await part()
    spent.set(name, (spent.get(name) ?? 0) + performance.now() - before)
  }
  // what is garbage at the moment is no leak, and V8 lets it lie for as long as it likes
  await collectGarbage()
  const { tensors, bytes } = torch.memoryStats()
  const { rss, heapUsed } = process.memoryUsage()
  samples.push({ time: elapsed(), rounds, rss: rss / MB, heap: heapUsed / MB, tensors, bytes })
}
rmSync(folder, { recursive: true })

print(samples)
for (const [name, ms] of spent) console.log(`${(ms / 1000).toFixed(0).padStart(7)} s  ${name}`)
const last = samples.slice(samples.length >> 1)
const growth = slope(last) * (last.at(-1)!.time - last[0]!.time)
const [first, end] = [last[0]!, last.at(-1)!]
console.log(
  `the last half, ${last.length} rounds: resident ${growth.toFixed(1)} MB more (at most ${mostGrowth}), ` +
    `live tensors ${end.tensors - first.tensors} and their bytes ${end.bytes - first.bytes} more (none)`,
)
if (!(growth <= mostGrowth) || end.tensors > first.tensors || end.bytes > first.bytes) {
  console.error('memory is not flat')
  process.exitCode = 1
}
