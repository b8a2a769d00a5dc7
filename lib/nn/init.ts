/**
 * `torch.nn.init`: fills tensors in place with starting values and returns them. The names are Python's, also where a bare one
 * is an old name. Rules, order of draws and messages: torch/nn/init.py, PyTorch 2.13.
 */
import { ArgumentError } from '../errors.js'
import * as functions from '../generated/functions.js'
import { linalg } from '../generated/namespaces.js'
import { noGrad } from '../tensor/autograd.js'
import type { Generator } from '../tensor/generator.js'
import { pythonText } from '../tensor/python-text.js'
import type { Tensor } from '../tensor/tensor.js'
import { takeArguments } from './arguments.js'
import { type Call, needTensor, numberOr } from './call.js'
import { type FanMode, fanOf, gainOf, type Nonlinearity } from './init-fan.js'
import { truncatedNormal } from './init-trunc-normal.js'

export type { FanMode, Nonlinearity } from './init-fan.js'

/** Where the random numbers come from (default: the device's default generator). */
export interface GeneratorOptions {
  generator?: Generator | null
}
export interface UniformOptions extends GeneratorOptions {
  /** lower bound (default `0`) */
  a?: number
  /** upper bound (default `1`) */
  b?: number
}
export interface NormalOptions extends GeneratorOptions {
  /** (default `0`) */
  mean?: number
  /** standard deviation, >= 0 (default `1`) */
  std?: number
}
export interface TruncNormalOptions extends NormalOptions {
  /** smallest value (default `-2`) */
  a?: number
  /** largest value (default `2`) */
  b?: number
}
export interface GainOptions extends GeneratorOptions {
  /** factor of the result (default `1`), see {@link calculateGain} */
  gain?: number
}
export interface KaimingOptions extends GeneratorOptions {
  /** slope of the negative side of the rectifier, for `'leaky_relu'` (default `0`) */
  a?: number
  /** `'fan_in'` (default) keeps the variance of what goes forward, `'fan_out'` that of gradients */
  mode?: FanMode
  /** (default `'leaky_relu'`) */
  nonlinearity?: Nonlinearity
}
export interface SparseOptions extends GeneratorOptions {
  /** share of zeros in each column, in [0, 1] */
  sparsity?: number
  /** standard deviation of the others (default `0.01`) */
  std?: number
}

type Source = Generator | null | undefined

function flat<T extends Tensor>(tensor: T, from: number, to: number, generator: Source): T {
  return noGrad(() => tensor.uniform_(from, to, drawFrom(generator))) as T
}
function gaussian<T extends Tensor>(tensor: T, mean: number, std: number, generator: Source): T {
  return noGrad(() => tensor.normal_(mean, std, drawFrom(generator))) as T
}
function drawFrom(generator: Source): { generator: Generator } | Record<string, never> {
  return generator ? { generator } : {}
}

/** Arguments by name: the tensor, which is there, then the others. */
function read<T extends Tensor>(what: string, names: string[], args: unknown[]): [tensor: T, ...rest: unknown[]] {
  const [tensor, ...rest] = takeArguments(what, ['tensor', ...names], args)
  return [needTensor(what, 'tensor', tensor) as T, ...rest]
}

/**
 * The gain that is recommended for a nonlinear function: 1 for linear layers, convolutions and `'sigmoid'`, 5/3 for `'tanh'`,
 * √2 for `'relu'`, √(2 / (1 + slope²)) for `'leaky_relu'`, 3/4 for `'selu'`.
 * @param param - the slope of `'leaky_relu'` (default `0.01`)
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number | null | { param?: number | null }): number
export function calculateGain(...args: unknown[]): number {
  const [nonlinearity, param] = takeArguments('calculateGain', ['nonlinearity', 'param'], args)
  return gainOf(nonlinearity, param)
}

/** Fills the tensor with numbers of the uniform distribution over `[a, b)`. */
export function uniform_<T extends Tensor>(
  tensor: T,
  ...args: Call<[a: number | undefined, b: number | undefined, generator: Source], UniformOptions>
): T
export function uniform_(...args: unknown[]): Tensor {
  const [tensor, a, b, generator] = read('uniform_', ['a', 'b', 'generator'], args)
  return flat(tensor, numberOr('uniform_', 'a', a, 0), numberOr('uniform_', 'b', b, 1), generator as Source)
}

