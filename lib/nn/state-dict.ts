/** State dicts of modules: what they contain, and what they do when loaded. Rules: torch/nn/modules/module.py, PyTorch 2.13. */
import { native } from '../binding.js'
import { ArgumentError, StateDictError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { operatorFunction } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import { metadataOf, orderedDict, setInOrder } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy, type Uninitialized } from '../tensor/uninitialized.js'
import type { Module } from './module.js'
import type { AnyStateDict, IncompatibleKeys } from './types.js'

const detach = operatorFunction('aten::detach')

type Plain = Record<string, unknown>

/** Fills `destination` with the state of `module` and all below it: own parameters, own buffers, then children. */
export function collect(module: Module, destination: Record<string, Tensor>, prefix: string, keepVars: boolean): void {
  const metadata = metadataOf(destination) as Record<string, Plain> | undefined
  const own = Object.assign(Object.create(null), { version: module._version })
  if (metadata) setInOrder(metadata, prefix.slice(0, -1), own)
  const put = (name: string, tensor: Tensor): void => {
    setInOrder(destination, prefix + name, keepVars || isLazy(tensor) ? tensor : detach(tensor))
  }
  for (const [name, parameter] of module._parameters()) put(name, parameter)
  for (const [name, buffer] of module._buffers()) if (module._isPersistent(name, buffer)) put(name, buffer)
  for (const [name, child] of module._children()) collect(child, destination, `${prefix}${name}.`, keepVars)
}

/** A fresh state dict: a plain object without prototype that is remembered as an OrderedDict with `_metadata`. */
export function emptyStateDict(): Record<string, Tensor> {
  return orderedDict(Object.create(null), orderedDict(Object.create(null)))
}

interface Loading {
  entries: Map<string, unknown>
  metadata: Record<string, Plain> | undefined
  missing: string[]
  unexpected: string[]
  problems: string[]
  /** What is done once nothing is found to be wrong: a load that fails leaves the module as it was. */
  writes: (() => void)[]
  assign: boolean
}

