/** Which elements of a tensor are pruned. Rules, order of draws and messages: torch/nn/utils/prune.py, PyTorch 2.13. */
import { ArgumentError, TorchIndexError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { norm } from '../../tensor/python-functions.js'
import { floatText, pythonText, sizeText } from '../../tensor/python-text.js'
import { PyFloat } from '../../tensor/python-values.js'
import type { Tensor } from '../../tensor/tensor.js'
import { BasePruningMethod, type PruningType } from './pruning.js'

/** How much to prune: a share in [0, 1], or a whole number of elements or channels; `torch.pyFloat(1)` is the share 1. */
export type Amount = number | PyFloat

/** Whole numbers are Python's ints; `1` is one element, not all. */
function isCount(amount: Amount): amount is number {
  return typeof amount === 'number' && Number.isInteger(amount)
}

function checkedAmount(amount: unknown): Amount {
  if (typeof amount === 'boolean') return Number(amount)
  if (typeof amount !== 'number' && !(amount instanceof PyFloat)) {
    throw new ArgumentError(`Invalid type for amount: ${pythonText(amount)}. Must be int or float.`)
  }
  const value = Number(amount)
  if (isCount(amount) ? value < 0 : value > 1 || value < 0) {
    const text = isCount(amount) ? String(amount) : floatText(value)
    throw new ArgumentError(`amount=${text} should either be a float in the range [0, 1] or a non-negative integer`)
  }
  return amount
}

/** Python's `round`: a half goes to the even neighbour. */
function round(value: number): number {
  const below = Math.floor(value)
  const part = value - below
  return part > 0.5 || (part === 0.5 && below % 2 !== 0) ? below + 1 : below
}

/** How many of `size` to prune. */
function countOf(amount: Amount, size: number): number {
  const count = isCount(amount) ? amount : round(Number(amount) * size)
  if (count > size) {
    throw new ArgumentError(`amount=${count} should be smaller than the number of parameters to prune=${size}`)
  }
  return count
}

/** Prunes nothing. */
export class Identity extends BasePruningMethod {
  override readonly PRUNING_TYPE: PruningType = 'unstructured'
  override computeMask(_t: Tensor, defaultMask: Tensor): Tensor {
    return defaultMask
  }
}

/** The mask without `count` elements. */
function without(mask: Tensor, chosen: Tensor): Tensor {
  mask.view(-1).indexPut_([chosen], 0)
  return mask
}

/** Prunes elements at random. */
export class RandomUnstructured extends BasePruningMethod {
  static override readonly argumentNames = ['amount']
  override readonly PRUNING_TYPE: PruningType = 'unstructured'
  readonly amount: Amount
  constructor(amount: Amount) {
    super()
    this.amount = checkedAmount(amount)
  }
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const count = countOf(this.amount, t.numel())
    const mask = defaultMask.clone()
    return count === 0 ? mask : without(mask, functions.randLike(t).view(-1).topk(count)[1])
  }
}

/** Prunes the elements of the least absolute value. */
export class L1Unstructured extends BasePruningMethod {
  static override readonly argumentNames = ['amount']
  override readonly PRUNING_TYPE: PruningType = 'unstructured'
  readonly amount: Amount
  constructor(amount: Amount) {
    super()
    this.amount = checkedAmount(amount)
  }
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const count = countOf(this.amount, t.numel())
    const mask = defaultMask.clone()
    return count === 0 ? mask : without(mask, t.abs().view(-1).topk(count, { largest: false })[1])
  }
}

/** Refuses tensors that have no channels, and dimensions that they do not have; returns the number of channels. */
function channelsOf(t: Tensor, dim: number): number {
  if (t.ndim <= 1) {
    throw new ArgumentError(
      `Structured pruning can only be applied to multidimensional tensors. Found tensor of shape ${sizeText(t)} with ${t.ndim} dims`,
    )
  }
  if (dim >= t.ndim) throw new TorchIndexError(`Invalid index ${dim} for tensor of size ${sizeText(t)}`)
  return t.size(dim)
}

/** A mask like `t` that keeps the channels `kept` (indices, or one boolean for each) of dimension `dim`. */
function channelMask(t: Tensor, dim: number, kept: Tensor): Tensor {
  const mask = functions.zerosLike(t)
  const at = dim < 0 ? dim + t.ndim : dim
  mask.indexPut_([...t.shape.map((_, i) => (i === at ? kept : ':'))], 1)
  return mask
}

/** Prunes channels at random. */
export class RandomStructured extends BasePruningMethod {
  static override readonly argumentNames = ['amount', 'dim']
  override readonly PRUNING_TYPE: PruningType = 'structured'
  readonly amount: Amount
  constructor(
    amount: Amount,
    readonly dim: number = -1,
  ) {
    super()
    this.amount = checkedAmount(amount)
  }
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const channels = channelsOf(t, this.dim)
    const count = countOf(this.amount, channels)
    if (count === 0) return defaultMask
    const chances = functions.rand([channels])
    const kept = chances.gt(chances.kthvalue(count)[0])
    const mask = channelMask(t, this.dim, kept)
    return mask.mul_(defaultMask.to(mask.dtype))
  }
}

/** Prunes the channels of the least norm; `n` is its order, as in `torch.norm`. */
export class LnStructured extends BasePruningMethod {
  static override readonly argumentNames = ['amount', 'n', 'dim']
  override readonly PRUNING_TYPE: PruningType = 'structured'
  readonly amount: Amount
  constructor(
    amount: Amount,
    readonly n: number | 'fro' | 'nuc',
    readonly dim: number = -1,
  ) {
    super()
    this.amount = checkedAmount(amount)
  }
  override computeMask(t: Tensor, defaultMask: Tensor): Tensor {
    const channels = channelsOf(t, this.dim)
    const count = countOf(this.amount, channels)
    const at = this.dim < 0 ? this.dim + t.ndim : this.dim
    const norms = norm(t, { p: this.n, dim: t.shape.map((_, i) => i).filter((i) => i !== at) })
    const [, kept] = norms.topk(channels - count, { largest: true })
    if (count === 0) return defaultMask
    const mask = channelMask(t, this.dim, kept)
    return mask.mul_(defaultMask.to(mask.dtype))
  }
}

/** Prunes what a mask says: 0 is pruned. */
export class CustomFromMask extends BasePruningMethod {
  static override readonly argumentNames = ['mask']
  override readonly PRUNING_TYPE: PruningType = 'global'
  constructor(readonly mask: Tensor) {
    super()
  }
  override computeMask(_t: Tensor, defaultMask: Tensor): Tensor {
    if (String(defaultMask.shape) !== String(this.mask.shape)) {
      throw new ArgumentError(
        `default_mask shape ${sizeText(defaultMask)} must match self.mask shape ${sizeText(this.mask)}`,
      )
    }
    return defaultMask.mul(this.mask.to(defaultMask.dtype))
  }
}
