/** Tensors handed from one thread to another without a copy. */
import { native } from '../binding.js'
import { ArgumentError } from '../errors.js'
import { newTensor } from './new-tensor.js'
import type { Tensor } from './tensor.js'

/** A tensor on its way to another thread: goes through `postMessage` and `workerData` as it is, to one receiver. */
export interface SharedTensor {
  readonly sharedTensor: number
  readonly process: number
}

/** What `tensor.share()` does. @internal */
export function share(tensor: Tensor): SharedTensor {
  return { sharedTensor: native().shareTensor(tensor), process: process.pid }
}

/**
 * The tensor that another thread of this process shared with `tensor.share()`: the same memory, outside of autograd. Each handle
 * is for one receiver. What one thread writes into the memory the others see; it is for them to agree when.
 * @throws {@link ArgumentError} for what is no handle, or one that was received or released before
 * @example
 * worker.postMessage({ weight: model.weight.share() })
 * // in the worker
 * parentPort.on('message', ({ weight }) => console.log(torch.receive(weight)))
 */
export function receive(handle: SharedTensor): Tensor {
  return native().receiveTensor(newTensor(), numberOf(handle, 'receive'))
}

/** Lets go of a shared tensor that nobody is going to receive. Returns whether it was still there. */
export function releaseShared(handle: SharedTensor): boolean {
  return native().releaseSharedTensor(numberOf(handle, 'releaseShared'))
}

function numberOf(handle: SharedTensor, what: string): number {
  const { sharedTensor: id, process: owner } = (handle ?? {}) as Partial<SharedTensor>
  if (!Number.isSafeInteger(id))
    throw new ArgumentError(`torch.${what}: expected what tensor.share() returned, which a message carries as it is`)
  if (owner !== process.pid)
    throw new ArgumentError(
      `torch.${what}: this tensor lies in the memory of process ${owner}; this is ${process.pid}. Send its bytes, or save it`,
    )
  return id!
}
