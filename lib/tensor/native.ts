/** The part of the addon's contract that hands tensors from thread to thread: native/core/share.cpp. */
import type { Tensor } from './tensor.js'

export interface SharingBinding {
  /** Keeps the tensor's memory for one receiver; its number in this process. */
  shareTensor(t: Tensor): number
  /** Gives `out` the tensor with this number, once. */
  receiveTensor(out: Tensor, id: number): Tensor
  /** Whether the tensor was still there. */
  releaseSharedTensor(id: number): boolean
}
