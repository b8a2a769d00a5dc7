import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ArgumentError } from '../../errors.js'
import { takeNamed } from '../arguments.js'
import type { Bins } from './bins.js'
import { EventFile, type EventFileOptions } from './event-file.js'
import { makeHistogram } from './histogram.js'
import { makeImage } from './image.js'
import type { SummaryValue } from './proto.js'
import { type ScalarLike, toDoubles, toScalar, type ValuesLike } from './values.js'

export interface SummaryWriterOptions {
  /** Folder of the run (default: `runs/` with the date, the time and the name of the machine). */
  logDir?: string | URL
  /** Added to the default folder's name. */
  comment?: string
  /** The step at which a run goes on: TensorBoard hides what earlier files of the folder hold from there on. */
  purgeStep?: number | bigint
  /** Events that may wait before they are written (default 10). */
  maxQueue?: number
  /** Seconds that an event may wait before it is written (default 120). */
  flushSecs?: number
  /** Added to the name of every file. */
  filenameSuffix?: string
}

export interface SummaryOptions {
  /** Step of the training run that the value belongs to. */
  globalStep?: number | bigint
  /** Seconds since 1970 (default: now). */
  walltime?: number
}

export interface ScalarOptions extends SummaryOptions {
  /** Write the scalar as a tensor (default `false`). */
  newStyle?: boolean
  /** With `newStyle`: as float64 and not as float32 (default `false`). */
  doublePrecision?: boolean
}

export interface HistogramOptions extends SummaryOptions {
  /** A rule, a number of equally wide bins, or their edges (default `'tensorflow'`). */
  bins?: Bins
  /** Neighbouring bins are put together until there are about so many. */
  maxBins?: number
}

export interface ImageOptions extends SummaryOptions {
  /** What each dimension is: `'CHW'`, `'HWC'`, `'HW'`, `'NCHW'`, … */
  dataformats?: string
}

type Given<T> = T & { tag: string; globalStep?: number | bigint; walltime?: number }

/**
 * Writes event files that TensorBoard reads, as Python's `torch.utils.tensorboard.SummaryWriter` writes them. Arguments come in Python's
 * order, or by name in an options object at the end. What waits is written by `flush()`, by `close()`, and when the process ends.
 * @throws {@link ArgumentError} for an unknown option, a value of the wrong kind, or a step that is no whole number
 * @example
 * const writer = new torch.utils.SummaryWriter('runs/first')
 * for (let step = 0; step < 100; step++) writer.addScalar('train/loss', 1 / (step + 1), step)
 * writer.close()
 * @see https://docs.pytorch.org/docs/2.13/tensorboard.html
 */
// Source: torch/utils/tensorboard/writer.py, PyTorch 2.13 (cf30153c).
export class SummaryWriter {
  /** Folder of the run. */
  readonly logDir: string
  readonly #options: EventFileOptions
  #purgeStep: number | bigint | undefined
  /** by folder: the run's own, and one for each curve of addScalars */
  readonly #files = new Map<string, EventFile>()

  /**
   * @param logDir - folder of the run; made when it is not there
   * @throws {@link ArgumentError} for an unknown option or one of the wrong kind
   */
  constructor(logDir?: string | URL | SummaryWriterOptions | null, options?: SummaryWriterOptions)
  constructor(...args: unknown[]) {
    if (args[0] === null) args[0] = undefined
    const names = ['logDir', 'comment', 'purgeStep', 'maxQueue', 'flushSecs', 'filenameSuffix'] as const
    const given = takeNamed<SummaryWriterOptions>('SummaryWriter', names, 0, args)
    const { logDir, comment = '', purgeStep, maxQueue = 10, flushSecs = 120, filenameSuffix = '' } = given
    checkText('SummaryWriter', 'comment', comment)
    checkText('SummaryWriter', 'filenameSuffix', filenameSuffix)
    checkAtLeastZero('maxQueue', maxQueue)
    checkAtLeastZero('flushSecs', flushSecs)
    if (logDir !== undefined && !(logDir instanceof URL)) checkText('SummaryWriter', 'logDir', logDir)
    if (purgeStep !== undefined) toStep('SummaryWriter', 'purgeStep', purgeStep)
    this.logDir =
      logDir instanceof URL ? fileURLToPath(logDir) : logDir || `runs/${timeText(new Date())}_${hostname()}${comment}`
    this.#options = { maxQueue, flushSecs, filenameSuffix }
    this.#purgeStep = purgeStep
    this.#file()
  }

  /** Folder of the run. */
  getLogdir(): string {
    return this.logDir
  }