/** @internal */
export function load(module: Module, stateDict: AnyStateDict, strict: boolean, assign: boolean): IncompatibleKeys {
  if (typeof stateDict !== 'object' || stateDict === null || Array.isArray(stateDict) || stateDict instanceof Tensor) {
    throw new ArgumentError(`Expected state_dict to be dict-like, got ${pythonType(stateDict)}.`)
  }
  const metadata = metadataOf(stateDict)
  const loading: Loading = {
    entries: new Map(stateDict instanceof Map ? stateDict : Object.entries(stateDict)),
    metadata: metadata instanceof Map ? Object.fromEntries(metadata) : (metadata as Record<string, Plain> | undefined),
    missing: [],
    unexpected: [],
    problems: [],
    writes: [],
    assign,
  }
  visit(module, [...loading.entries.keys()], '', loading)
  const { missing, unexpected, problems } = loading
  const quoted = (keys: string[]): string => keys.map((key) => `"${key}"`).join(', ')
  if (strict && unexpected.length > 0) problems.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected)}. `)
  if (strict && missing.length > 0) problems.unshift(`Missing key(s) in state_dict: ${quoted(missing)}. `)
  if (problems.length === 0) {
    noGrad(() => {
      for (const write of loading.writes) write()
    })
  }
  if (problems.length > 0) {
    throw new StateDictError(`Error(s) in loading state_dict for ${module._getName()}:\n\t${problems.join('\n\t')}`)
  }
  return Object.defineProperty({ missingKeys: missing, unexpectedKeys: unexpected }, 'toString', {
    enumerable: false,
    value: function (this: IncompatibleKeys) {
      if (this.missingKeys.length === 0 && this.unexpectedKeys.length === 0) return '<All keys matched successfully>'
      const list = (keys: string[]): string => `[${keys.map((key) => `'${key}'`).join(', ')}]`
      return `_IncompatibleKeys(missing_keys=${list(this.missingKeys)}, unexpected_keys=${list(this.unexpectedKeys)})`
    },
  })
}

/** Compares `module` and what is below it with `keys`, the keys that start with `prefix`. */
function visit(module: Module, keys: string[], prefix: string, loading: Loading): void {
  const version = loading.metadata?.[prefix.slice(0, -1)]?.version as number | undefined
  loading.problems.push(...module._prepareLoad(loading.entries, prefix, version))
  const own = new Map<string, Tensor>(module._parameters())
  for (const [name, buffer] of module._buffers()) if (module._isPersistent(name, buffer)) own.set(name, buffer)
  const children = new Map(module._children())

  for (const [name, tensor] of own) {
    const key = prefix + name
    if (loading.entries.has(key)) plan(module, name, tensor, key, loading)
    else if (!module._mayLack(name, version)) loading.missing.push(key)
  }
  for (const key of keys) {
    if (!loading.entries.has(key)) continue
    const [head, ...rest] = key.slice(prefix.length).split('.')
    if (rest.length > 0 ? !children.has(head!) : !own.has(head!)) loading.unexpected.push(key)
  }
  for (const [name, child] of children) {
    const below = `${prefix}${name}.`
    visit(
      child,
      keys.filter((key) => key.startsWith(below)),
      below,
      loading,
    )
  }
}

/** Plans to write one entry, or says why it cannot be. */
function plan(module: Module, name: string, tensor: Tensor, key: string, loading: Loading): void {
  let value = loading.entries.get(key)
  if (!(value instanceof Tensor)) {
    loading.problems.push(
      `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${pythonType(value)}`,
    )
    return
  }
  if (isLazy(tensor)) {
    planLazy(module, name, tensor, value, loading)
    return
  }
  const shape = tensor.shape
  // Files of PyTorch 0.3 hold scalars as one element.
  if (shape.length === 0 && value.ndim === 1 && value.shape[0] === 1) value = value.select(0, 0)
  const source = value as Tensor
  if (String(source.shape) !== String(shape)) {
    loading.problems.push(
      `size mismatch for ${key}: copying a param with shape ${size(source)} from checkpoint, the shape in current model is ${size(tensor)}.`,
    )
    return
  }
  loading.writes.push(() => {
    try {
      if (loading.assign) assign(module, name, tensor, source)
      else tensor.copy_(source)
    } catch (error) {
      loading.problems.push(
        `While copying the parameter named "${key}", whose dimensions in the model are ${size(tensor)} and whose dimensions in the checkpoint are ${size(source)}, an exception occurred : ('${(error as Error).message}',).`,
      )
    }
  })
}

/** A parameter without a size takes that of the state dict's; there, too, may be one without. */
function planLazy(module: Module, name: string, tensor: Uninitialized, source: Tensor, loading: Loading): void {
  loading.writes.push(() => {
    if (!isLazy(source)) tensor.materialize(source.shape)
    if (loading.assign) assign(module, name, tensor, source)
    else tensor.copy_(source)
  })
}

/** Makes `source` itself the module's tensor; only whether it requires gradients stays. */
function assign(module: Module, name: string, present: Tensor, source: Tensor): void {
  const fields = module as unknown as Record<string, Tensor>
  if (present instanceof Parameter) {
    const { requiresGrad } = present
    fields[name] =
      source instanceof Parameter ? source.requiresGrad_(requiresGrad) : new Parameter(source, { requiresGrad })
  } else if (source instanceof Buffer) {
    fields[name] = source
  } else {
    const buffer = emptyShell(Buffer)
    native().alias(buffer, source)
    fields[name] = buffer
  }
}

function size(tensor: Tensor): string {
  return `torch.Size([${tensor.shape.join(', ')}])`
}

/** Python's word for the kind of a value, as its messages say it. */
function pythonType(value: unknown): string {
  const name = (): string => {
    if (value === null || value === undefined) return 'NoneType'
    if (value instanceof Tensor) return 'torch.Tensor'
    if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
    if (typeof value === 'bigint') return 'int'
    if (typeof value === 'boolean') return 'bool'
    if (typeof value === 'string') return 'str'
    if (Array.isArray(value)) return 'list'
    if (typeof value === 'function') return 'function'
    const prototype = Object.getPrototypeOf(value)
    return prototype === null || prototype === Object.prototype || value instanceof Map
      ? 'dict'
      : value.constructor.name
  }
  return `<class '${name()}'>`
}
