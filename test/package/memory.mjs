// A user's loop without a pause: 4,000 tensors of 1 MB, which the garbage collector must free while it runs.
import { empty, memoryStats } from 'libtorch-node'

let peak = 0
for (let i = 0; i < 4000; i++) {
  empty(1024, 256)
  if (i % 50 === 0) peak = Math.max(peak, memoryStats().bytes)
}
if (peak > 1e9) throw new Error(`${Math.round(peak / 1e6)} MB were alive`)
console.log(`the loop was freed: at most ${Math.round(peak / 1e6)} MB were alive`)
