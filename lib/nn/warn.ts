/** Warnings. */

const seen = new Set<string>()

/** A warning as Python's filter shows it by default: each text once. */
export function warn(message: string): void {
  if (seen.has(message)) return
  seen.add(message)
  process.emitWarning(message, 'UserWarning')
}
