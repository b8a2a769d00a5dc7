/** Brings the storages of an archive to where they belong: read, mapped, or never read at all. */
import type { ReaderHandle, RecordsHandle, StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import { operatorFunction } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Following, Progress } from './progress.js'

/** Records of an archive, and how each is to come. */
export interface Wanted {
  reader: ReaderHandle
  records: RecordsHandle
  names: (index: number) => string
  /** bytes of each */
  sizes: Float64Array
  /** bytes of the units that are reversed, 0 for none */
  swaps: Uint8Array
  /** the device that each goes to */
  devices: string[]
}

/** How the data comes. */
export interface Filling {
  /** whether tensors on the CPU lie in the file itself */
  mmap: boolean
  /** whether the archive is a file, which alone can be mapped */
  isFile: boolean
}

/**
 * Brings each storage to its device. What goes to an accelerator is mapped and copied from there, so that it never takes
 * memory of its own on the CPU; of what goes to 'meta' nothing is read.
 */
export function fillSync(wanted: Wanted, how: Filling): void {
  native().readRecords(wanted.reader, wanted.records, withoutReading(wanted, how), wanted.swaps)
  toDevices(wanted)
}

/** {@link fillSync}, reading off this thread. */
export async function fill(wanted: Wanted, how: Filling, following: Following): Promise<void> {
  const missing = withoutReading(wanted, how)
  const total = missing.reduce((sum, i) => sum + wanted.sizes[i]!, 0)
  await new Progress(total, following).follow((transfer) =>
    native().readRecordsAsync(wanted.reader, wanted.records, missing, wanted.swaps, transfer),
  )
  toDevices(wanted)
}

/** Brings those that need no reading, and returns the others. */
function withoutReading(wanted: Wanted, { mmap, isFile }: Filling): Uint32Array {
  const { reader, records, sizes, swaps, devices } = wanted
  const missing: number[] = []
  const chosen: number[] = []
  for (let i = 0; i < devices.length; i++) {
    if (devices[i] === 'meta') native().setRecordStorage(records, i, emptyStorage(sizes[i]!, 'meta'))
    else if (isFile && (mmap || devices[i] !== 'cpu')) chosen.push(i)
    else missing.push(i)
  }
  if (chosen.length === 0) return Uint32Array.from(missing)
  const compressed = native().mapRecords(reader, records, Uint32Array.from(chosen), swaps)
  if (mmap && compressed.length > 0) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_FORMAT',
      `record ${wanted.names(compressed[0]!)} is compressed, so that it cannot be mapped: load the file without mmap`,
    )
  }
  return Uint32Array.from([...missing, ...compressed])
}

function toDevices({ records, devices }: Wanted): void {
  const binding = native()
  for (let i = 0; i < devices.length; i++) {
    const device = devices[i]!
    if (device === 'cpu' || device === 'meta') continue
    binding.setRecordStorage(records, i, binding.storageTo(binding.recordStorage(records, i), device))
  }
}

/** A storage whose contents are not set. */
export function emptyStorage(nbytes: number, device = 'cpu'): StorageHandle {
  const tensor = operatorFunction('aten::empty')([nbytes], { dtype: 'uint8', device }) as Tensor
  const { storage } = native().tensorStorage(tensor)
  tensor.dispose()
  return storage
}