  /**
   * Adds a number to the curve of a tag.
   * @param scalarValue - a number, or a tensor of one element; kept as float32
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/scalars')
   * writer.addScalar('loss', loss, 1)
   * writer.addScalar('loss', 0.25, { globalStep: 2, newStyle: true, doublePrecision: true })
   * writer.close()
   */
  addScalar(
    tag: string,
    scalarValue: ScalarLike,
    globalStep?: number | bigint | ScalarOptions,
    walltime?: number | ScalarOptions,
    newStyle?: boolean | ScalarOptions,
    doublePrecision?: boolean | ScalarOptions,
  ): void
  addScalar(...args: unknown[]): void {
    const names = ['tag', 'scalarValue', 'globalStep', 'walltime', 'newStyle', 'doublePrecision'] as const
    const given = takeNamed<Given<ScalarOptions & { scalarValue: unknown }>>('addScalar', names, 2, args)
    const value = toScalar('addScalar', 'scalarValue', given.scalarValue)
    const { tag } = given
    const tensor = given.doublePrecision ? { double: [value] } : { float: [value] }
    const summary = given.newStyle ? { tag, tensor, plugin: { name: 'scalars' } } : { tag, simpleValue: value }
    this.#add('addScalar', this.#file(), given, summary)
  }

  /**
   * Adds numbers to several curves of one chart; each curve is a run of its own, in a folder below `logDir`.
   * @param tagScalarDict - name of the curve to its number
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/two-curves')
   * writer.addScalars('loss', { train: 0.31, test: 0.42 }, epoch)
   * writer.close()
   */
  addScalars(
    mainTag: string,
    tagScalarDict: Record<string, ScalarLike> | ReadonlyMap<string, ScalarLike>,
    globalStep?: number | bigint | SummaryOptions,
    walltime?: number | SummaryOptions,
  ): void
  addScalars(...args: unknown[]): void {
    const names = ['mainTag', 'tagScalarDict', 'globalStep', 'walltime'] as const
    type Taken = SummaryOptions & { mainTag: string; tagScalarDict: unknown }
    const { mainTag, tagScalarDict, ...rest } = takeNamed<Taken>('addScalars', names, 2, args)
    checkText('addScalars', 'mainTag', mainTag)
    if (typeof tagScalarDict !== 'object' || tagScalarDict === null || Array.isArray(tagScalarDict)) {
      throw new ArgumentError('addScalars: tagScalarDict should be an object or a Map of names to numbers')
    }
    const entries = tagScalarDict instanceof Map ? [...tagScalarDict] : Object.entries(tagScalarDict)
    // all are checked before the first is written
    const values = entries.map(
      ([name, value]) => [name, toScalar('addScalars', `tagScalarDict['${name}']`, value)] as const,
    )
    const given = { ...rest, walltime: rest.walltime ?? now() }
    for (const [name, simpleValue] of values) {
      const folder = `${this.logDir}/${mainTag.replaceAll('/', '_')}_${name}`
      this.#add('addScalars', this.#file(folder), { ...given, tag: mainTag }, { tag: mainTag, simpleValue })
    }
  }

  /**
   * Adds how values are spread, such as the weights of a layer.
   * @param values - numbers in any shape, at least one
   * @throws {@link ArgumentError} when there is no value, or none in any bin
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/weights')
   * for (const [name, parameter] of model.namedParameters()) writer.addHistogram(name, parameter, epoch)
   * writer.close()
   */
  addHistogram(
    tag: string,
    values: ValuesLike,
    globalStep?: number | bigint | HistogramOptions,
    bins?: Bins | HistogramOptions,
    walltime?: number | HistogramOptions,
    maxBins?: number | HistogramOptions,
  ): void
  addHistogram(...args: unknown[]): void {
    const names = ['tag', 'values', 'globalStep', 'bins', 'walltime', 'maxBins'] as const
    const given = takeNamed<Given<HistogramOptions & { values: unknown }>>('addHistogram', names, 2, args)
    const values = toDoubles('addHistogram', 'values', given.values)
    const histogram = makeHistogram(values, given.bins ?? 'tensorflow', given.maxBins)
    this.#add('addHistogram', this.#file(), given, { tag: given.tag, histogram })
  }

  /**
   * Adds an image.
   * @param imgTensor - bytes from 0 to 255 in uint8, or values from 0 to 1 in any other dtype; what lies beyond is cut off
   * @throws {@link ShapeError} when its shape does not fit `dataformats` (default `'CHW'`)
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/images')
   * writer.addImage('noise', torch.rand(3, 16, 16), epoch)
   * writer.addImage('digit', torch.rand(8, 8), epoch, { dataformats: 'HW' })
   * writer.close()
   */
  addImage(
    tag: string,
    imgTensor: ValuesLike,
    globalStep?: number | bigint | ImageOptions,
    walltime?: number | ImageOptions,
    dataformats?: string | ImageOptions,
  ): void
  addImage(...args: unknown[]): void {
    this.#image('addImage', 'CHW', args)
  }

