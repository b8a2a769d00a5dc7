/** Where one element of a window lies as seen from another: what Swin and MaxViT attention learn a bias for. */
import { arange, stack } from '../../generated/functions.js'
import { meshgrid } from '../../tensor/python-functions.js'
import type { Tensor } from '../../tensor/tensor.js'

/** For each two elements of a window the row of the table of biases. Shape: `(height · width, height · width)`. @internal */
export function relativePositionIndex(height: number, width: number): Tensor {
  const places = stack(meshgrid(arange(height), arange(width), { indexing: 'ij' }), 0).flatten(1)
  const steps = places.unsqueeze(2).sub(places.unsqueeze(1)).permute([1, 2, 0]).contiguous()
  // both from 0 on
  steps.select(2, 0).add_(height - 1)
  steps.select(2, 1).add_(width - 1)
  steps.select(2, 0).mul_(2 * width - 1)
  return steps.sum(-1)
}