/** Fills the tensor with numbers of the normal distribution. */
export function normal_<T extends Tensor>(
  tensor: T,
  ...args: Call<[mean: number | undefined, std: number | undefined, generator: Source], NormalOptions>
): T
export function normal_(...args: unknown[]): Tensor {
  const [tensor, mean, std, generator] = read('normal_', ['mean', 'std', 'generator'], args)
  return gaussian(tensor, numberOr('normal_', 'mean', mean, 0), numberOr('normal_', 'std', std, 1), generator as Source)
}

/** Fills the tensor with numbers of the normal distribution that lie in `[a, b]`; others are drawn again. */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  ...args: Call<
    [
      mean: number | undefined,
      std: number | undefined,
      a: number | undefined,
      b: number | undefined,
      generator: Source,
    ],
    TruncNormalOptions
  >
): T
export function truncNormal_(...args: unknown[]): Tensor {
  const what = 'truncNormal_'
  const [tensor, mean, std, a, b, generator] = read(what, ['mean', 'std', 'a', 'b', 'generator'], args)
  return truncatedNormal(
    tensor,
    numberOr(what, 'mean', mean, 0),
    numberOr(what, 'std', std, 1),
    numberOr(what, 'a', a, -2),
    numberOr(what, 'b', b, 2),
    drawFrom(generator as Source),
  )
}

/** Fills the tensor with one value. */
export function constant_<T extends Tensor>(tensor: T, val: number | boolean | { val: number | boolean }): T
export function constant_(...args: unknown[]): Tensor {
  const [tensor, val] = read('constant_', ['val'], args)
  return noGrad(() => tensor.fill_(val as number))
}

/** Fills the tensor with ones. */
export function ones_<T extends Tensor>(tensor: T): T
export function ones_(...args: unknown[]): Tensor {
  const [tensor] = read('ones_', [], args)
  return noGrad(() => tensor.fill_(1))
}

/** Fills the tensor with zeros. */
export function zeros_<T extends Tensor>(tensor: T): T
export function zeros_(...args: unknown[]): Tensor {
  const [tensor] = read('zeros_', [], args)
  return noGrad(() => tensor.zero_())
}

/** Makes a matrix the identity: ones on the diagonal, else zeros. */
export function eye_<T extends Tensor>(tensor: T): T
export function eye_(...args: unknown[]): Tensor {
  const [tensor] = read('eye_', [], args)
  const { shape, dtype, device } = tensor
  if (shape.length !== 2) throw new ArgumentError('Only tensors with 2 dimensions are supported')
  return noGrad(() => tensor.copy_(functions.eye(shape[0]!, shape[1]!, { dtype, device })))
}

/**
 * Makes a kernel of a convolution (3, 4 or 5 dimensions) pass channels on as they are, as many as possible.
 * @param groups - of the convolution; they divide the output channels (default `1`)
 */
export function dirac_<T extends Tensor>(tensor: T, groups?: number | { groups?: number }): T
export function dirac_(...args: unknown[]): Tensor {
  const [tensor, given] = read('dirac_', ['groups'], args)
  const { shape } = tensor
  const groups = numberOr('dirac_', 'groups', given, 1)
  if (![3, 4, 5].includes(shape.length)) {
    throw new ArgumentError('Only tensors with 3, 4, or 5 dimensions are supported')
  }
  if (!Number.isInteger(groups))
    throw new ArgumentError(`dirac_(): expected groups to be an integer, received ${groups}`)
  if (groups === 0) throw new ArgumentError('integer modulo by zero')
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]]
  if (outputs % groups !== 0) throw new ArgumentError('dim 0 must be divisible by groups')
  if (tensor.isMeta) return tensor
  const perGroup = outputs / groups
  const centre = kernel.map((size) => Math.floor(size / 2))
  return noGrad(() => {
    tensor.zero_()
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < Math.min(perGroup, inputs); i++) tensor.indexPut_([group * perGroup + i, i, ...centre], 1)
    }
    return tensor
  })
}

