/** Collecting garbage on demand, which frees tensors that nothing refers to. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collector = (options?: { type: 'minor'; execution: 'sync' }) => void

let collector: Collector | undefined

/** Collects all garbage, or only that among the youngest objects. */
export function collectGarbage(young: boolean): void {
  collector ??= findCollector()
  // without options it collects everything; with any, V8 of Node.js 20 looks at young objects alone, whatever their type says
  if (young) collector({ type: 'minor', execution: 'sync' })
  else collector()
}

function findCollector(): Collector {
  // Bun has another engine than Node.js, and a function of its own for it
  const { Bun } = globalThis as { Bun?: { gc(synchronous: boolean): void } }
  if (Bun) return () => Bun.gc(true)
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collector
}
