/** What of a state dict fits a model, and loading that. */
import { ArgumentError, StateDictError } from '../errors.js'
import { Module } from '../nn/module.js'
import type { Keys } from '../nn/types.js'
import { describe, isOptions, unknownOption } from '../tensor/operator.js'
import { Tensor } from '../tensor/tensor.js'
import { isLazy } from '../tensor/uninitialized.js'
import { adaptInputConv } from './adapt.js'
import { listed, matchingAny } from './glob.js'
import { entriesOf, likeStateDict } from './keys.js'
import type { Patterns, StateDictLike } from './types.js'

/** A key that both have, with shapes that differ. */
export interface Mismatch<K extends string = string> {
  key: K
  /** the shape in the model */
  expected: number[]
  /** the shape in the state dict */
  found: number[]
}

/** How a state dict and a model fit. */
export interface MatchReport<K extends string = string> {
  /** keys that both have, with the same shape */
  matched: K[]
  /** keys of the model that the state dict lacks */
  missing: K[]
  /** keys of the state dict that the model lacks */
  unexpected: string[]
  mismatched: Mismatch<K>[]
  /** the share of the model's keys that matched, 0 to 1 */
  coverage: number
}

/** What {@link loadMatching} did. */
export interface LoadReport<K extends string = string> extends MatchReport<K> {
  /** keys whose tensors were loaded in another shape, by `adapt` */
  adapted: K[]
  /** keys of the state dict that were left out, by `skip` */
  skipped: string[]
}

/** How a tensor gets the shape that the model wants. */
export type Adapt = 'inputChannels' | ((tensor: Tensor, shape: readonly number[]) => Tensor)

/** What {@link loadMatching} takes. */
export interface LoadMatchingOptions<M = Module, S extends readonly string[] = readonly string[]> {
  /** Patterns of keys that keep what the model has, such as those of a new head: `['fc.*']` */
  skip?: Patterns<M, S>
  /**
   * By key, how its tensor gets the model's shape: `'inputChannels'` is {@link adaptInputConv}; a function gets the tensor and the
   * wanted shape
   */
  adapt?: { readonly [K in Keys<M>]?: Adapt }
  /** The share of the model's keys that must match, 0 to 1; by default one key is enough */
  minMatched?: number
}

/** Checks that an argument is a model. */
export function checkModel(owner: string, model: unknown): asserts model is Module {
  if (!(model instanceof Module))
    throw new ArgumentError(`${owner}: expected a model (an nn.Module), received ${describe(model)}`)
}

/** Refuses what is no options object, and options that there are not. */
export function checkOptions(owner: string, options: unknown, known: string[]): void {
  if (!isOptions(options)) throw new ArgumentError(`${owner}: expected options, received ${describe(options)}`)
  for (const key of Object.keys(options)) if (!known.includes(key)) throw unknownOption(owner, key, known)
}

/**
 * Compares a state dict with a model and changes nothing.
 * @param options - `shapes` (default `true`): whether tensors of different shapes count as mismatched; else names alone decide
 * @throws {@link ArgumentError} for what is no state dict, or no model
 * @example
 * const { missing, unexpected, coverage } = torch.matchStateDict(stateDict, model)
 */
export function matchStateDict<M extends Module>(
  stateDict: StateDictLike,
  model: M,
  options: { shapes?: boolean } = {},
): MatchReport<Keys<M>> {
  checkModel('matchStateDict', model)
  checkOptions('matchStateDict', options, ['shapes'])
  return compare(
    new Map(entriesOf('matchStateDict', stateDict)),
    entriesOfModel(model),
    options.shapes ?? true,
  ) as MatchReport<Keys<M>>
}

function entriesOfModel(model: Module): Map<string, unknown> {
  return new Map(entriesOf('stateDict', model.stateDict({ keepVars: true })))
}

/** The shape of an entry; state that is no tensor, and a parameter that has no size yet, have none. */
function shapeOf(value: unknown): readonly number[] | undefined {
  return value instanceof Tensor && !isLazy(value) ? value.shape : undefined
}

/** Whether `found` can be loaded in the place of `expected`: a scalar may be one element, as in files of PyTorch 0.3. */
function fits(expected: readonly number[] | undefined, found: readonly number[] | undefined): boolean {
  if (expected === undefined || found === undefined) return true
  return String(expected) === String(found) || (expected.length === 0 && String(found) === '1')
}

function compare(given: Map<string, unknown>, wanted: Map<string, unknown>, shapes: boolean): MatchReport {
  const report: MatchReport = { matched: [], missing: [], unexpected: [], mismatched: [], coverage: 1 }
  for (const [key, value] of wanted) {
    if (!given.has(key)) report.missing.push(key)
    else if (!shapes || fits(shapeOf(value), shapeOf(given.get(key)))) report.matched.push(key)
    else report.mismatched.push({ key, expected: [...shapeOf(value)!], found: [...shapeOf(given.get(key))!] })
  }
  for (const key of given.keys()) if (!wanted.has(key)) report.unexpected.push(key)
  if (wanted.size > 0) report.coverage = report.matched.length / wanted.size
  return report
}

