/** Parameter groups: what users pass for `params`, the checks of a new group, and the names of its values in files. */
import { ArgumentError, nearest } from '../errors.js'
import { camelCase } from '../tensor/names.js'
import { describe } from '../tensor/operator.js'
import { PyFloat } from '../tensor/python-values.js'
import { Tensor } from '../tensor/tensor.js'
import { type Dict, keep } from './values.js'

/** A live parameter group: options under camelCase names. Writing to it takes effect with the next step. */
export type ParamGroup<Options = Dict> = Required<Options> & {
  /** The parameters; a changed or replaced array is noticed at the next step. */
  params: Tensor[]
  /** Their names, where the optimizer was made from pairs of name and parameter. */
  paramNames?: string[]
  /** The learning rate that a scheduler started from. */
  initialLr?: number | Tensor
  [key: string]: any
}

/** A new group: parameters, and the options that differ from the optimizer's defaults. Other keys are kept and saved. */
export type NewParamGroup<Options = Dict> = Options & {
  params: Tensor | Iterable<Tensor> | Iterable<readonly [name: string, parameter: Tensor]>
  [key: string]: any
}

/** What an optimizer takes: parameters, pairs of name and parameter (`model.namedParameters()`), or groups. */
export type Params<Options = Dict> =
  | Iterable<Tensor>
  | Iterable<readonly [name: string, parameter: Tensor]>
  | Iterable<NewParamGroup<Options>>

/** Keys that PyTorch's own code adds to groups, beside the options of the optimizer. */
const commonKeys = ['param_names', 'initial_lr', 'max_lr', 'min_lr', 'max_momentum', 'base_momentum', 'swa_lr']

const commonKeysHere = new Set(commonKeys.map(camelCase))

/** Names of group values, in files and here. Other keys are the user's own and are the same in both. */
export class GroupNames {
  readonly #inFiles = new Map<string, string>()
  readonly #here = new Map<string, string>()

  constructor(options: string[]) {
    for (const name of [...options, ...commonKeys]) {
      this.#here.set(name, camelCase(name))
      this.#inFiles.set(camelCase(name), name)
    }
  }
  inFile(name: string): string {
    return this.#inFiles.get(name) ?? name
  }
  here(name: string): string {
    return this.#here.get(name) ?? name
  }
}

/** The groups that the first argument of an optimizer describes. */
export function readGroups(owner: string, params: unknown): object[] {
  const isIterable = typeof params === 'object' && params !== null && Symbol.iterator in params
  if (params instanceof Tensor || !isIterable) {
    const hint =
      typeof (params as { parameters?: unknown } | null)?.parameters === 'function' ? '; pass model.parameters()' : ''
    throw new ArgumentError(
      `${owner}: params argument given to the optimizer should be an iterable of Tensors or dicts, but got ${describe(params)}${hint}`,
    )
  }
  const items = [...(params as Iterable<unknown>)]
  if (items.length === 0) {
    throw new ArgumentError(
      `${owner}: optimizer got an empty parameter list. Where these are the trainable parameters of a model, everything is frozen: ` +
        'unfreeze some first, with unfreeze(model, …) or parameter.requiresGrad = true',
    )
  }
  return isGroup(items[0]) ? (items as object[]) : [{ params: items }]
}

function isGroup(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Tensor) && !Array.isArray(value)
}

/** Makes the live group of a new one: own values in the order in which they were given, then the defaults. */
export function makeGroup(owner: string, given: unknown, defaults: Dict, others: readonly ParamGroup[]): ParamGroup {
  if (!isGroup(given)) throw new ArgumentError(`${owner}: param_group must be a dict, but got ${describe(given)}`)
  const known = Object.keys(defaults)
  const group = {} as ParamGroup
  for (const [key, value] of Object.entries(given as Dict)) {
    if (value === undefined) continue
    if (key === 'params') Object.assign(group, readParams(owner, value))
    else {
      checkKey(owner, key, known)
      keep(group, key, own(value))
    }
  }
  if (!group.params) throw new ArgumentError(`${owner}: a parameter group has no params`)
  for (const parameter of group.params) {
    if (!defaults.differentiable && !parameter.isLeaf && !parameter.retainsGrad) {
      throw new ArgumentError(`${owner}: can't optimize a non-leaf Tensor`)
    }
  }
  for (const key of known) if (!(key in group)) keep(group, key, own(defaults[key]))
  checkAgainst(owner, group, others)
  return group
}

/** Groups do not share arrays with each other or with the caller. */
function own(value: unknown): unknown {
  return Array.isArray(value) ? value.map((item) => (item instanceof PyFloat ? item.value : item)) : value
}

/** A key near an option's name is a mistake; others are the user's own, as in Python. */
function checkKey(owner: string, key: string, known: string[]): void {
  if (known.includes(key) || commonKeysHere.has(key) || key.length < 4) return
  const near = nearest(key, known)
  if (near) throw new ArgumentError(`${owner}: unknown option '${key}' in a parameter group; did you mean '${near}'?`)
}

function readParams(owner: string, value: unknown): { params: Tensor[]; paramNames?: string[] } {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    throw new ArgumentError(`${owner}: params of a group should be an iterable of Tensors, but got ${describe(value)}`)
  }
  const items = value instanceof Tensor ? [value] : [...(value as Iterable<unknown>)]
  const names: string[] = []
  const params = items.map((item) => {
    const named = Array.isArray(item) && item.length === 2 && typeof item[0] === 'string'
    if (named) names.push(item[0])
    const parameter = named ? item[1] : item
    if (parameter instanceof Tensor) return parameter
    throw new ArgumentError(
      `${owner}: optimizer can only optimize Tensors, but one of the params is ${describe(parameter)}`,
    )
  })
  if (names.length === 0) return { params }
  if (names.length === params.length) return { params, paramNames: names }
  throw new ArgumentError(`${owner}: all optimizer params should be with/without names. Some param names are missing`)
}

function checkAgainst(owner: string, group: ParamGroup, others: readonly ParamGroup[]): void {
  const own = new Set(group.params)
  if (own.size !== group.params.length) {
    process.emitWarning(
      'optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; ' +
        'see github.com/pytorch/pytorch/issues/40967 for more information',
      'UserWarning',
    )
  }
  for (const other of others) {
    if ('paramNames' in group !== 'paramNames' in other) {
      throw new ArgumentError(
        `${owner}: all optimizer param groups should be with/without names. ` +
          `cannot add param group ${'paramNames' in group ? 'with' : 'without'} names to the optimizer`,
      )
    }
    if (other.params.some((parameter) => own.has(parameter))) {
      throw new ArgumentError(`${owner}: some parameters appear in more than one parameter group`)
    }
  }
}
