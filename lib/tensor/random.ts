/** `torch.random` */
import { getRngState, initialSeed, manualSeed, seed, setRngState } from './generator.js'
import { isPromise } from './scope.js'

/**
 * Runs a synchronous function and then puts the state of the default CPU generator back, so that what follows draws the same
 * random numbers as without it (`torch.random.fork_rng`).
 * @example
 * const noise = torch.random.forkRng(() => torch.randn(3))
 */
export function forkRng<T>(fn: () => T, { enabled = true }: { enabled?: boolean } = {}): T {
  if (!enabled) return fn()
  const state = getRngState()
  try {
    const result = fn()
    if (isPromise(result))
      throw new TypeError('forkRng(fn): fn returned a Promise, but the state is put back when fn returns')
    return result
  } finally {
    setRngState(state)
  }
}

export const random = { forkRng, getRngState, initialSeed, manualSeed, seed, setRngState }
