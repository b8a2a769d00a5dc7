/** Parts of a batch on several devices. Rules: torch/nn/parallel/scatter_gather.py and _functions.py, PyTorch 2.13. */
import { ArgumentError } from '../../errors.js'
import type { Device } from '../../tensor/dtype.js'
import { isOptions, operatorFunction } from '../../tensor/operator.js'
import { Tensor } from '../../tensor/tensor.js'

const cat = operatorFunction('aten::cat')

/**
 * Cuts tensors along `dim` and puts the parts on the devices, in arrays, Maps and plain objects, too; other values go to each.
 * There are fewer parts than devices where a dimension is too small.
 * @param dim - default 0
 * @returns one value for each part
 */
export function scatter<T>(inputs: T, devices: readonly Device[], dim = 0): T[] {
  if (inputs instanceof Tensor) {
    return inputs.chunk(devices.length, dim).map((part: Tensor, i: number) => part.to(devices[i]!)) as T[]
  }
  if (Array.isArray(inputs) && inputs.length > 0) {
    return transpose(inputs.map((item) => scatter(item, devices, dim))) as T[]
  }
  if (inputs instanceof Map && inputs.size > 0) {
    return scatter([...inputs], devices, dim).map((pairs) => new Map(pairs as [unknown, unknown][])) as T[]
  }
  if (isOptions(inputs) && Object.keys(inputs).length > 0) {
    return scatter(Object.entries(inputs), devices, dim).map((pairs) => Object.fromEntries(pairs)) as T[]
  }
  return devices.map(() => inputs)
}

/**
 * Puts the results of several devices together along `dim` on `device`, in arrays, Maps and plain objects, too.
 * @param dim - default 0
 */
export function gather<T>(outputs: readonly T[], device: Device, dim = 0): T {
  const [first] = outputs
  if (first instanceof Tensor) return gatherTensors(outputs as unknown as Tensor[], device, dim) as T
  if (first === null || first === undefined) return first as T
  if (Array.isArray(first)) {
    const lists = outputs as unknown as unknown[][]
    if (lists.some((list) => list.length !== first.length))
      throw new ArgumentError('zip() arguments must have equal lengths')
    return transpose(lists).map((items) => gather(items, device, dim)) as T
  }
  if (first instanceof Map) {
    const maps = outputs as unknown as Map<unknown, unknown>[]
    checkKeys(maps.map((map) => map.size))
    return new Map([...first.keys()].map((key) => [key, gather(pick(maps, key), device, dim)])) as T
  }
  if (isOptions(first)) {
    const records = outputs as unknown as Record<string, unknown>[]
    checkKeys(records.map((record) => Object.keys(record).length))
    const maps = records.map((record) => new Map<unknown, unknown>(Object.entries(record)))
    return Object.fromEntries(Object.keys(first).map((key) => [key, gather(pick(maps, key), device, dim)])) as T
  }
  throw new ArgumentError(`gather(): cannot put together values of type ${typeof first}`)
}

function gatherTensors(tensors: Tensor[], device: Device, dim: number): Tensor {
  let parts = tensors
  if (dim === 0 && parts.every((part) => part.ndim === 0)) {
    process.emitWarning(
      'Was asked to gather along dimension 0, but all input tensors were scalars; will instead unsqueeze and return a vector.',
      'UserWarning',
    )
    parts = parts.map((part) => part.view(1))
  }
  return cat(
    parts.map((part) => part.to(device)),
    dim,
  )
}

/** Python's `zip`: as many items as the shortest list has. */
function transpose(lists: unknown[][]): unknown[][] {
  const length = Math.min(...lists.map((list) => list.length))
  return Array.from({ length }, (_, i) => lists.map((list) => list[i]))
}

function checkKeys(sizes: number[]): void {
  if (sizes.some((size) => size !== sizes[0])) throw new ArgumentError('All dicts must have the same number of keys')
}

function pick(maps: Map<unknown, unknown>[], key: unknown): unknown[] {
  return maps.map((map) => {
    if (!map.has(key)) throw new ArgumentError(`'${key}'`)
    return map.get(key)
  })
}
