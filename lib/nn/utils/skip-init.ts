/** Modules without starting values. Rules and messages: torch/nn/utils/init.py, PyTorch 2.13. */
import { native } from '../../binding.js'
import { TorchError } from '../../errors.js'
import { isOptions } from '../../tensor/operator.js'
import { pythonText } from '../../tensor/python-text.js'
import { Module } from '../module.js'

const unsupported = "Module must support a 'device' arg to skip initialization"

/**
 * Makes a module whose parameters hold whatever the memory held: it costs no time, and no random numbers. For values that are
 * loaded at once.
 * @param args - of the constructor; options with `device` (default: the CPU) come last
 * @example
 * const layer = nn.utils.skipInit(nn.Linear, 4096, 4096)
 */
export function skipInit<M extends Module>(moduleCls: new (...args: any[]) => M, ...args: unknown[]): M {
  if (typeof moduleCls !== 'function' || !((moduleCls as { prototype: unknown }).prototype instanceof Module)) {
    throw new TorchError(`Expected a Module; got ${pythonText(moduleCls)}`)
  }
  const row = native()
    .layers()
    .find(({ name }) => name === moduleCls.name)
  if (row && !row.arguments.some(({ name }) => name === 'device')) throw new TorchError(unsupported)
  const last = args[args.length - 1]
  const { device = 'cpu', ...options } = isOptions(last) ? last : {}
  const given = isOptions(last) ? args.slice(0, -1) : args
  const module = new moduleCls(...given, { ...options, device: 'meta' })
  const tensors = [...module.parameters(), ...module.buffers()]
  if (!tensors.every((tensor) => tensor.isMeta)) throw new TorchError(unsupported)
  return module.toEmpty({ device: device as string })
}
