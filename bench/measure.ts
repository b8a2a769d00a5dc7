/**
 * What the programs of `npm run bench` have in common. Each reads the name of a trial and a time in seconds from each line of its
 * input, runs the trial for about that long, and prints the nanoseconds of one call; or `none` and why there are none.
 *
 * The time is the process's CPU time: on the one core that all are pinned to it equals wall time while nobody else is there, and it
 * stays right when somebody is. Node's collector and compiler threads are in it.
 */
import { createInterface } from 'node:readline'

/** A trial that is ready: each call of it is one measured call. */
export type Call = () => unknown

/** @param prepare - makes a trial ready by its name, once */
export async function serve(prepare: (name: string) => Call): Promise<void> {
  const prepared = new Map<string, { call: Call; calls: number }>()
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, seconds] = line.split('\t') as [string, string]
    try {
      let trial = prepared.get(name)
      if (!trial) prepared.set(name, (trial = { call: prepare(name), calls: 1 }))
      console.log(measure(trial, Number(seconds)))
    } catch (error) {
      console.log(`none\t${String((error as Error).message).split('\n')[0]}`)
    }
  }
}

/** Nanoseconds of one call. How many calls take that long is found once. */
function measure(trial: { call: Call; calls: number }, seconds: number): number {
  const { call } = trial
  for (; ; trial.calls *= 2) {
    const start = process.cpuUsage()
    for (let i = 0; i < trial.calls; i++) call()
    const { user, system } = process.cpuUsage(start)
    // half of it will do: another number of calls would be measured once more
    if (user + system >= seconds * 5e5) return ((user + system) * 1000) / trial.calls
  }
}
