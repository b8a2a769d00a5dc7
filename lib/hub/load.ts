import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { barReporter } from '../download/bar.js'
import { download } from '../download/download.js'
import { silent } from '../download/report.js'
import { ArgumentError, nearest } from '../errors.js'
import { load } from '../serialize/load.js'
import type { MapLocation } from '../serialize/location.js'
import { checkpointsDir, expandUser } from './dir.js'

/** Options of {@link downloadUrlToFile}. */
export interface DownloadUrlOptions {
  /** how the sha256 of the file begins, in hexadecimal (default: it is not checked) */
  hashPrefix?: string | null
  /** a bar on a terminal, plain lines elsewhere, on standard error (default `true`) */
  progress?: boolean
}
const downloadNames = ['hashPrefix', 'progress']

/** Options of {@link loadStateDictFromUrl}. */
export interface LoadStateDictFromUrlOptions {
  /** the folder for the file (default: `checkpoints` in the folder of {@link getDir}) */
  modelDir?: string | null
  /** where the storages go, as in {@link load} */
  mapLocation?: MapLocation | null
  /** a bar on a terminal, plain lines elsewhere, on standard error (default `true`) */
  progress?: boolean
  /** whether the sha256 of a download must begin as the name says: `name-<hexadecimal>.pth` (default `false`) */
  checkHash?: boolean
  /** the file's name (default: the last part of the URL) */
  fileName?: string | null
  /** there for Python's sake: nothing in a file is ever executed here, with true or false */
  weightsOnly?: boolean
}
const loadNames = ['modelDir', 'mapLocation', 'progress', 'checkHash', 'fileName', 'weightsOnly']

function check(what: string, options: object, names: string[]): void {
  for (const key of Object.keys(options)) {
    if (names.includes(key)) continue
    const near = nearest(key, names)
    throw new ArgumentError(`${what}: unknown option '${key}'${near ? `; did you mean '${near}'?` : ''}`)
  }
}

/**
 * Downloads a file. It appears under its name when it is complete and checked; a connection that breaks is taken up where it
 * broke. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are respected.
 * @param url - `http:` or `https:`
 * @param dst - the path of the file; a leading `~` is the home folder
 * @throws {@link DownloadError} where the server has no such file, cannot be reached, or gives another one than the hash says;
 * nothing is left behind then
 */
export async function downloadUrlToFile(url: string, dst: string, options: DownloadUrlOptions = {}): Promise<void> {
  const what = 'hub.downloadUrlToFile()'
  check(what, options, downloadNames)
  const { protocol } = parse(what, url)
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new ArgumentError(`${what}: cannot download ${protocol} URLs`)
  const { hashPrefix, progress = true } = options
  const file = resolve(expandUser(dst))
  const bar = progress ? barReporter() : undefined
  bar?.step(`Downloading: "${url}" to ${dst}`)
  try {
    await download(url, file, {
      // another process may download the same file: each has a part of its own
      part: `${file}.${randomUUID().replaceAll('-', '')}.partial`,
      report: bar ?? silent,
      ...(typeof hashPrefix === 'string' && { hashPrefix: hashPrefix.toLowerCase() }),
    })
  } finally {
    bar?.end()
  }
}

/**
 * Loads what `torch.save` wrote from a URL. The file is kept, and loaded without the network from then on.
 * @returns what {@link load} gives: for a state dict an object of names and tensors
 * @throws {@link DownloadError} as {@link downloadUrlToFile}; {@link CheckpointError} as {@link load}
 * @example
 * const url = 'https://download.pytorch.org/models/resnet18-f37072fd.pth'
 * const stateDict = await torch.hub.loadStateDictFromUrl(url, { checkHash: true })
 */
export async function loadStateDictFromUrl(url: string, options: LoadStateDictFromUrlOptions = {}): Promise<any> {
  const file = await cachedFile(url, options)
  const { mapLocation } = options
  return load(file, mapLocation === undefined || mapLocation === null ? {} : { mapLocation })
}

/** The path of the file of a URL, which is downloaded where it is not there yet. @internal */
export async function cachedFile(url: string, options: LoadStateDictFromUrlOptions = {}): Promise<string> {
  const what = 'hub.loadStateDictFromUrl()'
  check(what, options, loadNames)
  const { progress = true, checkHash = false } = options
  const name = options.fileName ?? basename(parse(what, url).pathname)
  const file = cachePath(name, options.modelDir)
  if (existsSync(file)) return file
  // the rule of names of torch/hub.py: the first run of hexadecimal digits between `-` and `.`
  const hashPrefix = checkHash ? /-([a-f0-9]*)\./.exec(name)?.[1] : undefined
  await downloadUrlToFile(url, file, { progress, ...(hashPrefix !== undefined && { hashPrefix }) })
  return file
}

/** Where a file of that name is kept. @internal */
export function cachePath(name: string, modelDir?: string | null): string {
  return join(checkpointsDir(modelDir), name)
}

function parse(what: string, url: string): URL {
  try {
    return new URL(url)
  } catch (cause) {
    throw new ArgumentError(`${what}: '${url}' is not a URL`, { cause })
  }
}
