/**
 * Hooks that fire on `forward`, and those of the backward pass that it prepares. A module with hooks has a `forward` of its
 * own, which is not enumerable and calls them around the real one; a module without pays nothing, and a chain sees by the other
 * `forward` that it must not bypass this module. Order: Module._call_impl of torch/nn/modules/module.py, PyTorch 2.13.
 */
import { ArgumentError } from '../errors.js'
import { unknownOption } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { BackwardBorders } from './backward-borders.js'
import type { Module } from './module.js'
import type { RemovableHandle } from './types.js'

/** Called before `forward` with its arguments; what it returns replaces them (an array, or the one argument). */
export type ForwardPreHook<M = Module> = (module: M, args: any[]) => unknown
/** Called after `forward` with its arguments and result; what it returns replaces the result. */
export type ForwardHook<M = Module> = (module: M, args: any[], output: any) => unknown
/** Gradients by position; null for what is no Tensor. */
export type ModuleGradients = readonly (Tensor | null)[]
/** Called with the gradients of `forward`'s result; an array that it returns replaces them. */
export type FullBackwardPreHook<M = Module> = (
  module: M,
  gradOutput: ModuleGradients,
) => ModuleGradients | null | undefined
/** Called with the gradients of `forward`'s arguments and of its result; an array that it returns replaces the former. */
export type FullBackwardHook<M = Module> = (
  module: M,
  gradInput: ModuleGradients,
  gradOutput: ModuleGradients,
) => ModuleGradients | null | undefined

export interface ForwardHookOptions {
  /** Goes before the hooks that are there (default `false`). */
  prepend?: boolean
  /** Is called, with null for the result, also when `forward` throws (default `false`). */
  alwaysCall?: boolean
}

interface Entry {
  hook: (...args: any[]) => any
  alwaysCall: boolean
}
type Kind = 'before' | 'after' | 'beforeBackward' | 'afterBackward'
interface Hooks extends Record<Kind, Entry[]> {
  /** the `forward` that the object itself had, where it is not that of its class */
  own: ((...args: any[]) => any) | undefined
}

const kinds = ['before', 'after', 'beforeBackward', 'afterBackward'] as const
const names: Record<Kind, string> = {
  before: 'registerForwardPreHook',
  after: 'registerForwardHook',
  beforeBackward: 'registerFullBackwardPreHook',
  afterBackward: 'registerFullBackwardHook',
}

const hooksOf = new WeakMap<Module, Hooks>()

function install(module: Module): Hooks {
  const known = hooksOf.get(module)
  if (known) return known
  const own = Object.hasOwn(module, 'forward') ? module.forward : undefined
  const hooks: Hooks = { before: [], after: [], beforeBackward: [], afterBackward: [], own }
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

function uninstall(module: Module, hooks: Hooks): void {
  if (hooksOf.get(module) !== hooks || kinds.some((kind) => hooks[kind].length > 0)) return
  hooksOf.delete(module)
  Reflect.deleteProperty(module, 'forward')
  if (hooks.own) module.forward = hooks.own
}

// A hook that returns nothing, or Python's None, changes nothing.
const isChange = (value: unknown): boolean => value !== undefined && value !== null

function call(module: Module, hooks: Hooks, args: any[]): any {
  const called = new Set<Entry>()
  let output: any = null
  try {
    // Those that are there at the beginning: forward itself may add some.
    const beforeBackward = hooks.beforeBackward.map((entry) => entry.hook)
    const afterBackward = hooks.afterBackward.map((entry) => entry.hook)
    for (const { hook } of [...hooks.before]) {
      const changed = hook(module, args)
      if (isChange(changed)) args = Array.isArray(changed) ? changed : [changed]
    }
    let borders: BackwardBorders | undefined
    if (beforeBackward.length > 0 || afterBackward.length > 0) {
      borders = new BackwardBorders(module, afterBackward, beforeBackward)
      args = borders.enter(args)
    }
    const forward = hooks.own ?? Object.getPrototypeOf(module).forward
    output = forward.apply(module, args)
    for (const entry of [...hooks.after]) {
      if (entry.alwaysCall) called.add(entry)
      const changed = entry.hook(module, args, output)
      if (isChange(changed)) output = changed
    }
    return borders ? borders.leave(output) : output
  } catch (error) {
    for (const entry of hooks.after) if (entry.alwaysCall && !called.has(entry)) callAnyway(module, entry, args, output)
    throw error
  }
}

function callAnyway(module: Module, { hook }: Entry, args: any[], output: any): void {
  try {
    hook(module, args, output)
  } catch (error) {
    process.emitWarning(
      `module forward hook with \`\`always_call=True\`\` raised an exception that was silenced as another error was raised in forward: ${(error as Error)?.message ?? error}`,
      'UserWarning',
    )
  }
}

/** @internal */
export function addHook(
  module: Module,
  kind: Kind,
  hook: (...args: any[]) => any,
  options: ForwardHookOptions | boolean,
): RemovableHandle {
  const what = names[kind]
  if (typeof hook !== 'function') throw new ArgumentError(`${what}(): expected a function, received ${typeof hook}`)
  if (typeof options === 'boolean') options = { prepend: options }
  const known = kind === 'after' ? ['prepend', 'alwaysCall'] : ['prepend']
  for (const key of Object.keys(options)) {
    if (key === 'withKwargs')
      throw new ArgumentError(`${what}(): there are no keyword arguments here, options are the last of args`)
    if (!known.includes(key)) throw unknownOption(what, key, known)
  }
  // The same function may be registered several times; each handle removes its own registration.
  const entry: Entry = { hook, alwaysCall: options.alwaysCall ?? false }
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

/** Gives a copy of a module the same hooks; removing them there or here is then separate. @internal */
export function copyHooks(from: Module, to: Module): void {
  const hooks = hooksOf.get(from)
  if (!hooks) return
  if (hooks.own) to.forward = hooks.own
  const copy = install(to)
  for (const kind of kinds) copy[kind].push(...hooks[kind])
}

/** The functions of {@link Module.registerForwardPreHook}, in order. @internal */
export function preHooksOf(module: Module): ForwardPreHook<any>[] {
  return (hooksOf.get(module)?.before ?? []).map(({ hook }) => hook)
}

/** Undoes a registration by its function. @internal */
export function removePreHook(module: Module, hook: ForwardPreHook<any>): void {
  const hooks = hooksOf.get(module)
  const at = hooks?.before.findIndex((entry) => entry.hook === hook) ?? -1
  if (!hooks || at < 0) return
  hooks.before.splice(at, 1)
  uninstall(module, hooks)
}
