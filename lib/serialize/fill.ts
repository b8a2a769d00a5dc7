/** Brings the storages of an archive to where they belong: read, mapped, or never read at all. */
import type { ReaderHandle, StorageHandle } from '../../binding.js'
import { native } from '../binding.js'
import { CheckpointError } from '../errors.js'
import { operatorFunction } from '../tensor/operator.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Following, Progress } from './progress.js'

/** A record of an archive, and the device that its storage goes to. */
export interface Wanted {
  name: string
  nbytes: number
  swap: number
  device: string
}

/** How the data comes. */
export interface Filling {
  /** whether tensors on the CPU lie in the file itself */
  mmap: boolean
  /** whether the archive is a file, which alone can be mapped */
  isFile: boolean
}

/**
 * The storages, each on its device. What goes to an accelerator is mapped and copied from there, so that it never takes
 * memory of its own on the CPU; of what goes to 'meta' nothing is read.
 */
export function fillSync(reader: ReaderHandle, wanted: Wanted[], how: Filling): StorageHandle[] {
  const storages = mapped(reader, wanted, how)
  const missing = wanted.flatMap((_, i) => (storages[i] ? [] : [i]))
  const read = native().readStorages(
    reader,
    missing.map((i) => wanted[i]!),
  )
  for (const [at, i] of missing.entries()) storages[i] = read[at]
  return storages.map((storage, i) => onDevice(storage!, wanted[i]!.device))
}

/** {@link fillSync}, reading off this thread. */
export async function fill(
  reader: ReaderHandle,
  wanted: Wanted[],
  how: Filling,
  following: Following,
): Promise<StorageHandle[]> {
  const binding = native()
  const storages = mapped(reader, wanted, how)
  const missing = wanted.flatMap((_, i) => (storages[i] ? [] : [i]))
  const total = missing.reduce((sum, i) => sum + wanted[i]!.nbytes, 0)
  const read = await new Progress(total, following).follow((transfer) =>
    binding.readStoragesAsync(
      reader,
      missing.map((i) => wanted[i]!),
      transfer,
    ),
  )
  for (const [at, i] of missing.entries()) storages[i] = read[at]
  return storages.map((storage, i) => onDevice(storage!, wanted[i]!.device))
}

/** Those that need no reading. */
function mapped(reader: ReaderHandle, wanted: Wanted[], { mmap, isFile }: Filling): (StorageHandle | undefined)[] {
  const storages: (StorageHandle | undefined)[] = wanted.map(({ nbytes, device }) =>
    device === 'meta' ? emptyStorage(nbytes, 'meta') : undefined,
  )
  const chosen = wanted.flatMap((record, i) =>
    record.device !== 'meta' && isFile && (mmap || record.device !== 'cpu') ? [i] : [],
  )
  if (chosen.length === 0) return storages
  const found = native().mapStorages(
    reader,
    chosen.map((i) => wanted[i]!),
  )
  for (const [at, i] of chosen.entries()) {
    const storage = found[at]
    if (!storage && mmap) {
      throw new CheckpointError(
        'ERR_CHECKPOINT_FORMAT',
        `record ${wanted[i]!.name} is compressed, so that it cannot be mapped: load the file without mmap`,
      )
    }
    storages[i] = storage ?? undefined
  }
  return storages
}

function onDevice(storage: StorageHandle, device: string): StorageHandle {
  return device === 'cpu' || device === 'meta' ? storage : native().storageTo(storage, device)
}

/** A storage whose contents are not set. */
export function emptyStorage(nbytes: number, device = 'cpu'): StorageHandle {
  const tensor = operatorFunction('aten::empty')([nbytes], { dtype: 'uint8', device }) as Tensor
  const { storage } = native().tensorStorage(tensor)
  tensor.dispose()
  return storage
}
