/** Attention of Swin Transformers. Rules and order of random numbers: torchvision/models/swin_transformer.py, torchvision 0.28. */
import { ArgumentError } from '../../errors.js'
import { arange, cat, ones, stack, zeros } from '../../generated/functions.js'
import { Buffer, functional, init, Linear, Module, Parameter, ReLU, Sequential } from '../../nn/index.js'
import { noGrad } from '../../tensor/autograd.js'
import { meshgrid } from '../../tensor/python-functions.js'
import type { Tensor } from '../../tensor/tensor.js'
import { relativePositionIndex } from './relative-position.js'

export type Size = readonly [height: number, width: number]

/** What {@link shiftedWindowAttention} takes beside the image. */
interface AttentionInputs {
  qkv: Linear
  proj: Linear
  /** added to the products of queries and keys */
  bias: Tensor
  windowSize: Size
  shiftSize: Size
  numHeads: number
  attentionDropout: number
  dropout: number
  /** factors of cosine attention; null: products are divided by a constant */
  logitScale: Tensor | null
  training: boolean
}

/** Numbers of the parts that came beside each other by the shift: 0 where two elements may see each other, else -100. */
function shiftMask(x: Tensor, size: Size, windowSize: Size, shift: Size): Tensor {
  const [height, width] = size
  const [wh, ww] = windowSize
  const mask = x.newZeros([height, width])
  // as Python's slices: with a shift of 0 the last is the whole
  const cuts = (length: number, window: number, by: number): [number, number][] =>
    by === 0
      ? [
          [0, length - window],
          [length - window, 0],
          [0, length],
        ]
      : [
          [0, length - window],
          [length - window, length - by],
          [length - by, length],
        ]
  let count = 0
  for (const [top, bottom] of cuts(height, wh, shift[0])) {
    for (const [left, right] of cuts(width, ww, shift[1])) {
      if (bottom > top && right > left)
        mask
          .narrow(0, top, bottom - top)
          .narrow(1, left, right - left)
          .fill_(count)
      count++
    }
  }
  const windows = mask
    .view([height / wh, wh, width / ww, ww])
    .permute([0, 2, 1, 3])
    .reshape([(height / wh) * (width / ww), wh * ww])
  const apart = windows.unsqueeze(1).sub(windows.unsqueeze(2))
  return apart.maskedFill(apart.ne(0), -100).maskedFill(apart.eq(0), 0)
}

