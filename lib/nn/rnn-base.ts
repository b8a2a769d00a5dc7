/**
 * Recurrent layers. Their parameters depend on the number of layers and directions, so that they are own properties made here;
 * `forward` is one call of the operator. Rules and texts: torch/nn/modules/rnn.py, PyTorch 2.13.
 */

import { ArgumentError, DtypeError, ShapeError } from '../errors.js'
import { cudnnIsAcceptable, empty, zeros } from '../generated/functions.js'
import { noGrad } from '../tensor/autograd.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { describe, Operator, operatorFunction } from '../tensor/operator.js'
import { Parameter } from '../tensor/parameter.js'
import { floatText, pythonText } from '../tensor/python-text.js'
import { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'
import { Module } from './module.js'
import { pythonTypeName } from './python-type.js'
import { announceFields } from './registration-hooks.js'
import { PackedSequence } from './utils/rnn.js'

/** Arguments that all recurrent layers take by name. */
export interface RNNBaseOptions {
  /** features of each element of the input, > 0 */
  inputSize?: number
  /** features of the hidden state, > 0 */
  hiddenSize?: number
  /** layers on top of each other, > 0 (default `1`) */
  numLayers?: number
  /** whether shifts are learned (default `true`) */
  bias?: boolean
  /** whether input and output are `(N, L, features)` instead of `(L, N, features)`; states are not (default `false`) */
  batchFirst?: boolean
  /** probability of dropping elements between layers, in [0, 1] (default `0`) */
  dropout?: number
  /** whether a second direction runs backwards (default `false`) */
  bidirectional?: boolean
  /** where the parameters are made (default: the CPU) */
  device?: Device | null
  /** of the parameters (default: the default dtype) */
  dtype?: Dtype | null
}
/** Arguments of {@link LSTM} by name. */
export interface LSTMOptions extends RNNBaseOptions {
  /** size of the projection of the hidden state, < hiddenSize; 0: none (default `0`) */
  projSize?: number
}
type Sizes = 'inputSize' | 'hiddenSize'
/** Options without arguments before them. */
export type Both<T extends RNNBaseOptions> = T & Required<Pick<T, Sizes>>

const gates = { LSTM: 4, GRU: 3, RNN_TANH: 1, RNN_RELU: 1 }
/** By the numbers that cuDNN gives them. */
const cudnnModes = ['RNN_RELU', 'RNN_TANH', 'LSTM', 'GRU']
/** The kind of a recurrent layer, as PyTorch names it. */
export type RNNMode = keyof typeof gates

const operators = Object.fromEntries(
  Object.keys(gates).map((mode) => {
    const name = `aten::${mode.toLowerCase()}`
    return [mode, { padded: new Operator(name, 'input'), packed: new Operator(name, 'data') }]
  }),
) as Record<RNNMode, { padded: Operator; packed: Operator }>

/** Names of the constructor's arguments in order. @internal */
export const baseNames = [
  'inputSize',
  'hiddenSize',
  'numLayers',
  'bias',
  'batchFirst',
  'dropout',
  'bidirectional',
  'projSize',
  'device',
  'dtype',
]
/** What `forward` works on: a padded batch, or a packed one. */
export interface Batch {
  data: Tensor
  /** null for a padded batch */
  sizes: Tensor | null
  sorted: Tensor | null
  unsorted: Tensor | null
  /** false for one sequence alone, which got a batch dimension */
  batched: boolean
}

/**
 * What {@link RNN}, {@link LSTM} and {@link GRU} share: the parameters `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
 * `bias_hh_l0`, with a projection `weight_hr_l0`; then those with the suffix `_reverse`, then the next layer's.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNBase.html
 */
export class RNNBase extends Module {
  /** `(gates · hiddenSize, features)`, all layers alike; see the class for the names. */
  [weight: `weight_${'ih' | 'hh' | 'hr'}_l${number}${'' | '_reverse'}`]: Parameter
  [bias: `bias_${'ih' | 'hh'}_l${number}${'' | '_reverse'}`]: Parameter
  declare weight_ih_l0: Parameter
  declare weight_hh_l0: Parameter
  declare bias_ih_l0: Parameter
  declare bias_hh_l0: Parameter

  readonly mode: RNNMode
  inputSize: number
  hiddenSize: number
  numLayers: number
  bias: boolean
  batchFirst: boolean
  dropout: number
  bidirectional: boolean
  projSize: number
  /** Names of the parameters, those of one layer and direction together. @internal */
  readonly _allWeights: string[][] = []

  constructor(mode: RNNMode, options: Both<LSTMOptions>)
  constructor(mode: RNNMode, inputSize: number, hiddenSize: number, options?: LSTMOptions)
  constructor(mode: RNNMode, ...args: unknown[]) {
    super()
    const what = mode in gates ? mode.split('_')[0]! : 'RNNBase'
    const values = takeArguments(what, baseNames, args)
    const [inputSize, hiddenSize] = values as [number, number]
    const [, , numLayers = 1, bias = true, batchFirst = false, dropout = 0] = values as [number, number, ...any[]]
    const [, , , , , , bidirectional = false, projSize = 0, device = null, dtype = null] = values as any[]
    for (const [i, value] of [inputSize, hiddenSize].entries())
      if (value === undefined) throw new ArgumentError(`${what}: ${baseNames[i]} is required`)
    checkOptions({ inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, projSize })
    if (!(mode in gates)) throw new ArgumentError(`Unrecognized RNN mode: ${mode}`)
    this.mode = mode
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.numLayers = numLayers
    this.bias = bias
    this.batchFirst = batchFirst
    this.dropout = dropout
    this.bidirectional = Boolean(bidirectional)
    this.projSize = projSize
    makeParameters(this, { device, dtype })
    announceFields(this)
    this.flattenParameters()
    this.resetParameters()
  }

  /** Draws all parameters from U(-1/√hiddenSize, 1/√hiddenSize), in order. */
  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0
    noGrad(() => {
      for (const parameter of this.parameters()) parameter.uniform_(-bound, bound)
    })
  }

  /** The parameters of each layer and direction. */
  get allWeights(): Parameter[][] {
    return this._allWeights.map((names) => names.map((name) => own(this)[name]!))
  }

  /**
   * Puts weights on CUDA into one piece of memory, as cuDNN wants them; nothing happens elsewhere. Done by itself when the layer is
   * made or moved.
   */
  flattenParameters(): void {
    const weights = this.allWeights.flat()
    const { dtype } = weights[0]!
    const fit = (w: unknown): boolean =>
      w instanceof Tensor && w.dtype === dtype && w.device.startsWith('cuda') && cudnnIsAcceptable(w)
    if (!weights.every(fit) || new Set(weights.map((w) => w.dataPtr())).size !== weights.length) return
    const { inputSize, hiddenSize, projSize, numLayers, batchFirst, bidirectional } = this
    const perLayer = (this.bias ? 4 : 2) + (projSize > 0 ? 1 : 0)
    const mode = cudnnModes.indexOf(this.mode)
    const flatten = operatorFunction('aten::_cudnn_rnn_flatten_weight')
    noGrad(() => {
      flatten(weights, perLayer, inputSize, mode, hiddenSize, projSize, numLayers, batchFirst, bidirectional)
    })
  }
  /** @internal */
  override _apply(fn: (tensor: Tensor) => Tensor): this {
    super._apply(fn)
    this.flattenParameters()
    return this
  }

  override extraRepr(): string {
    const { projSize, numLayers, bias, batchFirst, dropout, bidirectional } = this
    const extras = [
      projSize !== 0 && `proj_size=${projSize}`,
      numLayers !== 1 && `num_layers=${numLayers}`,
      !bias && `bias=${pythonText(bias)}`,
      batchFirst && `batch_first=${pythonText(batchFirst)}`,
      dropout !== 0 && `dropout=${floatText(dropout)}`,
      bidirectional && `bidirectional=${pythonText(bidirectional)}`,
    ]
    return [this.inputSize, this.hiddenSize, ...extras.filter((extra) => extra !== false)].join(', ')
  }

  // ---- what forward is made of

  /** @internal */
  protected _batchOf(input: unknown, kind: string, tail: string): Batch {
    if (input instanceof PackedSequence) {
      const { data, batchSizes, sortedIndices, unsortedIndices } = input
      return { data, sizes: batchSizes, sorted: sortedIndices, unsorted: unsortedIndices, batched: true }
    }
    if (!(input instanceof Tensor)) {
      throw new ArgumentError(
        `${kind}.forward: expected input to be a Tensor or a PackedSequence, received ${describe(input)}`,
      )
    }
    const { ndim } = input
    if (ndim !== 2 && ndim !== 3) {
      throw new ShapeError(`${kind}: Expected input to be 2D or 3D, got ${ndim}D${tail} instead`)
    }
    const data = ndim === 3 ? input : input.unsqueeze(this.batchFirst ? 0 : 1)
    return { data, sizes: null, sorted: null, unsorted: null, batched: ndim === 3 }
  }
  /** A state of zeros, `features` wide. @internal */
  protected _zeroState(batch: Batch, features: number): Tensor {
    const { dtype, device } = batch.data
    return zeros([this.numLayers * (this.bidirectional ? 2 : 1), batchSize(this, batch), features], { dtype, device })
  }
  /** @internal */
  protected _checkInput({ data, sizes }: Batch): void {
    const { dtype, shape } = data
    const weight = own(this)[this._allWeights[0]![0]!]!
    if (dtype !== weight.dtype) {
      throw new DtypeError(
        `RNN input dtype (torch.${dtype}) does not match weight dtype (torch.${weight.dtype}). Convert input: input.to(torch.${weight.dtype}), or convert model: model.to(torch.${dtype})`,
      )
    }
    const expected = sizes ? 2 : 3
    if (shape.length !== expected) throw new ShapeError(`input must have ${expected} dimensions, got ${shape.length}`)
    if (shape[shape.length - 1] !== this.inputSize) {
      throw new ShapeError(
        `input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${shape[shape.length - 1]}`,
      )
    }
  }
  /** @internal */
  protected _checkState(state: Tensor, batch: Batch, features: number, name: string): void {
    const expected = [this.numLayers * (this.bidirectional ? 2 : 1), batchSize(this, batch), features]
    const { shape } = state
    if (shape.length !== 3 || shape.some((size, i) => size !== expected[i])) {
      throw new ShapeError(`Expected ${name} size (${expected.join(', ')}), got [${shape.join(', ')}]`)
    }
  }
  /** @internal */
  protected _call({ data, sizes }: Batch, state: Tensor | Tensor[]): Tensor[] {
    const weights = this._allWeights.flat().map((name) => own(this)[name])
    const rest = [weights, this.bias, this.numLayers, this.dropout, this.training, this.bidirectional]
    const { padded, packed } = operators[this.mode]
    return sizes ? packed.call([data, sizes, state, ...rest]) : padded.call([data, state, ...rest, this.batchFirst])
  }
  /** The output in the form of the input. @internal */
  protected _outputOf(output: Tensor, { sizes, sorted, unsorted, batched }: Batch): Tensor | PackedSequence {
    if (sizes) return new PackedSequence(output, sizes, sorted, unsorted)
    return batched ? output : output.squeeze(this.batchFirst ? 0 : 1)
  }
  /** The state in the order of the given sequences. @internal */
  protected _stateOf(state: Tensor, { unsorted, batched }: Batch): Tensor {
    if (!batched) return state.squeeze(1)
    return permute(state, unsorted)
  }

  /** `forward` of layers with one state. @internal */
  protected _forwardOne(input: unknown, hx: Tensor | null | undefined, kind: string, tail: string): [any, Tensor] {
    const batch = this._batchOf(input, kind, tail)
    let state = hx ?? null
    if (state && !batch.sizes) {
      const wanted = batch.batched ? 3 : 2
      if (state.ndim !== wanted) {
        throw new ShapeError(
          `For ${batch.batched ? 'batched 3-D' : 'unbatched 2-D'} input, hx should also be ${wanted}-D but got ${state.ndim}-D tensor`,
        )
      }
      if (!batch.batched) state = state.unsqueeze(1)
    }
    state = state ? permute(state, batch.sorted) : this._zeroState(batch, this.hiddenSize)
    this._checkInput(batch)
    this._checkState(state, batch, this.projSize > 0 ? this.projSize : this.hiddenSize, 'hidden')
    const [output, last] = this._call(batch, state) as [Tensor, Tensor]
    return [this._outputOf(output, batch), this._stateOf(last, batch)]
  }
}

