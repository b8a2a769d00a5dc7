import { ArgumentError } from '../errors.js'
import { isOptions, unknownOption } from './operator.js'

/** Arguments by name: positional ones in order, then those of a last options object. */
export function bind<T extends object>(what: string, names: (keyof T & string)[], args: unknown[]): Partial<T> {
  const last = args[args.length - 1]
  const options = isOptions(last) ? last : {}
  const positional = isOptions(last) ? args.slice(0, -1) : args
  if (positional.length > names.length) throw new ArgumentError(`${what}(): takes at most ${names.length} arguments`)
  const bound: Record<string, unknown> = {}
  for (const [i, value] of positional.entries()) bound[names[i]!] = value
  for (const [key, value] of Object.entries(options)) {
    if (!names.includes(key as keyof T & string)) throw unknownOption(what, key, names)
    if (key in bound) throw new ArgumentError(`${what}(): '${key}' is given twice, by position and by name`)
    bound[key] = value
  }
  return bound as Partial<T>
}
