import * as layers from '../generated/nn.js'
import type { Module } from './module.js'

type AnyBatchNorm = layers.BatchNorm2d

/**
 * BatchNorm over the batches of several processes. There is only one here, so it is that of its own batch, as in Python where
 * `torch.distributed` is not initialised.
 * Shape: `(N, C, *)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.SyncBatchNorm.html
 */
export class SyncBatchNorm extends layers.SyncBatchNorm {
  /**
   * Replaces every BatchNorm in `module` by a SyncBatchNorm with the same parameters and buffers.
   * @param processGroup - only null
   * @returns `module`, or its replacement where it is a BatchNorm itself
   */
  static convertSyncBatchnorm(module: Module, processGroup: null = null): Module {
    const { BatchNorm1d, BatchNorm2d, BatchNorm3d } = layers
    let result = module
    if ([BatchNorm1d, BatchNorm2d, BatchNorm3d, layers.SyncBatchNorm].some((type) => module instanceof type)) {
      const norm = module as AnyBatchNorm
      const { eps, momentum, affine, trackRunningStats } = norm
      const options = { eps, momentum, affine, trackRunningStats, processGroup, bias: norm.bias !== null }
      const made = new SyncBatchNorm(norm.numFeatures, options)
      if (affine) {
        made.weight = norm.weight
        made.bias = norm.bias
      }
      made.running_mean = norm.running_mean
      made.running_var = norm.running_var
      made.num_batches_tracked = norm.num_batches_tracked
      made.training = norm.training
      result = made
    }
    for (const [name, child] of module.namedChildren())
      result.addModule(name, SyncBatchNorm.convertSyncBatchnorm(child, processGroup))
    return result
  }
}
