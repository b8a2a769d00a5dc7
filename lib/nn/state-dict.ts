/** State dicts of modules: what they contain, and what they do when loaded. Rules: torch/nn/modules/module.py, PyTorch 2.13. */
import { native } from '../binding.js'
import { ArgumentError, StateDictError, TorchError } from '../errors.js'
import { noGrad } from '../tensor/autograd.js'
import { operatorFunction } from '../tensor/operator.js'
import { Buffer, emptyShell, Parameter } from '../tensor/parameter.js'
import { entriesInOrder, metadataOf, orderedDict, setInOrder } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy, type Uninitialized } from '../tensor/uninitialized.js'
import type { Module } from './module.js'
import { pythonClass } from './python-type.js'
import { putMember } from './registration-hooks.js'
import { type LoadStateDictPreHook, stateHooks } from './state-hooks.js'
import type { AnyStateDict, IncompatibleKeys } from './types.js'

const detach = operatorFunction('aten::detach')

type Plain = Record<string, unknown>

const extraState = '_extra_state'

/** The state of `module` and all below it: own parameters, own buffers, extra state, then children. */
export function collect(
  module: Module,
  destination: Record<string, Tensor> | undefined,
  prefix: string,
  keepVars: boolean,
): Record<string, Tensor> {
  destination ??= orderedDict(Object.create(null), orderedDict(Object.create(null))) as Record<string, Tensor>
  const metadata = metadataOf(destination) as Record<string, Plain> | undefined
  const own: Plain = Object.assign(Object.create(null), { version: module._version })
  if (metadata) setInOrder(metadata, prefix.slice(0, -1), own)
  const { save, saved } = stateHooks(module)
  for (const hook of [...save]) hook(module, prefix, keepVars)
  module._saveToStateDict(destination, prefix, keepVars)
  for (const [name, child] of module._children())
    child.stateDict({ destination, prefix: `${prefix}${name}.`, keepVars })
  for (const hook of [...saved]) {
    const result: unknown = hook(module, destination, prefix, own)
    if (result !== undefined && result !== null) throw new TorchError('state_dict post-hook must return None')
  }
  return destination
}

/** What `module` itself adds to a state dict. */
export function saveOwn(module: Module, destination: Record<string, Tensor>, prefix: string, keepVars: boolean): void {
  const put = (name: string, tensor: Tensor): void => {
    setInOrder(destination, prefix + name, keepVars || isLazy(tensor) ? tensor : detach(tensor))
  }
  for (const [name, parameter] of module._parameters()) put(name, parameter)
  for (const [name, buffer] of module._buffers()) if (module._isPersistent(name, buffer)) put(name, buffer)
  if (module._givesExtraState) setInOrder(destination, prefix + extraState, module.getExtraState() as Tensor)
}

interface Loading {
  metadata: Record<string, Plain> | undefined
  missing: string[]
  unexpected: string[]
  problems: string[]
  /** What is done once nothing is found to be wrong: a load that fails leaves the module as it was. */
  writes: (() => void)[]
  /** Calls of post-hooks, which come after the writes. */
  after: ((keys: IncompatibleKeys) => unknown)[]
  assign: boolean
}

/** Compares a module with a state dict; nothing is written. */
function prepare(module: Module, stateDict: AnyStateDict, assign: boolean): Loading {
  if (typeof stateDict !== 'object' || stateDict === null || Array.isArray(stateDict) || stateDict instanceof Tensor) {
    throw new ArgumentError(`Expected state_dict to be dict-like, got ${pythonClass(stateDict)}.`)
  }
  const metadata = metadataOf(stateDict)
  const loading: Loading = {
    metadata: metadata instanceof Map ? Object.fromEntries(metadata) : (metadata as Record<string, Plain> | undefined),
    missing: [],
    unexpected: [],
    problems: [],
    writes: [],
    after: [],
    assign,
  }
  visit(module, new Map(stateDict instanceof Map ? stateDict : entriesInOrder(stateDict)), '', loading)
  return loading
}

/** What `load` with `strict` would complain of; nothing is written. @internal */
export function problemsOf(module: Module, stateDict: AnyStateDict): string[] {
  const { missing, unexpected, problems } = prepare(module, stateDict, false)
  return [...missing.map((key) => `no "${key}"`), ...unexpected.map((key) => `"${key}" too much`), ...problems]
}

