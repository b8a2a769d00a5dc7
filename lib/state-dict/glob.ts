/** Patterns over dotted names: `backbone.*`, `**.bn?.*`. */
import { ArgumentError, nearest } from '../errors.js'
import { describe } from '../tensor/operator.js'

/**
 * The names that a pattern matches, as a regular expression. `?` is one character and `*` any number of them, within a part of a
 * name; `**` is any number of whole parts; a `*` at the end is as deep as the names go.
 */
export function globExpression(pattern: string): RegExp {
  let text = ''
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    const startsPart = i === 0 || pattern[i - 1] === '.'
    if (char === '?') text += '[^.]'
    else if (char !== '*') text += char.replace(/[\\^$.|+()[\]{}]/, '\\$&')
    else {
      let stars = 1
      while (pattern[i + stars] === '*') stars++
      i += stars - 1
      const isLast = i === pattern.length - 1
      if (isLast) text += startsPart ? '.+' : '.*'
      else if (stars === 1) text += startsPart && pattern[i + 1] === '.' ? '[^.]+' : '[^.]*'
      else if (startsPart && pattern[i + 1] === '.') {
        text += '(?:[^.]+\\.)*'
        i++
      } else text += '.*'
    }
  }
  return new RegExp(`^${text}$`, 's')
}

/** Whether a text has wildcards. */
export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern)
}

/** The modules above dotted names. */
function modulesOf(names: Iterable<string>): Set<string> {
  const modules = new Set<string>()
  for (const name of names) {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) modules.add(name.slice(0, dot))
  }
  return modules
}

/**
 * The names that a pattern matches, of which there must be one.
 * @param what - what the names are, for messages: `'parameter of Net'`
 * @throws {@link ArgumentError} for a pattern that matches nothing, with what was probably meant
 */
export function matching(owner: string, names: readonly string[], pattern: unknown, what: string): string[] {
  if (typeof pattern !== 'string') {
    throw new ArgumentError(`${owner}: a pattern should be a text such as 'backbone.*', but is ${describe(pattern)}`)
  }
  const expression = globExpression(pattern)
  const found = names.filter((name) => expression.test(name))
  if (found.length === 0) throw nothingMatches(owner, names, pattern, what)
  return found
}

/** The names that one or more of the patterns match, in order. */
export function matchingAny(
  owner: string,
  names: readonly string[],
  patterns: readonly unknown[],
  what: string,
): Set<string> {
  const found = new Set(patterns.flatMap((pattern) => matching(owner, names, pattern, what)))
  return new Set(names.filter((name) => found.has(name)))
}

function nothingMatches(owner: string, names: readonly string[], pattern: string, what: string): ArgumentError {
  const modules = modulesOf(names)
  const bare = pattern.replace(/\.$/, '')
  if (modules.has(bare)) {
    return new ArgumentError(
      `${owner}: '${pattern}' is a module, and no ${what} has this name; for all that is in it: '${bare}.*'`,
    )
  }
  const near = nearest(pattern, isGlob(pattern) ? [...modules].map((module) => `${module}.*`) : names)
  const examples = names.slice(0, 3).map((name) => `'${name}'`)
  const known = names.length === 0 ? 'there is none' : `there are ${names.length}, such as ${examples.join(', ')}`
  return new ArgumentError(
    `${owner}: no ${what} matches '${pattern}'${near ? `; did you mean '${near}'?` : ''} (${known})`,
  )
}

/** A list of names for a message: the first ones, and how many more there are. */
export function listed(names: readonly string[], most = 6): string {
  const shown = names.slice(0, most).map((name) => `'${name}'`)
  return names.length > most ? `${shown.join(', ')} and ${names.length - most} more` : shown.join(', ')
}
