/**
 * What a loader and its workers say to each other. Messages are copies, except for tensors: those go as handles to the same
 * memory, each to one receiver. So whoever does not receive a message must release its tensors.
 */
import { ArgumentError } from '../../errors.js'
import { receive, releaseShared, type SharedTensor } from '../../tensor/share.js'
import { Tensor } from '../../tensor/tensor.js'
import type { Indices } from '../fetch.js'

/** What a worker is made with. */
export interface WorkerStart {
  /** The dataset in a form that can be sent; absent where the module has it. */
  dataset?: unknown
  module?: string
  moduleData?: unknown
  needsCollate: boolean
  stream: boolean
  dropLast: boolean
  id: number
  numWorkers: number
  seed: bigint
  /** The random state to go on from instead. */
  rngState: Uint8Array | null
  /** Not 0: leave what is still to do. */
  stopped: Int32Array
}

export type ToWorker = { task: number; at: Indices } | 'stop'

export type FromWorker =
  | { task: number; batch: unknown; rngState: Uint8Array | null }
  | { task: number; ended: true }
  | { task: number; error: ErrorRecord }
  | { fatal: ErrorRecord }

/** An error on its way: classes of an application do not survive a message. */
export interface ErrorRecord {
  name: string
  message: string
  stack: string
  code?: unknown
}

export function recordOf(error: unknown): ErrorRecord {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: String(error) }
  const { name, message, stack = '' } = error
  const { code } = error as { code?: unknown }
  return { name, message, stack, ...((typeof code === 'string' || typeof code === 'number') && { code }) }
}

/** The worker's error in this thread, with its name, message, code and stack. */
export function errorOf({ name, message, stack, code }: ErrorRecord): Error {
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  error.stack = stack
  if (code !== undefined) (error as { code?: unknown }).code = code
  return error
}

// A plain object of one key that no sample has by accident.
const key = 'libtorch-node:shared-tensor'

/** A copy of `value` with handles in place of tensors, which `handles` collects. Lists, plain objects, Maps and Sets are gone through. */
export function pack(value: unknown, handles: SharedTensor[]): unknown {
  if (value instanceof Tensor) {
    const handle = value.share()
    handles.push(handle)
    return { [key]: handle }
  }
  return walk(value, (inner) => pack(inner, handles))
}

/** What {@link pack} packed. */
export function unpack(value: unknown): unknown {
  const handle = handleIn(value)
  return handle ? receive(handle) : walk(value, unpack)
}

/** Lets go of the tensors of a message that nobody unpacks. */
export function release(value: unknown): void {
  const handle = handleIn(value)
  if (handle) releaseShared(handle)
  else walk(value, release)
}

function handleIn(value: unknown): SharedTensor | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as { [key]?: SharedTensor })[key]
}

function walk(value: unknown, each: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(each)
  if (value instanceof Map) return new Map([...value].map(([name, inner]) => [name, each(inner)]))
  if (value instanceof Set) return new Set([...value].map(each))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, each(inner)]))
}

/** True for the error of a value that a message cannot carry. */
export function isCloneError(error: unknown): boolean {
  return error instanceof Error && error.name === 'DataCloneError'
}

/** The module of a dataset as a URL. @throws {@link ArgumentError} for a text that could mean several files */
export function moduleUrl(
  module: URL | string,
  isAbsolute: (path: string) => boolean,
  toUrl: (path: string) => URL,
): string {
  if (module instanceof URL) return module.href
  if (typeof module === 'string') {
    if (isAbsolute(module)) return toUrl(module).href
    if (/^(file|data|node):/.test(module)) return module
  }
  throw new ArgumentError(
    `DataLoader: workerModule should be a URL or an absolute path, but is ${String(module)}; a file beside this one is new URL('./dataset.js', import.meta.url)`,
  )
}
