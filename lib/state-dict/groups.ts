/** Parameter groups for optimizers, from patterns over names. Source of the layer-wise rule: timm/optim/_param_groups.py. */
import { ArgumentError } from '../errors.js'
import type { Module } from '../nn/module.js'
import { tensorFromData } from '../tensor/from-data.js'
import { describe, isOptions, operatorFunction } from '../tensor/operator.js'
import type { Parameter } from '../tensor/parameter.js'
import { listed, matchingAny } from './glob.js'
import { checkModel } from './match.js'
import type { Pattern } from './types.js'

const pow = operatorFunction('aten::pow')

/** Parameters, and the options that they get. */
export interface GroupRule {
  /** A pattern, or several, as for {@link freeze}; the first rule that matches a parameter has it */
  match: string | readonly string[]
  /** Any option of the optimizer, such as `lr` and `weightDecay` */
  [option: string]: unknown
}

/** What {@link paramGroups} takes; every other option goes into each group that does not have it. */
export interface ParamGroupsOptions {
  /**
   * Which parameters have no weight decay: with `true` all with at most one dimension (biases, and the weights of norms), or
   * those that the patterns match
   */
  noDecay?: boolean | readonly string[]
  /** By what the learning rate shrinks from a layer to the one before it, in (0, 1]; the last one has the whole rate */
  layerDecay?: number
  /** The layers from the first to the last, as patterns; by default the children of the model */
  layers?: readonly (string | readonly string[])[]
  [option: string]: unknown
}

/** A group for an optimizer. */
export interface NamedGroup {
  params: Parameter[]
  lr?: number
  [option: string]: unknown
}

type Rules<M, A extends readonly unknown[]> = {
  [I in keyof A]: A[I] extends { readonly match: infer P extends string } ? A[I] & { match: Pattern<M, P> } : A[I]
}

/**
 * Groups of a model's trainable parameters for an optimizer. Groups come in the order of the rules, within a rule by layers and
 * with those that have weight decay first; empty ones are left out. Learning rates are written into the groups as numbers, so
 * that schedulers and checkpoints see them.
 * @param rules - {@link GroupRule}s; together they must match every trainable parameter
 * @throws {@link ArgumentError} for a pattern that matches nothing, a rule that the ones before it leave nothing, a trainable
 * parameter that no rule matches, and a model of which everything is frozen
 * @example
 * const groups = torch.paramGroups(model, [{ match: 'fc.*', lr: 1e-3 }, { match: '**', lr: 1e-4 }], { noDecay: true })
 * const optimizer = new torch.optim.AdamW(groups, { weightDecay: 0.05 })
 */
export function paramGroups<M extends Module, const A extends readonly GroupRule[]>(
  model: M,
  rules: Rules<M, A> & A,
  options: ParamGroupsOptions = {},
): NamedGroup[] {
  const owner = 'paramGroups'
  checkModel(owner, model)
  if (!Array.isArray(rules) || rules.length === 0) {
    throw new ArgumentError(
      `${owner}: rules should be a list such as [{match: '**', lr: 1e-4}], but is ${describe(rules)}`,
    )
  }
  if (!isOptions(options)) throw new ArgumentError(`${owner}: expected options, received ${describe(options)}`)
  const { noDecay = false, layerDecay, layers, ...defaults } = options
  const names = aliasesOf(model)
  const parameters = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad)
  if (parameters.length === 0)
    throw new ArgumentError(
      `${owner}: everything in ${model._getName()} is frozen, and there is nothing to optimize; unfreeze(model, …) some of it first`,
    )
  const scales = layerScales(owner, model, names, layerDecay, layers)
  const exempt = exemptFrom(owner, names, noDecay, model)
  const what = `parameter of ${model._getName()}`

  const rest = new Map(parameters)
  const taken = new Set<string>()
  const groups: NamedGroup[] = []
  for (const [i, rule] of (rules as readonly GroupRule[]).entries()) {
    const { match, ...own } = readRule(owner, rule)
    const found = chosen(owner, names, [match].flat(), what)
    if ([...found].every((name) => taken.has(name))) {
      throw new ArgumentError(
        `${owner}: rule ${i}, ${listed([match].flat())}, has nothing: the rules before it take all that it matches; put the narrower one first`,
      )
    }
    for (const name of found) taken.add(name)
    const mine = [...rest].filter(([name]) => found.has(name))
    for (const [name] of mine) rest.delete(name)
    groups.push(...split(owner, mine, { ...defaults, ...own }, scales, exempt))
  }
  if (rest.size > 0) {
    throw new ArgumentError(
      `${owner}: no rule matches ${listed([...rest.keys()])}; end with {match: '**'} for all others, or freeze them`,
    )
  }
  return groups
}

