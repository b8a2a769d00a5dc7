/**
 * Hooks of all modules. While there are some, each class of modules has another function in the place of its `forward`, which calls
 * them; without any, classes are as they were written, and cost nothing. For that the classes of which a module was made are
 * known. Rules: torch/nn/modules/module.py, PyTorch 2.13 (cf30153c).
 */
import { TorchError } from '../errors.js'
import { callWithHooks } from './hook-call.js'
import { globalLists, insert, isEmpty, type Kind, newEntry } from './hook-lists.js'
import type { ForwardHookOptions } from './hook-types.js'
import { install, wrapped } from './hooks.js'
import type { Module } from './module.js'
import type { RemovableHandle } from './types.js'

type Forward = (...args: any[]) => any

const known = new WeakSet<object>()
/** Weak, since a class can be made for one module. */
let classes: WeakRef<object>[] = []
let limit = 64
/** Whether the backward hooks of all modules are full ones; that stays when they are gone, as in Python. */
let isFull: boolean | undefined
/** By class, what its `forward` was. */
const patched = new Map<object, PropertyDescriptor>()

/** Notes the class of a module by its prototype. @internal */
export function noteClass(prototype: object): void {
  if (known.has(prototype)) return
  known.add(prototype)
  if (classes.length >= limit) {
    classes = classes.filter((ref) => ref.deref())
    limit = Math.max(64, 2 * classes.length)
  }
  classes.push(new WeakRef(prototype))
  if (hasGlobalHooks()) patch(prototype)
}

/** @internal */
export function hasGlobalHooks(): boolean {
  return !isEmpty(globalLists)
}

/** Puts another function in the place of the `forward` of a class and of those that it extends. */
function patch(prototype: object): void {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, 'forward')
    if (property && typeof property.value === 'function' && !patched.has(at)) patchOne(at, property)
  }
}

function patchOne(prototype: object, property: PropertyDescriptor): void {
  const here = function (this: Module, ...args: any[]): any {
    const real: Forward = property.value
    // Another function is what the module answers with: this is a call by `super`, in the midst of its forward.
    if (this.forward !== here) return real.apply(this, args)
    for (const [, child] of this._children()) if (hasOwnForward(child)) install(child)
    return callWithHooks(this, real, undefined, args)
  }
  wrapped.set(here, () => property.value)
  patched.set(prototype, property)
  Object.defineProperty(prototype, 'forward', {
    configurable: true,
    enumerable: property.enumerable ?? false,
    get: () => here,
    set(this: object, value: unknown) {
      if (this === prototype) {
        property.value = value
        return
      }
      Object.defineProperty(this, 'forward', { configurable: true, enumerable: true, writable: true, value })
      // A class that extends this one, or a module.
      if (this.constructor?.prototype !== this) install(this as Module)
      else if (known.has(this)) patch(this)
    },
  })
}

// One that an object itself has is not that of its class.
function hasOwnForward(module: Module): boolean {
  return typeof Object.getOwnPropertyDescriptor(module, 'forward')?.value === 'function'
}

/** @internal */
export function addGlobalHook(
  what: string,
  kind: Kind,
  hook: unknown,
  options: unknown = {},
  names: (keyof ForwardHookOptions)[] = [],
): RemovableHandle {
  const entry = newEntry(what, hook, options, names)
  if (kind === 'afterBackward' || kind === 'oldBackward') {
    const full = kind === 'afterBackward'
    if (isFull === !full) {
      throw new TorchError(
        'Cannot use both regular backward hooks and full backward hooks as a global Module hook. Please use only one of them.',
      )
    }
    isFull = full
  }
  const handle = insert(globalLists[kind], entry, () => {
    if (hasGlobalHooks()) return
    for (const [prototype, property] of patched) Object.defineProperty(prototype, 'forward', property)
    patched.clear()
  })
  for (const ref of classes) {
    const prototype = ref.deref()
    if (prototype) patch(prototype)
  }
  return handle
}
