/** Objects whose pre-forward hook recomputes a tensor, by module: what Python finds by looking through `_forward_pre_hooks`. */
import type { Module } from '../module.js'
import type { RemovableHandle } from '../types.js'

/** Recomputes the tensor `_tensorName` of a module before each `forward`. */
export interface ForwardMethod {
  readonly _tensorName: string | undefined
  /** Called before `forward`. */
  call(module: Module): void
}

interface Entry {
  method: ForwardMethod
  handle: RemovableHandle
}

const entries = new WeakMap<Module, Entry[]>()

/** @internal */
export function addMethod(module: Module, method: ForwardMethod): void {
  const handle = module.registerForwardPreHook((target) => {
    method.call(target as Module)
  })
  const list = entries.get(module) ?? []
  entries.set(module, list)
  list.push({ method, handle })
}

/** The methods of a class that act on a module, and on the tensor of that name where one is given. @internal */
export function methodsOf<T extends ForwardMethod>(
  module: Module,
  type: abstract new (...args: any[]) => T,
  name?: string,
): T[] {
  const list = entries.get(module) ?? []
  return list
    .map((entry) => entry.method)
    .filter((method): method is T => method instanceof type && (name === undefined || method._tensorName === name))
}

/** @internal */
export function removeMethod(module: Module, method: ForwardMethod): void {
  const list = entries.get(module) ?? []
  const at = list.findIndex((entry) => entry.method === method)
  if (at < 0) return
  list[at]!.handle.remove()
  list.splice(at, 1)
}
