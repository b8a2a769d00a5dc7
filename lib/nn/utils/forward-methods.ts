/** Objects whose pre-forward hook recomputes a tensor of a module; they are found among the module's hooks, as in Python. */
import type { ForwardPreHook } from '../hook-types.js'
import { preHooksOf, removePreHook } from '../hooks.js'
import type { Module } from '../module.js'

/** Recomputes the tensor `_tensorName` of a module before each `forward`. */
export interface ForwardMethod {
  readonly _tensorName: string | undefined
  /** Called before `forward`. */
  call(module: Module): void
}

/** The hook of a method carries it, also in a copy of the module. */
const methodKey = Symbol('method')
type Hook = ForwardPreHook<any> & { [methodKey]?: ForwardMethod }

/** @internal */
export function addMethod(module: Module, method: ForwardMethod): void {
  const hook: Hook = (target: Module) => method.call(target)
  hook[methodKey] = method
  module.registerForwardPreHook(hook)
}

/** The methods of a class that act on a module, and on the tensor of that name where one is given. @internal */
export function methodsOf<T extends ForwardMethod>(
  module: Module,
  type: abstract new (...args: any[]) => T,
  name?: string,
): T[] {
  return preHooksOf(module)
    .map((hook) => (hook as Hook)[methodKey])
    .filter((method): method is T => method instanceof type && (name === undefined || method._tensorName === name))
}

/** @internal */
export function removeMethod(module: Module, method: ForwardMethod): void {
  const hook = preHooksOf(module).find((candidate) => (candidate as Hook)[methodKey] === method)
  if (hook) removePreHook(module, hook)
}
