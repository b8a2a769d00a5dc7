import { native } from '../binding.js'
import { ArgumentError, TorchError } from '../errors.js'
import { takeArguments } from '../nn/arguments.js'
import { type Source, sourceOf } from '../serialize/load.js'
import { usableDevice } from '../serialize/location.js'
import type { Device } from '../tensor/dtype.js'
import { describe } from '../tensor/operator.js'
import { checkArchive, located } from './check.js'
import { handleOf, ScriptModule } from './script-module.js'

/** What {@link load} takes. */
export interface ScriptLoadOptions {
  /** Where all tensors go; by default to the devices that they were saved from. */
  mapLocation?: Device | null
  /** Names of files in the archive beside the program: their values are replaced by their contents. */
  extraFiles?: Record<string, unknown>
}

/**
 * Opens a module that Python saved with `torch.jit.save`, or {@link ScriptModule.save} here.
 *
 * Such a file holds a program beside its data. Loading checks and compiles it, and its methods run in LibTorch's interpreter when
 * they are called: load only files from a source that you trust. This is the one function of the package that opens programs;
 * `torch.load` reads data alone.
 * @param source - path, `file:` URL, or bytes
 * @throws the file system's own error (`ENOENT`, `EACCES`, `EISDIR`); {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` or
 * `ERR_CHECKPOINT_UNSAFE`; {@link DeviceError} when a saved device is not here
 * @example
 * const model = torch.jit.load('model.pt', { mapLocation: 'cpu' })
 * const output = model.eval().forward(torch.ones(1, 4))
 */
export function load(source: Source, options?: ScriptLoadOptions): ScriptModule
export function load(source: Source, mapLocation?: Device | null, extraFiles?: Record<string, unknown>): ScriptModule
export function load(source: Source, ...args: unknown[]): ScriptModule {
  const [map, extra] = takeArguments('load', ['mapLocation', 'extraFiles'], args)
  if (map !== undefined && map !== null && typeof map !== 'string')
    throw new ArgumentError(`map_location should be either None, string or torch.device, but got ${describe(map)}`)
  if (extra !== undefined && extra !== null && typeof extra !== 'object')
    throw new ArgumentError(`torch.jit.load: extraFiles has to be an object, not ${describe(extra)}`)
  const opened = sourceOf(source, 'torch.jit.load')
  const locations = checkArchive(opened)
  const deviceCount = (type: string): number => native().deviceCount(type)
  const device = typeof map === 'string' ? usableDevice(map, deviceCount) : null
  if (device === null) for (const location of locations) usableDevice(location, deviceCount)
  const files = (extra ?? {}) as Record<string, unknown>
  const where = opened.path === undefined ? {} : { file: opened.path }
  const loaded = located(where, () => native().scriptLoad(opened.path ?? opened.bytes!, device, Object.keys(files)))
  Object.assign(files, loaded.extra)
  return new ScriptModule(loaded.module)
}

/** The same as {@link ScriptModule.save}. */
export function save(
  module: ScriptModule,
  path: string | URL,
  options: Parameters<ScriptModule['save']>[1] = {},
): void {
  if (!(module instanceof ScriptModule))
    throw new ArgumentError(`torch.jit.save takes a ScriptModule, received ${describe(module)}`)
  module.save(path, options)
}

/** What {@link freeze} takes. */
export interface FreezeOptions {
  /** Names of methods and attributes to keep beside `forward`. */
  preservedAttrs?: readonly string[] | null
  /** Also changes the order of computations, so that results may differ in the last digits (default `true`). */
  optimizeNumerics?: boolean
}

/**
 * A copy of a module in evaluation mode whose parameters, submodules and attributes are constants of its program: faster, and no
 * longer to be trained or moved.
 */
export function freeze(module: ScriptModule, options?: FreezeOptions): ScriptModule
export function freeze(
  module: ScriptModule,
  preservedAttrs?: readonly string[] | null,
  optimizeNumerics?: boolean,
): ScriptModule
export function freeze(module: ScriptModule, ...args: unknown[]): ScriptModule {
  const [preserved, numerics] = takeArguments('freeze', ['preservedAttrs', 'optimizeNumerics'], args)
  const handle = handleOf(module)
  if (handle === undefined) {
    throw new TorchError(
      "Freezing expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'.",
    )
  }
  if (module.training) {
    throw new TorchError(
      'Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before freezing.',
    )
  }
  return new ScriptModule(native().scriptFreeze(handle, namesOf('freeze', preserved), numerics !== false))
}

/** Freezes a module that is not frozen, and chooses the fastest forms of its computations on this machine. */
export function optimizeForInference(
  module: ScriptModule,
  options: { otherMethods?: readonly string[] | null } | readonly string[] = {},
): ScriptModule {
  const handle = handleOf(module)
  if (handle === undefined)
    throw new TorchError(
      "optimize_for_inference expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'.",
    )
  const [others] = takeArguments('optimizeForInference', ['otherMethods'], [options])
  const names = namesOf('optimizeForInference', others)
  // LibTorch would freeze it, too, but without the other methods
  const isFrozen = !module.attributeNames().includes('training')
  const frozen = isFrozen ? handle : handleOf(freeze(module.eval(), names))!
  return new ScriptModule(native().scriptOptimize(frozen, names))
}

function namesOf(what: string, names: unknown): string[] {
  if (names === undefined || names === null) return []
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new ArgumentError(`${what}(): expected names, received ${describe(names)}`)
}

/** Not offered. @throws {@link TorchError} always */
export function script(..._args: unknown[]): never {
  throw new TorchError(
    'torch.jit.script is not offered: it compiles Python code. Script the model in Python, save it, and open it with torch.jit.load',
  )
}
/** Not offered. @throws {@link TorchError} always */
export function trace(..._args: unknown[]): never {
  throw new TorchError(
    'torch.jit.trace is not offered: it records what a Python program computes. Trace the model in Python, save it, and open it with torch.jit.load',
  )
}
