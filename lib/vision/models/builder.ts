/** Functions that make models, with or without trained weights. */
import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { ArgumentError, nearest } from '../../errors.js'
import { cachedFile, cachePath } from '../../hub/load.js'
import type { Module } from '../../nn/module.js'
import type { AnyStateDict } from '../../nn/types.js'
import { load, loadSync } from '../../serialize/load.js'
import { camelCase } from '../../tensor/names.js'
import { isOptions } from '../../tensor/operator.js'
import { pythonText } from '../../tensor/python-text.js'
import { type ModelName, type Weights, type WeightsName, weightsTable } from './weights.js'

/** What a function that makes a model takes beside the model's own arguments. */
export interface WeightsOptions<N extends ModelName = ModelName> {
  /**
   * Trained weights: a state dict, or the name of one of torchvision's, whose file must be in the cache folder already. To
   * download it, use {@link fromPretrained}. By default the weights are random.
   */
  weights?: WeightsName<N> | Weights | AnyStateDict | null
  /** Whether {@link fromPretrained} shows the progress of a download (default `true`). */
  progress?: boolean
}

/** Makes a model of one architecture. */
export interface ModelBuilder<M extends Module = Module, O extends object = any, N extends ModelName = ModelName> {
  (options?: O & WeightsOptions<N>): M
  /** torchvision's name of the model */
  readonly modelName: N
}

interface Recipe {
  make(options: object, loads: boolean): Module
  /** changes a state dict of old into one of today */
  update(stateDict: AnyStateDict): AnyStateDict
  pretrained: PretrainedRules
}

/** What is special about trained weights of torchvision for a model. */
export interface PretrainedRules {
  /** the options that the weights ask for beside `numClasses`, by those that are given (default: `imageSize`, if there is one) */
  asks?(own: Record<string, unknown>, entry: Weights): Record<string, unknown>
  /** changes the model when it has the weights */
  finish?(model: Module, own: Record<string, unknown>): void
}
const recipes = new Map<ModelName, Recipe>()
const builders = new Map<ModelName, ModelBuilder>()

/**
 * A function that makes models.
 * @param make - gets the options without `weights` and `progress`, and whether a state dict is loaded afterwards
 */
export function defineModel<M extends Module, O extends object, const N extends ModelName>(
  name: N,
  make: (options: O, loads: boolean) => M,
  update: (stateDict: AnyStateDict) => AnyStateDict = (stateDict) => stateDict,
  pretrained: PretrainedRules = {},
): ModelBuilder<M, O, N> {
  const recipe: Recipe = { make: make as Recipe['make'], update, pretrained }
  const ours = functionName(name)
  const builder = (options: O & WeightsOptions<N> = {} as O): M => {
    if (!isOptions(options)) throw new ArgumentError(`${ours}(): expected options`)
    const { weights, progress: _, ...own } = options as WeightsOptions & Record<string, unknown>
    if (weights === undefined || weights === null) return make(own as O, false)
    const entry = entryOf(name, weights)
    if (!entry) return build(recipe, own, weights as AnyStateDict) as M
    const file = cachePath(entry.file)
    if (!existsSync(file)) {
      throw new ArgumentError(
        `${ours}(): its weights are not in the cache (${file}); download them with ` +
          `await models.fromPretrained(models.${ours}, '${String(weights)}')`,
      )
    }
    return buildTrained(recipe, own, entry, loadSync(file)) as M
  }
  Object.defineProperty(builder, 'name', { value: ours })
  const named = Object.assign(builder, { modelName: name })
  recipes.set(name, recipe)
  builders.set(name, named as ModelBuilder)
  return named
}

function build(recipe: Recipe, own: object, stateDict: AnyStateDict): Module {
  const model = recipe.make(own, true)
  model.loadStateDict(recipe.update(stateDict))
  return model
}

/** The row of the table that is meant; undefined for a state dict. */
function entryOf(name: ModelName, weights: unknown): Weights | undefined {
  const known = weightsTable[name]
  if (typeof weights === 'string') {
    const key = weights.slice(weights.lastIndexOf('.') + 1)
    const { DEFAULT, ...rows } = known as Record<string, Weights | string> & { DEFAULT: string }
    const row = rows[key === 'DEFAULT' ? DEFAULT : key]
    if (row && Object.hasOwn(known, key)) return row as Weights
    const keys = [...Object.keys(rows), 'DEFAULT']
    const near = nearest(key, keys)
    throw new ArgumentError(
      `${functionName(name)}(): there are no weights '${weights}'${near ? `; did you mean '${near}'?` : `: there are ${keys.join(', ')}`}`,
    )
  }
  return Object.values(known).includes(weights as Weights) ? (weights as Weights) : undefined
}

