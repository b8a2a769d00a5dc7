/** Finds the state dict in whatever was saved. */
import { ArgumentError, CheckpointError } from '../errors.js'
import { metadataOf, orderedDict } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { archiveState } from './archive/states.js'
import { PyObject } from './py-object.js'

export type StateDict = Record<string, Tensor>

/** Keys under which training scripts keep the model. */
const usualKeys = [
  'model_state_dict',
  'state_dict',
  'model',
  'net',
  'network',
  'model_state',
  'params',
  'weights',
  'module',
]

/**
 * The state dict inside of what was loaded: a state dict itself, a checkpoint that holds one, or a whole model that was
 * pickled. It equals Python's `state_dict()` of the saved object; a `DataParallel` keeps its `module.` keys.
 * @param loaded - what {@link load} returned
 * @param options - `key`: where in a checkpoint it is; by default it is found
 * @throws {@link CheckpointError} `ERR_CHECKPOINT_FORMAT` when there is none, or more than one and no `key`
 * @example
 * model.loadStateDict(torch.toStateDict(await torch.load('checkpoint.pth')))
 */
export function toStateDict(loaded: unknown, options: { key?: string } = {}): StateDict {
  for (const key of Object.keys(options)) {
    if (key !== 'key') throw new ArgumentError(`torch.toStateDict has no option '${key}'; only 'key'`)
  }
  if (options.key !== undefined) {
    const held = entriesOf(loaded).find(([key]) => key === options.key)
    if (held === undefined) throw none(`there is no key '${options.key}'`, loaded)
    return stateDictOf(held[1]) ?? fail(`what is under '${options.key}' is no state dict`, loaded)
  }
  const whole = stateDictOf(loaded)
  if (whole) return whole
  const candidates = entriesOf(loaded).flatMap(([key, value]) => {
    const found = stateDictOf(value)
    return found ? [{ key: String(key), found }] : []
  })
  for (const key of usualKeys) {
    const usual = candidates.find((candidate) => candidate.key === key)
    if (usual) return usual.found
  }
  if (candidates.length === 1) return candidates[0]!.found
  if (candidates.length === 0) throw none('nothing in it is a state dict', loaded)
  throw none(
    `several could be meant: ${candidates.map(({ key }) => `'${key}'`).join(', ')}; say which with { key }`,
    loaded,
  )
}

function fail(message: string, loaded: unknown): never {
  throw none(message, loaded)
}
function none(message: string, loaded: unknown): CheckpointError {
  const keys = entriesOf(loaded).map(([key]) => `'${String(key)}'`)
  const holds = keys.length === 0 ? '' : ` (it holds ${keys.slice(0, 20).join(', ')}${keys.length > 20 ? ', …' : ''})`
  return new CheckpointError('ERR_CHECKPOINT_FORMAT', `no state dict found: ${message}${holds}`)
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (value instanceof Map) return [...value.entries()]
  return isPlain(value) ? Object.entries(value) : []
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** The value as a state dict, when it is one, a pickled module, or what an archive of TorchScript or C++ held. */
function stateDictOf(value: unknown): StateDict | undefined {
  const archived = archiveState(value)
  if (archived) return archived
  if (value instanceof PyObject) return boundMethod(value) ?? (isModule(value) ? walk(value) : undefined)
  if (!isPlain(value)) return undefined
  const items = Object.values(value)
  // a module's own state dict may also hold extra state that is no tensor
  if (metadataOf(value) !== undefined) return value as StateDict
  return items.length > 0 && items.every((item) => item instanceof Tensor) ? (value as StateDict) : undefined
}

/** `torch.save(model.state_dict)`, without the call: `getattr(model, 'state_dict')` */
function boundMethod(value: PyObject): StateDict | undefined {
  if (value.path !== 'builtins.getattr' || value.args?.[1] !== 'state_dict') return undefined
  return stateDictOf(value.args[0])
}

interface ModuleState {
  _parameters: unknown
  _buffers: unknown
  _modules: unknown
  _non_persistent_buffers_set?: Set<unknown>
}

function isModule(value: unknown): value is PyObject & { state: ModuleState } {
  const state = value instanceof PyObject ? value.state : undefined
  return isPlain(state) && '_parameters' in state && '_buffers' in state && '_modules' in state
}

/** What `state_dict()` of the module would give: own parameters, own persistent buffers, then the children. */
function walk(root: PyObject & { state: ModuleState }): StateDict {
  const found: StateDict = Object.create(null)
  const metadata: Record<string, { version: number }> = Object.create(null)
  const visit = (module: PyObject & { state: ModuleState }, prefix: string, above: Set<PyObject>): void => {
    if (above.has(module)) {
      throw new CheckpointError('ERR_CHECKPOINT_FORMAT', `module '${prefix.slice(0, -1)}' contains itself`)
    }
    metadata[prefix.slice(0, -1)] = { version: versionOf(module) }
    const { _parameters, _buffers, _modules, _non_persistent_buffers_set: transient } = module.state
    for (const [name, tensor] of entriesOf(_parameters)) put(found, `${prefix}${String(name)}`, tensor)
    for (const [name, tensor] of entriesOf(_buffers)) {
      if (!(transient instanceof Set && transient.has(name))) put(found, `${prefix}${String(name)}`, tensor)
    }
    const inside = new Set(above).add(module)
    for (const [name, child] of entriesOf(_modules))
      if (isModule(child)) visit(child, `${prefix}${String(name)}.`, inside)
  }
  visit(root, '', new Set())
  return orderedDict(found, orderedDict(metadata))
}

function put(found: StateDict, key: string, value: unknown): void {
  if (value instanceof Tensor) found[key] = value.detach()
}

/** `_version` of the class; batch norms are at 2 since they count their batches. */
function versionOf(module: PyObject): number {
  return /(BatchNorm\d?d?|SyncBatchNorm|InstanceNorm\dd)$/.test(module.name) ? 2 : 1
}
