/**
 * Hooks of all modules that are called when one gets a parameter, a buffer or a child: by `registerParameter` and its kin, as a
 * member of a container, or as a layer's own. A field of a class is not registered, so that nothing sees it. Rules:
 * torch/nn/modules/module.py, PyTorch 2.13 (cf30153c).
 */
import { ArgumentError } from '../errors.js'
import { describe } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { Tensor } from '../tensor/tensor.js'
import { type Entry, insert, newEntry } from './hook-lists.js'
import type { Module } from './module.js'
import type { ModuleTree } from './tree.js'
import type { RemovableHandle } from './types.js'

/** Called with each parameter that a module gets; one that it returns is taken instead. */
export type ParameterRegistrationHook = (module: Module, name: string, parameter: Parameter) => unknown
/** Called with each buffer that a module gets, or null where it gets none; one that it returns is taken instead. */
export type BufferRegistrationHook = (module: Module, name: string, buffer: Tensor | null) => unknown
/** Called with each child that a module gets; one that it returns is taken instead. */
export type ModuleRegistrationHook = (module: Module, name: string, submodule: Module | null) => unknown

/** @internal */
export type MemberKind = 'parameter' | 'buffer' | 'module'

const hooks: Record<MemberKind, Entry[]> = { parameter: [], buffer: [], module: [] }
let quiet = 0

/** @internal */
export function addRegistrationHook(what: string, kind: MemberKind, hook: unknown): RemovableHandle {
  return insert(hooks[kind], newEntry(what, hook, {}, []), () => {})
}

/** Whether anything would be called. @internal */
export function isWatched(kind: MemberKind): boolean {
  return quiet === 0 && hooks[kind].length > 0
}

/** What a module is to take as its member `name`: the value, or what a hook gave for it. @internal */
export function registered<T>(kind: MemberKind, module: ModuleTree, name: string, value: T): T {
  // As in Python, no parameter is no registration, but no buffer and no child are.
  if (!isWatched(kind) || (kind === 'parameter' && value === null)) return value
  for (const { hook } of [...hooks[kind]]) {
    const changed: unknown = hook(module, name, value)
    if (changed === undefined || changed === null) continue
    if (!fits(kind, changed, module)) {
      const type = kind === 'parameter' ? 'torch.nn.Parameter' : kind === 'buffer' ? 'torch Tensor' : 'torch.nn.Module'
      throw new ArgumentError(
        `cannot assign '${describe(changed)}' object to ${kind} '${name}' (${type} or None required)`,
      )
    }
    value = changed as T
  }
  return value
}

function fits(kind: MemberKind, value: unknown, module: ModuleTree): boolean {
  if (kind === 'parameter') return value instanceof Parameter
  return kind === 'buffer' ? value instanceof Tensor : module._isChild(value)
}

/** Runs what puts members into modules without calling hooks: they were called, or it is no registration. @internal */
export function quietly<T>(run: () => T): T {
  quiet++
  try {
    return run()
  } finally {
    quiet--
  }
}

/** Makes a value the member `name`, with the hooks called once. @internal */
export function putMember(module: ModuleTree, kind: MemberKind, name: string, value: unknown): void {
  const taken = registered(kind, module, name, value)
  quietly(() => module._put(name, taken))
}

/** Calls the hooks for the fields of a layer that is written here, when its constructor made them. @internal */
export function announceFields(module: ModuleTree): void {
  if (!isWatched('parameter') && !isWatched('buffer') && !isWatched('module')) return
  for (const [name, value] of module._fields()) {
    if (value instanceof Parameter) putMember(module, 'parameter', name, value)
    else if (module._isBuffer(name, value)) putMember(module, 'buffer', name, value)
    else if (module._isChild(value)) putMember(module, 'module', name, value)
  }
}