/** The parameters by name. */
function own(layer: RNNBase): Record<string, Parameter> {
  return layer as unknown as Record<string, Parameter>
}

function makeParameters(layer: RNNBase, factory: { device: Device | null; dtype: Dtype | null }): void {
  const { hiddenSize, projSize, bias } = layer
  const rows = gates[layer.mode] * hiddenSize
  const state = projSize > 0 ? projSize : hiddenSize
  const directions = layer.bidirectional ? ['', '_reverse'] : ['']
  for (let k = 0; k < layer.numLayers; k++) {
    const features = k === 0 ? layer.inputSize : state * directions.length
    for (const direction of directions) {
      const shapes: [string, number[]][] = [
        ['weight_ih', [rows, features]],
        ['weight_hh', [rows, state]],
      ]
      if (bias) shapes.push(['bias_ih', [rows]], ['bias_hh', [rows]])
      if (projSize > 0) shapes.push(['weight_hr', [projSize, hiddenSize]])
      const names = shapes.map(([name]) => `${name}_l${k}${direction}`)
      for (const [i, name] of names.entries()) own(layer)[name] = new Parameter(empty(shapes[i]![1], factory))
      layer._allWeights.push(names)
    }
  }
}

/** Sequences in the batch. */
function batchSize(layer: RNNBase, { data, sizes }: Batch): number {
  return sizes ? (sizes.select(0, 0).item() as number) : data.shape[layer.batchFirst ? 0 : 1]!
}