/** Glorot's uniform distribution: over ±gain · √(6 / (fanIn + fanOut)). */
export function xavierUniform_<T extends Tensor>(
  tensor: T,
  ...args: Call<[gain: number | undefined, generator: Source], GainOptions>
): T
export function xavierUniform_(...args: unknown[]): Tensor {
  const [tensor, std, generator] = xavier('xavierUniform_', args)
  const bound = Math.sqrt(3) * std
  return flat(tensor, -bound, bound, generator)
}

/** Glorot's normal distribution: its standard deviation is gain · √(2 / (fanIn + fanOut)). */
export function xavierNormal_<T extends Tensor>(
  tensor: T,
  ...args: Call<[gain: number | undefined, generator: Source], GainOptions>
): T
export function xavierNormal_(...args: unknown[]): Tensor {
  const [tensor, std, generator] = xavier('xavierNormal_', args)
  return gaussian(tensor, 0, std, generator)
}

function xavier(what: string, args: unknown[]): [tensor: Tensor, std: number, generator: Source] {
  const [tensor, gain, generator] = read(what, ['gain', 'generator'], args)
  const fans = fanOf(tensor, 'fan_in') + fanOf(tensor, 'fan_out')
  if (fans === 0) throw new ArgumentError('float division by zero')
  return [tensor, numberOr(what, 'gain', gain, 1) * Math.sqrt(2 / fans), generator as Source]
}

/** He's uniform distribution: over ±gain · √(3 / fan). */
export function kaimingUniform_<T extends Tensor>(
  tensor: T,
  ...args: Call<
    [a: number | undefined, mode: FanMode | undefined, nonlinearity: Nonlinearity | undefined, generator: Source],
    KaimingOptions
  >
): T
export function kaimingUniform_(...args: unknown[]): Tensor {
  const [tensor, std, generator] = kaiming('kaimingUniform_', args)
  const bound = Math.sqrt(3) * std
  return std < 0 ? tensor : flat(tensor, -bound, bound, generator)
}

/** He's normal distribution: its standard deviation is gain / √fan. */
export function kaimingNormal_<T extends Tensor>(
  tensor: T,
  ...args: Call<
    [a: number | undefined, mode: FanMode | undefined, nonlinearity: Nonlinearity | undefined, generator: Source],
    KaimingOptions
  >
): T
export function kaimingNormal_(...args: unknown[]): Tensor {
  const [tensor, std, generator] = kaiming('kaimingNormal_', args)
  return std < 0 ? tensor : gaussian(tensor, 0, std, generator)
}

/** The standard deviation is -1 where there is nothing to fill. */
function kaiming(what: string, args: unknown[]): [tensor: Tensor, std: number, generator: Source] {
  const [tensor, a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu', generator] = read(
    what,
    ['a', 'mode', 'nonlinearity', 'generator'],
    args,
  )
  if (tensor.shape.includes(0)) {
    process.emitWarning('Initializing zero-element tensors is a no-op', 'UserWarning')
    return [tensor, -1, null]
  }
  const fan = fanOf(tensor, mode)
  return [tensor, gainOf(nonlinearity, a) / Math.sqrt(fan), generator as Source]
}

