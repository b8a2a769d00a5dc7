/**
 * Hooks that fire on `forward`. A module with hooks has a `forward` of its own, which is not enumerable and calls them around
 * the real one; a module without pays nothing, and a chain sees by the other `forward` that it must not bypass this module.
 */
import { ArgumentError } from '../errors.js'
import { unknownOption } from '../tensor/operator.js'
import type { Module } from './module.js'
import type { RemovableHandle } from './types.js'

/** Called before `forward` with its arguments; what it returns replaces them (an array, or the one argument). */
export type ForwardPreHook<M = Module> = (module: M, args: any[]) => unknown
/** Called after `forward` with its arguments and result; what it returns replaces the result. */
export type ForwardHook<M = Module> = (module: M, args: any[], output: any) => unknown

interface Hooks {
  before: ForwardPreHook<any>[]
  after: ForwardHook<any>[]
  /** the `forward` that the object itself had, where it is not that of its class */
  own: ((...args: any[]) => any) | undefined
}

const hooksOf = new WeakMap<Module, Hooks>()

function install(module: Module): Hooks {
  const known = hooksOf.get(module)
  if (known) return known
  const hooks: Hooks = { before: [], after: [], own: Object.hasOwn(module, 'forward') ? module.forward : undefined }
  const forward = (...args: any[]): any => call(module, hooks, args)
  Object.defineProperty(module, 'forward', {
    configurable: true,
    enumerable: false,
    get: () => forward,
    set: (value) => {
      hooks.own = value
    },
  })
  hooksOf.set(module, hooks)
  return hooks
}

function uninstall(module: Module, { before, after, own }: Hooks): void {
  if (before.length > 0 || after.length > 0) return
  hooksOf.delete(module)
  Reflect.deleteProperty(module, 'forward')
  if (own) module.forward = own
}

// A hook that returns nothing, or Python's None, changes nothing.
function call(module: Module, hooks: Hooks, args: any[]): any {
  for (const hook of [...hooks.before]) {
    const changed = hook(module, args)
    if (changed !== undefined && changed !== null) args = Array.isArray(changed) ? changed : [changed]
  }
  const forward = hooks.own ?? Object.getPrototypeOf(module).forward
  let output = forward.apply(module, args)
  for (const hook of [...hooks.after]) {
    const changed = hook(module, args, output)
    if (changed !== undefined && changed !== null) output = changed
  }
  return output
}

/** @internal */
export function addHook(
  module: Module,
  kind: 'before' | 'after',
  hook: (...args: any[]) => unknown,
  options: { prepend?: boolean },
): RemovableHandle {
  const what = kind === 'before' ? 'registerForwardPreHook' : 'registerForwardHook'
  if (typeof hook !== 'function') throw new ArgumentError(`${what}(): expected a function, received ${typeof hook}`)
  for (const key of Object.keys(options)) if (key !== 'prepend') throw unknownOption(what, key, ['prepend'])
  // The same function may be registered several times; each handle removes its own registration.
  const entry = (...args: unknown[]): unknown => hook(...args)
  const hooks = install(module)
  if (options.prepend) hooks[kind].unshift(entry)
  else hooks[kind].push(entry)
  return {
    remove() {
      const at = hooks[kind].indexOf(entry)
      if (at < 0) return
      hooks[kind].splice(at, 1)
      uninstall(module, hooks)
    },
  }
}
