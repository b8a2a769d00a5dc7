import { ArgumentError, nearest } from '../errors.js'

/** Refuses options that `owner` does not have, naming the nearest one that it has. */
export function checkOptions(owner: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint = near ? `; did you mean '${near}'?` : `; it has ${known.join(', ')}`
    throw new ArgumentError(`${owner}: unknown option '${key}'${hint}`)
  }
}

/** Refuses everything but a positive whole number. */
export function checkPositive(owner: string, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new ArgumentError(`${owner}: ${name} should be a positive integer, but is ${value}`)
  }
}
