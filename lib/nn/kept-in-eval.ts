/** Modules that stay in evaluation mode when the model around them is switched to training. */
import type { Module } from './module.js'

/** The mode that each of them would be in. */
const modes = new WeakMap<Module, boolean>()

/** Whether it stays in evaluation: for as long as none of its own parameters is trainable. */
export function isKept(module: Module): boolean {
  return modes.has(module) && !module._parameters().some(([, parameter]) => parameter.requiresGrad)
}

/** The same when it is switched to `mode`, which is remembered. */
export function kept(module: Module, mode: boolean): boolean {
  if (!modes.has(module)) return false
  modes.set(module, mode)
  return isKept(module)
}

/** Switches a module to evaluation and keeps it there. */
export function keepInEval(module: Module): void {
  if (!modes.has(module)) modes.set(module, module.training)
  module.training = false
}

/** Lets a module be in the mode again that the last `train()` or `eval()` gave it. */
export function release(module: Module): void {
  const mode = modes.get(module)
  if (mode === undefined) return
  modes.delete(module)
  module.training = mode
}

/** A copy is kept as the original is. */
export function copyKept(from: Module, to: Module): void {
  const mode = modes.get(from)
  if (mode !== undefined) modes.set(to, mode)
}