/** Makes the tensor, seen as a matrix of `shape[0]` rows, a (semi-)orthogonal one times `gain`; it has 2 or more dimensions. */
export function orthogonal_<T extends Tensor>(
  tensor: T,
  ...args: Call<[gain: number | undefined, generator: Source], GainOptions>
): T
export function orthogonal_(...args: unknown[]): Tensor {
  const [tensor, gain, generator] = read('orthogonal_', ['gain', 'generator'], args)
  if (tensor.ndim < 2) throw new ArgumentError('Only tensors with 2 or more dimensions are supported')
  if (tensor.numel() === 0 || tensor.isMeta) return tensor
  const rows = tensor.shape[0]!
  const columns = tensor.numel() / rows
  const drawn = tensor.newEmpty([rows, columns]).normal_(0, 1, drawFrom(generator as Source))
  if (rows < columns) drawn.t_()
  const [q, r] = linalg.qr(drawn)
  // With the signs of R's diagonal the distribution is uniform over the orthogonal matrices (arXiv:math-ph/0609050).
  q.mul_(functions.diag(r, 0).sign())
  if (rows < columns) q.t_()
  return noGrad(() => {
    tensor.viewAs(q).copy_(q)
    return tensor.mul_(numberOr('orthogonal_', 'gain', gain, 1))
  })
}

/** Fills a matrix with numbers of the normal distribution, and a share of each column with zeros. */
export function sparse_<T extends Tensor>(
  tensor: T,
  ...args: Call<[sparsity: number, std: number | undefined, generator: Source], SparseOptions>
): T
export function sparse_(...args: unknown[]): Tensor {
  const [tensor, sparsity, std, generator] = read('sparse_', ['sparsity', 'std', 'generator'], args)
  if (typeof sparsity !== 'number') {
    throw new ArgumentError(`sparse_(): expected sparsity to be a number, received ${pythonText(sparsity)}`)
  }
  const { shape } = tensor
  if (shape.length !== 2) throw new ArgumentError('Only tensors with 2 dimensions are supported')
  if (tensor.isMeta) return tensor
  const [rows, columns] = shape as [number, number]
  const zeros = Math.ceil(sparsity * rows)
  return noGrad(() => {
    tensor.normal_(0, numberOr('sparse_', 'std', std, 0.01), drawFrom(generator as Source))
    // Python draws the places from the default generator, also where another one is given.
    for (let column = 0; column < columns; column++) {
      tensor.indexPut_([functions.randperm(rows).index(`:${zeros}`), column], 0)
    }
    return tensor
  })
}

/** Under a name without underscore, which Python keeps for old programs. */
function old<F extends (...args: any[]) => Tensor>(name: string, fn: F): F {
  return ((...args: unknown[]) => {
    process.emitWarning(`\`nn.init.${name}\` is now deprecated in favor of \`nn.init.${name}_\`.`, 'FutureWarning')
    return fn(...args)
  }) as F
}
/** @deprecated use {@link uniform_} */
export const uniform = old('uniform', uniform_)
/** @deprecated use {@link normal_} */
export const normal = old('normal', normal_)
/** @deprecated use {@link constant_} */
export const constant = old('constant', constant_)
/** @deprecated use {@link eye_} */
export const eye = old('eye', eye_)
/** @deprecated use {@link dirac_} */
export const dirac = old('dirac', dirac_)
/** @deprecated use {@link xavierUniform_} */
export const xavierUniform = old('xavier_uniform', xavierUniform_)
/** @deprecated use {@link xavierNormal_} */
export const xavierNormal = old('xavier_normal', xavierNormal_)
/** @deprecated use {@link kaimingUniform_} */
export const kaimingUniform = old('kaiming_uniform', kaimingUniform_)
/** @deprecated use {@link kaimingNormal_} */
export const kaimingNormal = old('kaiming_normal', kaimingNormal_)
/** @deprecated use {@link orthogonal_} */
export const orthogonal = old('orthogonal', orthogonal_)
/** @deprecated use {@link sparse_} */
export const sparse = old('sparse', sparse_)