/** Attention inside of windows, which may be shifted. Shape: `(N, H, W, C)` → the same. */
function shiftedWindowAttention(input: Tensor, inputs: AttentionInputs): Tensor {
  const { windowSize, numHeads, logitScale, training, qkv, proj } = inputs
  const [wh, ww] = windowSize
  const [count, height, width, channels] = input.shape as [number, number, number, number]
  const right = (ww - (width % ww)) % ww
  const below = (wh - (height % wh)) % wh
  let x = functional.pad(input, [0, 0, 0, right, 0, below])
  const [high, wide] = [height + below, width + right]
  // a window as large as the image needs no shift
  const shift: Size = [wh >= high ? 0 : inputs.shiftSize[0], ww >= wide ? 0 : inputs.shiftSize[1]]
  const shifted = shift[0] + shift[1] > 0
  if (shifted) x = x.roll([0 - shift[0], 0 - shift[1]], [1, 2])

  const [rows, columns] = [high / wh, wide / ww]
  const windows = rows * columns
  const size = wh * ww
  x = x
    .view([count, rows, wh, columns, ww, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([count * windows, size, channels])

  let shiftOfQkv: Tensor | null = qkv.bias
  if (logitScale !== null && shiftOfQkv !== null) {
    shiftOfQkv = shiftOfQkv.clone()
    const length = shiftOfQkv.numel() / 3
    shiftOfQkv.narrow(0, length, length).zero_()
  }
  const head = channels / numHeads
  const all = functional
    .linear(x, qkv.weight, shiftOfQkv)
    .reshape([count * windows, size, 3, numHeads, head])
    .permute([2, 0, 3, 1, 4])
  const [q, k, v] = [all.select(0, 0), all.select(0, 1), all.select(0, 2)]
  let attention: Tensor
  if (logitScale === null) attention = q.mul(head ** -0.5).matmul(k.transpose(-2, -1))
  else {
    const cosine = functional.normalize(q, { dim: -1 }).matmul(functional.normalize(k, { dim: -1 }).transpose(-2, -1))
    attention = cosine.mul(logitScale.clamp({ max: Math.log(100) }).exp())
  }
  attention = attention.add(inputs.bias)
  if (shifted) {
    const mask = shiftMask(x, [high, wide], windowSize, shift)
    attention = attention
      .view([count, windows, numHeads, size, size])
      .add(mask.unsqueeze(1).unsqueeze(0))
      .view([-1, numHeads, size, size])
  }
  attention = functional.softmax(attention, -1)
  attention = functional.dropout(attention, { p: inputs.attentionDropout, training })
  x = attention
    .matmul(v)
    .transpose(1, 2)
    .reshape([count * windows, size, channels])
  x = functional.dropout(functional.linear(x, proj.weight, proj.bias), { p: inputs.dropout, training })

  x = x
    .view([count, rows, columns, wh, ww, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([count, high, wide, channels])
  if (shifted) x = x.roll([...shift], [1, 2])
  return x.index(':', `:${height}`, `:${width}`).contiguous()
}

/** Arguments of {@link ShiftedWindowAttention} by name. */
export interface ShiftedWindowAttentionOptions {
  /** whether queries, keys and values have a shift (default `true`) */
  qkvBias?: boolean
  /** whether the last layer has a shift (default `true`) */
  projBias?: boolean
  /** probability of dropping an attention weight, in [0, 1] (default `0`) */
  attentionDropout?: number
  /** probability of dropping in the result, in [0, 1] (default `0`) */
  dropout?: number
}

/** What both versions of the attention have in common. */
abstract class WindowAttention extends Module {
  windowSize: Size
  shiftSize: Size
  numHeads: number
  attentionDropout: number
  dropout: number
  qkv: Linear
  proj: Linear
  // Set, and so put in order, by the constructors of the subclasses.
  declare relative_position_index: Buffer

  constructor(
    dim: number,
    windowSize: Size,
    shiftSize: Size,
    numHeads: number,
    { qkvBias = true, projBias = true, attentionDropout = 0, dropout = 0 }: ShiftedWindowAttentionOptions,
  ) {
    super()
    if (windowSize.length !== 2 || shiftSize.length !== 2)
      throw new ArgumentError('window_size and shift_size must be of length 2')
    this.windowSize = windowSize
    this.shiftSize = shiftSize
    this.numHeads = numHeads
    this.attentionDropout = attentionDropout
    this.dropout = dropout
    this.qkv = new Linear(dim, dim * 3, { bias: qkvBias })
    this.proj = new Linear(dim, dim, { bias: projBias })
  }

  /** The bias of each head for each two elements of a window, from a table of the places that one may have to the other. */
  protected _bias(table: Tensor): Tensor {
    const size = this.windowSize[0] * this.windowSize[1]
    const bias = table.index(this.relative_position_index).view([size, size, -1])
    return bias.permute([2, 0, 1]).contiguous().unsqueeze(0)
  }
  protected _attend(x: Tensor, bias: Tensor, logitScale: Tensor | null): Tensor {
    const { qkv, proj, windowSize, shiftSize, numHeads, attentionDropout, dropout, training } = this
    const inputs = { qkv, proj, bias, windowSize, shiftSize, numHeads, attentionDropout, dropout, logitScale, training }
    return shiftedWindowAttention(x, inputs)
  }
}

/** Attention inside of windows with a learned bias for each place that one element may have to another. Shape: `(N, H, W, dim)` → the same. */
export class ShiftedWindowAttention extends WindowAttention {
  relative_position_bias_table: Parameter

  /**
   * @param windowSize - height and width of the windows
   * @param shiftSize - by how much they are shifted
   */
  constructor(
    dim: number,
    windowSize: Size,
    shiftSize: Size,
    numHeads: number,
    options: ShiftedWindowAttentionOptions = {},
  ) {
    super(dim, windowSize, shiftSize, numHeads, options)
    const [height, width] = windowSize
    this.relative_position_bias_table = new Parameter(zeros([(2 * height - 1) * (2 * width - 1), numHeads]))
    init.truncNormal_(this.relative_position_bias_table, { std: 0.02 })
    this.relative_position_index = new Buffer(relativePositionIndex(height, width).flatten())
  }

  override forward(x: Tensor): Tensor {
    return this._attend(x, this._bias(this.relative_position_bias_table), null)
  }
}

/** The attention of version 2: of cosines, with biases that a small network computes (arXiv 2111.09883). Shape: `(N, H, W, dim)` → the same. */
export class ShiftedWindowAttentionV2 extends WindowAttention {
  declare relative_coords_table: Buffer
  declare logit_scale: Parameter
  declare cpb_mlp: Sequential

  /** As {@link ShiftedWindowAttention}. */
  constructor(
    dim: number,
    windowSize: Size,
    shiftSize: Size,
    numHeads: number,
    options: ShiftedWindowAttentionOptions = {},
  ) {
    super(dim, windowSize, shiftSize, numHeads, options)
    const [height, width] = windowSize
    this.relative_coords_table = new Buffer(coordinates(height, width))
    this.relative_position_index = new Buffer(relativePositionIndex(height, width).flatten())
    this.logit_scale = new Parameter(ones([numHeads, 1, 1]).mul(10).log())
    this.cpb_mlp = new Sequential(
      new Linear(2, 512),
      new ReLU(true),
      new Linear(512, numHeads, { bias: false }),
    ) as unknown as Sequential
    // keys have no shift
    if (this.qkv.bias !== null) noGrad(() => this.qkv.bias.narrow(0, dim, dim).zero_())
  }

  override forward(x: Tensor): Tensor {
    const table: Tensor = this.cpb_mlp.forward(this.relative_coords_table).view([-1, this.numHeads])
    return this._attend(x, this._bias(table).sigmoid().mul(16), this.logit_scale)
  }
}

/** Where one element of a window may lie as seen from another, in logarithms. Shape: `(1, 2 · height - 1, 2 · width - 1, 2)`. */
function coordinates(height: number, width: number): Tensor {
  const range = (length: number): Tensor => arange(1 - length, length, { dtype: 'float32' })
  const table = stack(meshgrid(range(height), range(width), { indexing: 'ij' }), 0)
    .permute([1, 2, 0])
    .contiguous()
    .unsqueeze(0)
  table.select(3, 0).div_(height - 1)
  table.select(3, 1).div_(width - 1)
  table.mul_(8)
  return table.sign().mul(table.abs().add(1).log2()).div(3)
}

/** Four neighbours side by side in the channels. Shape: `(*, H, W, C)` → `(*, ⌈H / 2⌉, ⌈W / 2⌉, 4 · C)`. @internal */
export function mergePatches(x: Tensor): Tensor {
  const [height, width] = x.shape.slice(-3) as [number, number, number]
  x = functional.pad(x, [0, 0, 0, width % 2, 0, height % 2])
  const parts = [
    x.index('...', '0::2', '0::2', ':'),
    x.index('...', '1::2', '0::2', ':'),
    x.index('...', '0::2', '1::2', ':'),
    x.index('...', '1::2', '1::2', ':'),
  ]
  return cat(parts, -1)
}
