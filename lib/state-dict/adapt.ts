/** Weights for another shape. Source of the rule: timm/models/_manipulate.py, adapt_input_conv. */
import { ArgumentError, ShapeError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { describe } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'

/**
 * The weight of a first convolution for pictures of another number of channels, so that what it answers to keeps its strength: for one
 * channel the sum over the old ones, as grey is the same in all of them; for `n` channels the old ones over and over, times
 * `3 / n` (of three). Dtype and device stay.
 * @param weight - of a convolution over up to 3 channels: `(outChannels, inChannels, …)`
 * @param channels - > 0
 * @returns `weight` itself where it has that many
 * @throws {@link ShapeError} where it is no such weight
 * @example
 * const stateDict = { ...loaded, 'conv1.weight': torch.adaptInputConv(loaded['conv1.weight'], 1) }
 */
export function adaptInputConv(weight: Tensor, channels: number): Tensor {
  if (!(weight instanceof Tensor))
    throw new ArgumentError(`adaptInputConv: weight should be a Tensor, but is ${describe(weight)}`)
  if (!Number.isSafeInteger(channels) || channels <= 0)
    throw new ArgumentError(`adaptInputConv: channels should be a positive integer, but is ${describe(channels)}`)
  const [, present] = weight.shape
  if (weight.ndim < 3 || weight.ndim > 5 || present === undefined) {
    throw new ShapeError(
      `adaptInputConv: weight should be that of a convolution, (outChannels, inChannels, …), but its shape is [${weight.shape.join(', ')}]`,
    )
  }
  if (present === channels) return weight
  if (present > 3 || present === 0) {
    throw new ShapeError(
      `adaptInputConv: weight is over ${present} channels; there is a rule for 1 to 3 of them, such as RGB. ` +
        'Give a function of your own: loadMatching(model, stateDict, {adapt: {key: (tensor, shape) => …}})',
    )
  }
  return noGrad(() => {
    // half precision is summed in float32
    const wide = weight.detach().float()
    return adapted(wide, present, channels).to(weight.dtype)
  })
}

function adapted(weight: Tensor, present: number, channels: number): Tensor {
  if (channels === 1) return weight.sum(1, { keepdim: true })
  const times = weight.shape.map((_, dim) => (dim === 1 ? Math.ceil(channels / present) : 1))
  return weight
    .repeat(times)
    .narrow(1, 0, channels)
    .mul(present / channels)
}
