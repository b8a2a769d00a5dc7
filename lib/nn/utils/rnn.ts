/**
 * `torch.nn.utils.rnn`: sequences of different lengths in one batch. Source of rules and texts: torch/nn/utils/rnn.py,
 * PyTorch 2.13.
 */
import { ArgumentError } from '../../errors.js'
import * as functions from '../../generated/functions.js'
import { nn as operators } from '../../generated/namespaces.js'
import { tensor as makeTensor } from '../../tensor/creation.js'
import type { Device } from '../../tensor/dtype.js'
import { describe, operatorFunction } from '../../tensor/operator.js'
import { Tensor, type ToOptions } from '../../tensor/tensor.js'
import { flag, takeArguments } from '../arguments.js'

const packPadded = operatorFunction('aten::_pack_padded_sequence')
const padPacked = operatorFunction('aten::_pad_packed_sequence')

/**
 * A batch of sequences without padding: the elements of each time step stand together, those of the longest sequence first.
 * Made by {@link packPaddedSequence} and {@link packSequence}; recurrent layers take it and give it. Iterating it gives its four
 * members, as Python's named tuple does.
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.PackedSequence.html
 */
export class PackedSequence {
  /** The elements, `(sum of lengths, *)`. */
  readonly data: Tensor
  /** How many sequences go on at each time step, int64 on the CPU. */
  readonly batchSizes: Tensor
  /** For each place in the batch, which of the given sequences is there; null when they came sorted. */
  readonly sortedIndices: Tensor | null
  /** The inverse of `sortedIndices`. */
  readonly unsortedIndices: Tensor | null

  /** @internal */
  constructor(
    data: Tensor | readonly [Tensor, Tensor],
    batchSizes: Tensor | null = null,
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = null,
  ) {
    this.sortedIndices = sortedIndices
    this.unsortedIndices = unsortedIndices ?? invertPermutation(sortedIndices)
    if (batchSizes === null) {
      if (!Array.isArray(data) || data.length !== 2)
        throw new ArgumentError('Expected data to be a list or tuple of length 2')
      this.data = data[0] as Tensor
      this.batchSizes = data[1] as Tensor
      return
    }
    if (!(data instanceof Tensor) || !(batchSizes instanceof Tensor)) {
      throw new ArgumentError(
        `PackedSequence: expected data and batchSizes to be Tensors, received ${describe(data)} and ${describe(batchSizes)}`,
      )
    }
    if (batchSizes.device !== 'cpu') {
      throw new ArgumentError(
        'batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. They should be ' +
          'instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn. ' +
          'https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence',
      )
    }
    this.data = data
    this.batchSizes = batchSizes
  }

  *[Symbol.iterator](): IterableIterator<Tensor | null> {
    yield* [this.data, this.batchSizes, this.sortedIndices, this.unsortedIndices]
  }

  /** The same sequence with its data cast or moved; `batchSizes` stay on the CPU. Takes what `Tensor.to` takes. */
  to(...args: [Device | ToOptions | Tensor, ...unknown[]]): PackedSequence {
    const data = (this.data.to as (...args: unknown[]) => Tensor)(...args)
    if (data === this.data) return this
    const move = (indices: Tensor | null): Tensor | null => indices?.to({ device: data.device }) ?? null
    return new PackedSequence(data, this.batchSizes, move(this.sortedIndices), move(this.unsortedIndices))
  }
  cpu(): PackedSequence {
    return this.to('cpu')
  }
  /** Moves to a CUDA device (default: the current one). */
  cuda(device: number | string = 'cuda'): PackedSequence {
    return this.to(typeof device === 'number' ? `cuda:${device}` : device)
  }
  double(): PackedSequence {
    return this.to('float64')
  }
  float(): PackedSequence {
    return this.to('float32')
  }
  half(): PackedSequence {
    return this.to('float16')
  }
  long(): PackedSequence {
    return this.to('int64')
  }
  int(): PackedSequence {
    return this.to('int32')
  }
  short(): PackedSequence {
    return this.to('int16')
  }
  char(): PackedSequence {
    return this.to('int8')
  }
  byte(): PackedSequence {
    return this.to('uint8')
  }
  get isCuda(): boolean {
    return this.data.device.startsWith('cuda')
  }
  /** With its tensors in page-locked memory, from which copies to a CUDA device need not wait. */
  pinMemory(): PackedSequence {
    const pin = (indices: Tensor | null): Tensor | null => indices?.pinMemory() ?? null
    return new PackedSequence(
      this.data.pinMemory(),
      this.batchSizes,
      pin(this.sortedIndices),
      pin(this.unsortedIndices),
    )
  }
  isPinned(): boolean {
    return this.data.isPinned()
  }
  toString(): string {
    const [data, sizes, sorted, unsorted] = [...this].map((member) => (member === null ? 'None' : String(member)))
    return `PackedSequence(data=${data}, batch_sizes=${sizes}, sorted_indices=${sorted}, unsorted_indices=${unsorted})`
  }
}

