import assert from 'node:assert/strict'
import * as torch from 'libtorch-node'
import { collectNow } from '../lifetime/gc.js'

/** How many tensors `run` made for JavaScript; they are all alive, because what could be collected before is collected. */
export function made(run: () => unknown): number {
  collectNow()
  const before = torch.memoryStats().tensors
  const result = run()
  const count = torch.memoryStats().tensors - before
  assert.ok(result)
  return count
}
