/** The hooks of one module, or of all, by what they are called for. */
import { ArgumentError } from '../errors.js'
import { isOptions, unknownOption } from '../tensor/operator.js'
import { flag } from './arguments.js'
import type { ForwardHookOptions } from './hook-types.js'
import type { RemovableHandle } from './types.js'

/** @internal */
export interface Entry {
  hook: (...args: any[]) => any
  withKwargs: boolean
  alwaysCall: boolean
}
/** @internal */
export const kinds = ['before', 'after', 'beforeBackward', 'afterBackward', 'oldBackward'] as const
/** @internal */
export type Kind = (typeof kinds)[number]
/** @internal */
export type HookLists = Record<Kind, Entry[]>

/** @internal */
export function newLists(): HookLists {
  return { before: [], after: [], beforeBackward: [], afterBackward: [], oldBackward: [] }
}

/** @internal */
export function isEmpty(lists: HookLists): boolean {
  return kinds.every((kind) => lists[kind].length === 0)
}

/** Hooks of all modules; they come before those of the one. @internal */
export const globalLists = newLists()

/** What a registration was given, checked. @internal */
export function newEntry(
  what: string,
  hook: unknown,
  options: unknown,
  known: (keyof ForwardHookOptions)[],
): Entry & { prepend: boolean } {
  if (typeof hook !== 'function') throw new ArgumentError(`${what}(): expected a function, received ${typeof hook}`)
  if (!isOptions(options)) throw new ArgumentError(`${what}(hook, {${known.join(', ')}}): expected options`)
  for (const key of Object.keys(options))
    if (!known.includes(key as keyof ForwardHookOptions)) throw unknownOption(what, key, known)
  const get = (name: keyof ForwardHookOptions): boolean => flag(what, name, options[name], false)
  return {
    hook: hook as Entry['hook'],
    prepend: get('prepend'),
    withKwargs: get('withKwargs'),
    alwaysCall: get('alwaysCall'),
  }
}

/** The same function may be registered several times; each handle removes its own registration. @internal */
export function insert(list: Entry[], entry: Entry & { prepend: boolean }, removed: () => void): RemovableHandle {
  if (entry.prepend) list.unshift(entry)
  else list.push(entry)
  return {
    remove() {
      const at = list.indexOf(entry)
      if (at < 0) return
      list.splice(at, 1)
      removed()
    },
  }
}
