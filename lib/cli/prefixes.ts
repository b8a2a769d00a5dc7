/** Takes prefixes off the keys of all state dicts in what was loaded, for `strip-prefix`. */
import { ArgumentError, PyObject, Tensor } from '../index.js'
import { recall } from '../serialize/memory.js'
import { moduleEntries, moduleStripper, stripper } from '../state-dict/keys.js'
import { entriesInOrder, metadataOf, orderedDict, setInOrder } from '../tensor/python-values.js'

type Dict = Record<string, unknown>

/**
 * The same value with other keys: order, sharing and `_metadata` are kept. A prefix is taken off until none is left.
 * @param file - for messages
 */
export function stripPrefixes(value: unknown, prefixes: readonly string[], file: string): unknown {
  if (value instanceof PyObject) {
    const way = 'take its state dict first: libtorch-node extract'
    throw new ArgumentError(`${file} holds a whole ${value.path || 'object'}, not a state dict; ${way}`)
  }
  const stripper = new Stripper(prefixes)
  const stripped = stripper.value(value)
  if (stripper.changed > 0) return stripped
  const found = stripper.keys.length === 0 ? 'there is no state dict' : `its keys are like ${stripper.keys.join(', ')}`
  throw new ArgumentError(`no key in ${file} begins with ${prefixes.map((p) => `'${p}'`).join(' or ')}: ${found}`)
}

class Stripper {
  changed = 0
  /** the first keys of tensors, for the message when none has the prefix */
  readonly keys: string[] = []
  private readonly done = new Map<object, unknown>()

  private readonly strip: (key: string) => string

  constructor(prefixes: readonly string[]) {
    this.strip = stripper('strip-prefix', prefixes)
  }

  /** A value whose state dicts are replaced by stripped ones; containers stay the objects that they are. */
  value(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || value instanceof Tensor || value instanceof Uint8Array)
      return value
    if (this.done.has(value)) return this.done.get(value)
    this.done.set(value, value)
    if (Array.isArray(value)) value.forEach((item, i) => void (value[i] = this.value(item)))
    else if (value instanceof Map) for (const [key, item] of value) value.set(key, this.value(item))
    else if (Object.getPrototypeOf(value) === null) return this.dict(value as Dict)
    return value
  }

  private dict(dict: Dict): Dict {
    const entries = entriesInOrder(dict)
    const tensors = entries.filter(([, value]) => value instanceof Tensor)
    for (const [key] of tensors.slice(0, 3 - this.keys.length)) this.keys.push(`'${key}'`)
    const isStateDict = tensors.some(([key]) => this.strip(key) !== key)
    if (!isStateDict) {
      for (const [key, value] of entries) dict[key] = key === 'param_names' ? this.names(value) : this.value(value)
      return dict
    }
    const metadata = metadataOf(dict)
    const out: Dict = Object.create(null)
    this.done.set(dict, out)
    const origins = new Map<string, string>()
    for (const [key, value] of entries) {
      const name = this.strip(key)
      if (name !== key) this.changed++
      const other = origins.get(name)
      if (other !== undefined) throw new ArgumentError(`'${other}' and '${key}' would both be '${name}'`)
      origins.set(name, key)
      setInOrder(out, name, this.value(value))
    }
    return metadata || recall(dict)?.type
      ? orderedDict(out, metadata && moduleEntries(metadata, moduleStripper(this.strip)))
      : out
  }

  /** Names of parameters that an optimizer remembers. */
  private names(names: unknown): unknown {
    if (!Array.isArray(names)) return this.value(names)
    names.forEach((name, i) => {
      if (typeof name === 'string') names[i] = this.strip(name)
    })
    return names
  }
}
