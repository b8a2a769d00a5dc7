/**
 * Values on their way to and from the interpreter. What it has and JavaScript has not goes as an object with a `kind`; all else as it
 * is. Which type of TorchScript a value becomes is decided natively, where the program's declarations are known.
 */
import type { Handle } from '../../binding.js'
import { ArgumentError } from '../errors.js'
import { isOptions } from '../tensor/operator.js'
import { entriesInOrder, orderedDict, PyFloat, setInOrder, Tuple } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import type { ScriptHandle } from './native.js'

const handles = new WeakMap<object, Handle<string>>()

/** Notes what native object stands behind a ScriptModule or a ScriptObject. @internal */
export function knowHandle(object: object, handle: Handle<string>): void {
  handles.set(object, handle)
}

/**
 * An object of a class of the program, which JavaScript can keep and hand back to it: as an argument, or as the value of an
 * attribute.
 */
export class ScriptObject {
  /** @internal */
  constructor(
    handle: Handle<string>,
    /** The class's name in the program, `'__torch__.Vocabulary'`. */
    readonly type: string,
  ) {
    knowHandle(this, handle)
  }
  toString(): string {
    return `<torch.ScriptObject ${this.type}>`
  }
}

/** Deeper than any value of a program; a value that contains itself goes on forever. */
const deepest = 100

/** A value for native code. @internal */
export function encode(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return value
  if (depth > deepest) throw new ArgumentError(`a value for TorchScript is more than ${deepest} levels deep`)
  const inner = (item: unknown): unknown => encode(item, depth + 1)
  const handle = handles.get(value)
  if (handle) return { kind: value instanceof ScriptObject ? 'object' : 'module', handle }
  if (value instanceof PyFloat) return { kind: 'float', value: value.value }
  if (value instanceof Tuple) return { kind: 'tuple', items: Array.from(value, inner) }
  if (Array.isArray(value)) return Array.from(value, inner)
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Uint8Array)
  if ('re' in value && 'im' in value) return { kind: 'complex', re: value.re, im: value.im }
  if (value instanceof Map) return dict([...value], inner)
  if (isOptions(value)) return dict(entriesInOrder(value), inner)
  throw new ArgumentError(`there is no value of TorchScript for ${Object.prototype.toString.call(value).slice(8, -1)}`)
}

function dict(entries: [unknown, unknown][], inner: (item: unknown) => unknown): object {
  return { kind: 'dict', keys: entries.map(([key]) => inner(key)), values: entries.map(([, value]) => inner(value)) }
}

type Coded =
  | { kind: 'tuple'; items: unknown[]; names?: string[] }
  | { kind: 'dict'; keys: unknown[]; values: unknown[]; strings: boolean }
  | { kind: 'module'; handle: ScriptHandle }
  | { kind: 'object'; handle: Handle<string>; type: string }

/** The reverse of {@link encode}; `moduleOf` makes a module of a handle. @internal */
export function decode(value: unknown, moduleOf: (handle: ScriptHandle) => object): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return value
  const inner = (item: unknown): unknown => decode(item, moduleOf)
  if (Array.isArray(value)) return value.map(inner)
  if (!('kind' in value)) return value
  const coded = value as Coded
  switch (coded.kind) {
    case 'tuple':
      return named(Tuple.from(coded.items.map(inner)), coded.names ?? [])
    case 'dict':
      return dictOf(coded.keys.map(inner), coded.values.map(inner), coded.strings)
    case 'module':
      return moduleOf(coded.handle)
    case 'object':
      return new ScriptObject(coded.handle, coded.type)
  }
}

/** The fields of a named tuple, beside its elements. */
function named(tuple: Tuple, names: string[]): Tuple {
  names.forEach((name, i) => {
    if (!(name in tuple)) Object.defineProperty(tuple, name, { get: () => tuple[i], enumerable: false })
  })
  return tuple
}

function dictOf(keys: unknown[], values: unknown[], strings: boolean): object {
  if (!strings) return new Map(keys.map((key, i) => [key, values[i]]))
  const out: Record<string, unknown> = orderedDict(Object.create(null))
  keys.forEach((key, i) => {
    setInOrder(out, key as string, values[i])
  })
  return out
}