/**
 * Loads what of a state dict fits a model: for weights of another task, or of a model that was changed since. Keys that only one of
 * the two has are reported; a tensor of another shape is an error unless `skip` or `adapt` names it. All or nothing is written.
 * @param options - `skip`, `adapt` and `minMatched`, see {@link LoadMatchingOptions}
 * @returns what matched, what did not, what was adapted and what was skipped
 * @throws {@link StateDictError} where shapes differ, where fewer keys match than `minMatched` asks for, and where none does: that is a
 * prefix or a rename
 * @example
 * torch.replaceHead(model, 'fc', 10)
 * const { missing } = torch.loadMatching(model, pretrained, { skip: ['fc.*'], adapt: { 'conv1.weight': 'inputChannels' } })
 */
export function loadMatching<M extends Module, const S extends readonly string[] = readonly string[]>(
  model: M,
  stateDict: StateDictLike,
  options: LoadMatchingOptions<M, S> = {},
): LoadReport<Keys<M>> {
  const owner = 'loadMatching'
  checkModel(owner, model)
  checkOptions(owner, options, ['skip', 'adapt', 'minMatched'])
  const { minMatched = 0 } = options
  if (typeof minMatched !== 'number' || !(minMatched >= 0 && minMatched <= 1))
    throw new ArgumentError(
      `${owner}: minMatched is a share of the model's keys, 0 to 1, but is ${describe(minMatched)}`,
    )
  const given = new Map(entriesOf(owner, stateDict))
  const wanted = entriesOfModel(model)
  const skipped = skippedKeys(owner, options.skip, given, wanted, model)
  for (const key of skipped) given.delete(key)
  const adapted = adapt(owner, options.adapt, given, wanted)

  const report = compare(given, wanted, true)
  if (report.matched.length === 0) throw nothingMatched(owner, model, given, wanted, skipped.length)
  if (report.mismatched.length > 0) throw mismatch(owner, model, report.mismatched)
  if (report.coverage < minMatched) throw tooFew(owner, model, report, minMatched)
  const matched = new Set(report.matched)
  const entries = [...given].filter(([key]) => matched.has(key))
  model.loadStateDict(likeStateDict(stateDict, entries), { strict: false })
  return { ...report, adapted, skipped } as LoadReport<Keys<M>>
}

function skippedKeys(
  owner: string,
  skip: unknown,
  given: Map<string, unknown>,
  wanted: Map<string, unknown>,
  model: Module,
): string[] {
  if (skip === undefined) return []
  if (!Array.isArray(skip))
    throw new ArgumentError(`${owner}: skip should be a list of patterns such as ['fc.*'], but is ${describe(skip)}`)
  const names = [...new Set([...wanted.keys(), ...given.keys()])]
  const found = matchingAny(owner, names, skip, `key of ${model._getName()} or of the state dict`)
  const keys = [...given.keys()].filter((key) => found.has(key))
  // a head that was to be replaced before the loading, and was not
  const same = keys.filter((key) => wanted.has(key) && shapeOf(given.get(key))?.length)
  if (same.length > 0 && same.every((key) => fits(shapeOf(wanted.get(key)), shapeOf(given.get(key))))) {
    process.emitWarning(
      `${owner}: ${listed(same)} ${same.length === 1 ? 'is' : 'are'} skipped, but would fit: the model still has the shape of the state dict there. ` +
        `For another number of classes call replaceHead(model, name, classes) first; to load it, leave it out of skip`,
      'UserWarning',
    )
  }
  return keys
}

function adapt(
  owner: string,
  adapts: { readonly [key: string]: Adapt | undefined } | undefined,
  given: Map<string, unknown>,
  wanted: Map<string, unknown>,
): string[] {
  if (adapts === undefined) return []
  if (!isOptions(adapts))
    throw new ArgumentError(`${owner}: adapt should be {key: 'inputChannels'}, but is ${describe(adapts)}`)
  const done: string[] = []
  for (const [key, how] of Object.entries(adapts)) {
    if (how === undefined) continue
    const present = wanted.get(key)
    const tensor = given.get(key)
    if (!(present instanceof Tensor) || !(tensor instanceof Tensor)) {
      const where = present instanceof Tensor ? 'the state dict' : 'the model'
      throw new ArgumentError(`${owner}: adapt names '${key}', which ${where} has no tensor for`)
    }
    const result: unknown =
      how === 'inputChannels'
        ? adaptInputConv(tensor, present.shape[1] ?? 0)
        : typeof how === 'function'
          ? how(tensor, present.shape)
          : undefined
    if (!(result instanceof Tensor)) {
      const gave = typeof how === 'function' ? `the function gave ${describe(result)}` : describe(how)
      throw new ArgumentError(
        `${owner}: adapt['${key}'] should be 'inputChannels' or a function that gives a Tensor, but is ${gave}`,
      )
    }
    if (String(result.shape) !== String(present.shape)) {
      throw new StateDictError(
        `${owner}: adapt['${key}'] made [${result.shape.join(', ')}], but the model has [${present.shape.join(', ')}]`,
      )
    }
    if (result === tensor) continue
    given.set(key, result)
    done.push(key)
  }
  return done
}

