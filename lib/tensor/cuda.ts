/** `torch.cuda`: what can be asked without knowing whether there is any. */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { Generator } from './generator.js'

/** Number of CUDA devices, 0 without a driver or without LibTorch's CUDA build. */
export function deviceCount(): number {
  return native().deviceCount('cuda')
}

export function isAvailable(): boolean {
  return deviceCount() > 0
}

/** A device by its number, by its name, or the current one. */
type CudaDevice = number | string
const nameOf = (device: CudaDevice): string => (typeof device === 'number' ? `cuda:${device}` : device)

/**
 * Bytes of tensors on a device, of graphs and optimizer states too.
 * @throws `ERR_DEVICE` when there is no such device
 */
export function memoryAllocated(device: CudaDevice = 'cuda'): number {
  return native().deviceMemory(nameOf(device)).allocated
}
/** Bytes that LibTorch has taken from a device, those that it keeps for later tensors included. */
export function memoryReserved(device: CudaDevice = 'cuda'): number {
  return native().deviceMemory(nameOf(device)).reserved
}
/** Gives memory that is kept for later tensors back to the devices, for other programs. */
export function emptyCache(): void {
  native().emptyDeviceCache('cuda')
}
/** Waits until a device has done what it was asked for: operators return before that. */
export function synchronize(device: CudaDevice = 'cuda'): void {
  native().synchronizeDevice(nameOf(device))
}

function eachGenerator(run: (generator: Generator) => void, only?: number): void {
  const count = deviceCount()
  for (let i = 0; i < count; i++) {
    if (only !== undefined && i !== only) continue
    const generator = Object.create(Generator.prototype) as Generator
    run(native().defaultGenerator(generator, `cuda:${i}`))
  }
}

/** Seeds every CUDA device; nothing happens where there is none. */
export function manualSeedAll(seed: number | bigint): void {
  eachGenerator((generator) => generator.manualSeed(seed))
}

/** Seeds one CUDA device (default: the first). */
export function manualSeed(seed: number | bigint, device = 0): void {
  if (device < 0) throw new ArgumentError(`cuda.manualSeed(): there is no device ${device}`)
  eachGenerator((generator) => generator.manualSeed(seed), device)
}
