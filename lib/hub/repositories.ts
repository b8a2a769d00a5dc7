/**
 * `torch.hub.load` and its kin. Rules of names and errors: torch/hub.py, PyTorch 2.13. What Python runs there is the file `hubconf.py`
 * of a repository: Python code, which Node.js cannot run and this package never downloads. The entry points of some repositories
 * are here as TypeScript instead.
 */
import { ArgumentError, nearest, TorchError } from '../errors.js'

/** What stands for the `hubconf.py` of a repository. @internal */
export interface Hubconf {
  /** names of the entry points */
  list(): string[]
  /** what an entry point gives and takes */
  help(model: string): string
  /** calls an entry point */
  load(model: string, options: Record<string, unknown>): Promise<any>
}

const known = new Map<string, () => Promise<Hubconf>>()

/** Makes a repository known; its code is loaded when it is asked for. @internal */
export function provideRepository(name: string, hubconf: () => Promise<Hubconf>): void {
  known.set(name, hubconf)
}

/** Options of {@link list} and {@link help}: all but `source` are there for Python's sake, as no code is downloaded. */
export interface HubOptions {
  forceReload?: boolean
  skipValidation?: boolean
  trustRepo?: boolean | 'check'
  verbose?: boolean
}
/** Options of {@link load}: its own, and beside them those of the entry point. */
export interface HubLoadOptions extends HubOptions {
  /** only `'github'` (default); a folder has Python code */
  source?: 'github' | 'local'
  [option: string]: unknown
}
const names = ['forceReload', 'skipValidation', 'trustRepo', 'verbose']

async function find(what: string, github: string): Promise<Hubconf> {
  const match = typeof github === 'string' ? /^([^/:]+)\/([^/:]+)(?::.+)?$/.exec(github) : null
  if (!match)
    throw new ArgumentError(`${what}: expected a repository as 'owner/name' or 'owner/name:ref', received ${github}`)
  const name = `${match[1]}/${match[2]}`
  const hubconf = known.get(name)
  if (hubconf) return hubconf()
  throw new TorchError(
    `${what}: the entry points of ${name} are Python code (hubconf.py), which Node.js cannot run. Here are those of ` +
      `${[...known.keys()].join(', ')}. A state dict of another model is loaded with hub.loadStateDictFromUrl(url) into a ` +
      'module of the same layers, a model that torch.jit.save wrote with jit.load(file)',
  )
}

function checkModel(what: string, hubconf: Hubconf, model: string): void {
  if (typeof model !== 'string')
    throw new ArgumentError(`${what}: Invalid input: model should be a string of function name`)
  const all = hubconf.list()
  if (all.includes(model)) return
  const near = nearest(model, all)
  throw new TorchError(`${what}: Cannot find callable ${model} in hubconf${near ? `; did you mean ${near}?` : ''}`)
}

function checkOptions(what: string, options: object): void {
  for (const key of Object.keys(options)) {
    if (names.includes(key)) continue
    const near = nearest(key, names)
    throw new ArgumentError(`${what}: unknown option '${key}'${near ? `; did you mean '${near}'?` : ''}`)
  }
}

/**
 * Names of the entry points of a repository that are here: of `pytorch/vision` the image classifiers.
 * @param github - `owner/name`, with or without `:ref`, which chooses nothing: the models are those of torchvision 0.28
 * @throws {@link TorchError} for a repository whose entry points are Python code
 * @example
 * await torch.hub.list('pytorch/vision') // ['alexnet', 'convnext_base', …]
 */
export async function list(github: string, options: HubOptions = {}): Promise<string[]> {
  const what = 'hub.list()'
  checkOptions(what, options)
  return (await find(what, github)).list()
}

/**
 * What an entry point gives and takes.
 * @param github - as in {@link list}
 * @param model - the name of an entry point
 * @throws {@link TorchError} for an unknown entry point, and as {@link list}
 * @example
 * console.log(await torch.hub.help('pytorch/vision', 'resnet18'))
 */
export async function help(github: string, model: string, options: HubOptions = {}): Promise<string> {
  const what = 'hub.help()'
  checkOptions(what, options)
  const hubconf = await find(what, github)
  checkModel(what, hubconf, model)
  return hubconf.help(model)
}

/**
 * Makes a model by the names of its repository and entry point. Only weights are downloaded, never code.
 * @param repo - `owner/name`, as in {@link list}
 * @param model - the name of an entry point
 * @param options - those of the entry point, for `pytorch/vision` also `weights` and `progress`, beside {@link HubLoadOptions}
 * @returns what the entry point gives: a module
 * @throws {@link TorchError} for a repository whose entry points are Python code, and for an unknown entry point;
 * {@link DownloadError} where weights cannot be downloaded; {@link ArgumentError} for wrong options
 * @example
 * const model = await torch.hub.load('pytorch/vision', 'resnet18', { weights: 'DEFAULT' })
 */
export async function load(repo: string, model: string, options: HubLoadOptions = {}): Promise<any> {
  const what = 'hub.load()'
  const { source = 'github', forceReload, skipValidation, trustRepo, verbose, ...own } = options
  if (source !== 'github' && String(source).toLowerCase() === 'local') {
    throw new TorchError(`${what}: a folder has Python code (hubconf.py), which Node.js cannot run`)
  }
  if (String(source).toLowerCase() !== 'github')
    throw new ArgumentError(`Unknown source: "${source}". Allowed values: "github" | "local".`)
  const hubconf = await find(what, repo)
  checkModel(what, hubconf, model)
  return hubconf.load(model, own)
}
