/** Arguments of optimizers and schedulers: positional ones in Python's order, and one trailing options object. */
import type { OptionRow } from '../../binding.js'
import { ArgumentError } from '../errors.js'
import { camelCase } from '../tensor/names.js'
import { isOptions, unknownOption } from '../tensor/operator.js'
import type { Dict } from './values.js'

/**
 * The values that were given, under their camelCase names; the rest is left out. `undefined` counts as not given.
 * @param positional - options in Python's order
 * @param keywords - those that Python takes by name only
 */
export function readArguments(owner: string, positional: OptionRow[], keywords: OptionRow[], args: unknown[]): Dict {
  const last = args.at(-1)
  const options = isOptions(last) ? last : {}
  const values = isOptions(last) ? args.slice(0, -1) : args
  const names = positional.map((option) => camelCase(option.name))
  const known = [...names, ...keywords.map((option) => camelCase(option.name))]
  if (values.length > names.length) {
    throw new ArgumentError(
      `${owner}: at most ${names.length} options are positional (${names.join(', ')}), but there are ${values.length}` +
        (keywords.length > 0 ? '; give the others by name in an options object' : ''),
    )
  }
  const given: Dict = {}
  for (const [i, value] of values.entries()) if (value !== undefined) given[names[i]!] = value
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownOption(owner, key, known)
    if (value === undefined) continue
    if (key in given) throw new ArgumentError(`${owner}: ${key} is given twice, by position and by name`)
    given[key] = value
  }
  for (const option of positional) {
    const name = camelCase(option.name)
    if (option.required && !(name in given)) throw new ArgumentError(`${owner}: ${name} is missing: ${option.doc}`)
  }
  return given
}
