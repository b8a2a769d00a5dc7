/** InstanceNorm with what its state dicts need. Source: torch/nn/modules/instancenorm.py, PyTorch 2.13 (cf30153c). */
import { InstanceNorm1d as Base1d, InstanceNorm2d as Base2d, InstanceNorm3d as Base3d } from '../generated/nn.js'
import type { Layer } from './layer.js'

/**
 * Before PyTorch 0.4 these layers had running statistics, which those of today have only when asked; says so, where a state dict
 * without a version has some, and takes them out of it.
 */
function refuseStatistics(
  module: Layer & { readonly trackRunningStats: boolean },
  entries: Map<string, unknown>,
  prefix: string,
  version: number | undefined,
): string[] {
  if (version !== undefined || module.trackRunningStats) return []
  const found = ['running_mean', 'running_var'].map((name) => prefix + name).filter((key) => entries.has(key))
  if (found.length === 0) return []
  for (const key of found) entries.delete(key)
  const name = module._getName()
  return [
    `Unexpected running stats buffer(s) ${found.map((key) => `"${key}"`).join(' and ')} for ${name} with track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be expected because ${name} does not track running stats by default since 0.4.0. Please remove these keys from state_dict. If the running stats are actually needed, instead set track_running_stats=True in ${name} to enable them. See the documentation of ${name} for details.`,
  ]
}

/**
 * Normalises each channel of each sequence.
 * Shape: `(N, C, L)` or `(C, L)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm1d.html
 */
export class InstanceNorm1d extends Base1d {
  /** @internal */
  override _prepareLoad(entries: Map<string, unknown>, prefix: string, version: number | undefined): string[] {
    return refuseStatistics(this, entries, prefix, version)
  }
}
/**
 * Normalises each channel of each image.
 * Shape: `(N, C, H, W)` or `(C, H, W)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm2d.html
 */
export class InstanceNorm2d extends Base2d {
  /** @internal */
  override _prepareLoad(entries: Map<string, unknown>, prefix: string, version: number | undefined): string[] {
    return refuseStatistics(this, entries, prefix, version)
  }
}
/**
 * Normalises each channel of each volume.
 * Shape: `(N, C, D, H, W)` or `(C, D, H, W)` → the same.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm3d.html
 */
export class InstanceNorm3d extends Base3d {
  /** @internal */
  override _prepareLoad(entries: Map<string, unknown>, prefix: string, version: number | undefined): string[] {
    return refuseStatistics(this, entries, prefix, version)
  }
}
