/** Recurrent layers over {@link RNNBase}. Rules and texts: torch/nn/modules/rnn.py, PyTorch 2.13. */
import { ArgumentError, ShapeError } from '../errors.js'
import { describe, isOptions } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'
import { type Both, baseNames, type LSTMOptions, permute, RNNBase, type RNNBaseOptions } from './rnn-base.js'
import type { PackedSequence } from './utils/rnn.js'

/** Arguments of {@link RNN} by name. */
export interface RNNOptions extends RNNBaseOptions {
  /** what the hidden state goes through (default 'tanh') */
  nonlinearity?: 'tanh' | 'relu'
}
/** Arguments of {@link GRU} by name. */
export interface GRUOptions extends RNNBaseOptions {}

const gruNames = baseNames.filter((name) => name !== 'projSize')
const rnnNames = [...gruNames.slice(0, 3), 'nonlinearity', ...gruNames.slice(3)]

/** Arguments of a layer without a projection, by name. */
function named(what: string, names: string[], args: unknown[]): Both<LSTMOptions> & { nonlinearity?: unknown } {
  const last = args[args.length - 1]
  if (isOptions(last) && 'projSize' in last)
    throw new ArgumentError('proj_size argument is only supported for LSTM, not RNN or GRU')
  const values = takeArguments(what, names, args)
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as any
}

/** Arguments behind the sizes, in order and the last of them by name. */
type Rest<T> =
  | [options?: T]
  | [bias: boolean, options?: T]
  | [bias: boolean, batchFirst: boolean, options?: T]
  | [bias: boolean, batchFirst: boolean, dropout: number, options?: T]
  | [bias: boolean, batchFirst: boolean, dropout: number, bidirectional: boolean, options?: T]

/**
 * A recurrent layer: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with relu.
 * Shape: input `(L, N, inputSize)`, `(N, L, inputSize)` with batchFirst, or `(L, inputSize)`; state
 * `(layers · directions, N, hiddenSize)` → output `(L, N, directions · hiddenSize)` and the last state.
 * @example
 * const [output, state] = new nn.RNN(10, 20, 2).forward(torch.randn(5, 3, 10))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNN.html
 */
export class RNN extends RNNBase {
  nonlinearity: 'tanh' | 'relu'

  constructor(inputSize: number, hiddenSize: number, options?: RNNOptions)
  constructor(inputSize: number, hiddenSize: number, numLayers: number, options?: RNNOptions)
  constructor(
    inputSize: number,
    hiddenSize: number,
    numLayers: number,
    nonlinearity: 'tanh' | 'relu',
    ...rest: Rest<RNNOptions>
  )
  constructor(options: Both<RNNOptions>)
  constructor(...args: unknown[]) {
    const { nonlinearity = 'tanh', ...options } = named('RNN', rnnNames, args)
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') {
      throw new ArgumentError(`Unknown nonlinearity '${nonlinearity}'. Select from 'tanh' or 'relu'.`)
    }
    super(nonlinearity === 'tanh' ? 'RNN_TANH' : 'RNN_RELU', options)
    this.nonlinearity = nonlinearity
  }

  /** The outputs of all time steps, and the last state; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx?: Tensor | null): [Tensor, Tensor]
  override forward(input: PackedSequence, hx?: Tensor | null): [PackedSequence, Tensor]
  override forward(input: Tensor | PackedSequence, hx?: Tensor | null): [any, Tensor] {
    return this._forwardOne(input, hx, 'RNN', ' tensor')
  }
}

type States = readonly [Tensor, Tensor]

/**
 * A recurrent layer with long short-term memory.
 * Shape: input `(L, N, inputSize)`, `(N, L, inputSize)` with batchFirst, or `(L, inputSize)`; states
 * `(layers · directions, N, projSize or hiddenSize)` and `(layers · directions, N, hiddenSize)` → output
 * `(L, N, directions · (projSize or hiddenSize))` and the last states.
 * @example
 * const [output, [h, c]] = new nn.LSTM(10, 20, { numLayers: 2 }).forward(torch.randn(5, 3, 10))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTM.html
 */
