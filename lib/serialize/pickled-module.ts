/** What a pickled `torch.nn.Module` is as data: its class, its members in Python's order, and where in a checkpoint it is. */
import { ArgumentError, CheckpointError } from '../errors.js'
import { Tuple } from '../tensor/python-values.js'
import { recall } from './memory.js'
import { PyStr } from './nodes.js'
import { PyObject } from './py-object.js'

/** A pickled module. */
export type PickledModule = PyObject & { state: ModuleState }

/** `__dict__` of a module, as far as every module has it. */
export interface ModuleState extends Record<string, unknown> {
  _parameters: unknown
  _buffers: unknown
  _modules: unknown
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

export function isModule(value: unknown): value is PickledModule {
  const state = value instanceof PyObject ? value.state : undefined
  return isPlain(state) && '_parameters' in state && '_buffers' in state && '_modules' in state
}

const compiled = new WeakMap<PyObject, PickledModule>()

/**
 * The value as a pickled module. What `torch.compile` gives is pickled as a call with the module inside, which it holds as its
 * child `_orig_mod`.
 */
export function asModule(value: unknown): PickledModule | undefined {
  if (isModule(value)) return value
  if (!(value instanceof PyObject) || value.path !== 'torch._dynamo.eval_frame.OptimizedModule') return undefined
  const [inside] = value.args ?? []
  if (!isModule(inside)) return undefined
  let made = compiled.get(value)
  if (!made) {
    made = Object.assign(new PyObject(value.module, value.name, Tuple.of()), {
      state: { training: inside.state.training, _parameters: {}, _buffers: {}, _modules: { _orig_mod: inside } },
    })
    compiled.set(value, made)
  }
  return made
}

/** The class of an object, also where protocols 0 and 1 made it by way of `copyreg`. */
export function classOf(object: PyObject): { module: string; name: string; path: string } {
  const [first] = object.args ?? []
  return /^copyreg\.(_reconstructor|__newobj__(_ex__)?)$/.test(object.path) && first instanceof PyObject
    ? first
    : object
}

/** Keys and values of a dict in Python's order; those of JavaScript begin with keys that look like integers. */
export function entriesOf(value: unknown): [string, unknown][] {
  if (value instanceof Map) return [...value.entries()]
  if (!isPlain(value)) return []
  const keys = recall(value)?.keys
  const known = keys?.every((key) => key instanceof PyStr && Object.hasOwn(value, key.text))
  if (!keys || !known || keys.length !== Object.keys(value).length) return Object.entries(value)
  return keys.map((key) => [(key as PyStr).text, value[(key as PyStr).text]])
}

/** The object of a bound method, `torch.save(model.state_dict)`, which a pickle holds as `getattr(model, 'state_dict')`. */
export function boundTo(value: PyObject, method: string): unknown {
  return value.path === 'builtins.getattr' && value.args?.[1] === method ? value.args[0] : undefined
}

/** What to look for in a checkpoint. */
export interface Search<T> {
  /** of the function that looks, for errors */
  function: string
  /** what it looks for, in words */
  what: string
  /** the value as that, or undefined */
  probe(value: unknown): T | undefined
  /** whether it holds so little that something else is meant, if there is something else: a criterion beside a model */
  slight(found: T): boolean
}

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

/** Finds it: the value itself, under `key`, under one of the usual keys, or as the only one. */
export function find<T>(loaded: unknown, options: { key?: string }, search: Search<T>): T {
  for (const key of Object.keys(options)) {
    if (key !== 'key') throw new ArgumentError(`torch.${search.function} has no option '${key}'; only 'key'`)
  }
  const none = (message: string): CheckpointError => {
    const keys = entriesOf(loaded).map(([key]) => `'${String(key)}'`)
    const some = `it holds ${keys.slice(0, 20).join(', ')}${keys.length > 20 ? ', …' : ''}`
    const text = `no ${search.what} found: ${message}${keys.length === 0 ? '' : ` (${some})`}`
    return new CheckpointError('ERR_CHECKPOINT_FORMAT', text)
  }
  if (options.key !== undefined) {
    const held = entriesOf(loaded).find(([key]) => key === options.key)
    if (held === undefined) throw none(`there is no key '${options.key}'`)
    const found = search.probe(held[1])
    if (found === undefined) throw none(`what is under '${options.key}' is no ${search.what}`)
    return found
  }
  const whole = search.probe(loaded)
  if (whole !== undefined) return whole
  const all = entriesOf(loaded).flatMap(([key, value]) => {
    const found = search.probe(value)
    return found === undefined ? [] : [{ key: String(key), found }]
  })
  for (const key of usualKeys) {
    const usual = all.find((candidate) => candidate.key === key)
    if (usual) return usual.found
  }
  const full = all.filter(({ found }) => !search.slight(found))
  const candidates = full.length > 0 ? full : all
  if (candidates.length === 1) return candidates[0]!.found
  if (candidates.length === 0) throw none(`nothing in it is a ${search.what}`)
  throw none(`several could be meant: ${candidates.map(({ key }) => `'${key}'`).join(', ')}; say which with { key }`)
}