/** The sequences of a state in another order. */
export function permute(state: Tensor, order: Tensor | null): Tensor {
  return order === null ? state : state.indexSelect(1, order)
}

interface Checked {
  inputSize: unknown
  hiddenSize: unknown
  numLayers: unknown
  bias: unknown
  batchFirst: unknown
  dropout: unknown
  projSize: unknown
}

function checkOptions({ inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, projSize }: Checked): void {
  const whole = (name: string, value: unknown): void => {
    if (!Number.isInteger(value))
      throw new ArgumentError(`${name} should be of type int, got: ${pythonTypeName(value)}`)
  }
  const flagged = (name: string, value: unknown): void => {
    if (typeof value !== 'boolean')
      throw new ArgumentError(`${name} should be of type bool, got: ${pythonTypeName(value)}`)
  }
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout <= 1)) {
    throw new ArgumentError(
      'dropout should be a number in range [0, 1] representing the probability of an element being zeroed',
    )
  }
  if (dropout > 0 && numLayers === 1) {
    process.emitWarning(
      `dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, but got dropout=${dropout} and num_layers=${numLayers}`,
      'UserWarning',
    )
  }
  flagged('bias', bias)
  flagged('batch_first', batchFirst)
  whole('input_size', inputSize)
  if ((inputSize as number) <= 0) throw new ArgumentError('input_size must be greater than zero')
  whole('hidden_size', hiddenSize)
  if ((hiddenSize as number) <= 0) throw new ArgumentError('hidden_size must be greater than zero')
  whole('num_layers', numLayers)
  if ((numLayers as number) <= 0) throw new ArgumentError('num_layers must be greater than zero')
  whole('proj_size', projSize)
  if ((projSize as number) < 0)
    throw new ArgumentError('proj_size should be a positive integer or zero to disable projections')
  if ((projSize as number) >= (hiddenSize as number))
    throw new ArgumentError('proj_size has to be smaller than hidden_size')
}