/** The permutation that undoes `permutation`, a one-dimensional int64 tensor. */
export function invertPermutation(permutation: Tensor): Tensor
export function invertPermutation(permutation: Tensor | null): Tensor | null
export function invertPermutation(permutation: Tensor | null): Tensor | null {
  if (permutation === null) return null
  const positions = functions.arange(0, permutation.numel(), { device: permutation.device })
  return functions.emptyLike(permutation).scatter_(0, permutation, positions)
}

export interface PackPaddedSequenceOptions {
  /** The input is `(B, T, *)` instead of `(T, B, *)` (default `false`). */
  batchFirst?: boolean
  /** The lengths come in descending order; without, the sequences are sorted here (default `true`). */
  enforceSorted?: boolean
}
/**
 * Packs a padded batch.
 * @param input - `(T, B, *)`, T the longest length
 * @param lengths - of each sequence, > 0; a Tensor is on the CPU
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  options?: PackPaddedSequenceOptions,
): PackedSequence
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  batchFirst: boolean,
  enforceSorted?: boolean | Omit<PackPaddedSequenceOptions, 'batchFirst'>,
): PackedSequence
export function packPaddedSequence(...args: unknown[]): PackedSequence {
  const names = ['input', 'lengths', 'batchFirst', 'enforceSorted']
  const [input, given, first, enforce] = takeArguments('packPaddedSequence', names, args) as [Tensor, ...unknown[]]
  const batchFirst = flag('packPaddedSequence', 'batchFirst', first, false)
  let lengths =
    given instanceof Tensor ? given.to({ dtype: 'int64' }) : makeTensor(given as number[], { dtype: 'int64' })
  if (flag('packPaddedSequence', 'enforceSorted', enforce, true)) {
    const [data, sizes] = packPadded(input, lengths, batchFirst)
    return new PackedSequence(data, sizes)
  }
  let order: Tensor
  ;[lengths, order] = functions.sort(lengths, -1, true) as [Tensor, Tensor]
  order = order.to({ device: input.device })
  const [data, sizes] = packPadded(input.indexSelect(batchFirst ? 0 : 1, order), lengths, batchFirst)
  return new PackedSequence(data, sizes, order)
}

export interface PadPackedSequenceOptions {
  /** The result is `(B, T, *)` instead of `(T, B, *)` (default `false`). */
  batchFirst?: boolean
  /** Fills what the sequences leave (default `0`). */
  paddingValue?: number
  /** T of the result, at least the longest length (default: that). */
  totalLength?: number | null
}
/** The inverse of {@link packPaddedSequence}: the padded batch, and the length of each sequence. */
export function padPackedSequence(sequence: PackedSequence, options?: PadPackedSequenceOptions): [Tensor, Tensor]
export function padPackedSequence(
  sequence: PackedSequence,
  batchFirst: boolean,
  paddingValue?: number | Omit<PadPackedSequenceOptions, 'batchFirst'>,
  totalLength?: number | null,
): [Tensor, Tensor]
export function padPackedSequence(...args: unknown[]): [Tensor, Tensor] {
  const names = ['sequence', 'batchFirst', 'paddingValue', 'totalLength']
  const [sequence, first, fill = 0, total = null] = takeArguments('padPackedSequence', names, args)
  if (!(sequence instanceof PackedSequence)) {
    throw new ArgumentError(`padPackedSequence(): expected a PackedSequence, received ${describe(sequence)}`)
  }
  const batchFirst = flag('padPackedSequence', 'batchFirst', first, false)
  const longest = sequence.batchSizes.shape[0]!
  if (total !== null && (total as number) < longest) {
    throw new ArgumentError(
      `Expected total_length to be at least the length of the longest sequence in input, but got total_length=${total} and max sequence length being ${longest}`,
    )
  }
  const [padded, lengths] = padPacked(sequence.data, sequence.batchSizes, batchFirst, fill, total ?? longest)
  const order = sequence.unsortedIndices
  if (order === null) return [padded, lengths]
  return [padded.indexSelect(batchFirst ? 0 : 1, order), lengths.indexSelect(0, order.cpu())]
}

