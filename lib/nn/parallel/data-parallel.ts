/** Rules: torch/nn/parallel/data_parallel.py, PyTorch 2.13. */
import { native } from '../../binding.js'
import { ArgumentError, DeviceError } from '../../errors.js'
import { isGradEnabled } from '../../tensor/autograd.js'
import type { Device } from '../../tensor/dtype.js'
import { describe } from '../../tensor/operator.js'
import { takeArguments } from '../arguments.js'
import { Module } from '../module.js'
import { announceFields } from '../registration-hooks.js'
import { parallelApply } from './parallel-apply.js'
import { replicate } from './replicate.js'
import { gather, scatter } from './scatter-gather.js'

/** A CUDA device by number or name; where a function says so, any device by name. */
export type DeviceId = number | Device

export interface DataParallelOptions {
  /** The devices to use; the first has the module (default: all CUDA devices). */
  deviceIds?: readonly DeviceId[] | null
  /** Where the results go (default: the first). */
  outputDevice?: DeviceId | null
  /** The dimension along which the arguments are cut and the results put together (default 0). */
  dim?: number
}
const names = ['deviceIds', 'outputDevice', 'dim']

/**
 * Runs a module on several CUDA devices: the batch is cut along `dim`, each device has a copy of the module and a part of the
 * batch, and the results are put together. Without CUDA it just calls the module. The module is its child `module`, so that keys of
 * the state dict begin with `module.`.
 * @example
 * const model = new nn.DataParallel(new nn.Linear(4, 2))
 * model.module.weight.shape // [2, 4]
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.DataParallel.html
 */
export class DataParallel<M extends Module = Module> extends Module {
  /** The module that was given. */
  module: M
  /** Numbers of the CUDA devices in use; empty without CUDA. */
  deviceIds: number[]
  outputDevice: number | undefined
  dim: number

  constructor(module: M, options?: DataParallelOptions)
  constructor(
    module: M,
    deviceIds?: readonly DeviceId[] | null,
    outputDevice?: DeviceId | null,
    options?: DataParallelOptions,
  )
  constructor(module: M, ...args: unknown[]) {
    super()
    if (!(module instanceof Module))
      throw new ArgumentError(`DataParallel: ${describe(module)} is not a Module subclass`)
    const [ids, output, dim = 0] = takeArguments('DataParallel', names, args)
    this.module = module
    announceFields(this)
    this.dim = dim as number
    this.deviceIds = []
    this.outputDevice = undefined
    const count = native().deviceCount('cuda')
    if (count === 0) return
    this.deviceIds = ((ids as DeviceId[] | null | undefined) ?? [...Array(count).keys()]).map((id) =>
      indexOf(id, count),
    )
    if (this.deviceIds.length === 0) throw new DeviceError('no available devices were found')
    this.outputDevice = indexOf((output as DeviceId | null | undefined) ?? this.deviceIds[0]!, count)
    if (this.deviceIds.length === 1) module.to(`cuda:${this.deviceIds[0]}`)
  }

  override forward(...inputs: any[]): any {
    if (this.deviceIds.length === 0) return this.module.forward(...inputs)
    const devices = this.deviceIds.map((id) => `cuda:${id}`)
    return applyOver(this.module, inputs, devices, `cuda:${this.outputDevice}`, this.dim)
  }
}

/** The number of a CUDA device that is there. */
function indexOf(id: DeviceId, count: number): number {
  const index = typeof id === 'number' ? id : id === 'cuda' ? 0 : Number(/^cuda:(\d+)$/.exec(id)?.[1] ?? Number.NaN)
  if (Number.isNaN(index)) throw new DeviceError(`Expected a non cpu device, but got: ${id}`)
  if (!Number.isInteger(index) || index < 0 || index >= count) throw new DeviceError('Invalid device id')
  return index
}

/** Calls the module on parts of the inputs, one for each device; the first device has the module. */
function applyOver(module: Module, inputs: unknown[], devices: Device[], output: Device, dim: number): unknown {
  const [source] = devices
  for (const tensor of [...module.parameters(), ...module.buffers()]) {
    if (tensor.device === source) continue
    throw new DeviceError(
      `module must have its parameters and buffers on device ${source} (device_ids[0]) but found one of them on device: ${tensor.device}`,
    )
  }
  const parts = inputs.length === 0 ? [[]] : scatter(inputs, devices, dim)
  if (devices.length === 1) return module.forward(...parts[0]!)
  const used = devices.slice(0, parts.length)
  return gather(parallelApply(replicate(module, used, !isGradEnabled()), parts, null, used), output, dim)
}

/**
 * {@link DataParallel} as a function: `module.forward(...inputs)` on several devices. Takes any devices, also one several times.
 * @param inputs - the arguments of `forward` as an array, or the one argument
 */
export function dataParallel(module: Module, inputs: unknown, options?: DataParallelOptions): any
export function dataParallel(
  module: Module,
  inputs: unknown,
  deviceIds?: readonly DeviceId[] | null,
  outputDevice?: DeviceId | null,
  dim?: number,
): any
export function dataParallel(module: Module, inputs: unknown, ...args: unknown[]): any {
  const [ids, output, dim = 0] = takeArguments('dataParallel', names, args)
  const count = native().deviceCount('cuda')
  const given = (ids as DeviceId[] | null | undefined) ?? [...Array(count).keys()]
  if (given.length === 0) throw new DeviceError('no available devices were found')
  const named = (id: DeviceId): Device =>
    typeof id === 'number' || id.startsWith('cuda') ? `cuda:${indexOf(id, count)}` : id
  const devices = given.map(named)
  const list = Array.isArray(inputs) ? inputs : inputs === null || inputs === undefined ? [] : [inputs]
  return applyOver(module, list, devices, named((output as DeviceId | null | undefined) ?? given[0]!), dim as number)
}
