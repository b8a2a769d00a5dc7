/**
 * `torch.nn.modules.module`: hooks of all modules, for debugging and profiling. They come before a module's own. Rules and messages:
 * torch/nn/modules/module.py, PyTorch 2.13 (cf30153c).
 */
import { addGlobalHook } from '../global-hooks.js'
import type {
  BackwardHook,
  ForwardHook,
  ForwardHookWithKwargs,
  ForwardPreHook,
  FullBackwardHook,
  FullBackwardPreHook,
  GlobalForwardHookOptions,
} from '../hook-types.js'
import {
  addRegistrationHook,
  type BufferRegistrationHook,
  type ModuleRegistrationHook,
  type ParameterRegistrationHook,
} from '../registration-hooks.js'
import type { RemovableHandle } from '../types.js'

export { Module } from '../module.js'

/**
 * Calls `hook(module, args)` before each `forward` of any module; what it returns replaces the arguments, and options stay. Only a
 * `forward` that was put on an object itself before, by assignment, and that no other module calls, is not seen.
 * @throws {@link ArgumentError} for what is no function
 * @example
 * const handle = nn.modules.module.registerModuleForwardPreHook((module, args) => console.log(String(module), args.length))
 * model.forward(input)
 * handle.remove()
 */
export function registerModuleForwardPreHook(hook: ForwardPreHook): RemovableHandle {
  return addGlobalHook('registerModuleForwardPreHook', 'before', hook)
}

/**
 * Calls `hook(module, args, output)` after each `forward` of any module; what it returns replaces the result.
 * @param options - `withKwargs`: it is `hook(module, args, kwargs, output)`; `alwaysCall`: it is called, with null as output, also when
 * `forward` throws (both `false` by default)
 * @throws {@link ArgumentError} for what is no function, and for unknown options
 * @example
 * const shapes: [string, readonly number[]][] = []
 * nn.modules.module.registerModuleForwardHook((module, _, output) => void shapes.push([module.constructor.name, output.shape]))
 */
export function registerModuleForwardHook(
  hook: ForwardHookWithKwargs,
  options: GlobalForwardHookOptions & { withKwargs: true },
): RemovableHandle
export function registerModuleForwardHook(hook: ForwardHook, options?: GlobalForwardHookOptions): RemovableHandle
export function registerModuleForwardHook(hook: unknown, options: GlobalForwardHookOptions = {}): RemovableHandle {
  return addGlobalHook('registerModuleForwardHook', 'after', hook, options, ['withKwargs', 'alwaysCall'])
}

/**
 * Calls `hook(module, gradOutput)` for any module as {@link Module.registerFullBackwardPreHook} does for one.
 * @throws {@link ArgumentError} for what is no function
 * @example
 * nn.modules.module.registerModuleFullBackwardPreHook((module, gradOutput) => void console.log(gradOutput.length))
 */
export function registerModuleFullBackwardPreHook(hook: FullBackwardPreHook): RemovableHandle {
  return addGlobalHook('registerModuleFullBackwardPreHook', 'beforeBackward', hook)
}

/**
 * Calls `hook(module, gradInput, gradOutput)` for any module as {@link Module.registerFullBackwardHook} does for one.
 * @throws {@link ArgumentError} for what is no function; {@link TorchError} where there are, or were, hooks that are not full
 * @example
 * nn.modules.module.registerModuleFullBackwardHook((module, gradInput) => gradInput.map((grad) => grad && grad.clamp(-1, 1)))
 */
export function registerModuleFullBackwardHook(hook: FullBackwardHook): RemovableHandle {
  return addGlobalHook('registerModuleFullBackwardHook', 'afterBackward', hook)
}

/**
 * Calls `hook(module, gradInput, gradOutput)` for any module as {@link Module.registerBackwardHook} does for one.
 * @deprecated in Python, too: use {@link registerModuleFullBackwardHook}
 * @throws {@link ArgumentError} for what is no function; {@link TorchError} where there are, or were, full ones
 * @example
 * nn.modules.module.registerModuleBackwardHook((module, gradInput) => void console.log(gradInput.length))
 */
export function registerModuleBackwardHook(hook: BackwardHook): RemovableHandle {
  return addGlobalHook('registerModuleBackwardHook', 'oldBackward', hook)
}

/**
 * Calls `hook(module, name, buffer)` when any module gets a buffer: by `registerBuffer`, or as a layer's own. Fields of your own classes
 * are not registered, so that nothing is called for them.
 * @throws {@link ArgumentError} for what is no function
 * @example
 * nn.modules.module.registerModuleBufferRegistrationHook((module, name) => void console.log(module.constructor.name, name))
 */
export function registerModuleBufferRegistrationHook(hook: BufferRegistrationHook): RemovableHandle {
  return addRegistrationHook('registerModuleBufferRegistrationHook', 'buffer', hook)
}

/**
 * Calls `hook(module, name, submodule)` when any module gets a child: by `addModule`, in a container, or as a layer's own. Fields of your
 * own classes are not registered, so that nothing is called for them.
 * @throws {@link ArgumentError} for what is no function
 * @example
 * nn.modules.module.registerModuleModuleRegistrationHook((module, name, child) => void console.log(name, String(child)))
 */
export function registerModuleModuleRegistrationHook(hook: ModuleRegistrationHook): RemovableHandle {
  return addRegistrationHook('registerModuleModuleRegistrationHook', 'module', hook)
}

/**
 * Calls `hook(module, name, parameter)` when any module gets a parameter: by `registerParameter`, in a container, or as a layer's own, which
 * draws its first values into what the hook returns. Fields of your own classes are not registered, so that nothing is called for them.
 * @throws {@link ArgumentError} for what is no function
 * @example
 * nn.modules.module.registerModuleParameterRegistrationHook((module, name, parameter) => parameter.requiresGrad_(name !== 'bias'))
 */
export function registerModuleParameterRegistrationHook(hook: ParameterRegistrationHook): RemovableHandle {
  return addRegistrationHook('registerModuleParameterRegistrationHook', 'parameter', hook)
}
