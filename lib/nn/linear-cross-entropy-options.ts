import { inspect } from 'node:util'
import { ArgumentError } from '../errors.js'
import type { Device, Dtype } from '../tensor/dtype.js'
import { takeArguments } from './arguments.js'

export type AccPolicy = 'auto' | 'accurate' | 'balanced' | 'compact'

/** Arguments of {@link LinearCrossEntropyOptions} by name. */
export interface LinearCrossEntropySettings {
  /** Lets `backward` with `retainGraph` be called twice, for one more tensor of the size of each gradient (default `false`). */
  allowRetainGraph?: boolean
  /** Samples of a chunk, > 0; null (default): as `chunkingMethod` says. */
  batchChunkSize?: number | null
  /**
   * 'aspect_ratio' makes the scores of a chunk as large as the input, 'aspect_ratio:N' an N-th of that; 'auto' (default) picks
   * one by device and dtype; null: `batchChunkSize` alone.
   */
  chunkingMethod?: string | null
  /** What is kept in `accDtype`: 'accurate' most, 'balanced' less, 'compact' least; 'auto' (default) by device and dtype. */
  accPolicy?: AccPolicy
  /** dtype of sums; null (default): float32 for half precision under the policy 'auto', else that of the input. */
  accDtype?: Dtype | null
}

/** What a call is computed with. @internal */
export interface Chunking {
  size: number
  policy: AccPolicy
  dtype: Dtype
}

const names = ['allowRetainGraph', 'batchChunkSize', 'chunkingMethod', 'accPolicy', 'accDtype']
const policies = ['auto', 'accurate', 'balanced', 'compact']
const accDtypes = ['float16', 'bfloat16', 'float32', 'float64']

/**
 * How {@link LinearCrossEntropyLoss} goes through the batch in chunks, so that the scores of all samples never exist at once. The
 * gradients are made on the way: no second derivatives. Rules: torch/nn/modules/linear_cross_entropy_options.py, PyTorch 2.13.
 * @example
 * const loss = new nn.LinearCrossEntropyLoss(64, 32000, { options: new nn.LinearCrossEntropyOptions() })
 * @see https://docs.pytorch.org/docs/2.13/generated/torch.nn.LinearCrossEntropyOptions.html
 */
export class LinearCrossEntropyOptions {
  readonly allowRetainGraph: boolean
  readonly batchChunkSize: number | null
  readonly chunkingMethod: string | null
  readonly accPolicy: AccPolicy
  readonly accDtype: Dtype | null

  constructor(settings?: LinearCrossEntropySettings)
  constructor(
    allowRetainGraph: boolean | undefined,
    batchChunkSize?: number | null,
    chunkingMethod?: string | null,
    accPolicy?: AccPolicy,
    accDtype?: Dtype | null,
  )
  constructor(...args: unknown[]) {
    const [retain = false, size = null, method = 'auto', policy = 'auto', dtype = null] = takeArguments(
      'LinearCrossEntropyOptions',
      names,
      args,
    ) as any[]
    if (!policies.includes(policy)) throw new ArgumentError(`invalid acc_policy: ${quoted(policy)}`)
    if (method !== null && method !== 'auto' && !/^aspect_ratio(:0*[1-9]\d*)?$/.test(method)) {
      throw new ArgumentError(`invalid chunking_method: ${quoted(method)}`)
    }
    if (size !== null && !(Number.isSafeInteger(size) && size > 0)) {
      throw new ArgumentError(`batch_chunk_size must be positive int or None, got ${quoted(size)}`)
    }
    if (dtype !== null && !accDtypes.includes(dtype)) {
      throw new ArgumentError(
        `acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, torch.float64}, got torch.${dtype}. Pass acc_dtype=None to let the op pick automatically.`,
      )
    }
    this.allowRetainGraph = Boolean(retain)
    this.batchChunkSize = size
    this.chunkingMethod = method
    this.accPolicy = policy
    this.accDtype = dtype
    Object.freeze(this)
  }

  /** Settles what is 'auto' or null for one call. @internal */
  _chunking(samples: number, inFeatures: number, classes: number, dtype: Dtype, device: Device): Chunking {
    const type = device.split(':')[0]!
    const half = dtype === 'float16' || dtype === 'bfloat16'
    const onCpu = half && type === 'cpu'
    const policy = this.accPolicy === 'auto' ? (onCpu ? 'accurate' : 'compact') : this.accPolicy
    let method = this.chunkingMethod
    // A size that was given switches the automatic choice off, but not one that was asked for.
    if (method === 'auto') {
      method = this.batchChunkSize !== null ? null : onCpu ? 'aspect_ratio' : 'aspect_ratio:2'
    }
    let size = Math.min(this.batchChunkSize ?? samples, samples)
    if (method !== null) {
      size = chunkSize(samples, inFeatures, classes, method)
      if (this.batchChunkSize !== null && this.batchChunkSize !== size) {
        throw new ArgumentError(
          `batch_chunk_size (=${this.batchChunkSize}) and chunking_method ('${method}') give different chunk sizes (${this.batchChunkSize} vs ${size}); pass only one.`,
        )
      }
    }
    // Python looks whether a GPU multiplies half precision into float32; those of this LibTorch that cannot are few and old.
    const wide = this.accPolicy === 'auto' && half && (type === 'cpu' || type === 'cuda')
    return { size: Math.max(1, size), policy, dtype: this.accDtype ?? (wide ? 'float32' : dtype) }
  }

  /** As Python prints it. */
  toString(): string {
    const { allowRetainGraph, batchChunkSize, chunkingMethod, accPolicy, accDtype } = this
    const fields = [
      `allow_retain_graph=${allowRetainGraph ? 'True' : 'False'}`,
      `batch_chunk_size=${quoted(batchChunkSize)}`,
      `chunking_method=${quoted(chunkingMethod)}`,
      `acc_policy=${quoted(accPolicy)}`,
      `acc_dtype=${accDtype === null ? 'None' : `torch.${accDtype}`}`,
    ]
    return `LinearCrossEntropyOptions(${fields.join(', ')})`
  }
  [inspect.custom](): string {
    return this.toString()
  }
}

/** Python's repr of what settings are. */
function quoted(value: unknown): string {
  return value === null ? 'None' : typeof value === 'string' ? `'${value}'` : String(value)
}

function chunkSize(samples: number, inFeatures: number, classes: number, method: string): number {
  if (inFeatures === 0) throw new ArgumentError('integer division or modulo by zero')
  const target = Math.ceil(samples / Math.ceil(classes / inFeatures))
  let power = target === 0 ? 2 : 1
  while (power < target) power *= 2
  return Math.min(Math.floor(power / Number(method.split(':')[1] ?? 1)), samples)
}
