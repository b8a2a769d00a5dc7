/** Attention of MaxViT. Rules, keys and order of random numbers: torchvision/models/maxvit.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { empty } from '../../generated/functions.js'
import {
  Buffer,
  Dropout,
  functional,
  Identity,
  init,
  LayerNorm,
  Linear,
  Module,
  Parameter,
  Sequential,
} from '../../nn/index.js'
import { einsum } from '../../tensor/python-functions.js'
import { tupleText } from '../../tensor/python-text.js'
import type { Tensor } from '../../tensor/tensor.js'
import { type ActivationFactory, make } from '../ops/factory.js'
import { StochasticDepth } from '../ops/stochastic-depth.js'
import { relativePositionIndex } from './relative-position.js'

export type Size = readonly [height: number, width: number]

/** Attention with a learned bias for each place that one element may have to another. Shape: `(N, G, P, featDim)` → the same. */
export class RelativePositionalMultiHeadAttention extends Module {
  nHeads: number
  headDim: number
  size: number
  maxSeqLen: number
  to_qkv: Linear
  scaleFactor: number
  merge: Linear
  relative_position_bias_table: Parameter
  relative_position_index: Buffer

  /** @param maxSeqLen - elements that see each other: a square number */
  constructor(featDim: number, headDim: number, maxSeqLen: number) {
    super()
    if (featDim % headDim !== 0)
      throw new ArgumentError(`feat_dim: ${featDim} must be divisible by head_dim: ${headDim}`)
    this.nHeads = featDim / headDim
    this.headDim = headDim
    this.size = Math.trunc(Math.sqrt(maxSeqLen))
    this.maxSeqLen = maxSeqLen
    this.to_qkv = new Linear(featDim, featDim * 3)
    this.scaleFactor = featDim ** -0.5
    this.merge = new Linear(featDim, featDim)
    const table = empty([(2 * this.size - 1) ** 2, this.nHeads], { dtype: 'float32' })
    this.relative_position_bias_table = new Parameter(table)
    this.relative_position_index = new Buffer(relativePositionIndex(this.size, this.size))
    init.truncNormal_(this.relative_position_bias_table, { std: 0.02 })
  }

  override forward(x: Tensor): Tensor {
    const [count, groups, length, width] = x.shape as [number, number, number, number]
    const [q, k, v] = this.to_qkv
      .forward(x)
      .chunk(3, -1)
      .map((part) => part.reshape([count, groups, length, this.nHeads, this.headDim]).permute([0, 1, 3, 2, 4])) as [
      ...[Tensor, Tensor, Tensor],
    ]
    const products = einsum('B G H I D, B G H J D -> B G H I J', q, k.mul(this.scaleFactor))
    const bias = this.relative_position_bias_table
      .index(this.relative_position_index.view([-1]))
      .view([this.maxSeqLen, this.maxSeqLen, -1])
      .permute([2, 0, 1])
      .contiguous()
      .unsqueeze(0)
    const weights = functional.softmax(products.add(bias), -1)
    const out = einsum('B G H I J, B G H J D -> B G H I D', weights, v)
    return this.merge.forward(out.permute([0, 1, 3, 2, 4]).reshape([count, groups, length, width]))
  }
}

/** Swaps two dimensions: a layer without parameters. */
export class SwapAxes extends Module {
  constructor(
    public a: number,
    public b: number,
  ) {
    super()
  }
  override forward(x: Tensor): Tensor {
    return x.swapaxes(this.a, this.b)
  }
}

/** Cuts an image into windows. Shape: `(N, C, H, W)` → `(N, H / p · W / p, p · p, C)`. */
export class WindowPartition extends Module {
  override forward(x: Tensor, p: number): Tensor {
    const [count, channels, height, width] = x.shape as [number, number, number, number]
    const [rows, columns] = [Math.floor(height / p), Math.floor(width / p)]
    return x
      .reshape([count, channels, rows, p, columns, p])
      .permute([0, 2, 4, 3, 5, 1])
      .reshape([count, rows * columns, p * p, channels])
  }
}

/** Puts windows together again. Shape: `(N, rows · columns, p · p, C)` → `(N, C, rows · p, columns · p)`. */
export class WindowDepartition extends Module {
  override forward(x: Tensor, p: number, rows: number, columns: number): Tensor {
    const [count, , , channels] = x.shape as [number, number, number, number]
    return x
      .reshape([count, rows, columns, p, p, channels])
      .permute([0, 5, 1, 3, 2, 4])
      .reshape([count, channels, rows * p, columns * p])
  }
}

/** What layers of a MaxViT with attention have in common. */
interface AttentionOptions {
  headDim: number
  partitionSize: number
  mlpRatio: number
  activationLayer: ActivationFactory
  attentionDropout: number
  mlpDropout: number
}

/** Attention of the elements of each window, or of one element of each cell of a grid, then linear layers. Shape: `(N, C, *gridSize)` → the same. */
export class PartitionAttentionLayer extends Module {
  nHeads: number
  headDim: number
  nPartitions: number
  partitionType: 'window' | 'grid'
  gridSize: Size
  p: number
  g: number
  partition_op: WindowPartition
  departition_op: WindowDepartition
  partition_swap: Module
  departition_swap: Module
  attn_layer: Sequential
  mlp_layer: Sequential
  stochastic_dropout: StochasticDepth

  constructor(
    inChannels: number,
    partitionType: 'window' | 'grid',
    gridSize: Size,
    stochasticDropout: number,
    options: AttentionOptions,
  ) {
    super()
    const { headDim, partitionSize, mlpRatio } = options
    this.nHeads = Math.floor(inChannels / headDim)
    this.headDim = headDim
    this.nPartitions = Math.floor(gridSize[0] / partitionSize)
    this.partitionType = partitionType
    this.gridSize = gridSize
    const windows = partitionType === 'window'
    this.p = windows ? partitionSize : this.nPartitions
    this.g = windows ? this.nPartitions : partitionSize
    this.partition_op = new WindowPartition()
    this.departition_op = new WindowDepartition()
    this.partition_swap = windows ? new Identity() : new SwapAxes(-2, -3)
    this.departition_swap = windows ? new Identity() : new SwapAxes(-2, -3)
    this.attn_layer = new Sequential(
      new LayerNorm(inChannels),
      new RelativePositionalMultiHeadAttention(inChannels, headDim, partitionSize ** 2),
      new Dropout(options.attentionDropout),
    ) as unknown as Sequential
    this.mlp_layer = new Sequential(
      new LayerNorm(inChannels),
      new Linear(inChannels, inChannels * mlpRatio),
      make(options.activationLayer),
      new Linear(inChannels * mlpRatio, inChannels),
      new Dropout(options.mlpDropout),
    ) as unknown as Sequential
    this.stochastic_dropout = new StochasticDepth(stochasticDropout, 'row')
  }

  override forward(x: Tensor): Tensor {
    const { gridSize, p } = this
    if (gridSize[0] % p !== 0 || gridSize[1] % p !== 0) {
      throw new ArgumentError(
        `Grid size must be divisible by partition size. Got grid size of ${tupleText(gridSize)} and partition size of ${p}`,
      )
    }
    x = this.partition_swap.forward(this.partition_op.forward(x, p))
    x = x.add(this.stochastic_dropout.forward(this.attn_layer.forward(x)))
    x = x.add(this.stochastic_dropout.forward(this.mlp_layer.forward(x)))
    return this.departition_op.forward(this.departition_swap.forward(x), p, gridSize[0] / p, gridSize[1] / p)
  }
}