/** @internal */
export function load(module: Module, stateDict: AnyStateDict, strict: boolean, assign: boolean): IncompatibleKeys {
  const loading = prepare(module, stateDict, assign)
  const { missing, unexpected, problems } = loading
  const write = (): void => {
    noGrad(() => {
      for (const step of loading.writes) step()
    })
  }
  if (loading.after.length > 0) {
    write()
    const keys: IncompatibleKeys = { missingKeys: missing, unexpectedKeys: unexpected }
    for (const hook of loading.after) {
      const result = hook(keys)
      if (result === undefined || result === null) continue
      throw new TorchError(
        'Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, if incompatible_keys need to be modified, it should be done inplace.',
      )
    }
  }
  const quoted = (keys: string[]): string => keys.map((key) => `"${key}"`).join(', ')
  if (strict && unexpected.length > 0) problems.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected)}. `)
  if (strict && missing.length > 0) problems.unshift(`Missing key(s) in state_dict: ${quoted(missing)}. `)
  if (problems.length === 0 && loading.after.length === 0) write()
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

/** Compares `module` and what is below it with `entries`, those whose keys start with `prefix`. */
function visit(module: Module, entries: Map<string, unknown>, prefix: string, loading: Loading): void {
  const local: Plain = { ...loading.metadata?.[prefix.slice(0, -1)] }
  if (loading.assign) local.assign_to_params_buffers = true
  const hooks = stateHooks(module)
  for (const hook of [...hooks.load]) entries = callWith(hook, module, entries, prefix, local, loading)
  loading.problems.push(...module._prepareLoad(entries, prefix, local.version as number | undefined))
  const own = new Map<string, Tensor>(module._parameters())
  for (const [name, buffer] of module._buffers()) if (module._isPersistent(name, buffer)) own.set(name, buffer)
  const children = new Map(module._children())

  for (const [name, tensor] of own) {
    const key = prefix + name
    if (entries.has(key)) plan(module, name, tensor, key, entries.get(key), loading)
    else if (!module._mayLack(name, local.version as number | undefined)) loading.missing.push(key)
  }
  const extraKey = prefix + extraState
  if (module._takesExtraState) {
    if (!entries.has(extraKey)) loading.missing.push(extraKey)
    else loading.writes.push(() => module.setExtraState(entries.get(extraKey)))
  } else if (entries.has(extraKey)) loading.unexpected.push(extraKey)
  for (const key of entries.keys()) {
    if (!key.startsWith(prefix) || key === extraKey) continue
    const [head, ...rest] = key.slice(prefix.length).split('.')
    if (rest.length > 0 ? !children.has(head!) : !own.has(head!)) loading.unexpected.push(key)
  }
  for (const [name, child] of children) {
    const below = `${prefix}${name}.`
    visit(child, new Map([...entries].filter(([key]) => key.startsWith(below))), below, loading)
  }
  for (const hook of [...hooks.loaded]) loading.after.push((keys) => hook(module, keys))
}

/** Calls a pre-hook; what it leaves of the state dict is what is loaded. */
function callWith(
  hook: LoadStateDictPreHook<any>,
  module: Module,
  entries: Map<string, unknown>,
  prefix: string,
  local: Plain,
  loading: Loading,
): Map<string, unknown> {
  const record: Record<string, Tensor> = Object.create(null)
  for (const [key, value] of entries) setInOrder(record, key, value as Tensor)
  hook(module, record, prefix, local, true, loading.missing, loading.unexpected, loading.problems)
  return new Map(entriesInOrder(record))
}

/** Plans to write one entry, or says why it cannot be. */
function plan(module: Module, name: string, tensor: Tensor, key: string, value: unknown, loading: Loading): void {
  if (!(value instanceof Tensor)) {
    loading.problems.push(
      `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${pythonClass(value)}`,
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
  if (present instanceof Parameter) {
    const { requiresGrad } = present
    const own =
      source instanceof Parameter ? source.requiresGrad_(requiresGrad) : new Parameter(source, { requiresGrad })
    putMember(module, 'parameter', name, own)
  } else if (source instanceof Buffer) {
    putMember(module, 'buffer', name, source)
  } else {
    const buffer = emptyShell(Buffer)
    native().alias(buffer, source)
    if (present instanceof Buffer) buffer.persistent = present.persistent
    putMember(module, 'buffer', name, buffer)
  }
}

function size(tensor: Tensor): string {
  return `torch.Size([${tensor.shape.join(', ')}])`
}

/** Python's word for the class of a value, as its messages say it. */
