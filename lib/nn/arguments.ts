/** Arguments as Python's: in order, or by name in a trailing options object. */
import { ArgumentError } from '../errors.js'
import { isOptions, unknownOption } from '../tensor/operator.js'

/**
 * The values of `names` in order, undefined or missing at the end for those not given. The first `positional` of them may come without a name.
 * @throws {@link ArgumentError} for too many, an unknown name, or a value given twice
 */
export function takeArguments(
  what: string,
  names: readonly string[],
  args: readonly unknown[],
  positional = names.length,
): unknown[] {
  const last = args[args.length - 1]
  const options = isOptions(last) ? last : undefined
  const given = options ? args.slice(0, -1) : args
  if (given.length > positional) {
    const takes = positional === 1 ? '1 argument' : `${positional} arguments`
    throw new ArgumentError(`${what}() takes at most ${takes} by position, received ${given.length}`)
  }
  if (!options) return given as unknown[]
  const values: unknown[] = [...given]
  for (const key of Object.keys(options)) {
    const at = names.indexOf(key)
    if (at < 0) throw unknownOption(what, key, [...names])
    if (at < given.length && given[at] !== undefined) {
      throw new ArgumentError(`${what}(): '${key}' is given twice, by position and in the options`)
    }
    values[at] = options[key]
  }
  return values
}

/** A boolean argument, or its default. */
export function flag(what: string, name: string, value: unknown, usual: boolean): boolean {
  if (value === undefined) return usual
  if (typeof value !== 'boolean')
    throw new ArgumentError(`${what}(): expected ${name} to be a boolean, received ${value}`)
  return value
}