export interface PadSequenceOptions {
  /** The result is `(B, T, *)` instead of `(T, B, *)` (default `false`). */
  batchFirst?: boolean
  /** Fills what the sequences leave (default `0`). */
  paddingValue?: number
  /** Where the filling stands (default 'right'). */
  paddingSide?: 'right' | 'left'
}
/** Stacks sequences `(L, *)` of different lengths into one padded batch. */
export function padSequence(sequences: Iterable<Tensor>, options?: PadSequenceOptions): Tensor
export function padSequence(
  sequences: Iterable<Tensor>,
  batchFirst: boolean,
  paddingValue?: number | Omit<PadSequenceOptions, 'batchFirst'>,
  paddingSide?: 'right' | 'left',
): Tensor
export function padSequence(...args: unknown[]): Tensor {
  const names = ['sequences', 'batchFirst', 'paddingValue', 'paddingSide']
  const [sequences, first, fill = 0, side = 'right'] = takeArguments('padSequence', names, args)
  if (typeof (sequences as Iterable<Tensor> | null)?.[Symbol.iterator] !== 'function') {
    throw new ArgumentError(
      `pad_sequence: Expected iterable for input sequences, but got arg of type: ${describe(sequences)}`,
    )
  }
  const list = [...(sequences as Iterable<Tensor>)]
  return operators.padSequence(list, flag('padSequence', 'batchFirst', first, false), fill as number, side as string)
}

/**
 * The sequences of a padded batch, without the padding. As in PyTorch, a batch that is not `batchFirst` is transposed in place.
 * @param paddedSequences - `(T, B, *)`
 * @param lengths - of each sequence
 * @param options - `batchFirst`: the batch is `(B, T, *)` (default `false`), also as third argument
 */
export function unpadSequence(
  paddedSequences: Tensor,
  lengths: Tensor,
  options: boolean | { batchFirst?: boolean } = {},
): Tensor[] {
  const [padded, sizes, first] = takeArguments(
    'unpadSequence',
    ['paddedSequences', 'lengths', 'batchFirst'],
    [paddedSequences, lengths, options],
  ) as [Tensor, Tensor, boolean | undefined]
  if (!flag('unpadSequence', 'batchFirst', first, false)) padded.transpose_(0, 1)
  const [batch, longest] = padded.shape as [number, number]
  const positions = functions.arange(longest, { device: sizes.device })
  const count = sizes.length
  if (count !== batch) {
    throw new ArgumentError(`zip() argument 2 is ${count < batch ? 'shorter' : 'longer'} than argument 1`)
  }
  return Array.from({ length: batch }, (_, i) => padded.select(0, i).index(positions.lt(sizes.select(0, i))))
}

/**
 * Packs sequences `(L, *)`.
 * @param options - `enforceSorted`: they come longest first (default `true`), also as second argument
 */
export function packSequence(
  sequences: readonly Tensor[],
  options: boolean | { enforceSorted?: boolean } = {},
): PackedSequence {
  const names = ['sequences', 'enforceSorted']
  const [list, enforce] = takeArguments('packSequence', names, [sequences, options]) as [Tensor[], boolean | undefined]
  const enforceSorted = flag('packSequence', 'enforceSorted', enforce, true)
  return packPaddedSequence(
    padSequence(list),
    list.map((sequence) => sequence.length),
    { enforceSorted },
  )
}

/** The sequences of a packed batch, in the order in which they were given. */
export function unpackSequence(packedSequences: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(packedSequences, { batchFirst: true })
  return unpadSequence(padded, lengths, { batchFirst: true })
}
