/** One time step of a recurrent layer. Rules and texts: torch/nn/modules/rnn.py, PyTorch 2.13. */

import { ArgumentError, ShapeError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { noGrad } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { pythonText } from '../tensor/python-text.js'
import { Tensor } from '../tensor/tensor.js'
import { flag, takeArguments } from './arguments.js'
import { Module } from './module.js'
import { announceFields } from './registration-hooks.js'

/** Arguments of {@link LSTMCell} and {@link GRUCell} by name. */
export interface RNNCellBaseOptions {
  /** features of the input, > 0 */
  inputSize?: number
  /** features of the hidden state, > 0 */
  hiddenSize?: number
  /** whether shifts are learned; without, `bias_ih` and `bias_hh` are null (default `true`) */
  bias?: boolean
  /** where the parameters are made (default: the CPU) */
  device?: Device | null
  /** of the parameters (default: the default dtype) */
  dtype?: Dtype | null
}
/** Arguments of {@link RNNCell} by name. */
export interface RNNCellOptions extends RNNCellBaseOptions {
  /** what the hidden state goes through (default 'tanh') */
  nonlinearity?: 'tanh' | 'relu'
}

type Both<T extends RNNCellBaseOptions> = T & Required<Pick<T, 'inputSize' | 'hiddenSize'>>
type Factory = [device?: Device | null, dtype?: Dtype | null]

const cellNames = ['inputSize', 'hiddenSize', 'bias', 'device', 'dtype']
const rnnCellNames = ['inputSize', 'hiddenSize', 'bias', 'nonlinearity', 'device', 'dtype']

/**
 * What {@link RNNCell}, {@link LSTMCell} and {@link GRUCell} share.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
 */
export class RNNCellBase extends Module {
  inputSize: number
  hiddenSize: number
  bias: boolean
  /** `(chunks · hiddenSize, inputSize)` */
  weight_ih: Parameter
  /** `(chunks · hiddenSize, hiddenSize)` */
  weight_hh: Parameter
  // The types are those of a cell made with the default options; without a bias they are null.
  bias_ih: Parameter
  bias_hh: Parameter

  /** @param numChunks - parts that the parameters consist of: 1, 3 (GRU) or 4 (LSTM) */
  constructor(
    inputSize: number,
    hiddenSize: number,
    bias: boolean,
    numChunks: number,
    device: Device | null = null,
    dtype: Dtype | null = null,
  ) {
    super()
    const what = new.target.name
    for (const [name, size] of Object.entries({ inputSize, hiddenSize })) {
      if (size === undefined) throw new ArgumentError(`${what}: ${name} is required`)
      if (!Number.isInteger(size))
        throw new ArgumentError(`${what}: expected ${name} to be an integer, received ${describe(size)}`)
    }
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.bias = flag(what, 'bias', bias, true)
    const rows = numChunks * hiddenSize
    const make = (...shape: number[]): Parameter => new Parameter(functions.empty(shape, { device, dtype }))
    this.weight_ih = make(rows, inputSize)
    this.weight_hh = make(rows, hiddenSize)
    const none = null as unknown as Parameter
    this.bias_ih = this.bias ? make(rows) : none
    this.bias_hh = this.bias ? make(rows) : none
    announceFields(this)
    this.resetParameters()
  }

  /** Draws all parameters from U(-1/√hiddenSize, 1/√hiddenSize), in order. */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0
    noGrad(() => {
      for (const parameter of this.parameters()) parameter.uniform_(-bound, bound)
    })
  }

  override extraRepr(): string {
    const { nonlinearity = 'tanh' } = this as { nonlinearity?: string }
    const bias = this.bias ? '' : `, bias=${pythonText(this.bias)}`
    return `${this.inputSize}, ${this.hiddenSize}${bias}${nonlinearity === 'tanh' ? '' : `, nonlinearity=${nonlinearity}`}`
  }

  /** The input as a batch. @internal */
  protected _batchOf(kind: string, input: unknown): Tensor {
    if (!(input instanceof Tensor))
      throw new ArgumentError(`${kind}.forward: expected input to be a Tensor, received ${describe(input)}`)
    const { ndim } = input
    if (ndim !== 1 && ndim !== 2) throw new ShapeError(`${kind}: Expected input to be 1D or 2D, got ${ndim}D instead`)
    return ndim === 2 ? input : input.unsqueeze(0)
  }
  /** @internal */
  protected _checkState(kind: string, state: Tensor, name: string): void {
    const { ndim } = state
    if (ndim !== 1 && ndim !== 2) throw new ShapeError(`${kind}: Expected ${name} to be 1D or 2D, got ${ndim}D instead`)
  }
  /** @internal */
  protected _zeroState({ shape, dtype, device }: Tensor): Tensor {
    return functions.zeros([shape[0]!, this.hiddenSize], { dtype, device })
  }
  /** `forward` of cells with one state. @internal */
  protected _forwardOne(kind: string, call: (...args: Tensor[]) => Tensor, input: Tensor, hx: Tensor | null): Tensor {
    const batch = this._batchOf(kind, input)
    if (hx !== null) this._checkState(kind, hx, 'hidden')
    const alone = batch !== input
    const state = hx === null ? this._zeroState(batch) : alone ? hx.unsqueeze(0) : hx
    const next = call(batch, state, this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh)
    return alone ? next.squeeze(0) : next
  }
}

