/** Ends in the middle of work: what works, in which threads, and how and when it ends. */
import fc from 'fast-check'
import type { Work } from './works.js'

export const works = [
  'forward with hooks',
  'backward with hooks',
  'training',
  'closure of LBFGS',
  'backwardAsync',
  'stepAsync',
  'load',
  'loadSync',
  'load, mapped',
  'save',
  'saveSync',
  'safetensors',
  'CheckpointManager',
  'typedArrayAsync',
  'TorchScript',
  'loader with workers',
  'tensors to another thread',
  'errors',
  'scopes and collections',
] as const satisfies readonly Work[]

export interface Scenario {
  /** `main`: it works and ends; `workers`: they work, and the main thread ends; `worker`: each ends itself, the main thread lives on */
  place: 'main' | 'workers' | 'worker'
  /** `leave`: no more work is begun; what is on its way comes to its end, and the exit code is in `process.exitCode` */
  end: 'exit' | 'throw' | 'reject' | 'leave' | 'terminate'
  works: Work[]
  /** number of workers */
  workers: number
  /** the end comes after so many calls out of the work (from hooks, closures, between operators) or milliseconds */
  after: { calls: number } | { ms: number }
  code: number
  /** of LibTorch, for one operator */
  threads: 1 | 2
}

/** Scenarios of a seed. */
export function scenarios(seed: number, count: number): Scenario[] {
  const calls = fc.record({ calls: fc.integer({ min: 1, max: 40 }) })
  const ms = fc.record({ ms: fc.integer({ min: 0, max: 80 }) })
  const scenario = fc.record({
    place: fc.constantFrom<Scenario['place'][]>('main', 'workers', 'worker'),
    end: fc.constantFrom<Scenario['end'][]>('exit', 'throw', 'reject', 'leave', 'terminate'),
    works: fc.uniqueArray(fc.constantFrom(...works), { minLength: 1, maxLength: 4 }),
    workers: fc.integer({ min: 1, max: 4 }),
    after: fc.oneof(calls, ms),
    code: fc.integer({ min: 2, max: 100 }),
    threads: fc.constantFrom<(1 | 2)[]>(1, 2),
  })
  return fc.sample(scenario, { seed, numRuns: count }).map((each) => {
    // workers are stopped by the main thread, which itself can't be
    if (each.end !== 'terminate') return each
    return { ...each, place: 'workers', after: 'ms' in each.after ? each.after : { ms: each.after.calls } }
  })
}

/** The exit code of the thread that ends. */
export const codeOf = ({ end, code }: Scenario) =>
  end === 'throw' || end === 'reject' || end === 'terminate' ? 1 : code

/** The exit code of the process: one that watches its workers end says by its own code that they did so rightly. */
export const codeOfProcess = (scenario: Scenario) =>
  scenario.place === 'worker' || scenario.end === 'terminate' ? scenario.code : codeOf(scenario)
