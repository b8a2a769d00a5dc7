import { ArgumentError, ShapeError, TorchIndexError } from '../errors.js'
import { randperm, tensor } from '../tensor/functions.js'
import type { Generator } from '../tensor/generator.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptions } from './options.js'

/**
 * A list of samples that are made on demand. Subclasses give `length` and `get(i)`, which may return a promise; any object
 * with these two fits where a `Dataset` is asked for, and so does an array.
 * @example
 * class Squares extends torch.utils.data.Dataset<[Tensor, Tensor]> {
 *   length = 100
 *   get(i: number): [Tensor, Tensor] { return [torch.tensor(i), torch.tensor(i * i)] }
 * }
 */
export abstract class Dataset<Item> {
  /** Number of samples. */
  abstract readonly length: number
  /** The sample at `index`, 0 ≤ index < length. */
  abstract get(index: number): Item | Promise<Item>
  /**
   * All samples at `indices`, already collated. A dataset that can do this faster than one by one may offer it; it must give
   * what {@link defaultCollate} would. Undefined as a result means: not here.
   */
  getBatch?(indices: number[]): unknown
}

/** What a loader, a subset or a split takes: a dataset, or an array of samples. */
export type DatasetLike<Item> = Dataset<Item> | readonly Item[]

/** The sample at `index` of a dataset or an array. */
export function sample<Item>(dataset: DatasetLike<Item>, index: number): Item | Promise<Item> {
  if (!Array.isArray(dataset)) return (dataset as Dataset<Item>).get(index)
  const at = index < 0 ? index + dataset.length : index
  if (!(at >= 0 && at < dataset.length)) {
    throw new TorchIndexError(`index ${index} is out of range for ${dataset.length} samples`)
  }
  return dataset[at]
}

/** {@link Dataset.getBatch} of a dataset that has it, else undefined; a subclass with a `get` of its own is asked for each sample. */
export function collatedBatch(dataset: DatasetLike<unknown>, indices: number[]): unknown {
  for (let at: object = dataset; at; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, 'getBatch')) return (dataset as Dataset<unknown>).getBatch!(indices)
    if (Object.hasOwn(at, 'get')) return undefined
  }
  return undefined
}

/**
 * Samples along the first dimension of tensors: sample i is `[tensors[0][i], tensors[1][i], …]`.
 * @param tensors - at least one, all with the same first size
 * @throws {@link ShapeError} when their first sizes differ
 */
export class TensorDataset<T extends readonly Tensor[]> extends Dataset<T> {
  readonly tensors: T

  constructor(...tensors: T) {
    super()
    if (tensors.length === 0) throw new ArgumentError('TensorDataset: expected at least one tensor')
    const sizes = tensors.map((t) => t.shape[0])
    if (sizes.some((size) => size === undefined || size !== sizes[0])) {
      const shapes = tensors.map((t) => `[${t.shape.join(', ')}]`).join(', ')
      throw new ShapeError(`TensorDataset: the tensors should have the same first size, but have the shapes ${shapes}`)
    }
    this.tensors = tensors
  }

  get length(): number {
    return this.tensors[0]!.shape[0]!
  }

  get(index: number): T {
    return this.tensors.map((t) => t.select(0, index)) as unknown as T
  }

  // The same bytes as stacking the rows, in one call for each tensor.
  override getBatch(indices: number[]): Tensor[] {
    const n = this.length
    const rows = tensor(BigInt64Array.from(indices, (i) => BigInt(i < 0 ? i + n : i)))
    return this.tensors.map((t) => t.indexSelect(0, rows.to(t.device)))
  }
}

/** The samples of `dataset` at `indices`, in that order. */
export class Subset<Item> extends Dataset<Item> {
  readonly dataset: DatasetLike<Item>
  readonly indices: readonly number[]

  constructor(dataset: DatasetLike<Item>, indices: readonly number[]) {
    super()
    this.dataset = dataset
    this.indices = indices
  }

  get length(): number {
    return this.indices.length
  }

  get(index: number): Item | Promise<Item> {
    return sample(this.dataset, this.#inner(index))
  }

  override getBatch(indices: number[]): unknown {
    return collatedBatch(
      this.dataset,
      indices.map((i) => this.#inner(i)),
    )
  }

  #inner(index: number): number {
    const inner = this.indices.at(index)
    if (inner === undefined) {
      throw new TorchIndexError(`index ${index} is out of range for a subset of ${this.length} samples`)
    }
    return inner
  }
}

/** Several datasets one after the other. */
export class ConcatDataset<Item> extends Dataset<Item> {
  readonly datasets: readonly DatasetLike<Item>[]
  /** Number of samples up to the end of each dataset. */
  readonly cumulativeSizes: readonly number[]