/** A model with trained weights of torchvision. */
function buildTrained(recipe: Recipe, own: object, entry: Weights, stateDict: AnyStateDict): Module {
  const model = build(recipe, withEntry(recipe, own, entry), stateDict)
  recipe.pretrained.finish?.(model, own as Record<string, unknown>)
  return model
}

/** The arguments that weights ask for; another value is an error. */
function withEntry({ pretrained }: Recipe, own: object, entry: Weights): object {
  const { numClasses, imageSize } = entry
  const asked = pretrained.asks?.(own as Record<string, unknown>, entry)
  return fixed(own, {
    ...(numClasses !== null && { numClasses }),
    ...(asked ?? (imageSize !== undefined && { imageSize })),
  })
}

/** `options` with the values of `own`; to give another value is an error, as in torchvision. @internal */
export function fixed<O extends object>(options: O, own: O): O {
  for (const [key, value] of Object.entries(own)) {
    const given = (options as Record<string, unknown>)[key]
    if (given === undefined || isDeepStrictEqual(given, value)) continue
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    throw new ArgumentError(
      `The parameter '${name}' expected value ${pythonText(value)} but got ${pythonText(given)} instead.`,
    )
  }
  return { ...options, ...own }
}

/** Options of {@link fromPretrained} beside those of the model. */
export interface PretrainedOptions {
  /** whether a download is shown (default `true`) */
  progress?: boolean
  /** the folder for the file (default: that of `torch.hub`, shared with Python) */
  modelDir?: string
  /** where the files are (default `https://download.pytorch.org/models/`) */
  baseUrl?: string
}

/**
 * Makes a model with trained weights of torchvision, which are downloaded where they are not in the cache folder yet. The
 * sha256 of the file is checked.
 * @param builder - the function of the model, such as `models.resnet18`
 * @param weights - a name, by default `'DEFAULT'`: the best ones
 * @param options - those of the model, and {@link PretrainedOptions}
 * @throws `DownloadError`; {@link ArgumentError} for an unknown name and for another `numClasses` than the weights have
 * @example
 * const model = await models.fromPretrained(models.resnet18, 'DEFAULT')
 * model.fc = new nn.Linear(512, 10)
 */
export async function fromPretrained<M extends Module, O extends object, N extends ModelName>(
  builder: ModelBuilder<M, O, N>,
  weights: WeightsName<N> | Weights = 'DEFAULT' as WeightsName<N>,
  options: O & PretrainedOptions = {} as O,
): Promise<M> {
  const name = builder?.modelName
  const recipe = recipes.get(name)
  if (!recipe)
    throw new ArgumentError('fromPretrained(): expected a function of torchvision.models, as models.resnet18')
  const { progress = true, modelDir, baseUrl = defaultUrl, ...own } = options as PretrainedOptions
  const entry = entryOf(name, weights)
  if (!entry) throw new ArgumentError(`fromPretrained(): expected the name of weights of ${name}`)
  // wrong options are an error before a download
  withEntry(recipe, own, entry)
  const url = `${baseUrl.replace(/\/?$/, '/')}${entry.file}`
  const file = await cachedFile(url, { progress, checkHash: true, ...(modelDir !== undefined && { modelDir }) })
  return buildTrained(recipe, own, entry, await load(file)) as M
}
const defaultUrl = 'https://download.pytorch.org/models/'

/**
 * Our name of a model. An underscore between digits stays where another model would have the same name without it:
 * `regnet_y_1_6gf` and `regnet_y_16gf`.
 */
function functionName(name: string): string {
  const ours = camelCase(name)
  const twins = Object.keys(weightsTable).filter((other) => camelCase(other) === ours)
  return twins.length > 1 ? camelCase(name.replace(/(\d)_(?=\d)/, '$1§')).replace('§', '_') : ours
}

/** torchvision's names of the models that are here, in alphabetical order. */
export function listModels(): ModelName[] {
  return [...builders.keys()].sort()
}

/** The function of a model by torchvision's name (`'vgg11_bn'`) or ours (`'vgg11Bn'`). */
export function getModelBuilder(name: string): ModelBuilder {
  const found = [...builders].find(([python]) => python === name.toLowerCase() || functionName(python) === name)
  if (!found) {
    const near = nearest(name, builders.keys())
    throw new ArgumentError(`Unknown model ${name}${near ? `; did you mean ${near}?` : ''}`)
  }
  return found[1]
}

/** Makes a model by its name, as the function of that name does. */
export function getModel(name: string, options: Record<string, unknown> & WeightsOptions = {}): Module {
  return getModelBuilder(name)(options)
}
