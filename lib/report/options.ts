import { ArgumentError, nearest } from '../errors.js'

/** Refuses options that `what` does not have, naming the nearest one that it has. */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint = near ? `did you mean '${near}'?` : `it has ${known.map((name) => `'${name}'`).join(', ')}`
    throw new ArgumentError(`${what}: unknown option '${key}'; ${hint}`)
  }
}