  constructor(datasets: Iterable<DatasetLike<Item>>) {
    super()
    this.datasets = [...datasets]
    if (this.datasets.length === 0) throw new ArgumentError('ConcatDataset: expected at least one dataset')
    let total = 0
    this.cumulativeSizes = this.datasets.map((dataset) => (total += dataset.length))
  }

  get length(): number {
    return this.cumulativeSizes.at(-1)!
  }

  get(index: number): Item | Promise<Item> {
    const at = index < 0 ? index + this.length : index
    const which = this.cumulativeSizes.findIndex((end) => at < end)
    if (at < 0 || which < 0) throw new TorchIndexError(`index ${index} is out of range for ${this.length} samples`)
    return sample(this.datasets[which]!, at - (which === 0 ? 0 : this.cumulativeSizes[which - 1]!))
  }
}

/** What a {@link StackDataset} of `T` gives. */
export type Stacked<T> = { -readonly [K in keyof T]: T[K] extends DatasetLike<infer Item> ? Item : never }

/**
 * Several datasets of one length side by side: sample i has the i-th sample of each, in a list, or under the names of an object.
 * @param datasets - datasets one by one, or one object of them
 * @throws {@link ShapeError} when their lengths differ
 * @example
 * new torch.utils.data.StackDataset({ image: images, text: captions }) // sample 0: { image: images.get(0), text: … }
 */
export class StackDataset<T extends readonly DatasetLike<any>[] | Record<string, DatasetLike<any>>> extends Dataset<
  Stacked<T>
> {
  readonly datasets: T

  constructor(...datasets: T extends readonly unknown[] ? T : [datasets: T])
  constructor(...datasets: any[]) {
    super()
    const named = datasets.length === 1 && isRecord(datasets[0])
    this.datasets = named ? datasets[0] : datasets
    const lengths = Object.values(this.datasets).map((dataset) => dataset?.length)
    if (lengths.length === 0) throw new ArgumentError('StackDataset: expected at least one dataset')
    if (lengths.some((length) => length === undefined || length !== lengths[0]))
      throw new ShapeError(`StackDataset: the datasets should have the same length, but have ${lengths.join(', ')}`)
  }

  get length(): number {
    return (Object.values(this.datasets)[0] as DatasetLike<unknown>).length
  }

  get(index: number): Stacked<T> | Promise<Stacked<T>> {
    const items = Object.entries(this.datasets).map(([key, dataset]) => [key, sample(dataset, index)] as const)
    const together = (values: unknown[]) =>
      (Array.isArray(this.datasets)
        ? values
        : Object.fromEntries(items.map(([key], i) => [key, values[i]]))) as Stacked<T>
    const values = items.map(([, item]) => item)
    return values.some((item) => item instanceof Promise) ? Promise.all(values).then(together) : together(values)
  }
}

function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.getPrototypeOf(value) === Object.prototype && typeof (value as { get?: unknown }).get !== 'function'
}

/**
 * Splits a dataset at random into subsets that share no sample; the same seed gives Python's split.
 * @param lengths - numbers of samples that sum to `dataset.length`, or fractions that sum to 1 (what rounding leaves over
 *   goes to the first subsets, one each)
 * @param options - `generator` (default: the global one)
 */
export function randomSplit<Item>(
  dataset: DatasetLike<Item>,
  lengths: readonly number[],
  options: { generator?: Generator | null } = {},
): Subset<Item>[] {
  checkOptions('randomSplit', options, ['generator'])
  const sum = lengths.reduce((a, b) => a + b, 0)
  const sizes = sum <= 1 && Math.abs(sum - 1) <= 1e-9 ? sizesOfFractions(lengths, dataset.length) : lengths
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw new ArgumentError(
      `randomSplit: lengths should be whole numbers or fractions that sum to 1, but are ${lengths}`,
    )
  }
  const total = sizes.reduce((a, b) => a + b, 0)
  if (total !== dataset.length) {
    throw new ArgumentError(`randomSplit: the lengths sum to ${total}, but the dataset has ${dataset.length} samples`)
  }
  const order = randperm(total, { generator: options.generator }).tolist() as number[]
  let end = 0
  return sizes.map((size) => new Subset(dataset, order.slice(end, (end += size))))
}

function sizesOfFractions(fractions: readonly number[], total: number): number[] {
  const sizes = fractions.map((fraction, i) => {
    if (fraction < 0 || fraction > 1)
      throw new ArgumentError(`randomSplit: fraction ${i} is ${fraction}, not in [0, 1]`)
    return Math.floor(total * fraction)
  })
  const remainder = total - sizes.reduce((a, b) => a + b, 0)
  for (let i = 0; i < remainder; i++) sizes[i % sizes.length]!++
  return sizes
}