/** All names of parameters, with the first name of the same one: a shared parameter has several. */
type Aliases = ReadonlyMap<string, string>

function aliasesOf(model: Module): Aliases {
  const first = new Map<Parameter, string>()
  return new Map(
    model.namedParameters({ removeDuplicate: false }).map(([name, parameter]) => {
      if (!first.has(parameter)) first.set(parameter, name)
      return [name, first.get(parameter)!]
    }),
  )
}

/** First names of the parameters that patterns match by any name. */
function chosen(owner: string, names: Aliases, patterns: readonly unknown[], what: string): Set<string> {
  return new Set([...matchingAny(owner, [...names.keys()], patterns, what)].map((name) => names.get(name)!))
}

function readRule(owner: string, rule: GroupRule): GroupRule {
  if (!isOptions(rule) || rule.match === undefined)
    throw new ArgumentError(
      `${owner}: a rule should be an object such as {match: 'fc.*', lr: 1e-3}, but is ${describe(rule)}`,
    )
  if ('params' in rule) throw new ArgumentError(`${owner}: a rule has match in the place of params`)
  return rule
}

type Exempt = (name: string, parameter: Parameter) => boolean

function exemptFrom(owner: string, names: Aliases, noDecay: unknown, model: Module): Exempt {
  if (noDecay === false) return () => false
  if (noDecay === true) return (name, parameter) => parameter.ndim <= 1 || name.endsWith('.bias')
  if (!Array.isArray(noDecay))
    throw new ArgumentError(`${owner}: noDecay should be true or a list of patterns, but is ${describe(noDecay)}`)
  const found = chosen(owner, names, noDecay, `parameter of ${model._getName()}`)
  return (name) => found.has(name)
}

/** By what the rate of each parameter is multiplied; the same for all of a layer, so that they share a group. */
function layerScales(
  owner: string,
  model: Module,
  names: Aliases,
  layerDecay: unknown,
  layers: unknown,
): Map<string, number> | undefined {
  if (layerDecay === undefined) {
    if (layers === undefined) return undefined
    throw new ArgumentError(`${owner}: layers is about layerDecay; give it, too: {layerDecay: 0.75, layers}`)
  }
  if (typeof layerDecay !== 'number' || !(layerDecay > 0 && layerDecay <= 1))
    throw new ArgumentError(`${owner}: layerDecay should be a number in (0, 1], but is ${describe(layerDecay)}`)
  const patterns: unknown = layers ?? topLevel([...new Set(names.values())])
  if (!Array.isArray(patterns) || patterns.length === 0)
    throw new ArgumentError(
      `${owner}: layers should be a list of patterns from the first to the last layer, but is ${describe(layers)}`,
    )
  const scales = new Map<string, number>()
  for (const [i, pattern] of patterns.entries()) {
    const found = chosen(owner, names, [pattern].flat(), `parameter of ${model._getName()}`)
    const scale = power(layerDecay, patterns.length - 1 - i)
    for (const name of found) if (!scales.has(name)) scales.set(name, scale)
  }
  const without = [...new Set(names.values())].filter((name) => !scales.has(name))
  if (without.length > 0)
    throw new ArgumentError(`${owner}: no layer of layers matches ${listed(without)}; each parameter is in a layer`)
  return scales
}

/** Python's `base ** exponent`, that of the C library, which a tensor of one element is computed with; V8's has other last bits. */
function power(base: number, exponent: number): number {
  const [x, n] = [base, exponent].map((value) => tensorFromData(value, { dtype: 'float64' }))
  return pow(x, n).item()
}

/** The children of a model that have parameters, and its own parameters, in order. */
function topLevel(names: string[]): string[] {
  return [...new Set(names.map((name) => (name.includes('.') ? `${name.slice(0, name.indexOf('.'))}.*` : name)))]
}

function split(
  owner: string,
  parameters: [string, Parameter][],
  options: Record<string, unknown>,
  scales: Map<string, number> | undefined,
  exempt: Exempt,
): NamedGroup[] {
  const groups = new Map<string, NamedGroup>()
  for (const scale of new Set(parameters.map(([name]) => scales?.get(name) ?? 1))) {
    if (scales && typeof options.lr !== 'number')
      throw new ArgumentError(`${owner}: layerDecay needs lr, a number, in the options or in each rule`)
    for (const decays of [true, false]) {
      const params = parameters
        .filter(([name, parameter]) => (scales?.get(name) ?? 1) === scale && exempt(name, parameter) !== decays)
        .map(([, parameter]) => parameter)
      if (params.length === 0) continue
      const group: NamedGroup = { params, ...options }
      if (scales) group.lr = (options.lr as number) * scale
      if (!decays) group.weightDecay = 0
      groups.set(`${scale} ${decays}`, group)
    }
  }
  return [...groups.values()]
}
