/** Other keys for the same tensors: prefixes and renames. What is given stays as it is; order, sharing and `_metadata` are kept. */
import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { entriesInOrder, isOrderedDict, metadataOf, orderedDict, setInOrder } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { listed } from './glob.js'
import type { AddPrefix, RenamedKeys, StateDictLike, StripPrefix } from './types.js'

type Rename = (key: string) => string

/** The entries of a state dict in their order. */
export function entriesOf(owner: string, stateDict: unknown): [string, unknown][] {
  if (stateDict instanceof Map) {
    for (const key of stateDict.keys()) {
      if (typeof key !== 'string')
        throw new ArgumentError(`${owner}: keys of a state dict should be texts, but one is ${describe(key)}`)
    }
    return [...stateDict]
  }
  if (typeof stateDict !== 'object' || stateDict === null || Array.isArray(stateDict) || stateDict instanceof Tensor)
    throw new ArgumentError(`${owner}: expected a state dict, received ${describe(stateDict)}`)
  if (typeof (stateDict as { stateDict?: unknown }).stateDict === 'function')
    throw new ArgumentError(`${owner}: expected a state dict, received ${describe(stateDict)}; pass its stateDict()`)
  return entriesInOrder(stateDict)
}

/** A state dict of the kind of another one: a Map for a Map, with what is remembered of an OrderedDict. */
export function likeStateDict(
  original: object,
  entries: Iterable<[string, unknown]>,
  metadata: object | undefined = metadataOf(original),
): any {
  if (original instanceof Map) {
    const map = new Map(entries)
    return metadata || isOrderedDict(original) ? orderedDict(map, metadata) : map
  }
  const out: Record<string, unknown> = Object.create(null)
  for (const [key, value] of entries) setInOrder(out, key, value)
  return metadata || isOrderedDict(original) ? orderedDict(out, metadata) : out
}

/**
 * The state dict with other keys, and how many of them changed.
 * @param renameModule - the same for names of modules, which `_metadata` has
 * @throws {@link ArgumentError} where two keys would be one
 */
export function rekey(
  owner: string,
  stateDict: unknown,
  rename: Rename,
  renameModule: Rename,
): { stateDict: any; changed: string[] } {
  const entries = entriesOf(owner, stateDict)
  const original = stateDict as object
  const origins = new Map<string, string>()
  const changed: string[] = []
  const renamed = entries.map(([key, value]): [string, unknown] => {
    const name = rename(key)
    const other = origins.get(name)
    if (other !== undefined) throw new ArgumentError(`${owner}: '${other}' and '${key}' would both be '${name}'`)
    origins.set(name, key)
    if (name !== key) changed.push(key)
    return [name, value]
  })
  const metadata = metadataOf(original)
  return { stateDict: likeStateDict(original, renamed, metadata && moduleEntries(metadata, renameModule)), changed }
}

/** `_metadata` under other names; of two entries that come to have one name the later, inner one is kept, in the place of the first. */
export function moduleEntries(metadata: object, renameModule: Rename): object {
  const out: Record<string, unknown> = Object.create(null)
  const entries = metadata instanceof Map ? [...metadata] : entriesInOrder(metadata)
  for (const [key, value] of entries) setInOrder(out, renameModule(String(key)), value)
  return orderedDict(out)
}

/** A function that takes prefixes off a key until none is left. */
export function stripper(owner: string, prefixes: unknown): Rename {
  const list: unknown[] = Array.isArray(prefixes) ? prefixes : [prefixes]
  for (const prefix of list) {
    if (typeof prefix !== 'string')
      throw new ArgumentError(`${owner}: a prefix should be a text such as 'module.', but is ${describe(prefix)}`)
    if (prefix === '') throw new ArgumentError(`${owner}: a prefix cannot be empty`)
  }
  if (list.length === 0) throw new ArgumentError(`${owner}: no prefix is given`)
  return (key) => {
    let rest = key
    for (let prefix: unknown; (prefix = list.find((text) => rest.startsWith(text as string))); ) {
      rest = rest.slice((prefix as string).length)
    }
    return rest
  }
}

/** The same for names of modules: `''` is the wrapper's entry, in whose place that of the model comes: `'module'`. */
export function moduleStripper(strip: Rename): Rename {
  return (name) => strip(`${name}.`).replace(/\.$/, '')
}

/**
 * The state dict without a prefix of its keys, such as the `module.` of DataParallel and the `_orig_mod.` of `torch.compile`. A
 * prefix is taken off until none is left; keys without it stay. Tensors are not copied.
 * @param stateDict - stays as it is
 * @param prefix - a text, or several, any of which may stand before another
 * @throws {@link ArgumentError} where two keys would be one
 * @example
 * const plain = torch.stripPrefix(stateDict, ['module.', '_orig_mod.'])
 */
export function stripPrefix<S extends StateDictLike, const P extends string | readonly string[]>(
  stateDict: S,
  prefix: P,
): StripPrefix<S, P> {
  return stripped('stripPrefix', stateDict, prefix as string | readonly string[]).stateDict
}