export class LSTM extends RNNBase {
  constructor(inputSize: number, hiddenSize: number, options?: LSTMOptions)
  constructor(
    inputSize: number,
    hiddenSize: number,
    numLayers: number,
    ...rest:
      | Rest<LSTMOptions>
      | [
          bias: boolean,
          batchFirst: boolean,
          dropout: number,
          bidirectional: boolean,
          projSize: number,
          options?: LSTMOptions,
        ]
  )
  constructor(options: Both<LSTMOptions>)
  constructor(...args: unknown[]) {
    super('LSTM', ...(args as [number, number]))
  }

  /** The outputs of all time steps, and the last states `[h, c]`; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx?: States | null): [Tensor, [Tensor, Tensor]]
  override forward(input: PackedSequence, hx?: States | null): [PackedSequence, [Tensor, Tensor]]
  override forward(input: Tensor | PackedSequence, hx?: States | null): [any, [Tensor, Tensor]] {
    const batch = this._batchOf(input, 'LSTM', '')
    const features = this.projSize > 0 ? this.projSize : this.hiddenSize
    let states: [Tensor, Tensor]
    if (hx === undefined || hx === null) {
      states = [this._zeroState(batch, features), this._zeroState(batch, this.hiddenSize)]
    } else {
      states = statesOf(hx)
      if (batch.sizes) states = states.map((state) => permute(state, batch.sorted)) as [Tensor, Tensor]
      else {
        const [h, c] = states.map((state) => state.ndim)
        const wanted = batch.batched ? 3 : 2
        if (h !== wanted || c !== wanted) {
          const kind = batch.batched ? 'batched 3-D' : 'unbatched 2-D'
          throw new ShapeError(
            `For ${kind} input, hx and cx should also be ${wanted}-D but got (${h}-D, ${c}-D) tensors`,
          )
        }
        if (!batch.batched) states = [states[0].unsqueeze(1), states[1].unsqueeze(1)]
      }
    }
    if (!batch.sizes) {
      this._checkInput(batch)
      this._checkState(states[0], batch, features, 'hidden[0]')
      this._checkState(states[1], batch, this.hiddenSize, 'hidden[1]')
    }
    const [output, h, c] = this._call(batch, states) as [Tensor, Tensor, Tensor]
    return [this._outputOf(output, batch), [this._stateOf(h, batch), this._stateOf(c, batch)]]
  }
}

function statesOf(hx: unknown): [Tensor, Tensor] {
  const pair = Array.isArray(hx) && hx.length === 2 && hx.every((state) => state instanceof Tensor)
  if (!pair) throw new ArgumentError(`LSTM.forward: expected hx to be two Tensors [h, c], received ${describe(hx)}`)
  return hx as [Tensor, Tensor]
}

/**
 * A recurrent layer with gates for reset and update.
 * Shape: as {@link RNN}.
 * @example
 * const [output, state] = new nn.GRU(10, 20, { bidirectional: true }).forward(torch.randn(5, 3, 10))
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRU.html
 */
export class GRU extends RNNBase {
  constructor(inputSize: number, hiddenSize: number, options?: GRUOptions)
  constructor(inputSize: number, hiddenSize: number, numLayers: number, ...rest: Rest<GRUOptions>)
  constructor(options: Both<GRUOptions>)
  constructor(...args: unknown[]) {
    super('GRU', named('GRU', gruNames, args))
  }

  /** The outputs of all time steps, and the last state; without `hx` it starts from zeros. */
  override forward(input: Tensor, hx?: Tensor | null): [Tensor, Tensor]
  override forward(input: PackedSequence, hx?: Tensor | null): [PackedSequence, Tensor]
  override forward(input: Tensor | PackedSequence, hx?: Tensor | null): [any, Tensor] {
    return this._forwardOne(input, hx, 'GRU', '')
  }
}
