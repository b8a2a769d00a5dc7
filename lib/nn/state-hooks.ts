/** Hooks around the making and loading of state dicts, by module. */

import { ArgumentError } from '../errors.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Module } from './module.js'
import type { IncompatibleKeys, RemovableHandle } from './types.js'

/** What `_metadata` says of one module; `version` is that of its class. */
export type LocalMetadata = Record<string, unknown>
/** Called before a module's part of a state dict is made. */
export type StateDictPreHook<M = Module> = (module: M, prefix: string, keepVars: boolean) => void
/** Called when a module's part of a state dict, with all below it, is made; may change it in place. */
export type StateDictPostHook<M = Module> = (
  module: M,
  stateDict: Record<string, Tensor>,
  prefix: string,
  localMetadata: LocalMetadata,
) => void
/** Called before a module is loaded; may change the state dict (a copy of it) and the lists in place. */
export type LoadStateDictPreHook<M = Module> = (
  module: M,
  stateDict: Record<string, Tensor>,
  prefix: string,
  localMetadata: LocalMetadata,
  strict: boolean,
  missingKeys: string[],
  unexpectedKeys: string[],
  errorMsgs: string[],
) => void
/** Called when a module and all below it are loaded; may change the lists in place, and so what counts as an error. */
export type LoadStateDictPostHook<M = Module> = (module: M, incompatibleKeys: IncompatibleKeys) => void

export interface StateHooks {
  save: StateDictPreHook<any>[]
  saved: StateDictPostHook<any>[]
  load: LoadStateDictPreHook<any>[]
  loaded: LoadStateDictPostHook<any>[]
}

const hooksOf = new WeakMap<Module, StateHooks>()
const none: StateHooks = { save: [], saved: [], load: [], loaded: [] }

/** @internal */
export function stateHooks(module: Module): StateHooks {
  return hooksOf.get(module) ?? none
}

/** @internal */
export function addStateHook(
  module: Module,
  kind: keyof StateHooks,
  hook: (...args: any[]) => unknown,
): RemovableHandle {
  if (typeof hook !== 'function') throw new ArgumentError(`expected a function as hook, received ${typeof hook}`)
  const hooks = hooksOf.get(module) ?? { save: [], saved: [], load: [], loaded: [] }
  hooksOf.set(module, hooks)
  // The same function may be registered several times; each handle removes its own registration.
  const entry = (...args: unknown[]): any => hook(...args)
  const list: unknown[] = hooks[kind]
  list.push(entry)
  return {
    remove() {
      const at = list.indexOf(entry)
      if (at >= 0) list.splice(at, 1)
    },
  }
}

/** @internal */
export function copyStateHooks(from: Module, to: Module): void {
  const hooks = hooksOf.get(from)
  if (!hooks) return
  const { save, saved, load, loaded } = hooks
  hooksOf.set(to, { save: [...save], saved: [...saved], load: [...load], loaded: [...loaded] })
}