/** {@link stripPrefix}, and the keys that changed. @internal */
export function stripped(
  owner: string,
  stateDict: unknown,
  prefixes: string | readonly string[],
): { stateDict: any; changed: string[] } {
  const strip = stripper(owner, prefixes)
  return rekey(owner, stateDict, strip, moduleStripper(strip))
}

/**
 * The state dict with a prefix before all keys, as a wrapper such as DataParallel has them. Tensors are not copied.
 * @param stateDict - stays as it is
 * @param prefix - with its dot: `'module.'`
 * @throws {@link ArgumentError} for a prefix that is no text, or empty
 * @example
 * wrapped.loadStateDict(torch.addPrefix(stateDict, 'module.'))
 */
export function addPrefix<S extends StateDictLike, const P extends string>(stateDict: S, prefix: P): AddPrefix<S, P> {
  stripper('addPrefix', prefix)
  const module = prefix.replace(/\.$/, '')
  const add: Rename = (name) => (name === '' ? module : `${prefix}${name}`)
  return rekey('addPrefix', stateDict, (key) => `${prefix}${key}`, add).stateDict
}

/** What a part of a key becomes: every occurrence of a text, or what a regular expression matches. */
export type RenameRule = readonly [from: string | RegExp, to: string]

/**
 * The state dict with other keys. Rules are applied one after the other, each to what the one before gave: a text is replaced
 * wherever it occurs, as by Python's `key.replace(from, to)`; a RegExp as by JavaScript's `key.replace`, with `$1` and the flag `g`.
 * Tensors are not copied.
 * @param stateDict - stays as it is
 * @param rules - pairs, or a function from key to key
 * @throws {@link ArgumentError} for a rule that changes no key, and where two keys would be one
 * @example
 * const renamed = torch.renameKeys(stateDict, [['features.', 'backbone.'], [/^classifier\.(\d+)\./, 'head.$1.']])
 */
export function renameKeys<S extends StateDictLike>(
  stateDict: S,
  rules: readonly RenameRule[] | ((key: string) => string),
): RenamedKeys<S> {
  const owner = 'renameKeys'
  if (typeof rules === 'function') {
    const rename: Rename = (key) => {
      const name: unknown = rules(key)
      if (typeof name === 'string') return name
      throw new ArgumentError(`${owner}: the function gave ${describe(name)} for '${key}'; it should give the new key`)
    }
    return renamed(owner, stateDict, rename)
  }
  const steps = readRules(owner, rules)
  const names = entriesOf(owner, stateDict).map(([key]) => key)
  steps.reduce((present, step, i) => {
    const next = present.map(step)
    if (next.every((name, j) => name === present[j])) {
      throw new ArgumentError(
        `${owner}: ${ruleText(rules[i]!)} changes no key; the keys at that point are like ${listed(present, 3)}`,
      )
    }
    return next
  }, names)
  return renamed(owner, stateDict, (key) => steps.reduce((name, step) => step(name), key))
}

function renamed(owner: string, stateDict: unknown, rename: Rename): any {
  const names = new Map(entriesOf(owner, stateDict).map(([key]) => [key, rename(key)]))
  return rekey(owner, stateDict, (key) => names.get(key)!, moduleRenamer(names)).stateDict
}

/**
 * Rules speak of keys. What a module is called then is what stands before the same rest of a key in it; one without keys goes with
 * the module around it.
 */
function moduleRenamer(names: ReadonlyMap<string, string>): Rename {
  const modules = new Map([['', '']])
  for (const [key, name] of names) {
    for (let dot = key.indexOf('.'); dot >= 0; dot = key.indexOf('.', dot + 1)) {
      const [module, rest] = [key.slice(0, dot), key.slice(dot)]
      if (modules.has(module)) continue
      if (name.endsWith(rest)) modules.set(module, name.slice(0, -rest.length))
      else if (name === rest.slice(1)) modules.set(module, '')
    }
  }
  const find = (module: string): string => {
    const known = modules.get(module)
    if (known !== undefined) return known
    const dot = module.lastIndexOf('.')
    const above = find(module.slice(0, Math.max(dot, 0)))
    return above === '' ? module.slice(dot + 1) : `${above}.${module.slice(dot + 1)}`
  }
  return find
}

function readRules(owner: string, rules: unknown): Rename[] {
  if (!Array.isArray(rules) || rules.length === 0)
    throw new ArgumentError(
      `${owner}: rules should be pairs such as [['features.', 'backbone.']], or a function, but are ${describe(rules)}`,
    )
  return rules.map((rule): Rename => {
    const isPair = Array.isArray(rule) && rule.length === 2 && typeof rule[1] === 'string'
    const [from, to] = isPair ? (rule as [unknown, string]) : []
    if (from instanceof RegExp) return (key) => key.replace(from, to!)
    if (typeof from === 'string' && from !== '') return (key) => key.replaceAll(from, () => to!)
    throw new ArgumentError(
      `${owner}: a rule should be a pair of a text or RegExp and what takes its place, but one is ${describe(rule)}`,
    )
  })
}

function ruleText([from, to]: RenameRule): string {
  return `the rule ${typeof from === 'string' ? `'${from}'` : String(from)} → '${to}'`
}