function mismatch(owner: string, model: Module, mismatched: readonly Mismatch[]): StateDictError {
  const lines = mismatched.map(
    ({ key, expected, found }) =>
      `\n\t'${key}': [${found.join(', ')}] in the state dict, [${expected.join(', ')}] in the model`,
  )
  const [{ key, expected, found }] = mismatched as [Mismatch]
  const dot = key.lastIndexOf('.')
  const pattern = dot < 0 ? key : `${key.slice(0, dot)}.*`
  const isInput = expected.length >= 3 && expected.length === found.length && expected[1] !== found[1]
  const hint = isInput && expected[0] === found[0] ? `, or adapt it: {adapt: {'${key}': 'inputChannels'}}` : ''
  return new StateDictError(
    `${owner}: ${mismatched.length === 1 ? 'a tensor has' : `${mismatched.length} tensors have`} another shape than in ${model._getName()}:${lines.join('')}\n` +
      `Nothing was loaded. To keep what the model has there, skip it: {skip: ['${pattern}']}${hint}`,
  )
}

function tooFew(owner: string, model: Module, report: MatchReport, minMatched: number): StateDictError {
  const total = report.matched.length + report.missing.length
  return new StateDictError(
    `${owner}: ${report.matched.length} of ${total} keys of ${model._getName()} matched, which is less than minMatched: ${minMatched}. Nothing was loaded.\n` +
      `\tmissing: ${listed(report.missing) || 'none'}\n\tunexpected: ${listed(report.unexpected) || 'none'}`,
  )
}

function nothingMatched(
  owner: string,
  model: Module,
  given: Map<string, unknown>,
  wanted: Map<string, unknown>,
  skipped: number,
): StateDictError {
  const [found, expected] = [[...given.keys()], [...wanted.keys()]]
  const isStateDict = [...given.values()].some((value) => value instanceof Tensor)
  const way = isStateDict
    ? suggestion(found, expected)
    : 'It has no tensors: of a whole checkpoint, toStateDict(loaded) gives the state dict'
  return new StateDictError(
    `${owner}: no key of the state dict matches ${model._getName()}, and nothing was loaded${skipped > 0 ? ` (${skipped} skipped)` : ''}.\n` +
      `\tstate dict: ${listed(found, 3) || 'no keys'}\n\tmodel: ${listed(expected, 3) || 'no keys'}\n${way}`,
  )
}

/** The prefix or the rename that would make keys match. */
function suggestion(found: readonly string[], expected: readonly string[]): string {
  const names = new Set(expected)
  // a prefix of the file's that the model does not have
  for (const key of found) {
    for (let dot = key.indexOf('.'); dot >= 0; dot = key.indexOf('.', dot + 1)) {
      const prefix = key.slice(0, dot + 1)
      if (names.has(key.slice(dot + 1))) return `Take the prefix off: stripPrefix(stateDict, '${prefix}')`
    }
  }
  const present = new Set(found)
  for (const name of expected) {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      if (present.has(name.slice(dot + 1)))
        return `Put the prefix before: addPrefix(stateDict, '${name.slice(0, dot + 1)}')`
    }
  }
  for (const key of found) {
    const near = expected.find((name) => sharesEnd(name, key))
    if (near !== undefined) {
      const [from, to] = heads(key, near)
      return `Rename the keys: renameKeys(stateDict, [['${from}', '${to}']])`
    }
  }
  return 'They are of different models'
}

/** Whether two keys of the same depth differ in one part alone, which is not the last. */
function sharesEnd(a: string, b: string): boolean {
  const [left, right] = [a.split('.'), b.split('.')]
  return (
    left.length === right.length &&
    left.filter((part, i) => part !== right[i]).length === 1 &&
    left.at(-1) === right.at(-1)
  )
}

function heads(key: string, name: string): [string, string] {
  const [left, right] = [key.split('.'), name.split('.')]
  const at = left.findIndex((part, i) => part !== right[i])
  return [`${left.slice(0, at + 1).join('.')}.`, `${right.slice(0, at + 1).join('.')}.`]
}
