/** Which device a storage goes to, by Python's rules of `map_location`. */
import { ArgumentError, DeviceError } from '../errors.js'
import type { Device } from '../tensor/dtype.js'

/**
 * Where to put what was saved from a device: one device for all; a map from saved to wanted devices, in which those that are
 * not named stay; or a function of the saved device, where null and undefined mean that it stays.
 */
export type MapLocation =
  | Device
  | Readonly<Record<string, Device>>
  | ReadonlyMap<string, Device>
  | ((storageDevice: string) => Device | null | undefined)

/** Says for the device that a storage was saved from where it is to go. */
export function locator(map: MapLocation | undefined): (saved: string) => string {
  if (map === undefined || map === null) return (saved) => saved
  if (typeof map === 'string') return () => map
  if (typeof map === 'function') return (saved) => checked(map(saved), saved)
  if (map instanceof Map) return (saved) => checked(map.get(saved), saved)
  if (typeof map === 'object') {
    const named = map as Record<string, Device>
    return (saved) => checked(Object.hasOwn(named, saved) ? named[saved] : undefined, saved)
  }
  throw new ArgumentError(`torch.load: mapLocation has to be a device, a map or a function, not ${String(map)}`)
}

function checked(device: unknown, saved: string): string {
  if (device === undefined || device === null) return saved
  if (typeof device === 'string') return device
  throw new ArgumentError(
    `torch.load: mapLocation gave ${String(device)} for '${saved}'; a device such as 'cpu' is expected`,
  )
}

const accelerators = ['cuda', 'mps', 'xpu', 'hpu', 'mtia', 'privateuseone']

/**
 * The device to restore to, which exists here.
 * @throws {@link DeviceError} in Python's words
 */
export function usableDevice(location: string, deviceCount: (type: string) => number): string {
  if (/^cpu(:\d+)?$/.test(location)) return 'cpu'
  if (location === 'meta') return 'meta'
  const [, type, index] = /^([a-z]+)(?::?(\d+))?$/.exec(location) ?? []
  if (type === undefined || !accelerators.includes(type)) {
    throw new DeviceError(
      `don't know how to restore data location of torch.storage.UntypedStorage (tagged with ${location.slice(0, 100)}); ` +
        "say where it goes: torch.load(file, { mapLocation: 'cpu' })",
    )
  }
  const count = countOf(type, deviceCount)
  if (count === 0) {
    throw new DeviceError(
      `Attempting to deserialize object on a ${type.toUpperCase()} device but torch.${type}.isAvailable() is false. ` +
        "If you are running on a CPU-only machine, please use torch.load(file, { mapLocation: 'cpu' }) " +
        'to map your storages to the CPU.',
    )
  }
  if (index !== undefined && Number(index) >= count) {
    throw new DeviceError(
      `Attempting to deserialize object on ${type.toUpperCase()} device ${index} but torch.${type}.deviceCount() is ` +
        `${count}. Please use torch.load with mapLocation to map your storages to an existing device.`,
    )
  }
  return index === undefined ? type : `${type}:${index}`
}

function countOf(type: string, deviceCount: (type: string) => number): number {
  try {
    return deviceCount(type)
  } catch {
    return 0
  }
}
