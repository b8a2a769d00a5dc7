/** Arguments of the writers: in Python's order, or by name in a trailing options object. */
import { ArgumentError } from '../errors.js'
import { isOptions, unknownOption } from '../tensor/operator.js'

/**
 * The values that were given, under their names.
 * @param names - all arguments in Python's order
 * @param required - how many of them cannot be left out; an object at one of their places is a value, not the options
 * @throws {@link ArgumentError} for too many, an unknown name, a value given twice or one that is missing
 */
export function takeNamed<T>(what: string, names: readonly (keyof T & string)[], required: number, args: unknown[]): T {
  let positional = args
  let options: Record<string, unknown> = {}
  const last = args.at(-1)
  if ((args.length > required || required === 0) && isOptions(last)) {
    options = last
    positional = args.slice(0, -1)
  }
  if (positional.length > names.length) {
    throw new ArgumentError(
      `${what}() takes at most ${names.length} arguments (${names.join(', ')}), received ${args.length}`,
    )
  }
  const given: Record<string, unknown> = {}
  for (const [i, value] of positional.entries()) if (value !== undefined) given[names[i]!] = value
  for (const [key, value] of Object.entries(options)) {
    if (!names.includes(key as keyof T & string)) throw unknownOption(what, key, [...names])
    if (value === undefined) continue
    if (key in given) throw new ArgumentError(`${what}(): '${key}' is given twice, by position and in the options`)
    given[key] = value
  }
  for (const name of names.slice(0, required)) {
    if (!(name in given)) throw new ArgumentError(`${what}(): '${name}' is missing; it takes (${names.join(', ')})`)
  }
  return given as T
}
