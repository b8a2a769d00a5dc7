/**
 * Hooks that fire on `forward`, and those of the backward pass that it prepares. A module with hooks has a `forward` of its
 * own, which is not enumerable and calls them around the real one; a module without pays nothing, and a chain sees by the other
 * `forward` that it must not bypass this module. Hooks of all modules: global-hooks.ts.
 */
import { TorchError } from '../errors.js'
import { callWithHooks } from './hook-call.js'
import { type HookLists, insert, isEmpty, type Kind, kinds, newEntry, newLists } from './hook-lists.js'
import type { ForwardHookOptions, ForwardPreHook } from './hook-types.js'
import type { Module } from './module.js'
import type { RemovableHandle } from './types.js'

type Forward = (...args: any[]) => any
interface Hooks {
  lists: HookLists
  /** the `forward` that the object itself had, where it is not that of its class */
  own: Forward | undefined
}

const names: Record<Kind, string> = {
  before: 'registerForwardPreHook',
  after: 'registerForwardHook',
  beforeBackward: 'registerFullBackwardPreHook',
  afterBackward: 'registerFullBackwardHook',
  oldBackward: 'registerBackwardHook',
}
const options: Record<Kind, (keyof ForwardHookOptions)[]> = {
  before: ['prepend', 'withKwargs'],
  after: ['prepend', 'withKwargs', 'alwaysCall'],
  beforeBackward: ['prepend'],
  afterBackward: ['prepend'],
  oldBackward: [],
}

const hooksOf = new WeakMap<Module, Hooks>()
/** Whether the backward hooks of a module are full ones; that stays when they are gone, as in Python. */
const isFull = new WeakMap<Module, boolean>()

/** The functions that classes have in the place of their `forward` while there are hooks of all modules. @internal */
export const wrapped = new WeakMap<Forward, () => Forward>()

/** Gives a module a `forward` of its own, which calls its hooks. @internal */
export function install(module: Module): Hooks {
  const known = hooksOf.get(module)
  if (known) return known
  const own = Object.hasOwn(module, 'forward') ? module.forward : undefined
  const hooks: Hooks = { lists: newLists(), own }
  const forward = (...args: any[]): any => {
    const real: Forward = hooks.own ?? Object.getPrototypeOf(module).forward
    return callWithHooks(module, wrapped.get(real)?.() ?? real, hooks.lists, args)
  }
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
  if (hooksOf.get(module) !== hooks || !isEmpty(hooks.lists)) return
  hooksOf.delete(module)
  Reflect.deleteProperty(module, 'forward')
  if (hooks.own) module.forward = hooks.own
}

/** @internal */
export function addHook(module: Module, kind: Kind, hook: unknown, given: unknown): RemovableHandle {
  const positional = options[kind].length === 1 && typeof given === 'boolean'
  const entry = newEntry(names[kind], hook, positional ? { prepend: given } : given, options[kind])
  if (kind === 'afterBackward' || kind === 'oldBackward') {
    const full = kind === 'afterBackward'
    if (isFull.get(module) === !full) {
      throw new TorchError(
        'Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only one of them.',
      )
    }
    isFull.set(module, full)
  }
  const hooks = install(module)
  return insert(hooks.lists[kind], entry, () => uninstall(module, hooks))
}

/** Gives a copy of a module the same hooks; removing them there or here is then separate. @internal */
export function copyHooks(from: Module, to: Module): void {
  const full = isFull.get(from)
  if (full !== undefined) isFull.set(to, full)
  const hooks = hooksOf.get(from)
  if (!hooks) return
  if (hooks.own) to.forward = hooks.own
  const { lists } = install(to)
  for (const kind of kinds) lists[kind].push(...hooks.lists[kind])
}

/** The functions of {@link Module.registerForwardPreHook}, in order. @internal */
export function preHooksOf(module: Module): ForwardPreHook<any>[] {
  return (hooksOf.get(module)?.lists.before ?? []).map(({ hook }) => hook)
}

/** Undoes a registration by its function. @internal */
export function removePreHook(module: Module, hook: ForwardPreHook<any>): void {
  const hooks = hooksOf.get(module)
  const at = hooks?.lists.before.findIndex((entry) => entry.hook === hook) ?? -1
  if (!hooks || at < 0) return
  hooks.lists.before.splice(at, 1)
  uninstall(module, hooks)
}