  /**
   * Adds images as a grid with eight in a row; like {@link SummaryWriter.addImage}, with `dataformats` `'NCHW'` by default.
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/grid')
   * writer.addImages('batch', torch.rand(16, 1, 8, 8), epoch)
   * writer.close()
   */
  addImages(
    tag: string,
    imgTensor: ValuesLike,
    globalStep?: number | bigint | ImageOptions,
    walltime?: number | ImageOptions,
    dataformats?: string | ImageOptions,
  ): void
  addImages(...args: unknown[]): void {
    this.#image('addImages', 'NCHW', args)
  }

  /**
   * Adds a text, which TensorBoard shows as Markdown.
   * @example
   * const writer = new torch.utils.SummaryWriter('runs/notes')
   * writer.addText('settings', '`lr` 0.1, `batchSize` 64')
   * writer.close()
   */
  addText(
    tag: string,
    textString: string,
    globalStep?: number | bigint | SummaryOptions,
    walltime?: number | SummaryOptions,
  ): void
  addText(...args: unknown[]): void {
    const names = ['tag', 'textString', 'globalStep', 'walltime'] as const
    const given = takeNamed<Given<{ textString: string }>>('addText', names, 2, args)
    checkText('addText', 'textString', given.textString)
    checkText('addText', 'tag', given.tag)
    const tensor = { dims: [1], text: [given.textString] }
    this.#add('addText', this.#file(), given, { tag: `${given.tag}/text_summary`, tensor, plugin: { name: 'text' } })
  }

  /** Writes what waits. */
  flush(): void {
    for (const file of this.#files.values()) file.flush()
  }

  /** Writes what waits and closes the files; a value that is added later begins new ones. */
  close(): void {
    const files = [...this.#files.values()]
    this.#files.clear()
    const failures: unknown[] = []
    for (const file of files) {
      try {
        file.close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  [Symbol.dispose](): void {
    this.close()
  }

  #image(what: string, dataformats: string, args: unknown[]): void {
    const names = ['tag', 'imgTensor', 'globalStep', 'walltime', 'dataformats'] as const
    const given = takeNamed<Given<ImageOptions & { imgTensor: unknown }>>(what, names, 2, args)
    const image = makeImage(what, given.imgTensor, given.dataformats ?? dataformats)
    this.#add(what, this.#file(), given, { tag: given.tag, image })
  }

  #add(what: string, file: EventFile, { tag, globalStep, walltime }: Given<object>, summary: SummaryValue): void {
    checkText(what, 'tag', tag)
    if (walltime !== undefined && typeof walltime !== 'number') {
      throw new ArgumentError(`${what}: walltime should be a number of seconds, but is ${String(walltime)}`)
    }
    // None is a step in Python, too
    const step = globalStep === undefined || globalStep === null ? {} : { step: toStep(what, 'globalStep', globalStep) }
    file.add({ wallTime: walltime ?? now(), ...step, summary })
  }

  /** The file of a folder; the run's own is always the first. */
  #file(folder = this.logDir): EventFile {
    if (folder !== this.logDir) this.#file()
    let file = this.#files.get(folder)
    if (file) return file
    file = new EventFile(folder, this.#options)
    this.#files.set(folder, file)
    if (this.#purgeStep !== undefined) {
      const step = toStep('SummaryWriter', 'purgeStep', this.#purgeStep)
      file.add({ wallTime: now(), step, fileVersion: 'brain.Event:2' })
      file.add({ wallTime: now(), step, sessionStart: true })
      this.#purgeStep = undefined
    }
    return file
  }
}

const now = () => Date.now() / 1000

function toStep(what: string, name: string, value: unknown): bigint {
  const isNumber = typeof value === 'number' && Number.isFinite(value)
  const step = typeof value === 'bigint' ? value : isNumber ? BigInt(Math.trunc(value)) : undefined
  if (step === undefined || BigInt.asIntN(64, step) !== step) {
    throw new ArgumentError(`${what}: ${name} should be a whole number, but is ${String(value)}`)
  }
  return step
}

function checkText(what: string, name: string, value: unknown): void {
  if (typeof value !== 'string') throw new ArgumentError(`${what}: ${name} should be text, but is ${String(value)}`)
}

function checkAtLeastZero(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new ArgumentError(`SummaryWriter: ${name} should be a number ≥ 0, but is ${String(value)}`)
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `May04_22-14-54` */
function timeText(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join('-')
  return `${months[date.getMonth()]}${two(date.getDate())}_${time}`
}