/**
 * One step of {@link RNN}: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with relu.
 * Shape: input `(N, inputSize)` or `(inputSize)`, state `(N, hiddenSize)` or `(hiddenSize)` → the next state.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
 */
export class RNNCell extends RNNCellBase {
  nonlinearity: 'tanh' | 'relu'

  constructor(inputSize: number, hiddenSize: number, options?: RNNCellOptions)
  constructor(inputSize: number, hiddenSize: number, bias: boolean, options?: RNNCellOptions)
  constructor(inputSize: number, hiddenSize: number, bias: boolean, nonlinearity: 'tanh' | 'relu', ...factory: Factory)
  constructor(options: Both<RNNCellOptions>)
  constructor(...args: unknown[]) {
    const [input, hidden, bias = true, nonlinearity = 'tanh', ...factory] = takeArguments(
      'RNNCell',
      rnnCellNames,
      args,
    ) as any[]
    super(input, hidden, bias, 1, ...(factory as Factory))
    this.nonlinearity = nonlinearity
  }

  /** The next state; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    const { nonlinearity } = this
    const call = nonlinearity === 'tanh' ? functions.rnnTanhCell : functions.rnnReluCell
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
      throw new ArgumentError(`Unknown nonlinearity: ${nonlinearity}`)
    return this._forwardOne('RNNCell', call as (...args: Tensor[]) => Tensor, input, hx)
  }
}

/**
 * One step of {@link LSTM}.
 * Shape: input `(N, inputSize)` or `(inputSize)`, states `(N, hiddenSize)` or `(hiddenSize)` → the next states `[h, c]`.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTMCell.html
 */
export class LSTMCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options?: RNNCellBaseOptions)
  constructor(
    inputSize: number,
    hiddenSize: number,
    bias: boolean,
    ...factory: Factory | [RNNCellBaseOptions] | [Device | null, RNNCellBaseOptions]
  )
  constructor(options: Both<RNNCellBaseOptions>)
  constructor(...args: unknown[]) {
    const [input, hidden, bias = true, ...factory] = takeArguments('LSTMCell', cellNames, args) as any[]
    super(input, hidden, bias, 4, ...(factory as Factory))
  }

  /** The next states; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx: readonly [Tensor, Tensor] | null = null): [Tensor, Tensor] {
    const batch = this._batchOf('LSTMCell', input)
    if (hx !== null) {
      if (!Array.isArray(hx) || !hx.every((state) => state instanceof Tensor))
        throw new ArgumentError(`LSTMCell.forward: expected hx to be two Tensors [h, c], received ${describe(hx)}`)
      for (const [i, state] of hx.entries()) this._checkState('LSTMCell', state, `hx[${i}]`)
    }
    const alone = batch !== input
    const zero = hx === null ? this._zeroState(batch) : undefined
    const states = zero ? [zero, zero] : alone ? hx!.map((state) => state.unsqueeze(0)) : hx!
    const [h, c] = functions.lstmCell(batch, states, this.weight_ih, this.weight_hh, this.bias_ih, this.bias_hh)
    return alone ? [h.squeeze(0), c.squeeze(0)] : [h, c]
  }
}

/**
 * One step of {@link GRU}.
 * Shape: input `(N, inputSize)` or `(inputSize)`, state `(N, hiddenSize)` or `(hiddenSize)` → the next state.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRUCell.html
 */
export class GRUCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options?: RNNCellBaseOptions)
  constructor(
    inputSize: number,
    hiddenSize: number,
    bias: boolean,
    ...factory: Factory | [RNNCellBaseOptions] | [Device | null, RNNCellBaseOptions]
  )
  constructor(options: Both<RNNCellBaseOptions>)
  constructor(...args: unknown[]) {
    const [input, hidden, bias = true, ...factory] = takeArguments('GRUCell', cellNames, args) as any[]
    super(input, hidden, bias, 3, ...(factory as Factory))
  }

  /** The next state; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this._forwardOne('GRUCell', functions.gruCell as (...args: Tensor[]) => Tensor, input, hx)
  }
}
