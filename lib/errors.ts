/**
 * Every error that this package throws. Each has a stable `code`; messages may improve between releases, codes do not.
 * `instanceof` works across two copies of the package (another version in the tree, a worker bundle), as the classes are
 * recognised by brand and not by identity.
 */

/** One row for each code: the class that carries it and what it means. `docs/errors.md` lists the same rows. */
export const errorCodes = {
  ERR_TORCH: 'LibTorch refused the operation',
  ERR_SHAPE: 'sizes do not fit together',
  ERR_DTYPE: 'a dtype does not fit',
  ERR_DEVICE: 'a device does not exist here, or tensors are on different devices',
  ERR_INDEX: 'an index is out of range',
  ERR_ARGUMENT: 'an argument is missing, unknown or of the wrong kind',
  ERR_DISPOSED: 'the tensor was disposed of, or its scope has ended',
  ERR_OUT_OF_MEMORY: 'memory could not be had, also after a garbage collection',
  ERR_STATE_DICT: 'a state dict does not fit its module',
  ERR_CHECKPOINT_FORMAT: 'not a checkpoint, or one that is truncated or corrupt',
  ERR_CHECKPOINT_UNSAFE: 'a checkpoint asks for more than data, or for unreasonable amounts of it',
  ERR_CHECKPOINT_WRITE: 'a checkpoint could not be written; the file that was there before is untouched',
  ERR_CHECKPOINT_LOCKED: 'another process owns the checkpoint directory',
  ERR_CHECKPOINT_MISMATCH: 'a checkpoint does not belong to the objects that it is restored into',
  ERR_DOWNLOAD: 'a file could not be downloaded, or is not the one that was wanted',
  ERR_DATA_WORKER: 'a worker of a DataLoader failed, or did not answer in time',
  ERR_LIBTORCH_NOT_FOUND: 'no usable LibTorch was found',
  ERR_LIBTORCH_VERSION: 'LibTorch has another version than the addon was built for',
  ERR_LIBTORCH_INSTALL: 'LibTorch could not be fetched or unpacked',
  ERR_PLATFORM: 'there is no addon for this platform',
} as const

export type ErrorCode = keyof typeof errorCodes

const brand = Symbol.for('libtorch-node.error')

/** Base class of every error of this package. */
export class TorchError extends Error {
  readonly code: ErrorCode
  /** The C++ stack of LibTorch, where the error came from there. */
  readonly cppStack?: string

  constructor(message: string, options: { code?: ErrorCode; cause?: unknown; cppStack?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = options.code ?? 'ERR_TORCH'
    Object.defineProperty(this, brand, { value: brandsOf(new.target) })
    if (options.cppStack) Object.defineProperty(this, 'cppStack', { value: options.cppStack, enumerable: false })
  }

  override get name(): string {
    return this.constructor.name
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class asked about is the receiver
    return brandOf(value)?.includes(this.name) ?? false
  }
}

function brandOf(value: unknown): string[] | undefined {
  return typeof value === 'object' && value !== null ? (value as { [brand]?: string[] })[brand] : undefined
}

function brandsOf(type: { name: string }): string[] {
  const names: string[] = []
  for (let at = type; typeof at === 'function' && at.name; at = Object.getPrototypeOf(at)) {
    names.push(at.name)
    if (at.name === 'TorchError') break
  }
  return names
}

type Options = { cause?: unknown; cppStack?: string }

export class ShapeError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_SHAPE' })
  }
}
export class DtypeError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_DTYPE' })
  }
}
export class DeviceError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_DEVICE' })
  }
}
export class TorchIndexError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_INDEX' })
  }
}
export class ArgumentError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_ARGUMENT' })
  }
}
export class DisposedError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_DISPOSED' })
  }
}
export class OutOfMemoryError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_OUT_OF_MEMORY' })
  }
}
export class StateDictError extends TorchError {
  constructor(message: string, options: Options = {}) {
    super(message, { ...options, code: 'ERR_STATE_DICT' })
  }
}
type CheckpointCode = Extract<ErrorCode, `ERR_CHECKPOINT_${string}`>
/** A checkpoint that cannot be read or written: `code` says which, `file`, `record` and `offset` (bytes) where. */
export class CheckpointError extends TorchError {
  readonly file?: string
  readonly record?: string
  readonly offset?: number
  constructor(
    code: CheckpointCode,
    message: string,
    options: Options & { file?: string; record?: string; offset?: number } = {},
  ) {
    super(message, { ...options, code })
    if (options.file !== undefined) this.file = options.file
    if (options.record !== undefined) this.record = options.record
    if (options.offset !== undefined) this.offset = options.offset
  }
}
/** A file could not be downloaded: `status` is that of HTTP, where the server answered with one. */
export class DownloadError extends TorchError {
  readonly status?: number
  constructor(message: string, options: Options & { status?: number } = {}) {
    super(message, { ...options, code: 'ERR_DOWNLOAD' })
    if (options.status !== undefined) this.status = options.status
  }
}
/** A worker of a DataLoader failed: `worker` says which, `batch` which batch it was making; its own error is the `cause`. */
export class DataWorkerError extends TorchError {
  readonly worker: number
  readonly batch?: number
  constructor(message: string, worker: number, options: Options & { batch?: number } = {}) {
    super(message, { ...options, code: 'ERR_DATA_WORKER' })
    this.worker = worker
    if (options.batch !== undefined) this.batch = options.batch
  }
}
type LibTorchCode = Extract<ErrorCode, `ERR_LIBTORCH_${string}`> | 'ERR_PLATFORM'
/** LibTorch or the addon could not be found, fetched or loaded: `code` says which, the message what to do. */
export class LibTorchError extends TorchError {
  constructor(code: LibTorchCode, message: string, options: Options = {}) {
    super(message, { ...options, code })
  }
}

