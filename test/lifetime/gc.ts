/** A garbage collection on demand, for tests of what is freed. */
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects until nothing more is found, and lets the event loop run what was put off. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    gc()
    await setTimeout(1)
  }
}

/** Collects inside a synchronous piece of code. */
export function collectNow(): void {
  gc()
}
