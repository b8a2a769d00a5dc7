/** Calling a module with other parameters and buffers. Rules and messages: torch/nn/utils/stateless.py, PyTorch 2.13. */
import { ArgumentError, TorchError } from '../../errors.js'
import { isOptions } from '../../tensor/operator.js'
import { pythonRepr, pythonText } from '../../tensor/python-text.js'
import { Tensor } from '../../tensor/tensor.js'
import { takeArguments } from '../arguments.js'
import { Layer } from '../layer.js'
import { Module } from '../module.js'
import { attributes, removeMember } from './members.js'

type Tensors = Record<string, Tensor | null>

/** How {@link functionalCall} treats names. */
export interface FunctionalCallOptions {
  /** A tensor that the module has under several names is given by one of them (default `true`). */
  tieWeights?: boolean
  /** All names of the module must be given, and no others (default `false`). */
  strict?: boolean
}

function namedTensors(module: Module): [string, Tensor][] {
  const options = { removeDuplicate: false }
  return [...module.namedParameters(options), ...module.namedBuffers(options)]
}

/** All names that one tensor has, by each of them; only those of tensors with several. */
function tiedNames(module: Module): Map<string, string[]> {
  const byTensor = new Map<Tensor, string[]>()
  for (const [name, tensor] of new Map(namedTensors(module))) {
    byTensor.set(tensor, [...(byTensor.get(tensor) ?? []), name])
  }
  const tied = new Map<string, string[]>()
  for (const names of byTensor.values()) if (names.length > 1) for (const name of names) tied.set(name, names)
  return tied
}

/** What is given, also under the other names of tensors that are tied. */
function untie(module: Module, given: Tensors): Tensors {
  const tied = tiedNames(module)
  const result = { ...given }
  for (const name of Object.keys(given)) {
    const names = tied.get(name)
    if (names === undefined) continue
    const present = names.filter((other) => Object.hasOwn(given, other))
    if (present.length > 1 && new Set(present.map((other) => given[other])).size !== 1) {
      const list = pythonText([...names].sort())
      throw new ArgumentError(
        `functional_call got multiple values for keys ${list}, which are tied. Consider using tie_weights=False`,
      )
    }
    for (const other of names) result[other] = given[name]!
  }
  return result
}

function checkKeys(module: Module, given: Tensors): void {
  const known = new Set(namedTensors(module).map(([name]) => name))
  const unexpected = Object.keys(given)
    .filter((key) => !known.has(key))
    .sort()
  const missing = [...known].filter((key) => !Object.hasOwn(given, key)).sort()
  const lines: string[] = []
  const list = (keys: string[]): string => keys.map(pythonRepr).join(', ')
  if (unexpected.length > 0) lines.push(`Unexpected key(s): ${list(unexpected)}.`)
  if (missing.length > 0) lines.push(`Missing key(s): ${list(missing)}.`)
  if (lines.length > 0) {
    throw new TorchError(`Error(s) in reparametrizing for ${module._getName()}:\n\t${lines.join('\n\t')}`)
  }
}

function find(module: Module, path: string): Module {
  let at = module
  const walked: string[] = []
  for (const name of path === '' ? [] : path.split('.')) {
    const next = attributes(at)[name]
    walked.push(name)
    if (next === undefined) throw new ArgumentError(`${at._getName()} has no attribute \`${name}\``)
    if (!(next instanceof Module)) {
      throw new ArgumentError(`submodule \`${walked.join('.')}\`: ${next} is not an instance of torch.nn.Module`)
    }
    at = next
  }
  return at
}

const missing = Symbol('missing')
type Held = Tensor | null | typeof missing

/** Puts a tensor in the place of another, which is returned; the order of the members stays. */
function swap(root: Module, name: string, tensor: Held): Held {
  const dot = name.lastIndexOf('.')
  const module = find(root, name.slice(0, Math.max(dot, 0)))
  const key = name.slice(dot + 1)
  if (key === '') throw new ArgumentError('tensor name can\'t be empty string ""')
  if (tensor !== missing && tensor !== null && !(tensor instanceof Tensor)) {
    throw new ArgumentError(`${tensor} is not an instance of torch.Tensor`)
  }
  const fields = attributes(module)
  const before = key in module ? fields[key] : missing
  if (before !== missing && before !== null && !(before instanceof Tensor)) {
    throw new ArgumentError(`attribute \`${key}\`: ${before} is not an instance of torch.Tensor`)
  }
  if (tensor === missing) removeMember(module, key)
  else if (!(module instanceof Layer && module._swap(key, tensor))) fields[key] = tensor
  return before
}

/** Runs `run` while the module has the given tensors; what it makes of them is put into `given`. */
function reparametrized<T>(module: Module, given: Tensors, tieWeights: boolean, strict: boolean, run: () => T): T {
  const wanted = tieWeights ? untie(module, given) : given
  if (strict) checkKeys(module, wanted)
  const before = new Map<string, Held>()
  const restore = (): Map<string, Held> => {
    const after = new Map<string, Held>()
    for (const [name, tensor] of before) after.set(name, swap(module, name, tensor))
    return after
  }
  try {
    for (const [name, tensor] of Object.entries(wanted)) before.set(name, swap(module, name, tensor))
  } catch (error) {
    restore()
    throw error
  }
  try {
    return run()
  } finally {
    for (const [name, tensor] of restore()) if (Object.hasOwn(given, name)) given[name] = tensor as Tensor
  }
}

/** @internal */
export function call(module: Module, given: unknown, args: unknown, kwargs: unknown, options: unknown[]): unknown {
  if (!(module instanceof Module)) throw new ArgumentError('functionalCall(): expected module to be a Module')
  if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Tensor) {
    throw new ArgumentError('functionalCall(): expected the tensors by name')
  }
  const [tieWeights = true, strict = false] = options as (boolean | undefined)[]
  const list = args === undefined || args === null ? [] : Array.isArray(args) ? args : [args]
  const named = isOptions(kwargs) && Object.keys(kwargs).length > 0 ? [kwargs] : []
  return reparametrized(module, given as Tensors, tieWeights, strict, () => module.forward(...list, ...named))
}

/** @internal */
export function optionsOf(options: FunctionalCallOptions | undefined): unknown[] {
  return takeArguments('functionalCall', ['tieWeights', 'strict'], options === undefined ? [] : [options], 0)
}