type Message = [make: (message: string, options: Options) => TorchError, ...patterns: RegExp[]]

const noBackend =
  /PyTorch is not linked with support for|Could not run '.*' with arguments from the '(CUDA|MPS|XPU|HIP|PrivateUse1)/

/**
 * What LibTorch 2.13 says, and the class that it means. First match wins: messages about dtypes also speak of sizes and
 * expectations, so that the narrow rows come first.
 */
const libtorchMessages: Message[] = [
  [
    (m, o) => new OutOfMemoryError(m, o),
    /can't allocate memory|out of memory|not enough memory/i,
    /storage size calculation overflowed/i,
  ],
  [
    (m, o) =>
      new DeviceError(
        `${m.replace(/ This could be because[\s\S]*/, '')}\nThis LibTorch, or this machine, does not have the device. Use 'cpu' (torch.load has mapLocation: 'cpu'), or see: npx libtorch-node doctor`,
        o,
      ),
    noBackend,
    /not compiled with CUDA|no NVIDIA driver|invalid device ordinal|cannot access accelerator device/i,
  ],
  [
    (m, o) => new DeviceError(m, o),
    /expected all tensors to be on the same device|expected one of cpu, cuda|invalid device string|device index must/i,
  ],
  [
    (m, o) => new DtypeError(m, o),
    /\bdtypes?\b|scalar ?type|not implemented for '|result type .* can't be cast/i,
    /\btypes? .*should be the same|only Tensors of floating point/i,
    /\b(bool|boolean|floating point|complex|real|integer|integral) (or complex )?(input )?(tensors?|masks?)\b/i,
  ],
  [(m, o) => new TorchIndexError(m, o), /out of (range|bounds)|exceeds dimension size|too many indices/i],
  [
    (m, o) => new ShapeError(m, o),
    /must match the size|sizes? of tensors must match|shapes? cannot be multiplied|shape '.*' is invalid/i,
    /size mismatch|shape mismatch|mismatch in shape|inconsistent tensor size|invalid (shape|size)|expanded size/i,
    /(must|cannot|can't|does not|doesn't) (be )?(match the )?broadcast/i,
    /expected .*\b(sizes?|dimensions?|dims?|shapes?|channels|batch\w*)\b|expected more than 1 value per channel/i,
    /\b\d-?d (\w+ )*tensors?\b|must be a (matrix|vector)|square matrices|number of dimensions|to be equal size/i,
    /\b\d+d (\((un)?batched\) )?(or \d+d .*)?(input|tensors?)\b/i,
    /only one dimension can be inferred|view size is not compatible|must be non-negative|negative dimension/i,
    /kernel size can't be greater|output size is too small|should contain \d+ elements|split_sizes to sum/i,
    /elements? .*cannot be converted|a Tensor with \d+ elements/i,
  ],
  [
    (m, o) => new ArgumentError(m, o),
    /(has|have) to be between|must be between|expects a non-empty|duplicate dims|appears multiple times/i,
    /inconsistent with step sign|step must be nonzero|expects (std|p|lambda|'from')|does not appear in the equation/i,
    /p_in >= 0|probability tensor contains/i,
  ],
]

/**
 * The error for something that the addon threw. The addon calls this with `code` where it knows it, else with `''`.
 * @internal
 */
export function errorFromNative(code: string, message: string, cppStack?: string): TorchError {
  const options = cppStack ? { cppStack } : {}
  switch (code) {
    case 'ERR_ARGUMENT':
      return new ArgumentError(message, options)
    case 'ERR_DISPOSED':
      return new DisposedError(message, options)
    case 'ERR_SHAPE':
      return new ShapeError(message, options)
    case 'ERR_DTYPE':
      return new DtypeError(message, options)
    case 'ERR_DEVICE':
      return new DeviceError(message, options)
    case 'ERR_INDEX':
      return new TorchIndexError(message, options)
    case 'ERR_OUT_OF_MEMORY':
      return new OutOfMemoryError(message, options)
    case 'ERR_CHECKPOINT_FORMAT':
    case 'ERR_CHECKPOINT_WRITE':
      return new CheckpointError(code, message, options)
    case 'ERR_TORCH':
      return new TorchError(message, options)
    default: {
      const cause = causeOf(message)
      const row = libtorchMessages.find(([, ...patterns]) => patterns.some((pattern) => pattern.test(cause)))
      return row ? row[0](message, options) : new TorchError(message, options)
    }
  }
}

/** What an error is about: one inside of a TorchScript program comes after the lines of the program that led to it. */
function causeOf(message: string): string {
  if (!message.startsWith('The following operation failed in the TorchScript interpreter.')) return message
  return message.slice(message.search(/\n[\w.]*(Error|Exception): (?![\s\S]*\n[\w.]*(Error|Exception): )/) + 1)
}

/** The one of `known` that is nearest to `word`, for "did you mean"; undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase().replaceAll('_', ''), candidate.toLowerCase().replaceAll('_', ''))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(row[j - 1]! + 1, previous[j]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    previous = row
  }
  return previous[b.length]!
}
