/** What the variance of starting values is made of. Rules: torch/nn/init.py, PyTorch 2.13. */
import { ArgumentError } from '../errors.js'
import { pythonText } from '../tensor/python-text.js'
import type { Tensor } from '../tensor/tensor.js'

/** Functions of `nn.functional` under Python's names. */
export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu'
/** Which of a weight's two sides counts: the values that go into one output, or the outputs that one value goes to. */
export type FanMode = 'fan_in' | 'fan_out'

const gains: Record<string, number> = { sigmoid: 1, tanh: 5 / 3, relu: Math.sqrt(2), selu: 3 / 4 }
for (const name of ['linear', 'conv1d', 'conv2d', 'conv3d']) gains[name] = 1
for (const dims of [1, 2, 3]) gains[`conv_transpose${dims}d`] = 1

export function gainOf(nonlinearity: unknown, param: unknown): number {
  if (nonlinearity === 'leaky_relu') {
    const slope = param === null || param === undefined ? 0.01 : Number(param)
    if (typeof param !== 'number' && param !== null && param !== undefined) {
      throw new ArgumentError(`negative_slope ${pythonText(param)} not a valid number`)
    }
    return Math.sqrt(2 / (1 + slope * slope))
  }
  const gain = typeof nonlinearity === 'string' && Object.hasOwn(gains, nonlinearity) ? gains[nonlinearity] : undefined
  if (gain === undefined) throw new ArgumentError(`Unsupported nonlinearity ${pythonText(nonlinearity)}`)
  return gain
}

/** Number of values on the side `mode` of a weight `(outputs, inputs, …kernel)`. */
export function fanOf(tensor: Tensor, mode: unknown): number {
  const side = typeof mode === 'string' ? mode.toLowerCase() : mode
  if (side !== 'fan_in' && side !== 'fan_out') {
    throw new ArgumentError(`Mode ${pythonText(side)} not supported, please use one of ['fan_in', 'fan_out']`)
  }
  const { shape } = tensor
  if (shape.length < 2) {
    throw new ArgumentError('Fan in and fan out can not be computed for tensor with fewer than 2 dimensions')
  }
  const field = shape.slice(2).reduce((product, size) => product * size, 1)
  return (side === 'fan_in' ? shape[1]! : shape[0]!) * field
}
